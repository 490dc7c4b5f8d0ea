//! Every set of parties, asked one by one.

use std::collections::BTreeSet;

use longstop::analysis::{Ability, Analyst, Armed, Leads, PowerChange, When};
use longstop::compile::Stage;
use longstop::logic::AtomSet;
use longstop::policy::{Policy, check};

use crate::game::{Chance, Game, Goal};

/// A date, and an age in seconds.
type Moment = (u64, u64);

/// Which of the two is the policy before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Old,
    New,
}

/// What each set of parties can do, and from when on.
pub struct Abilities {
    sets: Vec<BTreeSet<String>>,
    table: Vec<(Ability, Vec<Vec<Moment>>)>,
}

impl Abilities {
    /// Of every set of these names.
    pub fn of(text: &str, names: &[String]) -> Self {
        let policy = check(text).policy.expect("a sound policy");
        let names: BTreeSet<&String> = names.iter().collect();
        let sets: Vec<BTreeSet<String>> = (0_u32..1 << names.len())
            .map(|chosen| {
                let chosen = |(number, _): &(usize, &&String)| chosen >> number & 1 == 1;
                let names = names.iter().enumerate().filter(chosen);
                names.map(|(_, name)| (*name).clone()).collect()
            })
            .collect();
        let mut all = Self {
            sets,
            table: Vec::new(),
        };
        all.moves(&policy);
        all.thefts(&policy);
        all.games(text, &policy);
        all
    }

    fn add(&mut self, ability: Ability, can: impl Fn(&BTreeSet<String>) -> Option<Moment>) {
        let known = self.table.iter().position(|(same, _)| *same == ability);
        let at = known.unwrap_or_else(|| {
            let nobody = vec![Vec::new(); self.sets.len()];
            self.table.push((ability, nobody));
            self.table.len() - 1
        });
        for (set, moments) in self.sets.iter().zip(&mut self.table[at].1) {
            moments.extend(can(set));
        }
    }

    fn moves(&mut self, policy: &Policy) {
        let analyst = Analyst::of(policy);
        for way in analyst.ways() {
            let ability = Ability::Move {
                stage: way.stage.clone(),
                leads: way.leads.clone(),
            };
            // Generated policies keep nothing apart from their parties.
            let who = &way.armed;
            self.add(ability, |set| {
                let moment = (way.opens.unlock_seconds(), way.opens.seconds());
                who.holds(&atoms(&analyst, set)).then_some(moment)
            });
        }
    }

    fn thefts(&mut self, policy: &Policy) {
        let analyst = Analyst::of(policy);
        for route in analyst.by_party().routes(Armed::Armed) {
            let moment = (route.unlock_seconds(), route.seconds());
            for (defended, who) in [(false, &route.undefended), (true, &route.defended)] {
                self.add(Ability::Take { defended }, |set| {
                    who.holds(&atoms(&analyst, set)).then_some(moment)
                });
            }
        }
    }

    /// What has no moment, by playing it out.
    fn games(&mut self, text: &str, policy: &Policy) {
        let game = Game::read(text);
        let parties: BTreeSet<String> = policy
            .parties()
            .map(|party| party.name().to_owned())
            .collect();
        let now = |is_so: bool| is_so.then_some((0, 0));
        for (armed, is_armed) in [(Armed::Armed, true), (Armed::Unarmed, false)] {
            self.add(Ability::Freeze { armed }, |set| {
                let inside: BTreeSet<String> = set.intersection(&parties).cloned().collect();
                let outside = parties.difference(set).cloned().collect();
                now(game.is_won(Goal::Freeze, Chance::Kind, &inside, &outside, is_armed))
            });
            self.add(Ability::Unspendable { armed }, |set| {
                let outside = parties.difference(set).cloned().collect();
                now(!game.is_spendable(&outside, is_armed))
            });
        }
    }

    fn row(&self, ability: &Ability) -> Vec<Vec<Moment>> {
        let row = self.table.iter().find(|(same, _)| same == ability);
        row.map_or_else(|| vec![Vec::new(); self.sets.len()], |(_, row)| row.clone())
    }
}

fn atoms(analyst: &Analyst<'_>, set: &BTreeSet<String>) -> AtomSet {
    let party = |name: &String| analyst.actors().party(name);
    set.iter().filter_map(party).collect()
}

fn can_by(moments: &[Moment], then: Moment) -> bool {
    let includes = |moment: &&Moment| moment.0 <= then.0 && moment.1 <= then.1;
    moments.iter().any(|moment| includes(&moment))
}

/// Each change names a smallest set that has the ability in the first policy from a moment on and
/// not by then in the second, and where there is such a set there is a change.
pub fn agree(
    changes: &[PowerChange],
    own: &Abilities,
    other: &Abilities,
    old: Before,
    about: &str,
) {
    let sides = |change: &PowerChange| {
        let moment = |when: When| (when.unlock_seconds, when.seconds);
        let (here, there) = match old {
            Before::Old => (change.now, change.before),
            Before::New => (change.before, change.now),
        };
        let here = here.expect("it is told of those who can");
        (moment(here), there.map(moment))
    };
    for (ability, row) in &own.table {
        let others = other.row(ability);
        let sets = || own.sets.iter().zip(row.iter().zip(&others));
        let told: Vec<&PowerChange> = changes
            .iter()
            .filter(|change| change.ability == *ability)
            .collect();
        let moments: BTreeSet<Moment> = row.iter().flatten().copied().collect();
        assert!(told.iter().all(|change| moments.contains(&sides(change).0)));
        for then in moments {
            let is_new = |(_, (can, could)): &(_, (&Vec<Moment>, &Vec<Moment>))| {
                let opens_earlier = can
                    .iter()
                    .any(|moment| *moment != then && can_by(&[*moment], then));
                can.contains(&then) && !opens_earlier && !can_by(could, then)
            };
            let smallest = sets().filter(is_new).map(|(set, _)| set.len()).min();
            let change = told.iter().find(|change| sides(change).0 == then);
            let Some(change) = change else {
                // Of thefts, what needs one step or root is told of the vault.
                let vault = Ability::Move {
                    stage: Stage::Vault,
                    leads: Leads::Anywhere,
                };
                let is_told_there =
                    is_theft(ability) && changes.iter().any(|change| change.ability == vault);
                let is_root = is_theft(ability) && then.1 <= 600;
                assert!(
                    smallest.is_none() || is_told_there || is_root,
                    "{ability:?} at {then:?} is not told: {about}"
                );
                continue;
            };
            let who: BTreeSet<String> = change.who.iter().cloned().collect();
            let found = sets().find(|(set, _)| **set == who);
            let (set, (can, could)) = found.unwrap_or_else(|| panic!("{who:?}: {about}"));
            assert!(is_new(&(set, (can, could))), "{ability:?} {who:?} {about}");
            let first = could.iter().min().copied();
            assert_eq!(sides(change).1, first, "{ability:?} {who:?} {about}");
            if !is_theft(ability) {
                assert_eq!(smallest, Some(who.len()), "{ability:?} {who:?} {about}");
            }
        }
    }
}

const fn is_theft(ability: &Ability) -> bool {
    matches!(ability, Ability::Take { .. })
}
