//! The page "Recover without Longstop", carried out as it stands there.
//!
//! The commands are taken out of `book/src/without-longstop.md` itself: a block whose name begins with
//! `file-` is saved under the rest of its name, and one that begins with `run-` is run in a shell.
//! They meet a Bitcoin Core node with its own `bitcoin-cli`, and a second node without any blocks on
//! which parties sign; what a person would put in by hand (coins, amounts, addresses) comes from the
//! environment.  Longstop has a part only in what was there before: the policy, the deposits, and the
//! arming files.
//!
//! The nodes are what `tests/servers/setup` builds.  Where they are not there, these tests say so and
//! do nothing; with `LONGSTOP_REQUIRE_SERVERS` set they fail.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "runbook/desk.rs"]
mod desk;
#[path = "common/draft.rs"]
mod draft;
#[path = "runbook/group.rs"]
mod group;
#[path = "common/node.rs"]
mod node;
#[path = "runbook/page.rs"]
mod page;
#[path = "common/vault.rs"]
mod vault;

use std::collections::BTreeSet;

use longstop::identity::{Passphrase, Work};
use longstop::transaction::{Coin, FeeCoin};
use longstop::wallet::Recipients;

use desk::Desk;
use group::{Group, OPENS, RUNGS, Ways};
use page::Page;

/// What every deposit is worth, in satoshis.
const WORTH: u64 = 10_000_000;

/// What is paid of it, as it is typed.
const AMOUNT: (&str, &str) = ("AMOUNT", "0.0999");

#[test]
fn taproot() {
    everything("tr");
}

#[test]
fn p2wsh() {
    everything("wsh");
}

/// Runs every way out of every stage, and sees that no block of the page was left out.
#[track_caller]
fn everything(script: &'static str) {
    if node::built("bitcoind").is_none() {
        return;
    }
    let page = Page::read();
    let done = std::thread::scope(|scope| {
        let rescue = scope.spawn(|| rescue(script, &page));
        let payouts = scope.spawn(|| payouts(script, &page));
        let rungs = scope.spawn(|| rungs(script, &page));
        let mut done = rescue.join().expect("everything of a rescue runs");
        done.extend(payouts.join().expect("everything of a payout runs"));
        done.extend(rungs.join().expect("everything of version 2 runs"));
        done
    });
    let all: BTreeSet<String> = page.steps().map(str::to_owned).collect();
    assert_eq!(all, done, "every block is run");
}

/// A treasury with two direct paths and a staged one.
fn rescue(script: &'static str, page: &Page) -> BTreeSet<String> {
    let mut group = Group::new(script, Ways::Rescue);
    let coins = group.deposits::<8>(WORTH);
    let fees = group.fee_coins::<5>("gina");
    group.world.bury();
    let mut desk = Desk::new(page, &group, "vault escrow lockup");
    let said = desk.run("run-descriptors", &[]);
    assert!(said.contains(&group.address(0)), "{said}");
    let said = desk.run("run-coins", &[]);
    let names = coins.each_ref().map(|coin| coin.outpoint().to_string());
    for name in &names {
        let (txid, _) = name.split_once(':').expect("a coin");
        assert!(said.contains(txid), "{said}");
    }
    let [spent, delayed, dated, staged @ ..] = &names;
    a_quorum_spends(&mut desk, spent);
    after_a_delay(&mut desk, delayed);
    from_a_height_on(&mut desk, dated);

    // Either form of a file has the PSBTs, for a trigger and for the one after its cancel.
    let folders = [
        "released",
        "cancelled",
        "clawed",
        "backstopped",
        "overridden",
    ];
    for (number, (folder, coin)) in folders.into_iter().zip(staged).enumerate() {
        desk.turn_to(folder);
        let coin_itself = &coins[3 + number];
        let file = match number % 2 {
            0 => group.round(coin_itself),
            _ => group.arming(coin_itself),
        };
        desk.write("arming.json", &file);
        let said = desk.run("run-files", &[]);
        assert!(said.contains(coin), "{said}");
        assert!(desk.has("1-sos-cancel-2.psbt"));
        desk.run("run-trigger", &[]);
    }
    desk.turn_to("released");
    trigger(&mut desk, Some(&fees[0]));
    desk.turn_to("cancelled");
    trigger(&mut desk, Some(&fees[1]));
    veto(&mut desk, &fees[2]);
    for folder in &folders[2..] {
        desk.turn_to(folder);
        trigger(&mut desk, None);
    }
    desk.mine(1);

    desk.turn_to("overridden");
    overriding(&mut desk);
    desk.turn_to("released");
    let lockup = settle(&mut desk, Some(&fees[3]));
    release(&mut desk, &lockup);
    desk.turn_to("clawed");
    let lockup = settle(&mut desk, None);
    clawback(&mut desk, &lockup);
    desk.turn_to("backstopped");
    backstop(&mut desk);
    again_after_the_cancel(&mut desk);
    desk.done()
}

/// A staged path that pays out at the end of its window.
fn payouts(script: &'static str, page: &Page) -> BTreeSet<String> {
    let mut group = Group::new(script, Ways::Payouts);
    let [coin] = group.deposits::<1>(WORTH);
    group.world.bury();
    let mut desk = Desk::new(page, &group, "vault escrow");
    open_backups(&mut desk, &group, &coin);
    desk.run("run-stages", &[]);
    desk.run("run-files", &[]);
    desk.run("run-trigger", &[]);
    assert!(!desk.has("1-sos-settle.psbt"), "nobody signs it in advance");
    trigger(&mut desk, None);
    desk.mine(1);
    let escrow = desk.output("trigger");
    desk.run("run-payout", &[("COIN", &escrow), AMOUNT, ("WINDOW", "20")]);
    desk.signs("payout", "gina");
    desk.signs("payout", "ivan");
    desk.age_to(&escrow, 19);
    desk.refused("run-payout-send", &[], "non-BIP68-final");
    desk.mine(1);
    desk.run("run-payout-send", &[]);
    desk.confirm("payout");
    desk.done()
}

/// A backup has both, whatever else is in it, and is opened with a passphrase or an account key.
fn open_backups(desk: &mut Desk<'_>, group: &Group, coin: &Coin) {
    assert!(
        desk.has_program("age"),
        "`age` is missing, with which the page opens backups: install the package of this name"
    );
    let mut opened = Vec::new();
    let words = "correct horse battery";
    let passphrase = Passphrase::of(words.to_owned().into());
    let to = Recipients::Passphrase(&passphrase, Work::ForTests);
    desk.write("backup.age", &group.backup(coin, &to));
    desk.forget_files();
    let (is_good, said) = desk.types("run-backup-passphrase", "some other words");
    assert!(!is_good && said.contains("incorrect passphrase"), "{said}");
    let (is_good, said) = desk.types("run-backup-passphrase", words);
    assert!(is_good, "{said}");
    assert!(!said.contains(words), "what is typed is not shown");
    opened.push(desk.read("arming.json"));

    desk.write("backup.age", &group.backup(coin, &Recipients::Parties));
    desk.forget_files();
    let step = "run-backup-account";
    let stranger = group::stranger();
    desk.refused(step, &[("ACCOUNT", &stranger)], "no identity matched");
    let account = group.account("bob");
    let mistyped = account.replacen("tpub", "tpuc", 1);
    desk.refused(step, &[("ACCOUNT", &mistyped)], "mistyped");
    for party in ["bob", "gina"] {
        desk.forget_files();
        desk.run(step, &[("ACCOUNT", &group.account(party))]);
        opened.push(desk.read("arming.json"));
        assert_eq!(opened[0], desk.read("descriptors.txt"));
    }
    assert!(opened.iter().all(|text| *text == opened[0]));
}

/// A staged path of version 2: files at three feerates, and no child.
fn rungs(script: &'static str, page: &Page) -> BTreeSet<String> {
    let mut group = Group::new(script, Ways::Rungs);
    let coins = group.deposits::<2>(WORTH);
    group.world.bury();
    let mut desk = Desk::new(page, &group, "vault escrow lockup");
    for (folder, coin) in ["cancelled", "settled"].into_iter().zip(&coins) {
        desk.turn_to(folder);
        desk.write("arming.json", &group.arming(coin));
        desk.run("run-files", &[]);
        for rung in 1..=3 {
            let name = |kind: &str, course: usize| match (course, rung) {
                (1, 1) => format!("1-sos-{kind}.psbt"),
                (course, 1) => format!("1-sos-{kind}-{course}.psbt"),
                (course, rung) => format!("1-sos-{kind}-{course}-{rung}.psbt"),
            };
            assert!(desk.has(&name("cancel", 2)) && desk.has(&name("settle", 3)));
        }
        assert!(desk.has("1-sos-trigger-3.psbt") && !desk.has("1-sos-trigger-4.psbt"));
        // The lowest rung waits, and the second one takes its place.
        desk.run("run-trigger", &[]);
        trigger(&mut desk, None);
        assert_pays(&desk, "trigger", RUNGS[0]);
        let first = desk.txid("trigger");
        desk.run("run-trigger-2", &[]);
        trigger(&mut desk, None);
        assert_pays(&desk, "trigger", RUNGS[1]);
        assert_ne!(desk.txid("trigger"), first);
        assert!(!desk.is_waiting_with(&first), "its place is taken");
        desk.confirm("trigger");
    }
    desk.turn_to("cancelled");
    // What was signed for the coin of the first trigger is worth nothing.
    desk.run("run-cancel", &[]);
    desk.signs("cancel", "erin");
    desk.fails("join cancel && offer cancel", "missing-inputs");
    desk.remove("cancel.erin.psbt");
    desk.run("run-cancel-2", &[]);
    desk.signs("cancel", "erin");
    desk.succeeds("join cancel && send cancel");
    assert_pays(&desk, "cancel", RUNGS[2]);
    desk.confirm("cancel");
    let said = desk.run("run-coins", &[]);
    assert!(said.contains(&desk.txid("cancel")), "{said}");

    desk.turn_to("settled");
    let escrow = desk.output("trigger");
    desk.run("run-settle-2", &[]);
    desk.age_to(&escrow, 19);
    desk.refused("run-settle", &[], "non-BIP68-final");
    desk.mine(1);
    desk.run("run-settle", &[]);
    desk.send("settle");
    assert_pays(&desk, "settle", RUNGS[1]);
    desk.confirm("settle");
    desk.done()
}

/// It waits, and pays this rate by itself: a signature or a choice of keys less, and it is a bit more.
#[track_caller]
fn assert_pays(desk: &Desk<'_>, name: &str, rung: u64) {
    let rate = desk.waiting_feerate(name);
    let rung = rung as f64;
    assert!(
        (rung..rung * 1.1).contains(&rate),
        "{name} pays {rate} sat/vB"
    );
}

fn a_quorum_spends(desk: &mut Desk<'_>, coin: &str) {
    desk.run("run-spend", &[("COIN", coin), AMOUNT]);
    let said = desk.run("run-look", &[("NAME", "spend")]);
    for part in ["\"psbt_version\": 0", "\"sequence\": 1", "0.09990000"] {
        assert!(said.contains(part), "{said}");
    }
    // One of root is not enough, and whoever names another's key signs nothing.
    desk.signs("spend", "alice");
    desk.refused("run-spend-offer", &[], "spend is not complete");
    let (is_good, said) = desk.try_sign("run-sign", "spend", "bob", "01234567");
    assert!(!is_good && said.contains("no key of 01234567"), "{said}");
    desk.signs("spend", "bob");
    let said = desk.run("run-spend-offer", &[]);
    assert!(said.contains("\"allowed\": true"), "{said}");
    assert!(!desk.is_waiting("spend"), "it was only offered");
    desk.run("run-spend-send", &[]);
    desk.confirm("spend");
}

fn after_a_delay(desk: &mut Desk<'_>, coin: &str) {
    desk.age_to(coin, 89);
    let said = desk.run("run-direct", &[("COIN", coin), AMOUNT, ("DELAY", "90")]);
    assert_eq!(said.trim(), "89");
    desk.signs("direct", "gina");
    desk.signs("direct", "hal");
    desk.refused("run-direct-send", &[], "non-BIP68-final");
    desk.mine(1);
    desk.run("run-direct-send", &[]);
    desk.confirm("direct");
}

/// The first block that may hold the transaction is the one above the height.
fn from_a_height_on(desk: &mut Desk<'_>, coin: &str) {
    let date = OPENS.to_string();
    desk.run("run-dated", &[("COIN", coin), AMOUNT, ("DATE", &date)]);
    desk.signs("dated", "gina");
    desk.signs("dated", "ivan");
    desk.mine_to(OPENS - 1);
    desk.refused("run-dated-send", &[], "\"non-final\"");
    desk.mine(1);
    desk.run("run-dated-send", &[]);
    desk.confirm("dated");
}

/// A trigger, with or without a fee child, sent and not yet confirmed.
fn trigger(desk: &mut Desk<'_>, fee: Option<&FeeCoin>) {
    desk.refused("run-trigger-join", &[], "trigger is not complete");
    desk.signs("trigger", "gina");
    desk.refused("run-trigger-join", &[], "trigger is not complete");
    desk.signs("trigger", "hal");
    desk.run("run-trigger-join", &[]);
    match fee {
        Some(coin) => {
            let said = desk.run("run-fees", &[]);
            assert!(said.contains(&coin.outpoint.txid.to_string()), "{said}");
            child(desk, "run-trigger-child", "trigger", coin);
            desk.run("run-trigger-send", &[]);
            assert_lifted(desk, "trigger");
        }
        None => desk.send("trigger"),
    }
    assert!(desk.is_waiting("trigger"));
}

/// A child that lifts the package to 30 sat/vB, signed.
fn child(desk: &mut Desk<'_>, step: &str, name: &str, fee: &FeeCoin) {
    desk.run(step, &child_of(fee, &change(fee)));
    desk.signs_as("run-sign-child", &format!("{name}-child"), "gina");
}

fn change(fee: &FeeCoin) -> String {
    let script = &fee.txout.script_pubkey;
    let address = bitcoin::Address::from_script(script, bitcoin::Network::Regtest);
    address.expect("it has one").to_string()
}

fn child_of<'a>(fee: &FeeCoin, change: &'a str) -> [(&'static str, &'a str); 3] {
    let coin: &'static str = Box::leak(fee.outpoint.to_string().into_boxed_str());
    [("RATE", "30"), ("FEECOIN", coin), ("CHANGE", change)]
}

/// Parent and child together pay the rate that was asked for, and hardly more.
#[track_caller]
fn assert_lifted(desk: &Desk<'_>, name: &str) {
    let rate = desk.waiting_feerate(name);
    assert!((30.0..31.0).contains(&rate), "{name} pays {rate} sat/vB");
}

/// The coin in the lock-up; the window is 20 blocks.
fn settle(desk: &mut Desk<'_>, fee: Option<&FeeCoin>) -> String {
    let escrow = desk.output("trigger");
    desk.run("run-settle-whole", &[]);
    if desk.age(&escrow) < 20 {
        desk.age_to(&escrow, 19);
        desk.refused("run-settle", &[], "non-BIP68-final");
        desk.mine(1);
    }
    let said = desk.run("run-settle", &[]);
    assert!(said.contains("\"allowed\": true"), "{said}");
    match fee {
        Some(coin) => {
            child(desk, "run-settle-child", "settle", coin);
            desk.run("run-settle-send", &[]);
            assert_lifted(desk, "settle");
        }
        None => desk.send("settle"),
    }
    desk.confirm("settle");
    desk.output("settle")
}

fn release(desk: &mut Desk<'_>, lockup: &str) {
    desk.run("run-release", &[("COIN", lockup), AMOUNT, ("PERIOD", "30")]);
    desk.signs("release", "hal");
    desk.signs("release", "ivan");
    desk.age_to(lockup, 29);
    desk.refused("run-release-send", &[], "non-BIP68-final");
    desk.mine(1);
    desk.run("run-release-send", &[]);
    desk.confirm("release");
}

/// The trigger is still unconfirmed, and has a child.
fn veto(desk: &mut Desk<'_>, fee: &FeeCoin) {
    let change = change(fee);
    let vars = child_of(fee, &change);
    desk.run("run-cancel", &[]);
    desk.refused("run-cancel-child", &vars, "cancel is not complete");
    desk.signs("cancel", "erin");
    desk.run("run-cancel-child", &vars);
    desk.signs_as("run-sign-child", "cancel-child", "gina");
    desk.refused("run-cancel-send", &[], "TRUC-violation");
    desk.confirm("trigger");
    desk.run("run-cancel-send", &[]);
    assert_lifted(desk, "cancel");
    desk.confirm("cancel");
    // It is in the vault again.
    let said = desk.run("run-coins", &[]);
    assert!(said.contains(&desk.txid("cancel")), "{said}");
}

/// With a depth of two, the coin that a cancel made is armed as well.
fn again_after_the_cancel(desk: &mut Desk<'_>) {
    desk.turn_to("cancelled");
    let cancelled = desk.output("cancel");
    for party in ["gina", "hal"] {
        desk.remove(&format!("trigger.{party}.psbt"));
    }
    desk.rename("1-sos-trigger-2.psbt", "1-sos-trigger.psbt");
    desk.run("run-trigger", &[]);
    trigger(desk, None);
    let spent = desk.transaction("trigger").input[0].previous_output;
    assert_eq!(spent.to_string(), cancelled);
}

fn overriding(desk: &mut Desk<'_>) {
    let escrow = desk.output("trigger");
    desk.run("run-override", &[("COIN", &escrow), AMOUNT]);
    desk.signs("override", "bob");
    desk.signs("override", "erin");
    desk.run("run-override-send", &[]);
    desk.confirm("override");
}

fn clawback(desk: &mut Desk<'_>, lockup: &str) {
    desk.run("run-clawback", &[("COIN", lockup), AMOUNT]);
    desk.signs("clawback", "alice");
    desk.signs("clawback", "erin");
    desk.run("run-clawback-send", &[]);
    desk.confirm("clawback");
}

/// Window and backstop are 60 blocks together.
fn backstop(desk: &mut Desk<'_>) {
    let escrow = desk.output("trigger");
    desk.run(
        "run-backstop",
        &[("COIN", &escrow), AMOUNT, ("BACKSTOP", "60")],
    );
    desk.signs("backstop", "gina");
    desk.signs("backstop", "ivan");
    desk.age_to(&escrow, 59);
    desk.refused("run-backstop-send", &[], "non-BIP68-final");
    desk.mine(1);
    desk.run("run-backstop-send", &[]);
    desk.confirm("backstop");
}
