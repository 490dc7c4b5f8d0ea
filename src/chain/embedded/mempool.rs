//! Unconfirmed transactions and how they depend on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Amount, OutPoint, Transaction, Txid, Wtxid};

/// A transaction in the mempool.
#[derive(Clone, Debug)]
pub struct Entry {
    pub transaction: Arc<Transaction>,
    pub wtxid: Wtxid,
    pub fee: Amount,
    /// Virtual size in vbytes, adjusted for signature operations.
    pub vsize: u64,
    /// In weight units, adjusted for signature operations.
    pub weight: u64,
    /// Cost of its signature operations.
    pub sigop_cost: usize,
}

/// The mempool: a graph whose edges are outputs.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    entries: BTreeMap<Txid, Entry>,
    spenders: BTreeMap<OutPoint, Txid>,
    /// Ids in the order of arrival, in which parents come before children.
    order: BTreeMap<u64, Txid>,
    arrivals: BTreeMap<Txid, u64>,
    next_arrival: u64,
}

impl Mempool {
    pub fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.entries.get(txid)
    }

    pub fn contains(&self, txid: &Txid) -> bool {
        self.entries.contains_key(txid)
    }

    pub fn contains_wtxid(&self, txid: &Txid, wtxid: &Wtxid) -> bool {
        self.get(txid).is_some_and(|entry| entry.wtxid == *wtxid)
    }

    /// All entries, parents before children.
    pub fn in_order(&self) -> impl Iterator<Item = (Txid, &Entry)> {
        (self.order.values()).filter_map(|txid| Some((*txid, self.get(txid)?)))
    }

    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spenders.get(outpoint).copied()
    }

    pub fn insert(&mut self, txid: Txid, entry: Entry) {
        let spent = entry.transaction.input.iter();
        let spent = spent.map(|input| (input.previous_output, txid));
        self.spenders.extend(spent);
        self.entries.insert(txid, entry);
        self.order.insert(self.next_arrival, txid);
        self.arrivals.insert(txid, self.next_arrival);
        self.next_arrival += 1;
    }

    /// Removes one transaction and leaves its children where they are.
    pub fn remove(&mut self, txid: &Txid) {
        let Some(entry) = self.entries.remove(txid) else {
            return;
        };
        for input in &entry.transaction.input {
            self.spenders.remove(&input.previous_output);
        }
        if let Some(arrival) = self.arrivals.remove(txid) {
            self.order.remove(&arrival);
        }
    }

    /// The unconfirmed transactions that this one spends directly.
    pub fn parents(&self, transaction: &Transaction) -> BTreeSet<Txid> {
        (transaction.input.iter())
            .map(|input| input.previous_output.txid)
            .filter(|txid| self.contains(txid))
            .collect()
    }

    /// The unconfirmed transactions that spend this one directly.
    pub fn children(&self, txid: &Txid) -> BTreeSet<Txid> {
        let first = OutPoint::new(*txid, 0);
        let last = OutPoint::new(*txid, u32::MAX);
        self.spenders
            .range(first..=last)
            .map(|(_, child)| *child)
            .collect()
    }

    /// These transactions and everything unconfirmed that they depend on.
    pub fn with_ancestors(&self, start: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        closure(start, |txid| {
            self.get(txid)
                .map_or_else(BTreeSet::new, |entry| self.parents(&entry.transaction))
        })
    }

    /// These transactions and everything that depends on them.
    pub fn with_descendants(&self, start: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        closure(start, |txid| self.children(txid))
    }

    /// These transactions and everything connected with them in either direction.
    pub fn cluster(&self, start: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        closure(start, |txid| {
            let mut near = self.children(txid);
            if let Some(entry) = self.get(txid) {
                near.extend(self.parents(&entry.transaction));
            }
            near
        })
    }

    /// The same set with parents before children.
    pub fn sorted(&self, txids: &BTreeSet<Txid>) -> Vec<Txid> {
        let mut sorted: Vec<_> = txids.iter().copied().collect();
        sorted.sort_by_key(|txid| self.arrivals.get(txid));
        sorted
    }
}

/// Everything that can be reached by these steps, the start included.
fn closure(
    start: impl IntoIterator<Item = Txid>,
    step: impl Fn(&Txid) -> BTreeSet<Txid>,
) -> BTreeSet<Txid> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<Txid> = start.into_iter().collect();
    while let Some(txid) = ahead.pop() {
        if reached.insert(txid) {
            ahead.extend(step(&txid));
        }
    }
    reached
}
