//! Splitting thresholds member by member.

use std::rc::Rc;

use super::MAX_PIECES;
use super::piece::{Piece, estimated_size};
use super::tree::halvings;
use crate::compile::odds::Odds;
use crate::compile::script::Condition;
use crate::policy::ScriptType;

/// The most members of a threshold that is split.  With more, a piece saves little against its
/// depth, and the partitions to be looked at grow with the cube of the members.
const MAX_MEMBERS: usize = 24;

/// What a level may cost in the first step.  The first is what it does cost; the higher ones give
/// fewer pieces, for trees that do not come out even.
const PRICES: [f64; 12] = [
    32.0, 34.0, 37.0, 40.0, 44.0, 48.0, 64.0, 80.0, 96.0, 128.0, 192.0, 320.0,
];

/// Partitions by splitting thresholds member by member, for every price of a level; of a threshold
/// over keys with or without the set of those that come last.
pub fn splits(part: &Condition, without_last: bool) -> Vec<Vec<Piece>> {
    let part = Part::of(part);
    let mut plans: Vec<Rc<Plan<'_>>> = Vec::new();
    for price in PRICES {
        let plan = Plan::cheapest(&part, price, without_last);
        let is_split = plan.pieces > 1.5 && plan.pieces <= MAX_PIECES as f64;
        if is_split && plans.iter().all(|known| known.pieces != plan.pieces) {
            plans.push(plan);
        }
    }
    plans.iter().map(|plan| plan.to_pieces()).collect()
}

/// A part of a condition, with what does not depend on the price of a level.
struct Part<'a> {
    condition: &'a Condition,
    threshold: usize,
    /// None for a seat.
    members: Vec<Part<'a>>,
    /// How many smallest sets of signers it has.
    sets: f64,
    /// For each member and each number up to the threshold: what so many of the members from that
    /// one on cost in one piece.
    whole: Vec<Vec<f64>>,
}

impl<'a> Part<'a> {
    fn of(condition: &'a Condition) -> Self {
        Self::with_odds(condition).0
    }

    fn with_odds(condition: &'a Condition) -> (Self, Odds) {
        let odds = Odds::of(condition, ScriptType::Tr);
        let (threshold, members) = match condition {
            Condition::Seat(_) => (1, std::slice::from_ref(condition)),
            Condition::Threshold(threshold, members) => (*threshold, members.as_slice()),
        };
        let inner: Vec<(Self, Odds)> = match condition {
            Condition::Seat(_) => Vec::new(),
            Condition::Threshold(_, members) => members.iter().map(Self::with_odds).collect(),
        };
        let (inner, all_odds): (Vec<Self>, Vec<Odds>) = inner.into_iter().unzip();
        let all_odds = if inner.is_empty() {
            vec![odds]
        } else {
            all_odds
        };
        // Of what is not split, no part is looked at.
        let places = if members.len() > MAX_MEMBERS {
            1
        } else {
            members.len()
        };
        let whole = (0..places)
            .map(|place| {
                let rest = members.get(place..).unwrap_or_default();
                let odds = all_odds.get(place..).unwrap_or_default();
                costs_in_one_piece(threshold, rest, odds)
            })
            .collect();
        let part = Self {
            condition,
            threshold,
            members: inner,
            sets: odds.sets,
            whole,
        };
        (part, odds)
    }

    fn is_seat(&self) -> bool {
        matches!(self.condition, Condition::Seat(_))
    }

    /// So many of the members from this place on, in one piece.
    fn whole(&'a self, needed: usize, place: usize) -> Plan<'a> {
        let costs = self.whole.get(place);
        let cost = costs.and_then(|costs| costs.get(needed)).copied();
        Plan {
            form: Form::Whole {
                of: self,
                needed,
                place,
            },
            cost: cost.unwrap_or(f64::INFINITY),
            pieces: 1.0,
        }
    }
}

/// What it costs to show all of these in one piece, for each number of them that is to sign, up to
/// the threshold.
fn costs_in_one_piece(threshold: usize, members: &[Condition], odds: &[Odds]) -> Vec<f64> {
    let size: f64 = members.iter().map(estimated_size).sum();
    let is_flat = members
        .iter()
        .all(|member| matches!(member, Condition::Seat(_)));
    let around = match members {
        [_] => 0.0,
        _ if is_flat => 2.0,
        members => 3.0 * members.len() as f64 - 1.0,
    };
    let satisfy = Odds::up_to(threshold, odds);
    let costs = satisfy.iter().map(|odds| size + around + odds.satisfy);
    costs.collect()
}

/// A way to split a condition, with what it costs on average and how many pieces it makes.
struct Plan<'a> {
    form: Form<'a>,
    cost: f64,
    pieces: f64,
}

enum Form<'a> {
    /// So many of the members of this from that place on, in one piece.
    Whole {
        of: &'a Part<'a>,
        needed: usize,
        place: usize,
    },
    /// Every one of these, each split by itself.
    All(Vec<Rc<Plan<'a>>>),
    /// One of these, with their shares.
    Either(Vec<(f64, Rc<Plan<'a>>)>),
}

impl<'a> Plan<'a> {
    /// The cheapest way to split a condition, at a price for each level of the tree.
    ///
    /// Of a threshold over keys, the set of those that come last may be left out.
    fn cheapest(part: &'a Part<'a>, price: f64, without_last: bool) -> Rc<Self> {
        let (threshold, members) = (part.threshold, &part.members);
        if part.is_seat() || members.len() > MAX_MEMBERS {
            return Rc::new(part.whole(threshold, 0));
        }
        let plans: Vec<Rc<Self>> = members
            .iter()
            .map(|member| Self::cheapest(member, price, false))
            .collect();
        let is_flat = members.iter().all(Part::is_seat);
        // From the last member on: for each number of members, how many sets there are among the
        // members from here on, and the best way to split them.
        let nothing = Rc::new(Self {
            form: Form::All(Vec::new()),
            cost: 0.0,
            pieces: 1.0,
        });
        let mut from_here: Vec<Option<(f64, Rc<Self>)>> = vec![None; threshold + 1];
        if let Some(none) = from_here.first_mut() {
            *none = Some((1.0, nothing));
        }
        for (place, (own_plan, own)) in plans.iter().zip(members).enumerate().rev() {
            for needed in (1..=threshold).rev() {
                let with = from_here.get(needed - 1).cloned().flatten();
                let without = from_here.get(needed).cloned().flatten();
                let with = with.map(|(sets, rest)| (sets * own.sets, own_plan.and(&rest)));
                let is_last = place + needed == members.len() && needed == threshold;
                let with = with.filter(|_| !(without_last && is_flat && is_last));
                let best = match (with, without) {
                    (Some((with_sets, with)), Some((without_sets, without))) => {
                        let all = with_sets + without_sets;
                        let split = Self::either(with_sets / all, with, without, price);
                        let whole = part.whole(needed, place);
                        // Rather whole, also where sets are too many to be counted.
                        let best = if split.cost < whole.cost {
                            split
                        } else {
                            whole
                        };
                        Some((all, Rc::new(best)))
                    }
                    (Some((sets, with)), None) => Some((sets, Rc::new(with))),
                    (None, without) => without,
                };
                if let Some(entry) = from_here.get_mut(needed) {
                    *entry = best;
                }
            }
        }
        let best = from_here.pop().flatten();
        best.map_or_else(|| Rc::new(part.whole(threshold, 0)), |(_, plan)| plan)
    }

    /// This and everything of the rest.
    fn and(self: &Rc<Self>, rest: &Rc<Self>) -> Self {
        let mut all = vec![Rc::clone(self)];
        match &rest.form {
            Form::All(others) => all.extend(others.iter().cloned()),
            Form::Whole { .. } | Form::Either(_) => all.push(Rc::clone(rest)),
        }
        Self {
            form: Form::All(all),
            cost: self.cost + rest.cost,
            pieces: self.pieces * rest.pieces,
        }
    }

    /// One with this share, or another.
    fn either(share: f64, one: Self, other: Rc<Self>, price: f64) -> Self {
        let depth = share * halvings(share) + (1.0 - share) * halvings(1.0 - share);
        Self {
            cost: share * one.cost + (1.0 - share) * other.cost + price * depth,
            pieces: one.pieces + other.pieces,
            form: Form::Either(vec![(share, Rc::new(one)), (1.0 - share, other)]),
        }
    }

    /// All pieces it makes.
    fn to_pieces(&self) -> Vec<Piece> {
        match &self.form {
            Form::Whole { of, needed, place } => {
                let parts = match of.condition {
                    Condition::Threshold(_, members) => {
                        match members.get(*place..).unwrap_or_default() {
                            [only] => vec![only.clone()],
                            rest => vec![Condition::Threshold(*needed, rest.to_vec())],
                        }
                    }
                    seat @ Condition::Seat(_) => vec![seat.clone()],
                };
                vec![Piece { parts, share: 1.0 }]
            }
            Form::All(plans) => {
                let mut all = vec![Piece {
                    parts: Vec::new(),
                    share: 1.0,
                }];
                for plan in plans {
                    let own = plan.to_pieces();
                    all = all
                        .iter()
                        .flat_map(|before| own.iter().map(|piece| before.and(piece)))
                        .collect();
                }
                all
            }
            Form::Either(plans) => plans
                .iter()
                .flat_map(|(share, plan)| {
                    let mut own = plan.to_pieces();
                    for piece in &mut own {
                        piece.share *= share;
                    }
                    own
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Condition::{Seat, Threshold};
    use super::*;
    use crate::compile::split::estimated_size;

    /// In one piece a threshold costs its script and, on average, its witness; the last member of
    /// one costs what it costs alone.
    #[test]
    fn one_piece_costs_script_and_witness() {
        let keys = |threshold, members| Threshold(threshold, (0..members).map(Seat).collect());
        for condition in [
            keys(1, 2),
            keys(2, 5),
            keys(3, 3),
            Threshold(2, vec![Seat(0), keys(2, 3), keys(1, 2)]),
            Threshold(1, vec![keys(2, 3), keys(3, 5)]),
        ] {
            let Threshold(threshold, members) = &condition else {
                continue;
            };
            let odds = |part: &Condition| Odds::of(part, ScriptType::Tr);
            let inner: Vec<Odds> = members.iter().map(odds).collect();
            let costs = costs_in_one_piece(*threshold, members, &inner);
            assert_eq!(costs.len(), threshold + 1);
            let whole = estimated_size(&condition) + odds(&condition).satisfy;
            assert!((costs[*threshold] - whole).abs() < 1e-9, "{condition:?}");
            let [last] = costs_in_one_piece(1, &members[..1], &inner[..1])[1..] else {
                panic!("one for nobody, and one for the member");
            };
            let alone = estimated_size(&members[0]) + inner[0].satisfy;
            assert!((last - alone).abs() < 1e-9, "{condition:?}");
        }
    }
}
