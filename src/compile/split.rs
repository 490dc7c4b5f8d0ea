//! Into which pieces the leaves of a stage are split, so that spending costs the least in
//! expectation.
//!
//! A script leaf must be shown whole, with the keys of those who do not sign.  A piece for some of
//! the possible signers is shorter; but every doubling of the number of pieces puts them one
//! level deeper into the tree, at 32 bytes each.  The search has two steps:
//!
//! 1. For each leaf by itself, partitions of its smallest sets of signers.  A threshold is left
//!    whole, or split into the sets with its first member and those without, and so on; members
//!    that must sign are split by themselves.  With the depth of a piece of likelihood p taken to
//!    be log₂(1/p), what is best for a threshold follows from what is best for the thresholds
//!    over fewer of its members, so this is exact for a given price of a level.  Several prices
//!    give several partitions, from many pieces to one.  Small thresholds are also packed with
//!    smaller thresholds.
//! 2. For all leaves together, the partitions whose Huffman tree is cheapest, by going from leaf
//!    to leaf until nothing gets better.
//!
//! Both are bounded, and use sums, products and quotients only, so that every machine comes to
//! the same result.

use std::collections::VecDeque;
use std::rc::Rc;

use super::cost::tapleaf_weight;
use super::layout::Block;
use super::leaf::Leaf;
use super::odds::Odds;
use super::script::Condition;
use crate::policy::{Layout, Policy, ScriptType};

/// The most pieces of one leaf.
pub const MAX_PIECES: usize = 64;

/// The most script leaves of one stage whose leaves are split.
pub const MAX_SCRIPTS: usize = 128;

/// The most members of a threshold that is split.  With more, a piece saves little against its
/// depth, and the partitions to be looked at grow with the cube of the members.
const MAX_MEMBERS: usize = 24;

/// The most keys of a threshold that is packed with smaller ones.
const MAX_PACKED: usize = 8;

/// The most partitions of one leaf that are looked at beside the others of its stage.
const MAX_PARTITIONS: usize = 4;

/// The most rounds over all leaves; two or three are enough for what has been seen.
const MAX_ROUNDS: usize = 4;

/// Bytes that each level of the tree adds to a witness.
const LEVEL: f64 = 32.0;

/// What a level may cost in the first step.  The first is what it does cost; the higher ones give
/// fewer pieces, for trees that do not come out even.
const PRICES: [f64; 12] = [
    32.0, 34.0, 37.0, 40.0, 44.0, 48.0, 64.0, 80.0, 96.0, 128.0, 192.0, 320.0,
];

/// The blocks of all leaves but the key path, in the order of the leaves.
pub(super) fn blocks(leaves: &[Leaf], policy: &Policy) -> Vec<Block> {
    let script_leaves = leaves.iter().enumerate();
    let script_leaves = script_leaves.filter(|(_, leaf)| !leaf.is_key_path());
    match (policy.layout(), policy.script()) {
        (Layout::Cheapest, ScriptType::Tr) => {
            let choices: Vec<Vec<Vec<Block>>> = script_leaves
                .map(|(number, leaf)| choices(number, leaf))
                .collect();
            cheapest(choices)
        }
        (Layout::Device, _) | (Layout::Cheapest, ScriptType::Wsh) => script_leaves
            .map(|(number, leaf)| Block::whole(number, leaf, policy.script()))
            .collect(),
    }
}

/// The partitions of one leaf that are worth a look, the leaf in one piece first.
fn choices(number: usize, leaf: &Leaf) -> Vec<Vec<Block>> {
    let weight = f64::from(leaf.likelihood());
    let parts = match Condition::of(leaf) {
        Condition::Threshold(_, parts) => parts,
        seat @ Condition::Seat(_) => vec![seat],
    };
    let whole = Piece { parts, share: 1.0 };
    let blocks = |pieces: Vec<Piece>| -> Option<Vec<Block>> {
        let script = ScriptType::Tr;
        let pieces = pieces.into_iter();
        pieces
            .map(|piece| Block::piece(number, leaf, piece.parts, weight * piece.share, script))
            .collect()
    };
    let mut partitions = vec![vec![whole.clone()]];
    // A pre-signature commits to its script, so there is just one.
    if let [part] = whole.parts.as_slice()
        && !leaf.is_presigned()
    {
        partitions.extend(splits(part, false));
        partitions.extend(packings(part));
        if let Some(roster) = Roster::of(leaf, part) {
            let sets = Odds::of(part, ScriptType::Tr).sets;
            // With its members last, what is left of them when the others are split off is the
            // roster, which has a script already.
            partitions.extend(splits(&roster.last(part), true));
            partitions = partitions
                .into_iter()
                .flat_map(|pieces| {
                    let apart = roster.apart_from(&pieces, sets);
                    // Where the roster was left out, it has to have a piece of its own.
                    let is_whole = pieces.iter().any(|piece| piece.is_met_by(&roster.seats));
                    let among = is_whole.then(|| roster.among(&pieces));
                    among.into_iter().chain([apart])
                })
                .collect();
        }
    }
    // Only those that promise most are written out.
    let mut others = partitions.split_off(1);
    let price: Vec<f64> = others.iter().map(|pieces| estimate(pieces)).collect();
    let mut order: Vec<usize> = (0..others.len()).collect();
    order.sort_by(|left, right| {
        let price = |place: &usize| price.get(*place).copied().unwrap_or(f64::INFINITY);
        price(left).total_cmp(&price(right))
    });
    for place in order.into_iter().take(MAX_PARTITIONS) {
        if let Some(pieces) = others.get_mut(place) {
            partitions.push(std::mem::take(pieces));
        }
    }
    partitions.into_iter().filter_map(blocks).collect()
}

/// About what a partition weighs in a tree of its own.
fn estimate(pieces: &[Piece]) -> f64 {
    let own = pieces.iter().map(|piece| {
        let parts = piece.parts.iter();
        let parts = parts.map(|part| estimated_size(part) + Odds::of(part, ScriptType::Tr).satisfy);
        piece.share * parts.sum::<f64>()
    });
    own.sum::<f64>() + LEVEL * levels(pieces.iter().map(|piece| piece.share).collect())
}

/// One piece of a leaf: all of these, and how often it is they who sign.
#[derive(Clone, Debug)]
struct Piece {
    parts: Vec<Condition>,
    share: f64,
}

impl Piece {
    fn is_met_by(&self, seats: &[usize]) -> bool {
        let parts = self.parts.iter();
        parts
            .clone()
            .all(|part| part.is_met_by(&|seat| seats.contains(&seat)))
    }
}

/// Partitions by splitting thresholds member by member, for every price of a level; of a threshold
/// over keys with or without the set of those that come last.
fn splits(part: &Condition, without_last: bool) -> Vec<Vec<Piece>> {
    let mut partitions: Vec<Vec<Piece>> = Vec::new();
    for price in PRICES {
        let plan = Plan::cheapest(part, price, without_last);
        if plan.pieces > 1.5 && plan.pieces <= MAX_PIECES as f64 {
            let pieces = plan.into_pieces();
            if partitions.iter().all(|known| known.len() != pieces.len()) {
                partitions.push(pieces);
            }
        }
    }
    partitions
}

/// Partitions of a small threshold over keys into thresholds over fewer keys of which no two share
/// a set of signers, taken as they come, the larger first.
///
/// Splitting member by member does not find these: 2-of-6 is four times 2-of-3, and three pairs.
fn packings(part: &Condition) -> Vec<Vec<Piece>> {
    let Condition::Threshold(threshold, members) = part else {
        return Vec::new();
    };
    let (needed, all) = (*threshold, members.len());
    let is_flat = members
        .iter()
        .all(|member| matches!(member, Condition::Seat(_)));
    if !is_flat || all > MAX_PACKED || needed < 2 {
        return Vec::new();
    }
    let groups =
        |size: usize| (1_u32..1 << all).filter(move |group| group.count_ones() as usize == size);
    let sets: Vec<u32> = groups(needed).collect();
    let mut packings = Vec::new();
    for largest in needed + 1..all {
        let mut left = sets.clone();
        let mut pieces = Vec::new();
        for size in (needed..=largest).rev() {
            let own = groups(size).next().map_or(0, |group| {
                sets.iter().filter(|set| **set & group == **set).count()
            });
            for group in groups(size) {
                let inside = |set: &u32| set & group == *set;
                if left.iter().filter(|set| inside(set)).count() == own {
                    left.retain(|set| !inside(set));
                    let seats = members.iter().enumerate();
                    let seats = seats.filter(|(number, _)| group >> number & 1 == 1);
                    let seats: Vec<Condition> = seats.map(|(_, seat)| seat.clone()).collect();
                    pieces.push(Piece {
                        parts: if size == needed {
                            seats
                        } else {
                            vec![Condition::Threshold(needed, seats)]
                        },
                        share: own as f64 / sets.len() as f64,
                    });
                }
            }
        }
        if pieces.len() <= MAX_PIECES {
            packings.push(pieces);
        }
    }
    packings
}

/// The seats that usually sign.
struct Roster {
    seats: Vec<usize>,
    share: f64,
}

impl Roster {
    /// The roster of the quorum of a leaf, one seat for every member that is needed.
    fn of(leaf: &Leaf, part: &Condition) -> Option<Self> {
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
    fn last(&self, condition: &Condition) -> Condition {
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
    fn among(&self, pieces: &[Piece]) -> Vec<Piece> {
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
    fn apart_from(&self, pieces: &[Piece], sets: f64) -> Vec<Piece> {
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

/// A way to split a condition, with what it costs on average and how many pieces it makes.
#[derive(Clone, Debug)]
struct Plan {
    form: Form,
    cost: f64,
    pieces: f64,
}

#[derive(Clone, Debug)]
enum Form {
    /// In one piece.
    Whole(Condition),
    /// Every one of these, each split by itself.
    All(Vec<Rc<Plan>>),
    /// One of these, with their shares.
    Either(Vec<(f64, Rc<Plan>)>),
}

impl Plan {
    /// The cheapest way to split a condition, at a price for each level of the tree.
    ///
    /// Of a threshold over keys, the set of those that come last may be left out.
    fn cheapest(condition: &Condition, price: f64, without_last: bool) -> Rc<Self> {
        let (threshold, members) = match condition {
            Condition::Threshold(threshold, members) => (*threshold, members),
            Condition::Seat(_) => return Rc::new(Self::whole(1, std::slice::from_ref(condition))),
        };
        if members.len() > MAX_MEMBERS {
            return Rc::new(Self::whole(threshold, members));
        }
        let plans: Vec<Rc<Self>> = members
            .iter()
            .map(|member| Self::cheapest(member, price, false))
            .collect();
        let sets: Vec<f64> = members
            .iter()
            .map(|member| Odds::of(member, ScriptType::Tr).sets)
            .collect();
        let is_flat = members
            .iter()
            .all(|member| matches!(member, Condition::Seat(_)));
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
        for (place, (own_plan, own_sets)) in plans.iter().zip(&sets).enumerate().rev() {
            for needed in (1..=threshold).rev() {
                let with = from_here.get(needed - 1).cloned().flatten();
                let without = from_here.get(needed).cloned().flatten();
                let with = with.map(|(sets, rest)| (sets * own_sets, own_plan.and(&rest)));
                let rest = members.get(place..).unwrap_or_default();
                let is_last = place + needed == members.len() && needed == threshold;
                let with = with.filter(|_| !(without_last && is_flat && is_last));
                let best = match (with, without) {
                    (Some((with_sets, with)), Some((without_sets, without))) => {
                        let all = with_sets + without_sets;
                        let split = Self::either(with_sets / all, with, without, price);
                        let whole = Self::whole(needed, rest);
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
        best.map_or_else(
            || Rc::new(Self::whole(threshold, members)),
            |(_, plan)| plan,
        )
    }

    fn whole(threshold: usize, members: &[Condition]) -> Self {
        let odds: Vec<Odds> = members
            .iter()
            .map(|member| Odds::of(member, ScriptType::Tr))
            .collect();
        let satisfy = Odds::threshold(threshold, &odds).satisfy;
        let size: f64 = members.iter().map(estimated_size).sum();
        let is_flat = members
            .iter()
            .all(|member| matches!(member, Condition::Seat(_)));
        let around = match members {
            [_] => 0.0,
            _ if is_flat => 2.0,
            members => 3.0 * members.len() as f64 - 1.0,
        };
        Self {
            form: Form::Whole(Condition::Threshold(threshold, members.to_vec())),
            cost: size + around + satisfy,
            pieces: 1.0,
        }
    }

    /// This and everything of the rest.
    fn and(self: &Rc<Self>, rest: &Rc<Self>) -> Self {
        let mut all = vec![Rc::clone(self)];
        match &rest.form {
            Form::All(others) => all.extend(others.iter().cloned()),
            Form::Whole(_) | Form::Either(_) => all.push(Rc::clone(rest)),
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
    fn into_pieces(self: Rc<Self>) -> Vec<Piece> {
        match &self.form {
            Form::Whole(Condition::Threshold(1, members)) if members.len() == 1 => vec![Piece {
                parts: members.clone(),
                share: 1.0,
            }],
            Form::Whole(condition) => vec![Piece {
                parts: vec![condition.clone()],
                share: 1.0,
            }],
            Form::All(plans) => {
                let mut all = vec![Piece {
                    parts: Vec::new(),
                    share: 1.0,
                }];
                for plan in plans {
                    let own = Rc::clone(plan).into_pieces();
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
                    let mut own = Rc::clone(plan).into_pieces();
                    for piece in &mut own {
                        piece.share *= share;
                    }
                    own
                })
                .collect(),
        }
    }
}

impl Piece {
    fn and(&self, other: &Self) -> Self {
        Self {
            parts: self.parts.iter().chain(&other.parts).cloned().collect(),
            share: self.share * other.share,
        }
    }
}

/// Bytes of script that a member of a threshold takes, about.
fn estimated_size(condition: &Condition) -> f64 {
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

/// How often one must be halved to come to a share: log₂(1/share), to a millionth.
fn halvings(share: f64) -> f64 {
    if !(share > 0.0 && share <= 1.0) {
        return 0.0;
    }
    let (mut rest, mut whole) = (1.0 / share, 0.0);
    while rest >= 2.0 {
        rest /= 2.0;
        whole += 1.0;
    }
    let mut digit = 1.0;
    for _ in 0..20 {
        digit /= 2.0;
        rest *= rest;
        if rest >= 2.0 {
            rest /= 2.0;
            whole += digit;
        }
    }
    whole
}

/// One choice for each leaf, so that all together are cheapest, in one list.
fn cheapest(choices: Vec<Vec<Vec<Block>>>) -> Vec<Block> {
    let mut chosen = vec![0; choices.len()];
    let mut best = expected(&selected(&choices, &chosen));
    for _ in 0..MAX_ROUNDS {
        let before = best;
        for leaf in 0..choices.len() {
            let count = choices.get(leaf).map_or(0, Vec::len);
            for choice in 0..count {
                let mut other = chosen.clone();
                if let Some(own) = other.get_mut(leaf) {
                    *own = choice;
                }
                let blocks = selected(&choices, &other);
                let cost = expected(&blocks);
                if cost < best && blocks.len() <= MAX_SCRIPTS {
                    (best, chosen) = (cost, other);
                }
            }
        }
        if best >= before {
            break;
        }
    }
    selected(&choices, &chosen).into_iter().cloned().collect()
}

fn selected<'a>(choices: &'a [Vec<Vec<Block>>], chosen: &[usize]) -> Vec<&'a Block> {
    let pairs = choices.iter().zip(chosen);
    pairs
        .filter_map(|(choices, chosen)| choices.get(*chosen))
        .flatten()
        .collect()
}

/// What the blocks weigh in their tree, each as often as it is used.
fn expected(blocks: &[&Block]) -> f64 {
    let own = blocks
        .iter()
        .map(|block| block.weight * (block.expected + tapleaf_weight(block.size as u64, 0) as f64));
    own.sum::<f64>() + LEVEL * levels(blocks.iter().map(|block| block.weight).collect())
}

/// The sum of all weights, each times the depth of its leaf in the Huffman tree: which is the sum
/// of the weights of all inner nodes.
fn levels(mut leaves: Vec<f64>) -> f64 {
    leaves.sort_by(|left, right| right.total_cmp(left));
    // Inner nodes come about in ascending order, so the least is either the last leaf or the
    // first inner node that is left.
    let mut inner = VecDeque::new();
    let mut sum = 0.0;
    while leaves.len() + inner.len() > 1 {
        let mut least = || match (leaves.last(), inner.front()) {
            (Some(leaf), Some(node)) if leaf > node => inner.pop_front(),
            (None, _) => inner.pop_front(),
            (Some(_), _) => leaves.pop(),
        };
        let node: f64 = least().unwrap_or_default() + least().unwrap_or_default();
        sum += node;
        inner.push_back(node);
    }
    sum
}

#[cfg(test)]
mod tests;
