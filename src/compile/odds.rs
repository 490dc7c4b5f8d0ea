//! How many smallest sets of signers an expression has, and what they cost on average.

use super::expression::Expression;
use crate::policy::ScriptType;

/// The smallest sets of signers of an expression, each as likely as the others.
///
/// Only sums, products and quotients are taken, which every machine rounds alike, so what is
/// chosen by these numbers is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Odds {
    /// How many sets; not finite where there are more than a double holds.
    pub sets: f64,
    /// Bytes of witness that satisfy the expression, on average.
    pub satisfy: f64,
    /// Bytes of witness that show it is not satisfied.
    pub dissatisfy: f64,
}

impl Odds {
    pub(super) fn of(expression: &Expression, script: ScriptType) -> Self {
        let worst = expression.witness(script);
        match expression {
            Expression::Key { .. } => Self {
                sets: 1.0,
                satisfy: worst.satisfy as f64,
                dissatisfy: worst.dissatisfy as f64,
            },
            Expression::Threshold(threshold, members) => {
                let is_flat = members
                    .iter()
                    .all(|member| matches!(member, Expression::Key { .. }));
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
    fn threshold(threshold: usize, members: &[Self]) -> Self {
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
        let (sets, cost) = ways.last().copied().unwrap_or_default();
        Self {
            sets,
            satisfy: cost / sets,
            dissatisfy: members.iter().map(|member| member.dissatisfy).sum(),
        }
    }
}
