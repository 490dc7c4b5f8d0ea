//! Two leaves as one condition, in which their common keys stand once.

use std::rc::Rc;

use super::either::either;
use super::way::{self, LeafCost, Text, Way, Ways, fragment, undominated};
use super::{Choice, Encoder, Lock};
use crate::compile::joint::Eased;
use crate::compile::odds::Odds;
use crate::compile::script::Condition;
use crate::policy::ScriptType;

/// What two leaves that are one condition are written with.
struct Pair<'a> {
    first: Encoder,
    second: Encoder,
    /// The locks of the first leaf.
    locks: &'a [Lock],
    /// Those that the second has besides.
    later: &'a [Lock],
    /// How often the first of the two is the one that is used.
    share: f64,
}

/// One of two leaves in a joint script: its number, how often it is used, and whether its keys may
/// stand as their hashes.
#[derive(Clone, Copy)]
pub(in crate::compile) struct Half {
    pub leaf: usize,
    pub weight: f64,
    pub hashes: bool,
}

impl Choice {
    /// Two leaves as one condition, the later locks besides those of the first.
    pub(in crate::compile) fn joint(
        condition: &Eased,
        first: Half,
        second: Half,
        locks: &[Lock],
        later: &[Lock],
    ) -> Option<Self> {
        let encoder =
            |half: Half| Encoder::new(ScriptType::Wsh, half.leaf).with_hashes(half.hashes);
        let weight = first.weight + second.weight;
        let pair = Pair {
            first: encoder(first),
            second: encoder(second),
            locks,
            later,
            share: first.weight / weight,
        };
        Some(Self {
            ways: Ways {
                base: pair.with_locks(&pair.ways(condition, true))?,
                verify: Vec::new(),
            },
            and: None,
            weight,
        })
    }
}

impl Pair<'_> {
    /// The ways with the locks of the first leaf behind them, of which there is at least one.
    fn with_locks(&self, ways: &Ways) -> Option<Vec<Way>> {
        let rest = self.first.all(&[], self.locks, false)?;
        let ways = ways.verify.iter().map(|way| Way {
            text: fragment("and_v", &[&way.text, &rest.text]),
            size: way.size + rest.size,
            verify: rest.verify,
            is_one: rest.is_one,
            ..way.clone()
        });
        Some(undominated(ways.collect()))
    }

    /// The ways of writing a condition, with what it costs in each of the two leaves.  In a
    /// threshold a part must leave a one where it is satisfied, and not the number of a lock.
    fn ways(&self, condition: &Eased, is_last: bool) -> Ways {
        match condition {
            Eased::Always(condition) => {
                let mut ways = self.first.ways(condition).as_ref().clone();
                for way in ways.base.iter_mut().chain(&mut ways.verify) {
                    way.leaves = self.costs([(way.satisfy, way.most); 2]);
                }
                ways
            }
            Eased::OrLater(now, later) => self.or_later(now, later, is_last),
            Eased::Threshold(threshold, members) => self.threshold(*threshold, members),
        }
    }

    /// What a way costs in the first leaf and in the second: on average and at most.
    fn costs(&self, costs: [(f64, f64); 2]) -> Vec<LeafCost> {
        let leaves = [self.first.leaf, self.second.leaf].into_iter().zip(costs);
        let costs = leaves.map(|(leaf, (satisfy, most))| LeafCost {
            leaf,
            satisfy,
            most,
        });
        costs.collect()
    }

    /// What it costs on average over both leaves.
    fn mean(&self, first: f64, second: f64) -> f64 {
        self.share * first + (1.0 - self.share) * second
    }

    /// Now this, or later that.
    fn or_later(&self, now: &Condition, later: &Condition, is_last: bool) -> Ways {
        let turn = |ways: &mut Ways, leaf| {
            for way in ways.base.iter_mut().chain(&mut ways.verify) {
                way.leaves = vec![LeafCost {
                    leaf,
                    satisfy: way.satisfy,
                    most: way.most,
                }];
            }
        };
        let mut own = self.first.ways(now).as_ref().clone();
        turn(&mut own, self.first.leaf);
        let part = self.second.ways(later);
        let Some(locks) = self.later_locks(is_last) else {
            return own;
        };
        // The signatures come first: after a lock alone, nobody could say that the whole cannot be
        // met without one of them, and the script would be malleable.
        let others = part.verify.iter().map(|way| Way {
            text: fragment("and_v", &[&way.text, &locks.text]),
            size: way.size + locks.size,
            verify: locks.verify,
            is_one: locks.is_one,
            ..way.clone()
        });
        let mut others = Ways {
            base: undominated(others.collect()),
            verify: Vec::new(),
        };
        turn(&mut others, self.second.leaf);
        let others = others.kept();
        let rest = Ways {
            base: vec![locks],
            verify: Vec::new(),
        };
        let and = Some((part.as_ref().clone(), rest));
        // In which part of its smallest sets the second leaf goes by the keys of the first.
        let [now, later] = [now, later].map(|part| Odds::of(part, ScriptType::Wsh).sets);
        let common = now / (now + later);
        let common = if common.is_finite() { common } else { 0.5 };
        let share = self.share + (1.0 - self.share) * common;
        let ways = [
            either(&own, None, &others, share),
            either(&others, and.as_ref(), &own, 1.0 - share),
        ];
        let whole = |mut way: Way| {
            let cost = |leaf| {
                let own = way.leaves.iter().find(|own| own.leaf == leaf);
                own.map_or((way.satisfy, way.most), |own| (own.satisfy, own.most))
            };
            let (now, later) = (cost(self.first.leaf), cost(self.second.leaf));
            let either = (
                common * now.0 + (1.0 - common) * later.0,
                if now.1 > later.1 { now.1 } else { later.1 },
            );
            way.leaves = self.costs([now, either]);
            way
        };
        let [one, other] = ways;
        Ways {
            base: undominated(one.base.into_iter().chain(other.base).map(whole).collect()),
            verify: undominated(
                one.verify
                    .into_iter()
                    .chain(other.verify)
                    .map(whole)
                    .collect(),
            ),
        }
    }

    /// The later locks by themselves.
    fn later_locks(&self, is_last: bool) -> Option<Way> {
        let mut locks = self.second.all(&[], self.later, false)?;
        if !is_last {
            locks.text = Rc::new(Text::Wrapped("n:", Rc::clone(&locks.text)));
            locks.size += 1.0;
            locks.is_one = true;
        }
        Some(locks)
    }

    /// So many of these.
    fn threshold(&self, threshold: usize, members: &[Eased]) -> Ways {
        let shares = [false, true].map(|is_open| {
            let odds: Vec<Odds> = members
                .iter()
                .map(|member| Odds::of(&member.when(is_open, 0), ScriptType::Wsh))
                .collect();
            Odds::shares(threshold, &odds)
        });
        let [shares, later_shares] = shares;
        // For each member: the way, what shows that it is not met, and how often it is met.
        let mut chosen: Vec<(Way, f64, [f64; 2])> = Vec::new();
        for ((member, share), later) in members.iter().zip(shares).zip(later_shares) {
            let ways = self.ways(member, false);
            let costs = |way: &Way, dissatisfy: f64| {
                let turns = way.leaves.iter().zip([share, later]);
                let turns =
                    turns.map(|(own, share)| share * own.satisfy + (1.0 - share) * dissatisfy);
                let turns: Vec<f64> = turns.collect();
                match turns.as_slice() {
                    [first, second] => way.size + self.mean(*first, *second),
                    _ => f64::INFINITY,
                }
            };
            let best = ways.dissatisfiable().min_by(|(one, d), (other, e)| {
                let (one, other) = (
                    costs(one, *d) + one.below().1,
                    costs(other, *e) + other.below().1,
                );
                one.total_cmp(&other)
            });
            let Some((way, dissatisfy)) = best else {
                return Ways::default();
            };
            chosen.push((way.clone(), dissatisfy, [share, later]));
        }
        let dissatisfy: f64 = chosen.iter().map(|(_, dissatisfy, _)| dissatisfy).sum();
        let cost = |number: usize| {
            let mut satisfy = 0.0;
            let mut extra = Vec::new();
            for (way, dissatisfy, shares) in &chosen {
                if let (Some(own), Some(share)) = (way.leaves.get(number), shares.get(number)) {
                    satisfy += share * own.satisfy + (1.0 - share) * dissatisfy;
                    extra.push(own.most - dissatisfy);
                }
            }
            extra.sort_by(|left, right| right.total_cmp(left));
            (
                satisfy,
                dissatisfy + extra.iter().take(threshold).sum::<f64>(),
            )
        };
        let costs = [cost(0), cost(1)];
        let (text, size) = way::threshold(threshold, chosen.iter().map(|(way, ..)| way));
        let [(first, most), (second, second_most)] = costs;
        Ways {
            base: vec![Way {
                text,
                size,
                satisfy: self.mean(first, second),
                most: if most > second_most {
                    most
                } else {
                    second_most
                },
                dissatisfy: Some(dissatisfy),
                verify: 0.0,
                one_item: false,
                is_one: true,
                leaves: self.costs(costs),
            }],
            verify: Vec::new(),
        }
        .kept()
    }
}
