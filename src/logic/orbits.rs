//! Minimal sets grouped by how many atoms of each class they take.
//!
//! Atoms of a class can be exchanged for each other, so with one set that takes three of a class
//! there are the sets that take any three of it.  Whole classes may be exchangeable as well: then
//! with one set that takes three of this class and two of that, there is one the other way round.
//! An orbit holds all the sets that come from one by such exchanges.

use super::TooLarge;
use super::atoms::AtomSet;
use super::family::{Families, Family};
use super::minimal::MinimalSets;
use super::symmetry::are_exchangeable;

/// The minimal sets that meet a condition, in groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orbits {
    classes: Vec<AtomSet>,
    blocks: Vec<Vec<usize>>,
    number: u128,
    listed: Vec<Orbit>,
}

/// Sets that come from one another by exchanges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Orbit {
    /// How many atoms each of the sets has.
    pub size: usize,
    /// What one of the sets takes: classes, by their place in [`Orbits::classes`], each with a
    /// number of its atoms, which is never 0.
    pub picks: Vec<(usize, usize)>,
    /// How many sets there are; [`u128::MAX`] stands for that many and more.
    pub number: u128,
}

/// What the sets of an orbit take of a block of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pick {
    /// The block, by its place in [`Orbits::blocks`].
    pub block: usize,
    /// From how many of its classes, whichever they are.
    pub classes: usize,
    /// How many atoms from each of those.
    pub atoms: usize,
}

impl Orbits {
    /// The classes of interchangeable atoms, in ascending order.
    #[must_use]
    pub fn classes(&self) -> &[AtomSet] {
        &self.classes
    }

    /// The classes in blocks that can be exchanged whole: most blocks hold one class.
    #[must_use]
    pub fn blocks(&self) -> &[Vec<usize>] {
        &self.blocks
    }

    /// How many orbits there are, listed or not; [`u128::MAX`] stands for that many and more.
    #[must_use]
    pub const fn number(&self) -> u128 {
        self.number
    }

    /// The orbits, smaller sets first, and those of one size by their classes.
    ///
    /// If there are more of them than were asked for, none that is listed has larger sets than one
    /// that is not.
    #[must_use]
    pub fn listed(&self) -> &[Orbit] {
        &self.listed
    }

    /// Whether all orbits are listed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.listed.len() as u128 == self.number
    }

    /// What the sets of an orbit take, block by block and the most from one class first: "3 atoms
    /// from each of any 3 classes of this block".
    #[must_use]
    pub fn picks(&self, orbit: &Orbit) -> Vec<Pick> {
        let mut picks = Vec::new();
        for (block, classes) in self.blocks.iter().enumerate() {
            let mut counts: Vec<usize> = orbit
                .picks
                .iter()
                .filter(|(class, _)| classes.contains(class))
                .map(|(_, atoms)| *atoms)
                .collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            picks.extend(counts.chunk_by(|a, b| a == b).map(|same| Pick {
                block,
                classes: same.len(),
                atoms: same.first().copied().unwrap_or_default(),
            }));
        }
        picks
    }
}

/// The orbits of a family, given its classes of exchangeable elements, as atoms and as elements.
pub(super) fn of(
    family: Family,
    families: &mut Families,
    classes: Vec<AtomSet>,
    elements: &[Vec<usize>],
    limit: usize,
) -> Result<Orbits, TooLarge> {
    // Of the sets that take so many of a class, only the one that takes the first of them is kept.
    let mut kept = family;
    for class in elements {
        for pair in class.windows(2) {
            if let [first, second] = pair {
                kept = requires(kept, families, *second, *first)?;
            }
        }
    }
    let blocks = blocks(kept, families, elements)?;
    // Likewise, only the one is kept that takes no more from a class than from the one before.
    for block in &blocks {
        for pair in block.windows(2) {
            if let [before, after] = pair
                && let (Some(before), Some(after)) = (elements.get(*before), elements.get(*after))
            {
                for (first, second) in before.iter().zip(after) {
                    kept = requires(kept, families, *second, *first)?;
                }
            }
        }
    }
    let sets = MinimalSets::of(kept, families, &|element| Some(element as usize));
    let mut listed: Vec<Orbit> = sets
        .iter()
        .take(limit)
        .map(|set| orbit(&set, elements, &blocks))
        .collect();
    listed.sort_unstable();
    Ok(Orbits {
        classes,
        blocks,
        number: sets.count(),
        listed,
    })
}

fn requires(
    family: Family,
    families: &mut Families,
    element: usize,
    other: usize,
) -> Result<Family, TooLarge> {
    let level = |element: usize| u32::try_from(element).unwrap_or(u32::MAX);
    families.requires(family, level(element), level(other))
}

/// The classes in blocks that can be exchanged whole.
fn blocks(
    family: Family,
    families: &mut Families,
    classes: &[Vec<usize>],
) -> Result<Vec<Vec<usize>>, TooLarge> {
    let sets = MinimalSets::of(family, families, &|element| Some(element as usize));
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    'classes: for (number, class) in classes.iter().enumerate() {
        for block in &mut blocks {
            let other = block.first().and_then(|first| classes.get(*first));
            let Some(other) = other.filter(|other| other.len() == class.len()) else {
                continue;
            };
            let pairs: Vec<(usize, usize)> =
                other.iter().copied().zip(class.iter().copied()).collect();
            if are_exchangeable(family, families, &sets, &pairs)? {
                block.push(number);
                continue 'classes;
            }
        }
        blocks.push(vec![number]);
    }
    Ok(blocks)
}

/// The orbit of a set that was kept.
fn orbit(set: &AtomSet, classes: &[Vec<usize>], blocks: &[Vec<usize>]) -> Orbit {
    let taken: Vec<usize> = classes
        .iter()
        .map(|class| {
            class
                .iter()
                .filter(|element| set.contains(**element))
                .count()
        })
        .collect();
    let mut number: u128 = 1;
    for (class, taken) in classes.iter().zip(&taken) {
        number = number.saturating_mul(choices(class.len(), *taken));
    }
    for block in blocks {
        let mut counts: Vec<usize> = block
            .iter()
            .filter_map(|class| taken.get(*class).copied())
            .collect();
        counts.sort_unstable();
        let mut left = counts.len();
        for same in counts.chunk_by(|a, b| a == b) {
            number = number.saturating_mul(choices(left, same.len()));
            left -= same.len();
        }
    }
    Orbit {
        size: set.len(),
        picks: taken
            .into_iter()
            .enumerate()
            .filter(|(_, taken)| *taken > 0)
            .collect(),
        number,
    }
}

/// In how many ways so many can be chosen from so many; saturating.
fn choices(from: usize, chosen: usize) -> u128 {
    let mut number: u128 = 1;
    for step in 1..=chosen {
        // The product of this many consecutive numbers can be divided by the factorial; dividing by
        // common factors first, nothing grows beyond the result.
        let (above, below) = ((from + 1 - step) as u128, step as u128);
        let common = greatest_common_divisor(number, below);
        let (left, below) = (number / common, below / common);
        number = left.saturating_mul(above / below);
        if number == u128::MAX {
            break;
        }
    }
    number
}

const fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
