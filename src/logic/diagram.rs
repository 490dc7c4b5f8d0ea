//! Decision diagrams: whether two conditions mean the same, decided and not sampled.
//!
//! A reduced ordered binary decision diagram (Bryant 1986) has one form for each meaning, so two
//! conditions are equivalent just when they lead to the same node.  Thresholds over variables that
//! follow one another have small diagrams.

use super::hash::Table;
use super::{MAX_NODES, TooLarge};

/// A node of a diagram; equal nodes of one diagram mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node(u32);

impl Node {
    /// Where a condition leads that never holds.
    pub(super) const FALSE: Self = Self(0);
    /// Where a condition leads that always holds.
    pub(super) const TRUE: Self = Self(1);

    pub(super) const fn number(self) -> usize {
        self.0 as usize
    }
}

/// A variable and where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fork {
    /// The number of the variable; it grows on the way down.
    pub(super) variable: u32,
    /// Where it leads if it is false.
    pub(super) low: Node,
    /// Where it leads if it is true.
    pub(super) high: Node,
}

/// A shared store of nodes.
#[derive(Debug)]
pub(super) struct Diagram {
    limit: usize,
    forks: Vec<Fork>,
    known: Table<Fork, Node>,
    chosen: Table<(Node, Node, Node), Node>,
}

impl Default for Diagram {
    fn default() -> Self {
        Self::with_limit(MAX_NODES)
    }
}

impl Diagram {
    /// An empty store for so many nodes, and four times as many remembered results.
    pub(super) fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            forks: Vec::new(),
            known: Table::default(),
            chosen: Table::default(),
        }
    }

    /// A condition that is one variable.  Variables are asked in the order of their numbers.
    pub(super) fn variable(&mut self, variable: usize) -> Result<Node, TooLarge> {
        let variable = u32::try_from(variable).map_err(|_| self.too_large())?;
        self.fork(variable, Node::FALSE, Node::TRUE)
    }

    /// So many of these; none at all is always met.
    pub(super) fn threshold(
        &mut self,
        threshold: usize,
        members: &[Node],
    ) -> Result<Node, TooLarge> {
        if threshold > members.len() {
            return Ok(Node::FALSE);
        }
        // Members that are asked about later are counted first, so that each step adds above what
        // is there already.
        let mut members = members.to_vec();
        members.sort_by_key(|member| self.top(*member));
        // After the last member, no more can be wanted.  Before each member, `wanted` more is
        // `wanted - 1` more of the others if it is met, and `wanted` more of them if not.
        let mut more = vec![Node::FALSE; threshold + 1];
        if let Some(first) = more.first_mut() {
            *first = Node::TRUE;
        }
        for (before, member) in members.iter().enumerate().rev() {
            let mut next = vec![Node::TRUE];
            for (number, pair) in more.windows(2).enumerate() {
                if let [fewer, same] = pair {
                    // Where more is wanted than the members before can leave over, nobody asks.
                    let is_asked = number + 1 + before >= threshold;
                    next.push(if is_asked {
                        self.choose(*member, *fewer, *same)?
                    } else {
                        Node::FALSE
                    });
                }
            }
            more = next;
        }
        Ok(more.last().copied().unwrap_or(Node::TRUE))
    }

    /// The first that holds where the second does not.
    pub(super) fn without(&mut self, condition: Node, other: Node) -> Result<Node, TooLarge> {
        self.choose(other, Node::FALSE, condition)
    }

    /// The fewest variables that make the condition hold when all others are false, in ascending
    /// order; nothing if it never holds.
    pub(super) fn fewest(&self, condition: Node) -> Option<Vec<usize>> {
        let mut costs = Table::default();
        let mut cost = self.cost(condition, &mut costs)?;
        let mut variables = Vec::new();
        let mut node = condition;
        while let Some(fork) = self.get(node) {
            if self.cost(fork.low, &mut costs) == Some(cost) {
                node = fork.low;
            } else {
                variables.push(fork.variable as usize);
                node = fork.high;
                cost -= 1;
            }
        }
        Some(variables)
    }

    fn cost(&self, node: Node, costs: &mut Table<u32, Option<usize>>) -> Option<usize> {
        let Some(fork) = self.get(node) else {
            return (node == Node::TRUE).then_some(0);
        };
        if let Some(cost) = costs.get(&node.0) {
            return *cost;
        }
        let low = self.cost(fork.low, costs);
        let high = self.cost(fork.high, costs).map(|cost| cost + 1);
        let cost = match (low, high) {
            (Some(low), Some(high)) => Some(low.min(high)),
            (low, high) => low.or(high),
        };
        costs.insert(node.0, cost);
        cost
    }

    /// `then` where `condition` is met, and `otherwise` where it is not.
    fn choose(&mut self, condition: Node, then: Node, otherwise: Node) -> Result<Node, TooLarge> {
        if condition == Node::TRUE || then == otherwise {
            return Ok(then);
        }
        if condition == Node::FALSE {
            return Ok(otherwise);
        }
        if then == Node::TRUE && otherwise == Node::FALSE {
            return Ok(condition);
        }
        let key = (condition, then, otherwise);
        if let Some(known) = self.chosen.get(&key) {
            return Ok(*known);
        }
        let variable = [condition, then, otherwise]
            .into_iter()
            .map(|node| self.top(node))
            .fold(u32::MAX, u32::min);
        let [c, t, o] = [condition, then, otherwise].map(|node| self.split(node, variable));
        let low = self.choose(c.0, t.0, o.0)?;
        let high = self.choose(c.1, t.1, o.1)?;
        let node = self.fork(variable, low, high)?;
        if self.chosen.len() >= self.limit.saturating_mul(4) {
            return Err(self.too_large());
        }
        self.chosen.insert(key, node);
        Ok(node)
    }

    fn fork(&mut self, variable: u32, low: Node, high: Node) -> Result<Node, TooLarge> {
        if low == high {
            return Ok(low);
        }
        let fork = Fork {
            variable,
            low,
            high,
        };
        if let Some(known) = self.known.get(&fork) {
            return Ok(*known);
        }
        if self.forks.len() >= self.limit {
            return Err(self.too_large());
        }
        let node = u32::try_from(self.forks.len() + 2).map_err(|_| self.too_large())?;
        self.forks.push(fork);
        self.known.insert(fork, Node(node));
        Ok(Node(node))
    }

    /// Where a node leads; nowhere, if it is a constant.
    pub(super) fn get(&self, node: Node) -> Option<Fork> {
        let index = node.number().checked_sub(2)?;
        self.forks.get(index).copied()
    }

    /// Where a node leads when a variable is false, and when it is true, if no variable before that
    /// one is asked for.
    pub(super) fn split(&self, node: Node, by: u32) -> (Node, Node) {
        match self.get(node) {
            Some(fork) if fork.variable == by => (fork.low, fork.high),
            _ => (node, node),
        }
    }

    /// How many nodes there are.
    pub(super) const fn len(&self) -> usize {
        self.forks.len()
    }

    /// The variable that a node asks about; for constants, one after all others.
    fn top(&self, node: Node) -> u32 {
        self.get(node).map_or(u32::MAX, |fork| fork.variable)
    }

    const fn too_large(&self) -> TooLarge {
        TooLarge::Nodes { limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(diagram: &Diagram, mut node: Node, assignment: u32) -> bool {
        while let Some(fork) = diagram.get(node) {
            node = if assignment >> fork.variable & 1 == 1 {
                fork.high
            } else {
                fork.low
            };
        }
        node == Node::TRUE
    }

    #[test]
    fn thresholds_are_what_counting_says() {
        for threshold in 0..=6 {
            let mut diagram = Diagram::default();
            let seats: Vec<Node> = (0..5).map(|s| diagram.variable(s).expect("room")).collect();
            let node = diagram.threshold(threshold, &seats).expect("room");
            for assignment in 0..32_u32 {
                let met = assignment.count_ones() as usize >= threshold;
                assert_eq!(
                    is_met(&diagram, node, assignment),
                    met,
                    "{threshold} {assignment}"
                );
            }
        }
    }

    #[test]
    fn equal_meanings_are_equal_nodes_and_others_are_not() {
        let mut diagram = Diagram::default();
        let seats: Vec<Node> = (0..3).map(|s| diagram.variable(s).expect("room")).collect();
        let [a, b, c] = seats[..] else { unreachable!() };
        let whole = diagram.threshold(2, &[a, b, c]).expect("room");
        let pairs = [[a, b], [b, c], [a, c]];
        let pairs = pairs.map(|pair| diagram.threshold(2, &pair).expect("room"));
        assert_eq!(diagram.threshold(1, &pairs), Ok(whole));
        assert_ne!(diagram.threshold(1, &pairs[..2]), Ok(whole));
        let more = diagram.threshold(1, &[whole, a]).expect("room");
        assert_ne!(more, whole);
    }

    #[test]
    fn the_limit_is_the_number_of_nodes() {
        // 2 of 3 has two nodes for each variable but the first and the last, which have one.
        let two_of_three = |limit: usize| {
            let mut diagram = Diagram::with_limit(limit);
            let seats: Result<Vec<Node>, TooLarge> = (0..3).map(|s| diagram.variable(s)).collect();
            diagram.threshold(2, &seats?)
        };
        let needed = (0..20).find(|limit| two_of_three(*limit).is_ok());
        let needed = needed.expect("a small diagram");
        assert!((4..=8).contains(&needed), "{needed}");
        let limit = needed - 1;
        assert_eq!(two_of_three(limit), Err(TooLarge::Nodes { limit }));
    }

    #[test]
    fn the_fewest_variables_are_a_smallest_set() {
        let mut diagram = Diagram::default();
        let seats: Vec<Node> = (0..6).map(|s| diagram.variable(s).expect("room")).collect();
        let all = diagram.threshold(3, &seats[..3]).expect("room");
        let two = diagram.threshold(2, &seats[3..]).expect("room");
        let either = diagram.threshold(1, &[all, two]).expect("room");
        assert_eq!(diagram.fewest(either).map(|set| set.len()), Some(2));
        let rest = diagram.without(either, two).expect("room");
        assert_eq!(diagram.fewest(rest), Some(vec![0, 1, 2]));
        assert_eq!(diagram.fewest(Node::FALSE), None);
        assert_eq!(diagram.fewest(Node::TRUE), Some(Vec::new()));
    }
}
