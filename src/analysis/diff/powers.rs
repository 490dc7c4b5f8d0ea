//! Who gains and who loses a power, each with a smallest coalition as the proof.

use serde::Serialize;

use super::super::coalitions::{Coalitions, Teller};
use super::super::opening::Opening;
use super::super::play::{Armed, Play, Route};
use super::super::result::Step;
use super::super::ways::{Leads, Power};
use super::super::{Analyst, steps};
use super::people::People;
use crate::compile::Stage;
use crate::logic::{AtomSet, Formula, TooLarge};

/// What somebody can or cannot do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "ability")]
pub enum Ability {
    /// Move a coin out of a stage.
    Move {
        /// Out of which.
        #[serde(flatten)]
        stage: Stage,
        /// Where to.
        leads: Leads,
    },
    /// Take an armed coin in several steps, or with others against it.
    Take {
        /// Whether everybody else does all that can be done against it.
        defended: bool,
    },
    /// Keep all coins from everybody else for ever.
    Freeze {
        /// Whether of armed coins.
        armed: Armed,
    },
    /// Lose every coin for ever by being lost.
    Unspendable {
        /// Whether of armed coins.
        armed: Armed,
    },
    /// Keep the others from rescuing coins by any recovery once root is gone.
    BlockRescue,
}

/// From when on: since the coin's confirmation in its stage, and not before a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct When {
    /// The last date or height in the way as seconds since 1970 (heights estimated); 0 if none is.
    pub unlock_seconds: u64,
    /// All waits together in seconds, at ten minutes to a block.
    pub seconds: u64,
}

impl When {
    fn opening(opening: &Opening) -> Self {
        Self {
            unlock_seconds: opening.unlock_seconds(),
            seconds: opening.seconds(),
        }
    }

    /// Whether what is open now includes what opens then.
    const fn includes(self, then: Self) -> bool {
        then.seconds <= self.seconds && then.unlock_seconds <= self.unlock_seconds
    }
}

/// A power that somebody gained or lost.
#[derive(Clone, Debug, Serialize)]
pub struct PowerChange {
    /// What.
    #[serde(flatten)]
    pub ability: Ability,
    /// A smallest coalition of whom it is true, by name.
    pub who: Vec<String>,
    /// From when on they could before; nothing if never.
    pub before: Option<When>,
    /// From when on they can now; nothing if never.
    pub now: Option<When>,
    /// How: the transactions by which they can, or could.
    pub by: Vec<Step>,
    /// All who could before, at the moment at which the two policies differ.
    pub all_before: Coalitions,
    /// All who can now, at that moment.
    pub all_now: Coalitions,
}

/// What takes longer or shorter than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "wait")]
pub enum Wait {
    /// Rescuing every coin if all of root vanishes today.
    Rescue {
        /// Whether of armed coins.
        armed: Armed,
    },
    /// Vetoes against a path, as often as triggers are signed in advance.
    Stall {
        /// The path.
        path: String,
    },
}

/// How long something took, and takes now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitChange {
    /// What.
    #[serde(flatten)]
    pub wait: Wait,
    /// How long it took; nothing if it could not be.
    pub before: Option<When>,
    /// How long it takes now; nothing if it cannot be.
    pub now: Option<When>,
}

/// One way to have an ability, over the shared numbers.
#[derive(Clone, Debug)]
struct Line {
    when: When,
    who: Formula,
    by: Vec<Step>,
    /// Whether a change of it is worth telling; otherwise another ability tells it.
    is_told: bool,
}

/// Each ability with all the ways to have it.
type Lines = Vec<(Ability, Vec<Line>)>;

/// Two policies by what each lets whom do.
pub(super) struct Comparison<'a> {
    people: &'a People,
    teller: Teller,
    before: Lines,
    now: Lines,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(old: &Analyst<'_>, new: &Analyst<'_>, people: &'a People) -> Self {
        Self {
            people,
            teller: Teller::with(people.all_names(), people.quorums()),
            before: lines(old, &|formula| people.of_old(formula)),
            now: lines(new, &|formula| people.of_new(formula)),
        }
    }

    /// Who can now what he could not before, or only later.
    pub(super) fn gains(&mut self) -> Result<Vec<PowerChange>, TooLarge> {
        let (now, before) = (self.now.clone(), self.before.clone());
        self.more(&now, &before, |ability, found| PowerChange {
            ability,
            who: found.who,
            before: found.other,
            now: Some(found.own),
            by: found.by,
            all_before: found.all_other,
            all_now: found.all_own,
        })
    }

    /// Who could what he cannot any more, or only later.
    pub(super) fn losses(&mut self) -> Result<Vec<PowerChange>, TooLarge> {
        let (now, before) = (self.now.clone(), self.before.clone());
        self.more(&before, &now, |ability, found| PowerChange {
            ability,
            who: found.who,
            before: Some(found.own),
            now: found.other,
            by: found.by,
            all_before: found.all_own,
            all_now: found.all_other,
        })
    }

    /// What the first policy allows that the second does not, moment by moment.
    fn more(
        &mut self,
        own: &Lines,
        other: &Lines,
        told: impl Fn(Ability, Found) -> PowerChange,
    ) -> Result<Vec<PowerChange>, TooLarge> {
        let mut changes = Vec::new();
        for (ability, lines) in own {
            let others = other.iter().find(|(same, _)| same == ability);
            let others = others.map_or(&[][..], |(_, lines)| lines);
            let mut moments: Vec<When> = lines.iter().map(|line| line.when).collect();
            moments.sort_unstable();
            moments.dedup();
            for when in moments {
                if let Some(found) = self.at(when, lines, others)? {
                    changes.push(told(ability.clone(), found));
                }
            }
        }
        Ok(changes)
    }

    /// A smallest coalition that has one of these ways from this moment on, and had none of them
    /// before, nor one of the others by then.
    fn at(
        &mut self,
        when: When,
        lines: &[Line],
        others: &[Line],
    ) -> Result<Option<Found>, TooLarge> {
        let opens = |line: &&Line| line.when == when && line.is_told;
        let here = any(lines.iter().filter(opens));
        let by_then = any(others.iter().filter(|line| when.includes(line.when)));
        let known = |line: &&Line| when.includes(line.when) && (line.when != when || !line.is_told);
        let known = any(lines.iter().filter(known));
        let known = Formula::any(vec![by_then.clone(), known]);
        let Some(set) = self.teller.logic().smallest_difference(&here, &known)? else {
            return Ok(None);
        };
        let line = lines
            .iter()
            .find(|line| opens(line) && line.who.holds(&set));
        let all = any(lines.iter().filter(|line| when.includes(line.when)));
        Ok(Some(Found {
            who: self.people.names(&set),
            own: when,
            other: first(others, &set),
            by: line.map(|line| line.by.clone()).unwrap_or_default(),
            all_own: self.teller.tell(&all)?,
            all_other: self.teller.tell(&by_then)?,
        }))
    }
}

/// What one of two policies allows and the other does not.
struct Found {
    who: Vec<String>,
    own: When,
    other: Option<When>,
    by: Vec<Step>,
    all_own: Coalitions,
    all_other: Coalitions,
}

fn any<'a>(lines: impl Iterator<Item = &'a Line>) -> Formula {
    Formula::any(lines.map(|line| line.who.clone()).collect())
}

/// When the first of these ways opens to a coalition.
fn first(lines: &[Line], set: &AtomSet) -> Option<When> {
    let open = lines.iter().filter(|line| line.who.holds(set));
    open.map(|line| line.when).min()
}

fn lines(analyst: &Analyst<'_>, shared: &dyn Fn(&Formula) -> Formula) -> Lines {
    let mut all = Lines::new();
    for way in analyst.ways() {
        let ability = Ability::Move {
            stage: way.stage.clone(),
            leads: way.leads.clone(),
        };
        let line = Line {
            when: When::opening(&way.opens),
            who: shared(&analyst.actors().of_parties(&way.armed)),
            by: vec![Step {
                power: way.power,
                path: way.path.clone(),
                after: way.opens.clone(),
            }],
            is_told: true,
        };
        match all.iter_mut().find(|(same, _)| *same == ability) {
            Some((_, lines)) => lines.push(line),
            None => all.push((ability, vec![line])),
        }
    }
    let play = analyst.by_party();
    let routes = play.routes(Armed::Armed);
    for defended in [false, true] {
        let lines = routes.iter().map(|route| taken(route, defended, shared));
        all.push((Ability::Take { defended }, lines.collect()));
    }
    let mut always = |ability, who: &Formula| {
        let line = Line {
            when: When::default(),
            who: shared(who),
            by: Vec::new(),
            is_told: true,
        };
        all.push((ability, vec![line]));
    };
    for armed in [Armed::Armed, Armed::Unarmed] {
        let (frozen, gone) = (play.freeze(armed), play.unspendable(armed));
        always(Ability::Freeze { armed }, &frozen);
        always(Ability::Unspendable { armed }, &gone);
    }
    always(Ability::BlockRescue, &blocked(play, analyst));
    all
}

/// Who can block every rescue: everybody, nobody being needed, where there is no path.
fn blocked(play: &Play, analyst: &Analyst<'_>) -> Formula {
    if analyst.policy.paths().is_empty() {
        Formula::always()
    } else {
        play.rescue_blocked()
    }
}

fn taken(route: &Route, defended: bool, shared: &dyn Fn(&Formula) -> Formula) -> Line {
    let is_spend = route.steps.iter().any(|(power, ..)| *power == Power::Spend);
    Line {
        when: When {
            unlock_seconds: route.unlock_seconds(),
            seconds: route.seconds(),
        },
        who: shared(if defended {
            &route.defended
        } else {
            &route.undefended
        }),
        by: steps(route),
        // What needs one step alone, or root, is told of the vault.
        is_told: if defended {
            !is_spend
        } else {
            route.steps.len() > 1
        },
    }
}

/// How long rescues and vetoes take, where that is not as it was.
pub(super) fn waits(
    old: &mut Analyst<'_>,
    new: &mut Analyst<'_>,
) -> Result<Vec<WaitChange>, TooLarge> {
    let (old, new) = (times(old)?, times(new)?);
    let mut changes = Vec::new();
    let names: Vec<&Wait> = old.iter().map(|(wait, _)| wait).collect();
    let added = new.iter().map(|(wait, _)| wait);
    let added = added.filter(|wait| !names.contains(wait));
    for wait in names.iter().copied().chain(added) {
        let find = |times: &[(Wait, Option<When>)]| {
            let found = times.iter().find(|(same, _)| same == wait);
            found.and_then(|(_, when)| *when)
        };
        let (before, now) = (find(&old), find(&new));
        if before != now {
            changes.push(WaitChange {
                wait: wait.clone(),
                before,
                now,
            });
        }
    }
    Ok(changes)
}

fn times(analyst: &mut Analyst<'_>) -> Result<Vec<(Wait, Option<When>)>, TooLarge> {
    let rescue = analyst.rescue()?;
    let when = |seconds: Option<u64>, unlock: Option<u64>| {
        seconds.map(|seconds| When {
            unlock_seconds: unlock.unwrap_or(0),
            seconds,
        })
    };
    let (armed, unarmed) = (Armed::Armed, Armed::Unarmed);
    let mut times = vec![
        (
            Wait::Rescue { armed },
            when(rescue.armed_seconds, rescue.armed_unlock),
        ),
        (
            Wait::Rescue { armed: unarmed },
            when(rescue.unarmed_seconds, rescue.unarmed_unlock),
        ),
    ];
    for path in analyst.policy.paths() {
        let Some(terms) = path.staged() else { continue };
        let seconds = u64::from(terms.depth()) * terms.window().lock().expected_seconds();
        let path = path.name().to_owned();
        times.push((Wait::Stall { path }, when(Some(seconds), None)));
    }
    Ok(times)
}
