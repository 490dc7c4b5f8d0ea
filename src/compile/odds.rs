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

#[cfg(test)]
mod tests {
    use super::Condition::{Seat, Threshold};
    use super::*;

    fn keys(threshold: usize, seats: std::ops::Range<usize>) -> Condition {
        Threshold(threshold, seats.map(Seat).collect())
    }

    fn is_met(condition: &Condition, set: u32) -> bool {
        condition.is_met_by(&|seat| set >> seat & 1 == 1)
    }

    /// The smallest sets among ten seats, by trying all.
    fn smallest_sets(condition: &Condition) -> Vec<u32> {
        let meets = |set: &u32| is_met(condition, *set);
        let all = (0..1 << 10).filter(meets);
        all.filter(|set| !(0..10).any(|seat| set >> seat & 1 == 1 && meets(&(set & !(1 << seat)))))
            .collect()
    }

    /// Bytes of witness where these sign.
    fn cost(condition: &Condition, set: u32, script: ScriptType) -> u64 {
        match condition {
            Threshold(_, members) if members.iter().any(|own| matches!(own, Threshold(..))) => {
                members.iter().map(|member| cost(member, set, script)).sum()
            }
            fragment if is_met(fragment, set) => fragment.witness(script).satisfy,
            fragment => fragment.witness(script).dissatisfy,
        }
    }

    #[test]
    fn averages_are_those_over_all_smallest_sets() {
        let inner = Threshold(1, vec![Seat(7), keys(2, 8..10)]);
        for threshold in 1..=4 {
            let members = vec![Seat(0), keys(2, 1..4), keys(1, 4..7), inner.clone()];
            let condition = Threshold(threshold, members.clone());
            let sets = smallest_sets(&condition);
            for script in [ScriptType::Tr, ScriptType::Wsh] {
                let odds = Odds::of(&condition, script);
                assert_eq!(odds.sets, sets.len() as f64);
                let sum: u64 = sets.iter().map(|set| cost(&condition, *set, script)).sum();
                let average = sum as f64 / sets.len() as f64;
                assert!((odds.satisfy - average).abs() < 1e-9, "{odds:?} {average}");
                assert_eq!(odds.dissatisfy, cost(&condition, 0, script) as f64);
                let of_members: Vec<Odds> = members
                    .iter()
                    .map(|member| Odds::of(member, script))
                    .collect();
                let shares = Odds::shares(threshold, &of_members);
                for (member, share) in members.iter().zip(shares) {
                    let with = sets.iter().filter(|set| is_met(member, **set));
                    let expected = with.count() as f64 / sets.len() as f64;
                    assert!((share - expected).abs() < 1e-9, "{share} {expected}");
                }
            }
        }
    }

    /// Where there are more sets than can be counted, the dearest stands for all, and every member
    /// signs as often as the others.
    #[test]
    fn what_cannot_be_counted_is_taken_at_its_dearest() {
        let uncounted = Threshold(30, vec![keys(20, 0..40); 30]);
        let odds = Odds::of(&uncounted, ScriptType::Tr);
        assert!(!odds.sets.is_finite());
        assert_eq!(
            odds.satisfy,
            uncounted.witness(ScriptType::Tr).satisfy as f64
        );
        let many = Odds {
            sets: 1e200,
            satisfy: 100.0,
            dissatisfy: 10.0,
        };
        assert_eq!(Odds::shares(2, &[many; 3]), [2.0 / 3.0; 3]);
    }
}
