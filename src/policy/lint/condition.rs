//! Quorums as conditions on parties, so that what lints say of them is exact however they are
//! nested and whoever sits in several places.

use std::collections::BTreeMap;

use crate::logic::{Atom, AtomSet, Formula, Logic, TooLarge};

use super::super::{Member, Quorum};
use super::Facts;

/// The most nodes of a diagram.  What is larger than any policy that people agree on is passed
/// over.
const MAX_NODES: usize = 1 << 16;

/// Decides conditions on the parties of a policy.
pub(super) struct Conditions<'a> {
    numbers: BTreeMap<&'a str, Atom>,
    names: Vec<&'a str>,
    logic: Logic,
}

impl<'a> Conditions<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let names: Vec<&str> = facts.directory.parties.keys().map(String::as_str).collect();
        Self {
            numbers: names.iter().copied().zip(0..).collect(),
            names,
            logic: Logic::with_limit(MAX_NODES),
        }
    }

    /// That a party takes part.
    pub(super) fn party(&self, name: &str) -> Formula {
        let known = self.numbers.get(name);
        known.map_or_else(Formula::never, |atom| Formula::Atom(*atom))
    }

    /// That a quorum is met.
    pub(super) fn quorum(&self, quorum: &Quorum) -> Formula {
        let members = quorum.members().iter().map(|member| match member {
            Member::Party(party) => self.party(party.name()),
            Member::Quorum(inner) => self.quorum(inner),
        });
        Formula::at_least(quorum.threshold(), members.collect())
    }

    pub(super) fn names(&self, set: &AtomSet) -> Vec<&'a str> {
        let names = set.iter().filter_map(|atom| self.names.get(atom));
        names.copied().collect()
    }

    /// Whether whoever meets the first meets the second as well.
    pub(super) fn implies(&mut self, first: &Formula, second: &Formula) -> Result<bool, TooLarge> {
        self.logic.implies(first, second)
    }

    /// One of the smallest coalitions that meet it.
    pub(super) fn smallest(&mut self, formula: &Formula) -> Result<Option<Vec<&'a str>>, TooLarge> {
        let minimal = self.logic.minimal(formula)?;
        let first = minimal.iter().next();
        Ok(first.map(|set| self.names(&set)))
    }

    /// How many parties are enough at least, each counted once however many seats it has.
    pub(super) fn fewest(&mut self, formula: &Formula) -> Result<usize, TooLarge> {
        let minimal = self.logic.minimal(formula)?;
        Ok(minimal.smallest_size().unwrap_or(usize::MAX))
    }

    /// The parties that make a difference to it.
    pub(super) fn that_matter(&mut self, formula: &Formula) -> Result<AtomSet, TooLarge> {
        Ok(self.logic.minimal(formula)?.atoms())
    }
}
