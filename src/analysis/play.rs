//! What a coalition can bring about when everybody else does his best against it.
//!
//! A coin goes from stage to stage, and each move is somebody's: the coalition's, if it can
//! complete a way, or that of the others together, if they can.  Whether the others can is the
//! [dual](Formula::dual) of the same condition: they cannot just when the coalition has a member
//! in each of the sets that could.  So everything below is a monotone condition on the coalition
//! alone, and exact.
//!
//! When both could move at the same moment, the coalition is supposed to be first; and of two ways
//! that wait in different clocks, or for a date that may have passed, whichever suits it.  Both
//! orders are open there, and [`Play::surely`] has the answers that hold in either.
//!
//! After a trigger and its cancel the coin is armed on that path alone, with one trigger fewer.  What
//! can be brought about from there is, for a given coalition, a monotone function of what can be
//! brought about with one trigger fewer still; a monotone function of one truth value is constant
//! or the identity, so any number of triggers leads to the same answer as one.  Only the difference
//! between one and none has to be kept.

mod thefts;

use super::actors::Actors;
use super::opening::Opening;
use super::ways::{Power, Way, is_recovery, root_opens};
use crate::compile::Stage;
use crate::logic::Formula;
use crate::policy::{Policy, SpendingPath};

/// Whether coins are armed on every staged path, or on none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Armed {
    /// The files exist and are where they should be.
    Armed,
    /// There are no files, or all copies are lost.
    Unarmed,
}

/// In which orders of waits a coalition has to reach its goal, where more than one is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orders {
    /// In one of them: the worst for everybody else.
    Some,
    /// In every one.
    All,
}

/// What a coalition is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To have the coin.
    Take,
    /// That nobody else ever has it.
    Freeze,
}

/// The conditions of a policy, from which all questions are put together.
#[derive(Clone, Debug)]
pub struct Play {
    root: Formula,
    /// From when on root can spend a vault coin.
    root_opens: Opening,
    directs: Vec<DirectPlay>,
    staged: Vec<StagedPlay>,
    orders: Orders,
}

/// A direct path.
#[derive(Clone, Debug)]
pub(super) struct DirectPlay {
    pub path: String,
    pub opens: Opening,
    pub acts: Formula,
}

/// A staged path for an armed coin.
#[derive(Clone, Debug)]
pub(super) struct StagedPlay {
    pub path: String,
    pub is_recovery: bool,
    /// How many triggers in a row are signed in advance.
    pub depth: u8,
    pub trigger: Formula,
    pub cancel: Formula,
    pub settle: Formula,
    /// The wait before it.
    pub window: Opening,
    pub lockup: Option<LockupPlay>,
    /// The seconds from the trigger before which a coalition wants the coin, if it has no time.
    pub before: Option<u64>,
}

/// Its lock-up.
#[derive(Clone, Debug)]
pub(super) struct LockupPlay {
    pub period: Opening,
    pub backstop: Opening,
    pub release: Formula,
    pub clawback: bool,
}

/// A staged path, and who reaches his goal from its escrow.
pub(super) type Valued<'a> = (&'a StagedPlay, Formula);

/// How a coin can be taken, step by step.
#[derive(Clone, Debug)]
pub struct Route {
    /// The transactions, with what each waits for.
    pub steps: Vec<(Power, Option<String>, Opening)>,
    /// Who can do it when nobody defends.
    pub undefended: Formula,
    /// Who can do it while everybody else watches, has fees, and does what can be done.
    pub defended: Formula,
}

impl Route {
    /// All its waits together, in seconds, ten minutes to a block.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.steps.iter().map(|(_, _, opens)| opens.seconds()).sum()
    }

    /// Whether the coalition triggers only to undo it, so that less is signed in advance.
    #[must_use]
    pub fn undoes_its_trigger(&self) -> bool {
        self.steps.iter().any(|(power, ..)| *power == Power::Cancel)
    }

    /// The last date before it, as seconds since 1970; zero if there is none.
    #[must_use]
    pub fn unlock_seconds(&self) -> u64 {
        let dates = self
            .steps
            .iter()
            .map(|(_, _, opens)| opens.unlock_seconds());
        dates.max().unwrap_or(0)
    }
}

fn all(of: impl IntoIterator<Item = Formula>) -> Formula {
    Formula::all(of.into_iter().collect())
}

fn any(of: impl IntoIterator<Item = Formula>) -> Formula {
    Formula::any(of.into_iter().collect())
}

impl Play {
    pub(super) fn of(policy: &Policy, actors: &Actors, ways: &[Way]) -> Self {
        let directs = policy.paths().iter().filter_map(|path| {
            let terms = path.direct()?;
            Some(DirectPlay {
                path: path.name().to_owned(),
                opens: Opening::direct(terms),
                acts: actors.quorum(path.quorum()),
            })
        });
        Self {
            root: actors.quorum(policy.root().quorum()),
            root_opens: root_opens(policy),
            directs: directs.collect(),
            staged: policy
                .paths()
                .iter()
                .filter_map(|path| staged(path, ways))
                .collect(),
            orders: Orders::Some,
        }
    }

    /// The same for a coalition that reaches its goal whichever of two waits is over first, where
    /// that is open.
    #[must_use]
    pub fn surely(&self) -> Self {
        Self {
            orders: Orders::All,
            ..self.clone()
        }
    }

    /// Whether any order of waits that decides about a theft is open, so that
    /// [`surely`](Self::surely) can differ.
    #[must_use]
    pub fn has_open_orders(&self) -> bool {
        let root = std::iter::once(&self.root_opens);
        let defences = root.chain(self.directs.iter().map(|direct| &direct.opens));
        let exits = self.staged.iter().flat_map(|staged| {
            let backstop = staged.lockup.as_ref().map(|lockup| &lockup.backstop);
            std::iter::once(&staged.window).chain(backstop)
        });
        let goals = self.directs.iter().map(|direct| &direct.opens);
        let is_open =
            |first: &Opening, then: &Opening| !first.is_before(then) && !first.includes(then);
        let against = |defence: &Opening| goals.clone().any(|goal| is_open(defence, goal));
        defences.into_iter().any(against) || exits.into_iter().any(|e| is_open(&self.root_opens, e))
    }

    /// The same with other conditions in place of each party and item.
    pub(super) fn map(&self, change: &dyn Fn(&Formula) -> Formula) -> Self {
        Self {
            root: change(&self.root),
            root_opens: self.root_opens.clone(),
            directs: self
                .directs
                .iter()
                .map(|direct| DirectPlay {
                    acts: change(&direct.acts),
                    ..direct.clone()
                })
                .collect(),
            staged: self
                .staged
                .iter()
                .map(|staged| StagedPlay {
                    trigger: change(&staged.trigger),
                    cancel: change(&staged.cancel),
                    settle: change(&staged.settle),
                    lockup: staged.lockup.as_ref().map(|lockup| LockupPlay {
                        release: change(&lockup.release),
                        ..lockup.clone()
                    }),
                    ..staged.clone()
                })
                .collect(),
            orders: self.orders,
        }
    }

    /// The same for a coalition that wants the coin before so many seconds are over, counted from
    /// each start anew.  What everybody else can do stays as it is: of the direct paths only those
    /// matter that open before the coalition's own.
    pub(super) fn before(&self, seconds: u64) -> Self {
        let mut play = self.clone();
        play.directs
            .retain(|direct| direct.opens.seconds() < seconds);
        for staged in &mut play.staged {
            staged.before = Some(seconds);
        }
        play
    }

    pub(super) const fn root(&self) -> &Formula {
        &self.root
    }

    pub(super) const fn root_opens(&self) -> &Opening {
        &self.root_opens
    }

    pub(super) fn directs(&self) -> &[DirectPlay] {
        &self.directs
    }

    pub(super) fn staged(&self) -> &[StagedPlay] {
        &self.staged
    }

    // --- losses: nobody acts against anybody, some cannot act any more ---------------------------

    /// Whoever must be lost for no coin to move ever again.
    #[must_use]
    pub fn unspendable(&self, armed: Armed) -> Formula {
        let mut ways = vec![self.root.clone()];
        ways.extend(self.directs.iter().map(|direct| direct.acts.clone()));
        if armed == Armed::Armed {
            ways.extend(self.staged.iter().map(StagedPlay::completes));
        }
        any(ways).dual()
    }

    /// Whoever must be lost for root to be unable to act.
    #[must_use]
    pub fn root_closed(&self) -> Formula {
        self.root.dual()
    }

    /// Whoever must be lost for only recoveries to be left: neither root nor those who spend day
    /// by day can move a coin.
    #[must_use]
    pub fn only_recoveries(&self) -> Formula {
        let spending = self.staged.iter().filter(|staged| !staged.is_recovery);
        let ways = spending.map(StagedPlay::completes);
        any(std::iter::once(self.root.clone()).chain(ways)).dual()
    }

    /// Whoever must be lost for nobody to be able to veto, on any path.
    #[must_use]
    pub fn no_veto(&self) -> Formula {
        any(self.staged.iter().map(|staged| staged.cancel.clone())).dual()
    }

    /// Whoever must be lost for a path to be unusable, by its own people or by those it needs.
    #[must_use]
    pub fn path_closed(&self, path: &str) -> Formula {
        let direct = self.directs.iter().filter(|direct| direct.path == path);
        let staged = self.staged.iter().filter(|staged| staged.path == path);
        any(direct
            .map(|direct| direct.acts.clone())
            .chain(staged.map(StagedPlay::completes)))
        .dual()
    }

    // --- powers over others -----------------------------------------------------------------------

    /// Who can keep every coin from everybody else for ever, without taking it: by refusing, and by
    /// moving it from stage to stage.
    #[must_use]
    pub fn freeze(&self, armed: Armed) -> Formula {
        self.reaches(Aim::Freeze, armed)
    }

    /// Who reaches his goal with a vault coin, whatever everybody else does.
    fn reaches(&self, aim: Aim, armed: Armed) -> Formula {
        match armed {
            Armed::Unarmed => self.in_vault(aim, &[]),
            Armed::Armed => self.in_vault(aim, &self.in_escrows(aim)),
        }
    }

    /// Every staged path with what its escrow is worth to a coalition.
    fn in_escrows(&self, aim: Aim) -> Vec<Valued<'_>> {
        let staged = self.staged.iter();
        staged
            .map(|staged| {
                (
                    staged,
                    self.in_escrow(aim, staged, &self.after_cancel(aim, staged)),
                )
            })
            .collect()
    }

    /// What a vault coin is worth to a coalition after a trigger of this path was cancelled: it is
    /// armed on that path alone, as often as it still is.
    fn after_cancel(&self, aim: Aim, staged: &StagedPlay) -> Formula {
        let unarmed = self.in_vault(aim, &[]);
        if staged.depth < 2 {
            return unarmed;
        }
        let last = self.in_escrow(aim, staged, &unarmed);
        self.in_vault(aim, &[(staged, last)])
    }

    /// Who reaches his goal from a vault that is armed on these paths, whose escrows are worth so
    /// much.
    fn in_vault(&self, aim: Aim, armed: &[Valued<'_>]) -> Formula {
        match aim {
            Aim::Take => self.taken_in_vault(armed),
            Aim::Freeze => self.frozen_in_vault(armed),
        }
    }

    /// Who reaches his goal from an escrow, when the vault that a cancel leads to is worth so much.
    fn in_escrow(&self, aim: Aim, staged: &StagedPlay, in_vault: &Formula) -> Formula {
        match aim {
            Aim::Take => self.taken_in_escrow(staged, in_vault),
            Aim::Freeze => self.frozen_in_escrow(staged, in_vault),
        }
    }

    /// That root does not move the coin before something opens.
    fn root_fails_before(&self, opens: &Opening) -> Formula {
        let is_in_time = match self.orders {
            Orders::Some => self.root_opens.is_before(opens),
            Orders::All => !self.root_opens.includes(opens),
        };
        if is_in_time {
            self.root.dual()
        } else {
            Formula::always()
        }
    }

    pub(super) fn frozen_in_vault(&self, armed: &[Valued<'_>]) -> Formula {
        let directs = self.directs.iter().map(|direct| direct.acts.dual());
        // The others have no move, or only such as lead to where they have none …
        let led = armed
            .iter()
            .map(|(staged, frozen)| any([staged.trigger.dual(), frozen.clone()]));
        let held = all(std::iter::once(self.root.dual()).chain(directs).chain(led));
        // … or the coalition moves the coin there.
        let moved = armed
            .iter()
            .map(|(staged, frozen)| all([staged.trigger.clone(), frozen.clone()]));
        any(std::iter::once(held).chain(moved))
    }

    pub(super) fn frozen_in_escrow(&self, staged: &StagedPlay, in_vault: &Formula) -> Formula {
        let cancels = all([staged.cancel.clone(), in_vault.clone()]);
        let no_way_back = any([staged.cancel.dual(), in_vault.clone()]);
        let Some(lockup) = &staged.lockup else {
            let held = all([self.root.dual(), staged.settle.dual(), no_way_back]);
            return any([cancels, held]);
        };
        let in_lockup = if lockup.clawback {
            all([self.root.dual(), lockup.release.dual()])
        } else {
            lockup.release.dual()
        };
        // Before the window ends the others can still cancel, and root can take the coin out.
        let settles = all([
            self.root_fails_before(&staged.window),
            staged.settle.clone(),
            in_lockup.clone(),
            no_way_back.clone(),
        ]);
        let held = all([
            self.root.dual(),
            lockup.release.dual(),
            any([staged.settle.dual(), in_lockup]),
            no_way_back,
        ]);
        any([cancels, settles, held])
    }

    /// Who can undo each trigger of a path, as often as triggers are signed in advance.
    #[must_use]
    pub fn stall(&self, path: &str) -> Formula {
        let staged = self.staged.iter().filter(|staged| staged.path == path);
        any(staged.map(|staged| staged.cancel.clone()))
    }

    /// Who can keep everybody else from rescuing coins by any recovery, root being gone: by
    /// refusing, and by vetoes.
    ///
    /// What needs root's people is no rescue, so this is about the conditions as they are and not
    /// about who is in root.
    #[must_use]
    pub fn rescue_blocked(&self) -> Formula {
        let directs = self.directs.iter().map(|direct| direct.acts.dual());
        let staged = self.staged.iter().filter(|staged| staged.is_recovery);
        let staged = staged.map(|staged| any([staged.completes().dual(), staged.cancel.clone()]));
        all(directs.chain(staged))
    }

    /// Whoever must be lost for no recovery to be left, root's people and all.
    #[must_use]
    pub fn rescue_lost(&self, armed: Armed) -> Formula {
        let directs = self.directs.iter().map(|direct| direct.acts.clone());
        let staged = self.staged.iter().filter(|staged| staged.is_recovery);
        let staged = staged.filter(|_| armed == Armed::Armed);
        any(directs.chain(staged.map(StagedPlay::completes))).dual()
    }
}

fn staged(path: &SpendingPath, ways: &[Way]) -> Option<StagedPlay> {
    let terms = path.staged()?;
    let name = path.name().to_owned();
    let find = |stage: &Stage, power| {
        let found = ways.iter().find(|way| {
            way.stage == *stage && way.power == power && way.path.as_ref() == Some(&name)
        });
        found.map(|way| (way.armed.clone(), way.opens.clone()))
    };
    let (escrow, in_lockup) = (Stage::Escrow(name.clone()), Stage::Lockup(name.clone()));
    let (settle, window) = find(&escrow, Power::Settle)?;
    let lockup = terms.lockup().and_then(|lockup| {
        let (release, period) = find(&in_lockup, Power::Release)?;
        let (_, backstop) = find(&escrow, Power::SkipLockup)?;
        Some(LockupPlay {
            period,
            backstop,
            release,
            clawback: lockup.clawback(),
        })
    });
    Some(StagedPlay {
        is_recovery: is_recovery(terms.outcome()),
        depth: terms.depth(),
        trigger: find(&Stage::Vault, Power::Trigger)?.0,
        cancel: find(&escrow, Power::Cancel)?.0,
        settle,
        window,
        lockup,
        before: None,
        path: name,
    })
}
