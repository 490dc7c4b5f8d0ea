//! Generated policies with everything the language has: [`large_plans`](crate::generate), written
//! down, and then given likelihoods, rosters, weights, lock-ups with people of their own, and a
//! layout.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is out of range is a fault of it"
)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use toml::{Table, Value};

use crate::dice::Dice;
use crate::generate::{Plan, large_plans, plans};

/// Texts of sound policies, small and large ones.
pub fn policies() -> impl Strategy<Value = String> {
    let plan = prop_oneof![2 => plans().boxed(), 3 => large_plans().boxed()];
    (plan, any::<u64>()).prop_map(|(plan, seed)| full(&plan, &mut Dice(seed)))
}

/// The text of a plan with what the plan has no words for.
pub fn full(plan: &Plan, dice: &mut Dice) -> String {
    let mut document: Table = plan.to_toml().parse().expect("a plan is TOML");
    quorums(&mut document, dice);
    if dice.below(3) == 0 {
        likelihood(&mut document["root"], dice);
    }
    if dice.below(5) < 2 {
        let policy = document["policy"].as_table_mut().expect("a policy");
        policy.insert("layout".to_owned(), "cheapest".into());
    }
    let parties: Vec<String> = plan
        .parties
        .iter()
        .map(|party| party.name.clone())
        .collect();
    let quorums: Vec<String> = plan
        .quorums
        .iter()
        .map(|quorum| quorum.name.clone())
        .collect();
    let paths = document["path"].as_array_mut().expect("paths");
    for path in paths {
        if dice.below(2) == 0 {
            likelihood(path, dice);
        }
        let Some(lockup) = path.get_mut("lockup").and_then(Value::as_table_mut) else {
            continue;
        };
        match dice.below(4) {
            0 => lockup.insert("quorum".to_owned(), pick(&quorums, dice)),
            1 => lockup.insert("beneficiary".to_owned(), pick(&parties, dice)),
            _ => None,
        };
    }
    document.to_string()
}

fn pick(names: &[String], dice: &mut Dice) -> Value {
    names[dice.below(names.len())].clone().into()
}

fn likelihood(table: &mut Value, dice: &mut Dice) {
    let most = [10, 10_000][dice.below(2)];
    let likelihood = 1 + dice.below(most);
    let table = table.as_table_mut().expect("a table");
    table.insert("likelihood".to_owned(), Value::Integer(likelihood as i64));
}

/// Gives some of the quorums a roster, and some weights in place of a threshold.
fn quorums(document: &mut Table, dice: &mut Dice) {
    let parties: BTreeSet<String> = document["parties"]
        .as_table()
        .expect("parties")
        .keys()
        .cloned()
        .collect();
    let quorums = document["quorums"].as_table_mut().expect("quorums");
    let shared: BTreeSet<String> = quorums
        .values()
        .filter_map(|quorum| quorum.get("members_of")?.as_str().map(str::to_owned))
        .collect();
    let mut are_weighted = false;
    for (name, quorum) in quorums.iter_mut() {
        let quorum = quorum.as_table_mut().expect("a quorum");
        let Some(of) = quorum.get("of").and_then(Value::as_array) else {
            continue;
        };
        let mut members: Vec<String> = of
            .iter()
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect();
        let threshold = quorum["threshold"].as_integer().expect("a threshold") as usize;
        if !members.iter().all(|member| parties.contains(member)) {
            continue;
        }
        if members.len() > 2 && !shared.contains(name) && dice.below(4) == 0 {
            are_weighted = true;
            *quorum = weighted(&members, dice);
        } else if threshold < members.len() && dice.below(3) == 0 {
            dice.shuffle(&mut members);
            members.truncate(threshold);
            let share = format!("{}%", 1 + dice.below(99));
            let mut roster = Table::new();
            roster.insert("of".to_owned(), members.into());
            roster.insert("share".to_owned(), share.into());
            quorum.insert("roster".to_owned(), roster.into());
        }
    }
    if are_weighted {
        // What a path survives may have changed.
        let policy = document["policy"].as_table_mut().expect("a policy");
        let reason = Value::from("a test has nothing to lose");
        policy.insert("accept_total_loss".to_owned(), reason);
    }
}

/// A chair without whom nothing goes, one who suffices alone, or members who weigh the same.
fn weighted(members: &[String], dice: &mut Dice) -> Table {
    let others = members.len() - 1;
    let needed = 1 + dice.below(others);
    let (chair, each, weight) = match dice.below(3) {
        0 => (others, 1, others + needed),
        1 => (needed, 1, needed),
        _ => (3, 3, 3 * needed),
    };
    let weights = members.iter().enumerate().map(|(at, name)| {
        let weight = if at == 0 { chair } else { each };
        (name.clone(), Value::Integer(weight as i64))
    });
    let mut quorum = Table::new();
    quorum.insert("weight".to_owned(), Value::Integer(weight as i64));
    quorum.insert("weights".to_owned(), Value::Table(weights.collect()));
    quorum
}
