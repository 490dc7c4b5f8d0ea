//! Whole runs, each with what would be too early.

use bitcoin::{Amount, OutPoint};
use longstop::engine::{Action, Payment};
use longstop::recovery::points::Undisturbed;
use longstop::recovery::{Phase, RecoveryError, Warning, in_bitcoins};

use super::kit::{AGENTS, Bench, ROOT, class, destination};
use crate::vault::SCRIPTS;

#[test]
fn arm_trigger_veto_cancel() {
    for script in SCRIPTS {
        let mut bench = Bench::new(script);
        let escrow = bench.triggered();
        let cancel = Action::Cancel { coin: escrow };
        // A veto is signed, and nothing is sent before somebody says so.
        bench.broadcaster = Some("alice");
        let signers = bench.signers.people.clone();
        let mut run = bench.open(&Undisturbed).expect("it opens");
        let plan = run.plan(&cancel).expect("a plan");
        let txid = run.begin(plan).expect("begun");
        let by = ["alice".to_owned()];
        let vetoed = run.advance(txid, &by, &*signers).expect("signed");
        assert_eq!(vetoed.phase, Phase::Complete);
        assert!(!bench.in_mempool(txid), "a veto is not a cancel");
        bench.reboot();
        let asked = bench.signers.asked.get();
        let cancelled = bench.act(&cancel, &[]).expect("it is sent");
        assert_eq!((cancelled.txid, cancelled.phase), (txid, Phase::Seen));
        assert_eq!(bench.signers.asked.get(), asked, "the signature was kept");
        for (blocks, phase) in [
            (1, Phase::Confirmed),
            (4, Phase::Confirmed),
            (1, Phase::Buried),
        ] {
            bench.mine(blocks);
            let all = bench.resume(&[]).expect("it goes on");
            assert_eq!(all.last().map(|last| &last.phase), Some(&phase));
        }
        // What was settled in advance is worth nothing now.
        bench.mine(20);
        assert_eq!(
            class(bench.act(&Action::Settle { coin: escrow }, &[])),
            "stale"
        );
    }
}

#[test]
fn arm_trigger_settle_release() {
    for script in SCRIPTS {
        let mut bench = Bench::new(script);
        let escrow = bench.triggered();
        bench.mine(18);
        let settle = Action::Settle { coin: escrow };
        assert_eq!(class(bench.act(&settle, &[])), "not-due", "19 blocks of 20");
        bench.mine(1);
        let settled = bench.act(&settle, &[]).expect("due");
        assert_eq!(settled.phase, Phase::Seen);
        bench.mine(1);
        let lockup = OutPoint::new(settled.txid, 0);
        let release = Action::Release {
            coin: lockup,
            to: destination(),
        };
        bench.mine(28);
        let asked = bench.signers.asked.get();
        assert_eq!(class(bench.act(&release, &AGENTS)), "not-due", "29 of 30");
        assert_eq!(bench.signers.asked.get(), asked, "nobody was asked");
        bench.mine(1);
        let released = bench.act(&release, &AGENTS).expect("due");
        assert_eq!(released.phase, Phase::Seen);
        bench.mine(6);
        let all = bench.resume(&[]).expect("it goes on");
        let phases: Vec<&str> = all.iter().map(|one| one.phase.word()).collect();
        assert_eq!(phases, ["buried"; 3]);
        let outputs = bench.chain.chain.borrow().outputs(&[destination()]);
        assert_eq!(outputs.len(), 1);
    }
}

#[test]
fn clawback_out_of_the_lockup() {
    for script in SCRIPTS {
        let mut bench = Bench::new(script);
        let lockup = bench.settled();
        let claw = Action::Clawback { coin: lockup };
        let short = bench.act(&claw, &["alice", "bob"]).expect("it is begun");
        assert_eq!(short.phase, Phase::Collecting);
        assert_eq!(short.wanted.len(), 1);
        let missing = short.wanted[0].seats.iter().filter(|(_, signed)| !signed);
        assert_eq!(missing.count(), 3);
        // Carol comes later; nobody is asked twice.
        let asked = bench.signers.asked.get();
        let done = bench.act(&claw, &ROOT).expect("it goes on");
        assert_eq!((done.txid, done.phase), (short.txid, Phase::Seen));
        assert_eq!(bench.signers.asked.get(), asked + 1);
        bench.mine(1);
        assert!(bench.confirmed(done.txid));
        let release = Action::Release {
            coin: lockup,
            to: destination(),
        };
        // A reorg could undo it, until it is buried.
        assert_eq!(class(bench.act(&release, &AGENTS)), "under-way");
        bench.mine(5);
        assert_eq!(class(bench.act(&release, &AGENTS)), "stale");
    }
}

#[test]
fn a_refresh_kills_old_files() {
    for script in SCRIPTS {
        let mut bench = Bench::new(script);
        let mut agents = bench.beside();
        let coins = vec![bench.coin];
        let refresh = bench.act(&Action::Refresh { coins }, &ROOT);
        let refresh = refresh.expect("root may");
        assert_eq!(refresh.phase, Phase::Seen);
        let trigger = bench.trigger();
        assert_eq!(class(bench.act(&trigger, &AGENTS)), "under-way");
        // While it waits for a block, the files are alive, and agents elsewhere should know.
        let plan = agents.plan(&trigger).expect("a plan");
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let rival =
            |warning: &Warning| matches!(warning, Warning::Rival { by, .. } if *by == refresh.txid);
        assert!(plan.warnings.iter().any(rival));
        bench.mine(1);
        assert_eq!(class(agents.act(&trigger, &AGENTS)), "stale");
        bench.mine(5);
        bench.resume(&[]).expect("it is buried");
        assert_eq!(class(bench.act(&trigger, &AGENTS)), "stale");
        assert_eq!(class(agents.act(&trigger, &AGENTS)), "stale");
    }
}

#[test]
fn root_spends_and_keeps_the_change() {
    for script in SCRIPTS {
        let mut bench = Bench::new(script);
        let payees = vec![Payment {
            script_pubkey: destination(),
            amount: Amount::from_sat(1_500_000),
        }];
        let spend = Action::Spend {
            coins: vec![bench.coin],
            payees,
        };
        let plan = bench.plan(&spend).expect("a plan");
        let typed = plan.confirmation();
        assert!(typed.starts_with("0.015 BTC to bcrt1"), "{typed}");
        assert!(!typed.contains(','), "the change stays: {typed}");
        assert!(matches!(
            plan.confirm("0.15 BTC to me"),
            Err(RecoveryError::NotConfirmed { .. })
        ));
        plan.confirm(&format!(" {typed}\n"))
            .expect("spaces do not matter");
        let done = bench.act(&spend, &ROOT).expect("root may");
        assert_eq!(done.phase, Phase::Seen);
        let next = bench.vault.next();
        assert_eq!(next[1], 1, "the index of the change is used up");
        bench.mine(6);
        bench.resume(&[]).expect("it goes on");
        let balance = bench.vault.balance().expect("synced");
        assert!(balance.confirmed > Amount::from_sat(8_000_000));
    }
}

/// What is confirmed by hand is one transaction, by the digest of all it does: another one that spends
/// the same coin is not, whoever has signed it.
#[test]
fn an_approval_is_for_one_transaction() {
    let mut bench = Bench::new("tr");
    let coin = bench.coin;
    let pay = |sats: u64| Action::Spend {
        coins: vec![coin],
        payees: vec![Payment {
            script_pubkey: destination(),
            amount: Amount::from_sat(sats),
        }],
    };
    let by = ROOT.map(str::to_owned);
    let other = bench.plan(&pay(1_500_001)).expect("a plan").draft.txid();
    let signers = bench.fork().signers;
    let mut run = bench.open(&Undisturbed).expect("it opens");
    let plan = run.plan(&pay(1_500_000)).expect("a plan");
    let txid = run.begin(plan).expect("it is begun");
    assert_ne!(txid, other, "a satoshi more is another transaction");
    assert!(run.approve(other).is_err(), "nobody has begun that");
    let progress = run.advance(txid, &by, &signers).expect("it goes on");
    assert_eq!(
        progress.phase,
        Phase::Complete,
        "it is signed, and not sent"
    );
    run.approve(txid).expect("it is under way");
    let progress = run.advance(txid, &by, &signers).expect("it goes on");
    assert_eq!(progress.phase, Phase::Seen);
    drop(run);
    assert!(bench.in_mempool(txid) && !bench.in_mempool(other));
}

#[test]
fn the_direct_path_needs_no_file() {
    for script in SCRIPTS {
        let mut bench = Bench::unarmed(script);
        let recover = Action::Recover {
            coin: bench.coin,
            path: "dead-man".to_owned(),
            to: destination(),
        };
        let born = bench.chain.chain.borrow().confirmation(bench.coin.txid);
        let born = born.expect("confirmed").height.0;
        let tip = bench.chain.chain.borrow().tip().time.height.0;
        bench.mine(born + 88 - tip);
        assert_eq!(class(bench.act(&recover, &AGENTS)), "not-due", "89 of 90");
        bench.mine(1);
        let done = bench.act(&recover, &AGENTS).expect("due");
        assert_eq!(done.phase, Phase::Seen);
        bench.mine(1);
        assert!(bench.confirmed(done.txid));
    }
}

#[test]
fn the_backstop_and_the_override_need_no_file_either() {
    let mut bench = Bench::new("tr");
    let escrow = bench.triggered();
    let mut away = bench.fork();
    let done = away.act(&Action::Override { coin: escrow }, &ROOT);
    assert_eq!(done.expect("root may").phase, Phase::Seen);
    let backstop = Action::Backstop {
        coin: escrow,
        to: destination(),
    };
    bench.mine(58);
    assert_eq!(class(bench.act(&backstop, &AGENTS)), "not-due");
    bench.mine(1);
    let done = bench.act(&backstop, &AGENTS).expect("due");
    assert_eq!(done.phase, Phase::Seen);
}

/// The person about to trigger sees which dates it moves, and when waiting is the shorter way.
#[test]
fn a_trigger_shows_the_dates_that_it_restarts() {
    let mut bench = Bench::new("tr");
    let plan = bench.plan(&bench.trigger()).expect("a plan");
    let [restart] = &plan.restarts[..] else {
        panic!("one path waits by age: {:?}", plan.restarts);
    };
    let (before, after) = (restart.before.remaining, restart.after.remaining);
    assert!(before < after, "{restart:?}");
    let sooner = |warning: &Warning| matches!(warning, Warning::DirectIsSooner { .. });
    assert!(!plan.warnings.iter().any(sooner));
    // Window and lock-up together are 50 blocks.
    let remaining = before.expect("it runs").0;
    bench.mine(remaining - 50);
    let plan = bench.plan(&bench.trigger()).expect("a plan");
    assert!(!plan.warnings.iter().any(sooner), "{:?}", plan.warnings);
    bench.mine(1);
    let plan = bench.plan(&bench.trigger()).expect("a plan");
    assert!(plan.warnings.iter().any(sooner));
}

#[test]
fn amounts_are_written_as_people_write_them() {
    for (sats, text) in [
        (150_000_000, "1.5 BTC"),
        (100_000_000, "1 BTC"),
        (1, "0.00000001 BTC"),
        (2_099_999_997_690_000, "20999999.9769 BTC"),
    ] {
        assert_eq!(in_bitcoins(Amount::from_sat(sats)), text);
    }
}
