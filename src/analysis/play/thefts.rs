//! How coins are taken, by which steps, and by whom although the others defend them.

use super::{Aim, Armed, DirectPlay, Orders, Play, Route, StagedPlay, Valued, all, any};
use crate::analysis::opening::Opening;
use crate::analysis::ways::Power;
use crate::logic::Formula;

impl Play {
    /// Every way to take a vault coin, the quickest first.
    ///
    /// A coalition that can undo its own triggers can use up what is signed in advance, and wait
    /// for a direct path that the others could have evaded otherwise; that is a way of its own.
    #[must_use]
    pub fn routes(&self, armed: Armed) -> Vec<Route> {
        let escrows = match armed {
            Armed::Armed => self.in_escrows(Aim::Take),
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
            let in_vault = self.after_cancel(Aim::Take, staged);
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

    /// Who can take a coin in the end, when nobody defends it.
    #[must_use]
    pub fn steal_undefended(&self, armed: Armed) -> Formula {
        any(self.routes(armed).into_iter().map(|route| route.undefended))
    }

    /// Who can take a coin in the end, whatever everybody else does.
    #[must_use]
    pub fn steal(&self, armed: Armed) -> Formula {
        self.reaches(Aim::Take, armed)
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
    ///
    /// Where the order is open, one in which all of the others are late is possible: to put
    /// everything late that is not certainly before this path contradicts nothing.  And in every
    /// order the coalition is first if against each way of the others it has one that is certainly
    /// as early: the order that puts such a way of the others before all that need not be as early
    /// is possible as well.
    fn unarmed_direct(&self, direct: &DirectPlay) -> Formula {
        let root = (&self.root_opens, &self.root);
        let directs = self.directs.iter();
        let others = std::iter::once(root).chain(directs.map(|other| (&other.opens, &other.acts)));
        let are_late = match self.orders {
            Orders::Some => all(others
                .filter(|(opens, _)| opens.is_before(&direct.opens))
                .map(|(_, acts)| acts.dual())),
            Orders::All => all(others.map(|(opens, acts)| {
                let own = self.directs.iter();
                let as_early = own.filter(|own| opens.includes(&own.opens));
                any(std::iter::once(acts.dual()).chain(as_early.map(|own| own.acts.clone())))
            })),
        };
        all([direct.acts.clone(), are_late])
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
