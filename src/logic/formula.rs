//! Conditions as trees of thresholds.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::atoms::{Atom, AtomSet};

static NO_MEMBERS: LazyLock<Arc<[Formula]>> = LazyLock::new(|| Arc::from([]));

/// A condition that more atoms never break: it is built of thresholds alone, without negation.
///
/// The constructors leave out what changes nothing; whoever builds a variant directly gets the
/// same answers to every question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Formula {
    /// The atom is there.
    Atom(Atom),
    /// At least so many of these hold; a member that stands twice counts twice.
    Threshold {
        /// How many have to hold: 0 always do, and more than there are never do.
        threshold: usize,
        /// The members, which formulas share: what is written once is decided once.
        of: Arc<[Formula]>,
    },
}

impl Formula {
    /// What holds whatever is there.
    #[must_use]
    pub fn always() -> Self {
        Self::Threshold {
            threshold: 0,
            of: NO_MEMBERS.clone(),
        }
    }

    /// What never holds.
    #[must_use]
    pub fn never() -> Self {
        Self::Threshold {
            threshold: 1,
            of: NO_MEMBERS.clone(),
        }
    }

    /// All of these hold; of none, that is always so.
    #[must_use]
    pub fn all(of: Vec<Self>) -> Self {
        Self::at_least(of.len(), of)
    }

    /// One of these holds; of none, that is never so.
    #[must_use]
    pub fn any(of: Vec<Self>) -> Self {
        Self::at_least(1, of)
    }

    /// At least so many of these hold.
    ///
    /// Members that always or never hold are counted off.  Where all or one are asked for, members
    /// that ask for all or one themselves are taken apart, and repetitions are left out.
    #[must_use]
    pub fn at_least(threshold: usize, of: Vec<Self>) -> Self {
        let mut needed = threshold;
        let mut members = Vec::with_capacity(of.len());
        for member in of {
            match member.constant() {
                Some(true) => needed = needed.saturating_sub(1),
                Some(false) => {}
                None => members.push(member),
            }
        }
        if needed == 0 {
            return Self::always();
        }
        if needed > members.len() {
            return Self::never();
        }
        let is_all = needed == members.len();
        if is_all || needed == 1 {
            members = flat(members, is_all);
            needed = if is_all { members.len() } else { 1 };
        }
        match members.len() {
            1 => members.pop().unwrap_or_else(Self::never),
            _ => Self::Threshold {
                threshold: needed,
                of: members.into(),
            },
        }
    }

    /// What holds just when this can no longer be brought about by the atoms that are left: the
    /// condition on atoms that block it.
    ///
    /// It holds for a set just when this does not hold for all the other atoms.
    #[must_use]
    pub fn dual(&self) -> Self {
        match self {
            Self::Atom(atom) => Self::Atom(*atom),
            Self::Threshold { threshold, of } => Self::at_least(
                (of.len() + 1).saturating_sub(*threshold),
                of.iter().map(Self::dual).collect(),
            ),
        }
    }

    /// Whether it holds when just these atoms are there.
    #[must_use]
    pub fn holds(&self, present: &AtomSet) -> bool {
        self.holds_by(&|atom| present.contains(atom))
    }

    /// Whether it holds when just the atoms are there of which this says so.
    pub fn holds_by(&self, is_present: &dyn Fn(Atom) -> bool) -> bool {
        match self {
            Self::Atom(atom) => is_present(*atom),
            Self::Threshold { threshold, of } => {
                let mut needed = *threshold;
                for member in of.iter() {
                    if needed == 0 {
                        break;
                    }
                    needed -= usize::from(member.holds_by(is_present));
                }
                needed == 0
            }
        }
    }

    /// Whether it holds whatever is there.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.holds_by(&|_| false)
    }

    /// Whether it does not hold even when everything is there.
    #[must_use]
    pub fn is_never(&self) -> bool {
        !self.holds_by(&|_| true)
    }

    /// The atoms that stand in it, whether or not they matter.
    #[must_use]
    pub fn atoms(&self) -> AtomSet {
        let mut atoms = AtomSet::new();
        self.each_atom(&mut |atom| {
            atoms.insert(atom);
        });
        atoms
    }

    /// The same with a condition in place of each atom.
    #[must_use]
    pub fn substitute(&self, by: &dyn Fn(Atom) -> Self) -> Self {
        match self {
            Self::Atom(atom) => by(*atom),
            Self::Threshold { threshold, of } => Self::at_least(
                *threshold,
                of.iter().map(|member| member.substitute(by)).collect(),
            ),
        }
    }

    /// Every place of an atom, from left to right.
    pub(super) fn each_atom(&self, visit: &mut dyn FnMut(Atom)) {
        match self {
            Self::Atom(atom) => visit(*atom),
            Self::Threshold { of, .. } => of.iter().for_each(|member| member.each_atom(visit)),
        }
    }

    /// What two formulas have in common if they are the same atom or share their members.
    pub(super) fn identity(&self) -> (usize, usize) {
        match self {
            Self::Atom(atom) => (0, *atom),
            // A threshold without members is no member of anything, so 0 is nobody's place.
            Self::Threshold { threshold, of } => (of.as_ptr().addr(), *threshold),
        }
    }

    /// What it always is, as far as its own threshold says so.
    fn constant(&self) -> Option<bool> {
        match self {
            Self::Threshold { threshold: 0, .. } => Some(true),
            Self::Threshold { threshold, of } if *threshold > of.len() => Some(false),
            _ => None,
        }
    }
}

/// The members with those taken apart that ask for all (or for one) themselves, each of them once.
fn flat(members: Vec<Formula>, is_all: bool) -> Vec<Formula> {
    let mut parts = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Formula::Threshold { threshold, of }
                if threshold == if is_all { of.len() } else { 1 } =>
            {
                parts.extend(of.iter().cloned());
            }
            other => parts.push(other),
        }
    }
    let mut seen = HashSet::new();
    parts.retain(|part| seen.insert(part.identity()));
    parts
}

impl From<Atom> for Formula {
    fn from(atom: Atom) -> Self {
        Self::Atom(atom)
    }
}
