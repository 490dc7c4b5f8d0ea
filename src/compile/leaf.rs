//! The leaves of every stage: who signs, under which locks, and whether root signs in advance.

use std::fmt;
use std::sync::Arc;

use miniscript::descriptor::DescriptorPublicKey;
use serde::Serialize;

use super::branch::BranchTable;
use super::expression::Expression;
use super::stage::Stage;
use crate::policy::{Lockup, Outcome, Policy, Quorum, ScriptType, SpendingPath, Staged};
use crate::units::{AbsoluteLock, RelativeLock};

/// What a leaf is for, unique in its stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "leaf", content = "path")]
pub enum LeafKind {
    /// Vault: root spends, refreshes or sweeps.
    Spend,
    /// Vault: the path of this name moves the coin to its escrow.
    Trigger(String),
    /// Vault: the direct path of this name.
    Direct(String),
    /// Escrow: root overrides.
    Override,
    /// Escrow: the veto quorum sends the coin back to the vault.
    Cancel,
    /// Escrow: on to the lock-up, or to the payees.
    Settle,
    /// Escrow: the path's quorum takes the coin although the settle is lost.
    Backstop,
    /// Lock-up: root takes the coin back to the vault.
    Clawback,
    /// Lock-up: the path's quorum pays out.
    Release,
}

impl LeafKind {
    /// How likely this leaf is to be the one that is used, against the others of its stage.
    ///
    /// For the vault the policy says it.  For the other stages only the order of magnitude
    /// matters: it decides how deep a leaf lies.
    fn likelihood(&self, policy: &Policy) -> u32 {
        match self {
            Self::Spend => policy.root().likelihood(),
            Self::Trigger(path) | Self::Direct(path) => {
                let path = policy.path(path);
                path.map_or(1, SpendingPath::likelihood)
            }
            Self::Settle => 100,
            Self::Release => 50,
            Self::Cancel => 10,
            Self::Override | Self::Clawback => 5,
            Self::Backstop => 1,
        }
    }
}

impl fmt::Display for LeafKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spend => f.write_str("spend"),
            Self::Trigger(path) => write!(f, "trigger {path}"),
            Self::Direct(path) => write!(f, "direct {path}"),
            Self::Override => f.write_str("override"),
            Self::Cancel => f.write_str("cancel"),
            Self::Settle => f.write_str("settle"),
            Self::Backstop => f.write_str("backstop"),
            Self::Clawback => f.write_str("clawback"),
            Self::Release => f.write_str("release"),
        }
    }
}

/// In which capacity somebody signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// As root, live.
    Root,
    /// As root, in advance, with keys that are for this only.
    Arming,
    /// As the path's quorum.
    Path,
    /// As the veto quorum.
    Veto,
    /// As the lock-up's own quorum.
    Lockup,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Arming => "arming",
            Self::Path => "path",
            Self::Veto => "veto",
            Self::Lockup => "lock-up",
        })
    }
}

/// A quorum in one role of one leaf, with its keys.
#[derive(Clone, Debug)]
pub struct Group {
    role: Role,
    quorum: Arc<Quorum>,
    expression: Expression,
}

impl Group {
    /// In which capacity they sign.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Who they are.
    #[must_use]
    pub const fn quorum(&self) -> &Arc<Quorum> {
        &self.quorum
    }

    /// The keys with the names of their parties, seat by seat.
    pub fn seats(&self) -> impl Iterator<Item = (&str, &DescriptorPublicKey)> {
        self.expression.seats().into_iter()
    }

    /// Whether the threshold is met when these seats sign, counted as in [`seats`](Self::seats).
    pub fn is_met_by(&self, signs: &dyn Fn(usize) -> bool) -> bool {
        self.expression.is_met_by(&mut 0, signs)
    }

    pub(super) const fn expression(&self) -> &Expression {
        &self.expression
    }
}

/// One way to spend a stage: all its groups sign, once its locks are open.
///
/// In a descriptor it stands as one [script leaf](super::ScriptLeaf) or, where the layout splits
/// it, as several.
#[derive(Clone, Debug)]
pub struct Leaf {
    kind: LeafKind,
    groups: Vec<Group>,
    relative: Option<RelativeLock>,
    absolute: Option<AbsoluteLock>,
    key_path: bool,
    likelihood: u32,
}

impl Leaf {
    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> &LeafKind {
        &self.kind
    }

    /// Who signs.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The lock that counts from the confirmation of the coin.
    #[must_use]
    pub const fn relative(&self) -> Option<RelativeLock> {
        self.relative
    }

    /// The lock that is the same for every coin.
    #[must_use]
    pub const fn absolute(&self) -> Option<AbsoluteLock> {
        self.absolute
    }

    /// Whether it is the taproot key path.
    #[must_use]
    pub const fn is_key_path(&self) -> bool {
        self.key_path
    }

    /// Whether root signs it in advance, so that a file is needed to use it.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        self.groups.iter().any(|group| group.role == Role::Arming)
    }

    /// All keys of the leaf.
    pub fn keys(&self) -> impl Iterator<Item = &DescriptorPublicKey> {
        self.groups.iter().flat_map(|group| group.expression.keys())
    }

    /// How often it is the one that is used, against the other leaves of its stage.
    #[must_use]
    pub const fn likelihood(&self) -> u32 {
        self.likelihood
    }
}

impl Leaf {
    /// Gives a seat, counted over all groups, another key of its party; none if there is no such
    /// seat.
    pub(super) fn set_key(&mut self, seat: usize, key: DescriptorPublicKey) -> Option<()> {
        let groups = self.groups.iter_mut();
        let mut keys = groups.flat_map(|group| group.expression.keys_mut());
        *keys.nth(seat)? = key;
        Some(())
    }
}

/// A leaf of a descriptor from elsewhere, before its keys are known.
pub(super) struct PinnedLeaf<'a> {
    pub kind: LeafKind,
    pub quorum: &'a Arc<Quorum>,
    pub relative: Option<RelativeLock>,
    pub absolute: Option<AbsoluteLock>,
    pub likelihood: u32,
}

impl Leaf {
    /// The leaf with its keys.
    pub(super) fn pinned(from: &PinnedLeaf<'_>, expression: Expression, key_path: bool) -> Self {
        let role = match from.kind {
            LeafKind::Spend => Role::Root,
            _ => Role::Path,
        };
        Self {
            kind: from.kind.clone(),
            groups: vec![Group {
                role,
                quorum: Arc::clone(from.quorum),
                expression,
            }],
            relative: from.relative,
            absolute: from.absolute,
            key_path,
            likelihood: from.likelihood,
        }
    }
}

/// Builds the leaves of one stage, drawing branch pairs from the table as it goes.
struct Leaves<'a> {
    stage: Stage,
    policy: &'a Policy,
    branches: &'a mut BranchTable,
    leaves: Vec<Leaf>,
}

impl Leaves<'_> {
    fn group(&mut self, kind: &LeafKind, role: Role, quorum: &Arc<Quorum>) -> Group {
        let expression = self.branches.assign(&self.stage, kind, role, quorum);
        Group {
            role,
            quorum: Arc::clone(quorum),
            expression,
        }
    }

    fn push(
        &mut self,
        kind: LeafKind,
        signers: &[(Role, &Arc<Quorum>)],
        relative: Option<RelativeLock>,
        absolute: Option<AbsoluteLock>,
    ) {
        let groups = signers
            .iter()
            .map(|(role, quorum)| self.group(&kind, *role, quorum))
            .collect();
        self.leaves.push(Leaf {
            likelihood: kind.likelihood(self.policy),
            kind,
            groups,
            relative,
            absolute,
            key_path: false,
        });
    }

    /// A leaf of root alone.  Where root is one key and the script is taproot it is the key path,
    /// which cannot carry a lock.
    fn push_root(&mut self, kind: LeafKind, lock: Option<RelativeLock>) {
        let root = self.policy.root();
        let key_path = self.policy.script() == ScriptType::Tr && root.single_party().is_some();
        let group = self.group(&kind, Role::Root, root.quorum());
        let relative = if key_path { None } else { lock };
        let groups = vec![group];
        self.leaves.push(Leaf {
            likelihood: kind.likelihood(self.policy),
            kind,
            groups,
            relative,
            absolute: None,
            key_path,
        });
    }
}

/// The lock of every leaf that is signed live and has no longer one.
///
/// A device asked for one signature on a trigger or a cancel may return signatures for all keys
/// it owns.  Those transactions have sequence number 0xfffffffd, which satisfies no relative
/// lock, so none of the unasked signatures opens a leaf.
const LIVE: Option<RelativeLock> = Some(RelativeLock::ONE_BLOCK);

pub(super) fn vault_leaves(policy: &Policy, branches: &mut BranchTable) -> Vec<Leaf> {
    let mut leaves = Leaves {
        stage: Stage::Vault,
        policy,
        branches,
        leaves: Vec::new(),
    };
    let root = policy.root().quorum();
    leaves.push_root(LeafKind::Spend, LIVE);
    for path in policy.paths() {
        let name = path.name().to_owned();
        if let Some(direct) = path.direct() {
            let relative = direct.delay().map_or(LIVE, |delay| Some(delay.lock()));
            let signers = [(Role::Path, path.quorum())];
            leaves.push(LeafKind::Direct(name), &signers, relative, direct.unlock());
        } else {
            let signers = [(Role::Arming, root), (Role::Path, path.quorum())];
            leaves.push(LeafKind::Trigger(name), &signers, None, None);
        }
    }
    leaves.leaves
}

pub(super) fn escrow_leaves(
    path: &SpendingPath,
    policy: &Policy,
    branches: &mut BranchTable,
) -> Vec<Leaf> {
    let stage = Stage::Escrow(path.name().to_owned());
    let mut leaves = Leaves {
        stage,
        policy,
        branches,
        leaves: Vec::new(),
    };
    let Some(staged) = path.staged() else {
        return leaves.leaves;
    };
    let root = policy.root().quorum();
    let window = Some(staged.window().lock());
    leaves.push_root(LeafKind::Override, LIVE);
    let cancellers = [(Role::Arming, root), (Role::Veto, staged.veto())];
    leaves.push(LeafKind::Cancel, &cancellers, None, None);
    match staged.outcome() {
        Outcome::Lockup(lockup) => {
            leaves.push(LeafKind::Settle, &[(Role::Arming, root)], window, None);
            let backstop = Some(lockup.backstop_lock());
            let takers = releasers(path, lockup);
            leaves.push(LeafKind::Backstop, &[takers], backstop, None);
        }
        Outcome::Payees(_) => {
            leaves.push(
                LeafKind::Settle,
                &[(Role::Path, path.quorum())],
                window,
                None,
            );
        }
    }
    leaves.leaves
}

pub(super) fn lockup_leaves(
    path: &SpendingPath,
    policy: &Policy,
    branches: &mut BranchTable,
) -> Vec<Leaf> {
    let stage = Stage::Lockup(path.name().to_owned());
    let mut leaves = Leaves {
        stage,
        policy,
        branches,
        leaves: Vec::new(),
    };
    let Some(lockup) = path.staged().and_then(Staged::lockup) else {
        return leaves.leaves;
    };
    if lockup.clawback() {
        leaves.push_root(LeafKind::Clawback, None);
    }
    let period = Some(lockup.period().lock());
    leaves.push(LeafKind::Release, &[releasers(path, lockup)], period, None);
    leaves.leaves
}

/// Who takes a coin at the end of a recovery: the lock-up's own people, or else the path's.
fn releasers<'a>(path: &'a SpendingPath, lockup: &'a Lockup) -> (Role, &'a Arc<Quorum>) {
    match lockup.quorum() {
        Some(quorum) => (Role::Lockup, quorum),
        None => (Role::Path, path.quorum()),
    }
}
