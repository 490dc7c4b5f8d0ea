//! What a coin is told to be, and when it may go where.

use longstop::arming::{ArmingFile, ArmingFileError, ArmingState};
use longstop::compile::{LeafKind, Stage};
use longstop::lifecycle::{ArmingStanding, REORG_DEPTH, StaleReason, next_steps};
use longstop::wallet::{Alert, CoinStatus, Due, Entry, Rates, StageBalance, Vault, VaultError};

use crate::kit::in_memory;
use crate::vault::{Armed, DEPOSIT, Draft, TREASURY, World};

fn only<S: longstop::ledger::Store>(vault: &Vault<S>) -> CoinStatus {
    let mut coins = vault.coins().expect("synced");
    assert_eq!(coins.len(), 1);
    coins.remove(0)
}

fn vault_balance<S: longstop::ledger::Store>(vault: &Vault<S>) -> StageBalance {
    let balance = vault.balance().expect("synced");
    balance.stages[0].1
}

/// Rows 7 and 11 of the threats: an unconfirmed coin has no age, and the alerts come at three
/// quarters, at nine tenths, and when the delay is over, each at its block and not before.
#[test]
fn alerts_come_as_a_coin_grows_old() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    let coin = world.pay_to(&Stage::Vault, 0, DEPOSIT);
    vault.sync(&world.chain).expect("it syncs");
    let status = only(&vault);
    assert_eq!((status.depth, status.age_seconds), (None, None));
    assert_eq!(status.alert, Alert::None);
    let direct = |status: &CoinStatus| {
        let mut openings = status.openings.iter();
        let leaf = LeafKind::Direct("dead-man".to_owned());
        let found = openings.find(|opening| opening.step.leaf == leaf);
        found.expect("the policy has it").clone()
    };
    assert_eq!(direct(&status).step.from, None, "its lock has not begun");
    world.chain.mine_one();
    // The delay is 90 blocks: an age of n means that the next block is n above the coin's own.
    for (age, alert) in [
        (1, Alert::None),
        (67, Alert::None),
        (68, Alert::ThreeQuarters),
        (80, Alert::ThreeQuarters),
        (81, Alert::NineTenths),
        (89, Alert::NineTenths),
        (90, Alert::Over),
        (91, Alert::Over),
    ] {
        world.mine_to_age(&coin, age);
        vault.sync(&world.chain).expect("it syncs");
        let status = only(&vault);
        assert_eq!(status.alert, alert, "{age}");
        assert_eq!(status.depth.map(|depth| depth.0), Some(age));
        assert_eq!(direct(&status).step.open, age >= 90);
        assert_eq!(status.alone, Some(direct(&status)), "root's day");
        let tip = world.chain.tip().time;
        let steps = next_steps(&world.compiled, &Stage::Vault, status.output.birth, tip);
        let told: Vec<_> = status
            .openings
            .into_iter()
            .map(|opening| opening.step)
            .collect();
        assert_eq!(told, steps, "nobody else decides what a coin may do");
    }
}

#[test]
fn shares_of_a_delay_are_exact() {
    for whole in [1u64, 7, 90, 1_000_003] {
        for left in [
            0,
            1,
            whole / 10,
            whole / 10 + 1,
            whole / 4,
            whole / 4 + 1,
            whole,
        ] {
            let passed = whole.saturating_sub(left) * 100;
            let alert = match left {
                0 => Alert::Over,
                _ if passed >= whole * 90 => Alert::NineTenths,
                _ if passed >= whole * 75 => Alert::ThreeQuarters,
                _ => Alert::None,
            };
            assert_eq!(Alert::of(left, whole), alert, "{left} of {whole}");
        }
    }
}

/// Row 102: a further deposit to one address is one more coin, unarmed, and is seen to be reused.
#[test]
fn a_second_deposit_to_an_address_is_one_more_unarmed_coin() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    vault.sync(&armed.world.chain).expect("it syncs");
    vault
        .remember(Entry::Armed {
            file: Box::new(file),
        })
        .expect("it holds");
    let status = only(&vault);
    assert!(status.reused_with.is_empty());
    assert_eq!(status.armed.len(), 1);
    assert!(status.unarmed.is_empty());
    let second = armed.world.pay_to(&Stage::Vault, 0, 60_000);
    armed.world.chain.mine_one();
    vault.sync(&armed.world.chain).expect("it syncs");
    let coins = vault.coins().expect("synced");
    assert_eq!(coins.len(), 2);
    for coin in &coins {
        let is_second = coin.output.outpoint == second.outpoint();
        assert_eq!(coin.armed.is_empty(), is_second);
        assert_eq!(coin.unarmed.len(), usize::from(is_second));
        assert_eq!(coin.reused_with.len(), 1);
        assert_ne!(coin.reused_with, [coin.output.outpoint]);
    }
    let balance = vault_balance(&vault);
    assert_eq!(balance.coins, 2);
    assert_eq!(balance.armed.to_sat(), DEPOSIT);
    assert_eq!(balance.unarmed.to_sat(), 60_000);
    assert_eq!(balance.maturing.to_sat(), 60_000, "one block deep");
    assert_eq!(balance.confirmed.to_sat(), DEPOSIT + 60_000);
    armed.world.chain.mine(REORG_DEPTH.0 - 2);
    vault.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(vault_balance(&vault).maturing.to_sat(), 60_000);
    armed.world.chain.mine_one();
    vault.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(vault_balance(&vault).maturing.to_sat(), 0);
}

/// A coin that a trigger moved to an escrow is at home there, and a deposit is not.
#[test]
fn a_deposit_straight_to_an_escrow_is_an_incident() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    let escrow = Stage::Escrow("sos".to_owned());
    let lockup = Stage::Lockup("sos".to_owned());
    let wrong = [
        armed.world.pay_to(&escrow, 3, 60_000).outpoint(),
        armed.world.pay_to(&lockup, 0, 60_000).outpoint(),
    ];
    armed.world.bury();
    let synced = vault.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(synced.found.len(), 4);
    let coins = vault.coins().expect("synced");
    assert_eq!(coins.len(), 3, "the vault coin is gone for good");
    for coin in coins {
        let is_wrong = wrong.contains(&coin.output.outpoint);
        assert_eq!(coin.is_incident, is_wrong, "{}", coin.output.outpoint);
    }
    assert_eq!(vault.next(), [4, 0], "its index is used up");
}

/// Until the spend is buried the coin is listed: a reorg may bring it back.
#[test]
fn a_coin_that_leaves_is_listed_until_that_is_buried() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    armed.world.submit(&armed.trigger(0, &["gina", "hal"]));
    let listed = |vault: &mut Vault<longstop::ledger::Memory>, world: &World| {
        vault.sync(&world.chain).expect("it syncs");
        let coins = vault.coins().expect("synced");
        coins
            .iter()
            .filter(|coin| coin.output.stage == Stage::Vault)
            .count()
    };
    assert_eq!(listed(&mut vault, &armed.world), 1);
    let balance = vault_balance(&vault);
    assert_eq!((balance.coins, balance.leaving.to_sat()), (0, DEPOSIT));
    armed.world.chain.mine(REORG_DEPTH.0 - 1);
    assert_eq!(listed(&mut vault, &armed.world), 1);
    armed.world.chain.mine_one();
    assert_eq!(listed(&mut vault, &armed.world), 0);
}

/// How far the arming of the only coin has come on `sos`, and whether that is due.
#[track_caller]
fn come_to<S: longstop::ledger::Store>(vault: &Vault<S>) -> (ArmingState, bool) {
    let coin = only(vault);
    let state = coin.armed.first().map(|armed| match armed.standing {
        ArmingStanding::Current { state } => state,
        ArmingStanding::Stale { .. } => panic!("it has not moved"),
    });
    let state = state.unwrap_or(ArmingState::Unarmed);
    let unarmed = coin.unarmed.iter().map(|unarmed| unarmed.state);
    let expected = (state < ArmingState::Armed).then_some(state);
    assert!(unarmed.eq(expected), "{coin:?}");
    let rates = Rates {
        stress: bitcoin::FeeRate::BROADCAST_MIN,
        refresh: None,
    };
    let due = vault.status(rates, None).expect("synced").due;
    let is_due = due.iter().any(|due| matches!(due, Due::Arm { .. }));
    (state, is_due)
}

/// Unarmed, protected, acknowledged, armed, stale: each is told as soon as it is so and not before,
/// and all of it is there again when the vault is opened anew.
#[test]
fn every_state_of_an_arming_is_told() {
    for script in ["tr", "wsh"] {
        let mut world = Draft::new(script, TREASURY).world();
        let mut vault = in_memory(&world);
        let coin = world.deposit(DEPOSIT);
        world.bury();
        vault.sync(&world.chain).expect("it syncs");
        assert_eq!(come_to(&vault), (ArmingState::Unarmed, true));
        let mut arming = world.plan(&coin, "sos");
        assert_eq!(vault.keep_arming(&arming).expect("nothing to keep"), 0);
        world.root_signs(&mut arming);
        assert_eq!(vault.keep_arming(&arming).expect("it is kept"), 1);
        assert_eq!(vault.keep_arming(&arming).expect("it is there"), 0);
        assert_eq!(come_to(&vault), (ArmingState::Protected, true));
        // The path's quorum alone, and one of it less, are too few: somebody must be able to veto.
        for party in ["gina", "hal"] {
            arming.acknowledge(party).expect("it has a part");
            assert_eq!(vault.keep_arming(&arming).expect("it is kept"), 1);
            assert_eq!(come_to(&vault), (ArmingState::Protected, true), "{party}");
        }
        // By an entry of its own, as it comes from another machine.
        vault
            .remember(Entry::Acknowledged {
                coin: coin.outpoint(),
                path: "sos".to_owned(),
                party: "alice".to_owned(),
            })
            .expect("a party");
        assert_eq!(come_to(&vault), (ArmingState::Acknowledged, true));
        assert_eq!(vault_balance(&vault).unarmed.to_sat(), DEPOSIT);
        arming.acknowledge("alice").expect("she has a part");
        world.root_signs(&mut arming);
        assert_eq!(arming.state(), ArmingState::Armed);
        assert_eq!(vault.keep_arming(&arming).expect("it is kept"), 1);
        assert_eq!(come_to(&vault), (ArmingState::Armed, false));
        assert_eq!(vault_balance(&vault).armed.to_sat(), DEPOSIT);
        assert_eq!(vault.armed().expect("it holds").len(), 1);
        let mut vault = crate::kit::reopened(&vault);
        vault.sync(&world.chain).expect("it syncs");
        assert_eq!(come_to(&vault), (ArmingState::Armed, false));
        // A refresh ends it, once no reorg brings the coin back.
        let refresh = world.builder().refresh(&[&coin], 0).expect("a refresh");
        let refresh = world.live(refresh, &["alice", "bob", "carol"]);
        world.confirm(&refresh);
        world.chain.mine(REORG_DEPTH.0 - 2);
        vault.sync(&world.chain).expect("it syncs");
        assert_eq!(vault.stale_armings().expect("synced"), []);
        world.chain.mine_one();
        vault.sync(&world.chain).expect("it syncs");
        let stale = vault.stale_armings().expect("synced");
        assert_eq!(stale.len(), 1);
        assert_eq!(
            (stale[0].coin, stale[0].reason),
            (coin.outpoint(), StaleReason::CoinMoved)
        );
        assert!(vault.armed().expect("it holds").is_empty());
        assert_eq!(
            come_to(&vault),
            (ArmingState::Unarmed, true),
            "the new coin"
        );
    }
}

/// What is signed halfway protects nothing, and is not taken for more than it is.
#[test]
fn half_an_arming_is_not_remembered() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    let coin = world.deposit(DEPOSIT);
    let mut arming = world.plan(&coin, "sos");
    let refused = |vault: &mut Vault<_>, arming: &longstop::arming::Arming| {
        let file = ArmingFile::of(arming, &world.compiled).expect("a file");
        let refused = vault.remember(Entry::Protected {
            file: Box::new(file),
        });
        matches!(
            refused,
            Err(VaultError::Arming(ArmingFileError::Incomplete))
        )
    };
    assert!(refused(&mut vault, &arming), "nothing is signed");
    let request = arming.requests().expect("requests").remove(0);
    for party in ["alice", "bob", "carol"] {
        let signers: &dyn longstop::engine::Signers = &*world.people;
        let signed = signers.sign(party, request.clone()).expect("signed");
        arming.receive(&signed, world.secp()).expect("ours");
    }
    assert!(refused(&mut vault, &arming), "the cancel alone");
    world.root_signs(&mut arming);
    assert!(!refused(&mut vault, &arming));
    // A trigger that came before its time makes the file none.
    let armed = world.arm(&coin, "sos");
    let mut file = ArmingFile::new(&armed, &world.compiled).expect("a file");
    file.acknowledged.clear();
    let early = vault.remember(Entry::Protected {
        file: Box::new(file),
    });
    assert!(matches!(
        early,
        Err(VaultError::Arming(ArmingFileError::Incomplete))
    ));
}

/// With a depth of two, the coin that the first cancel makes is armed as well, and files are stale
/// as soon as no coin of theirs can come any more.
#[test]
fn further_rungs_are_armed_and_stale_with_their_coins() {
    let deep = "escrow = { window = \"20 blocks\", veto = \"vetoers\", backstop = \"40 blocks\", depth = 2 }";
    let draft = Draft::new("tr", TREASURY).but(
        "escrow = { window = \"20 blocks\", veto = \"vetoers\", backstop = \"40 blocks\" }",
        deep,
    );
    let armed = Armed::new(&draft);
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let mut vault = in_memory(&armed.world);
    vault
        .remember(Entry::Armed {
            file: Box::new(file),
        })
        .expect("it holds");
    let mut refreshed = armed.fork();
    let refresh = armed.world.builder().refresh(&[&armed.coin], 5);
    let refresh = armed
        .world
        .live(refresh.expect("a refresh"), &["alice", "bob", "carol"]);
    refreshed.world.confirm(&refresh);
    refreshed.world.bury();
    let mut other = crate::kit::reopened(&vault);
    other.sync(&refreshed.world.chain).expect("it syncs");
    assert_eq!(other.stale_armings().expect("synced").len(), 1);
    assert!(other.armed().expect("it holds").is_empty());
    let mut cancelled = armed.fork();
    cancelled.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    cancelled.world.confirm(&armed.cancel(0, &["alice"]));
    cancelled.world.bury();
    vault.sync(&cancelled.world.chain).expect("it syncs");
    assert_eq!(vault.stale_armings().expect("synced"), []);
    assert_eq!(come_to(&vault).0, ArmingState::Armed, "by the second rung");
}
