//! Sets of atoms.

use std::cmp::Ordering;
use std::fmt;

/// A thing that is there or not, by its number.
///
/// Numbers begin at 0 and should be dense, since sets of atoms are bit sets.
pub type Atom = usize;

/// How many atoms stand in one word.
const WIDTH: usize = 128;

/// A set of atoms.
///
/// Sets are ordered as their atoms in ascending order are: {0, 1} is before {0, 2}, and that
/// before {1}.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct AtomSet {
    /// The atoms below [`WIDTH`], which take no allocation.
    first: u128,
    /// The others, [`WIDTH`] to a word; the last word is never 0, so that equal sets are equal
    /// bits.
    rest: Vec<u128>,
}

impl AtomSet {
    /// The set of no atom.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: 0,
            rest: Vec::new(),
        }
    }

    /// The atoms below this one.
    #[must_use]
    pub fn below(atom: Atom) -> Self {
        (0..atom).collect()
    }

    /// Puts an atom in; whether it was not there before.
    pub fn insert(&mut self, atom: Atom) -> bool {
        let is_new = !self.contains(atom);
        let bit = 1 << (atom % WIDTH);
        match (atom / WIDTH).checked_sub(1) {
            None => self.first |= bit,
            Some(word) => {
                if self.rest.len() <= word {
                    self.rest.resize(word + 1, 0);
                }
                if let Some(word) = self.rest.get_mut(word) {
                    *word |= bit;
                }
            }
        }
        is_new
    }

    /// Takes an atom out; whether it was there.
    pub fn remove(&mut self, atom: Atom) -> bool {
        let was_there = self.contains(atom);
        let bit: u128 = 1 << (atom % WIDTH);
        match (atom / WIDTH).checked_sub(1) {
            None => self.first &= !bit,
            Some(word) => {
                if let Some(word) = self.rest.get_mut(word) {
                    *word &= !bit;
                }
                self.trim();
            }
        }
        was_there
    }

    /// Whether an atom is in the set.
    #[must_use]
    pub fn contains(&self, atom: Atom) -> bool {
        self.word(atom / WIDTH) >> (atom % WIDTH) & 1 == 1
    }

    /// How many atoms are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no atom is in the set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first == 0 && self.rest.is_empty()
    }

    /// The atoms in ascending order.
    #[must_use]
    pub fn iter(&self) -> Atoms<'_> {
        Atoms {
            set: self,
            word: 0,
            left: self.first,
        }
    }

    /// The atoms that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    /// The atoms that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    /// How many atoms are in both sets.
    #[must_use]
    pub fn common(&self, other: &Self) -> usize {
        let words = self.words().zip(other.words());
        words.map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The atoms of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & !b)
    }

    /// Whether all atoms of this set are in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let count = self.rest.len() + 1;
        (0..count).all(|word| self.word(word) & !other.word(word) == 0)
    }

    /// Whether no atom is in both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let count = self.rest.len() + 1;
        (0..count).all(|word| self.word(word) & other.word(word) == 0)
    }

    fn words(&self) -> impl Iterator<Item = u128> + '_ {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    fn word(&self, number: usize) -> u128 {
        match number.checked_sub(1) {
            None => self.first,
            Some(word) => self.rest.get(word).copied().unwrap_or_default(),
        }
    }

    fn combine(&self, other: &Self, words: impl Fn(u128, u128) -> u128) -> Self {
        let count = self.rest.len().max(other.rest.len());
        let mut set = Self {
            first: words(self.first, other.first),
            rest: (1..=count)
                .map(|number| words(self.word(number), other.word(number)))
                .collect(),
        };
        set.trim();
        set
    }

    fn trim(&mut self) {
        while self.rest.last() == Some(&0) {
            self.rest.pop();
        }
    }
}

impl fmt::Debug for AtomSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl Ord for AtomSet {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for AtomSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromIterator<Atom> for AtomSet {
    fn from_iter<I: IntoIterator<Item = Atom>>(atoms: I) -> Self {
        let mut set = Self::new();
        set.extend(atoms);
        set
    }
}

impl Extend<Atom> for AtomSet {
    fn extend<I: IntoIterator<Item = Atom>>(&mut self, atoms: I) {
        for atom in atoms {
            self.insert(atom);
        }
    }
}

impl<const N: usize> From<[Atom; N]> for AtomSet {
    fn from(atoms: [Atom; N]) -> Self {
        atoms.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a AtomSet {
    type Item = Atom;
    type IntoIter = Atoms<'a>;

    fn into_iter(self) -> Atoms<'a> {
        self.iter()
    }
}

/// The atoms of a set in ascending order.
#[derive(Clone, Debug)]
pub struct Atoms<'a> {
    set: &'a AtomSet,
    word: usize,
    left: u128,
}

impl Iterator for Atoms<'_> {
    type Item = Atom;

    fn next(&mut self) -> Option<Atom> {
        while self.left == 0 {
            self.left = *self.set.rest.get(self.word)?;
            self.word += 1;
        }
        let bit = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.word * WIDTH + bit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Around the edges of words, where mistakes would be.
    fn atoms() -> impl Strategy<Value = BTreeSet<Atom>> {
        let atom = prop_oneof![0..4_usize, 126..130_usize, 254..258_usize, 0..400_usize];
        proptest::collection::btree_set(atom, 0..12)
    }

    proptest! {
        #[test]
        fn it_does_what_a_tree_set_does(a in atoms(), b in atoms(), atom in 0..400_usize) {
            let set = |atoms: &BTreeSet<Atom>| atoms.iter().copied().collect::<AtomSet>();
            let (x, y) = (set(&a), set(&b));
            prop_assert_eq!(x.len(), a.len());
            prop_assert_eq!(x.is_empty(), a.is_empty());
            prop_assert_eq!(x.iter().collect::<Vec<_>>(), a.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(x.contains(atom), a.contains(&atom));
            prop_assert_eq!(x.union(&y), set(&(&a | &b)));
            prop_assert_eq!(x.intersection(&y), set(&(&a & &b)));
            prop_assert_eq!(x.common(&y), (&a & &b).len());
            prop_assert_eq!(x.difference(&y), set(&(&a - &b)));
            prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
            prop_assert!(x.intersection(&y).is_subset(&y));
            prop_assert_eq!(x.is_disjoint(&y), a.is_disjoint(&b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            let (mut changed, mut other) = (x.clone(), a.clone());
            prop_assert_eq!(changed.insert(atom), other.insert(atom));
            prop_assert_eq!(&changed, &set(&other));
            prop_assert_eq!(changed.remove(atom), other.remove(&atom));
            prop_assert!(!changed.remove(atom));
            prop_assert_eq!(changed, set(&other));
        }
    }
}
