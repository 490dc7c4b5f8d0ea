//! Several leaves in one script.

use super::either::either;
use super::way::{LeafCost, Way, Ways, undominated};
use super::{Encoder, Lock};
use crate::compile::script::Condition;
use crate::policy::ScriptType;

/// A leaf for a script that several leaves share: how it is written as a whole, and as its first
/// part and the rest.
#[derive(Clone)]
pub(in crate::compile) struct Choice {
    pub(super) ways: Ways,
    pub(super) and: Option<(Ways, Ways)>,
    pub(super) weight: f64,
}

impl Choice {
    /// A leaf: all of these parts and all of these locks.
    pub(in crate::compile) fn leaf(
        leaf: usize,
        parts: &[Condition],
        locks: &[Lock],
        weight: f64,
        hashes: bool,
    ) -> Self {
        let encoder = Encoder::new(ScriptType::Wsh, leaf).with_hashes(hashes);
        let mut ways = match (parts, locks) {
            ([only], []) => encoder.ways(only).as_ref().clone(),
            _ => encoder.both(parts, locks),
        };
        for way in &mut ways.base {
            way.leaves = vec![LeafCost {
                leaf,
                satisfy: way.satisfy,
                most: way.most,
            }];
        }
        let and = parts.split_first().map(|(first, others)| {
            let rest = encoder.rest(others, locks);
            (encoder.ways(first).as_ref().clone(), rest)
        });
        Self { ways, and, weight }
    }

    /// One of two.
    pub(super) fn or(&self, other: &Self) -> Self {
        let weight = self.weight + other.weight;
        let share = self.weight / weight;
        let mut ways = either(&self.ways, self.and.as_ref(), &other.ways, share);
        let turned = either(&other.ways, other.and.as_ref(), &self.ways, 1.0 - share);
        ways.base.extend(turned.base);
        Self {
            ways: Ways {
                base: undominated(ways.base),
                verify: Vec::new(),
            },
            and: None,
            weight,
        }
    }

    /// The cheapest way of writing any of these: as a chain with the likeliest first, or as a
    /// tree in which the least likely are joined first.
    pub(in crate::compile) fn any(mut choices: Vec<Self>) -> Option<Way> {
        choices.sort_by(|left, right| right.weight.total_cmp(&left.weight));
        let chain = choices.iter().rev().cloned();
        let chain = chain.reduce(|rest, choice| choice.or(&rest));
        while choices.len() > 1 {
            if let (Some(last), Some(before)) = (choices.pop(), choices.pop()) {
                let joined = before.or(&last);
                let place = choices.partition_point(|other| other.weight >= joined.weight);
                choices.insert(place, joined);
            }
        }
        let ways = choices.pop().into_iter().chain(chain);
        let ways = ways.flat_map(|choice| choice.ways.base);
        ways.min_by(|left, right| left.cost().total_cmp(&right.cost()))
    }
}
