//! Cancelling by rule, with a signature that was left in advance.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, Psbt};
use longstop::compile::Role;
use longstop::engine::Signers;
use longstop::wallet::Entry;
use longstop::watch::{Kind, Outcome, Rule, Tried, veto};

use crate::kit::{Watcher, kinds};
use crate::vault::{Armed, Draft, SCRIPTS, TREASURY};

/// Nobody is there to sign.
struct Nobody;

impl Signers for Nobody {
    fn sign(&self, _: &str, _: Psbt) -> Option<Psbt> {
        None
    }
}

/// A watcher with whom alice has left her signature on the cancel.
fn tower(armed: &Armed) -> Watcher {
    let mut watcher = Watcher::of(armed);
    let cancel = &armed.files.courses()[0].cancels[0];
    let request = cancel.request(Role::Veto).expect("a request");
    let signed = armed
        .world
        .people
        .sign("alice", request)
        .expect("she signs");
    let veto = Entry::Veto {
        escrow: armed.escrow(0).outpoint(),
        psbt: signed.to_string(),
    };
    watcher.vault.remember(veto).expect("it is kept");
    watcher
}

fn tries(
    watcher: &mut Watcher,
    armed: &mut Armed,
    rule: Rule,
    activated: &[&str],
    rate: u64,
) -> Vec<Tried> {
    let facts = watcher.facts(&armed.world.chain);
    let chain = facts.chain.expect("it answers");
    let activated: BTreeSet<String> = activated.iter().map(|path| (*path).to_owned()).collect();
    let mut engine = watcher
        .vault
        .engine(&mut armed.world.chain)
        .expect("an engine");
    engine.set_feerate(FeeRate::from_sat_per_vb(rate).expect("a feerate"));
    match rate {
        2 => veto(&mut engine, &chain, rule, &activated, "", &Nobody),
        _ => veto(
            &mut engine,
            &chain,
            rule,
            &activated,
            "alice",
            &*armed.world.people,
        ),
    }
}

#[test]
fn what_was_left_cancels_without_anybody() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let mut watcher = tower(&armed);
        assert!(tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2).is_empty());
        let trigger = armed.trigger(0, &["gina", "hal"]);
        armed.world.confirm(&trigger);
        let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2);
        assert_eq!(tried.len(), 1);
        assert_eq!(tried[0].outcome, Outcome::Sent { child: None });
        // It is there: nothing is sent twice.
        assert!(tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2).is_empty());
        let mined = armed.world.chain.mine_one();
        assert!(
            mined
                .confirmed
                .contains(&tried[0].txid.expect("it was built"))
        );
        assert!(tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2).is_empty());
        assert!(kinds(&watcher.look(&armed.world.chain)).contains(&Kind::Cancel));
    }
}

#[test]
fn without_the_signature_nothing_is_tried() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    assert!(tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2).is_empty());
}

#[test]
fn an_activated_case_stays_the_hand_of_one_rule_and_not_of_the_other() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = tower(&armed);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    assert!(tries(&mut watcher, &mut armed, Rule::UnlessActivated, &["sos"], 2).is_empty());
    // A case about another path is none about this one.
    let mut fork = armed.fork();
    assert_eq!(
        tries(
            &mut watcher,
            &mut fork,
            Rule::UnlessActivated,
            &["spend"],
            2
        )
        .len(),
        1
    );
    let mut fork = armed.fork();
    assert_eq!(
        tries(&mut watcher, &mut fork, Rule::OnAnyTrigger, &["sos"], 2).len(),
        1
    );
}

/// A cancel that pays too little by itself takes a fee child, and is tried again until it is in.
#[test]
fn it_is_tried_at_each_block_until_it_can_pay() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = tower(&armed);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    armed
        .world
        .chain
        .set_mempool_min(FeeRate::from_sat_per_vb(20).expect("a feerate"));
    for _ in 0..2 {
        let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2);
        assert!(
            matches!(&tried[0].outcome, Outcome::Failed(why) if why.contains("mempool min fee"))
        );
        armed.world.chain.mine_empty();
    }
    let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 30);
    assert!(
        matches!(&tried[0].outcome, Outcome::Failed(_)),
        "alice has no fee coin"
    );
    armed.world.fee_coin("alice", 100_000);
    let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 30);
    assert!(
        matches!(tried[0].outcome, Outcome::Sent { child: Some(_) }),
        "{tried:?}"
    );
}
