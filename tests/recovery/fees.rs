//! What is paid: what the chain estimates, within caps, and what becomes of what waits.

use bitcoin::{Amount, FeeRate, OutPoint, Txid};
use longstop::engine::Action;
use longstop::recovery::points::Undisturbed;
use longstop::recovery::{Choice, Does, FeeCaps, Fees, Phase, RecoveryError, Remedy, Warning, Why};
use longstop::units::Blocks;

use super::kit::{AGENTS, Bench, ROOT, Told, class, destination};
use crate::vault::{Draft, SCRIPTS, TREASURY};

fn rate(sats: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sats).expect("a feerate")
}

/// A bench whose runs pay what the chain estimates.
fn estimating(mut bench: Bench) -> Bench {
    bench.fees = Some(Fees::Estimated(FeeCaps::default()));
    bench
}

fn of_rungs(script: &'static str, rungs: &[u64]) -> Bench {
    let mut bench = Bench::of(&Draft::new(script, TREASURY).with_rungs(rungs));
    bench.broadcaster = None;
    estimating(bench)
}

fn says(bench: &Bench, told: Told) {
    *bench.chain.told.borrow_mut() = told;
}

fn this(sats: u64) -> Told {
    Told::This(rate(sats))
}

#[track_caller]
fn choice(bench: &mut Bench, action: &Action) -> Choice {
    let run = bench.open(&Undisturbed).expect("it opens");
    run.choice(action).expect("a choice")
}

#[track_caller]
fn target(bench: &mut Bench, action: &Action) -> Blocks {
    let run = bench.open(&Undisturbed).expect("it opens");
    run.target(action).expect("a target")
}

/// The children of a transaction, with what each pays with it, in their order.
fn children(bench: &mut Bench, txid: Txid) -> Vec<(Txid, FeeRate)> {
    let run = bench.open(&Undisturbed).expect("it opens");
    let operation = run.operation(txid).expect("known");
    let children = operation.children.iter();
    children.map(|child| (child.txid, child.feerate)).collect()
}

/// What the chain says is what is aimed at, between the least that the policy says and the caps; and
/// one satoshi beyond either is not.
#[test]
fn an_estimate_counts_between_the_policy_and_the_caps() {
    let mut bench = estimating(Bench::new("tr"));
    let trigger = bench.trigger();
    let target = Blocks(6);
    let kwu = FeeRate::from_sat_per_kwu;
    for (told, feerate, why) in [
        (
            kwu(499),
            rate(2),
            Why::LowEstimate {
                target,
                told: kwu(499),
            },
        ),
        (rate(2), rate(2), Why::Estimate { target }),
        (kwu(501), kwu(501), Why::Estimate { target }),
        (rate(500), rate(500), Why::Estimate { target }),
        (
            kwu(125_001),
            rate(500),
            Why::Capped {
                target,
                told: kwu(125_001),
            },
        ),
        (
            rate(1_000),
            rate(500),
            Why::Capped {
                target,
                told: rate(1_000),
            },
        ),
    ] {
        says(&bench, Told::This(told));
        assert_eq!(choice(&mut bench, &trigger), Choice { feerate, why });
    }
    says(&bench, Told::Nothing);
    let none = Choice {
        feerate: rate(2),
        why: Why::NoEstimate { target },
    };
    assert_eq!(choice(&mut bench, &trigger), none);
    // Whoever names a feerate is not asked again, and the chain is not asked at all.
    let asked = bench.chain.asked.get();
    bench.fees = Some(Fees::Named(rate(1_000)));
    let named = Choice {
        feerate: rate(1_000),
        why: Why::Named,
    };
    assert_eq!(choice(&mut bench, &trigger), named);
    bench.fees = Some(Fees::Base);
    assert_eq!(choice(&mut bench, &trigger).feerate, rate(2));
    assert_eq!(bench.chain.asked.get(), asked);
}

/// A chain that does not answer about fees holds nothing up.
#[test]
fn a_chain_that_does_not_estimate_keeps_nobody_from_anything() {
    let mut bench = estimating(Bench::new("wsh"));
    says(&bench, Told::Silence);
    let trigger = bench.trigger();
    let chosen = choice(&mut bench, &trigger);
    assert!(matches!(&chosen.why, Why::Unanswered { error } if error.contains("out of reach")));
    assert_eq!(chosen.feerate, rate(2));
    let sent = bench.act(&trigger, &AGENTS).expect("it is sent");
    assert_eq!(sent.phase, Phase::Seen);
    assert!(children(&mut bench, sent.txid).is_empty());
}

/// It is asked once while a run is open: what was shown is what is done, whatever it says next.
#[test]
fn what_was_shown_is_what_is_done() {
    let mut bench = estimating(Bench::new("tr"));
    says(&bench, this(10));
    let refresh = Action::Refresh {
        coins: vec![bench.coin],
    };
    let chain = bench.chain.clone();
    let people = std::rc::Rc::clone(&bench.signers.people);
    let mut run = bench.open(&Undisturbed).expect("it opens");
    let before = chain.asked.get();
    let plan = run.plan(&refresh).expect("a plan");
    *chain.told.borrow_mut() = this(300);
    let (fee, shown) = (plan.draft.fee(), plan.draft.txid());
    let txid = run.begin(plan).expect("begun");
    assert_eq!(txid, shown);
    *chain.told.borrow_mut() = Told::Silence;
    run.approve(txid).expect("approved");
    let by = ROOT.map(str::to_owned);
    run.advance(txid, &by, &*people).expect("sent");
    assert_eq!(chain.asked.get(), before + 1, "one target, one question");
    assert!(bench.in_mempool(txid));
    assert!(fee < Amount::from_sat(3_000), "{fee}");
}

/// Who signs it later, or looks at it again when the estimate has moved, joins what is under way.
#[test]
fn an_estimate_that_moves_begins_nothing_anew() {
    for told in [Told::This(rate(9)), this(11), this(400), Told::Nothing] {
        let mut bench = estimating(Bench::new("tr"));
        says(&bench, this(10));
        let refresh = Action::Refresh {
            coins: vec![bench.coin],
        };
        let begun = bench.act(&refresh, &[]).expect("begun");
        assert_eq!(begun.phase, Phase::Intended);
        says(&bench, told);
        let plan = bench.plan(&refresh).expect("a plan");
        assert!(plan.is_joined);
        assert_eq!(plan.draft.txid(), begun.txid);
        let sent = bench.act(&refresh, &ROOT).expect("signed");
        assert_eq!((sent.txid, sent.phase), (begun.txid, Phase::Seen));
    }
}

/// What is signed live and waits is raised by a child; with version 2 it is begun anew, where that
/// takes a satoshi more, and not for less.
#[test]
fn what_is_signed_live_is_raised_as_well() {
    let mut bench = estimating(Bench::new("tr"));
    says(&bench, this(10));
    let refresh = Action::Refresh {
        coins: vec![bench.coin],
    };
    let sent = bench.act(&refresh, &ROOT).expect("sent");
    assert!(children(&mut bench, sent.txid).is_empty());
    says(&bench, this(11));
    assert!(bench.resume(&[]).expect("raised")[0].waits_for.is_empty());
    assert_eq!(children(&mut bench, sent.txid).len(), 1);

    let mut bench = of_rungs("tr", &[2, 20]);
    says(&bench, this(10));
    let cheap = bench.act(&refresh, &ROOT).expect("sent");
    says(&bench, Told::This(FeeRate::from_sat_per_kwu(2_749)));
    assert!(bench.plan(&refresh).expect("a plan").is_joined);
    assert!(bench.resume(&[]).expect("it looks")[0].waits_for.is_empty());
    says(&bench, this(11));
    let told = bench.resume(&[]).expect("it looks");
    assert_eq!(told.len(), 1, "nobody has confirmed another amount");
    assert_eq!(told[0].waits_for[0].class(), "pays-too-little");
    let text = told[0].waits_for[0].to_string();
    assert!(text.contains("begin it again at 11 sat/vB"), "{text}");
    let plan = bench.plan(&refresh).expect("a plan");
    assert_eq!(plan.warnings, [Warning::Replaces { txid: cheap.txid }]);
    let dear = bench.act(&refresh, &ROOT).expect("sent");
    assert_eq!(dear.phase, Phase::Seen);
    assert!(bench.in_mempool(dear.txid) && !bench.in_mempool(cheap.txid));
    // Down again: it stays.
    says(&bench, this(3));
    let again = bench.act(&refresh, &ROOT).expect("joined");
    assert_eq!(again.txid, dear.txid);
}

/// The most that anybody pays because a chain says so, to the satoshi.
#[test]
fn a_fee_beyond_the_cap_is_refused() {
    let mut bench = estimating(Bench::new("tr"));
    says(&bench, this(400));
    let refresh = Action::Refresh {
        coins: vec![bench.coin],
    };
    let fee = bench.plan(&refresh).expect("a plan").draft.fee();
    for (most, is_refused) in [
        (fee - Amount::ONE_SAT, true),
        (fee, false),
        (fee + Amount::ONE_SAT, false),
    ] {
        let caps = FeeCaps {
            fee: most,
            ..FeeCaps::default()
        };
        bench.fees = Some(Fees::Estimated(caps));
        let plan = bench.plan(&refresh).expect("a plan");
        let classes: Vec<&str> = plan.problems.iter().map(RecoveryError::class).collect();
        let expected: &[&str] = if is_refused { &["fee-too-high"] } else { &[] };
        assert_eq!(classes, expected);
    }
    let caps = FeeCaps {
        fee: fee - Amount::ONE_SAT,
        ..FeeCaps::default()
    };
    bench.fees = Some(Fees::Estimated(caps));
    assert_eq!(class(bench.act(&refresh, &ROOT)), "fee-too-high");
    // Whoever names it means it.
    bench.fees = Some(Fees::Named(rate(400)));
    assert_eq!(bench.act(&refresh, &ROOT).expect("sent").phase, Phase::Seen);
}

/// The nearer the end of the window, the sooner a cancel and an override aim; a settle always aims
/// at the next block, and what nothing races has an hour.
#[test]
fn targets_come_nearer_with_the_deadline() {
    let mut bench = estimating(Bench::new("tr"));
    says(&bench, Told::Falling);
    let trigger = bench.trigger();
    assert_eq!(target(&mut bench, &trigger), Blocks(6));
    let sent = bench.act(&trigger, &AGENTS).expect("sent");
    let coin = OutPoint::new(sent.txid, 0);
    let (cancel, by_root) = (Action::Cancel { coin }, Action::Override { coin });
    // The window has not begun to run.
    assert_eq!(target(&mut bench, &cancel), Blocks(6));
    bench.mine(1);
    // A window of 20 blocks leaves 19, of which six are to bury it.
    for (mined, expected) in [
        (0, 3),
        (1, 3),
        (2, 2),
        (3, 2),
        (5, 2),
        (6, 1),
        (13, 1),
        (18, 1),
    ] {
        let mut later = bench.fork();
        later.mine(mined);
        for action in [&cancel, &by_root] {
            assert_eq!(target(&mut later, action), Blocks(expected), "{mined}");
        }
        let feerate = choice(&mut later, &cancel).feerate;
        assert_eq!(feerate, rate(115 - 15 * u64::from(expected)));
    }
    assert_eq!(target(&mut bench, &Action::Settle { coin }), Blocks(1));
    // A clawback has until the lock-up ends, and a release is raced by it.
    let mut bench = estimating(Bench::new("tr"));
    let coin = bench.settled();
    let release = Action::Release {
        coin,
        to: destination(),
    };
    assert_eq!(target(&mut bench, &release), Blocks(1));
    let clawback = Action::Clawback { coin };
    assert_eq!(target(&mut bench, &clawback), Blocks(5));
    bench.mine(16);
    assert_eq!(target(&mut bench, &clawback), Blocks(1));
    // A refresh has until agents could take the coin.
    let mut bench = estimating(Bench::new("tr"));
    let refresh = Action::Refresh {
        coins: vec![bench.coin],
    };
    assert_eq!(target(&mut bench, &refresh), Blocks(6));
    bench.mine(75);
    assert_eq!(target(&mut bench, &refresh), Blocks(1));
}

/// A trigger goes with a child at the estimate; where that rises, `resume` replaces the child, where
/// it falls the child stays, and less than a satoshi more is not worth it.
#[test]
fn a_child_follows_the_estimate_up_and_never_down() {
    for script in SCRIPTS {
        let mut bench = estimating(Bench::new(script));
        says(&bench, this(10));
        let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
        let mut expected = vec![rate(10)];
        for (told, is_raised) in [
            (rate(10), false),
            (FeeRate::from_sat_per_kwu(2_749), false),
            (rate(11), true),
            (rate(5), false),
            (rate(11), false),
            (rate(60), true),
        ] {
            says(&bench, Told::This(told));
            let outlook = {
                let run = bench.open(&Undisturbed).expect("it opens");
                run.outlook(trigger.txid).expect("an outlook").does
            };
            let submits = bench.chain.submits.get();
            let all = bench.resume(&[]).expect("it goes on");
            assert_eq!((&all[0].phase, all[0].waits_for.len()), (&Phase::Seen, 0));
            let sent = bench.chain.submits.get() - submits;
            assert_eq!(sent, usize::from(is_raised), "{told}");
            let from = *expected.last().expect("one");
            let does = match is_raised {
                true => Does::ReplaceChild { from, to: told },
                false => Does::Nothing,
            };
            assert_eq!(outlook, does);
            if is_raised {
                expected.push(told);
            }
            let children = children(&mut bench, trigger.txid);
            let rates: Vec<FeeRate> = children.iter().map(|(_, rate)| *rate).collect();
            assert_eq!(rates, expected);
            let there = children.iter().filter(|(txid, _)| bench.in_mempool(*txid));
            assert_eq!(there.count(), 1, "the last one alone");
        }
        bench.chain.chain.borrow_mut().set_going_rate(rate(60));
        bench.mine(1);
        assert!(bench.confirmed(trigger.txid));
    }
}

/// An estimate of a thousand is capped, and the fee coin is the cap of what it holds: the child pays
/// what it can, is not made again and again, and it is said what would help.
#[test]
fn a_fee_coin_that_is_too_small_pays_what_it_can() {
    let mut bench = estimating(Bench::new("tr"));
    bench.world.fee_coin("hal", 9_000);
    bench.chain.chain = std::rc::Rc::new(std::cell::RefCell::new(bench.world.chain.fork()));
    bench.broadcaster = Some("hal");
    says(&bench, this(10));
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    assert_eq!(trigger.phase, Phase::Seen);
    assert!(trigger.waits_for.is_empty());
    says(&bench, this(1_000));
    let mut before = None;
    for _ in 0..3 {
        let all = bench.resume(&[]).expect("it goes on");
        assert_eq!(all[0].phase, Phase::Seen);
        let [
            RecoveryError::PaysTooLittle {
                paid,
                asked,
                remedy,
                ..
            },
        ] = &all[0].waits_for[..]
        else {
            panic!("{:?}", all[0].waits_for);
        };
        assert_eq!(*asked, rate(500), "capped");
        assert!(rate(15) < *paid && *paid < rate(60), "{paid}");
        assert!(matches!(remedy, Remedy::LargerCoin { .. }));
        let children = children(&mut bench, trigger.txid);
        assert_eq!(children.len(), 2, "one at ten, and one at what there is");
        assert!(bench.in_mempool(children[1].0));
        let entries = bench.entries().len();
        assert!(before.is_none_or(|before| before == entries), "nothing new");
        before = Some(entries);
    }
    // The dust that has to be left of the coin is left.
    let children = children(&mut bench, trigger.txid);
    let chain = bench.chain.chain.borrow();
    let child = chain.transaction(children[1].0).expect("it is there");
    let change = &child.output[0];
    let dust = change.script_pubkey.minimal_non_dust();
    assert!(change.value >= dust && change.value < dust + Amount::from_sat(10));
    drop(chain);
    // One coin that cannot even pay for itself: the parent goes as it is, and it is said.
    let mut poor = estimating(Bench::new("tr"));
    poor.world.fee_coin("hal", 330);
    poor.chain.chain = std::rc::Rc::new(std::cell::RefCell::new(poor.world.chain.fork()));
    poor.broadcaster = Some("hal");
    says(&poor, this(10));
    let trigger = poor.act(&poor.trigger(), &AGENTS).expect("sent");
    assert_eq!(trigger.phase, Phase::Seen);
    assert_eq!(trigger.waits_for[0].class(), "pays-too-little");
}

/// The cap of the fee holds for children as well: the child pays just that.
#[test]
fn a_child_pays_no_more_than_the_cap() {
    let mut bench = Bench::new("tr");
    let most = Amount::from_sat(5_000);
    bench.fees = Some(Fees::Estimated(FeeCaps {
        fee: most,
        ..FeeCaps::default()
    }));
    says(&bench, this(300));
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    assert_eq!(trigger.waits_for[0].class(), "pays-too-little");
    let [(child, _)] = children(&mut bench, trigger.txid)[..] else {
        panic!("one child");
    };
    let chain = bench.chain.chain.borrow();
    let mut pool = chain.mempool();
    let (_, fee) = pool
        .find(|(own, _)| own.compute_txid() == child)
        .expect("there");
    assert!(fee <= most && fee > most - Amount::from_sat(10), "{fee}");
}

/// Nobody to pay: it is said which party is missing, and the base fee is all there is.
#[test]
fn without_a_fee_wallet_it_is_said_what_is_missing() {
    let mut bench = estimating(Bench::new("tr"));
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    says(&bench, this(30));
    bench.broadcaster = None;
    let all = bench.resume(&[]).expect("it goes on");
    let [RecoveryError::PaysTooLittle { remedy, .. }] = &all[0].waits_for[..] else {
        panic!("{:?}", all[0].waits_for);
    };
    assert_eq!(*remedy, Remedy::NameBroadcaster);
    bench.broadcaster = Some("hal");
    let all = bench.resume(&[]).expect("it goes on");
    let [RecoveryError::PaysTooLittle { remedy, .. }] = &all[0].waits_for[..] else {
        panic!("{:?}", all[0].waits_for);
    };
    assert_eq!(
        *remedy,
        Remedy::FundWallet {
            party: "hal".to_owned()
        }
    );
    assert!(bench.in_mempool(trigger.txid));
}

/// A dearer child that nobody has signed yet does not take the one that there is away.
#[test]
fn until_the_dearer_child_is_signed_the_other_one_goes_along() {
    let mut bench = estimating(Bench::new("tr"));
    says(&bench, this(10));
    let trigger = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    let first = children(&mut bench, trigger.txid)[0].0;
    bench.signers.away.insert("gina");
    says(&bench, this(40));
    let all = bench.resume(&[]).expect("it goes on");
    assert!(all[0].wanted_child.is_some() && all[0].waits_for.is_empty());
    assert!(bench.in_mempool(first));
    // Both fall out of the mempool, whose floor is above the base fee by now: they come back as one.
    bench.mine(1);
    bench.reorg(1, &[trigger.txid, first]);
    bench.chain.chain.borrow_mut().set_mempool_min(rate(8));
    assert!(!bench.in_mempool(trigger.txid));
    bench.resume(&[]).expect("it goes on");
    assert!(bench.in_mempool(trigger.txid) && bench.in_mempool(first));
    bench.signers.away.clear();
    bench.resume(&[]).expect("it goes on");
    let all = children(&mut bench, trigger.txid);
    assert_eq!(all.len(), 2);
    assert!(bench.in_mempool(all[1].0) && !bench.in_mempool(first));
}

/// The lowest rung at or above the estimate, the highest if none is; and it is said.
#[test]
fn the_rung_follows_the_estimate() {
    let bench = of_rungs("tr", &[2, 20, 100]);
    for (told, rung, is_enough) in [
        (1, 0, true),
        (2, 0, true),
        (3, 1, true),
        (20, 1, true),
        (21, 2, true),
        (100, 2, true),
        (101, 2, false),
    ] {
        let mut bench = bench.fork();
        says(&bench, this(told));
        let plan = bench.plan(&bench.trigger()).expect("a plan");
        let armed = bench.vault.armed().expect("armed");
        let expected = armed[0].courses()[rung].trigger.txid();
        assert_eq!(plan.draft.txid(), expected, "{told}");
        let highest = Warning::HighestRung {
            pays: 100,
            asked: told,
        };
        assert_eq!(plan.warnings.contains(&highest), !is_enough, "{told}");
    }
}

/// Going up needs the signatures of agents for a trigger; until they have signed, the one at the
/// lower rung goes on, and it is begun once.
#[test]
fn the_lower_rung_goes_on_until_the_higher_one_is_signed() {
    let mut bench = of_rungs("wsh", &[2, 20, 100]);
    says(&bench, this(2));
    let low = bench.act(&bench.trigger(), &AGENTS).expect("sent");
    says(&bench, this(15));
    let outlook = {
        let run = bench.open(&Undisturbed).expect("it opens");
        run.outlook(low.txid).expect("an outlook").does
    };
    let entries = bench.entries().len();
    let Does::GoUp { to, pays } = outlook else {
        panic!("{outlook:?}");
    };
    assert_eq!(pays, rate(20));
    for _ in 0..2 {
        let all = bench.resume(&[]).expect("it goes on");
        let phases: Vec<&str> = all.iter().map(|one| one.phase.word()).collect();
        assert_eq!(phases, ["seen", "rivalled"], "{all:?}");
        assert!(all[0].waits_for.is_empty() && all[1].txid == to);
        assert_eq!(bench.entries().len(), entries + 2, "intended and approved");
    }
    // Fees fall: what was begun stays begun, and nothing else is.
    says(&bench, this(1));
    bench.resume(&AGENTS).expect("it goes on");
    assert!(bench.in_mempool(to) && !bench.in_mempool(low.txid));
    // What nobody has confirmed does not go up, and neither does what was given up.
    says(&bench, this(90));
    let mut run = bench.open(&Undisturbed).expect("it opens");
    run.give_up(to).expect("given up");
    run.give_up(low.txid).expect("given up");
    assert!(run.go_up().expect("it looks").is_empty());
}
