//! Minimal sets: counted, and listed one by one.

use super::atoms::{Atom, AtomSet};
use super::family::{Families, Family};
use super::hash::Table;

/// The number of the node that holds no set.
const NONE: u32 = 0;
/// The number of the node that holds the empty set alone.
const EMPTY_SET: u32 = 1;

/// The minimal sets that meet a condition: each meets it, and no part of it does.
///
/// There may be far more of them than could be listed; they are kept as a diagram.
#[derive(Clone, Debug)]
pub struct MinimalSets {
    /// The nodes, each after those that it leads to; the first two numbers are [`NONE`] and
    /// [`EMPTY_SET`], which stand for themselves.
    steps: Vec<Step>,
    start: u32,
    by_size: Vec<(usize, u128)>,
}

/// One node: whether an atom is taken.
#[derive(Clone, Copy, Debug)]
struct Step {
    atom: Atom,
    with: u32,
    without: u32,
    sizes: Sizes,
}

/// The sizes of the sets below a node, one bit each; the last bit is for all sizes beyond, which
/// only makes a search for a set of such a size look further.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes(u128);

impl Sizes {
    const LAST: u128 = 1 << 127;

    const fn one_more(self) -> Self {
        Self(self.0 << 1 | (self.0 & Self::LAST))
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn contains(self, size: usize) -> bool {
        let bit = if size < 127 { 1 << size } else { Self::LAST };
        self.0 & bit != 0
    }
}

impl MinimalSets {
    pub(super) fn of(
        family: Family,
        families: &Families,
        atom_of: &dyn Fn(u32) -> Option<Atom>,
    ) -> Self {
        // A node was stored after those it leads to, so the order of their numbers will do.
        let mut numbers: Table<u32, u32> = Table::default();
        let mut found = Vec::new();
        let mut open = vec![family];
        while let Some(family) = open.pop() {
            if let Some(branch) = families.get(family)
                && numbers.insert(family.number(), NONE).is_none()
            {
                found.push((family.number(), branch));
                open.extend([branch.with, branch.without]);
            }
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        let mut sets = Self {
            steps: Vec::with_capacity(found.len()),
            start: family.number(),
            by_size: Vec::new(),
        };
        for (old, branch) in found {
            let new = |family: Family| match families.get(family) {
                Some(_) => numbers.get(&family.number()).copied().unwrap_or(NONE),
                None => family.number(),
            };
            let (with, without) = (new(branch.with), new(branch.without));
            let sizes = sets.sizes(with).one_more().or(sets.sizes(without));
            sets.steps.push(Step {
                atom: atom_of(branch.element).unwrap_or(Atom::MAX),
                with,
                without,
                sizes,
            });
            let number = u32::try_from(sets.steps.len() + 1).unwrap_or(NONE);
            numbers.insert(old, number);
            sets.start = number;
        }
        sets.by_size = sets.counted();
        sets
    }

    /// How many sets there are; [`u128::MAX`] stands for that many and more.
    #[must_use]
    pub fn count(&self) -> u128 {
        let numbers = self.by_size.iter().map(|(_, number)| *number);
        numbers.fold(0, u128::saturating_add)
    }

    /// Whether there are more sets than can be counted, so that [`count`](Self::count) is only a
    /// bound from below.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.count() == u128::MAX
    }

    /// The sizes that occur, in ascending order, each with the number of sets; [`u128::MAX`]
    /// stands for that many and more.
    #[must_use]
    pub fn by_size(&self) -> &[(usize, u128)] {
        &self.by_size
    }

    /// The size of the smallest set; nothing if there is no set.
    #[must_use]
    pub fn smallest_size(&self) -> Option<usize> {
        self.by_size.first().map(|(size, _)| *size)
    }

    /// The size of the largest minimal set; nothing if there is no set.
    #[must_use]
    pub fn largest_size(&self) -> Option<usize> {
        self.by_size.last().map(|(size, _)| *size)
    }

    /// Whether no set meets the condition.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.by_size.is_empty()
    }

    /// The atoms that are in any of the sets: those that matter to the condition.
    #[must_use]
    pub fn atoms(&self) -> AtomSet {
        self.steps.iter().map(|step| step.atom).collect()
    }

    /// Whether this is one of the sets.
    #[must_use]
    pub fn contains(&self, set: &AtomSet) -> bool {
        let mut left = set.len();
        let mut node = self.start;
        while let Some(step) = self.step(node) {
            node = if set.contains(step.atom) {
                left -= 1;
                step.with
            } else {
                step.without
            };
        }
        node == EMPTY_SET && left == 0
    }

    /// The sets one by one, smaller ones first.
    ///
    /// Listing goes on as the sets are asked for, so the first few of very many cost little.  The
    /// order is the same each time; within a size it follows the diagram and not the numbers of
    /// the atoms.
    #[must_use]
    pub fn iter(&self) -> Sets<'_> {
        Sets {
            sets: self,
            sizes: 0,
            taken: Vec::new(),
            open: Vec::new(),
        }
    }

    /// A set with one atom and without another, if there is one; `is_first` chooses which.
    pub(super) fn telling_apart(
        &self,
        present: Atom,
        absent: Atom,
        is_first: bool,
    ) -> Option<AtomSet> {
        // Whether a set without the absent atom can be completed from a node, with the present
        // one still to come, and without it.
        let mut can: Vec<(bool, bool)> = vec![(false, false), (false, true)];
        let at =
            |can: &[(bool, bool)], node: u32| can.get(node as usize).copied().unwrap_or_default();
        for step in &self.steps {
            let (with, without) = (at(&can, step.with), at(&can, step.without));
            let is_absent = step.atom == absent;
            let wanted = if step.atom == present { with.1 } else { with.0 };
            can.push((
                (wanted && !is_absent) || without.0,
                (with.1 && !is_absent) || without.1,
            ));
        }
        let mut is_wanted = true;
        let possible = |node: u32, is_wanted: bool| {
            let (with, without) = at(&can, node);
            if is_wanted { with } else { without }
        };
        if !possible(self.start, is_wanted) {
            return None;
        }
        let mut set = AtomSet::new();
        let mut node = self.start;
        while let Some(step) = self.step(node) {
            let still_wanted = is_wanted && step.atom != present;
            let may_take = step.atom != absent && possible(step.with, still_wanted);
            let may_leave = possible(step.without, is_wanted);
            if may_take && (is_first || !may_leave) {
                set.insert(step.atom);
                is_wanted = still_wanted;
                node = step.with;
            } else {
                node = step.without;
            }
        }
        Some(set)
    }

    fn step(&self, node: u32) -> Option<&Step> {
        let index = (node as usize).checked_sub(2)?;
        self.steps.get(index)
    }

    fn sizes(&self, node: u32) -> Sizes {
        match self.step(node) {
            Some(step) => step.sizes,
            None => Sizes(u128::from(node == EMPTY_SET)),
        }
    }

    /// Counts the sets by size: for each node, from the first down, in how many ways it is reached
    /// with how many atoms taken.
    fn counted(&self) -> Vec<(usize, u128)> {
        let mut ways: Vec<Vec<u128>> = vec![Vec::new(); self.steps.len() + 2];
        if let Some(start) = ways.get_mut(self.start as usize) {
            start.push(1);
        }
        for (index, step) in self.steps.iter().enumerate().rev() {
            let own = ways.get_mut(index + 2).map(std::mem::take);
            let own = own.unwrap_or_default();
            add(&mut ways, step.without, 0, &own);
            add(&mut ways, step.with, 1, &own);
        }
        let ends = ways.get(EMPTY_SET as usize);
        let ends = ends.into_iter().flatten().copied().enumerate();
        ends.filter(|(_, number)| *number > 0).collect()
    }
}

fn add(ways: &mut [Vec<u128>], node: u32, shift: usize, numbers: &[u128]) {
    if node == NONE {
        return;
    }
    let Some(sums) = ways.get_mut(node as usize) else {
        return;
    };
    if sums.len() < numbers.len() + shift {
        sums.resize(numbers.len() + shift, 0);
    }
    for (sum, number) in sums.iter_mut().skip(shift).zip(numbers) {
        *sum = sum.saturating_add(*number);
    }
}

impl<'a> IntoIterator for &'a MinimalSets {
    type Item = AtomSet;
    type IntoIter = Sets<'a>;

    fn into_iter(self) -> Sets<'a> {
        self.iter()
    }
}

/// Minimal sets one by one, smaller ones first.
#[derive(Clone, Debug)]
pub struct Sets<'a> {
    sets: &'a MinimalSets,
    /// How many of the sizes have been begun.
    sizes: usize,
    taken: Vec<Atom>,
    open: Vec<Visit>,
}

/// A node to go on from.
#[derive(Clone, Copy, Debug)]
struct Visit {
    node: u32,
    /// How many of the atoms that are taken belong to the way there.
    depth: usize,
    /// The atom that is taken on the way.
    take: Option<Atom>,
}

impl Iterator for Sets<'_> {
    type Item = AtomSet;

    fn next(&mut self) -> Option<AtomSet> {
        loop {
            let Some(visit) = self.open.pop() else {
                self.sets.by_size.get(self.sizes)?;
                self.sizes += 1;
                self.open.push(Visit {
                    node: self.sets.start,
                    depth: 0,
                    take: None,
                });
                continue;
            };
            let (size, _) = *self.sets.by_size.get(self.sizes.checked_sub(1)?)?;
            self.taken.truncate(visit.depth);
            self.taken.extend(visit.take);
            let depth = self.taken.len();
            let Some(left) = size.checked_sub(depth) else {
                continue;
            };
            let Some(step) = self.sets.step(visit.node) else {
                if visit.node == EMPTY_SET && left == 0 {
                    return Some(self.taken.iter().copied().collect());
                }
                continue;
            };
            let mut go_on = |node: u32, take: Option<Atom>| {
                let left = left.checked_sub(usize::from(take.is_some()));
                if left.is_some_and(|left| self.sets.sizes(node).contains(left)) {
                    self.open.push(Visit { node, depth, take });
                }
            };
            go_on(step.without, None);
            go_on(step.with, Some(step.atom));
        }
    }
}
