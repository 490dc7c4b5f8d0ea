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
    paths: Vec<PathTerms>,
}

/// What of a staged path is not about who signs what.
struct PathTerms {
    name: String,
    /// How many triggers in a row are signed in advance.
    depth: u8,
    is_recovery: bool,
}

/// What a game is about.
#[derive(Clone, Copy)]
struct Rules {
    goal: Goal,
    chance: Chance,
    /// The seconds before which a coin has to be taken, counted from each return to the vault.
    before: Option<u64>,
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
            Some(PathTerms {
                name,
                depth: u8::try_from(depth).expect("a small number"),
                is_recovery: path.get("purpose").and_then(Value::as_str) != Some("spend"),
            })
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
        let rules = Rules {
            goal,
            chance,
            before: None,
        };
        self.wins(rules, &start(armed), 0, coalition, others)
    }

    /// Whether the coalition takes a vault coin, all waits of its last try being less than this.
    pub fn is_taken_before(
        &self,
        seconds: u64,
        coalition: &Set,
        others: &Set,
        armed: bool,
    ) -> bool {
        let rules = Rules {
            goal: Goal::Take,
            chance: Chance::Kind,
            before: Some(seconds),
        };
        self.wins(rules, &start(armed), 0, coalition, others)
    }

    /// How the parties can move a vault coin out of the policy if nobody is against it: the last
    /// date they wait for, and the seconds of all waits together.
    pub fn ways_out(&self, by: &Set, armed: bool) -> Vec<(u64, u64)> {
        self.chains(&start(armed), by, &|_, _| true)
    }

    /// The same by what is there to rescue coins, by one path or by any.
    pub fn rescues(&self, by: &Set, armed: bool, path: Option<&str>) -> Vec<(u64, u64)> {
        self.chains(&start(armed), by, &|way, stage| {
            let of = path_of(way, stage);
            self.is_rescue(way, stage) && path.is_none_or(|path| of == Some(path))
        })
    }

    /// Whether the others rescue an armed coin although nobody in root acts as root and the
    /// coalition undoes every trigger it can.
    pub fn is_rescued(&self, coalition: &Set, others: &Set) -> bool {
        self.is_rescued_from(&start(true), coalition, others)
    }

    /// Whether these can undo a trigger of a path.
    pub fn is_vetoed(&self, path: &str, by: &Set) -> bool {
        self.can(&format!("escrow of {path}"), "cancel", by)
    }

    /// Whether these can trigger a path of a coin that is armed.
    pub fn is_triggered(&self, path: &str, by: &Set) -> bool {
        self.can("vault", &format!("trigger {path}"), by)
    }

    /// The staged paths with the seconds of their windows.
    pub fn windows(&self) -> Vec<(&str, u64)> {
        let windows = self.paths.iter().map(|path| {
            let stage = format!("escrow of {}", path.name);
            let settle = self.reference.of(&stage).find(|way| way.kind == "settle");
            (path.name.as_str(), settle.map_or(0, wait))
        });
        windows.collect()
    }

    fn can(&self, stage: &str, kind: &str, by: &Set) -> bool {
        let state = State {
            stage: stage.to_owned(),
            armed: Chain::Everywhere,
        };
        let mut ways = self.reference.of(stage).filter(|way| way.kind == kind);
        ways.any(|way| self.is_completed(way, &state, by))
    }

    fn is_rescue(&self, way: &Way, stage: &str) -> bool {
        let of = path_of(way, stage);
        let is_spending = |path: &PathTerms| Some(path.name.as_str()) == of && !path.is_recovery;
        let is_root = ["spend", "override", "clawback", "cancel"].contains(&way.kind.as_str());
        !is_root && !self.paths.iter().any(is_spending)
    }

    fn is_rescued_from(&self, state: &State, coalition: &Set, others: &Set) -> bool {
        let ways: Vec<&Way> = self.reference.of(&state.stage).collect();
        let cancel = ways.iter().find(|way| way.kind == "cancel");
        if let Some(cancel) = cancel.filter(|way| self.is_completed(way, state, coalition))
            && let Next::To(vault) = self.next(cancel, state)
        {
            return self.is_rescued_from(&vault, coalition, others);
        }
        let mut ways = ways.into_iter().filter(|way| {
            self.is_rescue(way, &state.stage) && self.is_completed(way, state, others)
        });
        ways.any(|way| match self.next(way, state) {
            Next::Out => true,
            Next::To(next) => self.is_rescued_from(&next, coalition, others),
        })
    }

    fn chains(
        &self,
        state: &State,
        by: &Set,
        is_used: &dyn Fn(&Way, &str) -> bool,
    ) -> Vec<(u64, u64)> {
        let mut chains = Vec::new();
        for way in self.reference.of(&state.stage) {
            // Back to the vault leads nowhere new.
            let is_back = way.kind == "cancel" || !is_used(way, &state.stage);
            if is_back || !self.is_completed(way, state, by) {
                continue;
            }
            let then = match self.next(way, state) {
                Next::Out => vec![(0, 0)],
                Next::To(next) => self.chains(&next, by, is_used),
            };
            let here = (date(way), wait(way));
            chains.extend(
                then.into_iter()
                    .map(|(date, seconds)| (date.max(here.0), seconds + here.1)),
            );
        }
        chains
    }

    /// Whether a set can move a vault coin out of the policy, and nobody is against it.
    pub fn is_spendable(&self, by: &Set, armed: bool) -> bool {
        self.is_won(Goal::Take, Chance::Kind, by, &Set::new(), armed)
    }

    /// Whether the coalition wins from here, so many seconds after it was in the vault last.
    fn wins(&self, rules: Rules, state: &State, spent: u64, coalition: &Set, others: &Set) -> bool {
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
                Next::Out => {
                    let in_time = rules.before.is_none_or(|before| spent + wait(way) < before);
                    (rules.goal == Goal::Take && in_time, true)
                }
                Next::To(next) => {
                    let spent = match next.stage.as_str() {
                        "vault" => 0,
                        _ => spent + wait(way),
                    };
                    let wins = self.wins(rules, &next, spent, coalition, others);
                    (wins, !wins)
                }
            };
            moves[at].0 |= mine && for_them;
            moves[at].1 |= theirs && for_others;
        }
        let mut known = BTreeMap::new();
        let moments = Moments {
            locks: &locks,
            moves: &moves,
            if_nothing: rules.goal == Goal::Freeze,
            chance: rules.chance,
        };
        moments.wins(0, &mut known)
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
                let terms = self.paths.iter().find(|terms| terms.name == path);
                terms.map_or(0, |terms| terms.depth)
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

fn start(armed: bool) -> State {
    State {
        stage: "vault".to_owned(),
        armed: match armed {
            true => Chain::Everywhere,
            false => Chain::On(String::new(), 0),
        },
    }
}

/// The path that a way belongs to.
fn path_of<'a>(way: &'a Way, stage: &'a str) -> Option<&'a str> {
    let kind = way.kind.split_once(' ').map(|(_, path)| path);
    kind.or_else(|| stage.split_once(" of ").map(|(_, path)| path))
}

/// The seconds that a way waits for, at ten minutes to a block.
fn wait(way: &Way) -> u64 {
    match way.age {
        None => 0,
        Some(Age::Blocks(count)) => u64::from(count) * 600,
        Some(Age::Units(count)) => u64::from(count) * 512,
    }
}

/// The date that a way waits for, as seconds since 1970, heights at ten minutes to a block.
fn date(way: &Way) -> u64 {
    match way.until {
        None => 0,
        Some(Until::Height(height)) => 1_231_006_505 + u64::from(height) * 600,
        Some(Until::Time(time)) => u64::from(time),
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
