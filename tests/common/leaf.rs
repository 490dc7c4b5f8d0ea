//! One check for every leaf of every stage: it opens to its quorums and no fewer, when its locks
//! say and not a block earlier.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use bitcoin::absolute::LockTime;
use bitcoin::{Sequence, Transaction};
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
    check_stated_locks(&world, &coin, leaf);
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

/// A transaction that says it waits for nothing is refused by the script.
#[track_caller]
fn check_no_shortcut(world: &World, coin: &Coin, leaf: &LeafKind) {
    let mut bare = world.by_hand(coin, leaf);
    bare.input[0].sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;
    bare.lock_time = LockTime::ZERO;
    let seats = just_enough(coin, leaf);
    let hasty = world.signed(&bare, coin, leaf, &seats, Fill::Nothing);
    world.refuses(&hasty, BAD_SCRIPT);
}

/// Once the locks are open, a transaction must still say that it waited for them.
#[track_caller]
fn check_stated_locks(world: &World, coin: &Coin, leaf: &LeafKind) {
    let found = &coin.derived().leaf(leaf).expect("such a leaf").leaf;
    let good = world.by_hand(coin, leaf);
    let mut changed = Vec::new();
    let mut change = |change: &dyn Fn(&mut Transaction)| {
        let mut bare = good.clone();
        change(&mut bare);
        changed.push(bare);
    };
    if found.relative().is_some() {
        change(&|t| t.input[0].sequence.0 -= 1);
        change(&|t| t.input[0].sequence.0 |= 1 << 31);
        change(&|t| t.input[0].sequence.0 ^= 1 << 22);
        // Relative locks bind from version 2 on, so the script asks for that.
        change(&|t| t.version.0 = 1);
    }
    if found.absolute().is_some() {
        let lock_time = good.lock_time.to_consensus_u32();
        change(&|t| t.lock_time = LockTime::from_consensus(lock_time - 1));
        change(&|t| t.lock_time = LockTime::ZERO);
        change(&|t| t.input[0].sequence = Sequence::MAX);
    }
    let seats = just_enough(coin, leaf);
    for bare in changed {
        let short = world.signed(&bare, coin, leaf, &seats, Fill::Nothing);
        // A relative lock of the other kind may be closed besides.
        let class = world.refusal(&short).class;
        assert!(class == BAD_SCRIPT || class == TOO_EARLY, "{leaf}: {class}");
        assert!(world.chain.test_block_with(&short).is_err(), "{leaf}");
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
