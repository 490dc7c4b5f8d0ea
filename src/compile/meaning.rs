//! What a descriptor means, compared with what the policy says.

use std::sync::Arc;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::{Liftable, Semantic};
use miniscript::{AbsLockTime, RelLockTime, Threshold};

use super::layout::Block;
use super::leaf::Leaf;
use super::script::Condition;

type Meaning = Semantic<DescriptorPublicKey>;

/// Whether the descriptor, read back and lifted by miniscript, is just the alternatives of these
/// blocks, besides the internal key where it is that of a leaf or nobody's.
///
/// That the blocks of a leaf together are the leaf is for [`cover`](super::script::cover) to say.
pub(super) fn means(
    descriptor: &Descriptor<DescriptorPublicKey>,
    internal_key: Option<&DescriptorPublicKey>,
    blocks: &[Block],
    leaves: &[Leaf],
) -> bool {
    let keys: Vec<Vec<&DescriptorPublicKey>> =
        leaves.iter().map(|leaf| leaf.keys().collect()).collect();
    let blocks = blocks.iter();
    let mut alternatives: Vec<Option<Meaning>> = blocks
        .map(|block| block_meaning(block, leaves.get(block.leaf)?, keys.get(block.leaf)?))
        .collect();
    if let Some(key) = internal_key {
        alternatives.push(Some(Semantic::Key(key.clone())));
    }
    let expected = alternatives.into_iter().collect::<Option<Vec<_>>>();
    let expected = expected.and_then(|alternatives| thresh(1, alternatives));
    match (descriptor.lift(), expected) {
        (Ok(lifted), Some(expected)) => {
            lifted.normalized().sorted() == expected.normalized().sorted()
        }
        _ => false,
    }
}

fn block_meaning(block: &Block, leaf: &Leaf, keys: &[&DescriptorPublicKey]) -> Option<Meaning> {
    let mut parts = Vec::new();
    for part in &block.parts {
        parts.push(condition_meaning(part, keys)?);
    }
    if let Some(lock) = leaf.relative() {
        parts.push(Semantic::Older(
            RelLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    if let Some(lock) = leaf.absolute() {
        parts.push(Semantic::After(
            AbsLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    thresh(parts.len(), parts)
}

fn condition_meaning(condition: &Condition, keys: &[&DescriptorPublicKey]) -> Option<Meaning> {
    match condition {
        Condition::Seat(seat) => keys.get(*seat).map(|key| Semantic::Key((*key).clone())),
        Condition::Threshold(threshold, members) => {
            let members = members
                .iter()
                .map(|member| condition_meaning(member, keys))
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
    use super::*;
    use crate::compile::{Compiled, Stage, compile};
    use crate::policy::{ScriptType, check};

    /// A shipped policy in this script, which has every leaf in one piece.
    fn compiled(script: &str, window: &str) -> Compiled {
        let text = include_str!("../../policies/dao-treasury/policy.toml")
            .replace("\"tr\"", &format!("\"{script}\""))
            .replace("window = \"14 days\"", &format!("window = \"{window}\""));
        let policy = check(&text).policy.expect("the policy is sound");
        compile(Arc::new(policy)).expect("it compiles")
    }

    fn blocks(leaves: &[Leaf], script: ScriptType) -> Vec<Block> {
        let blocks = leaves.iter().enumerate();
        blocks
            .map(|(number, leaf)| Block::whole(number, leaf, script))
            .collect()
    }

    /// No block may be left out, ask for a signature less, or wait a day less; and the internal key
    /// is an alternative like any other.
    #[test]
    fn a_descriptor_means_its_leaves_and_nothing_else() {
        for script in ["tr", "wsh"] {
            let compiled = compiled(script, "14 days");
            let hasty = self::compiled(script, "13 days");
            for stage in compiled.stages() {
                let (descriptor, key) = (stage.descriptor(), stage.internal_key());
                let leaves = stage.leaves();
                let whole = blocks(leaves, compiled.policy().script());
                assert!(means(descriptor, key, &whole, leaves));
                if key.is_some() {
                    assert!(!means(descriptor, None, &whole, leaves));
                }
                for number in 0..whole.len() {
                    let mut fewer = whole.clone();
                    fewer.remove(number);
                    assert!(!means(descriptor, key, &fewer, leaves));
                    let mut lower = whole.clone();
                    let Some(Condition::Threshold(threshold, _)) = lower[number].parts.first_mut()
                    else {
                        panic!("every group of this policy is a threshold");
                    };
                    *threshold -= 1;
                    assert!(!means(descriptor, key, &lower, leaves));
                }
                let hasty = hasty.stage(stage.stage()).expect("the same stages");
                assert_eq!(
                    means(hasty.descriptor(), hasty.internal_key(), &whole, leaves),
                    !matches!(stage.stage(), Stage::Escrow(_)),
                );
            }
        }
    }
}
