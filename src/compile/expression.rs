//! Thresholds of keys.

use miniscript::descriptor::DescriptorPublicKey;

use super::script::Condition;

/// A key, or a threshold over expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// One key and the name of its party.
    Key {
        /// The name of the party.
        party: String,
        /// The key with its branch pair.
        key: DescriptorPublicKey,
    },
    /// So many of these, of which there are at least two.
    Threshold(usize, Vec<Expression>),
}

impl Expression {
    /// A threshold; a threshold over one expression is that expression.
    pub(super) fn threshold(threshold: usize, mut members: Vec<Self>) -> Self {
        if members.len() == 1 {
            members.remove(0)
        } else {
            Self::Threshold(threshold, members)
        }
    }

    pub(super) fn keys(&self) -> Vec<&DescriptorPublicKey> {
        self.seats().into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn keys_mut(&mut self) -> Vec<&mut DescriptorPublicKey> {
        match self {
            Self::Key { key, .. } => vec![key],
            Self::Threshold(_, members) => members.iter_mut().flat_map(Self::keys_mut).collect(),
        }
    }

    pub(super) fn seats(&self) -> Vec<(&str, &DescriptorPublicKey)> {
        match self {
            Self::Key { party, key } => vec![(party.as_str(), key)],
            Self::Threshold(_, members) => members.iter().flat_map(Self::seats).collect(),
        }
    }

    /// Whether enough seats sign, `next` being the number of the first seat below this node.
    pub(super) fn is_met_by(&self, next: &mut usize, signs: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Key { .. } => {
                let seat = *next;
                *next += 1;
                signs(seat)
            }
            Self::Threshold(threshold, members) => {
                let met = members
                    .iter()
                    .filter(|member| member.is_met_by(next, signs))
                    .count();
                met >= *threshold
            }
        }
    }

    /// Who must sign, as thresholds over seats; the seat of each key is told by the caller, who
    /// is asked in order.
    pub(super) fn condition(
        &self,
        seat: &mut dyn FnMut(&DescriptorPublicKey) -> usize,
    ) -> Condition {
        match self {
            Self::Key { key, .. } => Condition::Seat(seat(key)),
            Self::Threshold(threshold, members) => Condition::Threshold(
                *threshold,
                members
                    .iter()
                    .map(|member| member.condition(seat))
                    .collect(),
            ),
        }
    }
}
