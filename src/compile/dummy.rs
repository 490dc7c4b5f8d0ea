//! Weights of witnesses by trying: miniscript builds them with signatures of full size.
//!
//! This is for descriptors from elsewhere, of which no form is known.  For our own the weights are
//! computed from the form in which they are written, and a test compares them with real ones.

use bitcoin::secp256k1::{All, Secp256k1, ecdsa, schnorr};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{EcdsaSighashType, PublicKey, TapSighashType, Witness, absolute, relative};
use miniscript::Satisfier;

use super::cost::WitnessWeight;
use super::derive::{Derived, DerivedLeaf, Keychain};
use super::script::Condition;
use super::stage::StageDescriptor;
use crate::units::{AbsoluteLock, RelativeLock};

/// The most sets of signers that are tried for one leaf; beyond that, miniscript's own bound holds.
const MAX_SETS: usize = 1_000;

/// The weights of all leaves.
pub(super) fn weights(
    stage: &StageDescriptor,
    secp: &Secp256k1<All>,
) -> Option<Vec<WitnessWeight>> {
    let derived = stage.derive(Keychain::Receive, 0, secp).ok()?;
    let leaves = derived.leaves().iter();
    leaves.map(|leaf| of_leaf(&derived, leaf)).collect()
}

fn of_leaf(derived: &Derived, leaf: &DerivedLeaf) -> Option<WitnessWeight> {
    if leaf.leaf.is_key_path() {
        return Some(WitnessWeight::KEY_PATH);
    }
    let Some(sets) = smallest_sets(&Condition::of(&leaf.leaf)) else {
        let most = derived.concrete().max_weight_to_satisfy().ok()?.to_wu();
        return Some(WitnessWeight {
            most,
            least: 1,
            expected: most as f64,
        });
    };
    let mut weights = Vec::new();
    for set in &sets {
        let signers = Signers {
            leaf,
            keys: set
                .iter()
                .filter_map(|seat| leaf.keys.get(*seat))
                .map(|used| used.public_key)
                .collect(),
        };
        let (stack, _) = derived.concrete().get_satisfaction(signers).ok()?;
        weights.push(Witness::from_slice(&stack).size() as u64);
    }
    let sum: u64 = weights.iter().sum();
    Some(WitnessWeight {
        most: weights.iter().max().copied()?,
        // Nothing is signed in advance for a descriptor from elsewhere.
        least: 1,
        expected: sum as f64 / weights.len() as f64,
    })
}

/// The smallest sets of seats that meet a condition, unless they are too many.
fn smallest_sets(condition: &Condition) -> Option<Vec<Vec<usize>>> {
    match condition {
        Condition::Seat(seat) => Some(vec![vec![*seat]]),
        Condition::Threshold(threshold, members) => {
            let mut ways: Vec<Vec<Vec<usize>>> = vec![Vec::new(); threshold + 1];
            ways.first_mut()?.push(Vec::new());
            for member in members {
                let own = smallest_sets(member)?;
                for met in (1..=*threshold).rev() {
                    let before = ways.get(met - 1)?;
                    if before.len() * own.len() > MAX_SETS {
                        return None;
                    }
                    let more: Vec<Vec<usize>> = before
                        .iter()
                        .flat_map(|before| own.iter().map(|own| [before.as_slice(), own].concat()))
                        .collect();
                    let way = ways.get_mut(met)?;
                    way.extend(more);
                    if way.len() > MAX_SETS {
                        return None;
                    }
                }
            }
            ways.pop()
        }
    }
}

/// Whoever signs, with the locks of the leaf open.
struct Signers<'a> {
    leaf: &'a DerivedLeaf,
    keys: Vec<PublicKey>,
}

fn schnorr() -> bitcoin::taproot::Signature {
    bitcoin::taproot::Signature {
        signature: schnorr::Signature::from_slice(&[1; 64]).expect("any 64 bytes are read"),
        sighash_type: TapSighashType::Default,
    }
}

/// A signature of the longest form that nodes relay: 71 bytes, and one for the sighash.
fn ecdsa() -> bitcoin::ecdsa::Signature {
    // The first number has its highest bit set, which takes a byte more; the second has not, or
    // the signature would not be relayed.
    let mut compact = [0x11; 64];
    compact[0] = 0xa0;
    bitcoin::ecdsa::Signature {
        signature: ecdsa::Signature::from_compact(&compact)
            .expect("both numbers are below the order of the group"),
        sighash_type: EcdsaSighashType::All,
    }
}

impl Satisfier<PublicKey> for Signers<'_> {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<bitcoin::ecdsa::Signature> {
        self.keys.contains(key).then(ecdsa)
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &PublicKey,
        hash: &TapLeafHash,
    ) -> Option<bitcoin::taproot::Signature> {
        let script = self.leaf.script(Some(*hash))?;
        let key = key.inner.x_only_public_key().0;
        let mut own = self.keys.iter();
        let own = own.find(|own| own.inner.x_only_public_key().0 == key)?;
        let seat = self.leaf.seat(own)?;
        let signs = script.script.seats().contains(&seat);
        signs.then(schnorr)
    }

    fn check_older(&self, lock: relative::LockTime) -> bool {
        let own = self.leaf.leaf.relative().map(RelativeLock::to_sequence);
        own.and_then(|sequence| sequence.to_relative_lock_time())
            .is_some_and(|own| lock.is_implied_by(own))
    }

    fn check_after(&self, lock: absolute::LockTime) -> bool {
        let own = self.leaf.leaf.absolute().map(AbsoluteLock::to_lock_time);
        own.is_some_and(|own| lock.is_implied_by(own))
    }
}

#[cfg(test)]
mod tests {
    use super::Condition::{Seat, Threshold};
    use super::*;

    fn one_of(seats: std::ops::Range<usize>) -> Condition {
        Threshold(1, seats.map(Seat).collect())
    }

    #[test]
    fn smallest_sets_are_those_that_just_suffice() {
        let nested = Threshold(2, vec![Seat(0), one_of(1..3), Seat(3)]);
        let sets = smallest_sets(&nested).expect("there are few");
        let expected: [&[usize]; 5] = [&[0, 1], &[0, 2], &[0, 3], &[1, 3], &[2, 3]];
        assert_eq!(sets.len(), expected.len());
        for set in expected {
            assert!(sets.iter().any(|own| own == set), "{set:?}");
        }
    }

    /// As many as are tried, and one more.
    #[test]
    fn sets_are_tried_up_to_a_limit() {
        let both = |left, right| Threshold(2, vec![one_of(0..left), one_of(left..left + right)]);
        for (condition, sets) in [
            (one_of(0..MAX_SETS), Some(MAX_SETS)),
            (one_of(0..MAX_SETS + 1), None),
            (Threshold(1, vec![one_of(0..MAX_SETS)]), Some(MAX_SETS)),
            (both(MAX_SETS / 20, 20), Some(MAX_SETS)),
            (both(MAX_SETS / 20 + 1, 20), None),
        ] {
            assert_eq!(smallest_sets(&condition).map(|sets| sets.len()), sets);
        }
    }
}
