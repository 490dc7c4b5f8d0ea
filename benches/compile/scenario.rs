//! Who signs how often, and what the witness then weighs.

use std::collections::BTreeMap;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{EcdsaSighashType, PublicKey, TapSighashType, absolute, ecdsa, relative, taproot};
use longstop::compile::{Compiled, DerivedLeaf, Keychain};
use longstop::policy::{Member, Quorum};
use longstop::units::{AbsoluteLock, RelativeLock};
use miniscript::{Descriptor, Satisfier};

/// The most sets of signers that are listed; of more, so many are drawn.
const MOST: usize = 400;

/// One script leaf's smallest sets of signers, listed or drawn, as seats.
pub fn sets(quorum: &Quorum) -> Vec<Vec<usize>> {
    if count(quorum) <= MOST as f64 {
        list(quorum, 0)
    } else {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        (0..MOST).map(|_| draw(quorum, 0, &mut random)).collect()
    }
}

pub fn count(quorum: &Quorum) -> f64 {
    let mut ways = vec![0.0; quorum.threshold() + 1];
    ways[0] = 1.0;
    for member in quorum.members() {
        let own = match member {
            Member::Party(_) => 1.0,
            Member::Quorum(inner) => count(inner),
        };
        for satisfied in (1..ways.len()).rev() {
            ways[satisfied] += own * ways[satisfied - 1];
        }
    }
    ways[quorum.threshold()]
}

fn seats(member: &Member) -> usize {
    match member {
        Member::Party(_) => 1,
        Member::Quorum(quorum) => quorum.seats().len(),
    }
}

fn list(quorum: &Quorum, first: usize) -> Vec<Vec<usize>> {
    let mut ways = vec![Vec::new(); quorum.threshold() + 1];
    ways[0].push(Vec::new());
    let mut seat = first;
    for member in quorum.members() {
        let own = match member {
            Member::Party(_) => vec![vec![seat]],
            Member::Quorum(inner) => list(inner, seat),
        };
        seat += seats(member);
        for satisfied in (1..ways.len()).rev() {
            let more: Vec<Vec<usize>> = ways[satisfied - 1]
                .iter()
                .flat_map(|before| own.iter().map(|own| [before.clone(), own.clone()].concat()))
                .collect();
            ways[satisfied].extend(more);
        }
    }
    ways.swap_remove(quorum.threshold())
}

/// One of the sets, each as likely as the others.
fn draw(quorum: &Quorum, first: usize, random: &mut u64) -> Vec<usize> {
    let members = quorum.members();
    let own: Vec<f64> = members
        .iter()
        .map(|member| match member {
            Member::Party(_) => 1.0,
            Member::Quorum(inner) => count(inner),
        })
        .collect();
    // For each member on: how many sets of so many of the members from it on.
    let mut after = vec![vec![0.0; quorum.threshold() + 1]; members.len() + 1];
    after[members.len()][0] = 1.0;
    for place in (0..members.len()).rev() {
        for needed in 0..=quorum.threshold() {
            let with = if needed > 0 {
                own[place] * after[place + 1][needed - 1]
            } else {
                0.0
            };
            after[place][needed] = after[place + 1][needed] + with;
        }
    }
    let (mut needed, mut seat, mut chosen) = (quorum.threshold(), first, Vec::new());
    for (place, member) in members.iter().enumerate() {
        if needed > 0 {
            let with = own[place] * after[place + 1][needed - 1] / after[place][needed];
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            if ((*random >> 11) as f64 / (1_u64 << 53) as f64) < with {
                needed -= 1;
                match member {
                    Member::Party(_) => chosen.push(seat),
                    Member::Quorum(inner) => chosen.extend(draw(inner, seat, random)),
                }
            }
        }
        seat += seats(member);
    }
    chosen
}

/// What witnesses of these descriptors weigh, which hold the keys of the policy's stages: for each
/// stage the average over its leaves by their likelihoods, and over the signers of each; added up.
///
/// Where the descriptors have other keys than the stages, they are named, the stages' own first.
pub fn expected(
    compiled: &Compiled,
    descriptors: &[Descriptor<PublicKey>],
    named: &BTreeMap<PublicKey, PublicKey>,
) -> f64 {
    let secp = Secp256k1::new();
    let mut sum = 0.0;
    for (stage, descriptor) in compiled.stages().zip(descriptors) {
        let derived = stage.derive(Keychain::Receive, 0, &secp).expect("an index");
        let all: f64 = stage
            .leaves()
            .iter()
            .map(|leaf| f64::from(leaf.likelihood()))
            .sum();
        for leaf in derived.leaves() {
            sum += f64::from(leaf.leaf.likelihood()) / all * of_leaf(leaf, descriptor, named);
        }
    }
    sum
}

fn of_leaf(
    leaf: &DerivedLeaf,
    descriptor: &Descriptor<PublicKey>,
    named: &BTreeMap<PublicKey, PublicKey>,
) -> f64 {
    // For each group the sets of its seats, counted over the whole leaf, with their shares.
    let mut first = 0;
    let mut all: Vec<(Vec<usize>, f64)> = vec![(Vec::new(), 1.0)];
    for group in leaf.leaf.groups() {
        let listed = sets(group.quorum());
        let share = 1.0 / listed.len() as f64;
        let mut own: Vec<(Vec<usize>, f64)> = listed.into_iter().map(|set| (set, share)).collect();
        if let Some(roster) = group.quorum().roster() {
            let usual = f64::from(roster.share()) / 100.0;
            for (_, share) in &mut own {
                *share *= 1.0 - usual;
            }
            let names: Vec<&str> = group.seats().map(|(party, _)| party).collect();
            let seats = (0..names.len()).filter(|seat| roster.members().contains(names[*seat]));
            own.push((seats.collect(), usual));
        }
        for (set, _) in &mut own {
            for seat in set {
                *seat += first;
            }
        }
        // The groups of one leaf are independent of one another; two suffice to see it.
        if all.len() * own.len() > MOST {
            let thin = own.len().div_ceil(MOST / all.len().min(20));
            own = own.into_iter().step_by(thin).collect();
            let total: f64 = own.iter().map(|(_, share)| share).sum();
            for (_, share) in &mut own {
                *share /= total;
            }
            let thin = all.len().div_ceil(20);
            all = all.into_iter().step_by(thin).collect();
            let total: f64 = all.iter().map(|(_, share)| share).sum();
            for (_, share) in &mut all {
                *share /= total;
            }
        }
        all = all
            .iter()
            .flat_map(|(before, share)| {
                own.iter()
                    .map(move |(set, own)| ([before.clone(), set.clone()].concat(), share * own))
            })
            .collect();
        first += group.seats().count();
    }
    all.iter()
        .map(|(seats, share)| share * witness(leaf, seats, descriptor, named) as f64)
        .sum()
}

/// The weight of the witness when these seats sign.
pub fn witness(
    leaf: &DerivedLeaf,
    seats: &[usize],
    descriptor: &Descriptor<PublicKey>,
    named: &BTreeMap<PublicKey, PublicKey>,
) -> usize {
    let keys: Vec<PublicKey> = seats
        .iter()
        .map(|seat| leaf.keys[*seat].public_key)
        .map(|key| *named.get(&key).unwrap_or(&key))
        .collect();
    let signers = Signers {
        x_only: keys
            .iter()
            .map(|key| key.inner.x_only_public_key().0.serialize())
            .collect(),
        keys,
        older: leaf.leaf.relative().map(RelativeLock::to_consensus),
        after: leaf.leaf.absolute().map(AbsoluteLock::to_consensus),
        key_path: leaf.leaf.is_key_path(),
    };
    let (stack, _) = descriptor
        .get_satisfaction(signers)
        .unwrap_or_else(|error| panic!("{}: {error}", leaf.leaf.kind()));
    bitcoin::Witness::from_slice(&stack).size()
}

struct Signers {
    keys: Vec<PublicKey>,
    x_only: Vec<[u8; 32]>,
    older: Option<u32>,
    after: Option<u32>,
    key_path: bool,
}

fn schnorr() -> taproot::Signature {
    taproot::Signature {
        signature: bitcoin::secp256k1::schnorr::Signature::from_slice(&[1; 64]).expect("64 bytes"),
        sighash_type: TapSighashType::Default,
    }
}

impl Satisfier<PublicKey> for Signers {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<ecdsa::Signature> {
        // 71 bytes with the sighash byte 72: the longest that is standard.
        let mut compact = [0x11; 64];
        compact[0] = 0xa0;
        let signature = bitcoin::secp256k1::ecdsa::Signature::from_compact(&compact);
        self.keys.contains(key).then(|| ecdsa::Signature {
            signature: signature.expect("below the order"),
            sighash_type: EcdsaSighashType::All,
        })
    }

    fn lookup_tap_key_spend_sig(&self) -> Option<taproot::Signature> {
        self.key_path.then(schnorr)
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &PublicKey,
        _: &TapLeafHash,
    ) -> Option<taproot::Signature> {
        let x_only = key.inner.x_only_public_key().0.serialize();
        self.x_only.contains(&x_only).then(schnorr)
    }

    fn check_older(&self, lock: relative::LockTime) -> bool {
        // All locks here count blocks, and whoever has waited for one has waited for a shorter one.
        self.older
            .is_some_and(|ours| ours >= lock.to_consensus_u32())
    }

    fn check_after(&self, lock: absolute::LockTime) -> bool {
        self.after
            .is_some_and(|ours| ours == lock.to_consensus_u32())
    }
}
