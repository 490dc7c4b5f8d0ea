//! What is due, and what fees would take.

use bitcoin::{Amount, FeeRate, OutPoint};
use longstop::arming::ArmingFile;
use longstop::compile::{Keychain, Stage};
use longstop::engine::fee_script;
use longstop::wallet::{Alert, Due, Entry, FeeWallet, MANY_COINS, Rates, Vault, VaultStatus};

use crate::kit::in_memory;
use crate::vault::{Armed, DEPOSIT, Draft, TREASURY, World};

fn stress() -> FeeRate {
    FeeRate::from_sat_per_vb(50).expect("a feerate")
}

fn status<S: longstop::ledger::Store>(vault: &mut Vault<S>, world: &World) -> VaultStatus {
    vault.sync(&world.chain).expect("it syncs");
    let rates = Rates {
        stress: stress(),
        refresh: None,
    };
    vault.status(rates, Some(&world.chain)).expect("synced")
}

/// What is due with coins alone.
fn of_coins(status: VaultStatus) -> Vec<Due> {
    let others = |due: &Due| matches!(due, Due::Backup { .. } | Due::Drill | Due::FeeCoins { .. });
    status.due.into_iter().filter(|due| !others(due)).collect()
}

#[test]
fn an_unarmed_deposit_is_due_once_it_is_buried() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let coin = armed.coin.outpoint();
    let path = "sos".to_owned();
    let due = of_coins(status(&mut vault, &armed.world));
    assert_eq!(
        due,
        [Due::Arm {
            coin,
            path: path.clone()
        }]
    );
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let entry = Entry::Armed {
        file: Box::new(file),
    };
    vault.remember(entry).expect("it holds");
    assert_eq!(of_coins(status(&mut vault, &armed.world)), []);
    let second = armed.world.pay_to(&Stage::Vault, 1, DEPOSIT).outpoint();
    armed.world.chain.mine(5);
    assert_eq!(of_coins(status(&mut vault, &armed.world)), []);
    armed.world.chain.mine_one();
    let due = of_coins(status(&mut vault, &armed.world));
    assert_eq!(due, [Due::Arm { coin: second, path }]);
}

#[test]
fn old_coins_escrows_and_wrong_deposits_are_due_the_most_urgent_first() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let old = armed.world.pay_to(&Stage::Vault, 1, DEPOSIT).outpoint();
    armed.world.chain.mine(67);
    assert!(
        of_coins(status(&mut vault, &armed.world))
            .iter()
            .all(|due| !matches!(due, Due::Refresh { coin, .. } if *coin == old))
    );
    armed.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    let escrow = armed.escrow(0).outpoint();
    let lockup = Stage::Lockup("sos".to_owned());
    let wrong = armed.world.pay_to(&lockup, 0, DEPOSIT).outpoint();
    let due = of_coins(status(&mut vault, &armed.world));
    let expected = [
        Due::Incident { coin: wrong },
        Due::Escrowed { coin: escrow },
        Due::Refresh {
            coin: old,
            alert: Alert::ThreeQuarters,
        },
    ];
    assert_eq!(due[..3], expected);
    let days = status(&mut vault, &armed.world).days;
    let day = |coin: OutPoint| days.iter().find(|day| day.outpoint == coin);
    assert!(day(old).is_some_and(|day| day.about.is_some()));
    assert!(
        day(escrow).is_some_and(|day| day.about.is_some()),
        "the backstop"
    );
    assert!(
        day(wrong).is_some_and(|day| day.about.is_none()),
        "no lock runs"
    );
}

/// Each coin wants a fee coin of its own for each kind of transaction, of a size that lifts the
/// heaviest of them: what it is reckoned to be is enough, as the chain sees it.
#[test]
fn the_fee_reserve_is_enough_and_not_much_more() {
    for script in ["tr", "wsh"] {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let mut vault = in_memory(&armed.world);
        let told = status(&mut vault, &armed.world);
        let what: Vec<&str> = told.fees.rows.iter().map(|row| row.what).collect();
        assert_eq!(what, ["trigger", "cancel", "settle"]);
        for row in &told.fees.rows {
            assert_eq!((row.fee_coins, row.there), (1, Some(0)));
            assert_eq!(row.together, row.each);
        }
        let trigger = armed.trigger(0, &["gina", "hal"]);
        let parent = trigger.weight().to_vbytes_ceil();
        let wanted = stress().fee_vb(parent + 153).expect("a fee");
        let paid: Amount = armed.coin.amount() - trigger.output.iter().map(|o| o.value).sum();
        let needed = wanted - paid;
        let each = told.fees.rows[0].each;
        assert!(each >= needed, "{each} {needed}");
        assert!(
            each.to_sat() < needed.to_sat() * 12 / 10 + 1_000,
            "{each} {needed}"
        );
        // Nobody but agents triggers, and their coins are counted once they are confirmed.
        assert!(told.fees.rows[0].by.iter().eq(["gina", "hal", "ivan"]));
        for (party, counts) in [("alice", 0), ("hal", 1)] {
            let keychain = Keychain::Receive;
            let secp = armed.world.secp().clone();
            let script = fee_script(&armed.world.compiled, party, keychain, &secp);
            let Some(script) = script else { continue };
            armed.world.chain.fund(script, each).expect("it pays");
            armed.world.chain.mine_one();
            let told = status(&mut vault, &armed.world);
            assert_eq!(told.fees.rows[0].there, Some(counts), "{party}");
        }
    }
}

#[test]
fn many_or_small_coins_are_proposed_to_become_one() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    for index in 0..2 {
        world.pay_to(&Stage::Vault, index, DEPOSIT);
    }
    world.bury();
    assert_eq!(status(&mut vault, &world).consolidation, None);
    let small = world.pay_to(&Stage::Vault, 2, 700).outpoint();
    world.bury();
    let proposed = status(&mut vault, &world)
        .consolidation
        .expect("a small coin");
    assert_eq!(proposed.too_small, [small]);
    assert_eq!(proposed.coins.len(), 3);
    assert!(proposed.cost > Amount::ZERO && proposed.reserve_saved > proposed.cost);
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    for (count, proposed) in [(MANY_COINS - 1, false), (1, true)] {
        for _ in 0..count {
            let index = vault.next_address().expect("an address").derived.index();
            world.pay_to(&Stage::Vault, index, DEPOSIT);
        }
        world.bury();
        let told = status(&mut vault, &world).consolidation;
        assert_eq!(told.is_some(), proposed);
    }
}

#[test]
fn backups_and_drills_are_due_until_they_are_done() {
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let due = status(&mut vault, &armed.world).due;
    // The deposit was found, so one index is used up.
    assert!(due.contains(&Due::Backup { entries: 1 }));
    assert!(due.contains(&Due::Drill));
    let digest = "00".repeat(32);
    let to = vault.backup_parties();
    let exported = Entry::Exported {
        digest: digest.clone(),
        to,
    };
    vault.remember(exported).expect("it holds");
    vault
        .remember(Entry::Drilled { digest, coins: 1 })
        .expect("it holds");
    let due = status(&mut vault, &armed.world).due;
    let is_done = |due: &Due| !matches!(due, Due::Backup { .. } | Due::Drill);
    assert!(due.iter().all(is_done));
}

/// A consolidation is a refresh: what was signed in advance is worth nothing after it, and delays
/// begin anew.  Its price is that of its feerate.
#[test]
fn a_consolidation_says_what_it_unarms_and_restarts_and_costs() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let entry = Entry::Armed {
        file: Box::new(file),
    };
    vault.remember(entry).expect("it holds");
    let small = armed.world.pay_to(&Stage::Vault, 2, 700).outpoint();
    armed.world.bury();
    vault.sync(&armed.world.chain).expect("it syncs");
    let at = |rate: Option<u64>| {
        let rates = Rates {
            stress: stress(),
            refresh: rate.and_then(FeeRate::from_sat_per_vb),
        };
        let status = vault.status(rates, None).expect("synced");
        status.consolidation.expect("a small coin")
    };
    let base = at(None);
    assert_eq!(base.unarms, [armed.coin.outpoint()], "and not {small}");
    assert_eq!(base.feerate_sat_per_vb, 2, "the base fee of the policy");
    let dear = at(Some(40));
    assert_eq!(dear.feerate_sat_per_vb, 40);
    assert_eq!(dear.cost.to_sat(), base.cost.to_sat() * 20);
    // What it is said to cost is what the transaction of it pays, up to a rounding.
    let coin = armed.coin.clone();
    let other = armed.world.derived(&Stage::Vault, 2);
    let other = longstop::transaction::Coin::new(small, Amount::from_sat(700), other);
    let other = longstop::transaction::VaultCoin::try_from(other).expect("in the vault");
    let refresh = armed.world.builder().refresh(&[&coin, &other], 0);
    let fee = refresh.expect("a refresh").fee();
    assert!(
        fee.to_sat().abs_diff(base.cost.to_sat()) <= 2,
        "{fee} {base:?}"
    );
    // The delay of 90 blocks begins anew: six blocks for the burial, and six more, have passed.
    let restart = &base.restarts[..];
    assert_eq!(restart.len(), 1);
    assert_eq!(restart[0].leaf.to_string(), "direct dead-man");
    let (before, after) = (restart[0].before, restart[0].after);
    let gained = after.expect("a day").0 - before.expect("a day").0;
    let born = armed.world.chain.confirmation(coin.outpoint().txid);
    let next = armed.world.chain.tip().time.height.0 + 1;
    assert_eq!(gained, (next - born.expect("buried").height.0) * 600);
}

/// Each who broadcasts has to have a coin of his own for each coin that could move, wherever in his
/// fee wallet; coins that are too small, unconfirmed or kept for something else do not count.
#[test]
fn each_fee_wallet_is_held_against_what_it_alone_would_pay() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    armed.world.pay_to(&Stage::Vault, 1, DEPOSIT);
    armed.world.bury();
    let wallet = |status: &VaultStatus, party: &str| -> FeeWallet {
        let mut wallets = status.fees.wallets.iter();
        let found = wallets.find(|wallet| wallet.party == party);
        found.expect("it broadcasts").clone()
    };
    let told = status(&mut vault, &armed.world);
    assert!(
        told.fees
            .wallets
            .iter()
            .all(|wallet| wallet.party != "dead")
    );
    let gina = wallet(&told, "gina");
    assert_eq!((gina.fee_coins, gina.there), (2, Some(0)));
    assert!(gina.broadcasts.iter().eq(&["settle", "trigger"]));
    let alice = wallet(&told, "alice");
    assert!(alice.broadcasts.iter().eq(&["cancel"]));
    let rows = told.fees.rows.iter();
    let own = rows.filter(|row| row.by.contains("gina"));
    assert_eq!(Some(gina.each), own.map(|row| row.each).max());
    let small = gina.each.to_sat() - 1;
    let coins = [(0, small), (7, gina.each.to_sat()), (26, 90_000)];
    for (index, sats) in coins {
        armed.world.fee_coin_at("gina", index, sats);
    }
    let told = status(&mut vault, &armed.world);
    let gina = wallet(&told, "gina");
    assert_eq!(gina.there, Some(2), "26 is within twenty of 7");
    let all: u64 = coins.iter().map(|(_, sats)| sats).sum();
    assert_eq!(gina.holds, Some(Amount::from_sat(all)));
    assert_eq!(wallet(&told, "hal").there, Some(0));
    assert_eq!(told.fees.rows[0].there, Some(2));
    let lost = armed.world.fee_coin_at("gina", 60, 90_000);
    assert_eq!(
        wallet(&status(&mut vault, &armed.world), "gina").there,
        Some(2)
    );
    drop(lost);
    let kept = armed.world.fee_coin_at("gina", 9, 95_000).outpoint;
    vault
        .remember(Entry::Reserved {
            coin: kept,
            parent: armed.files.courses()[0].trigger.txid(),
            until: longstop::units::BlockHeight(10_000),
        })
        .expect("it is free");
    assert_eq!(
        wallet(&status(&mut vault, &armed.world), "gina").there,
        Some(2)
    );
    // In an escrow a coin concerns those who cancel and settle as well.
    armed.world.confirm(&armed.trigger(0, &["gina", "hal"]));
    let told = status(&mut vault, &armed.world);
    assert_eq!(wallet(&told, "alice").fee_coins, 2);
    assert_eq!(wallet(&told, "gina").fee_coins, 2);
}
