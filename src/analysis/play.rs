//! What a coalition can bring about when everybody else does his best against it.
//!
//! A coin goes from stage to stage, and each move is somebody's: the coalition's, if it can
//! complete a way, or that of the others together, if they can.  Whether the others can is the
//! [dual](Formula::dual) of the same condition: they cannot just when the coalition has a member
//! in each of the sets that could.  So everything below is a monotone condition on the coalition
//! alone, and exact.
//!
//! When both could move at the same moment, the coalition is supposed to be first.
//!
//! After a trigger and its cancel the coin is armed on that path alone, with one trigger fewer.  What
//! can be brought about from there is, for a given coalition, a monotone function of what can be
//! brought about with one trigger fewer still; a monotone function of one truth value is constant
//! or the identity, so any number of triggers leads to the same answer as one.  Only the difference
//! between one and none has to be kept.

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

/// The conditions of a policy, from which all questions are put together.
#[derive(Clone, Debug)]
pub struct Play {
    root: Formula,
    /// From when on root can spend a vault coin.
    root_opens: Opening,
    directs: Vec<DirectPlay>,
    staged: Vec<StagedPlay>,
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
        }
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
        match armed {
            Armed::Unarmed => self.frozen_in_vault(&[]),
            Armed::Armed => {
                let escrows = self.in_escrows(Self::frozen_in_vault, Self::frozen_in_escrow);
                self.frozen_in_vault(&escrows)
            }
        }
    }

    /// Every staged path with what its escrow is worth to a coalition, when a cancel leads to a
    /// vault coin that is armed on that path alone, as often as it still is.
    fn in_escrows<'a>(
        &'a self,
        in_vault: impl Fn(&'a Self, &[Valued<'a>]) -> Formula,
        in_escrow: impl Fn(&'a Self, &'a StagedPlay, &Formula) -> Formula,
    ) -> Vec<Valued<'a>> {
        let unarmed = in_vault(self, &[]);
        let escrow = |staged: &'a StagedPlay| {
            let last = in_escrow(self, staged, &unarmed);
            if staged.depth < 2 {
                return (staged, last);
            }
            let once_more = in_vault(self, &[(staged, last)]);
            (staged, in_escrow(self, staged, &once_more))
        };
        self.staged.iter().map(escrow).collect()
    }

    /// In a vault that is armed on these paths, whose escrows are frozen as it says.
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
            let held = all([staged.settle.dual(), no_way_back]);
            return all([self.root.dual(), any([cancels, held])]);
        };
        let in_lockup = if lockup.clawback {
            all([self.root.dual(), lockup.release.dual()])
        } else {
            lockup.release.dual()
        };
        // Before the window ends the others can still cancel.
        let settles = all([
            staged.settle.clone(),
            in_lockup.clone(),
            no_way_back.clone(),
        ]);
        let held = all([
            lockup.release.dual(),
            any([staged.settle.dual(), in_lockup]),
            no_way_back,
        ]);
        all([self.root.dual(), any([cancels, settles, held])])
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

    // --- thefts -----------------------------------------------------------------------------------

    /// Every way to take a vault coin, the quickest first.
    ///
    /// A coalition that can undo its own triggers can use up what is signed in advance, and wait
    /// for a direct path that the others could have evaded otherwise; that is a way of its own.
    #[must_use]
    pub fn routes(&self, armed: Armed) -> Vec<Route> {
        let escrows = match armed {
            Armed::Armed => self.in_escrows(Self::taken_in_vault, Self::taken_in_escrow),
            Armed::Unarmed => Vec::new(),
        };
        let mut routes = vec![Route {
            steps: vec![(Power::Spend, None, self.root_opens.clone())],
            undefended: self.root.clone(),
            defended: self.root.clone(),
        }];
        let away = Self::not_led_away(&escrows);
        let recover = |direct: &DirectPlay| {
            (
                Power::Recover,
                Some(direct.path.clone()),
                direct.opens.clone(),
            )
        };
        routes.extend(self.directs.iter().map(|direct| Route {
            steps: vec![recover(direct)],
            undefended: direct.acts.clone(),
            defended: all([self.unarmed_direct(direct), away.clone()]),
        }));
        for (staged, _) in &escrows {
            let in_vault = self.after_cancel(staged);
            routes.extend(self.staged_routes(staged, &in_vault));
            let undone = all([staged.trigger.clone(), staged.cancel.clone()]);
            let step = |power| (power, Some(staged.path.clone()), Opening::at_once());
            routes.extend(self.directs.iter().map(|direct| Route {
                steps: vec![step(Power::Trigger), step(Power::Cancel), recover(direct)],
                undefended: all([undone.clone(), direct.acts.clone()]),
                defended: all([
                    undone.clone(),
                    self.unarmed_direct(direct),
                    in_vault.clone(),
                ]),
            }));
        }
        let key = |route: &Route| (route.unlock_seconds(), route.seconds());
        routes.sort_by_key(key);
        routes
    }

    /// What a vault coin is worth to a thief after a trigger of this path was cancelled.
    fn after_cancel(&self, staged: &StagedPlay) -> Formula {
        let unarmed = self.taken_in_vault(&[]);
        if staged.depth < 2 {
            return unarmed;
        }
        let last = self.taken_in_escrow(staged, &unarmed);
        self.taken_in_vault(&[(staged, last)])
    }

    /// Who can take a coin in the end, when nobody defends it.
    #[must_use]
    pub fn steal_undefended(&self, armed: Armed) -> Formula {
        any(self.routes(armed).into_iter().map(|route| route.undefended))
    }

    /// Who can take a coin in the end, whatever everybody else does.
    #[must_use]
    pub fn steal(&self, armed: Armed) -> Formula {
        match armed {
            Armed::Unarmed => self.taken_in_vault(&[]),
            Armed::Armed => {
                let escrows = self.in_escrows(Self::taken_in_vault, Self::taken_in_escrow);
                self.taken_in_vault(&escrows)
            }
        }
    }

    /// From a vault that is armed on these paths, from whose escrows a coin is taken as it says.
    pub(super) fn taken_in_vault(&self, armed: &[Valued<'_>]) -> Formula {
        let directs = self
            .directs
            .iter()
            .map(|direct| self.unarmed_direct(direct));
        let waited = all([any(directs), Self::not_led_away(armed)]);
        let triggered = armed
            .iter()
            .map(|(staged, taken)| all([staged.trigger.clone(), taken.clone()]));
        any([self.root.clone(), waited].into_iter().chain(triggered))
    }

    /// That the others cannot trigger a vault coin away to where the coalition cannot take it.
    fn not_led_away(armed: &[Valued<'_>]) -> Formula {
        all(armed
            .iter()
            .map(|(staged, taken)| any([staged.trigger.dual(), taken.clone()])))
    }

    /// A direct path wins unless root moves the coin first, or another direct path opens earlier to
    /// the others.
    fn unarmed_direct(&self, direct: &DirectPlay) -> Formula {
        let earlier = self
            .directs
            .iter()
            .filter(|other| other.opens.is_before(&direct.opens))
            .map(|other| other.acts.dual());
        let own = [direct.acts.clone(), self.root_fails_before(&direct.opens)];
        all(own.into_iter().chain(earlier))
    }

    /// That root does not move the coin before something opens.
    fn root_fails_before(&self, opens: &Opening) -> Formula {
        if self.root_opens.is_before(opens) {
            self.root.dual()
        } else {
            Formula::always()
        }
    }

    pub(super) fn taken_in_escrow(&self, staged: &StagedPlay, in_vault: &Formula) -> Formula {
        let exits = staged.exits(&self.root);
        let wins = exits.map(|exit| all([self.root_fails_before(&exit.opens), exit.wins]));
        any([
            self.root.clone(),
            all([staged.cancel.clone(), in_vault.clone()]),
            all([any([staged.cancel.dual(), in_vault.clone()]), any(wins)]),
        ])
    }

    /// That nobody else stops what happens in an escrow before an exit: neither root, nor a
    /// cancel, unless the coin can be taken from the vault as well.
    fn undisturbed(&self, staged: &StagedPlay, exit: &Exit, in_vault: &Formula) -> Formula {
        all([
            self.root_fails_before(&exit.opens),
            any([staged.cancel.dual(), in_vault.clone()]),
        ])
    }

    fn staged_routes(&self, staged: &StagedPlay, in_vault: &Formula) -> Vec<Route> {
        let step = |power, opens: &Opening| (power, Some(staged.path.clone()), opens.clone());
        let exits = staged.exits(&self.root);
        exits
            .map(|exit| {
                let mut steps = vec![
                    step(Power::Trigger, &Opening::at_once()),
                    step(exit.power, &exit.opens),
                ];
                if let (Power::Settle, Some(lockup)) = (exit.power, &staged.lockup) {
                    steps.push(step(Power::Release, &lockup.period));
                }
                let undisturbed = self.undisturbed(staged, &exit, in_vault);
                Route {
                    steps,
                    undefended: all([staged.trigger.clone(), exit.acts]),
                    defended: all([staged.trigger.clone(), undisturbed, exit.wins]),
                }
            })
            .collect()
    }
}

/// How a coin leaves an escrow for good: by a settle, and by a release where there is a lock-up, or
/// by the backstop.
struct Exit {
    power: Power,
    opens: Opening,
    /// Who does it when nobody objects.
    acts: Formula,
    /// Who does it whatever the others do after the escrow.
    wins: Formula,
}

impl StagedPlay {
    /// Who can take a coin through the path when nobody objects.
    pub(super) fn completes(&self) -> Formula {
        match &self.lockup {
            // With the settle lost there is still the backstop.
            Some(lockup) => all([self.trigger.clone(), lockup.release.clone()]),
            None => all([self.trigger.clone(), self.settle.clone()]),
        }
    }

    /// Whether a coalition has the time for waits of so many seconds.
    fn has_time(&self, seconds: u64) -> bool {
        self.before.is_none_or(|before| seconds < before)
    }

    fn exits(&self, root: &Formula) -> impl Iterator<Item = Exit> {
        let settle = |acts, wins| Exit {
            power: Power::Settle,
            opens: self.window.clone(),
            acts,
            wins,
        };
        let window = self.window.seconds();
        let Some(lockup) = &self.lockup else {
            let exit = settle(self.settle.clone(), self.settle.clone());
            let exits = if self.has_time(window) {
                vec![exit]
            } else {
                Vec::new()
            };
            return exits.into_iter();
        };
        let release = &lockup.release;
        let has_time = self.has_time(window + lockup.period.seconds());
        let released = if has_time {
            release.clone()
        } else {
            Formula::never()
        };
        let in_lockup = if lockup.clawback {
            any([root.clone(), all([released, root.dual()])])
        } else {
            released
        };
        let settles = |then: &Formula| all([self.settle.clone(), then.clone()]);
        let mut exits = Vec::new();
        if has_time {
            exits.push(settle(settles(release), settles(&in_lockup)));
        }
        if self.has_time(lockup.backstop.seconds()) {
            exits.push(Exit {
                power: Power::SkipLockup,
                opens: lockup.backstop.clone(),
                acts: release.clone(),
                // The others settle before the backstop, if that helps them.
                wins: all([release.clone(), any([self.settle.dual(), in_lockup])]),
            });
        }
        exits.into_iter()
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
