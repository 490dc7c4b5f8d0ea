//! Weighted members, as far as their weights come to thresholds of thresholds.
//!
//! A script counts keys and not weights.  Where a weighted quorum is the same as nested
//! thresholds in which every member has one seat, it is compiled as those; where it is not, it is
//! refused.  Giving a member as many seats as it has weight would always work, and would cost a
//! key and a signature for every one of them.

use super::super::document::{QuorumEntry, Spanned};
use super::super::shown::quote;
use super::super::{Code, Diagnostic};

/// Most members for which a group that acts as one is searched by trying all sets of members.
const MAX_SEARCHED: usize = 12;

/// A threshold of thresholds over members that are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// One member.
    Member(usize),
    /// So many of these.
    Threshold(usize, Vec<Formula>),
}

impl Formula {
    /// So many of the first so many members.
    pub(super) fn flat(threshold: usize, members: usize) -> Self {
        Self::Threshold(threshold, (0..members).map(Self::Member).collect())
    }
}

/// The formula of a weighted quorum, reporting why there is none.
pub(super) fn formula(
    entry: &QuorumEntry,
    weights: &[(Spanned<String>, Spanned<u64>)],
    problems: &mut Vec<Diagnostic>,
) -> Option<Formula> {
    let target = entry.threshold.as_ref()?;
    if weights.is_empty() {
        return None;
    }
    let title = format!("quorum {}", quote(&entry.name.value));
    let all = weights
        .iter()
        .try_fold(0u64, |sum, (_, weight)| sum.checked_add(weight.value));
    let Some(all) = all else {
        problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!("the weights of {title} together are more than a policy can count"),
            )
            .at(entry.name.span, "too large")
            .help("choose smaller weights; only how they compare matters"),
        );
        return None;
    };
    if !(1..=all).contains(&target.value) {
        problems.push(
            Diagnostic::new(
                Code::ThresholdOutOfRange,
                format!(
                    "the weight that {title} needs is {}, and that of all members is {all}",
                    target.value
                ),
            )
            .at(target.span, "out of range")
            .help("choose a weight from 1 to that of all members"),
        );
        return None;
    }
    let members: Vec<(usize, u64)> = weights
        .iter()
        .map(|(_, weight)| weight.value)
        .enumerate()
        .collect();
    match reduce(target.value, &members) {
        Ok(formula) => Some(formula),
        Err(Irreducible::Idle(at)) => {
            let (name, weight) = weights.get(at)?;
            problems.push(
                Diagnostic::new(
                    Code::WeightsIrreducible,
                    format!(
                        "in {title} the weight of {} never matters",
                        quote(&name.value)
                    ),
                )
                .at(weight.span, "no group needs it")
                .beside(target.span, "to reach this")
                .help("leave the member out, or change the weights"),
            );
            None
        }
        Err(Irreducible::NotSearched) => {
            problems.push(
                Diagnostic::new(
                    Code::WeightsIrreducible,
                    format!("the weights of {title} were not found to be a threshold of thresholds"),
                )
                .at(entry.name.span, "too many members to find a group among them")
                .beside(target.span, "the weight that is needed")
                .help(format!(
                    "a group that counts as one is looked for among up to {MAX_SEARCHED} members: make it a quorum of its own, or change the weights"
                )),
            );
            None
        }
        Err(Irreducible::NoThresholds) => {
            problems.push(
                Diagnostic::new(
                    Code::WeightsIrreducible,
                    format!("the weights of {title} are no threshold of thresholds"),
                )
                .at(entry.name.span, "cannot be put into a script")
                .beside(target.span, "the weight that is needed")
                .help("change the weights, or write the rule with quorums inside one another"),
            );
            None
        }
    }
}

/// Why weights do not come to thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Irreducible {
    /// This member is in no smallest group that reaches the target.
    Idle(usize),
    /// No rule here applies.
    NoThresholds,
    /// No rule applies, and there are too many members to search for a group among them.
    NotSearched,
}

/// Thresholds of thresholds in which every member stands once, for members whose weights together
/// reach the target.
fn reduce(target: u64, members: &[(usize, u64)]) -> Result<Formula, Irreducible> {
    let mut sorted = members.to_vec();
    // Heaviest first; among equals the order of the document.
    sorted.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let sum = |part: &[(usize, u64)]| part.iter().map(|(_, weight)| weight).sum::<u64>();
    let all = sum(&sorted);
    if let [(only, _)] = sorted.as_slice() {
        return Ok(Formula::Member(*only));
    }
    // Alike: any so many of them reach the target, and no fewer do.
    for count in 1..=sorted.len() {
        let (heaviest, _) = sorted.split_at(count - 1);
        let (_, lightest) = sorted.split_at(sorted.len() - count);
        if sum(heaviest) < target && sum(lightest) >= target {
            let mut members: Vec<usize> = sorted.iter().map(|(at, _)| *at).collect();
            members.sort_unstable();
            let members = members.into_iter().map(Formula::Member).collect();
            return Ok(Formula::Threshold(count, members));
        }
    }
    // Those who suffice alone, or all the others together as one more.
    let sufficient = sorted.partition_point(|(_, weight)| *weight >= target);
    if sufficient > 0 {
        let (alone, rest) = sorted.split_at(sufficient);
        if sum(rest) < target {
            return Err(idle(rest));
        }
        return joined(1, alone, rest, target);
    }
    // Those without whom nobody can act, and what is still needed of the others.
    let mandatory = sorted.partition_point(|(_, weight)| all - weight < target);
    if mandatory > 0 {
        let (needed, rest) = sorted.split_at(mandatory);
        return match target.checked_sub(sum(needed)) {
            None | Some(0) => Err(idle(rest)),
            Some(left) => joined(needed.len() + 1, needed, rest, left),
        };
    }
    if sorted.len() <= MAX_SEARCHED {
        return grouped(target, &sorted);
    }
    Err(Irreducible::NotSearched)
}

fn idle(rest: &[(usize, u64)]) -> Irreducible {
    rest.first()
        .map_or(Irreducible::NoThresholds, |(at, _)| Irreducible::Idle(*at))
}

/// So many of these members and of the others, who count as one member by their own formula.
fn joined(
    threshold: usize,
    members: &[(usize, u64)],
    rest: &[(usize, u64)],
    target: u64,
) -> Result<Formula, Irreducible> {
    let mut parts: Vec<Formula> = members.iter().map(|(at, _)| Formula::Member(*at)).collect();
    parts.push(reduce(target, rest)?);
    Ok(Formula::Threshold(threshold, parts))
}

/// The lightest members as one group that counts as one more member.
fn grouped(target: u64, sorted: &[(usize, u64)]) -> Result<Formula, Irreducible> {
    let reached = |set: u32| {
        let members = sorted.iter().enumerate();
        let present = members.filter(|(at, _)| set >> at & 1 == 1);
        present.map(|(_, (_, weight))| weight).sum::<u64>() >= target
    };
    let sets = 0..1u32 << sorted.len();
    if let Some(at) = (0..sorted.len()).rev().find(|at| {
        sets.clone()
            .all(|set| reached(set) == reached(set & !(1 << at)))
    }) {
        return Err(idle(sorted.split_at(at).1));
    }
    for heavy in 1..sorted.len() - 1 {
        let (single, group) = sorted.split_at(heavy);
        let of_single = (1u32 << heavy) - 1;
        for inner in 1..=group.len() {
            for outer in 1..=heavy + 1 {
                let says = |set: u32| {
                    let grouped = (set >> heavy).count_ones() as usize >= inner;
                    (set & of_single).count_ones() as usize + usize::from(grouped) >= outer
                };
                if sets.clone().all(|set| says(set) == reached(set)) {
                    let member = |(at, _): &(usize, u64)| Formula::Member(*at);
                    let mut parts: Vec<Formula> = single.iter().map(member).collect();
                    let group = group.iter().map(member).collect();
                    parts.push(Formula::Threshold(inner, group));
                    return Ok(Formula::Threshold(outer, parts));
                }
            }
        }
    }
    Err(Irreducible::NoThresholds)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn reduced(target: u64, weights: &[u64]) -> Result<Formula, Irreducible> {
        let members: Vec<_> = weights.iter().copied().enumerate().collect();
        reduce(target, &members)
    }

    fn is_met(formula: &Formula, set: u32) -> bool {
        match formula {
            Formula::Member(at) => set >> at & 1 == 1,
            Formula::Threshold(threshold, parts) => {
                parts.iter().filter(|part| is_met(part, set)).count() >= *threshold
            }
        }
    }

    fn seats(formula: &Formula) -> Vec<usize> {
        match formula {
            Formula::Member(at) => vec![*at],
            Formula::Threshold(_, parts) => parts.iter().flat_map(seats).collect(),
        }
    }

    #[test]
    fn the_usual_weights_come_to_thresholds() {
        use Formula::{Member, Threshold};
        let one = |at| Member(at);
        assert_eq!(reduced(2, &[1, 1, 1]), Ok(Formula::flat(2, 3)));
        assert_eq!(
            reduced(2, &[7, 1, 1]),
            Ok(Threshold(
                1,
                vec![one(0), Threshold(2, vec![one(1), one(2)]),]
            ))
        );
        assert_eq!(
            reduced(3, &[2, 1, 1]),
            Ok(Threshold(
                2,
                vec![one(0), Threshold(1, vec![one(1), one(2)]),]
            ))
        );
        assert_eq!(
            reduced(3, &[2, 2, 1, 1]),
            Ok(Threshold(
                2,
                vec![one(0), one(1), Threshold(1, vec![one(2), one(3)]),]
            ))
        );
        // One heavy and any one other, or all the others: no threshold of thresholds.
        assert_eq!(reduced(3, &[2, 1, 1, 1]), Err(Irreducible::NoThresholds));
        assert_eq!(reduced(8, &[4, 4, 1]), Err(Irreducible::Idle(2)));
        assert_eq!(reduced(4, &[5, 2, 1]), Err(Irreducible::Idle(1)));
    }

    proptest! {
        /// What comes out says the same of every set of members, and gives each one seat.
        #[test]
        fn a_formula_means_what_the_weights_mean(
            weights in vec(1u64..6, 1..9),
            share in 0.0f64..1.0,
        ) {
            let all: u64 = weights.iter().sum();
            let target = 1 + ((all - 1) as f64 * share) as u64;
            match reduced(target, &weights) {
                Ok(formula) => {
                    let mut found = seats(&formula);
                    found.sort_unstable();
                    prop_assert_eq!(found, (0..weights.len()).collect::<Vec<_>>());
                    for set in 0..1u32 << weights.len() {
                        let members = weights.iter().enumerate();
                        let present = members.filter(|(at, _)| set >> at & 1 == 1);
                        let weight: u64 = present.map(|(_, weight)| weight).sum();
                        prop_assert_eq!(is_met(&formula, set), weight >= target);
                    }
                }
                Err(Irreducible::Idle(at)) => for set in 0..1u32 << weights.len() {
                    let reaches = |set: u32| {
                        let members = weights.iter().enumerate();
                        let present = members.filter(|(at, _)| set >> at & 1 == 1);
                        present.map(|(_, weight)| weight).sum::<u64>() >= target
                    };
                    prop_assert_eq!(reaches(set), reaches(set & !(1 << at)));
                },
                Err(Irreducible::NoThresholds) => {}
                Err(Irreducible::NotSearched) => prop_assert!(weights.len() > MAX_SEARCHED),
            }
        }
    }
}
