//! How leaves are put together: a taproot tree, or a chain of `or_i`.

use std::cmp::Reverse;

use super::leaf::Leaf;
use crate::policy::ScriptType;

/// The script of one leaf in miniscript: every group, then every lock.
pub(super) fn leaf_script(leaf: &Leaf, script: ScriptType) -> String {
    let groups = leaf
        .groups()
        .iter()
        .map(|group| group.expression().miniscript(script));
    let relative = leaf
        .relative()
        .map(|lock| format!("older({})", lock.to_consensus()));
    let absolute = leaf
        .absolute()
        .map(|lock| format!("after({})", lock.to_consensus()));
    let mut parts: Vec<String> = groups.chain(relative).chain(absolute).collect();
    let last = parts.pop().unwrap_or_default();
    parts.into_iter().rev().fold(last, |rest, part| {
        // `v:` joins the wrappers of what it wraps, if that has any; ours have none in front.
        format!("and_v(v:{part},{rest})")
    })
}

/// A taproot tree in which a leaf lies the higher the likelier it is (Huffman), with the leaves
/// in the order in which they stand in it.
///
/// Ties go to the leaf that comes first, so the tree is the same every time.
pub(super) fn tap_tree(leaves: Vec<Leaf>) -> (String, Vec<Leaf>) {
    struct Subtree {
        likelihood: u32,
        text: String,
        leaves: Vec<Leaf>,
    }
    let mut subtrees: Vec<Subtree> = leaves
        .into_iter()
        .map(|leaf| Subtree {
            likelihood: leaf.likelihood(),
            text: leaf_script(&leaf, ScriptType::Tr),
            leaves: vec![leaf],
        })
        .collect();
    while subtrees.len() > 1 {
        // Stable: among equals the earlier subtree stays nearer to the top.
        subtrees.sort_by_key(|subtree| Reverse(subtree.likelihood));
        if let (Some(right), Some(mut left)) = (subtrees.pop(), subtrees.pop()) {
            left.likelihood += right.likelihood;
            left.text = format!("{{{},{}}}", left.text, right.text);
            left.leaves.extend(right.leaves);
            subtrees.push(left);
        }
    }
    subtrees
        .pop()
        .map_or_else(Default::default, |tree| (tree.text, tree.leaves))
}

/// One chain of `or_i`, the likeliest leaf first, with the leaves in that order.
pub(super) fn or_chain(mut leaves: Vec<Leaf>) -> (String, Vec<Leaf>) {
    leaves.sort_by_key(|leaf| Reverse(leaf.likelihood()));
    let mut scripts = leaves
        .iter()
        .rev()
        .map(|leaf| leaf_script(leaf, ScriptType::Wsh));
    let last = scripts.next().unwrap_or_default();
    let chain = scripts.fold(last, |rest, script| format!("or_i({script},{rest})"));
    (chain, leaves)
}
