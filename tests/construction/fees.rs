//! Fees: what pre-signed transactions pay by themselves, what a fee child adds, and the smallest
//! coin for which all that can be paid.

use bitcoin::{Amount, FeeRate, ScriptBuf, Transaction};
use longstop::arming::{Arming, ArmingError};
use longstop::chain::EmbeddedChain;
use longstop::compile::{Keychain, LeafKind};
use longstop::engine::{Action, Engine, StepError};
use longstop::lifecycle::REORG_DEPTH;
use longstop::transaction::{ANCHOR_VALUE, BuildError, DUST, FeeChildError, VaultCoin};

use crate::vault::{
    Armed, DEPOSIT, Draft, Fill, SCRIPTS, START, TREASURY, anywhere, just_enough, made,
};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const AGENTS: [&str; 2] = ["gina", "hal"];
const LOW: &str = "mempool min fee not met";

fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb).expect("a feerate")
}

#[test]
fn the_base_fee_meets_a_mempool_minimum_of_as_much_and_no_more() {
    for script in SCRIPTS {
        for (base_fee, sat_per_vb) in [("1 sat/vB", 1), ("2 sat/vB", 2), ("3 sat/vB", 3)] {
            let mut armed = Armed::new(&Draft::new(script, TREASURY).with_base_fee(base_fee));
            let trigger = armed.trigger(0, &AGENTS);
            check_rate(&armed, &trigger, sat_per_vb);
            armed.world.confirm(&trigger);
            let escrow = armed.escrow(0);
            check_rate(&armed, &armed.cancel(0, &["bob"]), sat_per_vb);
            armed.world.mine_to_age(&escrow, 20);
            let settle = armed.settle(0);
            check_rate(&armed, &settle, sat_per_vb);
            armed.world.confirm(&settle);
            let clawback = armed.world.builder().clawback(&armed.lockup(0));
            let clawback = armed.world.live(clawback.expect("it pays"), &ROOT);
            check_rate(&armed, &clawback, sat_per_vb);
        }
    }
}

#[track_caller]
fn check_rate(armed: &Armed, transaction: &Transaction, sat_per_vb: u64) {
    let mut chain = armed.world.chain.fork();
    chain.set_mempool_min(rate(sat_per_vb));
    assert_eq!(
        chain.test_accept(transaction),
        Ok(()),
        "{sat_per_vb} sat/vB"
    );
    // Predictions for P2WSH are a few bytes too high; five in a hundred are none.
    let above = FeeRate::from_sat_per_kwu(rate(sat_per_vb).to_sat_per_kwu() * 105 / 100);
    chain.set_mempool_min(above);
    let refusal = chain.test_accept(transaction).expect_err("too little");
    assert_eq!(refusal.class, LOW);
}

#[test]
fn below_the_mempool_minimum_a_fee_child_helps() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let purse = armed.world.fee_coin("gina", 1_000_000);
        let trigger = armed.trigger(0, &AGENTS);
        let fee = armed.files.courses()[0].trigger.fee();
        armed.world.chain.set_mempool_min(rate(50));
        armed.world.relay_refuses(&trigger, LOW);

        let child = armed.world.fee_child(&trigger, fee, 49, &purse, "gina");
        let chain = &mut armed.world.chain;
        let refusal = chain.fork().submit_package(&trigger, &child);
        assert!(refusal.is_err(), "49 is less than 50");
        let child = armed.world.fee_child(&trigger, fee, 50, &purse, "gina");
        let chain = &mut armed.world.chain;
        assert_eq!(chain.submit_package(&trigger, &child), Ok(()));
        assert!(chain.in_mempool(trigger.compute_txid()));

        // The fee wallet pays it all; the coin's own amount is what root signed.
        let paid = purse.txout.value + ANCHOR_VALUE - child.output[0].value;
        assert_eq!(child.input[1].previous_output, purse.outpoint);
        assert_eq!(child.output[0].script_pubkey, purse.txout.script_pubkey);
        assert!(paid > Amount::from_sat(50 * 300), "for both: {paid}");
        assert_eq!(
            trigger.output[0].value,
            armed.coin.amount() - fee - ANCHOR_VALUE
        );
    }
}

#[test]
fn whoever_has_no_fee_wallet_or_an_empty_one_is_told() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let people = Draft::new(script, TREASURY).world().people;
        let mut engine = Engine::new(compiled, EmbeddedChain::new(START));
        let address = engine.reveal(Keychain::Receive).expect("an index");
        let script_pubkey = address.script_pubkey().clone();
        let value = Amount::from_sat(DEPOSIT);
        let coin = engine
            .chain_mut()
            .fund(script_pubkey, value)
            .expect("it pays");
        engine.chain_mut().mine(REORG_DEPTH.0);
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let holders = names(&["alice", "gina", "hal"]);
        let armed = engine.arm(coin, "sos", &names(&ROOT), &holders, people.as_ref());
        armed.expect("it is armed");
        let path = "sos".to_owned();
        let trigger = Action::Trigger { coin, path };
        let trigger = engine.prepare(&trigger, &names(&AGENTS), people.as_ref());
        let trigger = trigger.expect("it is complete");
        engine.set_feerate(rate(40));

        let refused = engine.broadcast(&trigger, "gina", people.as_ref());
        assert!(
            matches!(&refused, Err(StepError::NoFeeCoin(party)) if party == "gina"),
            "{refused:?}"
        );
        let wallet = engine.fee_script("gina", Keychain::Receive).expect("one");
        let little = Amount::from_sat(2_000);
        engine
            .chain_mut()
            .fund(wallet.clone(), little)
            .expect("it pays");
        let refused = engine.broadcast(&trigger, "gina", people.as_ref());
        let unconfirmed = matches!(refused, Err(StepError::NoFeeCoin(_)));
        assert!(unconfirmed, "version 3 has no second unconfirmed parent");
        engine.chain_mut().mine_one();
        let refused = engine.broadcast(&trigger, "gina", people.as_ref());
        let poor = StepError::FeeChild(FeeChildError::TooPoor {
            available: little + ANCHOR_VALUE,
            needed: Amount::ZERO,
        });
        let refused = refused.expect_err("2,000 sat are too few");
        assert_eq!(
            std::mem::discriminant(&refused),
            std::mem::discriminant(&poor)
        );
        assert!(
            !engine
                .chain()
                .in_mempool(trigger.transaction.compute_txid())
        );

        engine.chain_mut().fund(wallet, value).expect("it pays");
        engine.chain_mut().mine_one();
        let sent = engine
            .broadcast(&trigger, "gina", people.as_ref())
            .expect("paid");
        let (child, fee) = sent.child.expect("a fee child");
        let chain = engine.chain();
        let in_pool: Amount = chain.mempool().map(|(_, fee)| fee).sum();
        assert_eq!(in_pool, trigger.fee + fee, "the fee is what was said");
        let vsize = trigger.transaction.vsize() + child.vsize();
        assert!(in_pool >= Amount::from_sat(40 * vsize as u64));
    }
}

/// A signed transaction of one coin with its outputs or version changed and signed anew.
fn resigned(
    armed: &Armed,
    coin: &longstop::transaction::Coin,
    leaf: &LeafKind,
    transaction: &Transaction,
) -> Transaction {
    let seats = just_enough(coin, leaf);
    armed
        .world
        .signed(transaction, coin, leaf, &seats, Fill::Nothing)
}

#[test]
fn an_anchor_of_nothing_beside_a_fee_is_dust() {
    for script in SCRIPTS {
        let armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        let leaf = LeafKind::Trigger("sos".to_owned());
        let mut bare = trigger;
        bare.output[1].value = Amount::ZERO;
        assert_eq!(bare.output[1].script_pubkey, ScriptBuf::new_p2a());
        let zero = resigned(&armed, &armed.coin, &leaf, &bare);
        armed.world.relay_refuses(&zero, "dust");
        bare.output[1].value = ANCHOR_VALUE - Amount::ONE_SAT;
        let less = resigned(&armed, &armed.coin, &leaf, &bare);
        armed.world.relay_refuses(&less, "dust");
        bare.output[1].value = ANCHOR_VALUE;
        armed
            .world
            .accepts(&resigned(&armed, &armed.coin, &leaf, &bare));
    }
}

#[test]
fn what_spends_an_unconfirmed_version_3_output_is_version_3() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let purse = armed.world.fee_coin("hal", 200_000);
        let trigger = armed.trigger(0, &AGENTS);
        let fee = armed.files.courses()[0].trigger.fee();
        let mut cancel = armed.cancel(0, &["erin"]);
        armed.world.submit(&trigger);
        armed.world.accepts(&cancel);
        cancel.version.0 = 2;
        let second = resigned(&armed, &armed.escrow(0), &LeafKind::Cancel, &cancel);
        armed.world.relay_refuses(&second, "TRUC-violation");
        let mut child = armed.world.fee_child(&trigger, fee, 10, &purse, "hal");
        armed.world.accepts(&child);
        child.version.0 = 2;
        let refusal = armed.world.refusal(&child);
        assert_eq!(refusal.class, "TRUC-violation");
        armed.world.chain.mine_one();
        armed.world.accepts(&second);
    }
}

/// Everything that can become of a coin of this value, each to the end.
fn every_way_out(draft: &Draft, sats: u64) {
    let armed = Armed::on(draft, "sos", sats);
    let courses = armed.files.courses().len();
    let mut at_course = armed.fork();
    for course in 0..courses {
        let trigger = at_course.trigger(course, &AGENTS);
        at_course.world.confirm(&trigger);
        let escrow = at_course.escrow(course);

        let back = at_course
            .world
            .builder()
            .override_escrow(&escrow)
            .expect("root can");
        let back = at_course.world.live(back, &ROOT);
        at_course.fork().world.confirm(&back);

        let mut lost = at_course.fork();
        lost.world.mine_to_age(&escrow, 60);
        let backstop = lost.world.builder().backstop(&escrow, anywhere());
        let backstop = lost
            .world
            .live(backstop.expect("the backstop pays"), &AGENTS);
        lost.world.confirm(&backstop);

        let mut settled = at_course.fork();
        settled.world.mine_to_age(&escrow, 20);
        let settle = settled.settle(course);
        settled.world.confirm(&settle);
        let lockup = settled.lockup(course);
        let clawback = settled.world.builder().clawback(&lockup).expect("root can");
        let clawback = settled.world.live(clawback, &ROOT);
        settled.fork().world.confirm(&clawback);
        settled.world.mine_to_age(&lockup, 30);
        let release = settled.world.builder().release(&lockup, anywhere());
        let release = settled
            .world
            .live(release.expect("the release pays"), &AGENTS);
        settled.world.confirm(&release);

        let cancel = at_course.cancel(course, &["erin"]);
        at_course.world.confirm(&cancel);
        let vault: VaultCoin = made(&at_course.files.courses()[course].cancels[0]);
        let refresh = at_course
            .world
            .builder()
            .refresh(&[&vault], 9)
            .expect("root can");
        let refresh = at_course.world.live(refresh, &ROOT);
        at_course.fork().world.confirm(&refresh);
        let mut late = at_course.fork();
        late.world.mine_to_age(&vault, 90);
        let recovery = late.world.builder().recover(&vault, "dead-man", anywhere());
        let recovery = late.world.live(recovery.expect("it pays"), &AGENTS);
        late.world.confirm(&recovery);
    }
}

#[test]
fn the_smallest_armable_coin_can_leave_every_stage_and_a_smaller_one_is_refused() {
    for script in SCRIPTS {
        for depth in 1..=2 {
            let deep = format!("veto = \"vetoers\", depth = {depth}");
            let draft = Draft::new(script, TREASURY).but("veto = \"vetoers\"", &deep);
            let world = draft.world();
            let smallest = world.builder().smallest_armable("sos").expect("a path");
            every_way_out(&draft, smallest.to_sat());

            let mut world = draft.world();
            let coin = world.deposit(smallest.to_sat() - 1);
            let path = world.compiled.policy().path("sos").expect("a path");
            let refused = Arming::plan(&world.builder(), world.compiled.id(), path, &coin);
            let expected = ArmingError::Build(BuildError::TooSmall {
                amount: coin.amount(),
                needed: smallest,
            });
            assert_eq!(refused.map(|_| ()), Err(expected));
        }
    }
}

#[test]
fn the_smallest_armable_coin_of_a_large_root_is_larger() {
    let parties: Vec<String> = (0..15).map(|i| format!("\"seat-{i}\"")).collect();
    let five = "threshold = 3, of = [\"alice\", \"bob\", \"carol\", \"dave\", \"erin\"]";
    let fifteen = format!("threshold = 11, of = [{}]", parties.join(", "));
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).but(five, &fifteen);
        let world = draft.world();
        let smallest = world.builder().smallest_armable("sos").expect("a path");
        let names: Vec<String> = (0..11).map(|i| format!("seat-{i}")).collect();
        let root: Vec<&str> = names.iter().map(String::as_str).collect();
        let armed = Armed::on(&draft, "sos", smallest.to_sat());
        let mut cancelled = armed.fork();
        let trigger = cancelled.trigger(0, &AGENTS);
        cancelled.world.confirm(&trigger);
        let cancel = cancelled.cancel(0, &["seat-3"]);
        cancelled.world.confirm(&cancel);
        let vault: VaultCoin = made(&cancelled.files.courses()[0].cancels[0]);
        let refresh = cancelled
            .world
            .builder()
            .refresh(&[&vault], 9)
            .expect("root can");
        let refresh = cancelled.world.live(refresh, &root);
        cancelled.world.confirm(&refresh);
        let small = Draft::new(script, TREASURY).world();
        assert!(smallest > small.builder().smallest_armable("sos").expect("a path"));
    }
}

#[test]
fn what_counts_as_dust_is_what_nodes_count() {
    for script in SCRIPTS {
        let world = Draft::new(script, TREASURY).world();
        for stage in world.compiled.stages() {
            let derived = world.derived(stage.stage(), 0);
            let least = derived.script_pubkey().minimal_non_dust();
            assert_eq!(least, DUST);
        }
    }
    assert_eq!(ScriptBuf::new_p2a().minimal_non_dust(), ANCHOR_VALUE);
}
