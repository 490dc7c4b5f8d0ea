//! Which key speaks for a party, as far as an event knew.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::event::{EventId, Identity};
use super::{Charter, Place};

/// A change of identity that some party has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RotationRow {
    pub(super) id: EventId,
    pub(super) author: String,
    pub(super) line: usize,
    pub(super) nth: u32,
    pub(super) party: String,
    pub(super) replaces: Identity,
    pub(super) identity: Option<Identity>,
}

impl RotationRow {
    /// Whether whoever knows this past knows of it.
    pub(super) fn is_known_to(&self, past: &[u32]) -> bool {
        past.get(self.line).is_some_and(|seen| *seen >= self.nth)
    }
}

/// The key of a party for whoever knows this past: none if the party has none.
///
/// It begins with the key of the policy.  A rotation that replaces it counts when the party's own
/// key has signed it, or when those who ask for the very same satisfy the quorum of root, which
/// goes before: a thief who holds the old key cannot keep it.  A key that was replaced never comes
/// back.
pub(super) fn identity_of(
    charter: &Charter,
    rotations: &[RotationRow],
    past: &[u32],
    party: &str,
) -> Option<Identity> {
    let known: Vec<&RotationRow> = rotations
        .iter()
        .filter(|row| row.party == party && row.is_known_to(past))
        .collect();
    let policy = charter.policy();
    let mut key = Identity::from(*policy.party(party)?.identity()?);
    let mut replaced = vec![key];
    loop {
        let next = || known.iter().filter(|row| row.replaces == key);
        let by_root = next().filter(|row| {
            let same: BTreeSet<&str> = next()
                .filter(|other| other.identity == row.identity)
                .map(|other| other.author.as_str())
                .collect();
            let root = policy.root().quorum();
            root.is_met_by(&|party| same.contains(party.name()))
        });
        // Where two different ones satisfy it, everybody takes the same one.
        let by_root = by_root.min_by_key(|row| row.id);
        // Two of its own for one key are a fork; everybody takes the same one then.
        let own = next().filter(|row| row.author == party);
        let chosen = by_root.or_else(|| own.min_by_key(|row| row.id));
        match chosen {
            None => return Some(key),
            Some(row) => {
                key = row.identity?;
                if replaced.contains(&key) {
                    return None;
                }
                replaced.push(key);
            }
        }
    }
}

/// Where what an event names has been seen: for each line, how many of its events.
pub(super) fn merged_past(parents: &[Place]) -> Vec<u32> {
    let mut past: Vec<u32> = Vec::new();
    for parent in parents {
        if past.len() < parent.past.len() {
            past.resize(parent.past.len(), 0);
        }
        for (seen, more) in past.iter_mut().zip(&parent.past) {
            *seen = (*seen).max(*more);
        }
    }
    past
}
