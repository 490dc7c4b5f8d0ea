//! The policies that are measured: those that are shipped, and families that are hard to compile
//! or worth splitting.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::str::FromStr;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::signer::SoftwareSigner;

use super::{anchor, bound};

/// One policy, with what its expected weight may be at most against the anchor's.
pub struct Case {
    pub name: String,
    pub most_ratio: f64,
    /// How many times as fast as the anchor it must be compiled at least.
    pub least_faster: f64,
    /// What no partition into scripts of thresholds comes below, where that is known; it is to be
    /// reached.
    pub bound: Option<f64>,
    /// In which form the anchor is told of it.
    pub anchor: anchor::Form,
    form: Form,
}

enum Form {
    Shipped(String),
    Terms { script: &'static str, terms: String },
}

/// No more than the anchor's, but for the last digits of a sum of doubles.
const NEVER_ABOVE: f64 = 1.000_001;

impl Case {
    fn new(name: impl Into<String>, script: &'static str, terms: impl Into<String>) -> Self {
        Self {
            name: format!("{} {script}", name.into()),
            most_ratio: NEVER_ABOVE,
            least_faster: 0.0,
            bound: None,
            anchor: anchor::Form::Leaves,
            form: Form::Terms {
                script,
                terms: terms.into(),
            },
        }
    }

    const fn at_most(mut self, ratio: f64) -> Self {
        self.most_ratio = ratio;
        self
    }

    /// A bound that is known.
    const fn reaches(mut self, bound: f64) -> Self {
        self.bound = Some(bound);
        self
    }

    const fn told_as(mut self, form: anchor::Form) -> Self {
        self.anchor = form;
        self
    }

    const fn faster(mut self, times: f64) -> Self {
        self.least_faster = times;
        self
    }

    /// The document, with a layout.
    pub fn text(&self, layout: &str) -> String {
        match &self.form {
            Form::Shipped(text) => {
                let lines = text.lines().filter(|line| !line.starts_with("layout "));
                let lines: Vec<&str> = lines.collect();
                let policy = format!("[policy]\nlayout = \"{layout}\"");
                lines.join("\n").replacen("[policy]", &policy, 1)
            }
            Form::Terms { script, terms } => {
                let mut text = format!(
                    "[policy]\nname = \"bench\"\nnetwork = \"regtest\"\nscript = \"{script}\"\nlayout = \"{layout}\"\naccept_total_loss = \"a bench\"\n\n[parties]\n"
                );
                let secp = Secp256k1::new();
                let path = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
                for name in parties(terms) {
                    let key = SoftwareSigner::stand_in(0, &name, &secp).account(&path, &secp);
                    writeln!(text, "{name} = {{ key = \"{key}\" }}").expect("a string");
                }
                text + terms
            }
        }
    }
}

fn parties(terms: &str) -> BTreeSet<String> {
    let terms: toml::Table = terms.parse().expect("the terms are TOML");
    let quorums = terms["quorums"].as_table().expect("there are quorums");
    let lists = quorums.values().filter_map(|quorum| quorum.get("of"));
    let names = lists.flat_map(|list| list.as_array().expect("a list").iter());
    let names = names.map(|name| name.as_str().expect("a name").to_owned());
    names.filter(|name| !quorums.contains_key(name)).collect()
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

fn flat(threshold: usize, prefix: &str, of: usize) -> String {
    format!(
        "{{ threshold = {threshold}, of = [{}] }}",
        list((0..of).map(|i| format!("{prefix}-{i}")))
    )
}

/// So many departments, each a quorum, of which some must agree.
fn departments(outer: (usize, usize), inner: (usize, usize)) -> String {
    let mut terms = String::from("[quorums]\n");
    for i in 0..outer.1 {
        let own = flat(inner.0, &format!("d{i}"), inner.1);
        writeln!(terms, "dep-{i} = {own}").expect("a string");
    }
    let deps = list((0..outer.1).map(|i| format!("dep-{i}")));
    terms
        + &format!(
            "root = {{ threshold = {}, of = [{deps}] }}\n[root]\nquorum = \"root\"\n",
            outer.0
        )
}

fn roster(threshold: usize, of: usize, share: u32) -> String {
    let usual = list((0..threshold).map(|i| format!("p-{i}")));
    let all = list((0..of).map(|i| format!("p-{i}")));
    format!(
        "[quorums]\nroot = {{ threshold = {threshold}, of = [{all}], roster = {{ of = [{usual}], share = \"{share}%\" }} }}\n[root]\nquorum = \"root\"\n"
    )
}

/// A quorum of five keys, and others of five keys each that come later and later and ask for less.
fn decaying(quorums: usize) -> String {
    let mut terms = format!("[quorums]\nq-0 = {}\n", flat(5, "q0", 5));
    let mut paths = String::new();
    for i in 1..quorums {
        let threshold = 5 - i.min(4);
        writeln!(terms, "q-{i} = {}", flat(threshold, &format!("q{i}"), 5)).expect("a string");
        writeln!(
            paths,
            "[[path]]\nname = \"later-{i}\"\nquorum = \"q-{i}\"\ndelay = \"{} blocks\"",
            2200 + 1400 * i
        )
        .expect("a string");
    }
    terms + "[root]\nquorum = \"q-0\"\nrefresh = \"100 blocks\"\n" + &paths
}

/// Conjunctions and disjunctions in turn, each of two, so deep.
fn alternating(depth: usize) -> String {
    let mut terms = String::from("[quorums]\n");
    fn add(terms: &mut String, name: &str, depth: usize) {
        let threshold = 1 + depth % 2;
        let members = ["a", "b"].map(|turn| format!("{name}{turn}"));
        writeln!(
            terms,
            "{name} = {{ threshold = {threshold}, of = [{}] }}",
            list(members.iter().cloned())
        )
        .expect("a string");
        if depth > 1 {
            for member in &members {
                add(terms, member, depth - 1);
            }
        }
    }
    add(&mut terms, "t", depth);
    terms + "[root]\nquorum = \"t\"\n"
}

/// Seats of which each has a key, and another that counts later.
fn later_seats(threshold: usize, of: usize) -> String {
    let mut terms = format!("[quorums]\nroot = {}\n", flat(threshold, "k", of));
    for i in 0..of {
        writeln!(
            terms,
            "seat-{i} = {{ threshold = 1, of = [\"k-{i}\", \"b-{i}\"] }}"
        )
        .expect("a string");
    }
    let seats = list((0..of).map(|i| format!("seat-{i}")));
    terms
        + &format!(
            "late = {{ threshold = {threshold}, of = [{seats}] }}\n[root]\nquorum = \"root\"\nrefresh = \"100 blocks\"\n[[path]]\nname = \"late\"\nquorum = \"late\"\ndelay = \"4000 blocks\"\n"
        )
}

/// Seats of which each is one of two keys.
fn seats(threshold: usize, of: usize) -> String {
    departments((threshold, of), (1, 2))
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let root = |quorum: String| format!("[quorums]\nroot = {quorum}\n[root]\nquorum = \"root\"\n");
    for script in ["tr", "wsh"] {
        cases.push(Case::new("2-of-3", script, root(flat(2, "p", 3))));
        let either = format!(
            "[quorums]\nmany = {}\nfew = {}\n[root]\nquorum = \"many\"\nrefresh = \"100 blocks\"\n[[path]]\nname = \"few\"\nquorum = \"few\"\ndelay = \"4000 blocks\"\n",
            flat(5, "m", 9),
            flat(3, "f", 5)
        );
        cases.push(Case::new("5-of-9 | 3-of-5", script, either));
        cases.push(Case::new("20-of-20", script, root(flat(20, "p", 20))));
    }
    cases.push(Case::new("2-of-3 of 2-of-3", "tr", departments((2, 3), (2, 3))).at_most(0.90));
    cases.push(Case::new("3-of-5 of 3-of-5", "tr", departments((3, 5), (3, 5))).at_most(0.83));
    cases.push(Case::new(
        "2-of-3 of 2-of-3",
        "wsh",
        departments((2, 3), (2, 3)),
    ));
    // What a roster saves is the keys of the others, against one level of the tree: nothing to
    // speak of for 2-of-3, and more the more others there are.  Where no ratio of 0.85 is to be
    // had, the bound says so, and is to be reached.
    for (threshold, of) in [(2, 3), (3, 5), (5, 9)] {
        let name = format!("{threshold}-of-{of}, roster 80 %");
        let case = Case::new(name, "tr", roster(threshold, of, 80));
        cases.push(case.reaches(bound::with_roster(threshold, of, 0.8)));
    }
    for (threshold, of) in [(3, 9), (5, 15)] {
        let name = format!("{threshold}-of-{of}, roster 80 %");
        let case = Case::new(name, "tr", roster(threshold, of, 80));
        cases.push(case.at_most(0.85));
    }
    let usual =
        "roster = { of = [\"d0-0\", \"d0-1\", \"d1-0\", \"d1-1\"], share = \"80%\" } }\n[root]";
    let with_roster = departments((2, 3), (2, 3)).replace(" }\n[root]", &format!(", {usual}"));
    cases.push(Case::new("2-of-3 of 2-of-3, roster 80 %", "tr", with_roster).at_most(0.85));
    cases.push(Case::new("3-of-5, roster 80 %", "wsh", roster(3, 5, 80)));
    cases.push(Case::new("5-of-9 seats of two", "tr", seats(5, 9)));
    cases.push(Case::new("6-of-11 seats of two", "tr", seats(6, 11)));
    cases.push(Case::new("5-of-9 seats of two", "wsh", seats(5, 9)));
    for (threshold, of) in [(5, 9), (6, 11)] {
        for script in ["tr", "wsh"] {
            let name = format!("{threshold}-of-{of} seats, later two");
            let case = Case::new(name, script, later_seats(threshold, of));
            cases.push(case.told_as(anchor::Form::Seats));
        }
    }
    for depth in [4, 6, 7, 8] {
        cases.push(Case::new(
            format!("and/or, depth {depth}"),
            "tr",
            alternating(depth),
        ));
    }
    for quorums in [6, 8, 12, 20] {
        for script in ["tr", "wsh"] {
            let name = format!("{quorums} decaying quorums");
            let case = Case::new(name, script, decaying(quorums));
            let goal = if script == "wsh" && quorums == 6 {
                80.0
            } else {
                0.0
            };
            cases.push(case.faster(goal));
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut shipped: Vec<_> = std::fs::read_dir(folder)
        .expect("there are policies")
        .filter_map(|entry| {
            let path = entry.expect("it can be listed").path();
            let text = std::fs::read_to_string(path.join("policy.toml")).ok()?;
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some(Case {
                name,
                most_ratio: NEVER_ABOVE,
                least_faster: 0.0,
                bound: None,
                anchor: anchor::Form::Leaves,
                form: Form::Shipped(text),
            })
        })
        .collect();
    shipped.sort_by(|left, right| left.name.cmp(&right.name));
    cases.extend(shipped);
    cases
}
