//! A roster beside the others who may sign.

use super::piece::Piece;
use crate::compile::leaf::Leaf;
use crate::compile::odds::Odds;
use crate::compile::script::Condition;
use crate::policy::ScriptType;

/// The seats that usually sign.
pub struct Roster {
    pub seats: Vec<usize>,
    pub share: f64,
}

impl Roster {
    /// The roster of the quorum of a leaf, one seat for every member that is needed.
    pub fn of(leaf: &Leaf, part: &Condition) -> Option<Self> {
        let [group] = leaf.groups() else { return None };
        let roster = group.quorum().roster()?;
        let usual: Vec<bool> = group
            .seats()
            .map(|(party, _)| roster.members().contains(party))
            .collect();
        let seats = just_enough(part, &|seat| usual.get(seat).copied().unwrap_or_default())?;
        Some(Self {
            seats,
            share: f64::from(roster.share()) / 100.0,
        })
    }

    /// The condition with the members of the roster behind the others, in every threshold.
    pub fn last(&self, condition: &Condition) -> Condition {
        let Condition::Threshold(threshold, members) = condition else {
            return condition.clone();
        };
        let mut members: Vec<Condition> = members.iter().map(|member| self.last(member)).collect();
        members.sort_by_key(|member| {
            just_enough(member, &|seat| self.seats.contains(&seat)).is_some()
        });
        Condition::Threshold(*threshold, members)
    }

    /// The pieces as they are, with the roster signing one of them.
    pub fn among(&self, pieces: &[Piece]) -> Vec<Piece> {
        let mut pieces = pieces.to_vec();
        for piece in &mut pieces {
            piece.share *= 1.0 - self.share;
        }
        if let Some(own) = pieces.iter_mut().find(|piece| piece.is_met_by(&self.seats)) {
            own.share += self.share;
        }
        pieces
    }

    /// The pieces, of which there are so many sets in all, beside one for the roster alone.
    pub fn apart_from(&self, pieces: &[Piece], sets: f64) -> Vec<Piece> {
        let mut all = vec![Piece {
            parts: self
                .seats
                .iter()
                .map(|seat| Condition::Seat(*seat))
                .collect(),
            share: self.share + (1.0 - self.share) / sets,
        }];
        for piece in pieces {
            let mut others: f64 = piece
                .parts
                .iter()
                .map(|part| Odds::of(part, ScriptType::Tr).sets)
                .product();
            if piece.is_met_by(&self.seats) {
                others -= 1.0;
            }
            // What only the roster could sign is its own piece already.
            if others > 0.5 {
                all.push(Piece {
                    parts: piece.parts.clone(),
                    share: (1.0 - self.share) * others / sets,
                });
            }
        }
        all
    }
}

/// As few as meet a condition, of those who are there; none if they do not.
fn just_enough(condition: &Condition, is_there: &dyn Fn(usize) -> bool) -> Option<Vec<usize>> {
    match condition {
        Condition::Seat(seat) => is_there(*seat).then(|| vec![*seat]),
        Condition::Threshold(threshold, members) => {
            let members = members.iter();
            let met = members.filter_map(|member| just_enough(member, is_there));
            let met: Vec<Vec<usize>> = met.take(*threshold).collect();
            (met.len() == *threshold).then(|| met.concat())
        }
    }
}
