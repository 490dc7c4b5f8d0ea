//! A stage and its descriptor.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bitcoin::secp256k1::{All, Secp256k1};
use miniscript::descriptor::{ConversionError, Descriptor, DescriptorPublicKey};
use miniscript::{ForEachKey, MiniscriptKey, TranslateErr};
use serde::Serialize;

use super::cost::WitnessWeight;
use super::derive::Keychain;
use super::joint::{CommonSeats, Joint};
use super::layout::{Block, WholeScript};
use super::leaf::{Leaf, LeafKind};
use super::meaning::means;
use super::parent::Parents;
use super::script::{Condition, Place, ScriptLeaf, cover};
use super::seat::{SeatKey, with_keys};
use super::{CompileError, Excess, cost, layout, limits, split};
use crate::policy::{Layout, Policy, ScriptType, TransactionVersion};

/// Where a coin can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "stage", content = "path")]
pub enum Stage {
    /// At rest, under the whole policy.
    Vault,
    /// Triggered on this path: the veto window runs.
    Escrow(String),
    /// Settled on this path: the lock-up period runs.
    Lockup(String),
}

impl Stage {
    /// The path, for a stage that belongs to one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Vault => None,
            Self::Escrow(path) | Self::Lockup(path) => Some(path),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault => f.write_str("vault"),
            Self::Escrow(path) => write!(f, "escrow of {path}"),
            Self::Lockup(path) => write!(f, "lock-up of {path}"),
        }
    }
}

/// The descriptor of one stage, with what each of its leaves is for.
#[derive(Clone, Debug)]
pub struct StageDescriptor {
    stage: Stage,
    version: TransactionVersion,
    descriptor: Arc<Descriptor<DescriptorPublicKey>>,
    text: String,
    leaves: Vec<Leaf>,
    /// For each leaf, what can be spent through in its stead and what that costs.
    scripts: Vec<LeafScripts>,
    /// Leaves that are written as one.
    common: Vec<CommonSeats>,
    /// For each keychain, what its keys are children of, once somebody has asked.
    parents: [OnceLock<Parents>; 2],
}

/// How a leaf stands in a descriptor.
#[derive(Clone, Debug)]
pub(super) struct LeafScripts {
    pub scripts: Vec<ScriptLeaf>,
    pub weight: WitnessWeight,
}

impl StageDescriptor {
    pub(super) fn new(
        stage: Stage,
        mut leaves: Vec<Leaf>,
        policy: &Policy,
    ) -> Result<Self, CompileError> {
        // The key path comes first, whatever the order of the others.
        leaves.sort_by_key(|leaf| !leaf.is_key_path());
        let blocks = split::blocks(&leaves, policy);
        let mut joints = Vec::new();
        let (text, blocks) = match policy.script() {
            ScriptType::Tr => {
                let (tree, depth, blocks) = layout::tap_tree(blocks);
                if let Some(excess) = limits::depth_excess(depth) {
                    return Err(limit(&stage, excess));
                }
                let text = if tree.is_empty() {
                    format!("tr({})", SeatKey::Internal)
                } else {
                    format!("tr({},{tree})", SeatKey::Internal)
                };
                (text, blocks)
            }
            ScriptType::Wsh => {
                let cheapest = match policy.layout() {
                    Layout::Device => None,
                    Layout::Cheapest => cheapest_wsh(&blocks, Joint::all(&stage, &leaves), &leaves),
                };
                match cheapest {
                    Some(cheapest) => {
                        joints = cheapest.joints;
                        (cheapest.text, cheapest.blocks)
                    }
                    None => {
                        let (chain, blocks) = layout::or_chain(blocks);
                        if let Some(excess) = limits::p2wsh_excess(&blocks, &leaves) {
                            return Err(limit(&stage, excess));
                        }
                        (format!("wsh({chain})"), blocks)
                    }
                }
            }
        };
        let refused = |source: miniscript::Error| CompileError::Refused {
            stage: stage.clone(),
            source: Box::new(source),
        };
        let seats = Descriptor::<SeatKey>::from_str(&text)
            .map_err(|error| limit_or(&stage, error, refused))?;
        seats
            .sanity_check()
            .map_err(|error| limit_or(&stage, error, refused))?;
        let scripts = scripts(&seats, &blocks, &leaves);
        let mut covered = true;
        for (own, leaf) in scripts.iter().zip(&leaves) {
            covered &= cover(&own.scripts, leaf).map_err(|source| CompileError::Undecided {
                stage: stage.clone(),
                source,
            })?;
        }
        for joint in &joints {
            covered &= joint
                .covers(&leaves)
                .map_err(|source| CompileError::Undecided {
                    stage: stage.clone(),
                    source,
                })?;
        }
        if !covered || !means(&seats, &blocks, &joints, &leaves) {
            return Err(CompileError::Meaning { stage });
        }
        let common = joints.iter().map(|joint| joint.share_keys(&mut leaves));
        let Some(common) = common.collect::<Option<Vec<_>>>() else {
            return Err(CompileError::Meaning { stage });
        };
        let (descriptor, text) =
            with_keys(&seats, &leaves, policy).map_err(|error| match error {
                TranslateErr::TranslatorErr(()) => CompileError::Meaning {
                    stage: stage.clone(),
                },
                TranslateErr::OuterError(error) => limit_or(&stage, error, refused),
            })?;
        // Leaves stand as their first scripts do.
        let mut ordered: Vec<(usize, Leaf, LeafScripts)> = Vec::new();
        let firsts: Vec<usize> = (0..leaves.len())
            .map(|number| {
                let first = blocks.iter().position(|block| block.leaf == number);
                first.map_or(0, |first| first + 1)
            })
            .collect();
        for ((leaf, own), first) in leaves.into_iter().zip(scripts).zip(firsts) {
            ordered.push((first, leaf, own));
        }
        ordered.sort_by_key(|(first, ..)| *first);
        let (leaves, scripts) = ordered
            .into_iter()
            .map(|(_, leaf, own)| (leaf, own))
            .unzip();
        let other = CompileError::Meaning {
            stage: stage.clone(),
        };
        let mut compiled =
            Self::from_parts(stage, policy.version(), descriptor, text, leaves, scripts)
                .ok_or(other)?;
        compiled.common = common;
        compiled.check_limits()?;
        Ok(compiled)
    }

    /// A stage whose leaves and scripts are known to be those of the descriptor; none if a key of
    /// it has more branches than receive and change.
    ///
    /// Where it has one branch and not two, both keychains are the same.
    pub(super) fn from_parts(
        stage: Stage,
        version: TransactionVersion,
        descriptor: Descriptor<DescriptorPublicKey>,
        text: String,
        leaves: Vec<Leaf>,
        scripts: Vec<LeafScripts>,
    ) -> Option<Self> {
        let two_at_most = descriptor.for_each_key(|key| key.num_der_paths() <= 2);
        two_at_most.then_some(Self {
            stage,
            version,
            descriptor: Arc::new(descriptor),
            text,
            leaves,
            scripts,
            common: Vec::new(),
            parents: Default::default(),
        })
    }

    /// Seats of two leaves that have one key.
    pub(super) fn common_seats(&self) -> &[CommonSeats] {
        &self.common
    }

    /// Whether a seat has the key of a seat of another leaf, with which its leaf is written as one.
    pub(super) fn is_common(&self, leaf: &LeafKind, seat: usize) -> bool {
        let mut common = self.common.iter().filter(|common| common.second == *leaf);
        common.any(|common| common.seats.iter().any(|(_, other)| *other == seat))
    }

    /// Says what witnesses weigh, leaf by leaf.
    pub(super) fn set_weights(&mut self, weights: Vec<WitnessWeight>) {
        for (own, weight) in self.scripts.iter_mut().zip(weights) {
            own.weight = weight;
        }
    }

    /// The stage this is.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The version of the transactions that spend it.
    #[must_use]
    pub const fn version(&self) -> TransactionVersion {
        self.version
    }

    /// The descriptor, with receive and change branches as a multipath expression (BIP-389).
    /// It prints with its checksum.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }

    pub(super) fn shared_descriptor(&self) -> Arc<Descriptor<DescriptorPublicKey>> {
        Arc::clone(&self.descriptor)
    }

    /// What the keys of a keychain are children of, derived when it is first asked for.
    pub(super) fn parents(
        &self,
        keychain: Keychain,
        secp: &Secp256k1<All>,
    ) -> Result<&Parents, ConversionError> {
        let [receive, change] = &self.parents;
        let parents = match keychain {
            Keychain::Receive => receive,
            Keychain::Change => change,
        };
        if let Some(known) = parents.get() {
            return Ok(known);
        }
        let derived = Parents::new(&self.descriptor, keychain, secp)?;
        Ok(parents.get_or_init(|| derived))
    }

    /// The same as text, with its checksum.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The leaves: first the key path if it can be spent, then the script leaves as they stand in
    /// the descriptor, from left to right.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The leaf of this kind.
    #[must_use]
    pub fn leaf(&self, kind: &LeafKind) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.kind() == kind)
    }

    /// The scripts through which the leaf of this kind can be spent; none if there is no such
    /// leaf.
    ///
    /// There is one, unless the layout is `cheapest` and the leaf holds no pre-signature.
    #[must_use]
    pub fn scripts(&self, kind: &LeafKind) -> &[ScriptLeaf] {
        self.own(kind).map_or(&[], |own| &own.scripts)
    }

    /// What a witness weighs that spends the leaf of this kind; nothing if there is no such leaf.
    #[must_use]
    pub fn witness_weight(&self, kind: &LeafKind) -> WitnessWeight {
        self.own(kind)
            .map_or_else(WitnessWeight::default, |own| own.weight)
    }

    fn own(&self, kind: &LeafKind) -> Option<&LeafScripts> {
        let number = self.leaves.iter().position(|leaf| leaf.kind() == kind)?;
        self.scripts.get(number)
    }

    /// Whether this is taproot.
    #[must_use]
    pub fn is_taproot(&self) -> bool {
        matches!(*self.descriptor, Descriptor::Tr(_))
    }

    /// The taproot internal key, which stands for the key path.
    ///
    /// Where root is one key it is that key; otherwise [nobody](super::is_unspendable) has it.
    #[must_use]
    pub fn internal_key(&self) -> Option<&DescriptorPublicKey> {
        match &*self.descriptor {
            Descriptor::Tr(tr) => Some(tr.internal_key()),
            _ => None,
        }
    }

    /// Every leaf must be spendable in one transaction that nodes relay.
    pub(super) fn check_limits(&self) -> Result<(), CompileError> {
        for leaf in &self.leaves {
            let weight = cost::spend_weight(self, leaf, 1).to_wu();
            if let Some(excess) = limits::weight_excess(leaf.kind(), weight, self.version) {
                return Err(limit(&self.stage, excess));
            }
        }
        Ok(())
    }
}

/// A P2WSH script, its blocks, and the leaves that are written as one in it.
struct CheapestScript {
    text: String,
    blocks: Vec<Block>,
    joints: Vec<Joint>,
}

/// The cheapest P2WSH script that is within the limits of one, if there is any: with the leaves
/// that can be written as one, or with each leaf by itself.
fn cheapest_wsh(blocks: &[Block], joints: Vec<Joint>, leaves: &[Leaf]) -> Option<CheapestScript> {
    let apart = fitting_wsh(blocks, &[], leaves);
    let joint = if joints.is_empty() {
        None
    } else {
        fitting_wsh(blocks, &joints, leaves)
    };
    let (script, joints) = match (apart, joint) {
        (Some(apart), Some(joint)) if apart.cost <= joint.cost => (apart, Vec::new()),
        (_, Some(joint)) => (joint, joints),
        (apart, None) => (apart?, Vec::new()),
    };
    Some(CheapestScript {
        text: format!("wsh({})", script.text),
        blocks: script.blocks,
        joints,
    })
}

/// The cheapest script of this form that is within the limits of P2WSH, if there is any.
///
/// Hashes of keys take operations, so there are fewer of them until the script fits.
fn fitting_wsh(blocks: &[Block], joints: &[Joint], leaves: &[Leaf]) -> Option<WholeScript> {
    let mut hashed = blocks.len();
    loop {
        if let Some(script) = layout::or_cheapest(blocks, joints, leaves, hashed) {
            let read = Descriptor::<SeatKey>::from_str(&format!("wsh({})", script.text));
            if read.is_ok_and(|read| read.sanity_check().is_ok()) {
                return Some(script);
            }
        }
        if hashed == 0 {
            return None;
        }
        hashed /= 2;
    }
}

/// Each leaf's scripts and weights, the blocks being in the order of the descriptor.
fn scripts(
    descriptor: &Descriptor<SeatKey>,
    blocks: &[Block],
    leaves: &[Leaf],
) -> Vec<LeafScripts> {
    let weights = cost::witness_weights(descriptor, blocks, leaves);
    let is_taproot = matches!(descriptor, Descriptor::Tr(_));
    let mut own: Vec<LeafScripts> = leaves
        .iter()
        .zip(weights)
        .map(|(leaf, weight)| LeafScripts {
            scripts: if leaf.is_key_path() {
                vec![ScriptLeaf::new(Place::KeyPath, Condition::of(leaf))]
            } else {
                Vec::new()
            },
            weight,
        })
        .collect();
    for (position, block) in blocks.iter().enumerate() {
        let place = if is_taproot {
            Place::Tapleaf(position)
        } else {
            Place::Script
        };
        if let Some(own) = own.get_mut(block.leaf) {
            own.scripts.push(ScriptLeaf::new(place, block.condition()));
        }
    }
    own
}

/// An error about size is the policy's, any other is ours.
fn limit_or(
    stage: &Stage,
    error: miniscript::Error,
    other: impl FnOnce(miniscript::Error) -> CompileError,
) -> CompileError {
    use miniscript::AnalysisError::{BranchExceedResouceLimits, HeightTimelockCombination};
    let excess = |reason: String, remedy: &str| {
        let excess = Excess {
            reason,
            remedy: remedy.to_owned(),
            part: None,
            of_script: true,
        };
        limit(stage, excess)
    };
    let fewer = "use fewer paths or members, or `script = \"tr\"`";
    match error {
        miniscript::Error::AnalysisError(BranchExceedResouceLimits) => excess(
            "its script exceeds what P2WSH allows (3,600 bytes, 201 operations, 100 stack items)"
                .to_owned(),
            fewer,
        ),
        miniscript::Error::AnalysisError(HeightTimelockCombination) => excess(
            "one branch mixes a height lock and a time lock of the same kind".to_owned(),
            "use one kind of lock",
        ),
        miniscript::Error::ContextError(context) => excess(context.to_string(), fewer),
        error => other(error),
    }
}

fn limit(stage: &Stage, excess: Excess) -> CompileError {
    CompileError::Limit {
        stage: stage.clone(),
        excess: Box::new(excess),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::compile::compile;
    use crate::policy::check;

    /// One transaction with one leaf at the limit of relay, and with one that weighs one unit more.
    #[test]
    fn a_stage_that_cannot_be_spent_in_one_transaction_is_refused() {
        let text = include_str!("../../policies/dao-treasury/policy.toml");
        let policy = check(text).policy.expect("the policy is sound");
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        let mut stage = compiled.vault().clone();
        let last = stage.leaves().last().expect("a vault has leaves").clone();
        let own = stage.witness_weight(last.kind()).most;
        let around = cost::spend_weight(&stage, &last, 1).to_wu() - own;
        for more in [0, 1] {
            let most = limits::TRUC_MAX_WEIGHT - around + more;
            let mut weights = vec![WitnessWeight::default(); stage.leaves().len()];
            if let Some(weight) = weights.last_mut() {
                weight.most = most;
            }
            stage.set_weights(weights);
            match stage.check_limits() {
                Ok(()) => assert_eq!(more, 0),
                Err(CompileError::Limit { excess, .. }) => {
                    assert_eq!(more, 1);
                    assert!(excess.reason.contains("40001"), "{excess}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
