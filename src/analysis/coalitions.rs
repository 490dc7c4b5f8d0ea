//! Coalitions told in the words of the policy: not a list of sets, but what they have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::actors::Actors;
use crate::logic::{AtomSet, Formula, Logic, MinimalSets, Orbits, TooLarge};
use crate::policy::{Policy, SpendingPath};

/// The most groups of coalitions that are told.  What a policy says leads to a few; those beyond
/// are counted.
const MOST_GROUPS: usize = 64;

/// The minimal coalitions that meet a condition, all of them counted.
#[derive(Clone, Debug)]
pub struct Coalitions {
    answer: Arc<Answer>,
    /// Single coalitions by their names, as many as were asked for.
    sets: Vec<Vec<String>>,
}

/// What was found out about a condition, which is often asked about more than once.
#[derive(Debug, Serialize)]
struct Answer {
    /// How many there are; [`u128::MAX`] stands for that many and more.
    count: u128,
    /// The sizes that occur, each with how many coalitions have it.
    sizes: Vec<(usize, u128)>,
    /// The coalitions in groups, in each of which they differ only by whom of several alike they
    /// take; smaller coalitions first.
    groups: Vec<Group>,
    /// Whether there are more groups than are told.
    more: bool,
    #[serde(skip)]
    formula: Formula,
    #[serde(skip)]
    minimal: MinimalSets,
    #[serde(skip)]
    names: Arc<[String]>,
}

impl Serialize for Coalitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Listed<'a> {
            #[serde(flatten)]
            answer: &'a Answer,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            sets: &'a [Vec<String>],
        }
        let listed = Listed {
            answer: &self.answer,
            sets: &self.sets,
        };
        listed.serialize(serializer)
    }
}

/// Coalitions that differ only by whom of several alike they take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many members each has.
    pub size: usize,
    /// How many there are.
    pub number: u128,
    /// Whom they take.
    pub taken: Vec<Taken>,
}

/// So many members, from each of so many out of several classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// How many members of each class that is chosen.
    pub members: usize,
    /// How many of the classes are chosen.
    pub classes: usize,
    /// The classes: one, or several of which any will do.
    pub of: Vec<Class>,
}

/// Parties and items that are alike for a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Class {
    /// The quorum whose members they are, if they are all of them and nobody else.
    pub quorum: Option<String>,
    /// Their names.
    pub names: Vec<String>,
}

impl Coalitions {
    /// How many minimal coalitions there are; [`u128::MAX`] stands for that many and more.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.answer.count
    }

    /// The sizes that occur, in ascending order, each with how many coalitions have it.
    #[must_use]
    pub fn sizes(&self) -> &[(usize, u128)] {
        &self.answer.sizes
    }

    /// How many members the smallest has; nothing if there is none.
    #[must_use]
    pub fn smallest(&self) -> Option<usize> {
        self.answer.sizes.first().map(|(size, _)| *size)
    }

    /// Whether nobody can, not even all together.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.answer.count == 0
    }

    /// Whether nobody is needed: it is so already.
    #[must_use]
    pub fn needs_nobody(&self) -> bool {
        self.smallest() == Some(0)
    }

    /// The groups, smaller coalitions first.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.answer.groups
    }

    /// Whether there are more groups than are told.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.answer.more
    }

    /// The condition itself.
    #[must_use]
    pub fn formula(&self) -> &Formula {
        &self.answer.formula
    }

    /// The minimal sets, which can be listed one by one.
    #[must_use]
    pub fn minimal(&self) -> &MinimalSets {
        &self.answer.minimal
    }

    /// Names coalitions one by one, smaller ones first, up to so many.
    pub fn list(&mut self, limit: usize) {
        let sets = self.answer.minimal.iter().take(limit);
        let name = |atom| self.answer.names.get(atom).cloned().unwrap_or_default();
        self.sets = sets.map(|set| set.iter().map(name).collect()).collect();
    }

    /// The coalitions that were listed.
    #[must_use]
    pub fn listed(&self) -> &[Vec<String>] {
        &self.sets
    }
}

impl fmt::Display for Coalitions {
    /// Such as `any 3 of council`, `nobody`, or `alice; or any 2 of agents and bob`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nobody() {
            return f.write_str("nobody");
        }
        if self.needs_nobody() {
            return f.write_str("nobody is needed");
        }
        /// So many groups are told; after them only their number is.
        const TOLD: usize = 4;
        for (number, group) in self.answer.groups.iter().take(TOLD).enumerate() {
            if number > 0 {
                f.write_str("; or ")?;
            }
            group.fmt(f)?;
        }
        if self.answer.groups.len() > TOLD || self.answer.more {
            let told: u128 = self
                .answer
                .groups
                .iter()
                .take(TOLD)
                .map(|group| group.number)
                .sum();
            let rest = self.answer.count.saturating_sub(told);
            write!(f, "; or one of {rest} others")?;
        }
        Ok(())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, taken) in self.taken.iter().enumerate() {
            if number > 0 {
                f.write_str(" with ")?;
            }
            taken.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [class] = self.of.as_slice() {
            return class.write(f, self.members);
        }
        let all: Vec<String> = self.of.iter().map(Class::title).collect();
        let from = if self.classes == self.of.len() {
            "each".to_owned()
        } else {
            format!("each of any {}", self.classes)
        };
        write!(f, "any {} from {from} of {}", self.members, list(&all))
    }
}

impl Class {
    fn title(&self) -> String {
        self.quorum
            .clone()
            .unwrap_or_else(|| format!("({})", list(&self.names)))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, members: usize) -> fmt::Result {
        if members == self.names.len() {
            return match &self.quorum {
                Some(quorum) if members > 3 => write!(f, "all {members} of {quorum}"),
                _ => f.write_str(&list(&self.names)),
            };
        }
        match &self.quorum {
            Some(quorum) => write!(f, "any {members} of {quorum}"),
            None => write!(f, "any {members} of {}", list(&self.names)),
        }
    }
}

/// Names as a list: `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Answers what conditions mean, in the words of a policy.
#[derive(Debug)]
pub(super) struct Teller {
    logic: Logic,
    answers: HashMap<Formula, Arc<Answer>>,
    names: Arc<[String]>,
    quorums: Vec<(AtomSet, String)>,
}

impl Teller {
    pub(super) fn of(policy: &Policy, actors: &Actors) -> Self {
        // Several quorums can have the same members; root's name is the best known, then those of
        // the quorums that act on paths.
        let mut quorums = vec![policy.root().quorum()];
        quorums.extend(policy.paths().iter().map(SpendingPath::quorum));
        quorums.extend(policy.quorums());
        let quorums = quorums.into_iter().map(|quorum| {
            let parties = quorum.party_names().into_iter();
            let members = parties.filter_map(|name| actors.party(name)).collect();
            (members, quorum.name().to_owned())
        });
        Self::with(
            (0..actors.len())
                .map(|atom| actors.name(atom).to_owned())
                .collect(),
            quorums.collect(),
        )
    }

    /// With names for the atoms, and sets of them that have a name, the best known ones first.
    pub(super) fn with(names: Vec<String>, quorums: Vec<(AtomSet, String)>) -> Self {
        Self {
            logic: Logic::new(),
            answers: HashMap::new(),
            names: names.into(),
            quorums,
        }
    }

    pub(super) const fn logic(&mut self) -> &mut Logic {
        &mut self.logic
    }

    pub(super) fn tell(&mut self, formula: &Formula) -> Result<Coalitions, TooLarge> {
        if let Some(answer) = self.answers.get(formula) {
            return Ok(Coalitions {
                answer: Arc::clone(answer),
                sets: Vec::new(),
            });
        }
        let minimal = self.logic.minimal(formula)?;
        let orbits = self.logic.orbits(formula, MOST_GROUPS)?;
        let answer = Arc::new(Answer {
            count: minimal.count(),
            sizes: minimal.by_size().to_vec(),
            groups: self.groups(&orbits),
            more: !orbits.is_complete(),
            formula: formula.clone(),
            minimal,
            names: Arc::clone(&self.names),
        });
        self.answers.insert(formula.clone(), Arc::clone(&answer));
        Ok(Coalitions {
            answer,
            sets: Vec::new(),
        })
    }

    fn groups(&self, orbits: &Orbits) -> Vec<Group> {
        let group = |orbit| {
            let picks = orbits.picks(orbit);
            Group {
                size: orbit.size,
                number: orbit.number,
                taken: picks
                    .into_iter()
                    .filter(|pick| pick.atoms > 0)
                    .map(|pick| {
                        let block = orbits.blocks().get(pick.block);
                        let classes = block.into_iter().flatten();
                        let classes = classes.filter_map(|class| orbits.classes().get(*class));
                        Taken {
                            members: pick.atoms,
                            classes: pick.classes,
                            of: classes.map(|class| self.class(class)).collect(),
                        }
                    })
                    .collect(),
            }
        };
        orbits.listed().iter().map(group).collect()
    }

    fn class(&self, class: &AtomSet) -> Class {
        let quorum = self.quorums.iter().find(|(members, _)| members == class);
        let names = class.iter().filter_map(|atom| self.names.get(atom));
        Class {
            quorum: quorum.map(|(_, name)| name.clone()),
            names: names.cloned().collect(),
        }
    }
}
