//! Reorgs, fee spikes, evictions.

use bitcoin::{FeeRate, OutPoint};
use longstop::engine::Action;
use longstop::recovery::Phase;
use longstop::recovery::points::Undisturbed;

use super::kit::{AGENTS, Bench, class};

fn rate(sats: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sats).expect("a feerate")
}

#[test]
fn a_reorg_of_the_trigger_restarts_the_window() {
    for (depth, forget) in [(10, false), (10, true)] {
        let mut bench = Bench::new("tr");
        let escrow = bench.triggered();
        bench.mine(9);
        let gone = match forget {
            true => vec![escrow.txid],
            false => Vec::new(),
        };
        bench.reorg(depth, &gone);
        assert_eq!(bench.confirmed(escrow.txid), !forget);
        let all = bench.resume(&AGENTS).expect("it goes on");
        if forget {
            assert_eq!(all[0].phase, Phase::Seen, "it was sent again");
            bench.mine(1);
        }
        let born = bench.chain.chain.borrow().confirmation(escrow.txid);
        let born = born.expect("in a block").height.0;
        let tip = bench.chain.chain.borrow().tip().time.height.0;
        bench.mine(born + 18 - tip);
        let settle = Action::Settle { coin: escrow };
        assert_eq!(class(bench.act(&settle, &[])), "not-due");
        bench.mine(1);
        assert_eq!(bench.act(&settle, &[]).expect("due").phase, Phase::Seen);
    }
}

/// A reorg deeper than anybody expects undoes what was taken for buried: it is sent again.
#[test]
fn what_was_buried_and_undone_is_sent_again() {
    let mut bench = Bench::new("tr");
    let escrow = bench.triggered();
    bench.mine(6);
    assert_eq!(bench.resume(&[]).expect("buried")[0].phase, Phase::Buried);
    bench.reorg(7, &[escrow.txid]);
    assert!(!bench.confirmed(escrow.txid));
    bench.reboot();
    assert_eq!(bench.resume(&[]).expect("again")[0].phase, Phase::Seen);
    bench.mine(1);
    assert!(bench.confirmed(escrow.txid));
}

#[test]
fn a_coin_that_a_reorg_takes_away_is_waited_for() {
    let mut bench = Bench::new("tr");
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("triggered");
    bench.mine(1);
    bench.reorg(10, &[bench.coin.txid, trigger.txid]);
    let all = bench.resume(&[]).expect("it goes on");
    assert_eq!(all[0].phase, Phase::RolledBack);
}

#[test]
fn a_fee_spike_is_answered_with_a_child_and_then_a_dearer_one() {
    for script in crate::vault::SCRIPTS {
        let mut bench = Bench::new(script);
        bench.chain.chain.borrow_mut().set_going_rate(rate(30));
        // At the base fee it goes alone, and waits.
        let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
        bench.mine(2);
        assert!(bench.in_mempool(trigger.txid));
        let mut children = Vec::new();
        for (sats, is_mined) in [(20, false), (40, true)] {
            bench.feerate = Some(rate(sats));
            bench.reboot();
            let all = bench.resume(&[]).expect("it is raised");
            assert_eq!(all[0].phase, Phase::Seen);
            let run = bench.open(&Undisturbed).expect("it opens");
            let operation = run.operation(trigger.txid).expect("known");
            let child = operation.ready_child().expect("signed").txid;
            children.push(child);
            // Once more changes nothing.
            let before = bench.entries().len();
            bench.resume(&[]).expect("nothing to do");
            assert_eq!(bench.entries().len(), before);
            assert!(bench.in_mempool(child));
            bench.mine(1);
            assert_eq!(bench.confirmed(trigger.txid), is_mined);
        }
        assert_ne!(children[0], children[1]);
        assert!(!bench.confirmed(children[0]) && bench.confirmed(children[1]));
        bench.mine(6);
        bench.resume(&[]).expect("buried");
        assert!(
            bench.vault.reserved().is_empty(),
            "the fee coin is free again"
        );
    }
}

/// Gone from the mempool, and below its floor by now: it comes back with a child, as a package.
#[test]
fn an_evicted_parent_comes_back_with_its_child() {
    let mut bench = Bench::new("tr");
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    bench.mine(1);
    bench.reorg(1, &[trigger.txid]);
    bench.chain.chain.borrow_mut().set_mempool_min(rate(10));
    assert!(!bench.in_mempool(trigger.txid));
    let alone = bench.resume(&[]).expect("refused");
    let class = "mempool min fee not met".to_owned();
    assert_eq!(alone[0].phase, Phase::Refused { class });
    bench.feerate = Some(rate(25));
    let with = bench.resume(&[]).expect("as a package");
    assert_eq!(with[0].phase, Phase::Seen);
    bench.mine(1);
    assert!(bench.confirmed(trigger.txid));
}

/// Two parents that wait for one fee coin: the second is told that there is none.
#[test]
fn a_fee_coin_is_kept_for_one_parent() {
    let mut bench = Bench::new("tr");
    bench.feerate = Some(rate(10));
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    let kept = bench.vault.reserved();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1, trigger.txid);
    let coin = OutPoint::new(trigger.txid, 0);
    let cancel = Action::Cancel { coin };
    assert_eq!(class(bench.act(&cancel, &["alice"])), "no-fee-coin");
    bench.broadcaster = Some("alice");
    let plan = bench.plan(&cancel).expect("a plan");
    assert!(plan.problems.is_empty(), "her own coin is free");
    // Once it is buried, nothing is kept for it.
    bench.mine(6);
    bench.resume(&[]).expect("buried");
    assert!(bench.vault.reserved().is_empty());
}
