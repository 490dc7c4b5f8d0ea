//! Policy to descriptors: one for the vault, and one for each escrow and lock-up.
//!
//! A descriptor is written leaf by leaf from the policy, read back by miniscript, checked by its
//! rules and ours, lifted, and compared with what the policy means.  What comes out of
//! [`compile`] has passed all of that.  It is a pure function: the same policy gives the same
//! bytes on every machine.

mod branch;
#[cfg(test)]
mod chance;
mod cost;
mod derive;
mod dummy;
mod encode;
mod expression;
mod id;
mod internal_key;
mod joint;
mod layout;
mod leaf;
mod limits;
mod meaning;
mod odds;
mod parent;
mod pieces;
mod pinned;
mod plain;
mod refusal;
mod script;
mod seat;
mod split;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::FeeRate;
use miniscript::descriptor::DescriptorPublicKey;
use thiserror::Error;

use crate::logic::TooLarge;
use crate::policy::{Policy, SpendingPath};

pub use self::branch::{BranchTable, BranchUse};
pub use self::cost::{SpendCost, WitnessWeight, spend_weight};
pub use self::derive::{Derived, DerivedLeaf, DerivedScript, KeyUse, Keychain};
pub use self::id::PolicyId;
pub use self::internal_key::{NUMS_POINT, is_unspendable};
pub use self::leaf::{Group, Leaf, LeafKind, Role};
pub use self::limits::{
    Excess, MAX_P2WSH_BYTES, MAX_P2WSH_ITEMS, MAX_P2WSH_OPERATIONS, MAX_STANDARD_WEIGHT,
    MAX_TREE_DEPTH, TRUC_MAX_WEIGHT, max_weight,
};
pub(crate) use self::parent::Parents;
pub use self::pieces::{Piece, pieces};
pub use self::script::{Place, ScriptLeaf};
pub use self::stage::{Stage, StageDescriptor};

/// A policy together with the descriptors it has become.
#[derive(Clone, Debug)]
pub struct Compiled {
    policy: Arc<Policy>,
    branches: BranchTable,
    vault: StageDescriptor,
    staged: Vec<StagedDescriptors>,
    id: PolicyId,
}

/// The descriptors of one staged path.
#[derive(Clone, Debug)]
pub struct StagedDescriptors {
    path: String,
    escrow: StageDescriptor,
    lockup: Option<StageDescriptor>,
}

impl StagedDescriptors {
    /// The name of the path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where a trigger puts the coin.
    #[must_use]
    pub const fn escrow(&self) -> &StageDescriptor {
        &self.escrow
    }

    /// Where a settle puts the coin, if the path has a lock-up.
    #[must_use]
    pub const fn lockup(&self) -> Option<&StageDescriptor> {
        self.lockup.as_ref()
    }
}

impl Compiled {
    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The digest of the policy, its descriptors and its branch table.
    #[must_use]
    pub const fn id(&self) -> PolicyId {
        self.id
    }

    /// Which branch pair every use of every key has.
    #[must_use]
    pub const fn branches(&self) -> &BranchTable {
        &self.branches
    }

    /// The descriptor for deposits.
    #[must_use]
    pub const fn vault(&self) -> &StageDescriptor {
        &self.vault
    }

    /// The descriptors of the staged paths, in the order of the policy.
    #[must_use]
    pub fn staged(&self) -> &[StagedDescriptors] {
        &self.staged
    }

    /// All descriptors: the vault, then escrow and lock-up path by path.
    pub fn stages(&self) -> impl Iterator<Item = &StageDescriptor> {
        let staged = self
            .staged
            .iter()
            .flat_map(|staged| std::iter::once(&staged.escrow).chain(&staged.lockup));
        std::iter::once(&self.vault).chain(staged)
    }

    /// The descriptor of a stage, if the policy has that stage.
    #[must_use]
    pub fn stage(&self, stage: &Stage) -> Option<&StageDescriptor> {
        self.stages().find(|descriptor| descriptor.stage() == stage)
    }
}

/// Compiles a policy.
///
/// # Errors
///
/// If a stage is beyond what its script type can hold.  The other errors cannot be provoked by a
/// sound policy: they are the checks on the compiler itself.
pub fn compile(policy: Arc<Policy>) -> Result<Compiled, CompileError> {
    let mut branches = BranchTable::default();
    let vault = match policy.descriptor() {
        Some(descriptor) => pinned::vault(descriptor, &policy).map_err(CompileError::given)?,
        None => StageDescriptor::new(
            Stage::Vault,
            leaf::vault_leaves(&policy, &mut branches),
            &policy,
        )?,
    };
    for common in vault.common_seats() {
        branches.share(&Stage::Vault, common);
    }
    let staged = policy
        .paths()
        .iter()
        .filter(|path| path.staged().is_some())
        .map(|path| staged_descriptors(path, &policy, &mut branches))
        .collect::<Result<Vec<_>, _>>()?;
    let stages: Vec<&StageDescriptor> = std::iter::once(&vault)
        .chain(
            staged
                .iter()
                .flat_map(|path| std::iter::once(&path.escrow).chain(&path.lockup)),
        )
        .collect();
    // Keys of a descriptor from elsewhere stand as they do, and no pre-signature is made for it.
    if policy.descriptor().is_none() {
        check_every_key_use_is_distinct(&stages)?;
    }
    check_rungs(&stages, policy.rungs())?;
    let id = PolicyId::new(policy.canonical(), &stages, &branches);
    Ok(Compiled {
        policy,
        branches,
        vault,
        staged,
        id,
    })
}

fn staged_descriptors(
    path: &SpendingPath,
    policy: &Policy,
    branches: &mut BranchTable,
) -> Result<StagedDescriptors, CompileError> {
    let name = path.name().to_owned();
    let escrow = StageDescriptor::new(
        Stage::Escrow(name.clone()),
        leaf::escrow_leaves(path, policy, branches),
        policy,
    )?;
    let lockup_leaves = leaf::lockup_leaves(path, policy, branches);
    let lockup = if lockup_leaves.is_empty() {
        None
    } else {
        Some(StageDescriptor::new(
            Stage::Lockup(name.clone()),
            lockup_leaves,
            policy,
        )?)
    };
    Ok(StagedDescriptors {
        path: name,
        escrow,
        lockup,
    })
}

/// Whatever is signed in advance at a rung must be able to replace what is signed at the rung
/// below, whoever completed that.
///
/// Nodes ask for a higher fee, by the incremental relay feerate for the size of the newcomer
/// (BIP-125, rules 3 and 4), and for a higher feerate (Bitcoin Core, `src/policy/rbf.cpp`).  Both
/// transactions pay for the most that their leaf can weigh, so a step of 1 sat/vB is enough for the
/// first two, at an incremental feerate of up to 1 sat/vB.  For the last the lower one is taken to
/// be as light as it could be without any signature, and the higher one as heavy as it can be.
fn check_rungs(stages: &[&StageDescriptor], rungs: &[FeeRate]) -> Result<(), CompileError> {
    for pair in rungs.windows(2) {
        let [lower, higher] = pair else { continue };
        let lower = lower.to_sat_per_vb_ceil();
        let higher = higher.to_sat_per_vb_floor();
        let leaves = stages.iter().flat_map(|stage| {
            let leaves = stage.leaves().iter().filter(|leaf| leaf.is_presigned());
            leaves.map(|leaf| {
                let most = spend_weight(stage, leaf, 1).to_vbytes_ceil();
                let least = cost::least_weight(stage, leaf).to_vbytes_floor().max(1);
                let needed = (lower * most).div_euclid(least) + 1;
                (needed, most, least, leaf)
            })
        });
        // That which asks for most, so that what is advised is enough for all.
        let dearest = leaves.max_by_key(|(needed, ..)| *needed);
        if let Some((needed, most, least, leaf)) = dearest.filter(|(needed, ..)| higher < *needed) {
            return Err(CompileError::Rungs {
                leaf: leaf.kind().clone(),
                lower,
                higher,
                needed,
                fitting: (higher * least).saturating_sub(1).div_euclid(most),
            });
        }
    }
    Ok(())
}

/// No key expression may stand twice, in one stage or in two, but in the seats that two leaves
/// which are written as one have in common.
///
/// Miniscript's own check lets one key stand in several taproot leaves.  Ours must not: a
/// signature made for one leaf would then be worth something in another.
fn check_every_key_use_is_distinct(stages: &[&StageDescriptor]) -> Result<(), CompileError> {
    let mut seen: BTreeSet<&DescriptorPublicKey> = BTreeSet::new();
    for stage in stages {
        for leaf in stage.leaves() {
            for (seat, key) in leaf.keys().enumerate() {
                if !stage.is_common(leaf.kind(), seat) && !seen.insert(key) {
                    return Err(CompileError::RepeatedKey {
                        stage: stage.stage().clone(),
                        key: Box::new(key.clone()),
                    });
                }
            }
        }
    }
    Ok(())
}

/// Why a policy cannot be compiled.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The stage is beyond a limit of its script type, or of relay.
    #[error("the {stage} of this policy cannot be spent: {excess}")]
    Limit {
        /// The stage.
        stage: Stage,
        /// Which limit, and what would fit.
        excess: Box<Excess>,
    },
    /// Miniscript refuses what we wrote.
    #[error("the descriptor of the {stage} is refused: {source}")]
    Refused {
        /// The stage.
        stage: Stage,
        /// What miniscript says of it.
        source: Box<miniscript::Error>,
    },
    /// The descriptor, lifted, is not what the policy means.
    #[error("the descriptor of the {stage} does not mean what the policy says")]
    Meaning {
        /// The stage.
        stage: Stage,
    },
    /// Whether the descriptor is what the policy means cannot be decided.
    #[error(
        "it cannot be decided whether the descriptor of the {stage} means what the policy says: {source}"
    )]
    Undecided {
        /// The stage.
        stage: Stage,
        /// What would be too large.
        source: TooLarge,
    },
    /// The descriptor that the policy states for its vault is not that of the policy.
    #[error("the `descriptor` of the policy is not what the policy says: {reason}")]
    Given {
        /// What is wrong with it.
        reason: String,
        /// The path that is not in it, if it is one.
        path: Option<String>,
    },
    /// A transaction at one rung might not replace that at the rung below.
    #[error(
        "the rungs of {lower} and {higher} sat/vB are too close: {}",
        refusal::rungs_apart(.leaf, *.needed, *.fitting)
    )]
    Rungs {
        /// The leaf.
        leaf: LeafKind,
        /// The lower rung, in sat/vB.
        lower: u64,
        /// The higher rung, in sat/vB.
        higher: u64,
        /// The least that the higher one must be, in sat/vB.
        needed: u64,
        /// The most that the lower one may be, in sat/vB.
        fitting: u64,
    },
    /// One key expression stands in two places.
    #[error("the key `{key}` stands twice; the second time in the {stage}")]
    RepeatedKey {
        /// The stage of the second use.
        stage: Stage,
        /// The key with its branches.
        key: Box<DescriptorPublicKey>,
    },
}

impl CompileError {
    /// What is wrong with a descriptor from elsewhere is the policy's fault, and not the compiler's.
    fn given(self) -> Self {
        let reason = match self {
            Self::Refused { source, .. } => in_words(&source),
            Self::Meaning { .. } => {
                "lifted, its ways to spend are not just those of root and of the paths".to_owned()
            }
            Self::Undecided { source, .. } => source.to_string(),
            other => return other,
        };
        Self::Given { reason, path: None }
    }
}

/// What miniscript says of a descriptor, as a sentence of ours ends.
///
/// It names taproot where a key is uncompressed, whatever the script is, and does not name that
/// error for others to match.
pub(crate) fn in_words(error: &miniscript::Error) -> String {
    let text = error.to_string();
    match error {
        miniscript::Error::ContextError(_) if text.contains("ncompressed") => {
            "a public key in it is uncompressed, and scripts take compressed ones".to_owned()
        }
        _ => text.trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ScriptType, Staged, check};

    #[test]
    fn a_key_that_stands_twice_is_found_in_one_stage_or_in_two() {
        let text = include_str!("../policies/dao-treasury/policy.toml");
        let policy = check(text).policy.expect("the policy is sound");
        let compiled = compile(Arc::new(policy)).expect("the policy compiles");
        let stages: Vec<&StageDescriptor> = compiled.stages().collect();
        assert!(check_every_key_use_is_distinct(&stages).is_ok());
        for stage in &stages {
            let twice = check_every_key_use_is_distinct(&[*stage, *stage]);
            assert!(
                matches!(twice, Err(CompileError::RepeatedKey { stage: found, .. }) if &found == stage.stage())
            );
        }
    }

    /// A recovery has a lock-up, a payment has none.
    #[test]
    fn staged_paths_have_their_stages() {
        let treasury = include_str!("../policies/dao-treasury/policy.toml");
        let texts = [
            treasury.to_owned(),
            treasury.replace("\"tr\"", "\"wsh\""),
            include_str!("../policies/exchange/policy.toml").to_owned(),
        ];
        for text in texts {
            let policy = check(&text).policy.expect("the policy is sound");
            let compiled = compile(Arc::new(policy)).expect("the policy compiles");
            let paths = compiled.policy().paths().iter();
            let paths: Vec<&SpendingPath> = paths.filter(|path| path.staged().is_some()).collect();
            assert!(!paths.is_empty());
            assert_eq!(paths.len(), compiled.staged().len());
            for (path, staged) in paths.into_iter().zip(compiled.staged()) {
                let name = || path.name().to_owned();
                assert_eq!(staged.path(), path.name());
                assert_eq!(staged.escrow().stage(), &Stage::Escrow(name()));
                let terms = path.staged().and_then(Staged::lockup);
                let lockup = staged.lockup().map(StageDescriptor::stage);
                assert_eq!(lockup, terms.map(|_| Stage::Lockup(name())).as_ref());
            }
            let is_taproot = compiled.policy().script() == ScriptType::Tr;
            assert!(
                compiled
                    .stages()
                    .all(|stage| stage.is_taproot() == is_taproot)
            );
        }
    }
}
