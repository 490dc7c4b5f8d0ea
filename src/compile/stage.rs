//! A stage and its descriptor.

use std::fmt;
use std::str::FromStr;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use serde::Serialize;

use super::internal_key::unspendable_internal_key;
use super::layout;
use super::leaf::{Leaf, LeafKind};
use super::meaning::means;
use super::{CompileError, TRUC_MAX_WEIGHT, cost};
use crate::policy::{Policy, ScriptType};

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
    descriptor: Descriptor<DescriptorPublicKey>,
    /// Receive and change: the same descriptor with each half of its branch pairs.
    halves: [Descriptor<DescriptorPublicKey>; 2],
    leaves: Vec<Leaf>,
}

impl StageDescriptor {
    pub(super) fn new(
        stage: Stage,
        leaves: Vec<Leaf>,
        policy: &Policy,
    ) -> Result<Self, CompileError> {
        let (text, leaves, internal_key) = match policy.script() {
            ScriptType::Tr => {
                let (key_path, script_leaves): (Vec<Leaf>, Vec<Leaf>) =
                    leaves.into_iter().partition(Leaf::is_key_path);
                let (tree, mut ordered) = layout::tap_tree(script_leaves);
                let internal_key = key_path
                    .first()
                    .and_then(|leaf| leaf.keys().next().cloned());
                let internal_key = internal_key
                    .unwrap_or_else(|| unspendable_internal_key(&ordered, policy.network().kind()));
                let text = if tree.is_empty() {
                    format!("tr({internal_key})")
                } else {
                    format!("tr({internal_key},{tree})")
                };
                ordered.splice(0..0, key_path);
                (text, ordered, Some(internal_key))
            }
            ScriptType::Wsh => {
                let (chain, ordered) = layout::or_chain(leaves);
                (format!("wsh({chain})"), ordered, None)
            }
        };
        let refused = |source: miniscript::Error| CompileError::Refused {
            stage: stage.clone(),
            source: Box::new(source),
        };
        let descriptor = Descriptor::<DescriptorPublicKey>::from_str(&text)
            .map_err(|error| limit_or(&stage, error, refused))?;
        descriptor
            .sanity_check()
            .map_err(|error| limit_or(&stage, error, refused))?;
        if !means(&descriptor, internal_key.as_ref(), &leaves) {
            return Err(CompileError::Meaning { stage });
        }
        let halves = descriptor
            .clone()
            .into_single_descriptors()
            .map_err(refused)?;
        let halves = <[_; 2]>::try_from(halves).map_err(|_| CompileError::Meaning {
            stage: stage.clone(),
        })?;
        let compiled = Self {
            stage,
            descriptor,
            halves,
            leaves,
        };
        compiled.check_limits()?;
        Ok(compiled)
    }

    /// The stage this is.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The descriptor, with receive and change branches as a multipath expression (BIP-389).
    /// It prints with its checksum.
    #[must_use]
    pub const fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }

    pub(super) const fn halves(&self) -> &[Descriptor<DescriptorPublicKey>; 2] {
        &self.halves
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

    /// Whether this is taproot.
    #[must_use]
    pub const fn is_taproot(&self) -> bool {
        matches!(self.descriptor, Descriptor::Tr(_))
    }

    /// The taproot internal key, which stands for the key path.
    ///
    /// Where root is one key it is that key; otherwise [nobody](super::is_unspendable) has it.
    #[must_use]
    pub fn internal_key(&self) -> Option<&DescriptorPublicKey> {
        match &self.descriptor {
            Descriptor::Tr(tr) => Some(tr.internal_key()),
            _ => None,
        }
    }

    /// Every leaf must be spendable in one transaction that nodes relay.
    fn check_limits(&self) -> Result<(), CompileError> {
        for leaf in &self.leaves {
            let weight = cost::spend_weight(self, leaf, 1).to_wu();
            if weight > TRUC_MAX_WEIGHT {
                let reason = format!(
                    "{} weighs {weight} weight units, and a version 3 transaction may weigh {TRUC_MAX_WEIGHT}",
                    leaf.kind()
                );
                return Err(CompileError::Limit {
                    stage: self.stage.clone(),
                    reason,
                });
            }
        }
        Ok(())
    }
}

/// An error about size is the policy's, any other is ours.
fn limit_or(
    stage: &Stage,
    error: miniscript::Error,
    other: impl FnOnce(miniscript::Error) -> CompileError,
) -> CompileError {
    use miniscript::AnalysisError::{BranchExceedResouceLimits, HeightTimelockCombination};
    match error {
        miniscript::Error::AnalysisError(BranchExceedResouceLimits) => CompileError::Limit {
            stage: stage.clone(),
            reason: "its script exceeds what P2WSH allows (3,600 bytes, 201 operations, 100 stack items); use fewer paths or members, or `script = \"tr\"`".to_owned(),
        },
        miniscript::Error::AnalysisError(HeightTimelockCombination) => CompileError::Limit {
            stage: stage.clone(),
            reason: "one branch mixes a height lock and a time lock of the same kind".to_owned(),
        },
        miniscript::Error::ContextError(context) => {
            CompileError::Limit { stage: stage.clone(), reason: context.to_string() }
        }
        error => other(error),
    }
}
