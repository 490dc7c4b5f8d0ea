//! Cancelling by rule, with a signature that was left in advance.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, Psbt};
use longstop::compile::Role;
use longstop::engine::{Action, Signers};
use longstop::recovery::points::Undisturbed;
use longstop::recovery::{FeeCaps, Fees, Phase, Recovery, Terms};
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
    let people = std::rc::Rc::clone(&armed.world.people);
    let (broadcaster, signers): (_, &dyn Signers) = match rate {
        2 => (None, &Nobody),
        _ => (Some("alice"), &*people),
    };
    let terms = Terms {
        words: None,
        broadcaster,
        fees: FeeRate::from_sat_per_vb(rate).into(),
        base_fee_is_enough: true,
        hook: &Undisturbed,
    };
    let mut run = Recovery::open(&mut watcher.vault, &mut armed.world.chain, terms).expect("opens");
    veto(&mut run, &chain, rule, &activated, signers)
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
        let (child, wants) = (None, None);
        assert_eq!(tried[0].outcome, Outcome::Sent { child, wants });
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
        matches!(tried[0].outcome, Outcome::Sent { child: Some(_), .. }),
        "{tried:?}"
    );
}

/// A cancel that waits when fees rise is raised by a child, and then by a dearer one, as that of
/// whoever cancels by hand is; each child is told once.
#[test]
fn a_cancel_that_was_left_confirms_under_a_fee_spike() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let mut watcher = tower(&armed);
        armed.world.fee_coin("alice", 400_000);
        let trigger = armed.trigger(0, &["gina", "hal"]);
        armed.world.confirm(&trigger);
        let rate = |sats| FeeRate::from_sat_per_vb(sats).expect("a feerate");
        armed.world.chain.set_going_rate(rate(30));
        let cancel = armed.files.courses()[0].cancels[0].txid();
        let mut children = BTreeSet::new();
        for (sats, is_raised, is_mined) in [
            (2, false, false),
            (20, true, false),
            (20, false, false),
            (40, true, true),
        ] {
            let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], sats);
            let is_first = sats == 2;
            assert_eq!(tried.len(), usize::from(is_raised || is_first), "{sats}");
            for tried in tried {
                assert_eq!(tried.txid, Some(cancel));
                let Outcome::Sent { child, wants } = tried.outcome else {
                    panic!("{:?}", tried.outcome);
                };
                assert_eq!((child.is_some(), wants), (is_raised, None));
                assert!(
                    child.is_none_or(|child| children.insert(child)),
                    "told once"
                );
            }
            let mined = armed.world.chain.mine_one();
            assert_eq!(mined.confirmed.contains(&cancel), is_mined, "{sats}");
        }
        armed.world.chain.mine(5);
        assert!(tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 40).is_empty());
        // It is in the journal as any cancel is, from the intention to the child that paid.
        let entries: Vec<Entry> = watcher
            .vault
            .entries()
            .map(|one| one.expect("one"))
            .collect();
        let counted = |wanted: fn(&Entry) -> bool| entries.iter().filter(|one| wanted(one)).count();
        assert_eq!(counted(|one| matches!(one, Entry::Intended { .. })), 1);
        assert_eq!(counted(|one| matches!(one, Entry::Approved { .. })), 1);
        assert_eq!(counted(|one| matches!(one, Entry::Child { .. })), 2);
    }
}

/// Where nobody has named a feerate, the child follows the estimate up to the cap, and it is told that
/// this is not enough; down it does not go.
#[test]
fn the_child_of_a_cancel_follows_the_estimate_up_to_the_cap() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = tower(&armed);
    armed.world.fee_coin("alice", 400_000);
    armed.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    let people = std::rc::Rc::clone(&armed.world.people);
    let rate = |sats| FeeRate::from_sat_per_vb(sats).expect("a feerate");
    let caps = FeeCaps {
        feerate: rate(25),
        ..FeeCaps::default()
    };
    let cancel = armed.files.courses()[0].cancels[0].txid();
    for (going, pays, is_new, is_enough) in [
        (10, 10, true, true),
        (20, 20, true, true),
        (5, 20, false, true),
        (25, 25, true, true),
        (26, 25, false, false),
        (1_000, 25, false, false),
    ] {
        armed.world.chain.set_going_rate(rate(going));
        let facts = watcher.facts(&armed.world.chain);
        let chain = facts.chain.expect("it answers");
        let terms = Terms {
            words: None,
            broadcaster: Some("alice"),
            fees: Fees::Estimated(caps),
            base_fee_is_enough: true,
            hook: &Undisturbed,
        };
        let mut run = Recovery::open(&mut watcher.vault, &mut armed.world.chain, terms);
        let run = run.as_mut().expect("opens");
        let rule = Rule::OnAnyTrigger;
        let tried = veto(run, &chain, rule, &BTreeSet::new(), &*people);
        assert_eq!(tried.len(), usize::from(is_new || !is_enough), "{going}");
        for tried in tried {
            assert!(matches!(tried.outcome, Outcome::Sent { .. }), "{tried:?}");
            assert_eq!(tried.short.is_none(), is_enough, "{tried:?}");
        }
        let operation = run.operation(cancel).expect("known");
        let child = operation.ready_child().expect("signed");
        assert_eq!(child.feerate, rate(pays), "{going}");
        assert!(run.engine().chain().in_mempool(child.txid));
    }
}

/// The child that nobody here can sign is asked for by name, and the cancel goes without it.
#[test]
fn without_the_key_of_the_fee_wallet_its_child_is_asked_for() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = tower(&armed);
    armed.world.fee_coin("alice", 400_000);
    armed.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    let facts = watcher.facts(&armed.world.chain);
    let chain = facts.chain.expect("it answers");
    let terms = Terms {
        words: None,
        broadcaster: Some("alice"),
        fees: FeeRate::from_sat_per_vb(20).into(),
        base_fee_is_enough: true,
        hook: &Undisturbed,
    };
    let mut run = Recovery::open(&mut watcher.vault, &mut armed.world.chain, terms).expect("opens");
    let tried = veto(
        &mut run,
        &chain,
        Rule::OnAnyTrigger,
        &BTreeSet::new(),
        &Nobody,
    );
    let expected = Outcome::Sent {
        child: None,
        wants: Some("alice".to_owned()),
    };
    assert_eq!(tried[0].outcome, expected);
}

/// A veto that was given for a run of this vault is enough for the watcher, without any file.
#[test]
fn a_veto_that_was_given_by_hand_is_enough_for_the_watcher() {
    let mut armed = Armed::new(&Draft::new("wsh", TREASURY));
    let mut watcher = Watcher::of(&armed);
    armed.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    let escrow = armed.escrow(0).outpoint();
    let people = std::rc::Rc::clone(&armed.world.people);
    let terms = Terms {
        words: None,
        broadcaster: None,
        fees: Fees::Base,
        base_fee_is_enough: true,
        hook: &Undisturbed,
    };
    let mut run = Recovery::open(&mut watcher.vault, &mut armed.world.chain, terms).expect("opens");
    let plan = run.plan(&Action::Cancel { coin: escrow }).expect("a plan");
    let txid = run.begin(plan).expect("begun");
    let request = run.request(txid).expect("a file");
    let signed = people.sign("alice", request).expect("she signs");
    assert_eq!(run.receive(&signed).expect("ours").accepted, ["alice"]);
    let waits = run.advance(txid, &[], &Nobody).expect("it waits");
    assert_eq!(
        waits.phase,
        Phase::Complete,
        "nobody has said that it is to be sent"
    );
    drop(run);
    let entries: Vec<Entry> = watcher
        .vault
        .entries()
        .map(|one| one.expect("one"))
        .collect();
    let is_veto = |one: &&Entry| matches!(one, Entry::Veto { escrow: of, .. } if *of == escrow);
    assert_eq!(entries.iter().filter(is_veto).count(), 1, "in one place");
    assert!(
        !entries
            .iter()
            .any(|one| matches!(one, Entry::Signed { .. }))
    );
    assert!(!armed.world.chain.in_mempool(txid));
    let tried = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2);
    assert!(
        matches!(tried[0].outcome, Outcome::Sent { .. }),
        "{tried:?}"
    );
    assert!(armed.world.chain.mine_one().confirmed.contains(&txid));
}

/// Where nobody can add a fee, a cancel that no block takes goes up a rung after a while.
#[test]
fn a_cancel_that_waits_goes_up_a_rung() {
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).with_rungs(&[2, 20, 100]);
        let mut armed = Armed::new(&draft);
        let mut watcher = Watcher::of(&armed);
        armed.world.confirm(&armed.trigger(1, &["gina", "hal"]));
        let course = &armed.files.courses()[1];
        let ids: Vec<_> = course
            .cancels
            .iter()
            .map(longstop::transaction::Cancel::txid)
            .collect();
        for cancel in &course.cancels {
            let request = cancel.request(Role::Veto).expect("a request");
            let signed = armed.world.people.sign("alice", request);
            let veto = Entry::Veto {
                escrow: course.escrow().expect("it makes a coin"),
                psbt: signed.expect("she signs").to_string(),
            };
            watcher.vault.remember(veto).expect("it is kept");
        }
        let going = FeeRate::from_sat_per_vb(50).expect("a feerate");
        armed.world.chain.set_going_rate(going);
        // A window of 20 blocks and three rungs: three blocks for each.
        for (blocks, rung) in [(0, 0), (2, 0), (1, 1), (2, 1), (1, 2)] {
            for _ in 0..blocks {
                armed.world.chain.mine(1);
            }
            tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2);
            for (number, id) in ids.iter().enumerate() {
                let is_there = armed.world.chain.in_mempool(*id);
                assert_eq!(is_there, number == rung, "{script} {blocks} {number}");
            }
        }
        let again = tries(&mut watcher, &mut armed, Rule::OnAnyTrigger, &[], 2);
        assert!(again.is_empty(), "the highest is there");
        armed.world.chain.mine(1);
        assert!(armed.world.chain.confirmation(ids[2]).is_some());
    }
}
