//! Policies made up by proptest, all of them sound.
//!
//! A [`Plan`] is a policy before it is written down: plain values that a test can vary.  Its keys
//! are those of stand-ins, so a plan gives the same policy on every machine.  What
//! [`plans`] makes has no error for [`check`], fits its script type, and covers both script
//! types, both kinds of path and both purposes, both clocks, relative and absolute locks, nested
//! quorums, `members_of`, quorums that overlap in every way, and activations; with
//! [`of_any_version`] both versions of transactions.
//!
//! Include it with `#[path = "common/generate.rs"] mod generate;`.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test crate uses a part of this file, and what is out of range is a fault of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{CompileError, Compiled, compile};
use longstop::policy::{Checked, check};
use longstop::signer::SoftwareSigner;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

/// The parties a plan can have, a few from the start of the list each time.
const PARTIES: [&str; 15] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "gina", "hal", "ivan", "judy", "kim", "lena",
    "mona", "nils", "olga",
];

/// What quorums inside another one are called, after it.
const GROUPS: [&str; 3] = ["legal", "finance", "operations"];

/// Longest relative lock, in blocks and in units of 512 seconds alike.
const LONGEST: u32 = 65_535;

/// Hours that fit such a lock on the time clock with room to spare for rounding.
const LONGEST_HOURS: u32 = 9_000;

/// Blocks by which a delay must exceed root's refresh interval.
const REFRESH_MARGIN: u32 = 2_016;

/// A policy before it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub script: &'static str,
    /// In sat/vB, 1 to 3; of version 3.
    pub base_fee: u64,
    /// In sat/vB, of version 2; none for version 3.
    pub rungs: Vec<u64>,
    pub accept_total_loss: Option<String>,
    pub parties: Vec<PartyPlan>,
    pub quorums: Vec<QuorumPlan>,
    /// The name of the quorum that is root.
    pub root: String,
    pub refresh: Option<Span>,
    pub paths: Vec<PathPlan>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyPlan {
    pub name: String,
    pub has_veto_key: bool,
    pub has_fee_wallet: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumPlan {
    pub name: String,
    pub threshold: usize,
    pub members: Members,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// These parties and quorums.
    Of(Vec<String>),
    /// The members of the quorum of this name.
    SameAs(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPlan {
    pub name: String,
    pub quorum: String,
    /// Whether its relative locks count time instead of blocks.
    pub by_clock: bool,
    pub kind: KindPlan,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindPlan {
    Direct {
        delay: Option<Span>,
        unlock: Option<UnlockPlan>,
    },
    Staged(StagedPlan),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedPlan {
    pub purpose: &'static str,
    pub veto: String,
    pub window: Span,
    pub depth: u8,
    pub lockup: Option<LockupPlan>,
    /// The inline table of the activation.
    pub activation: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockupPlan {
    pub period: Span,
    pub backstop: Span,
    pub clawback: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlockPlan {
    Height(u32),
    /// The first of January of this year.
    Year(u32),
}

/// A duration as a policy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub count: u32,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Blocks,
    Hours,
    Days,
    Weeks,
}

impl Span {
    pub const fn blocks(count: u32) -> Self {
        Self {
            count,
            unit: Unit::Blocks,
        }
    }

    pub const fn hours(count: u32) -> Self {
        Self {
            count,
            unit: Unit::Hours,
        }
    }

    /// How many blocks it is on the clock of blocks.
    pub const fn to_blocks(self) -> u32 {
        self.count
            * match self.unit {
                Unit::Blocks => 1,
                Unit::Hours => 6,
                Unit::Days => 144,
                Unit::Weeks => 1_008,
            }
    }

    /// The same duration in the largest unit that holds it without a rest.
    fn in_words(self) -> Self {
        let blocks = self.to_blocks();
        [Unit::Weeks, Unit::Days, Unit::Hours]
            .into_iter()
            .map(|unit| Self {
                count: blocks / Self { count: 1, unit }.to_blocks(),
                unit,
            })
            .find(|span| span.count > 0 && span.to_blocks() == blocks)
            .unwrap_or(self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Blocks => "block",
            Unit::Hours => "hour",
            Unit::Days => "day",
            Unit::Weeks => "week",
        };
        write!(
            f,
            "{} {unit}{}",
            self.count,
            if self.count == 1 { "" } else { "s" }
        )
    }
}

impl Plan {
    /// The text of the policy.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("writing to a string");
        out
    }

    /// What the checker makes of it.
    pub fn check(&self) -> Checked {
        check(&self.to_toml())
    }

    /// What the compiler makes of it, if the checker has no objection.
    pub fn compile(&self) -> Option<Result<Compiled, CompileError>> {
        self.check().policy.map(|policy| compile(Arc::new(policy)))
    }

    pub fn quorum(&self, name: &str) -> &QuorumPlan {
        let found = self.quorums.iter().find(|quorum| quorum.name == name);
        found.unwrap_or_else(|| panic!("the plan has no quorum {name}"))
    }

    /// The members of a quorum, whichever way they are given.
    pub fn members(&self, quorum: &str) -> &[String] {
        match &self.quorum(quorum).members {
            Members::Of(members) => members,
            Members::SameAs(other) => self.members(other),
        }
    }

    /// The parties of a quorum and of those inside it.
    pub fn parties_of(&self, quorum: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for member in self.members(quorum) {
            if self.is_party(member) {
                found.insert(member.as_str());
            } else {
                found.extend(self.parties_of(member));
            }
        }
        found
    }

    /// Whether these parties meet the threshold of a quorum.
    pub fn is_met_by(&self, quorum: &str, present: &BTreeSet<&str>) -> bool {
        let agrees = |member: &&String| {
            if self.is_party(member) {
                present.contains(member.as_str())
            } else {
                self.is_met_by(member, present)
            }
        };
        let agreeing = self.members(quorum).iter().filter(agrees).count();
        agreeing >= self.quorum(quorum).threshold
    }

    /// Whether a direct path works when everyone in root and every file is gone.
    pub fn survives(&self) -> bool {
        let root = self.parties_of(&self.root);
        self.paths.iter().any(|path| {
            let parties = self.parties_of(&path.quorum);
            let left = parties.difference(&root).copied().collect();
            matches!(path.kind, KindPlan::Direct { .. }) && self.is_met_by(&path.quorum, &left)
        })
    }

    pub fn is_party(&self, name: &str) -> bool {
        self.parties.iter().any(|party| party.name == name)
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "[policy]\nname = \"generated\"\nnetwork = \"regtest\"")?;
        writeln!(out, "script = \"{}\"", self.script)?;
        match self.rungs.is_empty() {
            true => writeln!(out, "base_fee = \"{} sat/vB\"", self.base_fee)?,
            false => writeln!(out, "transaction_version = 2\nrungs = {:?}", self.rungs)?,
        }
        if let Some(reason) = &self.accept_total_loss {
            writeln!(out, "accept_total_loss = \"{reason}\"")?;
        }
        for party in &self.parties {
            writeln!(out, "\n[parties.{}]", party.name)?;
            writeln!(out, "key = \"{}\"", account(&party.name, "48h/1h/0h/3h"))?;
            if party.has_veto_key {
                writeln!(out, "veto = \"{}\"", account(&party.name, "48h/1h/2h/3h"))?;
            }
            if party.has_fee_wallet {
                let key = account(&party.name, "84h/1h/9h");
                writeln!(out, "fees = \"wpkh({key}/<0;1>/*)\"")?;
            }
        }
        writeln!(out, "\n[quorums]")?;
        for quorum in &self.quorums {
            let members = match &quorum.members {
                Members::Of(members) => format!("of = {members:?}"),
                Members::SameAs(other) => format!("members_of = \"{other}\""),
            };
            let (name, threshold) = (&quorum.name, quorum.threshold);
            writeln!(out, "{name} = {{ threshold = {threshold}, {members} }}")?;
        }
        writeln!(out, "\n[root]\nquorum = \"{}\"", self.root)?;
        if let Some(refresh) = &self.refresh {
            writeln!(out, "refresh = \"{refresh}\"")?;
        }
        self.paths.iter().try_for_each(|path| path.write(out))
    }
}

impl PathPlan {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\n[[path]]\nname = \"{}\"\nquorum = \"{}\"",
            self.name, self.quorum
        )?;
        if self.by_clock {
            writeln!(out, "clock = \"time\"")?;
        }
        match &self.kind {
            KindPlan::Direct { delay, unlock } => {
                if let Some(delay) = delay {
                    writeln!(out, "delay = \"{delay}\"")?;
                }
                match unlock {
                    Some(UnlockPlan::Height(height)) => writeln!(out, "unlock_height = {height}"),
                    Some(UnlockPlan::Year(year)) => {
                        writeln!(out, "unlock_at = \"{year}-01-01T00:00:00Z\"")
                    }
                    None => Ok(()),
                }
            }
            KindPlan::Staged(staged) => {
                let StagedPlan {
                    purpose,
                    veto,
                    window,
                    depth,
                    ..
                } = staged;
                writeln!(out, "purpose = \"{purpose}\"")?;
                write!(
                    out,
                    "escrow = {{ window = \"{window}\", veto = \"{veto}\", depth = {depth}"
                )?;
                if let Some(lockup) = &staged.lockup {
                    writeln!(out, ", backstop = \"{}\" }}", lockup.backstop)?;
                    let LockupPlan {
                        period, clawback, ..
                    } = lockup;
                    writeln!(
                        out,
                        "lockup = {{ period = \"{period}\", clawback = {clawback} }}"
                    )?;
                } else {
                    writeln!(out, " }}")?;
                }
                match &staged.activation {
                    Some(activation) => writeln!(out, "activation = {activation}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The account of a stand-in, which takes a moment to derive and is asked for again and again.
fn account(name: &str, path: &'static str) -> String {
    static KNOWN: Mutex<BTreeMap<(String, &str), String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN
        .lock()
        .expect("no thread panics while it holds the lock");
    let account = known.entry((name.to_owned(), path)).or_insert_with(|| {
        let secp = Secp256k1::new();
        let path = DerivationPath::from_str(path).expect("a path");
        SoftwareSigner::stand_in(0, name, &secp)
            .account(&path, &secp)
            .to_string()
    });
    account.clone()
}

/// How large plans may become.
#[derive(Clone, Copy, Debug)]
struct Scale {
    script: &'static str,
    parties: usize,
    /// Seats of a quorum that has no other inside it.
    seats: usize,
    /// How deep quorums stand inside one another, how many side by side, and the seats of each.
    depth: usize,
    groups: usize,
    group_seats: usize,
    paths: usize,
}

/// Sound policies with 3 to 9 parties and 1 to 4 paths.
pub fn plans() -> impl Strategy<Value = Plan> {
    // P2WSH holds 3,600 bytes of script: fewer paths.
    select(vec![("tr", 4), ("wsh", 3)]).prop_flat_map(|(script, paths)| {
        plans_of(Scale {
            script,
            parties: 9,
            seats: 5,
            depth: 1,
            groups: 2,
            group_seats: 2,
            paths,
        })
    })
}

/// The same policies, every third of them with version 2 and one to three rungs.
pub fn of_any_version(plans: impl Strategy<Value = Plan>) -> impl Strategy<Value = Plan> {
    let steps = (1..=20u64, vec(3..=6u64, 0..=2));
    (plans, option::weighted(0.33, steps))
        .prop_map(|(mut plan, steps)| {
            if let Some((lowest, steps)) = steps {
                plan.rungs = Vec::from([lowest]);
                for step in steps {
                    let next = plan.rungs.last().map_or(lowest, |last| last * step);
                    plan.rungs.push(next);
                }
                // What follows a cancel would have to be signed for every coin that it can make.
                for path in &mut plan.paths {
                    if let KindPlan::Staged(staged) = &mut path.kind {
                        staged.depth = 1;
                    }
                }
            }
            plan
        })
        .prop_filter("its rungs are far enough apart", |plan| {
            plan.rungs.is_empty() || plan.compile().as_ref().is_none_or(replaces)
        })
}

/// Whether one rung can replace the other: the rare ones that are too close for it are refused.
pub fn replaces(compiled: &Result<Compiled, CompileError>) -> bool {
    !matches!(compiled, Err(CompileError::Rungs { .. }))
}

/// Sound policies with up to 15 parties in quorums up to three deep, and up to 8 paths.
pub fn large_plans() -> impl Strategy<Value = Plan> {
    let large = Scale {
        script: "tr",
        parties: PARTIES.len(),
        seats: PARTIES.len(),
        depth: 2,
        groups: GROUPS.len(),
        group_seats: 5,
        paths: 8,
    };
    let wide = Scale {
        script: "wsh",
        paths: 1,
        ..large
    };
    let long = Scale {
        seats: 3,
        depth: 1,
        groups: 2,
        group_seats: 2,
        paths: 8,
        ..wide
    };
    prop_oneof![
        2 => plans_of(large),
        1 => plans_of(wide),
        1 => plans_of(long),
    ]
}

fn plans_of(scale: Scale) -> impl Strategy<Value = Plan> {
    (3..=scale.parties)
        .prop_flat_map(move |parties| {
            (
                1..=3u64,
                vec((any::<bool>(), any::<bool>()), parties),
                quorum_choice(scale, parties, scale.depth),
                (1..=6_000u32, any::<bool>()),
                vec(path_choice(scale, parties), 1..=scale.paths),
                any::<Option<()>>(),
            )
        })
        .prop_map(move |(base_fee, roles, root, refresh, paths, accept)| {
            Draft::plan(
                scale.script,
                base_fee,
                &roles,
                root,
                refresh,
                paths,
                accept.is_some(),
            )
        })
        // The rare plan that is too large for a script.
        .prop_filter("fits its script", |plan| {
            !matches!(plan.compile(), Some(Err(CompileError::Limit { .. })))
        })
}

/// A quorum before it has a name.
#[derive(Clone, Debug)]
enum QuorumChoice {
    Flat(Vec<usize>, Index),
    Nested(Vec<QuorumChoice>, Option<usize>, Index),
}

fn flat(parties: usize, most: usize) -> impl Strategy<Value = QuorumChoice> {
    let members = subsequence((0..parties).collect::<Vec<_>>(), 1..=parties.min(most));
    (members, any::<Index>())
        .prop_map(|(members, threshold)| QuorumChoice::Flat(members, threshold))
}

fn quorum_choice(scale: Scale, parties: usize, depth: usize) -> BoxedStrategy<QuorumChoice> {
    prop_oneof![
        4 => flat(parties, scale.seats),
        1 => nested(scale, parties, depth),
    ]
    .boxed()
}

fn nested(scale: Scale, parties: usize, depth: usize) -> BoxedStrategy<QuorumChoice> {
    let group = if depth > 1 {
        let deeper = nested(scale, parties, depth - 1);
        prop_oneof![3 => flat(parties, scale.group_seats), 1 => deeper].boxed()
    } else {
        flat(parties, scale.group_seats).boxed()
    };
    let groups = vec(group, 1..=scale.groups);
    (groups, option::of(0..parties), any::<Index>())
        .prop_map(|(groups, party, threshold)| QuorumChoice::Nested(groups, party, threshold))
        .boxed()
}

/// Somebody's quorum: one of its own, or something made of root's.
#[derive(Clone, Debug)]
enum WhoChoice {
    Own(QuorumChoice),
    Root,
    MembersOfRoot(Index),
}

fn who_choice(scale: Scale, parties: usize) -> impl Strategy<Value = WhoChoice> {
    prop_oneof![
        5 => quorum_choice(scale, parties, scale.depth).prop_map(WhoChoice::Own),
        1 => Just(WhoChoice::Root),
        2 => any::<Index>().prop_map(WhoChoice::MembersOfRoot),
    ]
}

#[derive(Clone, Debug)]
struct PathChoice {
    actors: WhoChoice,
    by_clock: bool,
    in_words: bool,
    kind: KindChoice,
}

#[derive(Clone, Debug)]
enum KindChoice {
    Direct {
        excess: Option<u32>,
        unlock: Option<UnlockPlan>,
    },
    Staged {
        outcome: OutcomeChoice,
        veto: WhoChoice,
        window: u32,
        depth: u8,
        activation: Option<u8>,
    },
}

#[derive(Clone, Copy, Debug)]
enum OutcomeChoice {
    Lockup {
        period: u32,
        excess: u32,
        clawback: bool,
    },
    Recover,
    Spend,
}

fn path_choice(scale: Scale, parties: usize) -> impl Strategy<Value = PathChoice> {
    let unlock = prop_oneof![
        (1..1_000_000u32).prop_map(UnlockPlan::Height),
        (2027..2038u32).prop_map(UnlockPlan::Year),
    ];
    let direct = (
        option::weighted(0.8, 1..=LONGEST),
        option::weighted(0.3, unlock),
    )
        .prop_map(|(excess, unlock)| KindChoice::Direct { excess, unlock });
    let outcome = prop_oneof![
        3 => (1..=8_000u32, 0..=8_000u32, any::<bool>()).prop_map(|(period, excess, clawback)| {
            OutcomeChoice::Lockup { period, excess, clawback }
        }),
        1 => Just(OutcomeChoice::Recover),
        1 => Just(OutcomeChoice::Spend),
    ];
    let staged = (
        outcome,
        who_choice(scale, parties),
        1..=4_000u32,
        prop_oneof![2 => Just(1u8), 1 => 2..=8u8],
        option::of(0..4u8),
    )
        .prop_map(
            |(outcome, veto, window, depth, activation)| KindChoice::Staged {
                outcome,
                veto,
                window,
                depth,
                activation,
            },
        );
    let kind = prop_oneof![2 => direct, 3 => staged];
    (
        who_choice(scale, parties),
        prop::bool::weighted(0.2),
        any::<bool>(),
        kind,
    )
        .prop_map(|(actors, by_clock, in_words, kind)| PathChoice {
            actors,
            by_clock,
            in_words,
            kind,
        })
}

/// A plan while its quorums get their names.
struct Draft {
    parties: Vec<PartyPlan>,
    quorums: Vec<QuorumPlan>,
    root: String,
}

impl Draft {
    fn plan(
        script: &'static str,
        base_fee: u64,
        roles: &[(bool, bool)],
        root: QuorumChoice,
        (refresh, in_words): (u32, bool),
        paths: Vec<PathChoice>,
        accept: bool,
    ) -> Plan {
        let parties = roles
            .iter()
            .zip(PARTIES)
            .map(|((veto, fees), name)| PartyPlan {
                name: name.to_owned(),
                has_veto_key: *veto,
                has_fee_wallet: *fees,
            });
        let mut draft = Self {
            parties: parties.collect(),
            quorums: Vec::new(),
            root: "council".to_owned(),
        };
        draft.add("council", root);
        let refresh = span(refresh, in_words);
        let paths: Vec<PathPlan> = paths
            .into_iter()
            .enumerate()
            .map(|(at, choice)| draft.path(at, choice, refresh))
            .collect();
        let mut plan = Plan {
            script,
            base_fee,
            rungs: Vec::new(),
            accept_total_loss: None,
            parties: draft.parties,
            quorums: draft.quorums,
            root: draft.root,
            refresh: Some(refresh),
            paths,
        };
        if accept || !plan.survives() {
            plan.accept_total_loss = Some("a test has nothing to lose".to_owned());
        }
        plan
    }

    fn path(&mut self, at: usize, choice: PathChoice, refresh: Span) -> PathPlan {
        let PathChoice {
            actors,
            by_clock,
            in_words,
            kind,
        } = choice;
        let number = at + 1;
        let quorum = self.who(&format!("agents-{number}"), actors);
        // The time clock counts hours here, and the block clock anything.
        let wait = |blocks: u32| {
            if by_clock {
                Span::hours(blocks.div_ceil(6))
            } else {
                span(blocks, in_words)
            }
        };
        let (prefix, kind) = match kind {
            KindChoice::Direct { excess, unlock } => {
                let least = refresh.to_blocks() + REFRESH_MARGIN + 1;
                let most = if by_clock { LONGEST_HOURS * 6 } else { LONGEST };
                let delay = excess.map(|excess| wait(least + excess % (most - least)));
                ("direct", KindPlan::Direct { delay, unlock })
            }
            KindChoice::Staged {
                outcome,
                veto,
                window,
                depth,
                activation,
            } => {
                let veto = self.who(&format!("vetoers-{number}"), veto);
                let (prefix, purpose) = match outcome {
                    OutcomeChoice::Spend => ("spend", "spend"),
                    OutcomeChoice::Lockup { .. } | OutcomeChoice::Recover => ("rescue", "recover"),
                };
                let lockup = match outcome {
                    OutcomeChoice::Lockup {
                        period,
                        excess,
                        clawback,
                    } => Some(LockupPlan {
                        period: wait(period),
                        backstop: wait(period + excess),
                        clawback,
                    }),
                    OutcomeChoice::Recover | OutcomeChoice::Spend => None,
                };
                let activation = activation.map(|which| match which {
                    0 => format!("{{ manual = \"{quorum}\" }}"),
                    1 => "{ silence = \"council\", for = \"30 days\", fewer_than = 1 }".to_owned(),
                    2 => "{ vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" }"
                        .to_owned(),
                    _ => format!(
                        "{{ any = [{{ alarm = \"{veto}\" }}, {{ all = [{{ manual = \"{quorum}\" }}, {{ manual = \"council\" }}] }}] }}"
                    ),
                });
                let window = wait(window);
                let staged = StagedPlan {
                    purpose,
                    veto,
                    window,
                    depth,
                    lockup,
                    activation,
                };
                (prefix, KindPlan::Staged(staged))
            }
        };
        PathPlan {
            name: format!("{prefix}-{number}"),
            quorum,
            by_clock,
            kind,
        }
    }

    /// The name of the quorum that is chosen, which is added if it is a new one.
    fn who(&mut self, name: &str, choice: WhoChoice) -> String {
        match choice {
            WhoChoice::Root => return self.root.clone(),
            WhoChoice::Own(choice) => self.add(name, choice),
            WhoChoice::MembersOfRoot(threshold) => {
                let root = self.quorums.iter().find(|quorum| quorum.name == self.root);
                let count = match root.map(|root| &root.members) {
                    Some(Members::Of(members)) => members.len(),
                    _ => panic!("root lists its members"),
                };
                self.quorums.push(QuorumPlan {
                    name: name.to_owned(),
                    threshold: 1 + threshold.index(count),
                    members: Members::SameAs(self.root.clone()),
                });
            }
        }
        name.to_owned()
    }

    fn add(&mut self, name: &str, choice: QuorumChoice) {
        let party = |at: usize| PARTIES[at].to_owned();
        let (members, threshold): (Vec<String>, Index) = match choice {
            QuorumChoice::Flat(members, threshold) => {
                (members.into_iter().map(party).collect(), threshold)
            }
            QuorumChoice::Nested(groups, single, threshold) => {
                let mut members = Vec::new();
                for (group, inner) in groups.into_iter().zip(GROUPS) {
                    let inner = format!("{name}-{inner}");
                    self.add(&inner, group);
                    members.push(inner);
                }
                members.extend(single.map(party));
                (members, threshold)
            }
        };
        self.quorums.push(QuorumPlan {
            name: name.to_owned(),
            threshold: 1 + threshold.index(members.len()),
            members: Members::Of(members),
        });
    }
}

fn span(blocks: u32, in_words: bool) -> Span {
    let span = Span::blocks(blocks);
    if in_words { span.in_words() } else { span }
}
