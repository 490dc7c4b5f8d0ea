//! What a comparison of two policies says, against every set of their parties.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/full.rs"]
mod full;
#[path = "analysis/game.rs"]
mod game;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/reference.rs"]
mod reference;

#[path = "diff/brute.rs"]
mod brute;
#[path = "diff/mutation.rs"]
mod mutation;

use std::sync::Arc;

use longstop::analysis::{Action, Difference, PowerChange, StageFate, compare};
use longstop::compile::{Compiled, compile};
use longstop::policy::check;
use proptest::prelude::*;
use toml::Table;

use crate::brute::{Abilities, Before};
use crate::dice::Dice;
use crate::full::full;
use crate::generate::plans;
use crate::mutation::Mutation;

const DAO: &str = "policies/dao-treasury/policy.toml";

fn compiled(text: &str) -> Option<Compiled> {
    compile(Arc::new(check(text).policy?)).ok()
}

fn differ(old: &Compiled, new: &Compiled) -> Difference {
    compare(old, new, new.policy().base_fee()).expect("small policies can be decided")
}

fn dao() -> String {
    std::fs::read_to_string(DAO).expect("the policy is shipped")
}

/// The treasury with one text in place of another, compared with what it was.
fn changed(from: &str, to: &str) -> Difference {
    let text = dao();
    assert!(text.contains(from), "{from}");
    let new = compiled(&text.replacen(from, to, 1)).expect("it compiles");
    differ(&compiled(&text).expect("it compiles"), &new)
}

/// What a change says without the coalition it chose as a proof.
fn outline(changes: &[PowerChange], swap: bool) -> Vec<String> {
    let outline = |change: &PowerChange| {
        let (before, now) = if swap {
            (change.now, change.before)
        } else {
            (change.before, change.now)
        };
        // Of several smallest coalitions another may have been chosen, which could later.
        let earlier = before.into_iter().chain(now).min();
        let size = change.who.len();
        format!("{:?} {size} {earlier:?}", change.ability)
    };
    changes.iter().map(outline).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_differs_in_nothing_from_itself(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = compiled(&text) else { return Ok(()) };
        let difference = differ(&policy, &policy);
        prop_assert!(difference.same_id && difference.same_descriptors && difference.same_powers);
        prop_assert!(difference.changes.is_empty());
        prop_assert!(difference.gains.is_empty() && difference.losses.is_empty());
        prop_assert_eq!(difference.work.action, Action::Nothing);
        prop_assert!(difference.work.moving.is_none() && difference.work.leavers.is_empty());
    }

    #[test]
    fn what_one_way_gains_the_other_loses(
        plan in plans(),
        seed in any::<u64>(),
        mutation in Mutation::any(),
    ) {
        let text = full(&plan, &mut Dice(seed));
        let Some(other) = mutation.of(&text, &mut Dice(seed)) else { return Ok(()) };
        let (Some(one), Some(two)) = (compiled(&text), compiled(&other)) else { return Ok(()) };
        let (there, back) = (differ(&one, &two), differ(&two, &one));
        prop_assert_eq!(outline(&there.gains, false), outline(&back.losses, true));
        prop_assert_eq!(outline(&there.losses, false), outline(&back.gains, true));
        prop_assert_eq!(there.changes.len(), back.changes.len());
        for (one, two) in there.changes.iter().zip(&back.changes) {
            prop_assert_eq!(&one.part, &two.part);
        }
        for (one, two) in there.waits.iter().zip(&back.waits) {
            prop_assert_eq!((one.before, one.now), (two.now, two.before));
        }
    }

    #[test]
    fn powers_come_and_go_as_every_set_of_parties_says(
        plan in plans(),
        seed in any::<u64>(),
        mutation in Mutation::any(),
    ) {
        let text = full(&plan, &mut Dice(seed));
        let Some(other) = mutation.of(&text, &mut Dice(seed)) else { return Ok(()) };
        let (Some(one), Some(two)) = (compiled(&text), compiled(&other)) else { return Ok(()) };
        prop_assume!(one.policy().parties().count() <= 6);
        let difference = differ(&one, &two);
        prop_assert!(one.id() == two.id() || !difference.changes.is_empty());
        let names: Vec<String> = one
            .policy()
            .parties()
            .chain(two.policy().parties())
            .map(|party| party.name().to_owned())
            .collect();
        let (old, new) = (Abilities::of(&text, &names), Abilities::of(&other, &names));
        let terms = |text: &str| text[text.find("[[path]]").unwrap_or_default()..].to_owned();
        let about = format!("{mutation:?} of\n{}", terms(&text));
        brute::agree(&difference.gains, &new, &old, Before::Old, &about);
        brute::agree(&difference.losses, &old, &new, Before::New, &about);
    }
}

#[test]
fn a_lower_threshold_is_gained_by_fewer() {
    let lower = changed("council = { threshold = 3", "council = { threshold = 2");
    let first = &lower.gains[0];
    assert_eq!(first.who.len(), 2);
    assert_eq!(first.before, None);
    assert_eq!(first.all_before.to_string(), "any 3 of council");
    assert_eq!(first.all_now.to_string(), "any 2 of council");
    assert_eq!(lower.work.action, Action::Move);
    assert_eq!(lower.changes.len(), 1);
}

#[test]
fn a_shorter_delay_is_told_with_both_dates() {
    let sooner = changed("delay  = \"365 days\"", "delay  = \"364 days\"");
    assert_eq!(sooner.losses.len(), 0);
    let [change] = sooner.gains.as_slice() else {
        panic!("{:?}", sooner.gains);
    };
    assert_eq!(change.who.len(), 2);
    let days = |when: Option<longstop::analysis::When>| when.map(|when| when.seconds / 86_400);
    assert_eq!(
        (days(change.before), days(change.now)),
        (Some(365), Some(364))
    );
    let longer = changed("delay  = \"365 days\"", "delay  = \"366 days\"");
    assert_eq!((longer.gains.len(), longer.losses.len()), (0, 1));
    // The rescue of a coin that was never armed takes as long.
    assert_eq!(longer.waits.len(), 1);
}

#[test]
fn what_has_to_be_done_is_no_more_than_what_differs() {
    let cases = [
        (
            "base_fee = \"2 sat/vB\"",
            "base_fee = \"3 sat/vB\"",
            Action::Rearm,
        ),
        ("depth = 2", "depth = 1", Action::Rearm),
        (
            "window = \"14 days\"",
            "window = \"15 days\"",
            Action::Rearm,
        ),
        ("{ manual = \"agents\" },", "", Action::Ratify),
        ("site = \"berlin\"", "site = \"bonn\"", Action::Ratify),
        ("two of three agents", "2 of 3 agents", Action::Ratify),
        ("\"180 days\"", "\"170 days\"", Action::Ratify),
        (
            "name     = \"dao-treasury\"",
            "name = \"dao-treasury\" # once more",
            Action::Nothing,
        ),
        ("threshold = 2, of", "threshold = 3, of", Action::Move),
        ("script   = \"tr\"", "script   = \"wsh\"", Action::Move),
    ];
    for (from, to, action) in cases {
        let difference = changed(from, to);
        assert_eq!(difference.work.action, action, "{to}");
        assert_eq!(difference.same_id, action == Action::Nothing, "{to}");
        assert_eq!(
            difference.changes.is_empty(),
            action == Action::Nothing,
            "{to}"
        );
        let is_costly = matches!(action, Action::Rearm | Action::Move);
        assert_eq!(difference.work.moving.is_some(), is_costly, "{to}");
        assert_eq!(difference.work.arming.is_empty(), !is_costly, "{to}");
        if action == Action::Ratify {
            assert!(difference.same_descriptors, "{to}");
        }
    }
}

#[test]
fn other_descriptors_can_be_the_same_powers() {
    let script = changed("script   = \"tr\"", "script   = \"wsh\"");
    assert!(script.same_powers && !script.same_descriptors);
    let reason = changed("two of three agents", "2 of 3 agents");
    assert!(reason.same_powers && reason.same_descriptors && !reason.same_id);
}

#[test]
fn a_window_leaves_the_vault_where_it_is() {
    let window = changed("window = \"14 days\"", "window = \"15 days\"");
    let fates: Vec<StageFate> = window
        .work
        .stages
        .iter()
        .map(|change| change.descriptor)
        .collect();
    assert_eq!(
        fates,
        [StageFate::Same, StageFate::Changed, StageFate::Same]
    );
    assert_eq!(window.work.arming[0].path, "sos");
    let arming = &window.work.arming[0];
    let numbers = [&arming.triggers, &arming.cancels, &arming.settles];
    assert!(
        numbers
            .iter()
            .all(|number| number.is_some_and(|number| number.number == 2))
    );
}

#[test]
fn whoever_leaves_keeps_the_old_coins_in_reach() {
    let text = dao();
    let without = text.replace("\"gina\", \"hal\", \"ivan\"", "\"gina\", \"hal\"");
    let mut document: Table = without.parse().expect("TOML");
    let parties = document["parties"].as_table_mut().expect("parties");
    parties.remove("ivan").expect("he was there");
    let new = compiled(&document.to_string()).expect("it compiles");
    let difference = differ(&compiled(&text).expect("it compiles"), &new);
    let [leaver] = difference.work.leavers.as_slice() else {
        panic!("{:?}", difference.work.leavers);
    };
    assert_eq!(leaver.party, "ivan");
    assert!(!leaver.in_root && !leaver.has_new_key);
    assert_eq!(leaver.acts_on, ["sos", "dead-man"]);
    assert_eq!(leaver.files_of, ["sos"]);
    assert!(leaver.vetoes.is_empty());
    assert!(
        difference
            .gains
            .iter()
            .all(|gain| !gain.who.contains(&"ivan".to_owned()))
    );
}

/// Gives a party the key of another one of the treasury that is not in it any more.
fn rekeyed() -> (String, String) {
    let mut document: Table = dao().parse().expect("TOML");
    let parties = document["parties"].as_table_mut().expect("parties");
    let erin = parties.remove("erin").expect("she is there");
    let quorums = document["quorums"].as_table_mut().expect("quorums");
    quorums["council"]["of"] = vec!["alice", "bob", "carol", "dave"].into();
    let old = document.to_string();
    let parties = document["parties"].as_table_mut().expect("parties");
    for field in ["key", "veto", "fees"] {
        parties["bob"][field] = erin[field].clone();
    }
    (old, document.to_string())
}

#[test]
fn another_key_is_another_actor() {
    let (old, new) = rekeyed();
    let (old, new) = (compiled(&old), compiled(&new));
    let (old, new) = (old.expect("it compiles"), new.expect("it compiles"));
    let difference = differ(&old, &new);
    let gained = difference.gains.iter().flat_map(|gain| &gain.who);
    assert!(gained.clone().any(|name| name == "bob (new key)"));
    assert!(
        gained
            .clone()
            .all(|name| name != "bob" && name != "bob (old key)")
    );
    let lost = difference.losses.iter().flat_map(|loss| &loss.who);
    assert!(lost.clone().any(|name| name == "bob (old key)"));
    let [leaver] = difference.work.leavers.as_slice() else {
        panic!("{:?}", difference.work.leavers);
    };
    assert!(leaver.has_new_key && leaver.in_root && leaver.party == "bob");
}

#[test]
fn another_name_for_a_key_is_the_same_actor() {
    let text = dao();
    let new = compiled(&text.replace("ivan", "iwan")).expect("it compiles");
    let difference = differ(&compiled(&text).expect("it compiles"), &new);
    assert!(difference.same_powers, "{:?}", difference.gains);
    assert!(difference.work.leavers.is_empty());
    assert!(!difference.changes.is_empty());
}

#[test]
fn policies_of_two_networks_have_nothing_to_move() {
    let text = dao();
    let new = text.replace("\"regtest\"", "\"signet\"");
    let difference = differ(
        &compiled(&text).expect("it compiles"),
        &compiled(&new).expect("it compiles"),
    );
    assert_eq!(difference.work.action, Action::Apart);
    assert_eq!(difference.work.moving, None);
}
