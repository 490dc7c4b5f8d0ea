//! What the layout `cheapest` chooses, frozen: another choice would give a policy other addresses
//! and another id, even where it costs less.
//!
//! Each policy is one section of `tests/vectors/layouts/SCRIPT.txt`: its quorums and paths, and
//! for each stage the scripts, in which the name of a party stands for its key, with what their
//! witnesses weigh.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;

use crate::golden;

/// A policy in a few words: quorums, the first of which is root's, and paths.
struct Terms {
    quorums: Vec<String>,
    paths: Vec<String>,
    root: String,
}

impl Terms {
    fn root(quorum: impl Into<String>) -> Self {
        Self {
            quorums: vec![quorum.into()],
            paths: Vec::new(),
            root: String::new(),
        }
    }

    fn with(mut self, quorum: impl Into<String>) -> Self {
        self.quorums.push(quorum.into());
        self
    }

    fn path(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// How likely root is.
    fn likely(mut self, likelihood: u32) -> Self {
        write!(self.root, "likelihood = {likelihood}").expect("a string");
        self
    }

    /// As they stand in the file and in a policy.
    fn text(&self) -> String {
        let mut text = String::from("[quorums]\n");
        for (number, quorum) in self.quorums.iter().enumerate() {
            writeln!(text, "q{number} = {{ {quorum} }}").expect("a string");
        }
        write!(text, "[root]\nquorum = \"q0\"\n").expect("a string");
        if !self.paths.is_empty() {
            text += "refresh = \"5 blocks\"\n";
        }
        if !self.root.is_empty() {
            writeln!(text, "{}", self.root).expect("a string");
        }
        for (number, path) in self.paths.iter().enumerate() {
            write!(text, "[[path]]\nname = \"p{number}\"\n{path}\n").expect("a string");
        }
        text
    }
}

/// Some of these members.
fn of(threshold: usize, members: &str) -> String {
    let members: Vec<String> = members
        .split(' ')
        .map(|name| format!("\"{name}\""))
        .collect();
    format!("threshold = {threshold}, of = [{}]", members.join(", "))
}

/// Some of the first parties.
fn flat(threshold: usize, count: usize) -> String {
    of(threshold, &names('k', count))
}

fn names(prefix: char, count: usize) -> String {
    let names: Vec<String> = (0..count)
        .map(|number| format!("{prefix}{number}"))
        .collect();
    names.join(" ")
}

fn with_roster(quorum: &str, members: &str, share: u32) -> String {
    let members = of(1, members).replace("threshold = 1, of = ", "");
    format!("{quorum}, roster = {{ of = {members}, share = \"{share}%\" }}")
}

/// So many quorums, of which some must agree.
fn departments(outer: (usize, usize), inner: (usize, usize)) -> Terms {
    let deps: Vec<String> = (1..=outer.1).map(|number| format!("q{number}")).collect();
    let mut terms = Terms::root(of(outer.0, &deps.join(" ")));
    for prefix in "abcdefghijklmnorst".chars().take(outer.1) {
        terms = terms.with(of(inner.0, &names(prefix, inner.1)));
    }
    terms
}

/// Quorums that come later and later and ask for less.
fn decaying(count: usize, members: usize) -> Terms {
    let mut terms = Terms::root(flat(members, members));
    for later in 1..count {
        let prefix = char::from(b'a' + later as u8);
        let quorum = of((members - later).max(1), &names(prefix, members));
        terms = terms.with(quorum);
        let likelihood = 3 * (count - later);
        terms = terms.path(format!(
            "quorum = \"q{later}\"\ndelay = \"{} blocks\"\nlikelihood = {likelihood}",
            1_000 + 1_400 * later
        ));
    }
    terms
}

/// Conjunctions and disjunctions in turn, each of two, so deep.
fn alternating(depth: u32, first: usize) -> Terms {
    let mut quorums = Vec::new();
    // Breadth first: the members of the node with number n have 2n + 1 and 2n + 2.
    let inner = (1_usize << depth) - 1;
    for node in 0..inner {
        let level = (node + 1).ilog2() as usize;
        let name = |member: usize| match member < inner {
            true => format!("q{member}"),
            false => format!("k{}", member - inner),
        };
        let members = format!("{} {}", name(2 * node + 1), name(2 * node + 2));
        quorums.push(of(1 + (level + first) % 2, &members));
    }
    Terms {
        quorums,
        paths: Vec::new(),
        root: String::new(),
    }
}

/// Seats of which each has a key, and others that count later.
fn later_seats(threshold: usize, count: usize, others: usize) -> Terms {
    let seats: Vec<String> = (0..count).map(|seat| format!("q{}", seat + 2)).collect();
    let mut terms = Terms::root(flat(threshold, count)).with(of(threshold, &seats.join(" ")));
    for seat in 0..count {
        let more: Vec<String> = (0..others).map(|other| format!("r{seat}{other}")).collect();
        terms = terms.with(of(1, &format!("k{seat} {}", more.join(" "))));
    }
    terms.path("quorum = \"q1\"\ndelay = \"4000 blocks\"")
}

/// Policies for every choice there is: shapes of quorums, rosters, likelihoods, locks.
fn policies() -> Vec<Terms> {
    let mut all = Vec::new();
    for count in 2..=7 {
        for threshold in 1..=count {
            all.push(Terms::root(flat(threshold, count)));
        }
    }
    for (threshold, count) in [
        (2, 8),
        (4, 8),
        (2, 9),
        (7, 8),
        (2, 24),
        (2, 25),
        (16, 20),
        (17, 20),
    ] {
        all.push(Terms::root(flat(threshold, count)));
    }
    for (threshold, count) in [
        (1, 3),
        (2, 3),
        (2, 4),
        (3, 4),
        (2, 5),
        (3, 5),
        (3, 6),
        (5, 9),
        (3, 9),
    ] {
        for share in [30, 80, 95] {
            let quorum = flat(threshold, count);
            // Not the first of them, so that their places matter.
            let usual: Vec<String> = (count - threshold..count)
                .map(|own| format!("k{own}"))
                .collect();
            all.push(Terms::root(with_roster(&quorum, &usual.join(" "), share)));
        }
    }
    for (outer, inner) in [
        ((2, 3), (1, 2)),
        ((2, 2), (2, 3)),
        ((1, 2), (2, 3)),
        ((2, 2), (1, 3)),
        ((3, 3), (1, 2)),
        ((1, 3), (2, 2)),
        ((2, 3), (2, 2)),
        ((2, 3), (2, 3)),
        ((1, 3), (3, 4)),
        ((3, 4), (2, 3)),
        ((3, 5), (3, 5)),
        ((2, 4), (2, 2)),
        ((17, 18), (1, 2)),
    ] {
        all.push(departments(outer, inner));
    }
    for share in [50, 90] {
        let mut terms = departments((2, 3), (2, 3));
        terms.quorums[0] = with_roster(&terms.quorums[0], "a0 a2 c1 c2", share);
        all.push(terms);
    }
    // Members of several kinds, in every place.
    for members in [
        "k0 q1 q2",
        "q1 k0 q2",
        "q1 q2 k0",
        "k0 k1 q1 q2",
        "q1 k0 k1 q3 q2",
    ] {
        for threshold in 1..=3 {
            all.push(
                Terms::root(of(threshold, members))
                    .with(of(2, "a0 a1 a2"))
                    .with(of(1, "b0 b1 q3"))
                    .with(of(2, "c0 c1")),
            );
        }
    }
    for (depth, first) in [(2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1), (5, 1)] {
        all.push(alternating(depth, first));
    }
    for (count, members) in [(2, 2), (3, 3), (4, 5), (6, 5)] {
        all.push(decaying(count, members));
    }
    for (threshold, count, others) in [
        (1, 1, 1),
        (1, 2, 1),
        (2, 2, 1),
        (2, 3, 1),
        (2, 3, 2),
        (3, 5, 1),
        (1, 3, 1),
    ] {
        all.push(later_seats(threshold, count, others));
    }
    // A later seat that is a quorum, some seats that stay as they are, and a third leaf.
    all.push(
        Terms::root(flat(2, 3))
            .with(of(2, "q2 k1 q3"))
            .with(of(1, "k0 q4"))
            .with(of(1, "k2 r2"))
            .with(of(2, "r0 r1"))
            .with(of(1, "x0 x1"))
            .path(
                "quorum = \"q1\"\ndelay = \"4000 blocks\"\nunlock_height = 900000\nlikelihood = 60",
            )
            .path("quorum = \"q5\"\ndelay = \"9000 blocks\""),
    );
    // Three leaves over the same seats, of which the two with most keys in common are one.
    all.push(
        later_seats(2, 3, 1)
            .with(of(2, "q6 q7 q8"))
            .with(of(1, "q2 s0"))
            .with(of(1, "q3 s1"))
            .with(of(1, "q4 s2"))
            .path("quorum = \"q5\"\ndelay = \"8000 blocks\""),
    );
    // Two leaves, from likely to hardly ever, with locks of each length.
    let locks = [
        "delay = \"2100 blocks\"",
        "delay = \"32767 blocks\"",
        "delay = \"32768 blocks\"",
        "clock = \"time\"\ndelay = \"100 days\"",
        "unlock_height = 8388607",
        "unlock_height = 8388608",
        "unlock_at = \"2031-01-01T00:00:00Z\"",
        "delay = \"3000 blocks\"\nunlock_at = \"2031-01-01T00:00:00Z\"",
    ];
    for (number, lock) in locks.into_iter().enumerate() {
        let likelihood = [1, 10, 100, 1_000][number % 4];
        let late = ["x0 x1 x2", "x0", "x0 q2"][number % 3];
        let terms = Terms::root(flat(1 + number % 3, 3 + number % 2))
            .with(of(1 + number % 2 * usize::from(late.len() > 2), late))
            .likely(50)
            .path(format!(
                "quorum = \"q1\"\n{lock}\nlikelihood = {likelihood}"
            ));
        all.push(if number % 3 == 2 {
            terms.with(of(2, "y0 y1"))
        } else {
            terms
        });
    }
    all
}

fn compiled(terms: &Terms, script: &str, accounts: &mut BTreeMap<String, String>) -> Compiled {
    let text = terms.text();
    let secp = Secp256k1::new();
    let path = "48h/1h/0h/3h".parse().expect("a path");
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_party = |word: &&str| {
        let mut letters = word.chars();
        let first = letters.next();
        first.is_some_and(|first| first.is_ascii_lowercase() && first != 'q' && first != 'p')
            && word.len() > 1
            && letters.all(|letter| letter.is_ascii_digit())
    };
    let parties: BTreeSet<&str> = words.filter(is_party).collect();
    let mut policy = format!(
        "[policy]\nname = \"layouts\"\nnetwork = \"regtest\"\nscript = \"{script}\"\nlayout = \"cheapest\"\naccept_total_loss = \"a test\"\n[parties]\n"
    );
    for name in parties {
        let account = accounts.entry(name.to_owned()).or_insert_with(|| {
            let signer = SoftwareSigner::stand_in(0, name, &secp);
            signer.account(&path, &secp).to_string()
        });
        writeln!(policy, "{name} = {{ key = \"{account}\" }}").expect("a string");
    }
    let checked = check(&(policy + &text));
    let policy = checked
        .policy
        .unwrap_or_else(|| panic!("{:#?}\n{text}", checked.diagnostics));
    compile(Arc::new(policy)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The scripts of all stages, with names for keys, and what their witnesses weigh.
fn layout(compiled: &Compiled) -> String {
    let mut out = String::new();
    let parties = compiled.policy().parties();
    let keys: Vec<(String, &str)> = parties
        .map(|party| (party.key().xpub().to_string(), party.name()))
        .collect();
    for stage in compiled.stages() {
        let text = stage.descriptor().to_string();
        let body = text.split('#').next().expect("a beginning");
        for run in body.split_inclusive(['(', ')', ',', '{', '}']) {
            let word = run.trim_end_matches(['(', ')', ',', '{', '}']);
            let named = keys.iter().find(|(key, _)| word.contains(key.as_str()));
            match named {
                Some((key, name)) => {
                    let branches = word.split(key.as_str()).nth(1).expect("branches");
                    write!(out, "{name}{branches}").expect("a string");
                }
                None if word.contains("tpub") => out += "nobody",
                None => out += word,
            }
            out += &run[word.len()..];
        }
        out.push('\n');
        for leaf in stage.leaves() {
            let weight = stage.witness_weight(leaf.kind());
            writeln!(
                out,
                "  {}: {:.3} WU, at most {}, at least {}",
                leaf.kind(),
                weight.expected,
                weight.most,
                weight.least
            )
            .expect("a string");
        }
        // The weights above are those of real scripts: the first address can be derived.
        let derived = stage.derive(Keychain::Receive, 0, &Secp256k1::new());
        derived.expect("an index");
    }
    out.replace("/*", "")
}

#[test]
fn cheapest_layouts_are_what_they_always_were() {
    let mut accounts = BTreeMap::new();
    let mut files = BTreeSet::new();
    for script in ["tr", "wsh"] {
        let mut out = String::new();
        for terms in policies() {
            // What P2WSH cannot hold, or has no choice about.
            let is_large = |quorum: &String| quorum.matches('"').count() > 2 * 20;
            let is_split = terms.quorums.iter().any(|quorum| quorum.contains("roster"));
            if script == "wsh" && (is_split || terms.quorums.iter().any(is_large)) {
                continue;
            }
            let compiled = compiled(&terms, script, &mut accounts);
            writeln!(out, "{}{}", terms.text(), layout(&compiled)).expect("a string");
        }
        let file = format!("{script}.txt");
        golden::check_file("layouts", &file, &out);
        files.insert(file);
    }
    golden::check_folder("layouts", &files);
}
