//! Generated policies with everything the language has: [`large_plans`](crate::generate), written
//! down, and then given likelihoods, rosters, weights, lock-ups with people of their own, and a
//! layout.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is out of range is a fault of it"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::compile;
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use proptest::prelude::*;
use toml::{Table, Value};

use crate::dice::Dice;
use crate::generate::{Plan, large_plans, of_any_version, plans, replaces};

/// Texts of sound policies, small and large ones, and such with seats that have later keys.
pub fn policies() -> impl Strategy<Value = String> {
    let plan = of_any_version(prop_oneof![2 => plans().boxed(), 3 => large_plans().boxed()]);
    let plans = (plan, any::<u64>())
        .prop_map(|(plan, seed)| full(&plan, &mut Dice(seed)))
        // What is given to a plan makes its leaves heavier.
        .prop_filter("its rungs are far enough apart", |text| {
            !text.contains("rungs")
                || check(text)
                    .policy
                    .is_none_or(|policy| replaces(&compile(Arc::new(policy))))
        });
    let later = any::<u64>().prop_map(|seed| later_keys(&mut Dice(seed)));
    prop_oneof![4 => plans.boxed(), 1 => later.boxed()]
}

/// A root of a few seats, and direct paths of the same seats with other keys beside the first,
/// mostly in the layout that writes them as one.
pub fn later_keys(dice: &mut Dice) -> String {
    let script = ["wsh", "wsh", "wsh", "tr"][dice.below(4)];
    let layout = ["cheapest", "cheapest", "cheapest", "device"][dice.below(4)];
    let count = 1 + dice.below(4);
    let threshold = 1 + dice.below(count);
    let mut names = Vec::new();
    let mut quorums = String::new();
    let mut add = |name: &str, threshold: usize, members: &[String]| {
        writeln!(
            quorums,
            "{name} = {{ threshold = {threshold}, of = {members:?} }}"
        )
        .expect("writing to a string");
    };
    let mut party = |kind: &str, seat: usize| {
        names.push(format!("{kind}-{seat}"));
        format!("{kind}-{seat}")
    };
    let mut own = Vec::new();
    for seat in 0..count {
        own.push(if dice.below(5) == 0 {
            let parts = [party("x", seat), party("y", seat)];
            add(&format!("own-{seat}"), 1 + dice.below(2), &parts);
            format!("own-{seat}")
        } else {
            party("k", seat)
        });
    }
    let mut later = own.clone();
    let mut paths = String::new();
    for path in ["late", "latest"].into_iter().take(1 + dice.below(3) / 2) {
        for (seat, member) in later.iter_mut().enumerate() {
            let others = match dice.below(4) {
                0 => continue,
                1 => vec![
                    member.clone(),
                    party(&format!("b-{path}"), seat),
                    party(&format!("c-{path}"), seat),
                ],
                2 => {
                    let parts = [
                        party(&format!("p-{path}"), seat),
                        party(&format!("q-{path}"), seat),
                    ];
                    add(&format!("two-{path}-{seat}"), 2, &parts);
                    vec![format!("two-{path}-{seat}"), member.clone()]
                }
                _ => vec![member.clone(), party(&format!("b-{path}"), seat)],
            };
            *member = format!("seat-{path}-{seat}");
            add(member, 1, &others);
        }
        let mut members = later.clone();
        if dice.below(3) == 0 {
            dice.shuffle(&mut members);
        }
        let needed = if dice.below(6) == 0 { 1 } else { threshold };
        add(path, needed, &members);
        let blocks = 3_000 + if path == "latest" { 500 } else { 0 } + dice.below(3_000);
        let delay = format!("delay = \"{blocks} blocks\"");
        let wait = match dice.below(8) {
            0 => "unlock_height = 900000".to_owned(),
            1 => "unlock_at = \"2031-01-01T00:00:00Z\"".to_owned(),
            2 => format!("{delay}\nunlock_height = 900000"),
            3 => "clock = \"time\"\ndelay = \"100 days\"".to_owned(),
            _ => delay,
        };
        let likelihood = [1, 10, 1_000][dice.below(3)];
        write!(
            paths,
            "[[path]]\nname = \"{path}\"\nquorum = \"{path}\"\n{wait}\nlikelihood = {likelihood}\n"
        )
        .expect("writing to a string");
    }
    add("root", threshold, &own);
    if dice.below(3) == 0 {
        let agents = [party("a", 0), party("a", 1)];
        add("agents", 1 + dice.below(2), &agents);
        add("vetoers", 1, &own);
        paths += "[[path]]\nname = \"sos\"\nquorum = \"agents\"\nescrow = { window = \"200 blocks\", veto = \"vetoers\", backstop = \"400 blocks\" }\nlockup = { period = \"300 blocks\" }\n";
    }
    let secp = Secp256k1::new();
    let account = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
    let mut text = format!(
        "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"{script}\"\nlayout = \"{layout}\"\naccept_total_loss = \"a test has nothing to lose\"\n\n[parties]\n"
    );
    for name in names {
        let key = SoftwareSigner::stand_in(0, &name, &secp).account(&account, &secp);
        writeln!(text, "{name} = {{ key = \"{key}\" }}").expect("writing to a string");
    }
    text + "[quorums]\n"
        + &quorums
        + "[root]\nquorum = \"root\"\nrefresh = \"10 blocks\"\n"
        + &paths
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
