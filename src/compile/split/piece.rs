//! Pieces into which a leaf is split.

use crate::compile::script::Condition;

/// One piece of a leaf: all of these, and how often it is they who sign.
#[derive(Clone, Debug)]
pub struct Piece {
    pub parts: Vec<Condition>,
    pub share: f64,
}

impl Piece {
    pub fn is_met_by(&self, seats: &[usize]) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| part.is_met_by(&|seat| seats.contains(&seat)))
    }

    /// Both: whoever signs this signs one of the other as well.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            parts: self.parts.iter().chain(&other.parts).cloned().collect(),
            share: self.share * other.share,
        }
    }
}

/// Bytes of script that a member of a threshold takes, about.
pub fn estimated_size(condition: &Condition) -> f64 {
    match condition {
        Condition::Seat(_) => 34.0,
        Condition::Threshold(_, members) => {
            let is_flat = members
                .iter()
                .all(|member| matches!(member, Condition::Seat(_)));
            let around = if is_flat {
                2.0
            } else {
                3.0 * members.len() as f64 - 1.0
            };
            members.iter().map(estimated_size).sum::<f64>() + around
        }
    }
}
