//! What a descriptor means, compared with what the policy says.

use std::sync::Arc;

use miniscript::descriptor::Descriptor;
use miniscript::policy::{Liftable, Semantic};
use miniscript::{AbsLockTime, RelLockTime, Threshold};

use super::joint::{Eased, Joint};
use super::layout::Block;
use super::leaf::Leaf;
use super::script::Condition;
use super::seat::SeatKey;
use crate::units::{AbsoluteLock, RelativeLock};

type Meaning = Semantic<SeatKey>;

/// Whether the descriptor, read back and lifted by miniscript, is just the alternatives of these
/// blocks, in their order, besides its internal key; the blocks of joint leaves are together what
/// the joint says.
///
/// That the blocks of a leaf together are the leaf is for [`cover`](super::script::cover) to say,
/// that a joint is its two leaves is for [`Joint::covers`],
/// and which keys the numbers stand for is for [`with_keys`](super::seat::with_keys).
pub(super) fn means(
    descriptor: &Descriptor<SeatKey>,
    blocks: &[Block],
    joints: &[Joint],
    leaves: &[Leaf],
) -> bool {
    let is_joint = |leaf| joints.iter().any(|joint| joint.has(leaf));
    let mut expected = blocks
        .iter()
        .filter(|block| !is_joint(block.leaf))
        .map(|block| block_meaning(block, leaves.get(block.leaf)?));
    match descriptor {
        // Its scripts are compared one by one: sorting all of them would take most of the time.
        Descriptor::Tr(tr) => {
            let mut scripts = tr.iter_scripts();
            *tr.internal_key() == SeatKey::Internal
                && tr.iter_scripts().count() == blocks.len()
                && joints.is_empty()
                && scripts.all(|(_, script)| is(script, expected.next().flatten()))
        }
        other => {
            let joints = joints.iter().map(|joint| joint_meaning(joint, leaves));
            let expected = expected.chain(joints).collect::<Option<Vec<_>>>();
            is(other, expected.and_then(|blocks| thresh(1, blocks)))
        }
    }
}

/// Whether this, lifted by miniscript, is what is expected.
fn is(lifted: &impl Liftable<SeatKey>, expected: Option<Meaning>) -> bool {
    match (lifted.lift(), expected) {
        (Ok(lifted), Some(expected)) => {
            lifted.normalized().sorted() == expected.normalized().sorted()
        }
        _ => false,
    }
}

fn block_meaning(block: &Block, leaf: &Leaf) -> Option<Meaning> {
    let mut parts = Vec::new();
    for part in &block.parts {
        parts.push(condition_meaning(part, block.leaf)?);
    }
    parts.extend(lock_meanings(leaf.relative(), leaf.absolute())?);
    thresh(parts.len(), parts)
}

fn joint_meaning(joint: &Joint, leaves: &[Leaf]) -> Option<Meaning> {
    let first = leaves.get(joint.first)?;
    let mut parts = vec![eased_meaning(&joint.condition, joint)?];
    parts.extend(lock_meanings(first.relative(), first.absolute())?);
    thresh(parts.len(), parts)
}

fn eased_meaning(eased: &Eased, joint: &Joint) -> Option<Meaning> {
    match eased {
        Eased::Always(condition) => condition_meaning(condition, joint.first),
        Eased::OrLater(now, later) => {
            let mut parts = vec![condition_meaning(later, joint.second)?];
            let (relative, absolute) = joint.later;
            parts.extend(lock_meanings(relative, absolute)?);
            let later = thresh(parts.len(), parts)?;
            thresh(1, vec![condition_meaning(now, joint.first)?, later])
        }
        Eased::Threshold(threshold, members) => {
            let members = members.iter().map(|member| eased_meaning(member, joint));
            thresh(*threshold, members.collect::<Option<Vec<_>>>()?)
        }
    }
}

fn lock_meanings(
    relative: Option<RelativeLock>,
    absolute: Option<AbsoluteLock>,
) -> Option<Vec<Meaning>> {
    let mut locks = Vec::new();
    if let Some(lock) = relative {
        locks.push(Semantic::Older(
            RelLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    if let Some(lock) = absolute {
        locks.push(Semantic::After(
            AbsLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    Some(locks)
}

fn condition_meaning(condition: &Condition, leaf: usize) -> Option<Meaning> {
    match condition {
        Condition::Seat(seat) => Some(Semantic::Key(SeatKey::Seat { leaf, seat: *seat })),
        Condition::Threshold(threshold, members) => {
            let members = members
                .iter()
                .map(|member| condition_meaning(member, leaf))
                .collect::<Option<Vec<_>>>()?;
            thresh(*threshold, members)
        }
    }
}

fn thresh(threshold: usize, parts: Vec<Meaning>) -> Option<Meaning> {
    let parts = parts.into_iter().map(Arc::new).collect();
    Threshold::new(threshold, parts).ok().map(Semantic::Thresh)
}

#[cfg(test)]
mod tests {
    use miniscript::descriptor::DescriptorPublicKey;
    use miniscript::{TranslatePk, Translator};

    use super::*;
    use crate::compile::seat::with_keys;
    use crate::compile::{Compiled, Stage, compile, is_unspendable};
    use crate::policy::{ScriptType, check};

    /// A shipped policy in this script, which has every leaf in one piece.
    fn compiled(script: &str, window: &str) -> Compiled {
        let text = include_str!("../../policies/dao-treasury/policy.toml")
            .replace("\"tr\"", &format!("\"{script}\""))
            .replace("window = \"14 days\"", &format!("window = \"{window}\""));
        let policy = check(&text).policy.expect("the policy is sound");
        compile(Arc::new(policy)).expect("it compiles")
    }

    /// A descriptor with the numbers of its seats for the keys.
    struct Seats<'a>(&'a [Leaf]);

    impl Translator<DescriptorPublicKey, SeatKey, ()> for Seats<'_> {
        fn pk(&mut self, key: &DescriptorPublicKey) -> Result<SeatKey, ()> {
            for (leaf, own) in self.0.iter().enumerate() {
                if let Some(seat) = own.keys().position(|own| own == key) {
                    return Ok(SeatKey::Seat { leaf, seat });
                }
            }
            is_unspendable(key).then_some(SeatKey::Internal).ok_or(())
        }

        miniscript::translate_hash_fail!(DescriptorPublicKey, SeatKey, ());
    }

    fn by_seats(
        descriptor: &Descriptor<DescriptorPublicKey>,
        leaves: &[Leaf],
    ) -> Descriptor<SeatKey> {
        let seats = descriptor.translate_pk(&mut Seats(leaves));
        seats.expect("every key is that of a seat, or nobody's")
    }

    fn blocks(leaves: &[Leaf], script: ScriptType) -> Vec<Block> {
        let blocks = leaves.iter().enumerate();
        blocks
            .map(|(number, leaf)| Block::whole(number, leaf, script))
            .collect()
    }

    /// No block may be left out, ask for a signature less, or wait a day less; and the keys
    /// are in the places of their numbers.
    #[test]
    fn a_descriptor_means_its_leaves_and_nothing_else() {
        for script in ["tr", "wsh"] {
            let compiled = compiled(script, "14 days");
            let hasty = self::compiled(script, "13 days");
            for stage in compiled.stages() {
                let leaves = stage.leaves();
                let descriptor = &by_seats(stage.descriptor(), leaves);
                let whole = blocks(leaves, compiled.policy().script());
                assert!(means(descriptor, &whole, &[], leaves));
                // The descriptor is the one whose keys took the places of these numbers.
                let with_keys = with_keys(descriptor, leaves, compiled.policy());
                let (keys, text) = with_keys.expect("every number is that of a seat");
                assert_eq!(&keys, stage.descriptor());
                assert_eq!(text, stage.descriptor().to_string());
                assert_eq!(text, stage.text());
                for number in 0..whole.len() {
                    let mut fewer = whole.clone();
                    fewer.remove(number);
                    assert!(!means(descriptor, &fewer, &[], leaves));
                    let mut lower = whole.clone();
                    let Some(Condition::Threshold(threshold, _)) = lower[number].parts.first_mut()
                    else {
                        panic!("every group of this policy is a threshold");
                    };
                    *threshold -= 1;
                    assert!(!means(descriptor, &lower, &[], leaves));
                }
                if script == "tr" {
                    let text = descriptor.to_string();
                    let (text, _) = text.split_once('#').expect("a checksum");
                    assert!(text.contains("internal"), "{text}");
                    // Somebody's key, which could spend without any of the leaves.
                    let held = text.replace("internal", "k9_0");
                    let held = held.parse().expect("it is a descriptor");
                    assert!(!means(&held, &whole, &[], leaves));
                }
                let hasty = hasty.stage(stage.stage()).expect("the same stages");
                assert_eq!(
                    means(
                        &by_seats(hasty.descriptor(), hasty.leaves()),
                        &whole,
                        &[],
                        leaves
                    ),
                    !matches!(stage.stage(), Stage::Escrow(_)),
                );
            }
        }
    }
}
