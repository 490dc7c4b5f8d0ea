//! A transaction on its way into the mempool, and the change that takes it in.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::{Amount, FeeRate, Transaction, TxOut, Txid};

use super::feerate::Fraction;
use super::mempool::{Entry, Mempool};

/// The feerates that decide what nodes pass on.  The default is that of Bitcoin Core 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayPolicy {
    /// The least feerate of all times: 0.1 satoshi per vbyte.
    pub min_relay: FeeRate,
    /// The least feerate that a full mempool takes now: zero while it has room.
    pub mempool_min: FeeRate,
    /// What a replacement pays more than what it replaces, for its own size: 0.1 satoshi per
    /// vbyte.
    pub incremental: FeeRate,
}

impl Default for RelayPolicy {
    fn default() -> Self {
        const TENTH_SAT_PER_VBYTE: FeeRate = FeeRate::from_sat_per_kwu(25);
        Self {
            min_relay: TENTH_SAT_PER_VBYTE,
            mempool_min: FeeRate::ZERO,
            incremental: TENTH_SAT_PER_VBYTE,
        }
    }
}

/// A transaction on its way into the mempool.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub transaction: Arc<Transaction>,
    pub txid: Txid,
    pub fee: Amount,
    pub vsize: u64,
    /// In weight units, adjusted for signature operations.
    pub weight: u64,
    /// The unconfirmed transactions that it spends.
    pub parents: BTreeSet<Txid>,
    /// The unconfirmed transactions that it would replace directly.
    pub conflicts: BTreeSet<Txid>,
    /// Whether one of those is its sibling, which it evicts without a common coin.
    pub evicts_sibling: bool,
    /// Cost of its signature operations.
    pub sigop_cost: usize,
    /// The outputs that it spends, in the order of its inputs.
    pub spent: Vec<TxOut>,
}

impl Candidate {
    pub const fn fraction(&self) -> Fraction {
        Fraction {
            fee: self.fee,
            vsize: self.vsize,
            weight: self.weight,
        }
    }

    fn entry(&self) -> Entry {
        Entry {
            transaction: Arc::clone(&self.transaction),
            wtxid: self.transaction.compute_wtxid(),
            fee: self.fee,
            vsize: self.vsize,
            weight: self.weight,
            sigop_cost: self.sigop_cost,
        }
    }
}

/// The change to the mempool that takes transactions in.
#[derive(Clone, Debug)]
pub struct Change {
    pub removed: BTreeSet<Txid>,
    pub added: Vec<(Txid, Entry)>,
}

impl Change {
    pub fn new(removed: BTreeSet<Txid>, added: &[&Candidate]) -> Self {
        let added = added
            .iter()
            .map(|candidate| (candidate.txid, candidate.entry()));
        Self {
            removed,
            added: added.collect(),
        }
    }

    pub fn apply(self, pool: &mut Mempool) {
        for txid in &self.removed {
            pool.remove(txid);
        }
        for (txid, entry) in self.added {
            pool.insert(txid, entry);
        }
    }
}
