//! Topologically restricted transactions: version 3 (BIP-431).
//!
//! Written after `SingleTRUCChecks` and `PackageTRUCChecks` in Bitcoin Core 31
//! (`src/policy/truc_policy.cpp`).  An unconfirmed version-3 transaction has at most one
//! unconfirmed parent and one unconfirmed child, which is small, and both are version 3.

use std::collections::BTreeSet;

use bitcoin::{Transaction, Txid};

use super::candidate::Candidate;
use super::mempool::Mempool;

const TRUC_VERSION: i32 = 3;

/// The vbytes that a version-3 transaction may have.
pub const TRUC_MAX_VSIZE: u64 = 10_000;

/// The vbytes that a version-3 transaction with an unconfirmed parent may have.
pub const TRUC_CHILD_MAX_VSIZE: u64 = 1_000;

/// The transactions that a version-3 parent and its child are.
const TRUC_LIMIT: usize = 2;

/// A rule for version 3 is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The other child whose eviction would repair it.
    pub sibling: Option<Txid>,
}

impl Violation {
    const FINAL: Self = Self { sibling: None };
}

/// Checks a transaction against those in the mempool.
///
/// # Errors
///
/// If it breaks a rule.
pub fn check_alone(pool: &Mempool, candidate: &Candidate) -> Result<(), Violation> {
    let Candidate { parents, .. } = candidate;
    let is_truc = is_truc(&candidate.transaction);
    let parent_entries = parents.iter().filter_map(|txid| pool.get(txid));
    for parent in parent_entries {
        if is_truc != self::is_truc(&parent.transaction) {
            return Err(Violation::FINAL);
        }
    }
    if !is_truc {
        return Ok(());
    }
    if candidate.vsize > TRUC_MAX_VSIZE || parents.len() >= TRUC_LIMIT {
        return Err(Violation::FINAL);
    }
    let Some(parent) = parents.first() else {
        return Ok(());
    };
    if pool.with_ancestors([*parent]).len() >= TRUC_LIMIT || candidate.vsize > TRUC_CHILD_MAX_VSIZE
    {
        return Err(Violation::FINAL);
    }
    let mut siblings = pool.with_descendants([*parent]);
    siblings.remove(parent);
    if siblings.is_empty() || !siblings.is_disjoint(&candidate.conflicts) {
        return Ok(());
    }
    Err(Violation {
        sibling: evictable(pool, &siblings),
    })
}

/// The one other child, if there is just one and it has no other parent.
fn evictable(pool: &Mempool, siblings: &BTreeSet<Txid>) -> Option<Txid> {
    let sibling = siblings.first()?;
    let is_simple = siblings.len() == 1 && pool.with_ancestors([*sibling]).len() == TRUC_LIMIT;
    is_simple.then_some(*sibling)
}

/// Checks a parent and a child that come together, after [`check_alone`] passed both.
///
/// # Errors
///
/// If they break a rule.
pub fn check_pair(parent: &Candidate, child: &Candidate) -> Result<(), Violation> {
    if is_truc(&parent.transaction) != is_truc(&child.transaction) {
        return Err(Violation::FINAL);
    }
    if !is_truc(&parent.transaction) {
        return Ok(());
    }
    let has_third = !parent.parents.is_empty() || !child.parents.is_empty();
    if has_third || child.vsize > TRUC_CHILD_MAX_VSIZE {
        return Err(Violation::FINAL);
    }
    Ok(())
}

const fn is_truc(transaction: &Transaction) -> bool {
    transaction.version.0 == TRUC_VERSION
}
