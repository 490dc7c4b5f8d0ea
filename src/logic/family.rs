//! Families of sets, as zero-suppressed decision diagrams (Minato 1993).
//!
//! A condition that more atoms never break is the family of the minimal sets that meet it.  Like a
//! condition, a family has one form: two are equal just when they are the same node.

use super::TooLarge;
use super::diagram::{Diagram, Node};
use super::hash::Table;

/// A family of sets; equal families of one store are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family(u32);

/// An element, and the sets with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Branch {
    /// The number of the element; it grows on the way down.
    pub(super) element: u32,
    /// The sets that hold it, without it.
    pub(super) with: Family,
    /// The sets that do not hold it.
    pub(super) without: Family,
}

impl Family {
    /// The family of no set.
    pub(super) const NONE: Self = Self(0);
    /// The family of the empty set alone.
    pub(super) const EMPTY_SET: Self = Self(1);

    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// What has been computed of a family before, by operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    /// The sets that do not meet the condition.
    Unmet(Family, Node),
    /// The sets that hold the first element only with the second.
    Requires(Family, u32, u32),
    /// The sets with two elements exchanged.
    Exchange(Family, u32, u32),
    /// The sets with the element, without it.
    With(Family, u32),
    /// The sets without the element.
    Without(Family, u32),
    /// The sets of the first, with the element, and those of the second.
    Join(Family, Family, u32),
}

/// A shared store of families.
#[derive(Debug)]
pub(super) struct Families {
    limit: usize,
    branches: Vec<Branch>,
    known: Table<Branch, Family>,
    minimal: Table<Node, Family>,
    done: Table<Task, Family>,
}

impl Families {
    pub(super) fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            branches: Vec::new(),
            known: Table::default(),
            minimal: Table::default(),
            done: Table::default(),
        }
    }

    /// The minimal sets of variables that meet a condition which more variables never break
    /// (Rauzy 1993).
    pub(super) fn minimal(
        &mut self,
        condition: Node,
        diagram: &Diagram,
    ) -> Result<Family, TooLarge> {
        let Some(fork) = diagram.get(condition) else {
            return Ok(if condition == Node::TRUE {
                Family::EMPTY_SET
            } else {
                Family::NONE
            });
        };
        if let Some(known) = self.minimal.get(&condition) {
            return Ok(*known);
        }
        let without = self.minimal(fork.low, diagram)?;
        // What meets the condition without the variable is not minimal with it.  More variables
        // never break a condition, so it is enough to ask whether the rest meets it by itself.
        let with = self.minimal(fork.high, diagram)?;
        let with = self.unmet(with, fork.low, diagram)?;
        let family = self.branch(fork.variable, with, without)?;
        self.minimal.insert(condition, family);
        Ok(family)
    }

    /// The sets that do not meet a condition.
    fn unmet(
        &mut self,
        family: Family,
        condition: Node,
        diagram: &Diagram,
    ) -> Result<Family, TooLarge> {
        if condition == Node::FALSE || family == Family::NONE {
            return Ok(family);
        }
        if condition == Node::TRUE {
            return Ok(Family::NONE);
        }
        // The elements that a set does not hold are false.
        let top = self.top(family);
        let mut condition = condition;
        while let Some(fork) = diagram.get(condition)
            && fork.variable < top
        {
            condition = fork.low;
        }
        let Some(branch) = self.get(family) else {
            return Ok(if condition == Node::TRUE {
                Family::NONE
            } else {
                family
            });
        };
        self.remembered(Task::Unmet(family, condition), |families| {
            let (low, high) = diagram.split(condition, branch.element);
            let with = families.unmet(branch.with, high, diagram)?;
            let without = families.unmet(branch.without, low, diagram)?;
            families.branch(branch.element, with, without)
        })
    }

    /// The sets that hold `element` only where they hold `other`.
    pub(super) fn requires(
        &mut self,
        family: Family,
        element: u32,
        other: u32,
    ) -> Result<Family, TooLarge> {
        let first = element.min(other);
        let Some(branch) = self.get(family) else {
            return Ok(family);
        };
        if branch.element < first {
            return self.remembered(Task::Requires(family, element, other), |families| {
                let with = families.requires(branch.with, element, other)?;
                let without = families.requires(branch.without, element, other)?;
                families.branch(branch.element, with, without)
            });
        }
        let (with, without) = self.split(family, first);
        if first == other {
            let without = self.without(without, element)?;
            self.branch(other, with, without)
        } else {
            let with = self.with(with, other)?;
            let with = self.join(with, Family::NONE, other)?;
            self.branch(element, with, without)
        }
    }

    /// The sets with two elements exchanged, of which the first comes first.
    pub(super) fn exchange(
        &mut self,
        family: Family,
        first: u32,
        second: u32,
    ) -> Result<Family, TooLarge> {
        let Some(branch) = self.get(family) else {
            return Ok(family);
        };
        if branch.element > second {
            return Ok(family);
        }
        self.remembered(Task::Exchange(family, first, second), |families| {
            if branch.element < first {
                let with = families.exchange(branch.with, first, second)?;
                let without = families.exchange(branch.without, first, second)?;
                return families.branch(branch.element, with, without);
            }
            let (with, without) = families.split(family, first);
            let both = families.with(with, second)?;
            let only_first = families.without(with, second)?;
            let only_second = families.with(without, second)?;
            let neither = families.without(without, second)?;
            let with = families.join(both, only_second, second)?;
            let without = families.join(only_first, neither, second)?;
            families.branch(first, with, without)
        })
    }

    /// The sets that hold an element, without it.
    fn with(&mut self, family: Family, element: u32) -> Result<Family, TooLarge> {
        let Some(branch) = self.get(family) else {
            return Ok(Family::NONE);
        };
        if branch.element >= element {
            return Ok(self.split(family, element).0);
        }
        self.remembered(Task::With(family, element), |families| {
            let with = families.with(branch.with, element)?;
            let without = families.with(branch.without, element)?;
            families.branch(branch.element, with, without)
        })
    }

    /// The sets that do not hold an element.
    fn without(&mut self, family: Family, element: u32) -> Result<Family, TooLarge> {
        let Some(branch) = self.get(family) else {
            return Ok(family);
        };
        if branch.element >= element {
            return Ok(self.split(family, element).1);
        }
        self.remembered(Task::Without(family, element), |families| {
            let with = families.without(branch.with, element)?;
            let without = families.without(branch.without, element)?;
            families.branch(branch.element, with, without)
        })
    }

    /// The sets of the first family with an element put in, and the sets of the second; none of
    /// them holds it so far.
    fn join(&mut self, with: Family, without: Family, element: u32) -> Result<Family, TooLarge> {
        if with == Family::NONE {
            return Ok(without);
        }
        let top = self.top(with).min(self.top(without));
        if top > element {
            return self.branch(element, with, without);
        }
        self.remembered(Task::Join(with, without, element), |families| {
            let (a, b) = (families.split(with, top), families.split(without, top));
            let with = families.join(a.0, b.0, element)?;
            let without = families.join(a.1, b.1, element)?;
            families.branch(top, with, without)
        })
    }

    fn remembered(
        &mut self,
        task: Task,
        run: impl FnOnce(&mut Self) -> Result<Family, TooLarge>,
    ) -> Result<Family, TooLarge> {
        if let Some(known) = self.done.get(&task) {
            return Ok(*known);
        }
        let family = run(self)?;
        if self.done.len() >= self.limit.saturating_mul(4) {
            return Err(self.too_large());
        }
        self.done.insert(task, family);
        Ok(family)
    }

    fn branch(&mut self, element: u32, with: Family, without: Family) -> Result<Family, TooLarge> {
        if with == Family::NONE {
            return Ok(without);
        }
        let branch = Branch {
            element,
            with,
            without,
        };
        if let Some(known) = self.known.get(&branch) {
            return Ok(*known);
        }
        if self.branches.len() >= self.limit {
            return Err(self.too_large());
        }
        let family = u32::try_from(self.branches.len() + 2).map_err(|_| self.too_large())?;
        self.branches.push(branch);
        self.known.insert(branch, Family(family));
        Ok(Family(family))
    }

    /// The first element, with the sets that hold it and those that do not; nothing for the two
    /// families without elements.
    pub(super) fn get(&self, family: Family) -> Option<Branch> {
        let index = (family.0 as usize).checked_sub(2)?;
        self.branches.get(index).copied()
    }

    /// The sets with and without an element, if no element before it is in any.
    fn split(&self, family: Family, element: u32) -> (Family, Family) {
        match self.get(family) {
            Some(branch) if branch.element == element => (branch.with, branch.without),
            _ => (Family::NONE, family),
        }
    }

    /// How many nodes there are.
    pub(super) const fn len(&self) -> usize {
        self.branches.len()
    }

    fn top(&self, family: Family) -> u32 {
        self.get(family).map_or(u32::MAX, |branch| branch.element)
    }

    const fn too_large(&self) -> TooLarge {
        TooLarge::Nodes { limit: self.limit }
    }
}
