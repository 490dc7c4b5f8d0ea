//! Questions about conditions, with the diagrams that answer them.

use std::sync::Arc;

use super::atoms::{Atom, AtomSet};
use super::diagram::{Diagram, Node};
use super::family::{Families, Family};
use super::formula::Formula;
use super::hash::Table;
use super::minimal::MinimalSets;
use super::orbits::{self, Orbits};
use super::order::order;
use super::{MAX_ATOMS, MAX_NODES, TooLarge, symmetry};

/// Answers questions about formulas, exactly.
///
/// What it has worked out it keeps, so many questions about the conditions of one policy are best
/// asked of one `Logic`.  Answers stand for themselves and do not depend on what was asked before,
/// but for the order in which sets of one size are listed.
#[derive(Debug)]
pub struct Logic {
    limit: usize,
    store: Store,
}

impl Default for Logic {
    fn default() -> Self {
        Self::new()
    }
}

impl Logic {
    /// With diagrams of up to [`MAX_NODES`] nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(MAX_NODES)
    }

    /// With diagrams of up to so many nodes, and four times as many remembered results.
    #[must_use]
    pub fn with_limit(nodes: usize) -> Self {
        Self {
            limit: nodes,
            store: Store::with_limit(nodes),
        }
    }

    /// Whether the second holds wherever the first does.
    ///
    /// # Errors
    ///
    /// The conditions are too large to be decided.
    pub fn implies(&mut self, first: &Formula, second: &Formula) -> Result<bool, TooLarge> {
        self.ask(&[first, second], |store| {
            Ok(store.difference(first, second)? == Node::FALSE)
        })
    }

    /// Whether both hold in the same cases.
    ///
    /// # Errors
    ///
    /// The conditions are too large to be decided.
    pub fn equivalent(&mut self, first: &Formula, second: &Formula) -> Result<bool, TooLarge> {
        self.ask(&[first, second], |store| {
            Ok(store.node(first)? == store.node(second)?)
        })
    }

    /// The minimal sets that meet a condition; those of its [dual](Formula::dual) are the minimal
    /// sets that block it.
    ///
    /// # Errors
    ///
    /// The condition is too large to be decided.
    pub fn minimal(&mut self, formula: &Formula) -> Result<MinimalSets, TooLarge> {
        self.ask(&[formula], |store| {
            let family = store.minimal(formula)?;
            Ok(store.sets(family))
        })
    }

    /// A smallest set that meets the first and does not meet the second: why the first does not
    /// imply the second.  Nothing if it does.
    ///
    /// # Errors
    ///
    /// The conditions are too large to be decided.
    pub fn smallest_difference(
        &mut self,
        first: &Formula,
        second: &Formula,
    ) -> Result<Option<AtomSet>, TooLarge> {
        self.ask(&[first, second], |store| {
            let difference = store.difference(first, second)?;
            let levels = store.diagram.fewest(difference);
            Ok(levels.map(|levels| store.atoms_at(&levels)))
        })
    }

    /// The classes of interchangeable atoms, in ascending order: exchanging any two atoms of a
    /// class leaves the condition as it is.  Atoms that do not matter are left out, and an atom
    /// that is like no other is a class by itself.
    ///
    /// # Errors
    ///
    /// The condition is too large to be decided.
    pub fn classes(&mut self, formula: &Formula) -> Result<Vec<AtomSet>, TooLarge> {
        self.ask(&[formula], |store| {
            let classes = store.classes(formula)?;
            let mut classes: Vec<AtomSet> =
                classes.iter().map(|class| store.atoms_at(class)).collect();
            classes.sort_unstable();
            Ok(classes)
        })
    }

    /// The minimal sets that meet a condition, grouped by how many atoms of each class they take,
    /// up to so many groups.
    ///
    /// # Errors
    ///
    /// The condition is too large to be decided.
    pub fn orbits(&mut self, formula: &Formula, limit: usize) -> Result<Orbits, TooLarge> {
        self.ask(&[formula], |store| {
            let family = store.minimal(formula)?;
            let mut classes: Vec<(AtomSet, Vec<usize>)> = store
                .classes(formula)?
                .into_iter()
                .map(|class| (store.atoms_at(&class), class))
                .collect();
            classes.sort_unstable();
            let (classes, levels): (Vec<_>, Vec<_>) = classes.into_iter().unzip();
            orbits::of(family, &mut store.families, classes, &levels, limit)
        })
    }

    /// How many nodes the diagrams have by now, of conditions and of their minimal sets together.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.store.diagram.len() + self.store.families.len()
    }

    /// Asks the store, and if that is too small for all that was asked before, once more an empty
    /// one, in which the atoms stand in the order that suits this question.
    fn ask<T>(
        &mut self,
        about: &[&Formula],
        question: impl Fn(&mut Store) -> Result<T, TooLarge>,
    ) -> Result<T, TooLarge> {
        let is_new = self.store.is_empty();
        let mut answer = self.store.place(about);
        let mut answered = answer.and_then(|()| question(&mut self.store));
        if answered.is_err() && !is_new {
            self.store = Store::with_limit(self.limit);
            answer = self.store.place(about);
            answered = answer.and_then(|()| question(&mut self.store));
        }
        if answered.is_err() {
            self.store = Store::with_limit(self.limit);
        }
        answered
    }
}

/// The members of a formula, and what it means with its threshold.
type Decided = (Arc<[Formula]>, Node);

/// Diagrams that share nodes, and the order of the atoms in them.
#[derive(Debug)]
struct Store {
    /// Which variable an atom is.
    levels: Table<Atom, usize>,
    /// Which atom a variable is.
    atoms: Vec<Atom>,
    diagram: Diagram,
    families: Families,
    /// What formulas mean that were decided before, by where their members are.
    decided: Table<(usize, usize), Decided>,
}

impl Store {
    fn with_limit(limit: usize) -> Self {
        Self {
            levels: Table::default(),
            atoms: Vec::new(),
            diagram: Diagram::with_limit(limit),
            families: Families::with_limit(limit),
            decided: Table::default(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    /// Gives every new atom its place after the others.
    fn place(&mut self, formulas: &[&Formula]) -> Result<(), TooLarge> {
        let mut has_new = false;
        for formula in formulas {
            formula.each_atom(&mut |atom| has_new |= !self.levels.contains_key(&atom));
        }
        if !has_new {
            return Ok(());
        }
        for atom in order(formulas) {
            let next = self.atoms.len();
            if *self.levels.entry(atom).or_insert(next) == next {
                self.atoms.push(atom);
            }
        }
        if self.atoms.len() > MAX_ATOMS {
            return Err(TooLarge::Atoms { limit: MAX_ATOMS });
        }
        Ok(())
    }

    fn node(&mut self, formula: &Formula) -> Result<Node, TooLarge> {
        match formula {
            Formula::Atom(atom) => {
                let level = self.levels.get(atom).copied();
                self.diagram
                    .variable(level.expect("every atom of a question has its place"))
            }
            Formula::Threshold { threshold, of } => {
                if let Some((_, node)) = self.decided.get(&formula.identity()) {
                    return Ok(*node);
                }
                let members: Result<Vec<Node>, TooLarge> =
                    of.iter().map(|member| self.node(member)).collect();
                let node = self.diagram.threshold(*threshold, &members?)?;
                // As long as the members are kept here, nothing else comes to stand in their place.
                self.decided
                    .insert(formula.identity(), (Arc::clone(of), node));
                Ok(node)
            }
        }
    }

    fn difference(&mut self, first: &Formula, second: &Formula) -> Result<Node, TooLarge> {
        let (first, second) = (self.node(first)?, self.node(second)?);
        self.diagram.without(first, second)
    }

    fn minimal(&mut self, formula: &Formula) -> Result<Family, TooLarge> {
        let node = self.node(formula)?;
        self.families.minimal(node, &self.diagram)
    }

    fn classes(&mut self, formula: &Formula) -> Result<Vec<Vec<usize>>, TooLarge> {
        let family = self.minimal(formula)?;
        let alike = symmetry::alike(formula, &|atom| self.levels.get(&atom).copied());
        symmetry::classes(family, &mut self.families, alike)
    }

    fn sets(&self, family: Family) -> MinimalSets {
        MinimalSets::of(family, &self.families, &|level| {
            self.atoms.get(level as usize).copied()
        })
    }

    fn atoms_at(&self, levels: &[usize]) -> AtomSet {
        let atoms = levels.iter().filter_map(|level| self.atoms.get(*level));
        atoms.copied().collect()
    }
}
