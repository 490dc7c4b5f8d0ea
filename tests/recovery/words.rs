//! What was said in the ledger, and refusals that are overcome.

use bitcoin::FeeRate;
use longstop::engine::Action;
use longstop::governance::{Activation, Body, EventId, Proposal, Veto};
use longstop::recovery::points::Undisturbed;
use longstop::recovery::{Phase, Progress, RecoveryError};
use longstop::wallet::Entry;

use super::kit::{AGENTS, Bench, class};
use crate::vault::{Draft, TREASURY};

fn rate(sats: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sats).expect("a feerate")
}

/// A bench with identities, whose path is activated by two of the agents.
fn activated() -> (Bench, EventId) {
    let terms = "\n[path.activation]\nany = [{ manual = \"agents\" }]\n";
    let staged = "lockup = { period = \"30 blocks\" }\n";
    let draft = Draft::new("tr", TREASURY).but(staged, &format!("{staged}{terms}"));
    let mut bench = Bench::of(&draft.with_identities());
    let proposal = Proposal {
        path: "sos".to_owned(),
        why: "the council is gone".to_owned(),
    };
    let case = bench.say("gina", Body::Proposal(proposal));
    assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), "not-activated");
    for party in AGENTS {
        let judgement = None;
        bench.say(party, Body::Activation(Activation { case, judgement }));
    }
    (bench, case)
}

fn veto(bench: &mut Bench, case: EventId) {
    let why = "I am here".to_owned();
    bench.say("alice", Body::Veto(Veto { case, why }));
}

/// Triggered for a case, with the window over: the settle waits for nothing.
fn due() -> (Bench, EventId, Action) {
    let (mut bench, case) = activated();
    let escrow = bench.triggered();
    bench.mine(19);
    (bench, case, Action::Settle { coin: escrow })
}

#[track_caller]
fn of(all: &[Progress], action: &Action, bench: &mut Bench) -> (Phase, Vec<String>) {
    let run = bench.open(&Undisturbed).expect("it opens");
    let found = all.iter().find(|one| {
        let operation = run.operation(one.txid).expect("known");
        operation.action == *action
    });
    let one = found.expect("it is under way");
    let waits = one.waits_for.iter().map(|error| error.class().to_owned());
    (one.phase.clone(), waits.collect())
}

/// The veto alone stands in the way: everything else about the settle is the same.
#[test]
fn a_veto_alone_blocks_a_settle() {
    let (mut bench, case, settle) = due();
    let mut other = bench.fork();
    let plan = other.plan(&settle).expect("a plan");
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    assert_eq!(plan.case, Some(case.to_string()));
    let done = other.act(&settle, &[]).expect("it is due");
    assert_eq!(done.phase, Phase::Seen);
    veto(&mut bench, case);
    let plan = bench.plan(&settle).expect("a plan");
    let problems: Vec<&str> = plan.problems.iter().map(RecoveryError::class).collect();
    assert_eq!(problems, ["vetoed"]);
    let before = bench.entries().len();
    assert_eq!(class(bench.act(&settle, &[])), "vetoed");
    assert_eq!(bench.entries().len(), before, "nothing is written for it");
    // Whoever objects is not in his own way.
    bench.broadcaster = Some("alice");
    let Action::Settle { coin } = settle else {
        panic!("it is one");
    };
    let cancelled = bench.act(&Action::Cancel { coin }, &["alice"]);
    assert_eq!(cancelled.expect("it is sent").phase, Phase::Seen);
}

/// A settle that waits in the mempool at too low a fee is raised, unless it is vetoed by then.
#[test]
fn a_settle_that_waits_is_raised_and_a_vetoed_one_is_not() {
    for is_vetoed in [false, true] {
        let (mut bench, case, settle) = due();
        bench.chain.chain.borrow_mut().set_going_rate(rate(30));
        let sent = bench.act(&settle, &[]).expect("it is sent");
        assert_eq!(sent.phase, Phase::Seen);
        bench.mine(1);
        assert!(bench.in_mempool(sent.txid), "at the base fee it waits");
        if is_vetoed {
            veto(&mut bench, case);
        }
        bench.feerate = Some(rate(40));
        let submits = bench.chain.submits.get();
        let all = bench.resume(&[]).expect("it goes on");
        let (phase, waits) = of(&all, &settle, &mut bench);
        assert_eq!(phase, Phase::Seen);
        let children = bench.entries().into_iter();
        let children = children
            .filter(|entry| matches!(entry, Entry::Child { parent, .. } if *parent == sent.txid));
        bench.mine(1);
        if is_vetoed {
            assert_eq!(waits, ["vetoed"]);
            assert_eq!(children.count(), 0);
            assert_eq!(bench.chain.submits.get(), submits);
            assert!(bench.in_mempool(sent.txid), "nobody has helped it along");
        } else {
            assert!(waits.is_empty(), "{waits:?}");
            assert_eq!(children.count(), 1);
            assert!(bench.confirmed(sent.txid));
        }
    }
}

/// What was refused once and taken later is never told to be refused, not even when it falls out of
/// the mempool again.
#[test]
fn a_refusal_that_is_overcome_is_not_told_any_more() {
    let mut bench = Bench::new("tr");
    bench.chain.chain.borrow_mut().set_mempool_min(rate(20));
    let trigger = bench.trigger();
    let refused = bench.act(&trigger, &AGENTS).expect("it is begun");
    assert!(
        matches!(refused.phase, Phase::Refused { .. }),
        "{refused:?}"
    );
    bench.reboot();
    assert!(matches!(
        bench.resume(&[]).expect("it goes on")[0].phase,
        Phase::Refused { .. }
    ));
    let entries = bench.entries().len();
    bench.resume(&[]).expect("it goes on");
    assert_eq!(bench.entries().len(), entries, "nothing new is written");
    bench.chain.chain.borrow_mut().set_mempool_min(rate(1));
    let taken = bench.resume(&[]).expect("it goes on");
    assert_eq!(taken[0].phase, Phase::Seen);
    bench.reboot();
    let run = bench.open(&Undisturbed).expect("it opens");
    assert_eq!(run.operation(refused.txid).expect("known").refused, None);
    drop(run);
    // The block that held it goes away with it.
    bench.mine(1);
    bench.reorg(1, &[refused.txid]);
    let run = bench.open(&Undisturbed).expect("it opens");
    let operation = run.operation(refused.txid).expect("known");
    assert_eq!(run.phase(operation).expect("it answers"), Phase::Submitted);
    drop(run);
    let again = bench.resume(&[]).expect("it goes on");
    assert_eq!(again[0].phase, Phase::Seen);
}

/// A backend that takes no packages: a parent that pays enough goes first and its child after it;
/// of one that pays too little it is said plainly, and nothing else is held up by it.
#[test]
fn without_packages_the_parent_goes_first_or_it_is_said_why_not() {
    let mut bench = Bench::new("tr");
    bench.chain.one_by_one.set(true);
    bench.feerate = Some(rate(20));
    let trigger = bench.trigger();
    let mut poor = bench.fork();
    poor.chain.one_by_one.set(true);
    let sent = bench.act(&trigger, &AGENTS).expect("both are taken");
    assert_eq!(sent.phase, Phase::Seen);
    let run = bench.open(&Undisturbed).expect("it opens");
    let child = run.operation(sent.txid).expect("known").children[0].txid;
    drop(run);
    assert!(bench.in_mempool(sent.txid) && bench.in_mempool(child));
    poor.chain.chain.borrow_mut().set_mempool_min(rate(5));
    let waits = poor.act(&trigger, &AGENTS).expect("it is begun");
    assert_eq!(waits.phase, Phase::Submitted);
    assert_eq!(waits.waits_for.len(), 1);
    assert_eq!(waits.waits_for[0].class(), "no-packages");
    let said = waits.waits_for[0].to_string();
    for part in [
        "alone pays too little",
        "an old server",
        "name another backend",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!poor.in_mempool(waits.txid));
    // Another backend takes both, and so does this one when fees fall.
    let mut later = poor.fork();
    later.chain.one_by_one.set(true);
    poor.chain.one_by_one.set(false);
    assert_eq!(poor.resume(&[]).expect("it goes on")[0].phase, Phase::Seen);
    later.chain.chain.borrow_mut().set_mempool_min(rate(1));
    assert_eq!(later.resume(&[]).expect("it goes on")[0].phase, Phase::Seen);
}

/// The signature of a veto holder that was left with a watcher is enough for whoever cancels by
/// hand, who is asked for none.
#[test]
fn a_veto_that_was_left_is_enough_for_a_cancel_by_hand() {
    let mut bench = Bench::new("wsh");
    let escrow = bench.triggered();
    let armed = bench.vault.armed().expect("it holds");
    let cancel = &armed[0].courses()[0].cancels[0];
    let request = cancel
        .request(longstop::compile::Role::Veto)
        .expect("a file");
    let people = bench.signers.people.clone();
    let signed = longstop::engine::Signers::sign(&*people, "alice", request).expect("signed");
    let before = bench.signers.asked.get();
    bench
        .vault
        .remember(Entry::Veto {
            escrow,
            psbt: signed.to_string(),
        })
        .expect("it is kept");
    bench.broadcaster = Some("alice");
    let done = bench
        .act(&Action::Cancel { coin: escrow }, &["bob"])
        .expect("it is sent");
    assert_eq!(done.phase, Phase::Seen);
    assert_eq!(bench.signers.asked.get(), before, "nobody is asked");
    bench.mine(1);
    assert!(bench.confirmed(done.txid));
}

/// A fee coin far inside the wallet pays as one at its first address does, and what is left goes to
/// the first change address that nobody was paid at.
#[test]
fn a_fee_coin_at_any_index_pays_for_a_child() {
    let mut bench = Bench::new("tr");
    bench.broadcaster = Some("hal");
    bench.feerate = Some(rate(20));
    assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), "no-fee-coin");
    let fund = |bench: &mut Bench, index: u32| {
        let coin = bench.world.fork().fee_coin_at("hal", index, 90_000);
        let script = coin.txout.script_pubkey;
        let mut chain = bench.chain.chain.borrow_mut();
        let paid = chain.fund(script, coin.txout.value).expect("it pays");
        chain.mine_one();
        paid
    };
    // The twentieth is within the gap, and one more is not, until the gap begins behind the other.
    let far = fund(&mut bench, 20);
    assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), "no-fee-coin");
    let near = fund(&mut bench, 19);
    let done = bench.act(&bench.trigger(), &AGENTS).expect("it is sent");
    assert_eq!(done.phase, Phase::Seen);
    let run = bench.open(&Undisturbed).expect("it opens");
    let child = run.operation(done.txid).expect("known").children[0].clone();
    drop(run);
    assert!(bench.in_mempool(child.txid));
    assert!([far, near].contains(&child.coin));
    bench.mine(1);
    assert!(bench.confirmed(done.txid));
}
