//! Version 2: everything that is signed in advance is signed at every rung, a higher rung takes the
//! place of a lower one, and nobody outside has anything to take hold of.

use bitcoin::{
    Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness,
};
use longstop::arming::{Arming, ArmingError, ArmingFile, ArmingState};
use longstop::compile::{CompileError, SpendCost, Stage, compile, spend_weight};
use longstop::transaction::{BuildError, EscrowCoin, LockupCoin, VaultCoin};
use proptest::prelude::*;

use crate::vault::{Armed, Draft, SCRIPTS, TREASURY, anywhere, made};

const AGENTS: [&str; 2] = ["gina", "hal"];
const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const RUNGS: [u64; 3] = [2, 20, 100];
const LOW: &str = "mempool min fee not met";
const NO_MORE: &str = "insufficient fee";

fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb).expect("a feerate")
}

fn draft(script: &'static str) -> Draft {
    Draft::new(script, TREASURY).with_rungs(&RUNGS)
}

/// The cancel of a course at a rung, complete.
fn cancel(armed: &Armed, course: usize, rung: usize) -> Transaction {
    let cancel = &armed.files.courses()[course].cancels[rung];
    armed.world.finish(cancel, &["bob"])
}

/// The settle of a course at a rung, complete since root signed it.
fn settle(armed: &Armed, course: usize, rung: usize) -> Transaction {
    let settle = &armed.files.courses()[course].settles[rung];
    armed.world.finish(settle, &[])
}

#[test]
fn for_n_rungs_there_are_n_triggers_and_n_squared_cancels_and_settles() {
    for script in SCRIPTS {
        for rungs in [&[2][..], &[2, 20], &RUNGS] {
            let armed = Armed::new(&Draft::new(script, TREASURY).with_rungs(rungs));
            let courses = armed.files.courses();
            assert_eq!(courses.len(), rungs.len());
            for course in courses {
                assert_eq!(course.cancels.len(), rungs.len());
                assert_eq!(course.settles.len(), rungs.len());
                let spent = course.trigger.spends().next().expect("a coin").0;
                assert_eq!(spent.outpoint(), armed.coin.outpoint());
                let escrow = course.escrow().expect("it makes a coin");
                for cancel in &course.cancels {
                    assert_eq!(cancel.spends().next().expect("a coin").0.outpoint(), escrow);
                }
            }
            let found = armed.files.courses_for(armed.coin.outpoint()).count();
            assert_eq!(found, rungs.len());
        }
    }
}

/// Each is of version 2, pays its own rung for the most that it can weigh, and has one output,
/// which is ours.
#[test]
fn each_pays_its_rung_and_has_nothing_to_take_hold_of() {
    for script in SCRIPTS {
        let armed = Armed::new(&draft(script));
        let vault = armed.world.compiled.vault();
        let trigger = longstop::compile::LeafKind::Trigger("sos".to_owned());
        let trigger = vault.leaf(&trigger).expect("the leaf");
        let most = SpendCost::of(vault, trigger).vbytes;
        for (number, rung) in RUNGS.into_iter().enumerate() {
            let course = &armed.files.courses()[number];
            assert_eq!(course.trigger.fee().to_sat(), rung * most);
            let complete = armed.trigger(number, &AGENTS);
            assert!(complete.vsize() as u64 <= most);
            let all = [
                complete,
                cancel(&armed, 0, number),
                settle(&armed, 0, number),
            ];
            for transaction in all {
                assert_eq!(transaction.version.0, 2);
                assert_eq!(transaction.output.len(), 1);
                assert!(transaction.output[0].script_pubkey != ScriptBuf::new_p2a());
            }
            assert_eq!(course.trigger.anchor(), None);
        }
        // What is worth less was paid for more.
        for course in armed.files.courses() {
            let values = |coins: Vec<u64>| assert!(coins.is_sorted_by(|a, b| a > b), "{coins:?}");
            let value = |outputs: &[TxOut]| outputs[0].value.to_sat();
            values(course.cancels.iter().map(|c| value(c.outputs())).collect());
            values(course.settles.iter().map(|s| value(s.outputs())).collect());
        }
    }
}

/// A trigger is stuck, the next one takes its place, and what follows is for the coin of the one
/// that was mined.
#[test]
fn a_higher_rung_takes_the_place_of_a_lower_one() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&draft(script));
        let triggers: Vec<Transaction> = (0..3).map(|n| armed.trigger(n, &AGENTS)).collect();
        armed.world.submit(&triggers[0]);
        // An outsider has nothing to spend: no signature of his opens the one output.
        let pinned = Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(triggers[0].compute_txid(), 0),
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: triggers[0].output[0].value - Amount::from_sat(10_000),
                script_pubkey: anywhere(),
            }],
        };
        assert!(armed.world.chain.test_accept(&pinned).is_err());
        armed
            .world
            .relay_refuses(&triggers[0], "txn-already-in-mempool");
        armed.world.submit(&triggers[1]);
        assert!(!armed.world.chain.in_mempool(triggers[0].compute_txid()));
        armed.world.relay_refuses(&triggers[0], NO_MORE);
        armed.world.submit(&triggers[2]);
        armed.world.relay_refuses(&triggers[1], NO_MORE);
        armed.world.chain.mine_one();
        let escrow: EscrowCoin = made(&armed.files.courses()[2].trigger);
        assert_eq!(escrow.outpoint().txid, triggers[2].compute_txid());
        // What was signed for the coins of the other triggers is worth nothing now.
        for course in [0, 1] {
            for rung in 0..3 {
                let refusal = armed.world.refusal(&cancel(&armed, course, rung));
                assert!(refusal.class.contains("missing"), "{refusal:?}");
            }
        }
        let mut cancelled = armed.fork();
        for rung in 0..3 {
            cancelled.world.submit(&cancel(&armed, 2, rung));
        }
        cancelled
            .world
            .relay_refuses(&cancel(&armed, 2, 1), NO_MORE);
        cancelled.world.chain.mine_one();
        let vault: VaultCoin = made(&armed.files.courses()[2].cancels[2]);
        let there = cancelled.world.chain.confirmation(vault.outpoint().txid);
        assert!(there.is_some());
        // The settle is due when the window is over, at any rung.
        armed.world.mine_to_age(&escrow, 19);
        armed
            .world
            .refuses(&settle(&armed, 2, 2), "non-BIP68-final");
        armed.world.mine_to_age(&escrow, 20);
        for rung in 0..3 {
            armed.world.submit(&settle(&armed, 2, rung));
        }
        armed.world.chain.mine_one();
        let lockup: LockupCoin = made(&armed.files.courses()[2].settles[2]);
        let clawback = armed.world.builder().clawback(&lockup).expect("it pays");
        let clawback = armed.world.live(clawback, &ROOT);
        assert_eq!(clawback.version.0, 2);
        armed.world.confirm(&clawback);
    }
}

/// The mempool asks for more than the lowest rung, and then for more than any.
#[test]
fn a_rung_meets_a_mempool_minimum_of_as_much() {
    for script in SCRIPTS {
        let armed = Armed::new(&draft(script));
        for (number, rung) in RUNGS.into_iter().enumerate() {
            let mut world = armed.world.fork();
            world.chain.set_mempool_min(rate(rung));
            let trigger = armed.trigger(number, &AGENTS);
            world.accepts(&trigger);
            world.chain.set_mempool_min(FeeRate::from_sat_per_kwu(
                rate(rung).to_sat_per_kwu() * 105 / 100,
            ));
            world.relay_refuses(&trigger, LOW);
        }
    }
}

/// A cancel that spends an unconfirmed trigger lifts it, and is the policy's own; whoever would
/// replace both has to pay for both.
#[test]
fn a_cancel_can_follow_an_unconfirmed_trigger() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&draft(script));
        armed.world.submit(&armed.trigger(0, &AGENTS));
        armed.world.submit(&cancel(&armed, 0, 2));
        armed
            .world
            .relay_refuses(&armed.trigger(1, &AGENTS), NO_MORE);
        armed.world.chain.mine_one();
        let back: VaultCoin = made(&armed.files.courses()[0].cancels[2]);
        let there = armed.world.chain.confirmation(back.outpoint().txid);
        assert!(there.is_some(), "mined with its trigger");
    }
}

#[test]
fn a_coin_too_small_for_the_highest_rung_is_refused_with_the_amount_that_would_do() {
    for script in SCRIPTS {
        let world = draft(script).world();
        let needed = world.builder().smallest_armable("sos").expect("a path");
        let lowest = Draft::new(script, TREASURY).with_rungs(&[2]).world();
        let less = lowest.builder().smallest_armable("sos").expect("a path");
        assert!(needed > less * 40, "{needed} {less}");
        for (sats, is_enough) in [(needed.to_sat(), true), (needed.to_sat() - 1, false)] {
            let mut world = world.fork();
            let coin = world.deposit(sats);
            let path = world.compiled.policy().path("sos").expect("a path");
            let planned = Arming::plan(&world.builder(), world.compiled.id(), path, &coin);
            match planned {
                Ok(_) => assert!(is_enough),
                Err(ArmingError::Build(BuildError::TooSmall {
                    amount,
                    needed: wanted,
                })) => {
                    assert!(!is_enough);
                    assert_eq!((amount.to_sat(), wanted), (sats, needed));
                }
                Err(other) => panic!("{other}"),
            }
        }
        // The smallest one gets through everything at the highest rung, and out again.
        let mut armed = Armed::on(&draft(script), "sos", needed.to_sat());
        armed.world.confirm(&armed.trigger(2, &AGENTS));
        let escrow: EscrowCoin = made(&armed.files.courses()[2].trigger);
        let mut cancelled = armed.fork();
        cancelled.world.confirm(&cancel(&armed, 2, 2));
        let back: VaultCoin = made(&armed.files.courses()[2].cancels[2]);
        let highest = cancelled.world.builder().with_feerate(rate(100));
        assert!(highest.refresh(&[&back], 5).is_ok());
        armed.world.mine_to_age(&escrow, 20);
        armed.world.confirm(&settle(&armed, 2, 2));
        let lockup: LockupCoin = made(&armed.files.courses()[2].settles[2]);
        let highest = armed.world.builder().with_feerate(rate(100));
        assert!(highest.release(&lockup, anywhere()).is_ok());
    }
}

/// The arming is protected only once all are signed, and armed only once all triggers are.
#[test]
fn one_signature_less_anywhere_and_it_is_not_armed() {
    let mut world = Draft::new("tr", TREASURY).with_rungs(&[2, 20]).world();
    let coin = world.deposit(1_000_000);
    world.bury();
    let mut arming = world.plan(&coin, "sos");
    let requests = arming.requests().expect("unarmed");
    assert_eq!(requests.len(), 8, "4 cancels and 4 settles");
    let sign = |arming: &mut Arming, request: &bitcoin::Psbt| {
        for party in ROOT {
            let signed =
                longstop::engine::Signers::sign(world.people.as_ref(), party, request.clone())
                    .expect("it signs");
            arming.receive(&signed, world.secp()).expect("it is ours");
        }
    };
    for request in &requests {
        assert_eq!(arming.state(), ArmingState::Unarmed);
        sign(&mut arming, request);
    }
    assert_eq!(arming.state(), ArmingState::Protected);
    world.all_acknowledge(&mut arming, "sos");
    let triggers = arming.requests().expect("acknowledged");
    assert_eq!(triggers.len(), 2);
    for trigger in &triggers {
        assert_eq!(arming.state(), ArmingState::Acknowledged);
        sign(&mut arming, trigger);
    }
    assert_eq!(arming.state(), ArmingState::Armed);
}

#[test]
fn an_arming_file_has_all_of_it_or_is_refused() {
    for script in SCRIPTS {
        let armed = Armed::new(&Draft::new(script, TREASURY).with_rungs(&[2, 20]));
        let compiled = &armed.world.compiled;
        let file = ArmingFile::new(&armed.files, compiled).expect("a file");
        assert!(file.read(compiled, armed.world.secp()).is_ok());
        for spoil in [
            |file: &mut ArmingFile| drop(file.courses.pop()),
            |file: &mut ArmingFile| drop(file.courses[1].cancels.pop()),
            |file: &mut ArmingFile| drop(file.courses[0].settles.pop()),
            |file: &mut ArmingFile| {
                file.courses[0].cancels[1] = file.courses[0].cancels[0].clone();
            },
            |file: &mut ArmingFile| {
                let more = file.courses[0].cancels[0].clone();
                file.courses[0].cancels.push(more);
            },
            |file: &mut ArmingFile| file.courses[1] = file.courses[0].clone(),
        ] {
            let mut spoilt = file.clone();
            spoil(&mut spoilt);
            assert!(spoilt.read(compiled, armed.world.secp()).is_err());
        }
    }
}

/// Rungs so close that a heavier witness at the higher one could pay the lower feerate.
#[test]
fn rungs_that_might_not_replace_one_another_are_refused() {
    for script in SCRIPTS {
        let compiled = |rungs: &[u64]| {
            let policy = Draft::new(script, TREASURY).with_rungs(rungs).policy();
            compile(std::sync::Arc::new(policy))
        };
        let Err(CompileError::Rungs {
            lower,
            higher,
            needed: least,
            ..
        }) = compiled(&[100, 101])
        else {
            panic!("100 and 101 are too close");
        };
        assert_eq!((lower, higher), (100, 101));
        assert!(least < 200, "twice as much is always enough here: {least}");
        assert!(compiled(&[100, least - 1]).is_err());
        // What is advised is enough for all leaves: as many times the lower one as the heaviest
        // is heavier than the lightest, and no more.
        let sound = compiled(&[100, least]).expect("they are far enough apart");
        let asked = sound.stages().flat_map(|stage| {
            let leaves = stage.leaves().iter().filter(|leaf| leaf.is_presigned());
            leaves.map(|leaf| {
                let heaviest = spend_weight(stage, leaf, 1);
                let witness = stage.witness_weight(leaf.kind());
                let lightest = heaviest - Weight::from_wu(witness.most - witness.least);
                100 * heaviest.to_vbytes_ceil() / lightest.to_vbytes_floor() + 1
            })
        });
        assert_eq!(asked.max(), Some(least));
        // The very next one does replace it, whoever has signed.
        let mut armed = Armed::on(
            &Draft::new(script, TREASURY).with_rungs(&[100, least]),
            "sos",
            10_000_000,
        );
        armed.world.submit(&armed.trigger(0, &["gina", "ivan"]));
        armed.world.submit(&armed.trigger(1, &["hal", "ivan"]));
    }
}

/// What signs version 2 for the arming signs it live as well.
#[test]
fn all_that_is_signed_live_is_of_version_2_without_an_anchor() {
    for script in SCRIPTS {
        let mut world = draft(script).world();
        let coin = world.deposit(1_000_000);
        world.bury();
        let refresh = world.builder().with_feerate(rate(7)).refresh(&[&coin], 3);
        let refresh = world.live(refresh.expect("it pays"), &ROOT);
        assert_eq!((refresh.version.0, refresh.output.len()), (2, 1));
        let dearer = world.builder().with_feerate(rate(8)).refresh(&[&coin], 3);
        let dearer = world.live(dearer.expect("it pays"), &ROOT);
        world.submit(&refresh);
        world.submit(&dearer);
        world.chain.mine_one();
        assert!(world.chain.confirmation(dearer.compute_txid()).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the rungs: counts, falling amounts, and each replaces the one below it.
    #[test]
    fn laws_of_rungs(
        is_tr: bool,
        first in 1_u64..40,
        steps in proptest::collection::vec(3_u64..9, 0..3),
    ) {
        let mut rungs = vec![first];
        for step in steps {
            rungs.push(rungs[rungs.len() - 1] * step);
        }
        let script = if is_tr { "tr" } else { "wsh" };
        let world = Draft::new(script, TREASURY).with_rungs(&rungs).world();
        let policy = world.compiled.policy();
        prop_assert_eq!(policy.rungs().len(), rungs.len());
        let again = longstop::policy::check(policy.canonical()).policy;
        let again = again.expect("it is sound");
        prop_assert_eq!(again.canonical(), policy.canonical());
        let derived = world.derived(&Stage::Vault, 0);
        let coin = longstop::transaction::Coin::new(OutPoint::null(), Amount::from_sat(500_000_000), derived);
        let coin = VaultCoin::try_from(coin).expect("in the vault");
        let arming = world.plan(&coin, "sos");
        let count = rungs.len();
        prop_assert_eq!(arming.txids().len(), count + 2 * count * count);
        let distinct: std::collections::BTreeSet<_> = arming.txids().into_iter().collect();
        prop_assert_eq!(distinct.len(), count + 2 * count * count);
        let requests = arming.requests().expect("unarmed");
        let mut values = requests.iter().map(|psbt| psbt.unsigned_tx.output[0].value);
        for _ in 0..count {
            for _ in 0..2 {
                let falling: Vec<Amount> = values.by_ref().take(count).collect();
                prop_assert!(falling.is_sorted_by(|a, b| a > b));
            }
        }
        for (asked, rung) in [(1, 0), (rungs[0], 0), (rungs[0] + 1, 1.min(count - 1)), (10_000_000, count - 1)] {
            prop_assert_eq!(policy.rung_for(rate(asked)), rung);
        }
    }
}
