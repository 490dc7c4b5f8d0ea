//! How leaves are put together: a taproot tree, or a chain of `or_i`.

use super::encode::{Choice, Encoder, Half, Lock, Way};
use super::joint::Joint;
use super::leaf::Leaf;
use super::odds::Odds;
use super::script::Condition;
use super::seat::SeatKey;
use crate::policy::ScriptType;
use crate::units::{AbsoluteLock, RelativeLock};

/// Bytes of a `1` on the stack, which takes the first branch of an `or_i`.
const ONE_ITEM: u64 = 2;

/// Bytes of an empty item on the stack, which takes the second branch of an `or_i`.
const EMPTY_ITEM: u64 = 1;

/// A leaf, or one of the pieces into which the layout splits it: it becomes one script leaf.
///
/// Its miniscript has names for keys, `k3_0` for the first seat of the leaf with number 3.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Which leaf, by its number.
    pub leaf: usize,
    /// What must be met, all of it, besides the locks of the leaf.
    pub parts: Vec<Condition>,
    /// How often it is the one that is used, against the other blocks of its stage.
    pub weight: f64,
    /// Its script in miniscript: every part, then every lock.
    pub text: String,
    /// Bytes of its script.
    pub size: f64,
    /// Bytes of witness that satisfy it, at most.
    pub most: u64,
    /// The same on average.
    pub expected: f64,
}

impl Block {
    /// A leaf in one piece, every threshold of it one fragment.
    pub(super) fn whole(number: usize, leaf: &Leaf, script: ScriptType) -> Self {
        let parts = match Condition::of(leaf) {
            Condition::Threshold(_, parts) => parts,
            seat @ Condition::Seat(_) => vec![seat],
        };
        let key = |seat| SeatKey::Seat { leaf: number, seat }.to_string();
        let texts = parts.iter().map(|part| part.miniscript(script, &key));
        let locks = locks(leaf).into_iter().map(|lock| lock.text);
        let mut texts: Vec<String> = texts.chain(locks).collect();
        let last = texts.pop().unwrap_or_default();
        let text = texts.into_iter().rev().fold(last, |rest, part| {
            // `v:` joins the wrappers of what it wraps, if that has any; ours have none in front.
            format!("and_v(v:{part},{rest})")
        });
        Self {
            leaf: number,
            weight: f64::from(leaf.likelihood()),
            text,
            size: 0.0,
            most: parts.iter().map(|part| part.witness(script).satisfy).sum(),
            expected: parts
                .iter()
                .map(|part| Odds::of(part, script).satisfy)
                .sum(),
            parts,
        }
    }

    /// A piece of a leaf, written as is cheapest.
    pub(super) fn piece(
        number: usize,
        leaf: &Leaf,
        parts: Vec<Condition>,
        weight: f64,
        encoder: &Encoder,
    ) -> Option<Self> {
        let way: Way = encoder.all(&parts, &locks(leaf), false)?;
        Some(Self {
            leaf: number,
            parts,
            weight,
            text: way.to_string(),
            size: way.size,
            most: way.most as u64,
            expected: way.satisfy,
        })
    }

    /// Who must sign, as thresholds over the seats of its leaf.
    pub(super) fn condition(&self) -> Condition {
        Condition::Threshold(self.parts.len(), self.parts.clone())
    }
}

/// The locks of a leaf: first the one that counts from the confirmation of the coin.
fn locks(leaf: &Leaf) -> Vec<Lock> {
    written(leaf.relative(), leaf.absolute())
}

fn written(relative: Option<RelativeLock>, absolute: Option<AbsoluteLock>) -> Vec<Lock> {
    let relative = relative.map(|lock| Lock::new("older", lock.to_consensus()));
    let absolute = absolute.map(|lock| Lock::new("after", lock.to_consensus()));
    relative.into_iter().chain(absolute).collect()
}

/// A taproot tree in which a block lies the higher the likelier it is (Huffman), with its depth, and
/// with the blocks in the order in which they stand in it.
///
/// Ties go to the block that comes first, so the tree is the same every time.
pub(super) fn tap_tree(blocks: Vec<Block>) -> (String, u32, Vec<Block>) {
    struct Subtree {
        weight: f64,
        text: String,
        depth: u32,
        blocks: Vec<Block>,
    }
    let mut subtrees: Vec<Subtree> = blocks
        .into_iter()
        .map(|block| Subtree {
            weight: block.weight,
            text: block.text.clone(),
            depth: 0,
            blocks: vec![block],
        })
        .collect();
    // Stable: among equals the earlier subtree stays nearer to the top.
    subtrees.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    while subtrees.len() > 1 {
        if let (Some(right), Some(mut left)) = (subtrees.pop(), subtrees.pop()) {
            left.weight += right.weight;
            left.text = format!("{{{},{}}}", left.text, right.text);
            left.depth = 1 + left.depth.max(right.depth);
            left.blocks.extend(right.blocks);
            let place = subtrees.partition_point(|other| other.weight >= left.weight);
            subtrees.insert(place, left);
        }
    }
    subtrees.pop().map_or_else(Default::default, |tree| {
        (tree.text, tree.depth, tree.blocks)
    })
}

/// One chain of `or_i`, the likeliest leaf first, with the blocks in that order, each with the
/// items that lead to it.
pub(super) fn or_chain(mut blocks: Vec<Block>) -> (String, Vec<Block>) {
    blocks.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    let last = blocks.len().saturating_sub(1);
    for (position, block) in blocks.iter_mut().enumerate() {
        let end = if position == last { 0 } else { ONE_ITEM };
        let turns = position as u64 * EMPTY_ITEM + end;
        block.most += turns;
        block.expected += turns as f64;
    }
    let chain = match blocks.split_last() {
        None => String::new(),
        Some((last, others)) => {
            let opening: String = others
                .iter()
                .map(|block| format!("or_i({},", block.text))
                .collect();
            opening + &last.text + &")".repeat(others.len())
        }
    };
    (chain, blocks)
}

/// One script of all leaves.
pub(super) struct WholeScript {
    /// Its miniscript.
    pub text: String,
    /// The blocks in the order in which they are likely.
    pub blocks: Vec<Block>,
    /// Bytes of the script, and of the witness that satisfies it on average.
    pub cost: f64,
}

/// One script of all leaves, whichever way costs the least in expectation; joint leaves stand as
/// one condition.
///
/// Keys stand as their hashes where that is cheaper, but in no more than so many leaves, the least
/// likely ones.
pub(super) fn or_cheapest(
    blocks: &[Block],
    joints: &[Joint],
    leaves: &[Leaf],
    hashed: usize,
) -> Option<WholeScript> {
    let mut blocks = blocks.to_vec();
    blocks.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    let plain = blocks.len().saturating_sub(hashed);
    let half = |leaf: usize| {
        let position = blocks.iter().position(|block| block.leaf == leaf)?;
        blocks.get(position).map(|block| Half {
            leaf,
            weight: block.weight,
            hashes: position >= plain,
        })
    };
    let mut choices = Vec::new();
    for (position, block) in blocks.iter().enumerate() {
        let locks = locks(leaves.get(block.leaf)?);
        let joint = joints.iter().find(|joint| joint.has(block.leaf));
        choices.push(match joint {
            None => Choice::leaf(
                block.leaf,
                &block.parts,
                &locks,
                block.weight,
                position >= plain,
            ),
            Some(joint) if joint.first == block.leaf => {
                let (relative, absolute) = joint.later;
                let later = written(relative, absolute);
                let (first, second) = (half(joint.first)?, half(joint.second)?);
                Choice::joint(&joint.condition, first, second, &locks, &later)?
            }
            // It is written with the other.
            Some(_) => continue,
        });
    }
    let way = Choice::any(choices)?;
    for block in &mut blocks {
        let own = way.leaves.iter().find(|own| own.leaf == block.leaf)?;
        block.most = own.most as u64;
        block.expected = own.satisfy;
    }
    Some(WholeScript {
        text: way.to_string(),
        blocks,
        cost: way.cost(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_key(leaf: usize) -> String {
        SeatKey::Seat { leaf, seat: 0 }.to_string()
    }

    fn block(leaf: usize, weight: f64) -> Block {
        Block {
            leaf,
            parts: Vec::new(),
            weight,
            text: format!("pk({})", first_key(leaf)),
            size: 35.0,
            most: 100,
            expected: 90.0,
        }
    }

    fn blocks(weights: &[f64]) -> Vec<Block> {
        let weights = weights.iter().enumerate();
        weights.map(|(leaf, weight)| block(leaf, *weight)).collect()
    }

    /// Trees as deep as their braces, and each block as high as it is likely.
    #[test]
    fn trees_are_as_deep_as_their_braces() {
        for (weights, text, depth) in [
            (vec![], "", 0),
            (vec![1.0], "pk(k0_0)", 0),
            (vec![1.0, 2.0], "{pk(k1_0),pk(k0_0)}", 1),
            (vec![1.0; 4], "{{pk(k2_0),pk(k3_0)},{pk(k0_0),pk(k1_0)}}", 2),
            (
                vec![4.0, 8.0, 2.0, 1.0],
                "{pk(k1_0),{pk(k0_0),{pk(k2_0),pk(k3_0)}}}",
                3,
            ),
        ] {
            let (tree, levels, blocks) = tap_tree(blocks(&weights));
            assert_eq!((tree.as_str(), levels), (text, depth));
            let names: String = blocks.iter().map(|block| first_key(block.leaf)).collect();
            let in_text: String = text
                .split(['{', '}', ',', '(', ')'])
                .filter(|word| word.starts_with('k'))
                .collect();
            assert_eq!(names, in_text, "the blocks are in the order of the tree");
        }
    }

    /// The likeliest comes first; each block pays for the turns that lead to it, and the last needs
    /// no turn of its own.
    #[test]
    fn chains_add_their_turns() {
        let (chain, blocks) = or_chain(blocks(&[2.0, 1.0, 3.0]));
        assert_eq!(chain, "or_i(pk(k2_0),or_i(pk(k0_0),pk(k1_0)))");
        let found: Vec<(usize, u64, f64)> = blocks
            .iter()
            .map(|block| (block.leaf, block.most, block.expected))
            .collect();
        assert_eq!(found, [(2, 102, 92.0), (0, 103, 93.0), (1, 102, 92.0)]);
    }
}
