//! A coin between a coalition and everybody else, played out move by move.
//!
//! The rules are those of the book and no formula: at each moment the coalition moves first, if it
//! has a move that wins; then the others, if they have one that saves the coin; and if neither
//! has, both wait for the next moment.  Who may move comes from the reference, which reads the
//! policy's text by itself.

use std::collections::BTreeSet;

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
    pub fn is_won(&self, goal: Goal, coalition: &Set, others: &Set, armed: bool) -> bool {
        let armed = if armed {
            Chain::Everywhere
        } else {
            Chain::On(String::new(), 0)
        };
        let start = State {
            stage: "vault".to_owned(),
            armed,
        };
        self.wins(goal, &start, coalition, others)
    }

    /// Whether a set can move a vault coin out of the policy, and nobody is against it.
    pub fn is_spendable(&self, by: &Set, armed: bool) -> bool {
        self.is_won(Goal::Take, by, &Set::new(), armed)
    }

    fn wins(&self, goal: Goal, state: &State, coalition: &Set, others: &Set) -> bool {
        let ways: Vec<&Way> = self.reference.of(&state.stage).collect();
        let mut moments: Vec<(u32, u64)> = ways.iter().map(|way| moment(way)).collect();
        moments.sort_unstable();
        moments.dedup();
        for now in moments {
            let mut open = ways.iter().filter(|way| moment(way) <= now);
            let good = |way: &Way, mover: &Set, wants_win: bool| {
                if !self.is_completed(way, state, mover) {
                    return false;
                }
                match self.next(way, state) {
                    Next::Out => match (goal, wants_win) {
                        (Goal::Take, _) | (Goal::Freeze, false) => true,
                        (Goal::Freeze, true) => false,
                    },
                    Next::To(next) => self.wins(goal, &next, coalition, others) == wants_win,
                }
            };
            if open.clone().any(|way| good(way, coalition, true)) {
                return true;
            }
            if open.any(|way| good(way, others, false)) {
                return false;
            }
        }
        goal == Goal::Freeze
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

/// The date and the age from which a way is open, in seconds, at ten minutes to a block.
fn moment(way: &Way) -> (u32, u64) {
    let age = match way.age {
        None => 0,
        Some(Age::Blocks(count)) => u64::from(count) * 600,
        Some(Age::Units(count)) => u64::from(count) * 512,
    };
    let until = match way.until {
        None => 0,
        Some(Until::Height(height)) => 1_231_006_505 + height * 600,
        Some(Until::Time(time)) => time,
    };
    (until, age)
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
