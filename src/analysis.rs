//! Who can do what, when, and who can stop it: exactly, from the policy alone.
//!
//! Every transaction out of every stage is a monotone condition on who takes part, so every
//! question about coalitions is one as well: who could take the coins although everybody else
//! defends them, who could keep them from everybody, whose loss loses them.  The conditions are put
//! together in [`Play`] and answered by [`crate::logic`]: minimal sets, counted and not sampled.
//!
//! What an answer says of locks and signatures is held by consensus.  What it supposes of files is
//! promised by software: that whoever should keep a copy of a file keeps one.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = std::fs::read_to_string("policies/dao-treasury/policy.toml")?;
//! let policy = longstop::policy::check(&text).policy.ok_or("the policy has errors")?;
//! let analysis = longstop::analysis::analyze(&policy)?;
//! let quickest = &analysis.thefts[0];
//! assert_eq!(quickest.undefended.smallest(), Some(3));
//! # Ok(())
//! # }
//! ```

mod actors;
mod claim;
mod coalitions;
mod diff;
pub mod fate;
mod incident;
mod opening;
mod play;
mod result;
mod ways;

use std::collections::BTreeSet;

pub use self::actors::Actors;
pub use self::claim::{Claim, ClaimError, Counterexample, Happening, Rests, Verdict, WorstCase};
pub use self::coalitions::{Class, Coalitions, Group, Taken};
pub use self::diff::{
    Ability, Action, ArmingWork, Change, Difference, Leaver, MoveCost, Part, PowerChange,
    Presigned, Side, StageChange, StageFate, Wait, WaitChange, When, Work, compare,
};
pub use self::opening::Opening;
pub use self::play::{Armed, Play, Route};
pub use self::result::{
    Analysis, Control, ControlKind, Defence, Loss, LossKind, Moment, PowerLine, Rescue, RescueWay,
    StageLine, Step, Theft,
};
pub use self::ways::{Leads, Power, Way};

use crate::compile::Stage;
use crate::logic::{Formula, Logic, TooLarge};
use crate::policy::{Policy, SpendingPath, Staged};

use self::coalitions::Teller;
use self::ways::ways;

/// Says all that follows from a policy about parties, each of whom keeps what is his.
///
/// # Errors
///
/// If quorums overlap so much that the conditions cannot be decided within the limits of
/// [`crate::logic`].
pub fn analyze(policy: &Policy) -> Result<Analysis, TooLarge> {
    Analyst::of(policy).analyze()
}

/// A policy with all that questions about it are answered from.
#[derive(Debug)]
pub struct Analyst<'a> {
    policy: &'a Policy,
    actors: Actors,
    ways: Vec<Way>,
    play: Play,
    by_party: Play,
    teller: Teller,
}

impl<'a> Analyst<'a> {
    /// Reads a policy.
    #[must_use]
    pub fn of(policy: &'a Policy) -> Self {
        let actors = Actors::of(policy);
        let ways = ways(policy, &actors);
        let play = Play::of(policy, &actors, &ways);
        let by_party = play.map(&|formula| actors.of_parties(formula));
        let mut teller = Teller::of(policy, &actors);
        // The order of the parties in diagrams is that of the first question, and this one is about
        // all quorums at once.  If it is too large, the questions that matter will say so.
        let _ = teller.logic().minimal(&by_party.steal(Armed::Armed));
        Self {
            policy,
            actors,
            ways,
            play,
            by_party,
            teller,
        }
    }

    /// The parties and items with their numbers.
    #[must_use]
    pub const fn actors(&self) -> &Actors {
        &self.actors
    }

    /// The transactions out of all stages, with conditions over parties and items.
    #[must_use]
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// The questions, over parties and items.
    #[must_use]
    pub const fn play(&self) -> &Play {
        &self.play
    }

    /// The questions over parties alone, each of whom has what is his.
    #[must_use]
    pub const fn by_party(&self) -> &Play {
        &self.by_party
    }

    const fn logic(&mut self) -> &mut Logic {
        self.teller.logic()
    }

    /// The coalitions that meet a condition, told in the words of the policy.
    ///
    /// # Errors
    ///
    /// If the condition is too large to be decided.
    pub fn coalitions(&mut self, formula: &Formula) -> Result<Coalitions, TooLarge> {
        self.teller.tell(formula)
    }

    /// Answers all questions about parties.
    ///
    /// # Errors
    ///
    /// If a condition is too large to be decided.
    pub fn analyze(&mut self) -> Result<Analysis, TooLarge> {
        Ok(Analysis {
            policy: self.policy.name().to_owned(),
            parties: self.actors.parties(),
            stages: self.stages()?,
            thefts: self.thefts()?,
            controls: self.controls()?,
            losses: self.losses()?,
            rescue: self.rescue()?,
        })
    }

    fn stages(&mut self) -> Result<Vec<StageLine>, TooLarge> {
        let mut stages: Vec<Stage> = Vec::new();
        for way in &self.ways {
            if !stages.contains(&way.stage) {
                stages.push(way.stage.clone());
            }
        }
        stages.into_iter().map(|stage| self.stage(stage)).collect()
    }

    fn stage(&mut self, stage: Stage) -> Result<StageLine, TooLarge> {
        let ways: Vec<Way> = self
            .ways
            .iter()
            .filter(|way| way.stage == stage)
            .cloned()
            .collect();
        let mut openings = vec![Opening::at_once()];
        for way in &ways {
            if !openings.contains(&way.opens) {
                openings.push(way.opens.clone());
            }
        }
        openings.sort_by(Opening::order);
        let mut moments: Vec<Moment> = Vec::new();
        for (index, at) in openings.iter().enumerate() {
            let mut powers = Vec::new();
            for way in ways.iter().filter(|way| at.includes(&way.opens)) {
                let earlier = openings.iter().take(index);
                let opens = !earlier
                    .into_iter()
                    .any(|before| before.includes(&way.opens));
                powers.push(self.power(way, opens)?);
            }
            moments.push(Moment {
                at: at.clone(),
                powers,
            });
        }
        Ok(StageLine { stage, moments })
    }

    fn power(&mut self, way: &Way, opens: bool) -> Result<PowerLine, TooLarge> {
        let armed = self.actors.of_parties(&way.armed);
        let unarmed = self.actors.of_parties(&way.unarmed);
        let unarmed = if armed == unarmed {
            None
        } else {
            Some(self.teller.tell(&unarmed)?)
        };
        Ok(PowerLine {
            power: way.power,
            path: way.path.clone(),
            leads: way.leads.clone(),
            opens,
            who: self.teller.tell(&armed)?,
            unarmed,
        })
    }

    fn thefts(&mut self) -> Result<Vec<Theft>, TooLarge> {
        let routes = self.routes(&self.by_party);
        // Only with an open order can there be a difference, and to look for it takes its time.
        let sure = match self.by_party.has_open_orders() {
            true => self.routes(&self.by_party.surely()),
            false => Vec::new(),
        };
        let sure = sure.into_iter().map(Some);
        let sure = sure.chain(std::iter::repeat_with(|| None));
        routes
            .into_iter()
            .zip(sure)
            .map(|(route, sure)| {
                let surely = match sure {
                    Some(sure) if !self.same(&sure.defended, &route.defended)? => {
                        Some(self.teller.tell(&sure.defended)?)
                    }
                    _ => None,
                };
                Ok(Theft {
                    seconds: route.seconds(),
                    unlock_seconds: Some(route.unlock_seconds()).filter(|seconds| *seconds > 0),
                    undefended: self.teller.tell(&route.undefended)?,
                    defended: self.teller.tell(&route.defended)?,
                    surely,
                    defences: self.defences(&route)?,
                    steps: steps(&route),
                })
            })
            .collect()
    }

    /// The ways to take an armed coin.
    ///
    /// That a coalition first undoes its own triggers, until nothing is left by which the others
    /// could evade it, is one way to take a coin by a direct path, and told with that path.
    fn routes(&self, play: &Play) -> Vec<Route> {
        let (undone, mut routes): (Vec<Route>, Vec<Route>) = play
            .routes(Armed::Armed)
            .into_iter()
            .partition(Route::undoes_its_trigger);
        for route in &mut routes {
            let same = undone
                .iter()
                .filter(|other| other.steps.last() == route.steps.last());
            let mut ways = vec![route.defended.clone()];
            ways.extend(same.map(|other| other.defended.clone()));
            route.defended = Formula::any(ways);
        }
        routes
    }

    fn same(&mut self, first: &Formula, second: &Formula) -> Result<bool, TooLarge> {
        self.logic().equivalent(first, second)
    }

    /// What can be done against a theft on the way, as the ways out of the stages it comes by.
    fn defences(&mut self, route: &Route) -> Result<Vec<Defence>, TooLarge> {
        let mut defences = Vec::new();
        for (power, path, before) in &route.steps {
            let stage = match (power, path) {
                (Power::Recover, _) => Stage::Vault,
                (Power::Settle | Power::SkipLockup, Some(path)) => Stage::Escrow(path.clone()),
                (Power::Release, Some(path)) => Stage::Lockup(path.clone()),
                _ => continue,
            };
            let stops: Vec<Way> = self
                .ways
                .iter()
                .filter(|way| way.stage == stage && way.is_defence() && before.includes(&way.opens))
                .cloned()
                .collect();
            for way in stops {
                let who = self.actors.of_parties(&way.armed);
                defences.push(Defence {
                    power: way.power,
                    stage: way.stage,
                    path: way.path,
                    before: before.clone(),
                    who: self.teller.tell(&who)?,
                });
            }
        }
        Ok(defences)
    }

    fn controls(&mut self) -> Result<Vec<Control>, TooLarge> {
        let mut controls = Vec::new();
        let mut add = |this: &mut Self, kind, path: Option<&str>, armed, ends, who: Formula| {
            let (seconds, until) = ends;
            let who = this.teller.tell(&who)?;
            controls.push(Control {
                kind,
                path: path.map(str::to_owned),
                armed,
                seconds,
                until,
                who,
            });
            Ok(())
        };
        let for_ever = || (None, None);
        let freeze = |this: &Self, armed| this.by_party.freeze(armed);
        let policy = self.policy;
        let staged: Vec<(&SpendingPath, &Staged)> = policy
            .paths()
            .iter()
            .filter_map(|path| Some((path, path.staged()?)))
            .collect();
        if !staged.is_empty() {
            let who = freeze(self, Armed::Armed);
            add(
                self,
                ControlKind::Freeze,
                None,
                Some(Armed::Armed),
                for_ever(),
                who,
            )?;
        }
        let who = freeze(self, Armed::Unarmed);
        add(
            self,
            ControlKind::Freeze,
            None,
            Some(Armed::Unarmed),
            for_ever(),
            who,
        )?;
        let bound = self.earliest_date();
        for (path, terms) in staged {
            let seconds = u64::from(terms.depth()) * terms.window().lock().expected_seconds();
            let who = self.by_party.stall(path.name());
            let ends = (Some(seconds), bound.clone());
            add(self, ControlKind::Stall, Some(path.name()), None, ends, who)?;
        }
        let relative = |path: &SpendingPath| path.direct().is_some_and(|d| d.delay().is_some());
        if policy.paths().iter().any(relative) {
            let who = self.by_party.root().clone();
            add(
                self,
                ControlKind::StallForEver,
                None,
                None,
                (None, bound),
                who,
            )?;
        }
        let who = self.by_party.rescue_blocked();
        if !policy.paths().is_empty() {
            add(self, ControlKind::BlockRescue, None, None, for_ever(), who)?;
        }
        Ok(controls)
    }

    /// The first absolute lock that opens a direct path however often a coin is moved.
    fn earliest_date(&self) -> Option<Opening> {
        let directs = self.play.directs().iter().map(|direct| &direct.opens);
        let dated = directs.filter(|opens| opens.unlock.is_some() && opens.is_ageless());
        dated.min_by(|a, b| a.order(b)).cloned()
    }

    fn losses(&mut self) -> Result<Vec<Loss>, TooLarge> {
        let play = &self.by_party;
        let mut losses = Vec::new();
        let has_files = !play.staged().is_empty();
        if has_files {
            let who = play.unspendable(Armed::Armed);
            losses.push((LossKind::Unspendable, None, Some(Armed::Armed), who));
        }
        let who = play.unspendable(Armed::Unarmed);
        losses.push((LossKind::Unspendable, None, Some(Armed::Unarmed), who));
        losses.push((LossKind::ImmediatePath, None, None, play.root_closed()));
        if play.staged().iter().any(|staged| !staged.is_recovery) {
            losses.push((LossKind::OnlyRecoveries, None, None, play.only_recoveries()));
        }
        if has_files {
            losses.push((LossKind::Vetoes, None, None, play.no_veto()));
        }
        for path in self.policy.paths() {
            let name = path.name();
            let who = play.path_closed(name);
            losses.push((LossKind::Path, Some(name.to_owned()), None, who));
        }
        losses
            .into_iter()
            .map(|(kind, path, armed, who)| {
                Ok(Loss {
                    kind,
                    path,
                    armed,
                    who: self.teller.tell(&who)?,
                })
            })
            .collect()
    }

    /// What is left without anybody in root, and without what they keep.
    fn rescue(&mut self) -> Result<Rescue, TooLarge> {
        let gone: BTreeSet<&str> = self.policy.root().quorum().party_names();
        let without_root = |formula: &Formula| {
            self.actors.of_parties(formula).substitute(&|party| {
                if gone.contains(self.actors.name(party)) {
                    Formula::never()
                } else {
                    Formula::Atom(party)
                }
            })
        };
        let left = self.play.map(&without_root);
        let mut ways = Vec::new();
        for route in left.routes(Armed::Armed) {
            let Some((_, Some(path), _)) = route.steps.first().cloned() else {
                continue;
            };
            let staged = left.staged().iter().find(|staged| staged.path == path);
            // To undo a trigger first rescues nothing that the direct path would not.
            let is_idle = route.undoes_its_trigger() || route.undefended.is_never();
            if is_idle || staged.is_some_and(|staged| !staged.is_recovery) {
                continue;
            }
            // With the settle still there nobody needs to wait for the backstop.
            let is_backstop = route
                .steps
                .iter()
                .any(|(power, ..)| *power == Power::SkipLockup);
            let settles = staged.is_some_and(|staged| !staged.settle.is_never());
            if is_backstop && settles {
                continue;
            }
            let vetoes = staged.map_or_else(Formula::never, |staged| staged.cancel.clone());
            let terms = self.policy.path(&path).and_then(SpendingPath::staged);
            let veto_seconds = terms.map_or(0, |terms| {
                u64::from(terms.depth()) * terms.window().lock().expected_seconds()
            });
            ways.push(RescueWay {
                seconds: route.seconds(),
                unlock_seconds: Some(route.unlock_seconds()).filter(|seconds| *seconds > 0),
                needs_files: terms.is_some(),
                who: self.teller.tell(&route.undefended)?,
                vetoed_by: self.teller.tell(&vetoes)?,
                veto_seconds: if vetoes.is_never() { 0 } else { veto_seconds },
                steps: steps(&route),
                path,
            });
        }
        let quickest = |files: bool| {
            let ways = ways.iter().filter(|way| files || !way.needs_files);
            ways.min_by_key(|way| (way.unlock_seconds.unwrap_or(0), way.seconds))
        };
        let (armed, unarmed) = (quickest(true), quickest(false));
        Ok(Rescue {
            armed_seconds: armed.map(|way| way.seconds),
            unarmed_seconds: unarmed.map(|way| way.seconds),
            armed_unlock: armed.and_then(|way| way.unlock_seconds),
            unarmed_unlock: unarmed.and_then(|way| way.unlock_seconds),
            ways,
        })
    }
}

fn steps(route: &Route) -> Vec<Step> {
    route
        .steps
        .iter()
        .map(|(power, path, after)| Step {
            power: *power,
            path: path.clone(),
            after: after.clone(),
        })
        .collect()
}
