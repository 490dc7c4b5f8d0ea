//! Ways of writing one condition, and which of them are kept.

use std::fmt::{self, Write};
use std::rc::Rc;

use super::push_size;

/// The most ways of writing one part that are kept.  Parts of policies have two or three.
const MAX_WAYS: usize = 8;

/// A miniscript whose keys are numbers of seats.
#[derive(Debug)]
pub(super) enum Text {
    Word(String),
    /// A wrapper such as `a:` in front of what it wraps.
    Wrapped(&'static str, Rc<Text>),
    /// A fragment with its arguments.
    Fragment(&'static str, Vec<Rc<Text>>),
}

/// One way of writing a condition.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Way {
    pub(super) text: Rc<Text>,
    /// Bytes of script.
    pub size: f64,
    /// Bytes of witness that satisfy it: on average over the smallest sets of signers.
    pub satisfy: f64,
    /// The same for the dearest of them.
    pub most: f64,
    /// Bytes of witness that show it is not satisfied, where that can be shown.
    pub(super) dissatisfy: Option<f64>,
    /// Bytes that a `v:` in front adds.
    pub(super) verify: f64,
    /// Whether it takes just one item, so that the cheap wrapper `s:` does.
    pub(super) one_item: bool,
    /// Whether it leaves a one where it is satisfied, and not the number of a lock.
    pub(super) is_one: bool,
    /// The leaves among which it chooses, where it is the script of more than one.
    pub leaves: Vec<LeafCost>,
}

/// What one leaf of several costs in the witness of the script they share.
#[derive(Clone, Debug)]
pub(in crate::compile) struct LeafCost {
    /// The number of the leaf.
    pub leaf: usize,
    /// On average.
    pub satisfy: f64,
    /// At most.
    pub most: f64,
}

impl Way {
    /// Bytes of script, and of witness on average.
    pub(in crate::compile) fn cost(&self) -> f64 {
        self.size + self.satisfy
    }

    /// As an argument below others: the text, and the bytes that its wrapper adds.
    pub(super) fn below(&self) -> (Rc<Text>, f64) {
        if self.one_item {
            (Rc::new(Text::Wrapped("s:", Rc::clone(&self.text))), 1.0)
        } else {
            (Rc::new(Text::Wrapped("a:", Rc::clone(&self.text))), 2.0)
        }
    }
}

/// A threshold of these, in their order, and its bytes of script.
pub(super) fn threshold<'a>(
    threshold: usize,
    members: impl Iterator<Item = &'a Way>,
) -> (Rc<Text>, f64) {
    let mut size = push_size(threshold as u64) as f64 + 1.0;
    let mut arguments = vec![Rc::new(Text::Word(threshold.to_string()))];
    for (place, way) in members.enumerate() {
        size += way.size;
        if place == 0 {
            arguments.push(Rc::clone(&way.text));
        } else {
            let (text, wrapper) = way.below();
            size += wrapper + 1.0;
            arguments.push(text);
        }
    }
    (Rc::new(Text::Fragment("thresh", arguments)), size)
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
pub(super) struct Ways {
    /// Of type B: they leave a one or a zero.
    pub(super) base: Vec<Way>,
    /// Of type V: they leave nothing, or fail.
    pub(super) verify: Vec<Way>,
}

impl Ways {
    /// Keeps what no other way beats in every respect, and adds `v:` in front of all of type B.
    pub(super) fn kept(mut self) -> Self {
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
    pub(super) fn dissatisfiable(&self) -> impl Iterator<Item = (&Way, f64)> {
        let ways = self.base.iter();
        ways.filter_map(|way| way.dissatisfy.map(|dissatisfy| (way, dissatisfy)))
    }

    /// Those of them that leave a one or nothing, by which a script can choose.
    pub(super) fn deciding(&self) -> impl Iterator<Item = (&Way, f64)> {
        self.dissatisfiable().filter(|(way, _)| way.is_one)
    }
}

pub(super) fn undominated(mut ways: Vec<Way>) -> Vec<Way> {
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
pub(super) const SELDOM: f64 = 1.0 / 32.0;

/// The best of some ways, for what is satisfied always or hardly ever.
pub(super) fn best(ways: &[Way], is_seldom: bool) -> Option<&Way> {
    let price = |way: &Way| way.size + way.satisfy * if is_seldom { SELDOM } else { 1.0 };
    let ways = ways.iter();
    ways.min_by(|left, right| price(left).total_cmp(&price(right)))
}

pub(super) fn fragment(name: &'static str, arguments: &[&Rc<Text>]) -> Rc<Text> {
    let arguments = arguments.iter().map(|text| Rc::clone(text)).collect();
    Rc::new(Text::Fragment(name, arguments))
}
