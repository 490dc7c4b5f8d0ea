//! Into which pieces the leaves of a stage are split, so that spending costs the least in
//! expectation.
//!
//! A script leaf must be shown whole, with the keys of those who do not sign.  A piece for some of
//! the possible signers is shorter; but every doubling of the number of pieces puts them one
//! level deeper into the tree, at 32 bytes each.  The search has two steps:
//!
//! 1. For each leaf by itself, partitions of its smallest sets of signers.  A threshold is left
//!    whole, or split into the sets with its first member and those without, and so on; members
//!    that must sign are split by themselves.  With the depth of a piece of likelihood p taken to
//!    be log₂(1/p), what is best for a threshold follows from what is best for the thresholds
//!    over fewer of its members, so this is exact for a given price of a level.  Several prices
//!    give several partitions, from many pieces to one.  Small thresholds are also packed with
//!    smaller thresholds.
//! 2. For all leaves together, the partitions whose Huffman tree is cheapest, by going from leaf
//!    to leaf until nothing gets better.
//!
//! Both are bounded, and use sums, products and quotients only, so that every machine comes to
//! the same result.

mod packing;
mod piece;
mod plan;
mod roster;
mod tree;

use self::packing::packings;
use self::piece::{Piece, estimated_size};
use self::plan::splits;
use self::roster::Roster;
use self::tree::{LEVEL, levels};
use super::cost::tapleaf_weight;
use super::encode::Encoder;
use super::layout::Block;
use super::leaf::Leaf;
use super::odds::Odds;
use super::script::Condition;
use crate::policy::{Layout, Policy, ScriptType};

/// The most pieces of one leaf.
pub const MAX_PIECES: usize = 64;

/// The most seats of all pieces of one leaf together.  A script is written, read back and compared
/// seat by seat, so with them grows what compiling takes.
const MAX_SEATS: usize = 512;

/// The most script leaves of one stage whose leaves are split.
pub const MAX_SCRIPTS: usize = 128;

/// The most partitions of one leaf that are looked at beside the others of its stage.
const MAX_PARTITIONS: usize = 4;

/// The most rounds over all leaves; two or three are enough for what has been seen.
const MAX_ROUNDS: usize = 4;

/// The blocks of all leaves but the key path, in the order of the leaves.
pub(super) fn blocks(leaves: &[Leaf], policy: &Policy) -> Vec<Block> {
    let script_leaves = leaves.iter().enumerate();
    let script_leaves = script_leaves.filter(|(_, leaf)| !leaf.is_key_path());
    match (policy.layout(), policy.script()) {
        (Layout::Cheapest, ScriptType::Tr) => {
            let choices: Vec<Vec<Vec<Block>>> = script_leaves
                .map(|(number, leaf)| choices(number, leaf))
                .collect();
            cheapest(choices)
        }
        (Layout::Device, _) | (Layout::Cheapest, ScriptType::Wsh) => script_leaves
            .map(|(number, leaf)| Block::whole(number, leaf, policy.script()))
            .collect(),
    }
}

/// The partitions of one leaf that are worth a look, the leaf in one piece first.
fn choices(number: usize, leaf: &Leaf) -> Vec<Vec<Block>> {
    let weight = f64::from(leaf.likelihood());
    let parts = match Condition::of(leaf) {
        Condition::Threshold(_, parts) => parts,
        seat @ Condition::Seat(_) => vec![seat],
    };
    let whole = Piece { parts, share: 1.0 };
    let encoder = Encoder::new(ScriptType::Tr, number);
    let blocks = |pieces: Vec<Piece>| -> Option<Vec<Block>> {
        let pieces = pieces.into_iter();
        pieces
            .map(|piece| Block::piece(number, leaf, piece.parts, weight * piece.share, &encoder))
            .collect()
    };
    let mut partitions = vec![vec![whole.clone()]];
    // A pre-signature commits to its script, so there is just one.
    if let [part] = whole.parts.as_slice()
        && !leaf.is_presigned()
    {
        partitions.extend(splits(part, false));
        partitions.extend(packings(part));
        if let Some(roster) = Roster::of(leaf, part) {
            let sets = Odds::of(part, ScriptType::Tr).sets;
            // With its members last, what is left of them when the others are split off is the
            // roster, which has a script already.
            partitions.extend(splits(&roster.last(part), true));
            partitions = partitions
                .into_iter()
                .flat_map(|pieces| {
                    let apart = roster.apart_from(&pieces, sets);
                    // Where the roster was left out, it has to have a piece of its own.
                    let is_whole = pieces.iter().any(|piece| piece.is_met_by(&roster.seats));
                    let among = is_whole.then(|| roster.among(&pieces));
                    among.into_iter().chain([apart])
                })
                .collect();
        }
    }
    // Only those that promise most are written out.
    let mut others = partitions.split_off(1);
    others.retain(|pieces| pieces.iter().map(Piece::seats).sum::<usize>() <= MAX_SEATS);
    let price: Vec<f64> = others.iter().map(|pieces| estimate(pieces)).collect();
    let mut order: Vec<usize> = (0..others.len()).collect();
    order.sort_by(|left, right| {
        let price = |place: &usize| price.get(*place).copied().unwrap_or(f64::INFINITY);
        price(left).total_cmp(&price(right))
    });
    for place in order.into_iter().take(MAX_PARTITIONS) {
        if let Some(pieces) = others.get_mut(place) {
            partitions.push(std::mem::take(pieces));
        }
    }
    partitions.into_iter().filter_map(blocks).collect()
}

/// About what a partition weighs in a tree of its own.
fn estimate(pieces: &[Piece]) -> f64 {
    let own = pieces.iter().map(|piece| {
        let parts = piece.parts.iter();
        let parts = parts.map(|part| estimated_size(part) + Odds::of(part, ScriptType::Tr).satisfy);
        piece.share * parts.sum::<f64>()
    });
    own.sum::<f64>() + LEVEL * levels(pieces.iter().map(|piece| piece.share).collect())
}

/// One choice for each leaf, so that all together are cheapest, in one list.
fn cheapest(choices: Vec<Vec<Vec<Block>>>) -> Vec<Block> {
    let mut chosen = vec![0; choices.len()];
    let mut best = expected(&selected(&choices, &chosen));
    for _ in 0..MAX_ROUNDS {
        let before = best;
        for leaf in 0..choices.len() {
            let count = choices.get(leaf).map_or(0, Vec::len);
            for choice in 0..count {
                let mut other = chosen.clone();
                if let Some(own) = other.get_mut(leaf) {
                    *own = choice;
                }
                let blocks = selected(&choices, &other);
                let cost = expected(&blocks);
                if cost < best && blocks.len() <= MAX_SCRIPTS {
                    (best, chosen) = (cost, other);
                }
            }
        }
        if best >= before {
            break;
        }
    }
    selected(&choices, &chosen).into_iter().cloned().collect()
}

fn selected<'a>(choices: &'a [Vec<Vec<Block>>], chosen: &[usize]) -> Vec<&'a Block> {
    let pairs = choices.iter().zip(chosen);
    pairs
        .filter_map(|(choices, chosen)| choices.get(*chosen))
        .flatten()
        .collect()
}

/// What the blocks weigh in their tree, each as often as it is used.
fn expected(blocks: &[&Block]) -> f64 {
    let own = blocks
        .iter()
        .map(|block| block.weight * (block.expected + tapleaf_weight(block.size as u64, 0) as f64));
    own.sum::<f64>() + LEVEL * levels(blocks.iter().map(|block| block.weight).collect())
}

#[cfg(test)]
mod tests;
