//! Who can have a part in anything: parties, and items that are kept apart from them.

use std::collections::BTreeMap;

use crate::logic::{Atom, AtomSet, Formula};
use crate::policy::{Item, ItemKind, Member, Policy, Quorum};

/// The parties and items of a policy, numbered: parties first, both in the order of their names.
#[derive(Clone, Debug)]
pub struct Actors {
    parties: Vec<String>,
    items: Vec<Item>,
    numbers: BTreeMap<String, Atom>,
}

impl Actors {
    /// Those of a policy.
    pub(super) fn of(policy: &Policy) -> Self {
        let parties: Vec<String> = policy
            .parties()
            .map(|party| party.name().to_owned())
            .collect();
        let items: Vec<Item> = policy.items().cloned().collect();
        let numbers = parties.iter().cloned().zip(0..).collect();
        Self {
            parties,
            items,
            numbers,
        }
    }

    /// How many parties there are; their numbers come before those of all items.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties.len()
    }

    /// How many there are, parties and items together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len() + self.items.len()
    }

    /// Never: a policy has parties.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a party or item.
    #[must_use]
    pub fn name(&self, atom: Atom) -> &str {
        let item = || {
            atom.checked_sub(self.parties.len())
                .and_then(|item| self.items.get(item))
                .map_or("nobody", Item::name)
        };
        self.parties.get(atom).map_or_else(item, String::as_str)
    }

    /// The number of a party.
    #[must_use]
    pub fn party(&self, name: &str) -> Option<Atom> {
        self.numbers.get(name).copied()
    }

    /// The items with their numbers.
    pub fn items(&self) -> impl Iterator<Item = (Atom, &Item)> {
        (self.parties.len()..).zip(&self.items)
    }

    /// The names of a set.
    #[must_use]
    pub fn names(&self, set: &AtomSet) -> Vec<&str> {
        set.iter().map(|atom| self.name(atom)).collect()
    }

    /// Whoever has a party's keys: the party, or a backup of them.
    pub(super) fn key(&self, party: &str) -> Formula {
        let own = self.party(party).map(Formula::Atom);
        let backups = self
            .items()
            .filter(|(_, item)| item.kind() == ItemKind::Backup && item.of().name() == party)
            .map(|(atom, _)| Formula::Atom(atom));
        Formula::any(own.into_iter().chain(backups).collect())
    }

    /// Whoever has the keys of a quorum.
    pub(super) fn quorum(&self, quorum: &Quorum) -> Formula {
        let members = quorum.members().iter().map(|member| match member {
            Member::Party(party) => self.key(party.name()),
            Member::Quorum(inner) => self.quorum(inner),
        });
        Formula::at_least(quorum.threshold(), members.collect())
    }

    /// Whoever has a copy of the files of a path that these parties keep.
    ///
    /// A party keeps its copy by itself, unless the policy says where else it lies.
    pub(super) fn files<'a>(
        &self,
        path: &str,
        holders: impl IntoIterator<Item = &'a str>,
    ) -> Formula {
        let mut copies = Vec::new();
        for holder in holders {
            let before = copies.len();
            let apart = self.items().filter(|(_, item)| {
                item.kind() == ItemKind::Files
                    && item.of().name() == holder
                    && item.paths().iter().any(|of| of == path)
            });
            copies.extend(apart.map(|(atom, _)| Formula::Atom(atom)));
            if copies.len() == before {
                copies.extend(self.party(holder).map(Formula::Atom));
            }
        }
        Formula::any(copies)
    }

    /// Whoever controls a watchtower of a path, and with it a cancel that is complete.
    pub(super) fn watchtowers(&self, path: &str) -> Vec<Formula> {
        self.items()
            .filter(|(_, item)| {
                item.kind() == ItemKind::Watchtower && item.paths().iter().any(|of| of == path)
            })
            .map(|(atom, _)| Formula::Atom(atom))
            .collect()
    }

    /// The condition with every item in the hands of the party whose it is.
    pub(super) fn of_parties(&self, formula: &Formula) -> Formula {
        formula.substitute(&|atom| {
            let owner = atom
                .checked_sub(self.parties.len())
                .and_then(|item| self.items.get(item))
                .and_then(|item| self.party(item.of().name()));
            Formula::Atom(owner.unwrap_or(atom))
        })
    }
}
