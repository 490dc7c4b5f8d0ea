//! How a condition is written in miniscript so that spending it costs the least in expectation.
//!
//! A condition can be written in several ways that mean the same: with a larger script and a
//! smaller witness, or the other way round.  Which is better depends on what stands around it, so
//! for each part the ways that no other beats in every respect are kept, and the choice is made
//! where the whole is known.

mod choice;
mod eased;
mod either;
mod keys;
mod way;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use self::either::either;
use self::way::{SELDOM, Text, Ways, best, fragment, undominated};
use super::odds::Odds;
use super::script::Condition;
use crate::policy::ScriptType;

pub(super) use self::choice::Choice;
pub(super) use self::eased::Half;
pub(super) use self::way::Way;

/// Writes scripts of one leaf.
pub(super) struct Encoder {
    script: ScriptType,
    /// Whether keys may stand in P2WSH as their hashes, which takes fewer bytes and more
    /// operations.
    hashes: bool,
    /// The number of the leaf, which is part of the names of its keys.
    leaf: usize,
    /// What has been found: the scripts of a split leaf have most of their parts in common.
    known: RefCell<HashMap<Condition, Rc<Ways>>>,
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
    pub(super) fn new(script: ScriptType, leaf: usize) -> Self {
        Self {
            script,
            hashes: false,
            leaf,
            known: RefCell::default(),
        }
    }

    /// With hashes for keys where that is cheaper, or without.
    fn with_hashes(self, hashes: bool) -> Self {
        Self { hashes, ..self }
    }

    /// All of these parts and all of these locks, in the way that is cheapest if they are
    /// satisfied always or hardly ever.
    pub(super) fn all(&self, parts: &[Condition], locks: &[Lock], is_seldom: bool) -> Option<Way> {
        let parts: Vec<Rc<Ways>> = parts.iter().map(|part| self.ways(part)).collect();
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
    fn both(&self, parts: &[Condition], locks: &[Lock]) -> Ways {
        let ways = [false, true].map(|is_seldom| self.all(parts, locks, is_seldom));
        Ways {
            base: undominated(ways.into_iter().flatten().collect()),
            verify: Vec::new(),
        }
    }

    /// All of these, where they come last; no way where there are none.
    fn rest(&self, parts: &[Condition], locks: &[Lock]) -> Ways {
        match (parts, locks) {
            ([only], []) => Ways {
                base: self.ways(only).base.clone(),
                verify: Vec::new(),
            },
            _ => self.both(parts, locks),
        }
    }

    fn ways(&self, condition: &Condition) -> Rc<Ways> {
        match condition {
            Condition::Seat(seat) => Rc::new(self.one_key(*seat)),
            Condition::Threshold(threshold, members) => {
                if let [only] = members.as_slice() {
                    return self.ways(only);
                }
                if let Some(known) = self.known.borrow().get(condition) {
                    return Rc::clone(known);
                }
                let ways = Rc::new(self.threshold(*threshold, members));
                let mut known = self.known.borrow_mut();
                known.insert(condition.clone(), Rc::clone(&ways));
                ways
            }
        }
    }

    fn threshold(&self, threshold: usize, members: &[Condition]) -> Ways {
        let keys: Option<Vec<usize>> = members
            .iter()
            .map(|member| match member {
                Condition::Seat(seat) => Some(*seat),
                Condition::Threshold(..) => None,
            })
            .collect();
        let mut ways = Ways::default();
        if let Some(keys) = &keys {
            ways.base.push(self.multi(threshold, keys));
        }
        if threshold == members.len() {
            self.add_all_of(&mut ways, members, keys.is_some());
        } else if keys.is_some() {
            if self.hashes {
                self.add_threshold(&mut ways, threshold, members);
            }
        } else if threshold == 1 {
            self.add_any_of(&mut ways, members);
        } else {
            self.add_threshold(&mut ways, threshold, members);
        }
        ways.kept()
    }

    /// Every member.
    fn add_all_of(&self, ways: &mut Ways, members: &[Condition], is_flat: bool) {
        let members: Vec<Rc<Ways>> = members.iter().map(|member| self.ways(member)).collect();
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
                        is_one: rest.is_one,
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
            Self::add_and(ways, &members);
        }
    }

    /// Every member, so that it can be shown that some do not sign.
    fn add_and(ways: &mut Ways, members: &[Rc<Ways>]) {
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
                        is_one: true,
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
    fn add_any_of(&self, ways: &mut Ways, members: &[Condition]) {
        // Keys are one member together.
        let (keys, others): (Vec<&Condition>, Vec<&Condition>) = members
            .iter()
            .partition(|member| matches!(member, Condition::Seat(_)));
        let keys: Vec<Condition> = keys.into_iter().cloned().collect();
        let mut members: Vec<Condition> = others.into_iter().cloned().collect();
        if !keys.is_empty() {
            members.insert(0, Condition::Threshold(1, keys));
        }
        let mut rest: Option<(Rc<Ways>, f64)> = None;
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
                    let any = either(&own, and.as_ref(), &rest, share);
                    (Rc::new(any), sets + others)
                }
            });
        }
        if let Some((rest, _)) = rest {
            ways.base.extend(rest.base.iter().cloned());
            ways.verify.extend(rest.verify.iter().cloned());
        }
    }

    /// The first of several parts, and the others together.
    fn condition_and_rest(&self, parts: &[Condition]) -> Option<(Ways, Ways)> {
        let (first, others) = parts.split_first()?;
        let others = Condition::Threshold(others.len(), others.to_vec());
        let (first, others) = (self.ways(first), self.ways(&others));
        Some((first.as_ref().clone(), others.as_ref().clone()))
    }

    /// More than one and fewer than all of members that are not all keys.
    fn add_threshold(&self, ways: &mut Ways, threshold: usize, members: &[Condition]) {
        let odds: Vec<Odds> = members
            .iter()
            .map(|member| Odds::of(member, self.script))
            .collect();
        let shares = Odds::shares(threshold, &odds);
        let members: Vec<Rc<Ways>> = members.iter().map(|member| self.ways(member)).collect();
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
            let (text, size) = way::threshold(threshold, chosen.iter().map(|(way, ..)| *way));
            ways.base.push(Way {
                text,
                size,
                satisfy: satisfy.sum(),
                most: dissatisfy + extra.iter().take(threshold).sum::<f64>(),
                dissatisfy: Some(dissatisfy),
                verify: 0.0,
                one_item: false,
                is_one: true,
                leaves: Vec::new(),
            });
        }
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
        is_one: false,
        leaves: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
