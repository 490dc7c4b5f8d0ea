//! How leaves are put together: a taproot tree, or a chain of `or_i`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use miniscript::descriptor::DescriptorPublicKey;

use super::expression::Expression;
use super::leaf::{Group, Leaf};
use super::script::Condition;
use crate::policy::ScriptType;

/// The scripts of a leaf: one, unless the layout splits it.
pub(super) struct Block<'a> {
    /// Which leaf, by its number.
    pub leaf: usize,
    /// What must be met, all of it, besides the locks of the leaf.
    pub parts: Vec<Cow<'a, Expression>>,
    /// How often it is the one that is used, against the other scripts of its stage.
    pub weight: f64,
}

impl<'a> Block<'a> {
    /// A leaf in one piece.
    pub(super) fn whole(number: usize, leaf: &'a Leaf) -> Self {
        let parts = leaf.groups().iter().map(Group::expression);
        Self {
            leaf: number,
            parts: parts.map(Cow::Borrowed).collect(),
            weight: f64::from(leaf.likelihood()),
        }
    }

    /// Its script in miniscript: every part, then every lock.
    fn script(&self, leaf: &Leaf, script: ScriptType) -> String {
        let parts = self.parts.iter().map(|part| part.miniscript(script));
        let relative = leaf
            .relative()
            .map(|lock| format!("older({})", lock.to_consensus()));
        let absolute = leaf
            .absolute()
            .map(|lock| format!("after({})", lock.to_consensus()));
        let mut parts: Vec<String> = parts.chain(relative).chain(absolute).collect();
        let last = parts.pop().unwrap_or_default();
        parts.into_iter().rev().fold(last, |rest, part| {
            // `v:` joins the wrappers of what it wraps, if that has any; ours have none in front.
            format!("and_v(v:{part},{rest})")
        })
    }

    /// Who must sign, as thresholds over the seats of its leaf.
    pub(super) fn condition(&self, seats: &BTreeMap<&DescriptorPublicKey, usize>) -> Condition {
        let mut seat = |key: &DescriptorPublicKey| seats.get(key).copied().unwrap_or(usize::MAX);
        let parts = self.parts.iter().map(|part| part.condition(&mut seat));
        Condition::Threshold(self.parts.len(), parts.collect())
    }

    /// Its keys, in the order in which they stand in its script.
    pub(super) fn keys(&self) -> impl Iterator<Item = &DescriptorPublicKey> {
        self.parts.iter().flat_map(|part| part.keys())
    }
}

/// A taproot tree in which a block lies the higher the likelier it is (Huffman), with the blocks
/// in the order in which they stand in it.
///
/// Ties go to the block that comes first, so the tree is the same every time.
pub(super) fn tap_tree<'a>(blocks: Vec<Block<'a>>, leaves: &[Leaf]) -> (String, Vec<Block<'a>>) {
    struct Subtree<'a> {
        weight: f64,
        text: String,
        blocks: Vec<Block<'a>>,
    }
    let mut subtrees: Vec<Subtree<'a>> = blocks
        .into_iter()
        .map(|block| Subtree {
            weight: block.weight,
            text: leaves
                .get(block.leaf)
                .map(|leaf| block.script(leaf, ScriptType::Tr))
                .unwrap_or_default(),
            blocks: vec![block],
        })
        .collect();
    // Stable: among equals the earlier subtree stays nearer to the top.
    subtrees.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    while subtrees.len() > 1 {
        if let (Some(right), Some(mut left)) = (subtrees.pop(), subtrees.pop()) {
            left.weight += right.weight;
            left.text = format!("{{{},{}}}", left.text, right.text);
            left.blocks.extend(right.blocks);
            let place = subtrees.partition_point(|other| other.weight >= left.weight);
            subtrees.insert(place, left);
        }
    }
    subtrees
        .pop()
        .map_or_else(Default::default, |tree| (tree.text, tree.blocks))
}

/// One chain of `or_i`, the likeliest leaf first, with the blocks in that order.
pub(super) fn or_chain<'a>(
    mut blocks: Vec<Block<'a>>,
    leaves: &[Leaf],
) -> (String, Vec<Block<'a>>) {
    blocks.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    let scripts: Vec<String> = blocks
        .iter()
        .filter_map(|block| Some(block.script(leaves.get(block.leaf)?, ScriptType::Wsh)))
        .collect();
    let chain = match scripts.split_last() {
        None => String::new(),
        Some((last, others)) => {
            let opening: String = others
                .iter()
                .map(|script| format!("or_i({script},"))
                .collect();
            opening + last + &")".repeat(others.len())
        }
    };
    (chain, blocks)
}
