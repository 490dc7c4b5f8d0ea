//! Decision diagrams: whether two conditions mean the same, decided and not sampled.
//!
//! A reduced ordered binary decision diagram (Bryant 1986) has one form for each meaning, so two
//! conditions are equivalent just when they lead to the same node.  Thresholds over seats that
//! follow one another have small diagrams, so the limit on nodes is met by nothing a policy holds.

use std::collections::HashMap;

/// The most nodes of a diagram, beyond which nothing is decided.
const MAX_NODES: usize = 1 << 20;

/// A node of a diagram; equal nodes of one diagram mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node(u32);

const FALSE: Node = Node(0);
const TRUE: Node = Node(1);

/// A shared store of nodes.
#[derive(Debug, Default)]
pub(super) struct Diagram {
    /// Variable, where it leads if false, where it leads if true; the two constants come first.
    nodes: Vec<(usize, Node, Node)>,
    known: HashMap<(usize, Node, Node), Node>,
    chosen: HashMap<(Node, Node, Node), Node>,
}

impl Diagram {
    /// A condition that is one variable.
    pub(super) fn variable(&mut self, variable: usize) -> Option<Node> {
        self.node(variable, FALSE, TRUE)
    }

    /// So many of these; none at all is always met.
    pub(super) fn threshold(&mut self, threshold: usize, members: &[Node]) -> Option<Node> {
        // After the last member, no more can be wanted.  Before each member, `wanted` more is
        // `wanted - 1` more of the others if it is met, and `wanted` more of them if not.
        let mut more = vec![FALSE; threshold + 1];
        if let Some(first) = more.first_mut() {
            *first = TRUE;
        }
        for member in members.iter().rev() {
            let mut next = vec![TRUE];
            for pair in more.windows(2) {
                if let [fewer, same] = pair {
                    next.push(self.choose(*member, *fewer, *same)?);
                }
            }
            more = next;
        }
        more.last().copied()
    }

    /// `then` where `condition` is met, and `otherwise` where it is not.
    fn choose(&mut self, condition: Node, then: Node, otherwise: Node) -> Option<Node> {
        if condition == TRUE || then == otherwise {
            return Some(then);
        }
        if condition == FALSE {
            return Some(otherwise);
        }
        if let Some(known) = self.chosen.get(&(condition, then, otherwise)) {
            return Some(*known);
        }
        let variable = [condition, then, otherwise]
            .into_iter()
            .map(|node| self.top(node))
            .min()?;
        let [c, t, o] = [condition, then, otherwise].map(|node| self.split(node, variable));
        let low = self.choose(c.0, t.0, o.0)?;
        let high = self.choose(c.1, t.1, o.1)?;
        let node = self.node(variable, low, high)?;
        self.chosen.insert((condition, then, otherwise), node);
        Some(node)
    }

    fn node(&mut self, variable: usize, low: Node, high: Node) -> Option<Node> {
        if low == high {
            return Some(low);
        }
        if let Some(known) = self.known.get(&(variable, low, high)) {
            return Some(*known);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        let node = Node(u32::try_from(self.nodes.len() + 2).ok()?);
        self.nodes.push((variable, low, high));
        self.known.insert((variable, low, high), node);
        Some(node)
    }

    fn get(&self, node: Node) -> Option<&(usize, Node, Node)> {
        (node.0 as usize)
            .checked_sub(2)
            .and_then(|index| self.nodes.get(index))
    }

    fn top(&self, node: Node) -> usize {
        self.get(node)
            .map_or(usize::MAX, |(variable, ..)| *variable)
    }

    fn split(&self, node: Node, by: usize) -> (Node, Node) {
        match self.get(node) {
            Some((variable, low, high)) if *variable == by => (*low, *high),
            _ => (node, node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(diagram: &Diagram, mut node: Node, assignment: u32) -> bool {
        while let Some((variable, low, high)) = diagram.get(node) {
            node = if assignment >> variable & 1 == 1 {
                *high
            } else {
                *low
            };
        }
        node == TRUE
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
        assert_eq!(diagram.threshold(1, &pairs), Some(whole));
        assert_ne!(diagram.threshold(1, &pairs[..2]), Some(whole));
        let more = diagram.threshold(1, &[whole, a]).expect("room");
        assert_ne!(more, whole);
    }
}
