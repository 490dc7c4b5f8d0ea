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
//!    give several partitions, from many pieces to one.
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

/// The most seats of a leaf that is split.  With more, a piece saves little against its depth, and
/// the number of partitions to be looked at grows with the cube of the seats.
const MAX_SEATS: usize = 64;

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
        && leaf.keys().count() <= MAX_SEATS
    {
        for price in PRICES {
            let plan = Plan::cheapest(part, price);
            if plan.pieces > 1.5 && plan.pieces <= MAX_PIECES as f64 {
                let pieces = plan.into_pieces();
                if partitions.iter().all(|known| known.len() != pieces.len()) {
                    partitions.push(pieces);
                }
            }
        }
        if let Some(roster) = Roster::of(leaf, part) {
            let sets = Odds::of(part, ScriptType::Tr).sets;
            partitions = partitions
                .into_iter()
                .flat_map(|pieces| [roster.among(&pieces), roster.apart_from(&pieces, sets)])
                .collect();
        }
    }
    partitions.into_iter().filter_map(blocks).collect()
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
            let mut piece = piece.clone();
            if piece.is_met_by(&self.seats) {
                let others = piece.share * sets - 1.0;
                // What only the roster could sign is its own piece already.
                if others < 0.5 {
                    continue;
                }
                piece.share = others / sets;
            }
            piece.share *= 1.0 - self.share;
            all.push(piece);
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
    fn cheapest(condition: &Condition, price: f64) -> Rc<Self> {
        let (threshold, members) = match condition {
            Condition::Threshold(threshold, members) => (*threshold, members),
            Condition::Seat(_) => return Rc::new(Self::whole(1, std::slice::from_ref(condition))),
        };
        let plans: Vec<Rc<Self>> = members
            .iter()
            .map(|member| Self::cheapest(member, price))
            .collect();
        let sets: Vec<f64> = members
            .iter()
            .map(|member| Odds::of(member, ScriptType::Tr).sets)
            .collect();
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
