//! Whether a transaction or a package may replace what it conflicts with.
//!
//! Written after `ReplacementChecks` and `PackageRBFChecks` in Bitcoin Core 31
//! (`src/validation.cpp`, `src/policy/rbf.cpp`): full replace-by-fee, which asks for no signal.

use std::collections::BTreeSet;

use bitcoin::Txid;

use super::accept::{Gate, Refused};
use super::candidate::{Candidate, Change};
use super::feerate::{Fraction, chunks, fee_at, improves_diagram};
use super::mempool::Mempool;
use crate::chain::Refusal;

/// Bitcoin Core counts the clusters that are touched; here transactions are counted, of which there
/// are at least as many.
const MAX_REPLACED: usize = 100;
const MAX_CLUSTER_COUNT: usize = 64;
const MAX_CLUSTER_WEIGHT: u64 = 4 * 101_000;

impl Gate<'_> {
    /// What a replacement evicts, if it pays enough for that.
    pub(super) fn check_replacement(
        self,
        pool: &Mempool,
        candidate: &Candidate,
    ) -> Result<BTreeSet<Txid>, Refused> {
        let words = |alone, with_sibling| {
            Refusal::relay(if candidate.evicts_sibling {
                with_sibling
            } else {
                alone
            })
        };
        if candidate.conflicts.len() > MAX_REPLACED {
            return Err(words(
                "too many potential replacements",
                "too many potential replacements (including sibling eviction)",
            )
            .into());
        }
        let removed = pool.with_descendants(candidate.conflicts.iter().copied());
        if !self.pays_for_replacement(Fraction::of(pool, &removed), candidate.fraction()) {
            return Err(Refused::for_now(words(
                "insufficient fee",
                "insufficient fee (including sibling eviction)",
            )));
        }
        let change = Change::new(removed.clone(), &[candidate]);
        check_clusters(pool, &change)?;
        if !improves_mempool(pool, &change) {
            return Err(Refused::for_now(Refusal::relay("replacement-failed")));
        }
        Ok(removed)
    }

    /// What a package evicts, if it pays enough for that.
    pub(super) fn check_package_replacement(
        self,
        pool: &Mempool,
        parent: &Candidate,
        child: &Candidate,
    ) -> Result<BTreeSet<Txid>, Refused> {
        if !parent.parents.is_empty() || !child.parents.is_empty() {
            let class = "package RBF failed: new transaction cannot have mempool ancestors";
            return Err(Refusal::relay(class).into());
        }
        let conflicts: BTreeSet<_> = parent.conflicts.union(&child.conflicts).copied().collect();
        if conflicts.len() > MAX_REPLACED {
            let class = "package RBF failed: too many potential replacements";
            return Err(Refusal::relay(class).into());
        }
        let removed = pool.with_descendants(conflicts);
        let together = parent.fraction().plus(child.fraction());
        if !self.pays_for_replacement(Fraction::of(pool, &removed), together) {
            let class = "package RBF failed: insufficient anti-DoS fees";
            return Err(Refusal::relay(class).into());
        }
        if together.cmp_rate_by_vsize(parent.fraction()).is_le() {
            let class =
                "package RBF failed: package feerate is less than or equal to parent feerate";
            return Err(Refusal::relay(class).into());
        }
        let change = Change::new(removed.clone(), &[parent, child]);
        check_clusters(pool, &change)?;
        if !improves_mempool(pool, &change) {
            let class =
                "package RBF failed: insufficient feerate: does not improve feerate diagram";
            return Err(Refusal::relay(class).into());
        }
        Ok(removed)
    }

    /// The third and fourth rule of BIP-125.
    fn pays_for_replacement(self, old: Fraction, new: Fraction) -> bool {
        (new.fee.checked_sub(old.fee))
            .is_some_and(|more| more >= fee_at(self.policy.incremental, new.vsize))
    }
}

/// Whether the clusters that a change leaves behind are small enough.
pub fn check_clusters(pool: &Mempool, change: &Change) -> Result<(), Refusal> {
    if let [(_, entry)] = change.added.as_slice()
        && pool.parents(&entry.transaction).is_empty()
    {
        // A cluster of one is no larger than a transaction may be.
        return Ok(());
    }
    let mut after = pool.clone();
    let added: Vec<_> = change.added.iter().map(|(txid, _)| *txid).collect();
    change.clone().apply(&mut after);
    let cluster = after.cluster(added);
    let total = Fraction::of(&after, &cluster);
    if cluster.len() > MAX_CLUSTER_COUNT || total.weight > MAX_CLUSTER_WEIGHT {
        return Err(Refusal::relay("too-large-cluster"));
    }
    Ok(())
}

/// Whether a change makes the clusters that it touches worth more to miners.
fn improves_mempool(pool: &Mempool, change: &Change) -> bool {
    let mut after = pool.clone();
    change.clone().apply(&mut after);
    let parents = change
        .added
        .iter()
        .flat_map(|(_, entry)| pool.parents(&entry.transaction));
    let old = pool.cluster(change.removed.iter().copied().chain(parents));
    let added = change.added.iter().map(|(txid, _)| *txid);
    let kept = old.iter().filter(|txid| !change.removed.contains(*txid));
    let new = after.cluster(kept.copied().chain(added));
    improves_diagram(&chunks(pool, &old), &chunks(&after, &new))
}
