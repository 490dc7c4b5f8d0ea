//! How many smallest sets of signers a condition has, and what they cost on average.

use super::script::Condition;
use crate::policy::ScriptType;

/// The smallest sets of signers of a condition, each as likely as the others.
///
/// Only sums, products and quotients are taken, which every machine rounds alike, so what is
/// chosen by these numbers is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Odds {
    /// How many sets; not finite where there are more than a double holds.
    pub sets: f64,
    /// Bytes of witness that satisfy the condition, on average.
    pub satisfy: f64,
    /// Bytes of witness that show it is not satisfied.
    pub dissatisfy: f64,
}

impl Odds {
    pub(super) fn of(condition: &Condition, script: ScriptType) -> Self {
        let worst = condition.witness(script);
        match condition {
            Condition::Seat(_) => Self {
                sets: 1.0,
                satisfy: worst.satisfy as f64,
                dissatisfy: worst.dissatisfy as f64,
            },
            Condition::Threshold(threshold, members) => {
                let is_flat = members
                    .iter()
                    .all(|member| matches!(member, Condition::Seat(_)));
                let members: Vec<Self> = members
                    .iter()
                    .map(|member| Self::of(member, script))
                    .collect();
                let mut odds = Self::threshold(*threshold, &members);
                odds.dissatisfy = worst.dissatisfy as f64;
                // Flat thresholds cost the same whoever signs; so does what cannot be counted.
                if is_flat || !odds.satisfy.is_finite() {
                    odds.satisfy = worst.satisfy as f64;
                }
                odds
            }
        }
    }

    /// So many of these, the others shown not to be satisfied.
    pub(super) fn threshold(threshold: usize, members: &[Self]) -> Self {
        let mut all = Self::up_to(threshold, members);
        all.pop().expect("the last is that of the threshold")
    }

    /// The same for every number of these, from none to the threshold.
    pub(super) fn up_to(threshold: usize, members: &[Self]) -> Vec<Self> {
        // For each number of members that are satisfied: how many sets, and the sum of their cost.
        let mut ways = vec![(0.0, 0.0); threshold + 1];
        if let Some(none) = ways.first_mut() {
            none.0 = 1.0;
        }
        for member in members {
            for satisfied in (0..=threshold).rev() {
                let fewer: (f64, f64) = satisfied
                    .checked_sub(1)
                    .and_then(|fewer| ways.get(fewer).copied())
                    .unwrap_or_default();
                if let Some(way) = ways.get_mut(satisfied) {
                    way.1 += way.0 * member.dissatisfy
                        + member.sets * (fewer.1 + fewer.0 * member.satisfy);
                    way.0 += member.sets * fewer.0;
                }
            }
        }
        let dissatisfy = members.iter().map(|member| member.dissatisfy).sum();
        let ways = ways.into_iter().map(|(sets, cost)| Self {
            sets,
            satisfy: cost / sets,
            dissatisfy,
        });
        ways.collect()
    }

    /// For so many of these: in which part of all smallest sets each member signs.
    pub(super) fn shares(threshold: usize, members: &[Self]) -> Vec<f64> {
        let sets = |members: &mut dyn Iterator<Item = f64>, threshold: usize| {
            let mut ways = vec![0.0; threshold + 1];
            if let Some(none) = ways.first_mut() {
                *none = 1.0;
            }
            for member in members {
                for satisfied in (1..=threshold).rev() {
                    let fewer = ways.get(satisfied - 1).copied().unwrap_or_default();
                    if let Some(way) = ways.get_mut(satisfied) {
                        *way += member * fewer;
                    }
                }
            }
            ways.last().copied().unwrap_or_default()
        };
        let all = sets(&mut members.iter().map(|member| member.sets), threshold);
        let even = threshold as f64 / members.len() as f64;
        (0..members.len())
            .map(|own| {
                let others = members
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != own);
                let with = sets(&mut others.map(|(_, member)| member.sets), threshold - 1);
                let share = members.get(own).map_or(0.0, |own| own.sets) * with / all;
                if share.is_finite() { share } else { even }
            })
            .collect()
    }
}
