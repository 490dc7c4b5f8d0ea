//! A coin between a coalition and everybody else, played out move by move.
//!
//! The rules are those of the book and no formula: at each moment the coalition moves first, if it
//! has a move that wins; then the others, if they have one that saves the coin; and if neither
//! has, both wait for the next moment.  What opens at the next moment is for chance to say, as far
//! as it is open: a player who helps the coalition, or its enemy.  Who may move comes from the
//! reference, which reads the policy's text by itself.

#![allow(dead_code, reason = "each test crate uses a part of this file")]

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::reference::{Age, Reference, Tree, Until, Way};

/// What the coalition is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To have the coin.
    Take,
    /// That nobody else ever has it; taking it is not the aim.
    Freeze,
}

/// Whom chance helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// The coalition: something can go its way.
    Kind,
    /// The others: the coalition has to be able to do it in any case.
    Cruel,
}

/// A policy as a game.
pub struct Game {
    reference: Reference,
    paths: Vec<(String, u8)>,
}

/// Where the coin is, and how many triggers are still signed in advance: on every path as many as
/// it has, or after the first trigger on that path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    stage: String,
    armed: Chain,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Chain {
    Everywhere,
    On(String, u8),
}

enum Next {
    Out,
    To(State),
}

type Set = BTreeSet<String>;

impl Game {
    pub fn read(text: &str) -> Self {
        let document: Table = text.parse().expect("the policy is TOML");
        let paths = document.get("path").and_then(Value::as_array);
        let staged = paths.into_iter().flatten().filter_map(|path| {
            let escrow = path.get("escrow")?;
            let depth = escrow.get("depth").and_then(Value::as_integer).unwrap_or(1);
            let name = path["name"].as_str().expect("a name").to_owned();
            Some((name, u8::try_from(depth).expect("a small number")))
        });
        Self {
            paths: staged.collect(),
            reference: Reference::read(text),
        }
    }

    /// Whether the coalition reaches its goal with a vault coin.
    pub fn is_won(
        &self,
        goal: Goal,
        chance: Chance,
        coalition: &Set,
        others: &Set,
        armed: bool,
    ) -> bool {
        let armed = if armed {
            Chain::Everywhere
        } else {
            Chain::On(String::new(), 0)
        };
        let start = State {
            stage: "vault".to_owned(),
            armed,
        };
        self.wins((goal, chance), &start, coalition, others)
    }

    /// Whether a set can move a vault coin out of the policy, and nobody is against it.
    pub fn is_spendable(&self, by: &Set, armed: bool) -> bool {
        self.is_won(Goal::Take, Chance::Kind, by, &Set::new(), armed)
    }

    fn wins(
        &self,
        (goal, chance): (Goal, Chance),
        state: &State,
        coalition: &Set,
        others: &Set,
    ) -> bool {
        let mut locks: Vec<Locks> = Vec::new();
        // What opens with each lock: something good for the coalition, something for the others.
        let mut moves: Vec<(bool, bool)> = Vec::new();
        for way in self.reference.of(&state.stage) {
            let locked = Locks::of(way);
            let known = locks.iter().position(|known| *known == locked);
            let at = known.unwrap_or_else(|| {
                locks.push(locked);
                moves.push((false, false));
                locks.len() - 1
            });
            let mine = self.is_completed(way, state, coalition);
            let theirs = self.is_completed(way, state, others);
            if !mine && !theirs {
                continue;
            }
            let (for_them, for_others) = match self.next(way, state) {
                Next::Out => (goal == Goal::Take, true),
                Next::To(next) => {
                    let wins = self.wins((goal, chance), &next, coalition, others);
                    (wins, !wins)
                }
            };
            moves[at].0 |= mine && for_them;
            moves[at].1 |= theirs && for_others;
        }
        let mut known = BTreeMap::new();
        let rules = Moments {
            locks: &locks,
            moves: &moves,
            if_nothing: goal == Goal::Freeze,
            chance,
        };
        rules.wins(0, &mut known)
    }

    fn next(&self, way: &Way, state: &State) -> Next {
        let path = state.stage.split_once(" of ").map(|(_, path)| path);
        match (way.kind.split_once(' '), way.kind.as_str(), path) {
            (Some(("trigger", path)), ..) => Next::To(State {
                stage: format!("escrow of {path}"),
                armed: Chain::On(path.to_owned(), self.left(path, state).saturating_sub(1)),
            }),
            (_, "cancel", _) => Next::To(State {
                stage: "vault".to_owned(),
                armed: state.armed.clone(),
            }),
            (_, "settle", Some(path)) if self.has_lockup(path) => Next::To(State {
                stage: format!("lock-up of {path}"),
                armed: state.armed.clone(),
            }),
            _ => Next::Out,
        }
    }

    fn has_lockup(&self, path: &str) -> bool {
        self.reference
            .of(&format!("lock-up of {path}"))
            .next()
            .is_some()
    }

    /// How many triggers of a path are still signed in advance.
    fn left(&self, path: &str, state: &State) -> u8 {
        match &state.armed {
            Chain::Everywhere => {
                let depth = self.paths.iter().find(|(name, _)| name == path);
                depth.map_or(0, |(_, depth)| *depth)
            }
            Chain::On(name, left) if name == path => *left,
            Chain::On(..) => 0,
        }
    }

    /// Whether these parties sign all that is signed live, and root or a file they hold has signed
    /// the rest.
    ///
    /// A trigger that root signs at the last moment is left out: whoever has root's keys has better
    /// ways, and such a game would have no end.
    fn is_completed(&self, way: &Way, state: &State, by: &Set) -> bool {
        if let Some(("trigger", path)) = way.kind.split_once(' ')
            && self.left(path, state) == 0
        {
            return false;
        }
        way.signers.iter().all(|(role, tree)| {
            agrees(tree, by) || (*role == "arming" && self.has_file(way, state, by))
        })
    }

    fn has_file(&self, way: &Way, state: &State, by: &Set) -> bool {
        if let Some(("trigger", path)) = way.kind.split_once(' ') {
            let actors = |(role, tree): &(&str, Tree)| *role == "path" && holds_any(tree, by);
            return self.left(path, state) > 0 && way.signers.iter().any(actors);
        }
        // Whoever acts, vetoes or releases on the path holds the files of what follows.
        let path = state.stage.split_once(" of ").map_or("", |(_, path)| path);
        let trigger = format!("trigger {path}");
        let stages = [format!("escrow of {path}"), format!("lock-up of {path}")];
        self.reference
            .ways
            .iter()
            .filter(|way| way.kind == trigger || stages.contains(&way.stage))
            .flat_map(|way| &way.signers)
            .any(|(role, tree)| ["path", "veto", "lock-up"].contains(role) && holds_any(tree, by))
    }
}

/// A stage of a coin, moment by moment.
struct Moments<'a> {
    locks: &'a [Locks],
    moves: &'a [(bool, bool)],
    /// Whether the coalition wins if nobody moves.
    if_nothing: bool,
    chance: Chance,
}

impl Moments<'_> {
    /// Whether the coalition wins when these locks are open and nobody wanted to move.
    fn wins(&self, open: u32, known: &mut BTreeMap<u32, bool>) -> bool {
        if open == (1 << self.locks.len()) - 1 {
            return self.if_nothing;
        }
        if let Some(known) = known.get(&open) {
            return *known;
        }
        let mut outcomes = (1..1 << self.locks.len())
            .filter(|next| next & open == 0 && self.can_be_next(open, *next))
            .map(|next| {
                let opened = (0..).zip(self.moves).filter(|(at, _)| next >> at & 1 == 1);
                let (mut mine, mut theirs) = (false, false);
                for (_, (for_them, for_others)) in opened {
                    mine |= for_them;
                    theirs |= for_others;
                }
                mine || (!theirs && self.wins(open | next, known))
            });
        let wins = match self.chance {
            Chance::Kind => outcomes.any(|wins| wins),
            Chance::Cruel => outcomes.all(|wins| wins),
        };
        known.insert(open, wins);
        wins
    }

    /// Whether all of these can open at one moment, when those are open and nothing else is.
    fn can_be_next(&self, open: u32, next: u32) -> bool {
        let is_in = |set: u32, at: usize| set >> at & 1 == 1;
        let all = 0..self.locks.len();
        all.clone().filter(|at| is_in(next, *at)).all(|at| {
            let lock = &self.locks[at];
            all.clone().all(|other| {
                let earlier = &self.locks[other];
                is_in(open, other)
                    || (!earlier.is_before(lock)
                        && (is_in(next, other) || !earlier.is_no_later_than(lock)))
            })
        })
    }
}

/// What a way waits for, a wait being counted in blocks that certainly are enough, and that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locks {
    age: Wait,
    until: Option<Until>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    fewest: u64,
    most: u64,
    /// How many seconds, if it is measured in time.
    seconds: Option<u64>,
}

/// A block takes five to twenty minutes for long, and any number of them a day more or less.
const DAY: u64 = 24 * 60 * 60;

impl Locks {
    pub fn new(age: Option<Age>, until: Option<Until>) -> Self {
        let blocks = |count| Wait {
            fewest: count,
            most: count,
            seconds: None,
        };
        let age = match age {
            None => blocks(0),
            Some(Age::Blocks(count)) => blocks(u64::from(count)),
            Some(Age::Units(count)) => {
                let seconds = u64::from(count) * 512;
                Wait {
                    fewest: seconds.saturating_sub(DAY).div_ceil(20 * 60).max(1),
                    most: (seconds + DAY).div_ceil(5 * 60),
                    seconds: Some(seconds),
                }
            }
        };
        Self { age, until }
    }

    fn of(way: &Way) -> Self {
        Self::new(way.age, way.until)
    }

    /// Whether this opens in an earlier block, whatever happens.
    fn is_before(&self, other: &Self) -> bool {
        // Another block comes within so many seconds.
        let apart = |first: u64, second: u64| first + 20 * 60 + DAY < second;
        let age = match (self.age.seconds, other.age.seconds) {
            (Some(first), Some(second)) => apart(first, second),
            _ => self.age.most < other.age.fewest,
        };
        age && match (self.until, other.until) {
            (None, _) => true,
            (Some(Until::Height(first)), Some(Until::Height(second))) => first < second,
            (Some(Until::Time(first)), Some(Until::Time(second))) => {
                apart(u64::from(first), u64::from(second))
            }
            _ => false,
        }
    }

    fn is_no_later_than(&self, other: &Self) -> bool {
        let age = match (self.age.seconds, other.age.seconds) {
            (Some(first), Some(second)) => first <= second,
            _ => self.age.most <= other.age.fewest,
        };
        age && match (self.until, other.until) {
            (None, _) => true,
            (Some(Until::Height(first)), Some(Until::Height(second))) => first <= second,
            (Some(Until::Time(first)), Some(Until::Time(second))) => first <= second,
            _ => false,
        }
    }
}

pub fn agrees(tree: &Tree, by: &Set) -> bool {
    match tree {
        Tree::Party(name) => by.contains(name),
        Tree::Quorum { needs, members } => {
            let points = members
                .iter()
                .filter(|(_, member)| agrees(member, by))
                .map(|(points, _)| points);
            points.sum::<i64>() >= *needs
        }
    }
}

fn holds_any(tree: &Tree, by: &Set) -> bool {
    match tree {
        Tree::Party(name) => by.contains(name),
        Tree::Quorum { members, .. } => members.iter().any(|(_, member)| holds_any(member, by)),
    }
}
