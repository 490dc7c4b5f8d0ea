//! Whether claims hold.

use super::super::fate::{Culprit, Facts, Reading, choices};
use super::super::opening::Opening;
use super::super::play::{Armed, Play, Route};
use super::super::{Analyst, steps};
use super::{
    Claim, Counterexample, Deed, Group, Happening, Rests, Sentence, Verdict, Who, WorstCase,
};
use crate::governance::Attestations;
use crate::logic::{Atom, AtomSet, Formula, TooLarge};
use crate::policy::ItemKind;

/// Whether coins are meant that are armed, that are not, or both.
const BOTH: [Armed; 2] = [Armed::Armed, Armed::Unarmed];

/// Of whom a claim is, in one reading of custody.
enum People<'a> {
    /// Coalitions of parties.
    Group(&'a Group),
    /// Whoever has these domains together.
    Domains(Vec<Culprit>),
}

impl Analyst<'_> {
    /// Decides whether a claim about this policy holds, with everything where the policy says it
    /// is.
    ///
    /// # Errors
    ///
    /// If its condition is too large to be decided.
    pub fn judge(&mut self, claim: &Claim) -> Result<Verdict, TooLarge> {
        let facts = Facts::of(self.policy, &Attestations::default());
        self.judge_as_stated(claim, &facts)
    }

    /// Decides the same with what is attested of custody: a claim about domains with everything
    /// where it is said to be, and beside it with only what is attested as independence.
    ///
    /// # Errors
    ///
    /// If its condition is too large to be decided.
    pub fn judge_attested(&mut self, claim: &Claim, facts: &Facts) -> Result<Verdict, TooLarge> {
        let mut verdict = self.judge_as_stated(claim, facts)?;
        if claim.is_about_domains() {
            let counterexample = self.against(&claim.sentence, facts, Reading::Worst)?;
            verdict.worst = Some(WorstCase {
                proved: counterexample.is_none(),
                rests_on: match counterexample {
                    None => self.rests_on(&claim.sentence, Rests::Attested),
                    Some(_) => Vec::new(),
                },
                counterexample,
            });
        }
        Ok(verdict)
    }

    fn judge_as_stated(&mut self, claim: &Claim, facts: &Facts) -> Result<Verdict, TooLarge> {
        let counterexample = self.against(&claim.sentence, facts, Reading::Stated)?;
        Ok(Verdict {
            claim: claim.text.clone(),
            proved: counterexample.is_none(),
            rests_on: match counterexample {
                None => self.rests_on(&claim.sentence, Rests::Custody),
                Some(_) => Vec::new(),
            },
            counterexample,
            worst: None,
        })
    }

    /// A counterexample, in one reading of custody.
    fn against(
        &mut self,
        sentence: &Sentence,
        facts: &Facts,
        reading: Reading,
    ) -> Result<Option<Counterexample>, TooLarge> {
        let mut found = match sentence {
            Sentence::Never { who, deed, coins } => {
                let people = match who {
                    Who::Group(group) => People::Group(group),
                    Who::Domains(kinds) => People::Domains(choices(self, facts, reading, kinds)),
                };
                self.never(&people, *deed, *coins)?
            }
            Sentence::LeavesPath {
                lost,
                within,
                coins,
            } => self.no_path(lost, *within, *coins)?,
            Sentence::VetoHas { seconds, lost } => self.veto_missed(*seconds, lost.as_ref())?,
        };
        if let Some(found) = &mut found {
            let names = self.actors().names(&found.set).into_iter();
            found.who = names.map(str::to_owned).collect();
        }
        Ok(found)
    }

    fn rests_on(&self, sentence: &Sentence, kept: Rests) -> Vec<Rests> {
        let has_staged = !self.by_party().staged().is_empty();
        let keeps_apart = self
            .actors()
            .items()
            .any(|(_, item)| matches!(item.kind(), ItemKind::Files | ItemKind::Watchtower));
        let mut rests = vec![Rests::Consensus];
        let (files, watching, custody) = match sentence {
            Sentence::Never { who, deed, coins } => {
                let of_domains = matches!(who, Who::Domains(_));
                let armed = *coins != Some(Armed::Unarmed) && has_staged;
                match deed {
                    // Whoever can trigger is handed the file: only where copies are kept apart
                    // does it matter who has one.
                    Deed::Steal { defended, .. } => {
                        let files = armed && (*defended || (of_domains && keeps_apart));
                        (files, *defended, of_domains)
                    }
                    Deed::Freeze | Deed::BlockRescue => (armed, false, of_domains),
                    Deed::Veto => (keeps_apart, false, of_domains),
                }
            }
            Sentence::LeavesPath { coins, .. } => (*coins == Some(Armed::Armed), false, false),
            Sentence::VetoHas { .. } => (true, true, false),
        };
        rests.extend(files.then_some(Rests::Files));
        rests.extend(watching.then_some(Rests::Watching));
        rests.extend(custody.then_some(kept));
        rests
    }

    fn never(
        &mut self,
        who: &People<'_>,
        deed: Deed,
        coins: Option<Armed>,
    ) -> Result<Option<Counterexample>, TooLarge> {
        match deed {
            Deed::Steal { before, defended } => {
                let mut found = None;
                for armed in meant(coins) {
                    let theft = self.theft(who, before, defended, armed)?;
                    found = fewer(found, theft);
                }
                Ok(found)
            }
            Deed::Freeze => {
                let mut found = None;
                for armed in meant(coins) {
                    let mut frozen =
                        self.can(who, Happening::Freeze, &|play| play.freeze(armed))?;
                    if let Some(frozen) = &mut frozen {
                        frozen.armed = Some(armed);
                    }
                    found = fewer(found, frozen);
                }
                Ok(found)
            }
            Deed::BlockRescue => self.can(who, Happening::BlockRescue, &Play::rescue_blocked),
            Deed::Veto => {
                let mut found = None;
                for path in paths(self.by_party()) {
                    let mut vetoed = self.can(who, Happening::Veto, &|play| play.stall(&path))?;
                    if let Some(vetoed) = &mut vetoed {
                        vetoed.path = Some(path);
                    }
                    found = fewer(found, vetoed);
                }
                Ok(found)
            }
        }
    }

    fn theft(
        &mut self,
        who: &People<'_>,
        before: Option<u64>,
        defended: bool,
        armed: Armed,
    ) -> Result<Option<Counterexample>, TooLarge> {
        let routes = |play: &Play| {
            let play = before.map_or_else(|| play.clone(), |seconds| play.before(seconds));
            let mut routes = play.routes(armed);
            routes.retain(|route| before.is_none_or(|seconds| route.seconds() < seconds));
            // The claim is about a coin's age, and any date may have passed.
            routes.sort_by_key(|route| (route.seconds(), route.unlock_seconds()));
            routes
        };
        let by = move |route: Route| {
            if defended {
                route.defended
            } else {
                route.undefended
            }
        };
        let any = |play: &Play| Formula::any(routes(play).into_iter().map(by).collect());
        let Some(mut found) = self.can(who, Happening::Steal, &any)? else {
            return Ok(None);
        };
        let play = match who {
            People::Group(_) => self.by_party(),
            People::Domains(_) => self.play(),
        };
        let routes = routes(play);
        let quickest = routes
            .iter()
            .find(|route| by((*route).clone()).holds(&found.set));
        if let Some(route) = quickest {
            found.seconds = Some(route.seconds());
            found.unlock_seconds = Some(route.unlock_seconds()).filter(|seconds| *seconds > 0);
            found.steps = steps(route);
        }
        found.time = before;
        found.defended = defended;
        found.armed = Some(armed);
        Ok(Some(found))
    }

    /// A smallest coalition of a kind that meets a condition.
    fn can(
        &mut self,
        who: &People<'_>,
        what: Happening,
        condition: &dyn Fn(&Play) -> Formula,
    ) -> Result<Option<Counterexample>, TooLarge> {
        match who {
            People::Group(group) => {
                let condition = condition(self.by_party());
                let set = self.smallest(group, &condition, &Formula::never())?;
                Ok(set.map(|set| Counterexample::of(what, set)))
            }
            People::Domains(choices) => {
                let condition = condition(self.play());
                let held = choices.iter().map(|domains| (domains, domains.members()));
                let met = held.filter(|(_, set)| condition.holds(set));
                let fewest = met.min_by_key(|(_, set)| set.len());
                Ok(fewest.map(|(culprit, set)| Counterexample {
                    domains: culprit.names(),
                    supposed: culprit.supposed(),
                    ..Counterexample::of(what, set)
                }))
            }
        }
    }

    /// A smallest set of a kind that meets one condition and not the other.
    fn smallest(
        &mut self,
        group: &Group,
        condition: &Formula,
        unless: &Formula,
    ) -> Result<Option<AtomSet>, TooLarge> {
        // Whoever belongs to several parts can be taken for any of them: he stands once for each,
        // and no part may have more than its number.
        let count = self.actors().len();
        let seat = |part: usize, atom: Atom| Formula::Atom(part * count + atom);
        let seated = |atom: Atom| {
            let parts = group.parts.iter().enumerate();
            let of = parts.filter(|(_, part)| part.of.contains(atom));
            Formula::any(of.map(|(number, _)| seat(number, atom)).collect())
        };
        let too_many = group.parts.iter().enumerate().map(|(number, part)| {
            let seats = part.of.iter().map(|atom| seat(number, atom)).collect();
            Formula::at_least(part.size + 1, seats)
        });
        let out: Vec<Formula> = too_many
            .chain(std::iter::once(unless.substitute(&seated)))
            .collect();
        let found = self
            .logic()
            .smallest_difference(&condition.substitute(&seated), &Formula::any(out))?;
        Ok(found.map(|set| set.iter().map(|seat| seat % count).collect()))
    }

    fn no_path(
        &mut self,
        lost: &Group,
        within: Option<u64>,
        coins: Option<Armed>,
    ) -> Result<Option<Counterexample>, TooLarge> {
        let mut found = None;
        for armed in meant(coins) {
            let routes = self.by_party().routes(armed);
            let in_time = |route: &&Route| {
                // A date may be far off, so only what needs none is sure to open.
                within.is_none_or(|within| route.unlock_seconds() == 0 && route.seconds() <= within)
            };
            let ways = routes.iter().filter(in_time);
            let ways = Formula::any(ways.map(|route| route.undefended.clone()).collect());
            let set = self.smallest(lost, &ways.dual(), &Formula::never())?;
            let loss = set.map(|set| {
                let is_left = |route: &&Route| !route.undefended.dual().holds(&set);
                let left = routes.iter().filter(is_left);
                let left = left.min_by_key(|route| (route.unlock_seconds(), route.seconds()));
                Counterexample {
                    armed: Some(armed),
                    time: within,
                    seconds: left.map(Route::seconds),
                    unlock_seconds: left.map(Route::unlock_seconds).filter(|date| *date > 0),
                    steps: left.map(steps).unwrap_or_default(),
                    ..Counterexample::of(Happening::NoPath, set)
                }
            });
            found = fewer(found, loss);
        }
        Ok(found)
    }

    fn veto_missed(
        &mut self,
        seconds: u64,
        lost: Option<&Group>,
    ) -> Result<Option<Counterexample>, TooLarge> {
        let staged = self.by_party().staged().to_vec();
        if staged.is_empty() {
            return Ok(Some(Counterexample::of(
                Happening::NothingToVeto,
                AtomSet::new(),
            )));
        }
        let ends = |opens: &Opening| opens.seconds() < seconds;
        let short = staged.iter().filter(|staged| ends(&staged.window));
        if let Some(staged) = short.min_by_key(|staged| staged.window.seconds()) {
            return Ok(Some(Counterexample {
                path: Some(staged.path.clone()),
                seconds: Some(staged.window.seconds()),
                armed: Some(Armed::Armed),
                ..Counterexample::of(Happening::ShortWindow, AtomSet::new())
            }));
        }
        let mut found = None;
        let nobody = Group { parts: Vec::new() };
        for staged in staged {
            let unless = staged.trigger.dual();
            let group = lost.unwrap_or(&nobody);
            let set = self.smallest(group, &staged.cancel.dual(), &unless)?;
            let missed = set.map(|set| Counterexample {
                path: Some(staged.path.clone()),
                armed: Some(Armed::Armed),
                ..Counterexample::of(Happening::NoVeto, set)
            });
            found = fewer(found, missed);
        }
        Ok(found)
    }
}

/// Which coins a claim is about.
fn meant(coins: Option<Armed>) -> impl Iterator<Item = Armed> {
    BOTH.into_iter()
        .filter(move |armed| coins.is_none_or(|coins| coins == *armed))
}

fn paths(play: &Play) -> Vec<String> {
    let staged = play.staged().iter();
    staged.map(|staged| staged.path.clone()).collect()
}

/// The counterexample that needs fewer; the first if neither does.
fn fewer(first: Option<Counterexample>, second: Option<Counterexample>) -> Option<Counterexample> {
    match (first, second) {
        (Some(first), Some(second)) if second.set.len() < first.set.len() => Some(second),
        (first, second) => first.or(second),
    }
}
