//! Which elements of a family can be exchanged with each other.

use std::collections::BTreeMap;

use super::TooLarge;
use super::atoms::{Atom, AtomSet};
use super::family::{Families, Family};
use super::formula::Formula;
use super::minimal::MinimalSets;

/// Groups of elements that a formula itself shows to be interchangeable: they are members of the
/// very same thresholds.  There may be more that are.
pub(super) fn alike(formula: &Formula, level: &dyn Fn(Atom) -> Option<usize>) -> Vec<Vec<usize>> {
    let mut parents: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut next = 0;
    note(formula, 0, &mut next, &mut |atom, parent| {
        if let Some(level) = level(atom) {
            parents.entry(level).or_default().push(parent);
        }
    });
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (level, parents) in parents {
        groups.entry(parents).or_default().push(level);
    }
    groups.into_values().collect()
}

fn note(formula: &Formula, parent: usize, next: &mut usize, found: &mut dyn FnMut(Atom, usize)) {
    match formula {
        Formula::Atom(atom) => found(*atom, parent),
        Formula::Threshold { of, .. } => {
            *next += 1;
            let own = *next;
            for member in of.iter() {
                note(member, own, next, found);
            }
        }
    }
}

/// The classes of interchangeable elements, each in ascending order, given groups that are known
/// to be interchangeable.  Elements that are in no set are left out.
pub(super) fn classes(
    family: Family,
    families: &mut Families,
    groups: Vec<Vec<usize>>,
) -> Result<Vec<Vec<usize>>, TooLarge> {
    let sets = MinimalSets::of(family, families, &|element| Some(element as usize));
    let elements = sets.atoms();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    'groups: for group in groups {
        let Some(own) = group.first().filter(|own| elements.contains(**own)) else {
            continue;
        };
        for class in &mut classes {
            // To be interchangeable is transitive, so one of a class stands for all.
            let Some(other) = class.first() else { continue };
            if are_exchangeable(family, families, &sets, &[(*own, *other)])? {
                class.extend(group);
                class.sort_unstable();
                continue 'groups;
            }
        }
        classes.push(group);
    }
    Ok(classes)
}

/// Whether a family stays as it is when the two elements of each pair are exchanged, all pairs at
/// once.  No element is in two pairs.
pub(super) fn are_exchangeable(
    family: Family,
    families: &mut Families,
    sets: &MinimalSets,
    pairs: &[(usize, usize)],
) -> Result<bool, TooLarge> {
    // A set that becomes none of the sets is quickly found, if there is one, in nearly all cases.
    for (one, other) in pairs {
        for (present, absent) in [(*one, *other), (*other, *one)] {
            for is_first in [true, false] {
                let set = sets.telling_apart(present, absent, is_first);
                if set.is_some_and(|set| !sets.contains(&exchanged(&set, pairs))) {
                    return Ok(false);
                }
            }
        }
    }
    let mut result = family;
    for (one, other) in pairs {
        let level = |element: usize| u32::try_from(element).unwrap_or(u32::MAX);
        let (first, second) = (level(*one.min(other)), level(*one.max(other)));
        result = families.exchange(result, first, second)?;
    }
    Ok(result == family)
}

fn exchanged(set: &AtomSet, pairs: &[(usize, usize)]) -> AtomSet {
    let elements = set.iter().map(|element| {
        let pair = pairs
            .iter()
            .find(|(one, other)| *one == element || *other == element);
        match pair {
            Some((one, other)) if *one == element => *other,
            Some((one, _)) => *one,
            None => element,
        }
    });
    elements.collect()
}
