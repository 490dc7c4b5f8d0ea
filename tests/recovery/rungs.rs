//! Version 2: whoever is stuck goes up a rung, and nothing goes back down.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, OutPoint, Txid};
use longstop::engine::Action;
use longstop::recovery::points::{Hook, Point, Step, Undisturbed};
use longstop::recovery::{Phase, RecoveryError, Warning};
use longstop::wallet::Entry;

use super::kit::{AGENTS, Bench, Knife, ROOT, destination};
use crate::vault::{Draft, SCRIPTS, TREASURY};

fn bench(script: &'static str) -> Bench {
    bench_of(script, &[2, 20, 100])
}

fn bench_of(script: &'static str, rungs: &[u64]) -> Bench {
    let mut bench = Bench::of(&Draft::new(script, TREASURY).with_rungs(rungs));
    // No fee wallet is named: there is nothing that it could pay for.
    bench.broadcaster = None;
    bench
}

fn rate(sat_per_vb: u64) -> Option<FeeRate> {
    FeeRate::from_sat_per_vb(sat_per_vb)
}

/// It takes this to be mined, and this to be relayed.
fn fees(bench: &Bench, going: u64, floor: u64) {
    let mut chain = bench.chain.chain.borrow_mut();
    chain.set_going_rate(rate(going).expect("a feerate"));
    chain.set_mempool_min(rate(floor).expect("a feerate"));
}

/// The trigger at a rung.
fn trigger(bench: &Bench, rung: usize) -> Txid {
    let armed = bench.vault.armed().expect("armed");
    armed[0].courses()[rung].trigger.txid()
}

/// Trigger at the lowest rung, which is stuck, then at the second; a settle that is refused at the
/// lowest rung, and goes at the highest; and the release.
fn play(bench: &mut Bench, hook: &dyn Hook) -> Result<[Txid; 3], RecoveryError> {
    let second = trigger(bench, 1);
    let settle = bench.vault.armed().expect("armed")[0].courses()[1].settles[1].txid();
    if !bench.confirmed(second) {
        fees(bench, 15, 1);
        bench.feerate = None;
        bench.act_with(&bench.trigger(), &AGENTS, hook)?;
        bench.mine(1);
        bench.feerate = rate(15);
        if !bench.confirmed(second) {
            // Going on takes it up.
            bench.resume_with(&AGENTS, hook)?;
            bench.mine(1);
        }
    }
    assert!(bench.confirmed(second), "the second rung is mined");
    let escrow = OutPoint::new(second, 0);
    if !bench.confirmed(settle) {
        wait(bench, second, 20);
        fees(bench, 50, 10);
        let action = Action::Settle { coin: escrow };
        bench.feerate = None;
        bench.act_with(&action, &[], hook)?;
        bench.feerate = rate(50);
        bench.resume_with(&[], hook)?;
        bench.mine(1);
    }
    assert!(bench.confirmed(settle), "the highest rung is mined");
    let release = Action::Release {
        coin: OutPoint::new(settle, 0),
        to: destination(),
    };
    let paid = |bench: &Bench| bench.chain.chain.borrow().outputs(&[destination()]);
    bench.feerate = rate(50);
    if paid(bench).iter().all(|seen| seen.birth.is_none()) {
        wait(bench, settle, 30);
        bench.act_with(&release, &AGENTS, hook)?;
        bench.mine(1);
    }
    bench.mine(6);
    let all = bench.resume_with(&AGENTS, hook)?;
    assert!(all.iter().all(|one| one.phase.is_over()), "{all:?}");
    let outputs = paid(bench);
    assert_eq!(outputs.len(), 1, "it is paid once");
    Ok([second, settle, outputs[0].outpoint.txid])
}

fn wait(bench: &Bench, txid: Txid, blocks: u32) {
    let chain = bench.chain.chain.borrow();
    let born = chain.confirmation(txid).expect("confirmed").height.0;
    let next = chain.tip().time.height.0 + 1;
    drop(chain);
    bench.mine((born + blocks).saturating_sub(next));
}

#[test]
fn cut_short_anywhere_between_the_rungs_the_same_comes_of_it() {
    let bench = bench_of("tr", &[2, 60]);
    let mut whole = bench.fork();
    let knife = Knife::default();
    let ids = play(&mut whole, &knife).expect("nothing disturbs it");
    let seen = knife.seen.borrow().clone();
    let children = [Step::Reserve, Step::SignChild, Step::CompleteChild];
    assert!(seen.iter().all(|point| !children.contains(&point.step)));
    let entries = whole.entries();
    let without = |entry: &Entry| !matches!(entry, Entry::Child { .. } | Entry::Reserved { .. });
    assert!(entries.iter().all(without), "no fee child, no fee coin");
    // Each point halfway through, where it is about the higher rungs; what going up writes by itself,
    // the fourth time: that of the settle.
    let all: BTreeSet<Point> = seen.iter().copied().collect();
    let cuts = all.into_iter().map(|point| {
        let times = seen.iter().filter(|other| **other == point).count();
        match point.step {
            Step::Intend | Step::Approve => (point, times - 1),
            _ => (point, times / 2 + 1),
        }
    });
    for (point, time) in cuts {
        let mut cut = bench.fork();
        let knife = Knife {
            at: Some((point, time)),
            ..Knife::default()
        };
        let outcome = play(&mut cut, &knife);
        assert!(
            matches!(outcome, Err(RecoveryError::CutShort(at)) if at.0 == point),
            "{point} {time}: {outcome:?}"
        );
        cut.reboot();
        cut.resume_with(&AGENTS, &Undisturbed).expect("it resumes");
        cut.reboot();
        let again = play(&mut cut, &Undisturbed);
        assert_eq!(again.expect("it goes on"), ids, "{point} {time}");
    }
}

#[test]
fn whoever_is_stuck_is_told_which_rung_would_do_and_nothing_goes_back_down() {
    for script in SCRIPTS {
        let mut bench = bench(script);
        fees(&bench, 15, 1);
        let lowest = bench.act(&bench.trigger(), &AGENTS).expect("it goes");
        assert_eq!(
            (lowest.txid, lowest.phase),
            (trigger(&bench, 0), Phase::Seen)
        );
        bench.mine(2);
        bench.feerate = rate(15);
        // Whoever goes on with it alone is told, and whoever goes on with everything goes up.
        let mut alone = bench.fork();
        let people = std::rc::Rc::clone(&alone.signers.people);
        let mut run = alone.open(&Undisturbed).expect("it opens");
        let one = run.advance(lowest.txid, &[], &*people).expect("it looks");
        let [problem] = &one.waits_for[..] else {
            panic!("one problem: {one:?}");
        };
        assert_eq!(problem.class(), "pays-too-little");
        assert!(problem.to_string().contains("at 20 sat/vB"), "{problem}");
        let raised = run.go_up().expect("it goes up");
        assert_eq!(raised.len(), 1);
        assert_eq!(raised[0].from, (lowest.txid, rate(2).expect("a feerate")));
        let second = (trigger(&bench, 1), rate(20).expect("a feerate"));
        assert_eq!(raised[0].to, second);
        let plan = bench.plan(&bench.trigger()).expect("a plan");
        assert!(!plan.is_joined);
        assert_eq!(plan.warnings, [Warning::Replaces { txid: lowest.txid }]);
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let higher = bench.act(&bench.trigger(), &AGENTS).expect("it goes");
        assert_eq!(
            (higher.txid, higher.phase),
            (trigger(&bench, 1), Phase::Seen)
        );
        assert!(!bench.in_mempool(lowest.txid));
        // The lower one is left alone from here on, and so is the present fee.
        let submits = bench.chain.submits.get();
        bench.feerate = None;
        let plan = bench.plan(&bench.trigger()).expect("a plan");
        assert!(plan.is_joined);
        assert_eq!(plan.draft.txid(), higher.txid);
        let all = bench.resume(&AGENTS).expect("it looks");
        assert_eq!(bench.chain.submits.get(), submits, "nothing is sent again");
        let phases: Vec<&str> = all.iter().map(|one| one.phase.word()).collect();
        assert_eq!(phases, ["rivalled", "seen"]);
        // Beyond the highest rung there is nothing to be done.
        bench.feerate = rate(101);
        let plan = bench.plan(&bench.trigger()).expect("a plan");
        let highest = Warning::HighestRung {
            pays: 100,
            asked: 101,
        };
        assert!(plan.warnings.contains(&highest), "{:?}", plan.warnings);
        bench.mine(1);
        assert!(bench.confirmed(higher.txid));
        bench.mine(6);
        let all = bench.resume(&[]).expect("it looks");
        let phases: Vec<&str> = all.iter().map(|one| one.phase.word()).collect();
        assert_eq!(phases, ["replaced", "buried"]);
    }
}

/// A cancel goes up as a trigger does, and what veto holders sign is for the coin that was made.
#[test]
fn a_cancel_goes_up_as_well() {
    let mut bench = bench("wsh");
    bench.feerate = rate(100);
    let sent = bench.act(&bench.trigger(), &AGENTS).expect("it goes");
    assert_eq!(sent.txid, trigger(&bench, 2));
    bench.mine(1);
    let cancel = Action::Cancel {
        coin: OutPoint::new(sent.txid, 0),
    };
    fees(&bench, 50, 1);
    bench.feerate = None;
    let lowest = bench.act(&cancel, &["bob"]).expect("it goes");
    bench.mine(2);
    assert!(bench.in_mempool(lowest.txid));
    bench.feerate = rate(50);
    let highest = bench.act(&cancel, &["bob"]).expect("it goes");
    assert_ne!(highest.txid, lowest.txid);
    bench.mine(1);
    assert!(bench.confirmed(highest.txid));
    // A reorg takes it away, and the same one is sent again, not the lower one.
    bench.reorg(1, &[highest.txid]);
    bench.resume(&[]).expect("it goes on");
    assert!(bench.in_mempool(highest.txid));
    assert!(!bench.in_mempool(lowest.txid));
}

/// What is signed live is signed anew at a higher fee, and pays the same address.
#[test]
fn a_refresh_is_replaced_by_a_dearer_one() {
    let mut bench = bench("tr");
    let refresh = Action::Refresh {
        coins: vec![bench.coin],
    };
    fees(&bench, 30, 1);
    bench.feerate = rate(5);
    let paid = |bench: &mut Bench| {
        let plan = bench.plan(&refresh).expect("a plan");
        plan.draft.outputs()[0].script_pubkey.clone()
    };
    let address = paid(&mut bench);
    let cheap = bench.act(&refresh, &ROOT).expect("it goes");
    let joined = bench.act(&refresh, &ROOT).expect("it is the same");
    assert_eq!(joined.txid, cheap.txid);
    bench.feerate = rate(30);
    assert_eq!(paid(&mut bench), address, "one address for both");
    let dear = bench.act(&refresh, &ROOT).expect("it goes");
    assert_ne!(dear.txid, cheap.txid);
    bench.mine(1);
    assert!(bench.confirmed(dear.txid));
    // Somebody else's spend of the coin is not raced by mistake.
    let spend = Action::Recover {
        coin: bench.coin,
        path: "dead-man".to_owned(),
        to: destination(),
    };
    assert!(bench.act(&spend, &AGENTS).is_err());
}

/// Two machines on two rungs: whoever pays more is followed, and the other one closes.
#[test]
fn of_two_machines_the_one_that_pays_more_is_followed() {
    let mut first = bench("tr");
    let mut second = first.beside();
    fees(&first, 50, 1);
    let low = first.act(&first.trigger(), &AGENTS).expect("it goes");
    second.feerate = rate(50);
    let high = second.act(&second.trigger(), &AGENTS).expect("it goes");
    assert!(first.in_mempool(high.txid));
    first.resume(&AGENTS).expect("it looks");
    assert!(
        first.in_mempool(high.txid),
        "the lower one does not come back"
    );
    first.mine(7);
    let all = first.resume(&[]).expect("it looks");
    assert_eq!(all[0].phase, Phase::Replaced { by: high.txid });
    assert!(!first.confirmed(low.txid));
}
