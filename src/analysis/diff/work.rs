//! What has to be done before a new policy holds: which coins move, what is signed anew, and who
//! keeps a power until then.

use bitcoin::{Amount, FeeRate};
use serde::Serialize;

use super::people::{Fate, People};
use crate::compile::{Compiled, LeafKind, SpendCost, Stage, StageDescriptor, spend_weight};
use crate::policy::{Policy, SpendingPath};

/// What has to be done, the gravest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: it is the same policy.
    Nothing,
    /// Every party ratifies the new policy id.  Coins and what is signed in advance stay.
    Ratify,
    /// Besides, every armed coin is refreshed and armed anew: what is signed in advance is not
    /// what the new policy says, and a coin is armed once.
    Rearm,
    /// Besides, every coin moves to the new vault: its descriptor is another.
    Move,
    /// The policies are for different networks: no coin of one can move to the other.
    Apart,
}

/// Whether a stage is what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageFate {
    /// It has the same descriptor.
    Same,
    /// It has another.
    Changed,
    /// It is new.
    Added,
    /// It is no more.
    Removed,
}

/// A stage and what became of its descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageChange {
    /// Which.
    #[serde(flatten)]
    pub stage: Stage,
    /// What became of it.
    pub descriptor: StageFate,
}

/// What moving coins costs: root of the old policy spends them, to one output of the new vault
/// (or of the same one, where they are only refreshed) and an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MoveCost {
    /// At this feerate, in satoshis per thousand weight units.
    pub sat_per_kwu: u64,
    /// Weight of the transaction for one coin.
    pub weight: u64,
    /// Its virtual bytes.
    pub vbytes: u64,
    /// Its fee; nothing if that is beyond all amounts.
    pub fee_sats: Option<u64>,
    /// Weight that each further coin in the same transaction adds.
    pub further_weight: u64,
    /// The fee that each further coin adds, rounded up to whole virtual bytes.
    pub further_fee_sats: Option<u64>,
}

/// A transaction that root signs in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Presigned {
    /// How many there are for each coin.
    pub number: u64,
    /// Virtual bytes of each.
    pub vbytes: u64,
    /// What each pays once it is broadcast: the base fee, or the lowest rung.
    pub fee_sats: Option<u64>,
    /// What those at the highest rung pay, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_fee_sats: Option<u64>,
}

/// What arming one coin on one path takes under the new policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArmingWork {
    /// The path.
    pub path: String,
    /// Its triggers.
    pub triggers: Option<Presigned>,
    /// Its cancels.
    pub cancels: Option<Presigned>,
    /// Its settles, where root signs them.
    pub settles: Option<Presigned>,
}

/// Somebody whose keys the new policy does not know, and what they can do to coins that have not
/// moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leaver {
    /// The party.
    pub party: String,
    /// Whether it stays with another key.
    pub has_new_key: bool,
    /// Whether it is in root.
    pub in_root: bool,
    /// On which paths it acts.
    pub acts_on: Vec<String>,
    /// Of which paths it can veto.
    pub vetoes: Vec<String>,
    /// Of which paths it holds files that root signed in advance.
    pub files_of: Vec<String>,
}

/// All that has to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Work {
    /// The gravest of it.
    pub action: Action,
    /// All stages of both policies.
    pub stages: Vec<StageChange>,
    /// What moving or refreshing costs, where there is a need to.
    pub moving: Option<MoveCost>,
    /// What is signed anew for each coin that is to be armed.
    pub arming: Vec<ArmingWork>,
    /// Whose old keys and files stay good until every coin has moved.
    pub leavers: Vec<Leaver>,
}

impl Work {
    pub(super) fn has_same_descriptors(&self) -> bool {
        let mut stages = self.stages.iter();
        stages.all(|stage| stage.descriptor == StageFate::Same)
    }

    fn is_same(&self, stage: &Stage) -> bool {
        let mut stages = self.stages.iter();
        stages.any(|change| change.stage == *stage && change.descriptor == StageFate::Same)
    }
}

pub(super) fn of(old: &Compiled, new: &Compiled, people: &People, feerate: FeeRate) -> Work {
    let mut work = Work {
        action: Action::Nothing,
        stages: stages(old, new),
        moving: None,
        arming: Vec::new(),
        leavers: Vec::new(),
    };
    work.action = action(old, new, &work);
    if matches!(work.action, Action::Rearm | Action::Move) {
        work.moving = moving(old.vault(), feerate);
        work.arming = arming(new);
    }
    if work.action != Action::Nothing {
        work.leavers = leavers(old.policy(), people);
    }
    work
}

fn action(old: &Compiled, new: &Compiled, work: &Work) -> Action {
    if old.id() == new.id() {
        Action::Nothing
    } else if old.policy().network() != new.policy().network() {
        Action::Apart
    } else if !work.is_same(&Stage::Vault) {
        Action::Move
    } else if !work.has_same_descriptors() || !signs_the_same(old.policy(), new.policy()) {
        Action::Rearm
    } else {
        Action::Ratify
    }
}

/// Whether what is signed in advance is the same, given that the descriptors are.
fn signs_the_same(old: &Policy, new: &Policy) -> bool {
    let depths = |policy: &Policy| -> Vec<(String, u8)> {
        let staged = policy.paths().iter();
        let staged = staged.filter_map(|path| Some((path.name().to_owned(), path.staged()?)));
        staged
            .map(|(name, staged)| (name, staged.depth()))
            .collect()
    };
    let (before, now) = (depths(old), depths(new));
    let pays_the_same = old.version() == new.version() && old.rungs() == new.rungs();
    before == now && (before.is_empty() || pays_the_same)
}

fn stages(old: &Compiled, new: &Compiled) -> Vec<StageChange> {
    let before = old.stages().map(|stage| {
        let descriptor = match new.stage(stage.stage()) {
            None => StageFate::Removed,
            Some(other) if other.descriptor() == stage.descriptor() => StageFate::Same,
            Some(_) => StageFate::Changed,
        };
        (stage, descriptor)
    });
    let added = new
        .stages()
        .filter(|stage| old.stage(stage.stage()).is_none());
    before
        .chain(added.map(|stage| (stage, StageFate::Added)))
        .map(|(stage, descriptor)| StageChange {
            stage: stage.stage().clone(),
            descriptor,
        })
        .collect()
}

fn moving(vault: &StageDescriptor, feerate: FeeRate) -> Option<MoveCost> {
    let leaf = vault.leaf(&LeafKind::Spend)?;
    let cost = SpendCost::of(vault, leaf);
    let further = spend_weight(vault, leaf, 2) - spend_weight(vault, leaf, 1);
    let further_fee = feerate.fee_vb(further.to_vbytes_ceil());
    Some(MoveCost {
        sat_per_kwu: feerate.to_sat_per_kwu(),
        weight: cost.weight,
        vbytes: cost.vbytes,
        fee_sats: cost.fee(feerate).map(Amount::to_sat),
        further_weight: further.to_wu(),
        further_fee_sats: further_fee.map(Amount::to_sat),
    })
}

fn arming(compiled: &Compiled) -> Vec<ArmingWork> {
    let policy = compiled.policy();
    let (rate, highest) = (policy.base_fee(), policy.highest_rung());
    let rungs = policy.rungs().len() as u64;
    let presigned = |stage: &StageDescriptor, kind: LeafKind, number: u64| {
        let leaf = stage.leaf(&kind).filter(|leaf| leaf.is_presigned())?;
        let cost = SpendCost::of(stage, leaf);
        Some(Presigned {
            number,
            vbytes: cost.vbytes,
            fee_sats: cost.fee(rate).map(Amount::to_sat),
            highest_fee_sats: match rungs {
                1 => None,
                _ => cost.fee(highest).map(Amount::to_sat),
            },
        })
    };
    let staged = compiled.staged().iter().filter_map(|staged| {
        let path = staged.path().to_owned();
        let courses = rungs * u64::from(policy.path(&path)?.staged()?.depth());
        Some(ArmingWork {
            triggers: presigned(compiled.vault(), LeafKind::Trigger(path.clone()), courses),
            cancels: presigned(staged.escrow(), LeafKind::Cancel, courses * rungs),
            settles: presigned(staged.escrow(), LeafKind::Settle, courses * rungs),
            path,
        })
    });
    staged.collect()
}

fn leavers(old: &Policy, people: &People) -> Vec<Leaver> {
    let mut leavers = Vec::new();
    for party in old.parties() {
        let name = party.name();
        let has_new_key = match people.fate(name) {
            Some(Fate::Removed) => false,
            Some(Fate::Rekeyed) => true,
            Some(Fate::Kept) | None => continue,
        };
        let paths = |is_in: &dyn Fn(&SpendingPath) -> bool| -> Vec<String> {
            let paths = old.paths().iter().filter(|path| is_in(path));
            paths.map(|path| path.name().to_owned()).collect()
        };
        let acts = |path: &SpendingPath| path.quorum().party_names().contains(name);
        let vetoes = |path: &SpendingPath| {
            let staged = path.staged();
            staged.is_some_and(|staged| staged.veto().party_names().contains(name))
        };
        let releases = |path: &SpendingPath| {
            let lockup = path.staged().and_then(|staged| staged.lockup());
            let quorum = lockup.and_then(|lockup| lockup.quorum());
            quorum.is_some_and(|quorum| quorum.party_names().contains(name))
        };
        let holds = |path: &SpendingPath| {
            path.staged().is_some() && (acts(path) || vetoes(path) || releases(path))
        };
        let leaver = Leaver {
            party: name.to_owned(),
            has_new_key,
            in_root: old.root().quorum().party_names().contains(name),
            acts_on: paths(&|path| acts(path) || releases(path)),
            vetoes: paths(&vetoes),
            files_of: paths(&holds),
        };
        if leaver.in_root || !leaver.acts_on.is_empty() || !leaver.vetoes.is_empty() {
            leavers.push(leaver);
        }
    }
    leavers
}
