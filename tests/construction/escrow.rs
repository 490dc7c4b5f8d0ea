//! The escrow: cancelled at once, settled after the window, overridden by root, and not lost with
//! the files.

use bitcoin::Transaction;
use longstop::chain::Judge;
use longstop::compile::{LeafKind, Role};
use longstop::transaction::{Coin, Kind, Signed, StageTransaction, VaultCoin};

use crate::devices::signature_in;
use crate::vault::{
    Armed, BAD_SCRIPT, DEPOSIT, Draft, Fill, GONE, SCRIPTS, Seats, TOO_EARLY, TREASURY, World,
    anywhere, just_enough, made,
};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const AGENTS: [&str; 2] = ["gina", "hal"];

/// An armed coin whose trigger has just been confirmed.
fn triggered(draft: &Draft) -> Armed {
    let mut armed = Armed::new(draft);
    let trigger = armed.trigger(0, &AGENTS);
    armed.world.confirm(&trigger);
    armed
}

/// Root's signatures from the file on a transaction that is not the one they were made for, with
/// everybody else's made anew.
fn redirected<K: Kind>(
    world: &World,
    file: &StageTransaction<K, Signed>,
    change: &dyn Fn(&mut Transaction),
) -> Transaction {
    let psbt = file.to_psbt().expect("a file");
    let (coin, leaf) = file.spends().next().expect("one coin");
    let found = coin.derived().leaf(leaf).expect("such a leaf");
    let mut changed = psbt.unsigned_tx.clone();
    change(&mut changed);
    World::with_witness(&changed, coin, leaf, Fill::Nothing, &|key| match key.role {
        Role::Arming => signature_in(&psbt, found, key),
        _ => Some(world.sign(&changed, coin, found, key)),
    })
}

#[test]
fn nobody_redirects_what_root_has_signed() {
    type Change = fn(&mut Transaction);
    let changes: [(&str, Change); 5] = [
        ("another script", |t| t.output[0].script_pubkey = anywhere()),
        ("another amount", |t| {
            t.output[0].value -= bitcoin::Amount::ONE_SAT;
        }),
        ("one output fewer", |t| t.output.truncate(1)),
        ("another lock time", |t| {
            t.lock_time = bitcoin::absolute::LockTime::from_consensus(1);
        }),
        ("another version", |t| t.version.0 = 2),
    ];
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let course = armed.files.courses()[0].clone();
        let settle = course.settles.first().expect("root signs the settle");
        let same: Change = |_| {};
        for (name, change) in changes {
            let tried = redirected(&armed.world, &course.trigger, &change);
            assert_eq!(armed.world.refusal(&tried).class, BAD_SCRIPT, "{name}");
        }
        armed
            .world
            .confirm(&redirected(&armed.world, &course.trigger, &same));
        for (name, change) in changes {
            let tried = redirected(&armed.world, &course.cancels[0], &change);
            assert_eq!(armed.world.refusal(&tried).class, BAD_SCRIPT, "{name}");
        }
        armed
            .world
            .accepts(&redirected(&armed.world, &course.cancels[0], &same));
        armed.world.mine_to_age(&armed.escrow(0), 20);
        for (name, change) in changes {
            let tried = redirected(&armed.world, settle, &change);
            assert_eq!(armed.world.refusal(&tried).class, BAD_SCRIPT, "{name}");
        }
        armed
            .world
            .accepts(&redirected(&armed.world, settle, &same));
    }
}

#[test]
fn a_cancel_is_good_at_once_and_needs_root_and_a_veto() {
    for script in SCRIPTS {
        let mut armed = triggered(&Draft::new(script, TREASURY));
        let escrow = armed.escrow(0);
        let cancel = armed.cancel(0, &["dave"]);
        let world = &armed.world;
        assert_eq!(cancel.output[0].script_pubkey, {
            let coin: VaultCoin = made(&armed.files.courses()[0].cancels[0]);
            coin.derived().script_pubkey().clone()
        });
        let root: Seats = (0..3).map(|seat| (Role::Arming, seat)).collect();
        let veto = (Role::Veto, 0);
        let too_few: Seats = [(Role::Arming, 0), (Role::Arming, 1), veto].into();
        let only_veto: Seats = [veto].into();
        for seats in [&root, &too_few, &only_veto] {
            let tried = world.signed(&cancel, &escrow, &LeafKind::Cancel, seats, Fill::Nothing);
            world.refuses(&tried, BAD_SCRIPT);
        }
        assert!(
            armed.files.courses()[0].cancels[0].finalize().is_err(),
            "root's file is no veto"
        );
        armed.world.confirm(&cancel);
        let settle = armed.settle(0);
        armed.world.refuses(&settle, GONE);
    }
}

#[test]
fn a_settle_opens_with_the_window() {
    for script in SCRIPTS {
        let mut armed = triggered(&Draft::new(script, TREASURY));
        let escrow = armed.escrow(0);
        let settle = armed.settle(0);
        armed.world.refuses(&settle, TOO_EARLY);
        armed.world.mine_to_age(&escrow, 19);
        armed.world.refuses(&settle, TOO_EARLY);
        armed.world.mine_to_age(&escrow, 20);
        armed.world.accepts(&settle);
        armed.world.mine_to_age(&escrow, 21);
        armed.world.accepts(&settle);
        armed.world.mine_to_age(&escrow, 300);
        armed.world.confirm(&settle);
    }
}

#[test]
fn after_the_window_the_arming_quorum_alone_goes_anywhere() {
    // That is why whoever counts who can take what counts A as N.
    for script in SCRIPTS {
        let mut armed = triggered(&Draft::new(script, TREASURY));
        let escrow = armed.escrow(0);
        let world = &mut armed.world;
        let theft = world.by_hand(&escrow, &LeafKind::Settle);
        assert_eq!(theft.output[0].script_pubkey, anywhere());
        let seats = just_enough(&escrow, &LeafKind::Settle);
        assert!(seats.iter().all(|(role, _)| *role == Role::Arming));
        let theft = world.signed(&theft, &escrow, &LeafKind::Settle, &seats, Fill::Nothing);
        world.mine_to_age(&escrow, 19);
        world.refuses(&theft, TOO_EARLY);
        world.mine_to_age(&escrow, 20);
        world.accepts(&theft);
    }
}

#[test]
fn the_backstop_opens_when_window_and_backstop_are_over() {
    for script in SCRIPTS {
        let mut armed = triggered(&Draft::new(script, TREASURY));
        let escrow = armed.escrow(0);
        let world = &mut armed.world;
        let backstop = world.builder().backstop(&escrow, anywhere());
        let backstop = world.live(backstop.expect("it pays"), &AGENTS);
        world.mine_to_age(&escrow, 59);
        world.refuses(&backstop, TOO_EARLY);
        world.mine_to_age(&escrow, 60);
        world.accepts(&backstop);
        world.mine_to_age(&escrow, 61);
        world.confirm(&backstop);
    }
}

#[test]
fn root_overrides_from_the_block_after_the_trigger() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        let escrow = armed.escrow(0);
        let unconfirmed = armed.world.builder().override_escrow(&escrow);
        let back = armed.world.live(unconfirmed.expect("it pays"), &ROOT);
        let together = [trigger.clone(), back.clone()];
        let refusal = armed.world.chain.mine_with(&together);
        let refusal = refusal.expect_err("the coin is not a block old");
        assert_eq!(refusal.class, "bad-txns-nonfinal");

        armed.world.confirm(&trigger);
        armed.world.accepts(&back);
        let mut short = armed
            .world
            .builder()
            .override_escrow(&escrow)
            .expect("it pays");
        armed.world.collect(&mut short, Role::Root, &ROOT[..2]);
        assert!(short.into_signed().is_err(), "two of root are too few");
        armed.world.confirm(&back);
    }
}

#[test]
fn an_unconfirmed_trigger_is_cancelled_unless_its_fee_child_is_there() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let purse = armed.world.fee_coin("hal", 200_000);
        let trigger = armed.trigger(0, &AGENTS);
        let cancel = armed.cancel(0, &["bob"]);
        let fee = armed.files.courses()[0].trigger.fee();
        armed.world.submit(&trigger);
        armed.world.accepts(&cancel);

        let child = armed.world.fee_child(&trigger, fee, 50, &purse, "hal");
        armed.world.submit(&child);
        let crowded = "insufficient fee (including sibling eviction)";
        armed.world.relay_refuses(&cancel, crowded);

        // Once the trigger is confirmed nothing competes, and the cancel may have its own child.
        armed.world.chain.mine_one();
        armed.world.accepts(&cancel);
        let purse = armed.world.fee_coin("bob", 200_000);
        let fee = armed.files.courses()[0].cancels[0].fee();
        let child = armed.world.fee_child(&cancel, fee, 50, &purse, "bob");
        let verdict = armed.world.chain.submit_package(&cancel, &child);
        assert_eq!(verdict, Ok(()));
    }
}

#[test]
fn an_unconfirmed_trigger_has_one_generation_below_it() {
    for script in SCRIPTS {
        let draft =
            Draft::new(script, TREASURY).but("veto = \"vetoers\"", "veto = \"vetoers\", depth = 2");
        let mut armed = Armed::new(&draft);
        let trigger = armed.trigger(0, &AGENTS);
        let cancel = armed.cancel(0, &["bob"]);
        let again = armed.trigger(1, &AGENTS);
        armed.world.submit(&trigger);
        armed.world.submit(&cancel);
        armed.world.relay_refuses(&again, "TRUC-violation");
        // A miner may have all three in one block.
        let all = [trigger, cancel, again.clone()];
        let mined = armed.world.fork().chain.mine_with(&all);
        assert!(mined.is_ok(), "{mined:?}");
        armed.world.chain.mine_one();
        armed.world.accepts(&again);
    }
}

#[test]
fn a_deposit_straight_to_the_escrow_is_root_s_to_take() {
    // The address is never shown, but nobody can be kept from paying to it.
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let stage = longstop::compile::Stage::Escrow("sos".to_owned());
        let coin: Coin = world.pay_to(&stage, 0, DEPOSIT);
        world.chain.mine_one();
        let coin = longstop::transaction::EscrowCoin::try_from(coin).expect("in escrow");
        let back = world.builder().override_escrow(&coin).expect("it pays");
        let back = world.live(back, &ROOT);
        world.confirm(&back);
        assert_eq!(world.refusal(&back).by, Judge::Consensus);
    }
}
