//! What a policy's text means, worked out the slow and obvious way.
//!
//! Written from the book's pages on the construction and on policies, and from nothing of the
//! compiler: it reads the TOML by itself, knows no script, no key and no descriptor, and answers
//! one question.  Given who signs what and what time it is on the chain, which transactions out
//! of a stage are possible?
//!
//! Stages and transactions go by the names that the program prints, `escrow of sos` and
//! `trigger sos`, so nothing has to be mapped.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and a text that cannot be read is a fault of the test"
)]

use chrono::DateTime;
use toml::{Table, Value};

/// A policy as transactions out of stages.
#[derive(Clone, Debug)]
pub struct Reference {
    pub ways: Vec<Way>,
    is_taproot: bool,
}

/// One transaction out of a stage: everybody named signs, and the waits are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub stage: String,
    pub kind: String,
    /// In which capacity, and who.
    pub signers: Vec<(&'static str, Tree)>,
    pub age: Option<Age>,
    pub until: Option<Until>,
}

/// A party, or so many points out of members that have some each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    Party(String),
    Quorum {
        needs: i64,
        members: Vec<(i64, Tree)>,
    },
}

/// How long a coin must have been where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    Blocks(u32),
    /// Of 512 seconds each.
    Units(u32),
}

/// What must have passed for every coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Height(u32),
    Time(u32),
}

/// A coin's confirmation and the tip of the chain; times are median times past, the first of them
/// that of the block before the coin's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub born_height: u32,
    pub born_time: u32,
    pub tip_height: u32,
    pub tip_time: u32,
}

/// One seat of a way: a party, in a capacity, for the so-manieth time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    pub role: &'static str,
    pub party: String,
    pub nth: usize,
}

impl Way {
    /// Everybody who could sign, in the order of the document.
    pub fn seats(&self) -> Vec<Seat> {
        let mut seats: Vec<Seat> = Vec::new();
        for (role, tree) in &self.signers {
            for party in tree.parties() {
                let same = |seat: &&Seat| seat.role == *role && seat.party == party;
                let nth = seats.iter().filter(same).count();
                seats.push(Seat { role, party, nth });
            }
        }
        seats
    }

    /// Whether those who sign are enough, `signs` being asked by the number of the seat.
    pub fn is_signed(&self, signs: &dyn Fn(usize) -> bool) -> bool {
        let mut seat = 0..;
        let mut next = || signs(seat.next().expect("seats have numbers"));
        let trees = self.signers.iter();
        trees.fold(true, |enough, (_, tree)| tree.agrees(&mut next) && enough)
    }

    /// Whether the block after the tip could hold it, going by its waits alone.
    pub fn is_due(&self, now: Moment) -> bool {
        // The block that would hold it counts among those that have passed over the coin.
        let next = now.tip_height + 1;
        let old_enough = match self.age {
            None => true,
            Some(Age::Blocks(count)) => next >= now.born_height + count,
            Some(Age::Units(count)) => now.tip_time >= now.born_time + 512 * count,
        };
        let late_enough = match self.until {
            None => true,
            Some(Until::Height(height)) => next > height,
            Some(Until::Time(time)) => now.tip_time > time,
        };
        old_enough && late_enough
    }
}

impl Tree {
    fn parties(&self) -> Vec<String> {
        match self {
            Self::Party(name) => vec![name.clone()],
            Self::Quorum { members, .. } => members
                .iter()
                .flat_map(|(_, member)| member.parties())
                .collect(),
        }
    }

    /// Asks every seat just once, in order.
    fn agrees(&self, next: &mut dyn FnMut() -> bool) -> bool {
        match self {
            Self::Party(_) => next(),
            Self::Quorum { needs, members } => {
                let points = members
                    .iter()
                    .map(|(points, member)| if member.agrees(next) { *points } else { 0 });
                points.sum::<i64>() >= *needs
            }
        }
    }

    /// Whether there is only one key to it.
    fn is_one_key(&self) -> bool {
        match self {
            Self::Party(_) => true,
            Self::Quorum { members, .. } => members.len() == 1 && members[0].1.is_one_key(),
        }
    }
}

impl Reference {
    /// Reads a policy that the checker has accepted.
    pub fn read(text: &str) -> Self {
        let document: Table = text.parse().expect("the policy is TOML");
        let document = Document(document);
        let root = document.quorum(document.text(&document.0["root"], "quorum"));
        // One key on the taproot key path can carry no wait, and elsewhere live signatures wait a
        // block, so that they are worth nothing on a transaction that was signed in advance.
        let is_taproot = document.text(&document.0["policy"], "script") == "tr";
        let bare = is_taproot && root.is_one_key();
        let live = if bare { None } else { Some(Age::Blocks(1)) };
        let mut reference = Self {
            ways: Vec::new(),
            is_taproot,
        };
        reference.add("vault", "spend", &[("root", &root)], live, None);
        let paths = document.0.get("path").and_then(Value::as_array);
        for path in paths.into_iter().flatten() {
            reference.path(&document, path, &root, live);
        }
        reference
    }

    /// The ways out of a stage.
    pub fn of<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = &'a Way> {
        self.ways.iter().filter(move |way| way.stage == stage)
    }

    /// How many keys of a stage's descriptor are nobody's: the internal key of taproot, unless one
    /// key of root stands there.
    pub fn strangers(&self, stage: &str) -> usize {
        let mut ways = self.of(stage);
        let key_path = ways.any(|way| {
            way.signers.len() == 1 && way.signers[0].0 == "root" && way.signers[0].1.is_one_key()
        });
        usize::from(self.is_taproot && !key_path)
    }

    fn add(
        &mut self,
        stage: &str,
        kind: &str,
        signers: &[(&'static str, &Tree)],
        age: Option<Age>,
        until: Option<Until>,
    ) {
        self.ways.push(Way {
            stage: stage.to_owned(),
            kind: kind.to_owned(),
            signers: signers
                .iter()
                .map(|(role, tree)| (*role, (*tree).clone()))
                .collect(),
            age,
            until,
        });
    }

    fn path(&mut self, document: &Document, path: &Value, root: &Tree, live: Option<Age>) {
        let name = document.text(path, "name");
        let agents = document.quorum(document.text(path, "quorum"));
        let by_clock = path.get("clock").and_then(Value::as_str) == Some("time");
        let wait = |table: &Value, field: &str| {
            table
                .get(field)
                .map(|value| age(value.as_str().expect("a duration"), by_clock))
        };
        let Some(escrow) = path.get("escrow") else {
            let height = path
                .get("unlock_height")
                .map(|height| Until::Height(number(height)));
            let date = path
                .get("unlock_at")
                .map(|date| Until::Time(moment(date.as_str().expect("a date"))));
            let delay = wait(path, "delay").or(Some(Age::Blocks(1)));
            self.add(
                "vault",
                &format!("direct {name}"),
                &[("path", &agents)],
                delay,
                height.or(date),
            );
            return;
        };
        self.add(
            "vault",
            &format!("trigger {name}"),
            &[("arming", root), ("path", &agents)],
            None,
            None,
        );
        let stage = format!("escrow of {name}");
        let veto = document.quorum(document.text(escrow, "veto"));
        let window = wait(escrow, "window");
        self.add(&stage, "override", &[("root", root)], live, None);
        self.add(
            &stage,
            "cancel",
            &[("arming", root), ("veto", &veto)],
            None,
            None,
        );
        let Some(lockup) = path.get("lockup") else {
            self.add(&stage, "settle", &[("path", &agents)], window, None);
            return;
        };
        let named = ["quorum", "beneficiary"]
            .into_iter()
            .find_map(|field| lockup.get(field));
        let (role, takers) = named.map_or(("path", agents), |name| {
            ("lock-up", document.quorum(name.as_str().expect("a name")))
        });
        self.add(&stage, "settle", &[("arming", root)], window, None);
        let backstop = match (window, wait(escrow, "backstop")) {
            (Some(Age::Blocks(one)), Some(Age::Blocks(two))) => Age::Blocks(one + two),
            (Some(Age::Units(one)), Some(Age::Units(two))) => Age::Units(one + two),
            other => panic!("window and backstop are {other:?}"),
        };
        self.add(&stage, "backstop", &[(role, &takers)], Some(backstop), None);
        let stage = format!("lock-up of {name}");
        if lockup.get("clawback").and_then(Value::as_bool) != Some(false) {
            self.add(&stage, "clawback", &[("root", root)], None, None);
        }
        self.add(
            &stage,
            "release",
            &[(role, &takers)],
            wait(lockup, "period"),
            None,
        );
    }
}

/// The text of a policy as tables.
struct Document(Table);

impl Document {
    fn text<'a>(&self, table: &'a Value, field: &str) -> &'a str {
        let value = table.get(field).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no {field} in {table}"))
    }

    /// The party or the quorum of this name.
    fn quorum(&self, name: &str) -> Tree {
        if self.0["parties"].get(name).is_some() {
            return Tree::Party(name.to_owned());
        }
        let quorum = &self.0["quorums"][name];
        if let Some(weights) = quorum.get("weights").and_then(Value::as_table) {
            let points = |value: &Value| value.as_integer().expect("a weight");
            let members = weights
                .iter()
                .map(|(name, value)| (points(value), self.quorum(name)));
            return Tree::Quorum {
                needs: points(&quorum["weight"]),
                members: members.collect(),
            };
        }
        let mut listed = quorum;
        while let Some(other) = listed.get("members_of").and_then(Value::as_str) {
            listed = &self.0["quorums"][other];
        }
        let members = match (listed.get("of"), listed.get("weights")) {
            (Some(Value::Array(names)), _) => names
                .iter()
                .map(|name| name.as_str().expect("a name"))
                .collect(),
            (_, Some(Value::Table(weights))) => {
                weights.keys().map(String::as_str).collect::<Vec<_>>()
            }
            other => panic!("the members of {name} are {other:?}"),
        };
        Tree::Quorum {
            needs: quorum["threshold"].as_integer().expect("a threshold"),
            members: members
                .into_iter()
                .map(|name| (1, self.quorum(name)))
                .collect(),
        }
    }
}

fn number(value: &Value) -> u32 {
    let number = value.as_integer().expect("a whole number");
    u32::try_from(number).expect("a height")
}

fn moment(date: &str) -> u32 {
    let date = DateTime::parse_from_rfc3339(date).expect("a date");
    u32::try_from(date.timestamp()).expect("a date in range")
}

fn age(duration: &str, by_clock: bool) -> Age {
    let (count, unit) = duration.split_once(' ').expect("a number and a unit");
    let count: u32 = count.parse().expect("a number");
    let hours = match unit.trim_end_matches('s') {
        "block" => return Age::Blocks(count),
        "hour" => count,
        "day" => 24 * count,
        "week" => 7 * 24 * count,
        other => panic!("no unit {other}"),
    };
    if by_clock {
        Age::Units((hours * 3600).div_ceil(512))
    } else {
        Age::Blocks(hours * 6)
    }
}
