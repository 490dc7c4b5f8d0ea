//! Into which scripts the leaves of a stage are split.

use super::layout::Block;
use super::leaf::Leaf;
use crate::policy::Policy;

/// The blocks of all leaves but the key path, in the order of the leaves.
pub(super) fn blocks<'a>(leaves: &'a [Leaf], _policy: &Policy) -> Vec<Block<'a>> {
    let leaves = leaves.iter().enumerate();
    leaves
        .filter(|(_, leaf)| !leaf.is_key_path())
        .map(|(number, leaf)| Block::whole(number, leaf))
        .collect()
}
