//! Pieces into which a leaf is split.

use crate::compile::script::Condition;

/// One piece of a leaf: all of these, and how often it is they who sign.
#[derive(Clone, Debug)]
pub struct Piece {
    pub parts: Vec<Condition>,
    pub share: f64,
}

impl Piece {
    /// How many seats its script asks about.
    pub fn seats(&self) -> usize {
        fn seats(part: &Condition) -> usize {
            match part {
                Condition::Seat(_) => 1,
                Condition::Threshold(_, members) => members.iter().map(seats).sum(),
            }
        }
        self.parts.iter().map(seats).sum()
    }

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

#[cfg(test)]
mod tests {
    use miniscript::{Miniscript, Tap};

    use super::Condition::{Seat, Threshold};
    use super::*;
    use crate::policy::ScriptType;

    /// Exact where a number takes one byte and every member but the first is a quorum, as the
    /// others are taken to be.
    #[test]
    fn sizes_are_those_of_scripts() {
        let keys = |threshold, members| Threshold(threshold, (0..members).map(Seat).collect());
        let nested = |threshold| Threshold(threshold, vec![Seat(0), keys(2, 3), keys(1, 2)]);
        let conditions = [
            Seat(0),
            keys(1, 2),
            keys(2, 3),
            keys(5, 9),
            nested(1),
            nested(2),
            nested(3),
            Threshold(2, vec![Seat(0), nested(2), keys(2, 2)]),
        ];
        for condition in conditions {
            let text = condition.miniscript(ScriptType::Tr, &|seat| format!("k{seat}"));
            let script = Miniscript::<String, Tap>::from_str_insane(&text).expect("it is one");
            assert_eq!(
                estimated_size(&condition),
                script.script_size() as f64,
                "{text}"
            );
        }
    }

    #[test]
    fn every_seat_counts() {
        let keys = |threshold, members| Threshold(threshold, (0..members).map(Seat).collect());
        let nested = Threshold(2, vec![Seat(0), keys(2, 3), keys(1, 2)]);
        for (parts, seats) in [
            (vec![], 0),
            (vec![Seat(4)], 1),
            (vec![nested.clone()], 6),
            (vec![nested, keys(2, 3), Seat(9)], 10),
        ] {
            assert_eq!(Piece { parts, share: 1.0 }.seats(), seats);
        }
    }
}
