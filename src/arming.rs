//! Arming: root signs, coin by coin, what lets a path act later without root.
//!
//! The order is fixed, so that there is never a trigger without its cancel: the coin is buried;
//! root signs every cancel and settle; those who will need them hold complete copies and say so;
//! only then does root sign the triggers.  [`Arming`] refuses any other order.
//!
//! With a depth above one, the coin that a cancel makes is armed in the same ceremony: all
//! transaction ids are known before anything is signed.
//!
//! Where nobody can add a fee, each trigger is signed at every rung of the policy, and so are the
//! cancel and the settle that can follow each of them: an escrow coin of a higher trigger is
//! another coin, and worth less.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{FeeRate, OutPoint, Psbt, Txid};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::compile::{KeyUse, PolicyId, Role};
use crate::policy::{Lockup, Quorum, SpendingPath, Staged};
use crate::transaction::{
    BuildError, Builder, Cancel, EscrowCoin, ReceiveError, Received, Settle, Signed, Trigger,
    VaultCoin,
};

pub use self::file::{ArmingFile, ArmingFileError, CoinEntry};

/// How far the arming of a coin has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArmingState {
    /// Nothing is signed.
    Unarmed,
    /// Root has signed every cancel and every settle.
    Protected,
    /// Enough veto holders to cancel, and enough of the path's quorum to trigger, hold them.
    Acknowledged,
    /// Root has signed the triggers as well.
    Armed,
}

impl fmt::Display for ArmingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unarmed => "unarmed",
            Self::Protected => "protected",
            Self::Acknowledged => "acknowledged",
            Self::Armed => "armed",
        })
    }
}

/// One trigger with what must exist before it may be signed.
#[derive(Clone, Debug)]
pub struct Course {
    trigger: Trigger,
    cancels: Vec<Cancel>,
    settles: Vec<Settle>,
}

/// The files of one course, with the signatures they have so far.
#[derive(Clone, Debug)]
pub struct CourseFiles {
    /// The cancel at each rung, lowest first.
    pub cancels: Vec<Psbt>,
    /// The settle at each rung, lowest first; none where root does not sign it.
    pub settles: Vec<Psbt>,
    /// The trigger, once it may be signed.
    pub trigger: Option<Psbt>,
}

/// The arming of one coin on one path, under way.
#[derive(Clone, Debug)]
pub struct Arming {
    policy: PolicyId,
    path: SpendingPath,
    coin: VaultCoin,
    courses: Vec<Course>,
    acknowledged: BTreeSet<String>,
    state: ArmingState,
}

impl Arming {
    /// Plans the arming of a coin: every transaction is fixed here, none is signed.
    ///
    /// The caller knows that the coin is buried; a coin that a reorg takes away takes its arming
    /// with it.
    ///
    /// # Errors
    ///
    /// If the path is not staged, or the coin is too small to leave every stage again.
    pub fn plan(
        builder: &Builder<'_>,
        policy: PolicyId,
        path: &SpendingPath,
        coin: &VaultCoin,
    ) -> Result<Self, ArmingError> {
        let staged = path
            .staged()
            .ok_or_else(|| ArmingError::NotStaged(path.name().to_owned()))?;
        let needed = builder.smallest_armable(path.name())?;
        if coin.amount() < needed {
            return Err(BuildError::TooSmall {
                amount: coin.amount(),
                needed,
            }
            .into());
        }
        let mut courses: Vec<Course> = Vec::new();
        let mut next = coin.clone();
        for _ in 0..staged.depth() {
            let from = courses.len();
            for rung in builder.rungs() {
                courses.push(Course::plan(builder, *rung, path, &next)?);
            }
            // With several rungs there is one attempt, and nothing follows its cancels.
            let first = courses.get(from).and_then(|course| course.cancels.first());
            let first = first.ok_or(ArmingError::Build(BuildError::NoCoins))?;
            next = created::<VaultCoin>(first.creates())?;
        }
        Ok(Self {
            policy,
            path: path.clone(),
            coin: coin.clone(),
            courses,
            acknowledged: BTreeSet::new(),
            state: ArmingState::Unarmed,
        })
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> ArmingState {
        self.state
    }

    /// The coin.
    #[must_use]
    pub const fn coin(&self) -> &VaultCoin {
        &self.coin
    }

    /// The path.
    #[must_use]
    pub const fn path(&self) -> &SpendingPath {
        &self.path
    }

    /// Who holds the cancels and settles, as far as they have said so.
    #[must_use]
    pub const fn acknowledged(&self) -> &BTreeSet<String> {
        &self.acknowledged
    }

    /// Everybody who should hold them: who cancels, who triggers, and who releases.
    #[must_use]
    pub fn holders(&self) -> BTreeSet<&str> {
        concerned(&self.path)
            .flat_map(Quorum::party_names)
            .collect()
    }

    /// The files with the signatures they have so far; triggers are among them once the rest is
    /// acknowledged.
    ///
    /// # Errors
    ///
    /// None that a coin of the policy can provoke.
    pub fn files(&self) -> Result<Vec<CourseFiles>, BuildError> {
        let is_acknowledged = self.state >= ArmingState::Acknowledged;
        let files = self.courses.iter().map(|course| {
            let cancels = course.cancels.iter().map(Cancel::to_psbt);
            let settles = course.settles.iter().map(Settle::to_psbt);
            Ok(CourseFiles {
                cancels: cancels.collect::<Result<_, _>>()?,
                settles: settles.collect::<Result<_, _>>()?,
                trigger: match is_acknowledged {
                    true => Some(course.trigger.to_psbt()?),
                    false => None,
                },
            })
        });
        files.collect()
    }

    /// The ids of all its transactions, which say what it arms: no signature changes them.
    #[must_use]
    pub fn txids(&self) -> Vec<Txid> {
        let courses = self.courses.iter().flat_map(|course| {
            let cancels = course.cancels.iter().map(Cancel::txid);
            let settles = course.settles.iter().map(Settle::txid);
            std::iter::once(course.trigger.txid())
                .chain(cancels)
                .chain(settles)
        });
        courses.collect()
    }

    /// The members of root, and whether each has signed all that is to be signed now.
    #[must_use]
    pub fn seats(&self) -> BTreeMap<&str, bool> {
        let mut all = BTreeMap::new();
        let mut add = |seats: BTreeMap<&str, bool>| {
            for (party, signed) in seats {
                *all.entry(party.to_owned()).or_insert(true) &= signed;
            }
        };
        for course in &self.courses {
            if self.state >= ArmingState::Acknowledged {
                add(course.trigger.seats(Role::Arming));
            } else {
                for cancel in &course.cancels {
                    add(cancel.seats(Role::Arming));
                }
                for settle in &course.settles {
                    add(settle.seats(Role::Arming));
                }
            }
        }
        let root = self
            .courses
            .first()
            .map(|course| course.trigger.seats(Role::Arming));
        let names = root.unwrap_or_default().into_keys();
        names
            .map(|name| (name, all.get(name).copied().unwrap_or(false)))
            .collect()
    }

    /// What somebody in root is to sign now, with the keys that are wanted and no other.
    ///
    /// # Errors
    ///
    /// If nothing is to be signed in this state.
    pub fn requests_for(&self, wanted: impl Fn(&KeyUse) -> bool) -> Result<Vec<Psbt>, ArmingError> {
        let wanted = |used: &KeyUse| used.role == Role::Arming && wanted(used);
        let mut requests = Vec::new();
        for course in &self.courses {
            match self.state {
                ArmingState::Unarmed => {
                    for cancel in &course.cancels {
                        requests.push(cancel.request_for(wanted)?);
                    }
                    for settle in &course.settles {
                        requests.push(settle.request_for(wanted)?);
                    }
                }
                ArmingState::Acknowledged => requests.push(course.trigger.request_for(wanted)?),
                ArmingState::Protected => return Err(ArmingError::NotAcknowledged),
                ArmingState::Armed => return Err(ArmingError::AlreadyArmed),
            }
        }
        Ok(requests)
    }

    /// What root is to sign now: cancels and settles first, triggers once those are acknowledged.
    ///
    /// # Errors
    ///
    /// If nothing is to be signed in this state.
    pub fn requests(&self) -> Result<Vec<Psbt>, ArmingError> {
        self.requests_for(|_| true)
    }

    /// Takes root's signatures from a returned file.
    ///
    /// # Errors
    ///
    /// If the file is for none of these transactions, or is a trigger before its time.
    pub fn receive(
        &mut self,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, ArmingError> {
        let txid = returned.unsigned_tx.compute_txid();
        let state = self.state;
        for course in &mut self.courses {
            let mut cancels = course.cancels.iter_mut();
            let mut settles = course.settles.iter_mut();
            let received = if let Some(cancel) = cancels.find(|cancel| cancel.txid() == txid) {
                cancel.receive(Role::Arming, returned, secp)
            } else if let Some(settle) = settles.find(|settle| settle.txid() == txid) {
                settle.receive(Role::Arming, returned, secp)
            } else if course.trigger.txid() == txid {
                if state < ArmingState::Acknowledged {
                    return Err(ArmingError::TriggerTooEarly(state));
                }
                course.trigger.receive(Role::Arming, returned, secp)
            } else {
                continue;
            };
            let received = received?;
            self.advance();
            return Ok(received);
        }
        Err(ArmingError::Unrelated(txid))
    }

    /// Records that a party holds complete and verified copies of the cancels and settles.
    ///
    /// The arming is acknowledged once those who have said so could cancel by their signatures,
    /// and others, or the same, could trigger, and release where the lock-up has its own people.
    ///
    /// # Errors
    ///
    /// If the cancels and settles are not signed yet, or the party has no part in this path.
    pub fn acknowledge(&mut self, party: &str) -> Result<(), ArmingError> {
        if self.state == ArmingState::Unarmed {
            return Err(ArmingError::NotProtected);
        }
        let is_concerned = concerned(&self.path).any(|quorum| quorum.party_names().contains(party));
        if !is_concerned {
            return Err(ArmingError::NotConcerned(party.to_owned()));
        }
        self.acknowledged.insert(party.to_owned());
        self.advance();
        Ok(())
    }

    /// The coin with its complete files, once it is armed.
    ///
    /// # Errors
    ///
    /// If it is not; the arming comes back as it was.
    pub fn into_armed(self) -> Result<ArmedCoin, Box<Self>> {
        if self.state != ArmingState::Armed {
            return Err(Box::new(self));
        }
        let courses: Option<Vec<ArmedCourse>> = self.courses.iter().map(ArmedCourse::new).collect();
        match courses {
            Some(courses) => Ok(ArmedCoin {
                policy: self.policy,
                path: self.path.name().to_owned(),
                coin: self.coin,
                courses,
                acknowledged: self.acknowledged,
            }),
            None => Err(Box::new(self)),
        }
    }

    /// The one place where the state moves, always by what is there and never by what was said.
    fn advance(&mut self) {
        let protected = self.courses.iter().all(|course| {
            let mut cancels = course.cancels.iter();
            let mut settles = course.settles.iter();
            cancels.all(|cancel| cancel.is_met(Role::Arming))
                && settles.all(|settle| settle.is_met(Role::Arming))
        });
        let acknowledged = is_acknowledged(&self.path, &self.acknowledged);
        let armed = self
            .courses
            .iter()
            .all(|course| course.trigger.is_met(Role::Arming));
        self.state = match (protected, acknowledged, armed) {
            (true, true, true) => ArmingState::Armed,
            (true, true, false) => ArmingState::Acknowledged,
            (true, false, _) => ArmingState::Protected,
            (false, ..) => ArmingState::Unarmed,
        };
    }
}

impl Course {
    /// The trigger at a rung, and what can follow it, at every rung.
    fn plan(
        builder: &Builder<'_>,
        rung: FeeRate,
        path: &SpendingPath,
        coin: &VaultCoin,
    ) -> Result<Self, ArmingError> {
        let trigger = builder.with_feerate(rung).trigger(coin, path.name())?;
        let escrow = created::<EscrowCoin>(trigger.creates())?;
        let mut course = Self {
            trigger,
            cancels: Vec::new(),
            settles: Vec::new(),
        };
        let has_lockup = path.staged().and_then(Staged::lockup).is_some();
        for rung in builder.rungs() {
            let builder = builder.with_feerate(*rung);
            course.cancels.push(builder.cancel(&escrow)?);
            if has_lockup {
                course.settles.push(builder.settle(&escrow)?);
            }
        }
        Ok(course)
    }
}

/// Whether enough of those who will need the files of a path say that they hold them: those who
/// could cancel, those who could trigger, and those who release where the lock-up has its own people.
#[must_use]
pub fn is_acknowledged(path: &SpendingPath, by: &BTreeSet<String>) -> bool {
    let holds = |party: &crate::policy::Party| by.contains(party.name());
    concerned(path).all(|quorum| quorum.is_met_by(&holds))
}

/// The quorums that need the files: to cancel, to trigger, and to settle where the lock-up has
/// people of its own.
fn concerned(path: &SpendingPath) -> impl Iterator<Item = &Quorum> {
    let staged = path.staged();
    let lockup = staged.and_then(Staged::lockup).and_then(Lockup::quorum);
    let own = std::iter::once(path.quorum());
    let others = staged.map(Staged::veto).into_iter().chain(lockup);
    own.chain(others).map(Arc::as_ref)
}

/// The single coin of a transaction, in the stage it must be in.
fn created<C: TryFrom<crate::transaction::Coin>>(
    coins: Vec<crate::transaction::Coin>,
) -> Result<C, ArmingError> {
    coins
        .into_iter()
        .next()
        .and_then(|coin| C::try_from(coin).ok())
        .ok_or(ArmingError::Build(BuildError::NoCoins))
}

/// A coin whose path can act without root.
#[derive(Clone, Debug)]
pub struct ArmedCoin {
    policy: PolicyId,
    path: String,
    coin: VaultCoin,
    courses: Vec<ArmedCourse>,
    acknowledged: BTreeSet<String>,
}

/// One trigger with its cancel and its settle, signed by root.
#[derive(Clone, Debug)]
pub struct ArmedCourse {
    /// The trigger, which wants the path's quorum.
    pub trigger: Trigger<Signed>,
    /// The cancel at each rung, lowest first, which want the veto quorum.
    pub cancels: Vec<Cancel<Signed>>,
    /// The settle at each rung, lowest first, which want nothing but time; none where the path's
    /// quorum settles live.
    pub settles: Vec<Settle<Signed>>,
}

impl ArmedCourse {
    fn new(course: &Course) -> Option<Self> {
        let cancels = course.cancels.iter().cloned();
        let settles = course.settles.iter().cloned();
        Some(Self {
            trigger: course.trigger.clone().into_signed().ok()?,
            cancels: cancels
                .map(|cancel| cancel.into_signed().ok())
                .collect::<Option<_>>()?,
            settles: settles
                .map(|settle| settle.into_signed().ok())
                .collect::<Option<_>>()?,
        })
    }

    /// The escrow coin that the trigger makes.
    #[must_use]
    pub fn escrow(&self) -> Option<OutPoint> {
        let coin = self.trigger.creates().into_iter().next();
        coin.map(|coin| coin.outpoint())
    }
}

impl ArmedCoin {
    /// The policy it was armed under.
    #[must_use]
    pub const fn policy(&self) -> PolicyId {
        self.policy
    }

    /// The path it is armed for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The coin.
    #[must_use]
    pub const fn coin(&self) -> &VaultCoin {
        &self.coin
    }

    /// The courses.
    ///
    /// Of version 3, the second is for the coin that the first one's cancel makes, and so on.  Of
    /// version 2 all are for the same coin, one at each rung, lowest first.
    #[must_use]
    pub fn courses(&self) -> &[ArmedCourse] {
        &self.courses
    }

    /// The courses whose triggers spend this coin: one at each rung, lowest first.
    pub fn courses_for(&self, coin: OutPoint) -> impl Iterator<Item = &ArmedCourse> {
        self.courses.iter().filter(move |course| {
            let mut spends = course.trigger.spends();
            spends.any(|(spent, _)| spent.outpoint() == coin)
        })
    }

    /// Takes a veto holder's signature on a cancel of this escrow coin from a returned file.
    ///
    /// # Errors
    ///
    /// If no course's trigger makes this coin, or the file is for none of its cancels.
    pub fn receive_veto(
        &mut self,
        escrow: OutPoint,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, ArmingError> {
        let course = self
            .courses
            .iter_mut()
            .find(|course| course.trigger.txid() == escrow.txid);
        let course = course.ok_or(ArmingError::Unrelated(escrow.txid))?;
        let txid = returned.unsigned_tx.compute_txid();
        let mut cancels = course.cancels.iter_mut();
        let cancel = cancels.find(|cancel| cancel.txid() == txid);
        let cancel = cancel.ok_or(ArmingError::Unrelated(txid))?;
        Ok(cancel.receive(Role::Veto, returned, secp)?)
    }

    /// The course whose trigger makes this escrow coin.
    #[must_use]
    pub fn course_of_escrow(&self, coin: OutPoint) -> Option<&ArmedCourse> {
        self.courses
            .iter()
            .find(|course| course.trigger.txid() == coin.txid)
    }
}

/// Why a step of the arming is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArmingError {
    /// Direct paths need no arming.
    #[error("the path `{0}` is direct: it needs no signature in advance")]
    NotStaged(String),
    /// Acknowledgements come after the signatures they are about.
    #[error("cancels and settles must be signed before anybody can acknowledge them")]
    NotProtected,
    /// Nobody may sign a trigger before its cancel and settle are in the right hands.
    #[error(
        "a trigger is not signed before veto holders and agents hold its cancel and settle; this coin is {0}"
    )]
    TriggerTooEarly(ArmingState),
    /// There is nothing to sign until the copies are acknowledged.
    #[error("the cancels and settles are signed and wait for their acknowledgement")]
    NotAcknowledged,
    /// There is nothing left to sign.
    #[error("the coin is armed on this path already; refresh it first to arm it anew")]
    AlreadyArmed,
    /// The party has no part in what follows a trigger on this path.
    #[error("`{0}` neither vetoes nor acts on this path, nor releases its lock-up")]
    NotConcerned(String),
    /// A file that is none of this arming's.
    #[error("transaction {0} is none of this arming")]
    Unrelated(Txid),
    /// A transaction cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A returned file is refused.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}
