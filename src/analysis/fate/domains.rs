//! Domains with what is in them, in one reading, and which of them bring something about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::judge::Judge;
use super::{Culprit, Facts};
use crate::analysis::Actors;
use crate::logic::AtomSet;
use crate::policy::Domain;

/// How custody facts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// Everything is where it is said to be.
    Stated,
    /// What is not attested of a kind is in each domain of that kind.
    Worst,
}

/// A domain by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DomainName {
    /// The kind.
    pub kind: Domain,
    /// The name; none for any domain of the kind, in which all is that is not attested.
    pub name: Option<String>,
}

impl fmt::Display for DomainName {
    /// Such as `cloud nimbus-account-7`, or `any one cloud`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.kind),
            None => write!(f, "any one {}", self.kind),
        }
    }
}

/// A domain with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// Its names, several where they hold the same.
    pub names: Vec<DomainName>,
    /// The parties and items that are said to be in it.
    pub members: Vec<String>,
    /// Those that are in it in the worst case: nobody attests that they are elsewhere.
    pub supposed: Vec<String>,
    /// The parties whose fee wallet goes with it, beside their keys.
    pub fee_wallets: Vec<String>,
    #[serde(skip)]
    atoms: AtomSet,
    #[serde(skip)]
    supposed_atoms: AtomSet,
}

impl Shared {
    /// All that is in it, by the numbers of [`Actors`].
    #[must_use]
    pub const fn atoms(&self) -> &AtomSet {
        &self.atoms
    }

    /// Those of them that are in it in the worst case only.
    #[must_use]
    pub const fn supposed_atoms(&self) -> &AtomSet {
        &self.supposed_atoms
    }
}

impl fmt::Display for Shared {
    /// Its names, such as `cloud nimbus-account-7 (host signing-service)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.names.iter();
        if let Some(first) = names.next() {
            first.fmt(f)?;
        }
        let others: Vec<String> = names.map(ToString::to_string).collect();
        if !others.is_empty() {
            write!(f, " (also {})", others.join(", "))?;
        }
        Ok(())
    }
}

/// Names in the order in which they are told.  Hosts and places are often called alike, and a cloud
/// account is what somebody can be asked about.
fn told(names: BTreeSet<DomainName>) -> Vec<DomainName> {
    let mut names: Vec<DomainName> = names.into_iter().collect();
    names.sort_by_key(|name| name.kind != Domain::Cloud);
    names
}

/// What is in a domain, or in several that hold the same.
#[derive(Clone, Debug)]
pub(super) struct Place {
    names: Vec<DomainName>,
    atoms: AtomSet,
    supposed: AtomSet,
    /// What is in any domain of the kind.
    open: AtomSet,
}

/// Domains that meet conditions together.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// One or two, by their numbers.
    pub places: Vec<usize>,
    /// The conditions that they meet, and neither of two alone.
    pub met: u32,
    /// Those of them that any domain of the kind meets: then this one is not to blame.
    pub met_by_any: u32,
}

impl Place {
    /// Whether one of its names is of this kind.
    pub(super) fn is_of(&self, kind: Domain) -> bool {
        self.names.iter().any(|name| name.kind == kind)
    }
}

/// All domains of some kinds in one reading.
#[derive(Clone, Debug)]
pub(super) struct Domains<'a> {
    facts: &'a Facts,
    actors: &'a Actors,
    /// Smaller ones first.
    places: Vec<Place>,
}

impl<'a> Domains<'a> {
    pub(super) fn of(
        facts: &'a Facts,
        actors: &'a Actors,
        reading: Reading,
        kinds: &[Domain],
    ) -> Self {
        // By what is in them and what of that is supposed, so that equal ones meet.
        let mut places: BTreeMap<[AtomSet; 3], BTreeSet<DomainName>> = BTreeMap::new();
        for kind in kinds {
            let mut named: BTreeMap<&str, AtomSet> = BTreeMap::new();
            let mut open = AtomSet::new();
            for atom in facts.atoms() {
                let Some(said) = facts.reading(atom, *kind) else {
                    continue;
                };
                if reading == Reading::Worst && !said.is_attested() {
                    open.insert(atom);
                }
                if let Some(name) = said.fact.as_ref().and_then(|fact| fact.name()) {
                    named.entry(name).or_default().insert(atom);
                }
            }
            let mut add = |name: Option<&str>, members: &AtomSet| {
                let supposed = open.difference(members);
                let key = [members.union(&open), supposed, open.clone()];
                places.entry(key).or_default().insert(DomainName {
                    kind: *kind,
                    name: name.map(str::to_owned),
                });
            };
            for (name, members) in &named {
                // One in which nothing attested is holds no more than any other.
                if reading == Reading::Stated || !members.is_subset(&open) {
                    add(Some(name), members);
                }
            }
            if !open.is_empty() {
                add(None, &AtomSet::new());
            }
        }
        let mut places: Vec<Place> = places
            .into_iter()
            .map(|([atoms, supposed, open], names)| Place {
                names: told(names),
                atoms,
                supposed,
                open,
            })
            .collect();
        places.sort_by_key(|place| (place.atoms.len(), place.names.clone()));
        Self {
            facts,
            actors,
            places,
        }
    }

    /// Each with what is in it.
    pub(super) fn all(&self) -> Vec<Shared> {
        let places = self.places.iter();
        places.map(|place| self.shared(place)).collect()
    }

    /// The single domains and the pairs that fit and meet conditions.
    pub(super) fn minimal(
        &self,
        judge: &Judge,
        fits: &dyn Fn(&Place, &Place) -> bool,
    ) -> Vec<Found> {
        let judged = |place: &Place| judge.of_set(&place.atoms);
        let single: Vec<u32> = self.places.iter().map(judged).collect();
        let numbered = || self.places.iter().zip(&single).enumerate();
        let mut found = Vec::new();
        for (number, (place, met)) in numbered() {
            if *met != 0 {
                let met_by_any = if place.open == place.atoms {
                    0
                } else {
                    met & judge.of_set(&place.open)
                };
                found.push(Found {
                    places: vec![number],
                    met: *met,
                    met_by_any,
                });
            }
        }
        for (number, (one, met)) in numbered() {
            for (other_number, (other, other_met)) in numbered().skip(number + 1) {
                if fits(one, other) {
                    let both = judge.of_set(&one.atoms.union(&other.atoms));
                    let only_both = both & !met & !other_met;
                    if only_both != 0 {
                        found.push(Found {
                            places: vec![number, other_number],
                            met: only_both,
                            met_by_any: 0,
                        });
                    }
                }
            }
        }
        found
    }

    /// What is in any domain of the kind of this one, in the worst case.
    pub(super) fn open(&self, places: &[usize]) -> AtomSet {
        let first = places.first().and_then(|place| self.places.get(*place));
        first.map(|place| place.open.clone()).unwrap_or_default()
    }

    pub(super) fn culprit(&self, places: &[usize]) -> Culprit {
        let places = places.iter().filter_map(|place| self.places.get(*place));
        Culprit {
            domains: places.map(|place| self.shared(place)).collect(),
        }
    }

    fn shared(&self, place: &Place) -> Shared {
        let names = |set: &AtomSet| -> Vec<String> {
            let names = self.actors.names(set).into_iter();
            names.map(str::to_owned).collect()
        };
        let wallets = place.atoms.iter();
        let wallets = wallets.filter(|atom| self.facts.has_fee_wallet(*atom));
        Shared {
            names: place.names.clone(),
            members: names(&place.atoms.difference(&place.supposed)),
            supposed: names(&place.supposed),
            fee_wallets: names(&wallets.collect()),
            atoms: place.atoms.clone(),
            supposed_atoms: place.supposed.clone(),
        }
    }
}
