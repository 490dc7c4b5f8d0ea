//! How a condition is written in miniscript so that spending it costs the least in expectation.
//!
//! A condition can be written in several ways that mean the same: with a larger script and a
//! smaller witness, or the other way round.  Which is better depends on what stands around it, so
//! for each part the ways that no other beats in every respect are kept, and the choice is made
//! where the whole is known.

use std::fmt::{self, Write};
use std::rc::Rc;

use super::layout::key_name;
use super::odds::Odds;
use super::script::Condition;
use crate::policy::ScriptType;

/// The most ways of writing one part that are kept.  Parts of policies have two or three.
const MAX_WAYS: usize = 8;

/// Bytes of the items that choose a branch of an `or_i`, with their lengths: `1` for the first,
/// nothing for the second.
const FIRST: f64 = 2.0;
const SECOND: f64 = 1.0;

/// A miniscript whose keys are numbers of seats.
#[derive(Debug)]
enum Text {
    Word(String),
    /// A wrapper such as `a:` in front of what it wraps.
    Wrapped(&'static str, Rc<Text>),
    /// A fragment with its arguments.
    Fragment(&'static str, Vec<Rc<Text>>),
}

/// One way of writing a condition.
#[derive(Clone, Debug)]
pub(super) struct Way {
    text: Rc<Text>,
    /// Bytes of script.
    pub size: f64,
    /// Bytes of witness that satisfy it: on average over the smallest sets of signers.
    pub satisfy: f64,
    /// The same for the dearest of them.
    pub most: f64,
    /// Bytes of witness that show it is not satisfied, where that can be shown.
    dissatisfy: Option<f64>,
    /// Bytes that a `v:` in front adds.
    verify: f64,
    /// Whether it takes just one item, so that the cheap wrapper `s:` does.
    one_item: bool,
    /// The leaves among which it chooses, where it is the script of more than one.
    pub leaves: Vec<LeafCost>,
}

/// What one leaf of several costs in the witness of the script they share.
#[derive(Clone, Debug)]
pub(super) struct LeafCost {
    /// The number of the leaf.
    pub leaf: usize,
    /// On average.
    pub satisfy: f64,
    /// At most.
    pub most: f64,
}

impl Way {
    fn cost(&self) -> f64 {
        self.size + self.satisfy
    }

    /// As an argument below others: the text, and the bytes that its wrapper adds.
    fn below(&self) -> (Rc<Text>, f64) {
        if self.one_item {
            (Rc::new(Text::Wrapped("s:", Rc::clone(&self.text))), 1.0)
        } else {
            (Rc::new(Text::Wrapped("a:", Rc::clone(&self.text))), 2.0)
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn write(text: &Text, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match text {
                Text::Word(word) => f.write_str(word),
                Text::Wrapped(wrapper, inner) => {
                    f.write_str(wrapper)?;
                    write(inner, f)
                }
                Text::Fragment(name, arguments) => {
                    f.write_str(name)?;
                    for (place, argument) in arguments.iter().enumerate() {
                        f.write_char(if place == 0 { '(' } else { ',' })?;
                        write(argument, f)?;
                    }
                    f.write_char(')')
                }
            }
        }
        write(&self.text, f)
    }
}

/// The ways of writing one condition.
#[derive(Clone, Debug, Default)]
struct Ways {
    /// Of type B: they leave a one or a zero.
    base: Vec<Way>,
    /// Of type V: they leave nothing, or fail.
    verify: Vec<Way>,
}

impl Ways {
    /// Keeps what no other way beats in every respect, and adds `v:` in front of all of type B.
    fn kept(mut self) -> Self {
        for way in &self.base {
            self.verify.push(Way {
                text: Rc::new(Text::Wrapped("v:", Rc::clone(&way.text))),
                size: way.size + way.verify,
                dissatisfy: None,
                ..way.clone()
            });
        }
        Self {
            base: undominated(self.base),
            verify: undominated(self.verify),
        }
    }

    /// Those that can be shown not to be satisfied.
    fn dissatisfiable(&self) -> impl Iterator<Item = (&Way, f64)> {
        let ways = self.base.iter();
        ways.filter_map(|way| way.dissatisfy.map(|dissatisfy| (way, dissatisfy)))
    }
}

fn undominated(mut ways: Vec<Way>) -> Vec<Way> {
    // What cannot be dissatisfied is as if that cost without end.
    let dissatisfy = |way: &Way| way.dissatisfy.unwrap_or(f64::INFINITY);
    ways.sort_by(|left, right| {
        let costs = left.cost().total_cmp(&right.cost());
        costs.then(dissatisfy(left).total_cmp(&dissatisfy(right)))
    });
    let mut kept: Vec<Way> = Vec::new();
    for way in ways {
        let beats = |other: &Way| {
            other.size <= way.size
                && other.satisfy <= way.satisfy
                && dissatisfy(other) <= dissatisfy(&way)
                && other.verify <= way.verify
        };
        let room = kept.len() < MAX_WAYS;
        let needed =
            way.dissatisfy.is_some() && kept.iter().all(|other| other.dissatisfy.is_none());
        if (room || needed) && !kept.iter().any(beats) {
            kept.push(way);
        }
    }
    kept
}

/// By how much the witness counts less than the script in what is hardly ever satisfied.
const SELDOM: f64 = 1.0 / 32.0;

/// The best of some ways, for what is satisfied always or hardly ever.
fn best(ways: &[Way], is_seldom: bool) -> Option<&Way> {
    let price = |way: &Way| way.size + way.satisfy * if is_seldom { SELDOM } else { 1.0 };
    let ways = ways.iter();
    ways.min_by(|left, right| price(left).total_cmp(&price(right)))
}

/// Writes scripts of one type.
#[derive(Clone, Copy)]
pub(super) struct Encoder {
    script: ScriptType,
    /// Whether keys may stand in P2WSH as their hashes, which takes fewer bytes and more
    /// operations.
    hashes: bool,
    /// The number of the leaf, which is part of the names of its keys.
    leaf: usize,
}

/// A lock in a script: its miniscript, and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub text: String,
    pub size: u64,
}

impl Lock {
    /// `older` or `after` a number.
    pub(super) fn new(fragment: &str, number: u32) -> Self {
        Self {
            text: format!("{fragment}({number})"),
            size: push_size(u64::from(number)) + 1,
        }
    }
}

/// Bytes that a number takes in a script.
pub(super) const fn push_size(number: u64) -> u64 {
    match number {
        0..=16 => 1,
        17..=0x7f => 2,
        0x80..=0x7fff => 3,
        0x8000..=0x7f_ffff => 4,
        0x80_0000..=0x7fff_ffff => 5,
        _ => 6,
    }
}

impl Encoder {
    pub(super) const fn new(script: ScriptType, leaf: usize) -> Self {
        Self {
            script,
            hashes: false,
            leaf,
        }
    }

    /// All of these parts and all of these locks, in the way that is cheapest if they are
    /// satisfied always or hardly ever.
    pub(super) fn all(self, parts: &[Condition], locks: &[Lock], is_seldom: bool) -> Option<Way> {
        let parts: Vec<Ways> = parts.iter().map(|part| self.ways(part)).collect();
        let mut locks: Vec<Way> = locks.iter().map(lock).collect();
        let mut texts = Vec::new();
        // What comes last leaves its result: a lock, or else a part.
        let (before, mut whole) = match (locks.pop(), parts.split_last()) {
            (Some(last), _) => (parts.as_slice(), last),
            (None, Some((last, before))) => (before, best(&last.base, is_seldom)?.clone()),
            (None, None) => return None,
        };
        for part in before {
            let way = best(&part.verify, is_seldom)?;
            whole.size += way.size;
            whole.satisfy += way.satisfy;
            whole.most += way.most;
            texts.push(Rc::clone(&way.text));
        }
        for lock in locks {
            whole.size += lock.size + lock.verify;
            texts.push(Rc::new(Text::Wrapped("v:", Rc::clone(&lock.text))));
        }
        for text in texts.into_iter().rev() {
            whole.text = Rc::new(Text::Fragment("and_v", vec![text, Rc::clone(&whole.text)]));
        }
        whole.dissatisfy = None;
        Some(whole)
    }

    /// The same both ways.
    fn both(self, parts: &[Condition], locks: &[Lock]) -> Ways {
        let ways = [false, true].map(|is_seldom| self.all(parts, locks, is_seldom));
        Ways {
            base: undominated(ways.into_iter().flatten().collect()),
            verify: Vec::new(),
        }
    }

    /// All of these, of which at least one is a lock or a part.
    fn rest(self, parts: &[Condition], locks: &[Lock]) -> Option<Ways> {
        let mut ways = match (parts, locks) {
            ([], []) => return None,
            ([], [only]) => Ways {
                base: vec![lock(only)],
                verify: Vec::new(),
            },
            ([only], []) => self.ways(only),
            _ => self.both(parts, locks),
        };
        ways.verify.clear();
        Some(ways)
    }

    fn key(self, seat: usize) -> String {
        key_name(self.leaf, seat)
    }

    const fn signature(self) -> f64 {
        match self.script {
            ScriptType::Tr => 65.0,
            ScriptType::Wsh => 73.0,
        }
    }

    fn ways(self, condition: &Condition) -> Ways {
        match condition {
            Condition::Seat(seat) => self.one_key(*seat),
            Condition::Threshold(threshold, members) => {
                if let [only] = members.as_slice() {
                    return self.ways(only);
                }
                let keys: Option<Vec<usize>> = members
                    .iter()
                    .map(|member| match member {
                        Condition::Seat(seat) => Some(*seat),
                        Condition::Threshold(..) => None,
                    })
                    .collect();
                let mut ways = Ways::default();
                if let Some(keys) = &keys {
                    ways.base.push(self.multi(*threshold, keys));
                }
                if *threshold == members.len() {
                    self.add_all_of(&mut ways, members, keys.is_some());
                } else if keys.is_some() {
                    if self.hashes {
                        self.add_threshold(&mut ways, *threshold, members);
                    }
                } else {
                    if *threshold == 1 {
                        self.add_any_of(&mut ways, members);
                    } else {
                        self.add_threshold(&mut ways, *threshold, members);
                    }
                }
                ways.kept()
            }
        }
    }

    fn one_key(self, seat: usize) -> Ways {
        let plain = Way {
            text: Rc::new(Text::Word(format!("pk({})", self.key(seat)))),
            size: match self.script {
                ScriptType::Tr => 34.0,
                ScriptType::Wsh => 35.0,
            },
            satisfy: self.signature(),
            most: self.signature(),
            dissatisfy: Some(1.0),
            verify: 0.0,
            one_item: true,
            leaves: Vec::new(),
        };
        let mut base = vec![plain];
        if self.script == ScriptType::Wsh && self.hashes {
            // The hash of a key is shorter than the key, which then stands in the witness instead.
            base.push(Way {
                text: Rc::new(Text::Word(format!("pkh({})", self.key(seat)))),
                size: 25.0,
                satisfy: self.signature() + 34.0,
                most: self.signature() + 34.0,
                dissatisfy: Some(1.0 + 34.0),
                verify: 0.0,
                one_item: false,
                leaves: Vec::new(),
            });
        }
        Ways {
            base,
            verify: Vec::new(),
        }
        .kept()
    }

    fn multi(self, threshold: usize, keys: &[usize]) -> Way {
        let names: Vec<String> = keys.iter().map(|seat| self.key(*seat)).collect();
        let (needed, all) = (threshold as f64, keys.len() as f64);
        let number = push_size(threshold as u64) as f64;
        let (name, size, satisfy, dissatisfy) = match self.script {
            // One item for every key, an empty one where the key does not sign.
            ScriptType::Tr => {
                let satisfy = needed * self.signature() + (all - needed);
                ("multi_a", 34.0 * all + number + 1.0, satisfy, all)
            }
            // The signatures, and the extra item that CHECKMULTISIG takes.
            ScriptType::Wsh => {
                let size = 34.0 * all + number + push_size(keys.len() as u64) as f64 + 1.0;
                ("multi", size, 1.0 + needed * self.signature(), 1.0 + needed)
            }
        };
        Way {
            text: Rc::new(Text::Word(format!(
                "{name}({threshold},{})",
                names.join(",")
            ))),
            size,
            satisfy,
            most: satisfy,
            dissatisfy: Some(dissatisfy),
            verify: 0.0,
            one_item: false,
            leaves: Vec::new(),
        }
    }

    /// Every member.
    fn add_all_of(self, ways: &mut Ways, members: &[Condition], is_flat: bool) {
        let members: Vec<Ways> = members.iter().map(|member| self.ways(member)).collect();
        // One after the other, of which the last may leave its result.
        for (last_verifies, is_seldom) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let mut rest: Option<Way> = None;
            for member in members.iter().rev() {
                let of = if rest.is_none() && !last_verifies {
                    &member.base
                } else {
                    &member.verify
                };
                let Some(way) = best(of, is_seldom).cloned() else {
                    return;
                };
                rest = Some(match rest {
                    None => way,
                    Some(rest) => Way {
                        text: fragment("and_v", &[&way.text, &rest.text]),
                        size: way.size + rest.size,
                        satisfy: way.satisfy + rest.satisfy,
                        most: way.most + rest.most,
                        dissatisfy: None,
                        verify: rest.verify,
                        one_item: false,
                        leaves: Vec::new(),
                    },
                });
            }
            if let Some(mut way) = rest {
                way.dissatisfy = None;
                way.one_item = false;
                if last_verifies {
                    ways.verify.push(way);
                } else {
                    ways.base.push(way);
                }
            }
        }
        if !is_flat {
            self.add_and(ways, &members);
        }
    }

    /// Every member, so that it can be shown that some do not sign.
    fn add_and(self, ways: &mut Ways, members: &[Ways]) {
        let mut members = members.iter().rev();
        let Some(last) = members.next() else { return };
        let mut rest: Vec<Way> = last.dissatisfiable().map(|(way, _)| way.clone()).collect();
        for member in members {
            let mut both = Vec::new();
            for (left, left_dissatisfy) in member.dissatisfiable() {
                for right in &rest {
                    let Some(right_dissatisfy) = right.dissatisfy else {
                        continue;
                    };
                    let (below, wrapper) = right.below();
                    let way = Way {
                        text: fragment("and_b", &[&left.text, &below]),
                        size: left.size + right.size + wrapper + 1.0,
                        satisfy: left.satisfy + right.satisfy,
                        most: left.most + right.most,
                        dissatisfy: Some(left_dissatisfy + right_dissatisfy),
                        verify: 1.0,
                        one_item: false,
                        leaves: Vec::new(),
                    };
                    both.push(Way {
                        text: fragment("and_n", &[&left.text, &right.text]),
                        size: left.size + right.size + 4.0,
                        dissatisfy: Some(left_dissatisfy),
                        ..way.clone()
                    });
                    both.push(way);
                }
            }
            rest = undominated(both);
        }
        ways.base.extend(rest);
    }

    /// Any one member.
    fn add_any_of(self, ways: &mut Ways, members: &[Condition]) {
        // Keys are one member together.
        let (keys, others): (Vec<&Condition>, Vec<&Condition>) = members
            .iter()
            .partition(|member| matches!(member, Condition::Seat(_)));
        let keys: Vec<Condition> = keys.into_iter().cloned().collect();
        let mut members: Vec<Condition> = others.into_iter().cloned().collect();
        if !keys.is_empty() {
            members.insert(0, Condition::Threshold(1, keys));
        }
        let mut rest: Option<(Ways, f64)> = None;
        for member in members.iter().rev() {
            let sets = Odds::of(member, self.script).sets;
            let own = self.ways(member);
            rest = Some(match rest {
                None => (own, sets),
                Some((rest, others)) => {
                    let share = sets / (sets + others);
                    let share = if share.is_finite() { share } else { 0.5 };
                    let and = match member {
                        Condition::Threshold(threshold, parts)
                            if *threshold == parts.len() && parts.len() > 1 =>
                        {
                            self.condition_and_rest(parts)
                        }
                        _ => None,
                    };
                    (either(&own, and.as_ref(), &rest, share), sets + others)
                }
            });
        }
        if let Some((rest, _)) = rest {
            ways.base.extend(rest.base);
            ways.verify.extend(rest.verify);
        }
    }

    /// The first of several parts, and the others together.
    fn condition_and_rest(self, parts: &[Condition]) -> Option<(Ways, Ways)> {
        let (first, others) = parts.split_first()?;
        let others = Condition::Threshold(others.len(), others.to_vec());
        Some((self.ways(first), self.ways(&others)))
    }

    /// More than one and fewer than all of members that are not all keys.
    fn add_threshold(self, ways: &mut Ways, threshold: usize, members: &[Condition]) {
        let odds: Vec<Odds> = members
            .iter()
            .map(|member| Odds::of(member, self.script))
            .collect();
        let shares = Odds::shares(threshold, &odds);
        let members: Vec<Ways> = members.iter().map(|member| self.ways(member)).collect();
        // Chosen for being satisfied as a whole, for not being, and for neither as a rule.
        for (satisfied, dissatisfied) in [(1.0, 0.0), (0.0, 1.0), (SELDOM, SELDOM)] {
            let mut chosen = Vec::new();
            for (member, share) in members.iter().zip(&shares) {
                let price = |(way, dissatisfy): &(&Way, f64)| {
                    let turn = share * way.satisfy + (1.0 - share) * dissatisfy;
                    way.size + satisfied * turn + dissatisfied * dissatisfy
                };
                let best = member
                    .dissatisfiable()
                    .min_by(|l, r| price(l).total_cmp(&price(r)));
                let Some((way, dissatisfy)) = best else {
                    return;
                };
                chosen.push((way, dissatisfy, *share));
            }
            let dissatisfy: f64 = chosen.iter().map(|(_, dissatisfy, _)| dissatisfy).sum();
            let satisfy = chosen
                .iter()
                .map(|(way, dissatisfy, share)| share * way.satisfy + (1.0 - share) * dissatisfy);
            let mut extra: Vec<f64> = chosen
                .iter()
                .map(|(way, dissatisfy, _)| way.most - dissatisfy)
                .collect();
            extra.sort_by(|left, right| right.total_cmp(left));
            let mut size = push_size(threshold as u64) as f64 + 1.0;
            let mut arguments = vec![Rc::new(Text::Word(threshold.to_string()))];
            for (place, (way, ..)) in chosen.iter().enumerate() {
                size += way.size;
                if place == 0 {
                    arguments.push(Rc::clone(&way.text));
                } else {
                    let (text, wrapper) = way.below();
                    size += wrapper + 1.0;
                    arguments.push(text);
                }
            }
            ways.base.push(Way {
                text: Rc::new(Text::Fragment("thresh", arguments)),
                size,
                satisfy: satisfy.sum(),
                most: dissatisfy + extra.iter().take(threshold).sum::<f64>(),
                dissatisfy: Some(dissatisfy),
                verify: 0.0,
                one_item: false,
                leaves: Vec::new(),
            });
        }
    }
}

/// A leaf for a script that several leaves share: how it is written as a whole, and as its first
/// part and the rest.
#[derive(Clone)]
pub(super) struct Choice {
    ways: Ways,
    and: Option<(Ways, Ways)>,
    weight: f64,
}

impl Choice {
    /// A leaf: all of these parts and all of these locks.
    pub(super) fn leaf(
        leaf: usize,
        parts: &[Condition],
        locks: &[Lock],
        weight: f64,
        hashes: bool,
    ) -> Self {
        let encoder = Encoder {
            hashes,
            ..Encoder::new(ScriptType::Wsh, leaf)
        };
        let mut ways = match (parts, locks) {
            ([only], []) => encoder.ways(only),
            _ => encoder.both(parts, locks),
        };
        for way in &mut ways.base {
            way.leaves = vec![LeafCost {
                leaf,
                satisfy: way.satisfy,
                most: way.most,
            }];
        }
        let and = parts.split_first().and_then(|(first, others)| {
            let rest = encoder.rest(others, locks)?;
            Some((encoder.ways(first), rest))
        });
        Self { ways, and, weight }
    }

    /// One of two.
    fn or(&self, other: &Self) -> Self {
        let weight = self.weight + other.weight;
        let share = self.weight / weight;
        let mut ways = either(&self.ways, self.and.as_ref(), &other.ways, share);
        let turned = either(&other.ways, other.and.as_ref(), &self.ways, 1.0 - share);
        ways.base.extend(turned.base);
        Self {
            ways: Ways {
                base: undominated(ways.base),
                verify: Vec::new(),
            },
            and: None,
            weight,
        }
    }

    /// The cheapest way of writing any of these: as a chain with the likeliest first, or as a
    /// tree in which the least likely are joined first.
    pub(super) fn any(mut choices: Vec<Self>) -> Option<Way> {
        choices.sort_by(|left, right| right.weight.total_cmp(&left.weight));
        let chain = choices.iter().rev().cloned();
        let chain = chain.reduce(|rest, choice| choice.or(&rest));
        while choices.len() > 1 {
            if let (Some(last), Some(before)) = (choices.pop(), choices.pop()) {
                let joined = before.or(&last);
                let place = choices.partition_point(|other| other.weight >= joined.weight);
                choices.insert(place, joined);
            }
        }
        let ways = choices.pop().into_iter().chain(chain);
        let ways = ways.flat_map(|choice| choice.ways.base);
        ways.min_by(|left, right| left.cost().total_cmp(&right.cost()))
    }
}

fn lock(lock: &Lock) -> Way {
    Way {
        text: Rc::new(Text::Word(lock.text.clone())),
        size: lock.size as f64,
        satisfy: 0.0,
        most: 0.0,
        dissatisfy: None,
        verify: 1.0,
        one_item: false,
        leaves: Vec::new(),
    }
}

fn fragment(name: &'static str, arguments: &[&Rc<Text>]) -> Rc<Text> {
    let arguments = arguments.iter().map(|text| Rc::clone(text)).collect();
    Rc::new(Text::Fragment(name, arguments))
}

/// What one of two costs when it is its turn.
struct Turn {
    satisfy: f64,
    most: f64,
    leaves: Vec<LeafCost>,
}

/// Both parts of a conjunction, which may be a leaf.
fn both(one: &Way, other: &Way, whole: &Ways) -> Turn {
    let (satisfy, most) = (one.satisfy + other.satisfy, one.most + other.most);
    let leaf = whole.base.iter().flat_map(|way| &way.leaves).next();
    let leaf = leaf.map(|own| LeafCost {
        leaf: own.leaf,
        satisfy,
        most,
    });
    Turn {
        satisfy,
        most,
        leaves: leaf.into_iter().collect(),
    }
}

/// One of two conditions: the left with this share.  Where the left is a conjunction, it may also
/// be given as its first part and the rest of it.
fn either(left: &Ways, and: Option<&(Ways, Ways)>, right: &Ways, share: f64) -> Ways {
    let mut ways = Ways::default();
    let way = |name, arguments: &[&Rc<Text>], size, l: Turn, r: Turn, dissatisfy| Way {
        text: fragment(name, arguments),
        size,
        satisfy: share * l.satisfy + (1.0 - share) * r.satisfy,
        most: if l.most > r.most { l.most } else { r.most },
        dissatisfy,
        verify: 1.0,
        one_item: false,
        leaves: l.leaves.into_iter().chain(r.leaves).collect(),
    };
    let plus = |way: &Way, more: f64| Turn {
        satisfy: way.satisfy + more,
        most: way.most + more,
        leaves: way
            .leaves
            .iter()
            .map(|own| LeafCost {
                leaf: own.leaf,
                satisfy: own.satisfy + more,
                most: own.most + more,
            })
            .collect(),
    };
    for (l, l_dissatisfy) in left.dissatisfiable() {
        for (r, r_dissatisfy) in right.dissatisfiable() {
            let (below, wrapper) = r.below();
            ways.base.push(way(
                "or_b",
                &[&l.text, &below],
                l.size + r.size + wrapper + 1.0,
                plus(l, r_dissatisfy),
                plus(r, l_dissatisfy),
                Some(l_dissatisfy + r_dissatisfy),
            ));
        }
        for r in &right.base {
            ways.base.push(way(
                "or_d",
                &[&l.text, &r.text],
                l.size + r.size + 3.0,
                plus(l, 0.0),
                plus(r, l_dissatisfy),
                r.dissatisfy.map(|r_dissatisfy| l_dissatisfy + r_dissatisfy),
            ));
        }
        for r in &right.verify {
            ways.verify.push(way(
                "or_c",
                &[&l.text, &r.text],
                l.size + r.size + 2.0,
                plus(l, 0.0),
                plus(r, l_dissatisfy),
                None,
            ));
        }
    }
    for (lefts, rights, is_base) in [
        (&left.base, &right.base, true),
        (&left.verify, &right.verify, false),
    ] {
        for l in lefts {
            for r in rights {
                let size = l.size + r.size + 3.0;
                let dissatisfy = |l_turn: f64, r_turn: f64| match (l.dissatisfy, r.dissatisfy) {
                    (Some(l), None) => Some(l + l_turn),
                    (None, Some(r)) => Some(r + r_turn),
                    // Two ways to do it are one too many: a third party could swap them.
                    _ => None,
                };
                if is_base && l.dissatisfy.is_some() && r.dissatisfy.is_some() {
                    // It could stand where it must be satisfied; but `or_d` is then no worse.
                    continue;
                }
                let turns = [
                    way(
                        "or_i",
                        &[&l.text, &r.text],
                        size,
                        plus(l, FIRST),
                        plus(r, SECOND),
                        dissatisfy(FIRST, SECOND),
                    ),
                    way(
                        "or_i",
                        &[&r.text, &l.text],
                        size,
                        plus(l, SECOND),
                        plus(r, FIRST),
                        dissatisfy(SECOND, FIRST),
                    ),
                ];
                let into = if is_base {
                    &mut ways.base
                } else {
                    &mut ways.verify
                };
                into.extend(turns.map(|mut turn| {
                    if !is_base {
                        turn.verify = 0.0;
                    }
                    turn
                }));
            }
        }
    }
    if let Some((first, rest)) = and {
        for (x, x_dissatisfy) in first.dissatisfiable() {
            for (ys, zs, is_base) in [
                (&rest.base, &right.base, true),
                (&rest.verify, &right.verify, false),
            ] {
                for y in ys {
                    for z in zs {
                        // Shown not to be satisfied, it goes by the third argument.  The first
                        // holds signatures, so nobody else can go by the second.
                        let dissatisfy = z.dissatisfy;
                        let whole = way(
                            "andor",
                            &[&x.text, &y.text, &z.text],
                            x.size + y.size + z.size + 3.0,
                            both(x, y, left),
                            plus(z, x_dissatisfy),
                            dissatisfy.map(|z| z + x_dissatisfy),
                        );
                        if is_base {
                            ways.base.push(whole);
                        } else {
                            ways.verify.push(whole);
                        }
                    }
                }
            }
        }
    }
    ways.kept()
}
