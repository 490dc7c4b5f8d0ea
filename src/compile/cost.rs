//! What it costs to spend a leaf, computed and never guessed.

use bitcoin::{FeeRate, Weight};
use miniscript::Descriptor;
use miniscript::descriptor::WshInner;
use serde::Serialize;

use super::leaf::Leaf;
use super::stage::StageDescriptor;
use crate::policy::ScriptType;

/// Weight of a pay-to-anchor output: 8 bytes of value and a script of 4 with its length.
const ANCHOR_OUTPUT_WEIGHT: u64 = 4 * (8 + 1 + 4);

/// Weight of an output to a stage, which P2TR and P2WSH share: a script of 34 bytes.
const STAGE_OUTPUT_WEIGHT: u64 = 4 * (8 + 1 + 34);

/// Weight of what every segwit transaction has around its inputs and outputs: version, lock time,
/// two counts below 253, and the marker and flag.
const FRAME_WEIGHT: u64 = 4 * (4 + 4 + 1 + 1) + 2;

/// Weight of an input without its witness: outpoint, empty script and sequence.
const INPUT_WEIGHT: u64 = 4 * (32 + 4 + 1 + 4);

/// Bytes of a control block of depth 0: leaf version and internal key (BIP-341).
const CONTROL_BLOCK: u64 = 33;

/// Bytes that each level of the tree adds to a control block.
const CONTROL_BLOCK_LEVEL: u64 = 32;

/// Bytes of a key path signature on the stack.
const KEY_PATH_ITEM: u64 = 65;

/// Bytes of a `1` on the stack, which takes the first branch of an `or_i`.
const ONE_ITEM: u64 = 2;

/// Bytes of an empty item on the stack, which takes the second branch of an `or_i`.
const EMPTY_ITEM: u64 = 1;

/// What spending one coin through a leaf costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpendCost {
    /// Weight of the witness.
    pub witness_weight: u64,
    /// Weight of a transaction with this one input, one output to a stage, and an anchor.
    pub weight: u64,
    /// The same in virtual bytes.
    pub vbytes: u64,
}

impl SpendCost {
    /// The cost of spending one coin of this stage through this leaf.
    #[must_use]
    pub fn of(stage: &StageDescriptor, leaf: &Leaf) -> Self {
        let weight = spend_weight(stage, leaf, 1);
        Self {
            witness_weight: witness_weight(stage, leaf),
            weight: weight.to_wu(),
            vbytes: weight.to_vbytes_ceil(),
        }
    }

    /// The fee at a feerate, as nodes ask for it: for whole virtual bytes.
    #[must_use]
    pub fn fee(&self, rate: FeeRate) -> Option<bitcoin::Amount> {
        rate.fee_vb(self.vbytes)
    }
}

/// The most a transaction weighs that spends so many coins of this stage through this leaf to one
/// stage output and an anchor.
#[must_use]
pub fn spend_weight(stage: &StageDescriptor, leaf: &Leaf, inputs: u64) -> Weight {
    let input = INPUT_WEIGHT + witness_weight(stage, leaf);
    Weight::from_wu(FRAME_WEIGHT + STAGE_OUTPUT_WEIGHT + ANCHOR_OUTPUT_WEIGHT + inputs * input)
}

/// The most a witness weighs that spends this leaf: its items with their lengths, and the count.
#[must_use]
pub fn witness_weight(stage: &StageDescriptor, leaf: &Leaf) -> u64 {
    if leaf.is_key_path() {
        return 1 + KEY_PATH_ITEM;
    }
    let position = stage
        .leaves()
        .iter()
        .filter(|other| !other.is_key_path())
        .position(|other| other.kind() == leaf.kind())
        .unwrap_or_default();
    // No leaf has as many as 253 items, so their count is one byte.
    1 + match stage.descriptor() {
        Descriptor::Tr(tr) => {
            let signatures = signatures(leaf, ScriptType::Tr);
            let leaves = tr.tap_tree().iter().flat_map(|tree| tree.iter());
            let (depth, script) = leaves
                .map(|(depth, script)| (u64::from(depth), script.script_size() as u64))
                .nth(position)
                .unwrap_or_default();
            let control_block = CONTROL_BLOCK + depth * CONTROL_BLOCK_LEVEL;
            signatures + item(script) + item(control_block)
        }
        Descriptor::Wsh(wsh) => {
            let script = match wsh.as_inner() {
                WshInner::Ms(script) => script.script_size() as u64,
                WshInner::SortedMulti(sorted) => sorted.script_size() as u64,
            };
            let is_last = position + 1 == stage.leaves().len();
            let turns = position as u64 * EMPTY_ITEM + if is_last { 0 } else { ONE_ITEM };
            signatures(leaf, ScriptType::Wsh) + turns + item(script)
        }
        _ => 0,
    }
}

fn signatures(leaf: &Leaf, script: ScriptType) -> u64 {
    leaf.groups()
        .iter()
        .map(|group| group.expression().witness(script).satisfy)
        .sum()
}

/// A stack item with its length in front.
const fn item(bytes: u64) -> u64 {
    compact_size(bytes) + bytes
}

/// Bytes that Bitcoin's compact size encoding takes.
const fn compact_size(value: u64) -> u64 {
    match value {
        0..=0xfc => 1,
        0xfd..=0xffff => 3,
        _ => 5,
    }
}
