//! Whether the mempool takes a transaction.
//!
//! Written after `MemPoolAccept` in Bitcoin Core 31 (`src/validation.cpp`), with its order of
//! checks and its reject reasons.  What is simplified: the mempool never runs full by itself (its
//! minimum feerate is set from outside), packages are one parent and one child, and larger clusters
//! are put in order as [`feerate`](super::feerate) says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Amount, OutPoint, Transaction, Txid};

use super::branch::{Branch, Coin};
use super::candidate::{Candidate, Change, RelayPolicy};
use super::feerate::Fraction;
use super::judge::{
    CoinView, MAX_BLOCK_SIGOPS_COST, Place, check_inputs, check_transaction, created_coins,
    is_final, is_sequence_final,
};
use super::mempool::Mempool;
use super::package::check_package_form;
use super::replace::check_clusters;
use super::script::ScriptJudge;
use super::standard::{check_form, check_spends, dust_outputs};
use super::truc;
use crate::chain::Refusal;

/// A fifth of what a block may hold.
const MAX_STANDARD_TX_SIGOPS_COST: usize = MAX_BLOCK_SIGOPS_COST / 5;

/// A signature operation counts as so many weight units, if that is more than the weight.
const WEIGHT_PER_SIGOP: u64 = 20;

/// A refusal, and whether the company of another transaction could change it.
#[derive(Clone, Debug)]
pub struct Refused {
    pub refusal: Refusal,
    reconsiderable: bool,
}

impl Refused {
    /// A refusal that a child with a higher fee, or the missing parent, could turn.
    pub const fn for_now(refusal: Refusal) -> Self {
        Self {
            refusal,
            reconsiderable: true,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            reconsiderable: false,
        }
    }
}

/// How a transaction comes to the mempool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By itself.
    Alone,
    /// As parent or child in a package that is judged by its common feerate.
    Packaged,
    /// Back from a block that was disconnected: limits on fees and topology do not apply.
    FromBlock,
}

/// The door of the mempool.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    pub branch: &'a Branch,
    pub policy: &'a RelayPolicy,
    pub scripts: &'a ScriptJudge,
}

impl Gate<'_> {
    /// Judges a transaction that comes by itself or from a block.
    pub fn judge(
        self,
        pool: &Mempool,
        transaction: &Transaction,
        arrival: Arrival,
    ) -> Result<Change, Refused> {
        let candidate = self.check_before_scripts(pool, transaction, arrival, None)?;
        let removed = if candidate.conflicts.is_empty() {
            BTreeSet::new()
        } else {
            self.check_replacement(pool, &candidate)?
        };
        let change = Change::new(removed, &[&candidate]);
        check_clusters(pool, &change)?;
        let ancestors = pool.with_ancestors(candidate.parents.iter().copied());
        if !ancestors.is_disjoint(&candidate.conflicts) {
            return Err(Refusal::consensus("bad-txns-spends-conflicting-tx").into());
        }
        if arrival != Arrival::FromBlock {
            check_ephemeral_spends(pool, &candidate, None)?;
        }
        self.check_scripts(&candidate)?;
        Ok(change)
    }

    /// Takes a parent and its child, each by itself if it is good enough, else together.
    ///
    /// On a refusal the parent can still have been taken.
    pub fn take_package(
        self,
        pool: &mut Mempool,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<(), Refusal> {
        check_package_form(parent, child)?;
        let mut waiting = Vec::new();
        let mut hopeless = None;
        for transaction in [parent, child] {
            // With another witness it is the same transaction to those that spend it.
            if pool.contains(&transaction.compute_txid()) {
                continue;
            }
            match self.judge(pool, transaction, Arrival::Alone) {
                Ok(change) => change.apply(pool),
                Err(refused) if refused.reconsiderable => waiting.push((transaction, refused)),
                Err(refused) => hopeless = hopeless.or(Some(refused.refusal)),
            }
        }
        if let Some(refusal) = hopeless {
            return Err(refusal);
        }
        match waiting.as_slice() {
            [] => Ok(()),
            [(_, refused)] => Err(refused.refusal.clone()),
            _ => {
                self.judge_pair(pool, parent, child)
                    .map_err(|refused| refused.refusal)?
                    .apply(pool);
                Ok(())
            }
        }
    }

    fn judge_pair(
        self,
        pool: &Mempool,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Change, Refused> {
        let parent = self.check_before_scripts(pool, parent, Arrival::Packaged, None)?;
        let child = self.check_before_scripts(pool, child, Arrival::Packaged, Some(&parent))?;
        truc::check_pair(&parent, &child).map_err(|_| Refusal::relay("TRUC-violation"))?;
        let together = parent.fraction().plus(child.fraction());
        self.check_feerate(together)?;
        let removed = if parent.conflicts.is_empty() && child.conflicts.is_empty() {
            BTreeSet::new()
        } else {
            self.check_package_replacement(pool, &parent, &child)?
        };
        let change = Change::new(removed, &[&parent, &child]);
        check_clusters(pool, &change)?;
        check_ephemeral_spends(pool, &parent, None)?;
        check_ephemeral_spends(pool, &child, Some(&parent))?;
        self.check_scripts(&parent)?;
        self.check_scripts(&child)?;
        Ok(change)
    }

    fn check_before_scripts(
        self,
        pool: &Mempool,
        transaction: &Transaction,
        arrival: Arrival,
        package_parent: Option<&Candidate>,
    ) -> Result<Candidate, Refused> {
        check_transaction(transaction)?;
        if transaction.is_coinbase() {
            return Err(Refusal::consensus("coinbase").into());
        }
        check_form(transaction)?;
        let place = Place::from(self.branch.next_birth());
        if !is_final(transaction, place) {
            return Err(Refusal::consensus("non-final").into());
        }
        let txid = transaction.compute_txid();
        if pool.contains_wtxid(&txid, &transaction.compute_wtxid()) {
            return Err(Refusal::relay("txn-already-in-mempool").into());
        }
        if pool.contains(&txid) {
            return Err(Refusal::relay("txn-same-nonwitness-data-in-mempool").into());
        }
        let spent = transaction.input.iter().map(|input| &input.previous_output);
        let conflicts = spent
            .filter_map(|outpoint| pool.spender(outpoint))
            .collect();
        let view = self.find_coins(pool, transaction, txid, package_parent)?;
        if !is_sequence_final(transaction, &view, place) {
            return Err(Refusal::consensus("non-BIP68-final").into());
        }
        let spending = check_inputs(transaction, &view, place)?;
        check_spends(transaction, &spending.outputs)?;
        if spending.fee > Amount::ZERO && dust_outputs(transaction).next().is_some() {
            return Err(Refusal::relay("dust").into());
        }
        if spending.sigop_cost > MAX_STANDARD_TX_SIGOPS_COST {
            return Err(Refusal::relay("bad-txns-too-many-sigops").into());
        }
        let weight = adjusted_weight(transaction, spending.sigop_cost);
        let mut candidate = Candidate {
            transaction: Arc::new(transaction.clone()),
            txid,
            fee: spending.fee,
            vsize: weight.div_ceil(4),
            weight,
            parents: pool.parents(transaction),
            conflicts,
            evicts_sibling: false,
            sigop_cost: spending.sigop_cost,
            spent: spending.outputs,
        };
        if arrival == Arrival::Alone {
            self.check_feerate(candidate.fraction())?;
        }
        if arrival != Arrival::FromBlock
            && let Err(violation) = truc::check_alone(pool, &candidate)
        {
            let sibling = (violation.sibling)
                .filter(|_| arrival == Arrival::Alone)
                .ok_or(Refusal::relay("TRUC-violation"))?;
            candidate.conflicts.insert(sibling);
            candidate.evicts_sibling = true;
        }
        Ok(candidate)
    }

    /// The coins that a transaction spends, confirmed or not.
    fn find_coins(
        self,
        pool: &Mempool,
        transaction: &Transaction,
        txid: Txid,
        package_parent: Option<&Candidate>,
    ) -> Result<FoundCoins, Refused> {
        let mut found = FoundCoins::default();
        for input in &transaction.input {
            let outpoint = input.previous_output;
            let unconfirmed = package_parent
                .filter(|parent| parent.txid == outpoint.txid)
                .map(|parent| &parent.transaction)
                .or_else(|| pool.get(&outpoint.txid).map(|entry| &entry.transaction));
            // An unconfirmed coin counts as confirmed by the next block.
            let birth = self.branch.next_birth();
            let coin = match unconfirmed {
                Some(parent) => created_coins(parent, outpoint.txid, birth, false)
                    .find(|(created, _)| *created == outpoint)
                    .map(|(_, coin)| coin),
                None => self.branch.coin(&outpoint).cloned(),
            };
            let Some(coin) = coin else {
                let own_outputs = (0u32..).zip(&transaction.output);
                let is_known = own_outputs
                    .map(|(vout, _)| OutPoint { txid, vout })
                    .any(|own| self.branch.coin(&own).is_some());
                if is_known {
                    return Err(Refusal::consensus("txn-already-known").into());
                }
                let refusal = Refusal::consensus("bad-txns-inputs-missingorspent");
                return Err(Refused::for_now(refusal));
            };
            found.coins.insert(outpoint, coin);
        }
        Ok(found)
    }

    fn check_feerate(self, fraction: Fraction) -> Result<(), Refused> {
        for (rate, class) in [
            (self.policy.mempool_min, "mempool min fee not met"),
            (self.policy.min_relay, "min relay fee not met"),
        ] {
            if !fraction.meets(rate) {
                return Err(Refused::for_now(Refusal::relay(class)));
            }
        }
        Ok(())
    }

    fn check_scripts(self, candidate: &Candidate) -> Result<(), Refusal> {
        self.scripts
            .verify(&candidate.transaction, &candidate.spent)
            .map_err(|_| Refusal::consensus("mempool-script-verify-flag-failed"))
    }
}

/// The coins of one transaction.
#[derive(Default)]
struct FoundCoins {
    coins: BTreeMap<OutPoint, Coin>,
}

impl CoinView for FoundCoins {
    fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.coins.get(outpoint)
    }
}

/// Weight, adjusted for signature operations.
fn adjusted_weight(transaction: &Transaction, sigop_cost: usize) -> u64 {
    let sigops = u64::try_from(sigop_cost).unwrap_or(u64::MAX);
    let weight = transaction.weight().to_wu();
    weight.max(sigops.saturating_mul(WEIGHT_PER_SIGOP))
}

/// Who spends a transaction with dust must spend the dust: it may not stay behind.
fn check_ephemeral_spends(
    pool: &Mempool,
    candidate: &Candidate,
    package_parent: Option<&Candidate>,
) -> Result<(), Refusal> {
    let spent: BTreeSet<_> = (candidate.transaction.input.iter())
        .map(|input| input.previous_output)
        .collect();
    let in_pool = candidate.parents.iter().filter_map(|txid| {
        let entry = pool.get(txid)?;
        Some((*txid, &entry.transaction))
    });
    let in_package = package_parent.map(|parent| (parent.txid, &parent.transaction));
    for (txid, parent) in in_pool.chain(in_package) {
        let mut dust = dust_outputs(parent).map(|vout| OutPoint { txid, vout });
        if !dust.all(|outpoint| spent.contains(&outpoint)) {
            return Err(Refusal::relay("missing-ephemeral-spends"));
        }
    }
    Ok(())
}
