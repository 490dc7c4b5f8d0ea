//! The parties of two policies under one numbering.

use std::collections::BTreeMap;

use crate::logic::{Atom, AtomSet, Formula};
use crate::policy::{Party, Policy, Quorum, SpendingPath};

/// The parties of two policies.
///
/// Whoever has the same name and the same key is one actor.  Another key under an old name is
/// another actor, since whoever had the old one may still have it; and a key that only changed
/// its name is still the same.
#[derive(Clone, Debug)]
pub(super) struct People {
    names: Vec<String>,
    /// The shared number of each party of the old policy, in the order of their names.
    old: Vec<Atom>,
    new: Vec<Atom>,
    fates: BTreeMap<String, Fate>,
    quorums: Vec<(AtomSet, String)>,
}

/// What became of a party of the old policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the new one, with the same key.
    Kept,
    /// It is in the new one with another key.
    Rekeyed,
    /// It is not in the new one.
    Removed,
}

impl People {
    pub(super) fn of(old: &Policy, new: &Policy) -> Self {
        let mut people = Self {
            names: Vec::new(),
            old: Vec::new(),
            new: Vec::new(),
            fates: BTreeMap::new(),
            quorums: Vec::new(),
        };
        let mut kept: BTreeMap<&str, Atom> = BTreeMap::new();
        for party in old.parties() {
            let atom = people.names.len();
            let name = party.name();
            let (title, fate) = match new.party(name) {
                Some(same) if same.key() == party.key() => (name.to_owned(), Fate::Kept),
                Some(_) => (format!("{name} (old key)"), Fate::Rekeyed),
                None => match renamed(party, old, new) {
                    Some(other) => {
                        kept.insert(other.name(), atom);
                        (format!("{} ({name} before)", other.name()), Fate::Kept)
                    }
                    None => (name.to_owned(), Fate::Removed),
                },
            };
            if fate == Fate::Kept {
                kept.entry(name).or_insert(atom);
            }
            people.names.push(title);
            people.old.push(atom);
            people.fates.insert(name.to_owned(), fate);
        }
        for party in new.parties() {
            let name = party.name();
            let known = kept.get(name).copied();
            let atom = known.unwrap_or_else(|| {
                let is_rekeyed = old.party(name).is_some();
                let title = if is_rekeyed {
                    format!("{name} (new key)")
                } else {
                    name.to_owned()
                };
                people.names.push(title);
                people.names.len() - 1
            });
            people.new.push(atom);
        }
        people.quorums = people.named(new, &people.new);
        let before = people.named(old, &people.old);
        people.quorums.extend(before);
        people
    }

    /// What became of a party of the old policy.
    pub(super) fn fate(&self, name: &str) -> Option<&Fate> {
        self.fates.get(name)
    }

    /// The names of a set.
    pub(super) fn names(&self, set: &AtomSet) -> Vec<String> {
        let names = set.iter().filter_map(|atom| self.names.get(atom));
        names.cloned().collect()
    }

    pub(super) fn all_names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The quorums of both policies as sets, those of the new one first.
    pub(super) fn quorums(&self) -> Vec<(AtomSet, String)> {
        self.quorums.clone()
    }

    /// A condition on the parties of the old policy under the shared numbers.
    pub(super) fn of_old(&self, formula: &Formula) -> Formula {
        renumbered(formula, &self.old)
    }

    /// The same for the new policy.
    pub(super) fn of_new(&self, formula: &Formula) -> Formula {
        renumbered(formula, &self.new)
    }

    fn named(&self, policy: &Policy, atoms: &[Atom]) -> Vec<(AtomSet, String)> {
        let numbers: BTreeMap<&str, Atom> = policy
            .parties()
            .map(|party| party.name())
            .zip(atoms.iter().copied())
            .collect();
        let set = |quorum: &Quorum| -> AtomSet {
            let names = quorum.party_names().into_iter();
            names
                .filter_map(|name| numbers.get(name).copied())
                .collect()
        };
        let root = std::iter::once(policy.root().quorum());
        let acting = policy.paths().iter().map(SpendingPath::quorum);
        root.chain(acting)
            .chain(policy.quorums())
            .map(|quorum| (set(quorum), quorum.name().to_owned()))
            .collect()
    }
}

/// The party of the new policy that has the key of this one of the old policy, where nobody else
/// has it and the name is new.
fn renamed<'a>(party: &Party, old: &Policy, new: &'a Policy) -> Option<&'a Party> {
    let has_key = |other: &&std::sync::Arc<Party>| other.key() == party.key();
    if old.parties().filter(has_key).count() > 1 {
        return None;
    }
    let mut namesakes = new.parties().filter(has_key);
    let first = namesakes.next()?;
    (namesakes.next().is_none() && old.party(first.name()).is_none()).then(|| &**first)
}

fn renumbered(formula: &Formula, atoms: &[Atom]) -> Formula {
    formula.substitute(&|atom| {
        atoms
            .get(atom)
            .map_or_else(Formula::never, |atom| Formula::Atom(*atom))
    })
}
