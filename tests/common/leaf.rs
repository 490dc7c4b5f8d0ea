//! One check for every leaf of every stage: it opens to its quorums and no fewer, when its locks
//! say and not a block earlier.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use bitcoin::absolute::LockTime;
use longstop::compile::{LeafKind, Stage};
use longstop::transaction::Coin;
use longstop::units::{Blocks, Maturity};

use crate::vault::{BAD_SCRIPT, DEPOSIT, Fill, NOT_FINAL, TOO_EARLY, World, just_enough};

/// Blocks before the expected opening from which on every block is asked.  Median time lags
/// behind the clock by at most eleven.
const MARGIN: u32 = 12;

/// Checks a leaf on a coin of its own, paid straight to the stage.
#[track_caller]
pub fn check_leaf(world: &World, stage: &Stage, leaf: &LeafKind) {
    let mut world = world.fork();
    let coin = world.pay_to(stage, 0, DEPOSIT);
    check_unconfirmed(&world, &coin, leaf);
    world.chain.mine_one();
    check_locks(&mut world, &coin, leaf);
    check_quorums(&world, &coin, leaf);
    world.chain.mine_empty();
    let bare = world.by_hand(&coin, leaf);
    let seats = just_enough(&coin, leaf);
    world.accepts(&world.signed(&bare, &coin, leaf, &seats, Fill::Nothing));
}

/// In the block of the coin itself, only a leaf without a relative lock is open.
#[track_caller]
fn check_unconfirmed(world: &World, coin: &Coin, leaf: &LeafKind) {
    let found = &coin.derived().leaf(leaf).expect("such a leaf").leaf;
    if found.absolute().is_some() {
        return;
    }
    let bare = world.by_hand(coin, leaf);
    let spend = world.signed(&bare, coin, leaf, &just_enough(coin, leaf), Fill::Nothing);
    let deposit = world.chain.transaction(coin.outpoint().txid);
    let deposit = deposit.expect("it is in the mempool").clone();
    let together = world.chain.fork().mine_with(&[deposit, spend]);
    match found.relative() {
        None => assert!(together.is_ok(), "{leaf}: {together:?}"),
        Some(_) => {
            let refusal = together.expect_err("a coin is not one block old in its own block");
            assert_eq!(refusal.class, "bad-txns-nonfinal", "{leaf}");
        }
    }
}

/// Leaves the chain where the leaf has just opened.
#[track_caller]
fn check_locks(world: &mut World, coin: &Coin, leaf: &LeafKind) {
    let found = coin.derived().leaf(leaf).expect("such a leaf").leaf.clone();
    let bare = world.by_hand(coin, leaf);
    let seats = just_enough(coin, leaf);
    let spend = world.signed(&bare, coin, leaf, &seats, Fill::Nothing);
    let birth = world.chain.confirmation(coin.outpoint().txid);
    let birth = birth.expect("the coin is confirmed");
    let relative = found.relative().map(|lock| Maturity::relative(lock, birth));
    let absolute = found.absolute().map(Maturity::absolute);
    let locks: Vec<Maturity> = relative.into_iter().chain(absolute).collect();
    let tip = world.chain.tip().time;
    let far = locks.iter().map(|lock| lock.remaining(tip)).max();
    let far = far.unwrap_or(Blocks(0)).0;
    for _ in 0..far.saturating_sub(MARGIN) {
        world.chain.mine_empty();
    }
    loop {
        let tip = world.chain.tip().time;
        if locks.iter().all(|lock| lock.is_reached(tip)) {
            break;
        }
        let refusal = world.refusal(&spend);
        let class = refusal.class.as_ref();
        assert!(
            class == TOO_EARLY || class == NOT_FINAL,
            "{leaf} at {tip:?}: {refusal}"
        );
        check_no_shortcut(world, coin, leaf);
        world.chain.mine_empty();
    }
    world.accepts(&spend);
}

/// A transaction that says it waits for less is refused by the script.
#[track_caller]
fn check_no_shortcut(world: &World, coin: &Coin, leaf: &LeafKind) {
    let found = &coin.derived().leaf(leaf).expect("such a leaf").leaf;
    let mut bare = world.by_hand(coin, leaf);
    let input = &mut bare.input[0];
    // No lock at all, where there is one.
    input.sequence = bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME;
    bare.lock_time = LockTime::ZERO;
    if found.relative().is_some() || found.absolute().is_some() {
        let seats = just_enough(coin, leaf);
        let hasty = world.signed(&bare, coin, leaf, &seats, Fill::Nothing);
        world.refuses(&hasty, BAD_SCRIPT);
    }
}

/// No signature of those that suffice can be left out, nor replaced by a copy of another.
#[track_caller]
fn check_quorums(world: &World, coin: &Coin, leaf: &LeafKind) {
    let bare = world.by_hand(coin, leaf);
    let enough = just_enough(coin, leaf);
    for missing in &enough {
        let mut seats = enough.clone();
        seats.remove(missing);
        for fill in [Fill::Nothing, Fill::Copy] {
            let short = world.signed(&bare, coin, leaf, &seats, fill);
            world.refuses(&short, BAD_SCRIPT);
        }
    }
}
