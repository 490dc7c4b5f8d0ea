//! The search against brute force, where that can be done.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::DerivationPath;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1::Secp256k1;

use super::Condition::Seat;
use super::tree::halvings;
use super::*;
use crate::compile::chance::Chance;
use crate::compile::encode::{Encoder, Lock};
use crate::compile::{LeafKind, compile};
use crate::policy::check;
use crate::signer::SoftwareSigner;

/// The most smallest sets for which all partitions are gone through: 3¹⁵ steps.
const MOST_SETS: usize = 15;

/// The most partitions that are finished before the search gives up and only the bound holds.
const MOST_NODES: usize = 3_000_000;

/// The digest of many partitions.
const PARTITIONS: &str = "247619c32cbce2be9664055fccb33430b2668389acc051054d3098fee2bad3f9";

/// A vault that only root spends, of these quorums.
fn vault(quorums: &str) -> Leaf {
    let terms: toml::Table = quorums.parse().expect("the quorums are TOML");
    let mut names: Vec<String> = Vec::new();
    for quorum in terms.values() {
        for name in quorum["of"].as_array().expect("a list") {
            let name = name.as_str().expect("a name").to_owned();
            if !terms.contains_key(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut text = String::from(
        "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"tr\"\nlayout = \"cheapest\"\naccept_total_loss = \"a test\"\n[parties]\n",
    );
    let secp = Secp256k1::new();
    let path = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
    for name in names {
        let key = SoftwareSigner::stand_in(0, &name, &secp).account(&path, &secp);
        writeln!(text, "{name} = {{ key = \"{key}\" }}").expect("text");
    }
    text += &format!("[quorums]\n{quorums}\n[root]\nquorum = \"root\"\n");
    let policy = check(&text).policy.expect("the policy is sound");
    let compiled = compile(Arc::new(policy)).expect("it compiles");
    compiled
        .vault()
        .leaf(&LeafKind::Spend)
        .expect("root spends")
        .clone()
}

/// What the search comes to.
fn found(leaf: &Leaf) -> f64 {
    let chosen = cheapest(vec![choices(0, leaf)]);
    expected(&chosen.iter().collect::<Vec<_>>()) / f64::from(leaf.likelihood())
}

/// The smallest sets of seats that meet a condition.
fn sets(condition: &Condition) -> Vec<u32> {
    match condition {
        Condition::Seat(seat) => vec![1 << seat],
        Condition::Threshold(threshold, members) => {
            let mut ways = vec![Vec::new(); threshold + 1];
            ways[0].push(0);
            for member in members {
                let own = sets(member);
                for met in (1..=*threshold).rev() {
                    let more: Vec<u32> = ways[met - 1]
                        .iter()
                        .flat_map(|before| own.iter().map(move |own| before | own))
                        .collect();
                    ways[met].extend(more);
                }
            }
            ways.swap_remove(*threshold)
        }
    }
}

/// Every script of thresholds that asks for no more than the condition: of its members some must
/// be met, each in one of its own scripts, and so many of some others as are still needed.
fn scripts(condition: &Condition) -> Vec<Vec<Condition>> {
    let (threshold, members) = match condition {
        Condition::Seat(_) => return vec![vec![condition.clone()]],
        Condition::Threshold(threshold, members) => (*threshold, members),
    };
    let mut all = Vec::new();
    for required in 0_u32..1 << members.len() {
        let needed = threshold.checked_sub(required.count_ones() as usize);
        let Some(needed) = needed else { continue };
        for others in 0_u32..1 << members.len() {
            let enough = if needed == 0 {
                others == 0
            } else {
                others.count_ones() as usize > needed
            };
            if others & required != 0 || !enough {
                continue;
            }
            let mut parts: Vec<Vec<Condition>> = vec![Vec::new()];
            for (number, member) in members.iter().enumerate() {
                if required >> number & 1 == 1 {
                    let own = scripts(member);
                    parts = parts
                        .iter()
                        .flat_map(|before| {
                            own.iter().map(|own| [before.clone(), own.clone()].concat())
                        })
                        .collect();
                }
            }
            let rest: Vec<Condition> = members
                .iter()
                .enumerate()
                .filter(|(number, _)| others >> number & 1 == 1)
                .map(|(_, member)| member.clone())
                .collect();
            for mut parts in parts {
                if needed > 0 {
                    parts.push(Condition::Threshold(needed, rest.clone()));
                }
                all.push(parts);
            }
        }
    }
    all
}

/// The least that any partition of the sets into such scripts, in any tree, weighs on average; and
/// a bound below it, which is all there is where the partitions are too many to be gone through.
fn optimum(part: &Condition, shares: &BTreeMap<u32, f64>, known: f64) -> (Option<f64>, f64) {
    let all = sets(part);
    let full = (1_usize << all.len()) - 1;
    let encoder = Encoder::new(ScriptType::Tr, 0);
    // For each group of sets: the least that a script for all of them weighs at depth zero.
    let mut least = vec![f64::INFINITY; full + 1];
    for parts in scripts(part) {
        let way = encoder
            .all(&parts, &[Lock::new("older", 1)], false)
            .expect("it can be written");
        let weight = way.satisfy + tapleaf_weight(way.size as u64, 0) as f64;
        let whole = Condition::Threshold(parts.len(), parts);
        let mut group = 0;
        for (number, set) in all.iter().enumerate() {
            if whole.is_met_by(&|seat| set >> seat & 1 == 1) {
                group |= 1 << number;
            }
        }
        // Every part of the group can use the script as well.
        let mut sub = group;
        while sub > 0 {
            least[sub] = least[sub].min(weight);
            sub = (sub - 1) & group;
        }
    }
    let share = |group: usize| -> f64 {
        let sets = all.iter().enumerate();
        let own = sets.filter(|(number, _)| group >> number & 1 == 1);
        own.map(|(_, set)| shares[set]).sum()
    };
    // Each script no higher than its share allows (Shannon): a bound for every tree.
    let alone: Vec<f64> = (0..=full)
        .map(|group| {
            if least[group].is_finite() {
                share(group) * (least[group] + LEVEL * halvings(share(group)))
            } else {
                f64::INFINITY
            }
        })
        .collect();
    let mut bound = vec![f64::INFINITY; full + 1];
    bound[0] = 0.0;
    for rest in 1..=full {
        let first = rest & rest.wrapping_neg();
        let mut sub = rest;
        while sub > 0 {
            if sub & first != 0 && alone[sub].is_finite() {
                bound[rest] = bound[rest].min(alone[sub] + bound[rest ^ sub]);
            }
            sub = (sub - 1) & rest;
        }
    }
    struct Search<'a> {
        least: &'a [f64],
        alone: &'a [f64],
        bound: &'a [f64],
        share: &'a dyn Fn(usize) -> f64,
        best: f64,
        nodes: usize,
    }
    impl Search<'_> {
        fn go(&mut self, rest: usize, before: f64, groups: &mut Vec<usize>) {
            self.nodes += 1;
            if self.nodes > MOST_NODES {
                return;
            }
            if rest == 0 {
                let shares: Vec<f64> = groups.iter().map(|group| (self.share)(*group)).collect();
                let scripts = groups
                    .iter()
                    .zip(&shares)
                    .map(|(group, share)| share * self.least[*group]);
                let whole = scripts.sum::<f64>() + LEVEL * levels(shares.clone());
                self.best = self.best.min(whole);
                return;
            }
            let first = rest & rest.wrapping_neg();
            let mut sub = rest;
            while sub > 0 {
                if sub & first != 0
                    && before + self.alone[sub] + self.bound[rest ^ sub] < self.best - 1e-6
                {
                    groups.push(sub);
                    self.go(rest ^ sub, before + self.alone[sub], groups);
                    groups.pop();
                }
                sub = (sub - 1) & rest;
            }
        }
    }
    let mut search = Search {
        least: &least,
        alone: &alone,
        bound: &bound,
        share: &share,
        best: known,
        nodes: 0,
    };
    search.go(full, 0.0, &mut Vec::new());
    let optimum = (search.nodes <= MOST_NODES).then_some(search.best);
    (optimum, bound[full])
}

fn flat(threshold: usize, of: usize, roster: Option<u8>) -> String {
    let names = |count| {
        let names = (0..count).map(|number| format!("\"p{number}\""));
        names.collect::<Vec<_>>().join(", ")
    };
    let roster = roster.map_or_else(String::new, |share| {
        format!(
            ", roster = {{ of = [{}], share = \"{share}%\" }}",
            names(threshold)
        )
    });
    format!(
        "root = {{ threshold = {threshold}, of = [{}]{roster} }}",
        names(of)
    )
}

fn nested(outer: (usize, usize), inner: (usize, usize)) -> String {
    let mut text = String::new();
    let mut names = Vec::new();
    for number in 0..outer.1 {
        let members = (0..inner.1).map(|member| format!("\"p{number}{member}\""));
        let members = members.collect::<Vec<_>>().join(", ");
        writeln!(
            text,
            "q{number} = {{ threshold = {}, of = [{members}] }}",
            inner.0
        )
        .expect("text");
        names.push(format!("\"q{number}\""));
    }
    text + &format!(
        "root = {{ threshold = {}, of = [{}] }}",
        outer.0,
        names.join(", ")
    )
}

/// Up to six parties, the search finds the best partition and the best tree, or comes so close to
/// it; `cargo test --lib brute_force -- --nocapture` prints how close.
#[test]
fn the_search_against_brute_force() {
    let mut cases: Vec<(String, String)> = Vec::new();
    for of in 2..=6 {
        for threshold in 1..=of {
            cases.push((format!("{threshold}-of-{of}"), flat(threshold, of, None)));
            for share in [50, 80, 95] {
                if of < 6 && threshold < of {
                    let name = format!("{threshold}-of-{of}, roster {share} %");
                    cases.push((name, flat(threshold, of, Some(share))));
                }
            }
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
    ] {
        let name = format!("{}-of-{} of {}-of-{}", outer.0, outer.1, inner.0, inner.1);
        cases.push((name, nested(outer, inner)));
    }
    for (name, quorums) in cases {
        let leaf = vault(&quorums);
        let Condition::Threshold(_, parts) = Condition::of(&leaf) else {
            panic!("a leaf has parts")
        };
        let [part] = parts.as_slice() else {
            panic!("of one quorum")
        };
        let all = sets(part);
        if all.len() > MOST_SETS {
            continue;
        }
        let roster = Roster::of(&leaf, part);
        let rest = roster.as_ref().map_or(1.0, |roster| 1.0 - roster.share);
        let mut shares: BTreeMap<u32, f64> = all
            .iter()
            .map(|set| (*set, rest / all.len() as f64))
            .collect();
        if let Some(roster) = &roster {
            let set = roster.seats.iter().fold(0, |set, seat| set | 1 << seat);
            *shares.get_mut(&set).expect("it meets the threshold") += roster.share;
        }
        let ours = found(&leaf);
        let (optimum, bound) = optimum(part, &shares, ours);
        let best = optimum.unwrap_or(bound);
        println!(
            "{name:<24} {:>3} sets  ours {ours:>7.2}  {} {best:>7.2}  {:+.2} %",
            all.len(),
            if optimum.is_some() {
                "optimum"
            } else {
                "bound  "
            },
            (ours / best - 1.0) * 100.0
        );
        assert!(ours >= best - 1e-6, "{name}: {ours} below {best}");
        assert!(ours <= best * 1.0075, "{name}: {ours} above {best}");
    }
}

/// Script and witness of each piece as often as it is used, and 32 bytes for each level.
#[test]
fn a_partition_is_estimated_by_its_pieces_and_levels() {
    let keys =
        |threshold, members| Condition::Threshold(threshold, (0..members).map(Seat).collect());
    let piece = |parts, share| Piece { parts, share };
    // Two of three keys: 34 bytes for each, one for the number and one for the operation; two
    // signatures of 65 and an empty item.
    let whole = 104.0 + 131.0;
    assert_eq!(estimate(&[piece(vec![keys(2, 3)], 1.0)]), whole);
    let both = [
        piece(vec![keys(2, 3)], 0.75),
        piece(vec![Seat(0), Seat(1)], 0.25),
    ];
    let pair = 2.0 * (34.0 + 65.0);
    assert_eq!(estimate(&both), 0.75 * whole + 0.25 * pair + LEVEL);
}

/// Partitions decide over scripts, and these over the policy id.
#[test]
fn partitions_are_what_they_always_were() {
    let keys =
        |threshold, members| Condition::Threshold(threshold, (0..members).map(Seat).collect());
    let mut conditions: Vec<Condition> =
        [(1, 23), (1, 24), (1, 25), (2, 24), (3, 5), (5, 9), (8, 15)]
            .map(|(threshold, members)| keys(threshold, members))
            .to_vec();
    let mut chance = Chance(41);
    while conditions.len() < 300 {
        let condition = chance.condition(3, &mut 0);
        if !matches!(condition, Seat(_)) {
            conditions.push(condition);
        }
    }
    let mut lines = Vec::new();
    for condition in conditions {
        let found = [
            splits(&condition, false),
            splits(&condition, true),
            packings(&condition),
        ];
        for pieces in found.into_iter().flatten() {
            lines.push(format!("{condition:?}: {pieces:?}"));
        }
    }
    let text = lines.join("\n");
    let found = sha256::Hash::hash(text.as_bytes()).to_string();
    if found != PARTITIONS {
        let file = std::env::temp_dir().join("longstop-partitions.txt");
        std::fs::write(&file, text).expect("a temporary file");
        panic!(
            "other partitions than ever: {found}; they are in {}",
            file.display()
        );
    }
}

/// The search ends where no other partition of any one leaf would be cheaper.
#[test]
fn no_leaf_could_be_split_better_by_itself() {
    let mut chance = Chance(47);
    let mut later = 0;
    for _ in 0..300 {
        let mut number = |limit| 1.0 + chance.below(limit) as f64;
        let choices: Vec<Vec<Vec<Block>>> = (0..3)
            .map(|leaf| {
                let weight = number(60);
                let partition = |pieces: usize| {
                    let block = |_| Block {
                        leaf,
                        parts: Vec::new(),
                        weight: weight / pieces as f64,
                        text: String::new(),
                        size: number(600) / pieces as f64,
                        most: 0,
                        expected: number(400),
                    };
                    (0..pieces).map(block).collect()
                };
                [1, 3, 9].map(partition).to_vec()
            })
            .collect();
        let chosen = cheapest(choices.clone());
        let cost = expected(&chosen.iter().collect::<Vec<_>>());
        let pieces = |leaf| chosen.iter().filter(|block| block.leaf == leaf).count();
        let own = (0..3).map(|leaf| {
            choices[leaf]
                .iter()
                .position(|all| all.len() == pieces(leaf))
        });
        let own: Vec<usize> = own.map(|place| place.expect("one of three")).collect();
        for leaf in 0..3 {
            for other in 0..3 {
                let mut changed = own.clone();
                changed[leaf] = other;
                assert!(expected(&selected(&choices, &changed)) >= cost);
            }
        }
        // After a single round some leaf could be: there are cases for the second.
        let mut once = vec![0; 3];
        for leaf in 0..3 {
            let cost = |choice: usize| {
                let mut other = once.clone();
                other[leaf] = choice;
                expected(&selected(&choices, &other))
            };
            let best = (0..3).min_by(|one, other| cost(*one).total_cmp(&cost(*other)));
            once[leaf] = best.expect("three choices");
        }
        later += usize::from(once != own);
    }
    assert!(later > 0);
}
