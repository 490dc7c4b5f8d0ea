//! What it costs to spend a leaf, computed and never guessed.

use bitcoin::{FeeRate, Weight};
use miniscript::Descriptor;
use miniscript::descriptor::WshInner;
use serde::Serialize;

use super::layout::Block;
use super::leaf::Leaf;
use super::seat::SeatKey;
use super::stage::StageDescriptor;

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

/// What spending one coin through a leaf costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpendCost {
    /// Weight of the witness.
    pub witness_weight: u64,
    /// Weight of a transaction with this one input, one output to a stage, and an anchor where
    /// the version has one.
    pub weight: u64,
    /// The same in virtual bytes.
    pub vbytes: u64,
}

impl SpendCost {
    /// The cost of spending one coin of this stage through this leaf, at most: by whichever of
    /// its smallest sets of signers it is dearest.
    #[must_use]
    pub fn of(stage: &StageDescriptor, leaf: &Leaf) -> Self {
        let weight = spend_weight(stage, leaf, 1);
        Self {
            witness_weight: stage.witness_weight(leaf.kind()).most,
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
/// stage output, and to an anchor where the version has one.
#[must_use]
pub fn spend_weight(stage: &StageDescriptor, leaf: &Leaf, inputs: u64) -> Weight {
    let input = INPUT_WEIGHT + stage.witness_weight(leaf.kind()).most;
    Weight::from_wu(around_inputs(stage) + inputs * input)
}

/// Less than any transaction weighs that spends one coin of this stage through this leaf to one
/// stage output: what is around the signatures, and none of them.
pub(super) fn least_weight(stage: &StageDescriptor, leaf: &Leaf) -> Weight {
    let input = INPUT_WEIGHT + stage.witness_weight(leaf.kind()).least;
    Weight::from_wu(around_inputs(stage) + input)
}

fn around_inputs(stage: &StageDescriptor) -> u64 {
    let anchor = match stage.version().has_anchor() {
        true => ANCHOR_OUTPUT_WEIGHT,
        false => 0,
    };
    FRAME_WEIGHT + STAGE_OUTPUT_WEIGHT + anchor
}

/// What a witness weighs that spends a leaf: its items with their lengths, and the count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WitnessWeight {
    /// By the dearest of the smallest sets of signers, each through the cheapest script it can
    /// sign.
    pub most: u64,
    /// Without any signature, by the lightest script: less than any witness weighs.
    pub least: u64,
    /// On average: the roster with its share where there is one, and otherwise every smallest set
    /// of signers as likely as the others.
    pub expected: f64,
}

impl WitnessWeight {
    /// Of the taproot key path.
    pub(super) const KEY_PATH: Self = Self {
        most: 1 + KEY_PATH_ITEM,
        least: 1,
        expected: (1 + KEY_PATH_ITEM) as f64,
    };
}

/// The weights of the witnesses of all leaves, computed in one go over the blocks, which are in
/// the order in which they stand in the descriptor.
pub(super) fn witness_weights(
    descriptor: &Descriptor<SeatKey>,
    blocks: &[Block],
    leaves: &[Leaf],
) -> Vec<WitnessWeight> {
    let mut weights: Vec<WitnessWeight> = leaves
        .iter()
        .map(|leaf| {
            if leaf.is_key_path() {
                WitnessWeight::KEY_PATH
            } else {
                WitnessWeight::default()
            }
        })
        .collect();
    let around: Vec<u64> = match descriptor {
        Descriptor::Tr(tr) => {
            let scripts = tr.tap_tree().iter().flat_map(|tree| tree.iter());
            let around = scripts.map(|(depth, script)| {
                tapleaf_weight(script.script_size() as u64, u64::from(depth))
            });
            around.collect()
        }
        Descriptor::Wsh(wsh) => {
            let script = match wsh.as_inner() {
                WshInner::Ms(script) => script.script_size() as u64,
                WshInner::SortedMulti(sorted) => sorted.script_size() as u64,
            };
            vec![1 + item(script); blocks.len()]
        }
        _ => return weights,
    };
    for (block, around) in blocks.iter().zip(around) {
        let Some((leaf, weight)) = leaves.get(block.leaf).zip(weights.get_mut(block.leaf)) else {
            continue;
        };
        weight.most = weight.most.max(around + block.most);
        weight.least = match weight.least {
            0 => around,
            least => least.min(around),
        };
        let share = block.weight / f64::from(leaf.likelihood());
        weight.expected += share * (around as f64 + block.expected);
    }
    weights
}

/// What a tapleaf puts into a witness besides what satisfies its script: the count of items, the
/// script, and the control block.  No script asks for as many as 253 items, so their count is one
/// byte.
pub(super) const fn tapleaf_weight(script: u64, depth: u64) -> u64 {
    1 + item(script) + item(CONTROL_BLOCK + depth * CONTROL_BLOCK_LEVEL)
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
