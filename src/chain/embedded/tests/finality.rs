//! Locks at n − 1 and n: relative and absolute, by height and by median time past.

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::{OP_CLTV, OP_CSV, OP_DROP};
use bitcoin::script::Builder;
use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, Witness};

use super::support::{assert_invalid, chain, coin, open, pay};
use crate::chain::EmbeddedChain;
use crate::units::Blocks;

/// Both doors refuse, each in its own words.
#[track_caller]
fn assert_locked(chain: &mut EmbeddedChain, transaction: &Transaction, mempool_class: &str) {
    assert_invalid(chain.test_block_with(transaction), "bad-txns-nonfinal");
    assert_invalid(chain.test_accept(transaction), mempool_class);
    assert_invalid(chain.submit(transaction), mempool_class);
    chain
        .mine_with(std::slice::from_ref(transaction))
        .expect_err("no block may hold it");
}

#[track_caller]
fn assert_open(chain: &mut EmbeddedChain, transaction: &Transaction) {
    assert_eq!(chain.test_block_with(transaction), Ok(()));
    assert_eq!(chain.test_accept(transaction), Ok(()));
    assert_eq!(chain.submit(transaction), Ok(()));
    assert_eq!(
        chain.mine_one().confirmed,
        [transaction.compute_txid()],
        "the next block holds it"
    );
}

#[test]
fn relative_height_lock() {
    for version in [2, 3] {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let mut transaction = pay(version, coin, 9_000);
        transaction.input[0].sequence = Sequence::from_height(5);
        // The coin is in the tip: in the next block it is one block old.
        for age in 1..5 {
            assert_locked(&mut chain, &transaction, "non-BIP68-final");
            assert_eq!(chain.mine_one().confirmed, [], "age {age}");
        }
        assert_open(&mut chain, &transaction);
    }
}

#[test]
fn version_one_has_no_relative_locks() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let mut transaction = pay(1, coin, 9_000);
    transaction.input[0].sequence = Sequence::from_height(5);
    assert_open(&mut chain, &transaction);
}

#[test]
fn unconfirmed_coins_are_younger_than_any_lock() {
    let mut chain = chain();
    let coin = super::support::unconfirmed_coin(&mut chain, 10_000);
    let mut transaction = pay(2, coin, 9_000);
    transaction.input[0].sequence = Sequence::from_height(1);
    assert_invalid(chain.submit(&transaction), "non-BIP68-final");
    chain.mine_one();
    assert_open(&mut chain, &transaction);
}

#[test]
fn relative_time_lock() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let born = chain
        .confirmation(coin.txid)
        .expect("it was mined")
        .median_time_past_before;
    let mut transaction = pay(2, coin, 9_000);
    transaction.input[0].sequence = Sequence::from_512_second_intervals(3);
    let opens = born.0 + 3 * 512;
    let mut blocks_waited = 0;
    while chain.tip().time.median_time_past.0 < opens {
        assert_locked(&mut chain, &transaction, "non-BIP68-final");
        chain.mine_one();
        blocks_waited += 1;
    }
    assert_eq!(
        blocks_waited, 2,
        "1,536 seconds, and the tip is 600 after the one before the coin"
    );
    assert_open(&mut chain, &transaction);
}

#[test]
fn a_time_lock_opens_at_the_very_second() {
    for (spacing, open) in [(511, false), (512, true)] {
        let mut chain = chain();
        // With constant spacing the median time past advances by just that.
        chain.set_block_spacing(spacing);
        chain.mine(11);
        let coin = coin(&mut chain, 10_000);
        let mut transaction = pay(2, coin, 9_000);
        transaction.input[0].sequence = Sequence::from_512_second_intervals(1);
        if open {
            assert_open(&mut chain, &transaction);
        } else {
            assert_locked(&mut chain, &transaction, "non-BIP68-final");
        }
    }
}

#[test]
fn absolute_height_lock() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let mut transaction = pay(2, coin, 9_000);
    let lock = chain.tip().time.height.after(Blocks(2)).0;
    transaction.lock_time = LockTime::from_height(lock).expect("a height");
    assert_locked(&mut chain, &transaction, "non-final");
    chain.mine_one();
    assert_locked(&mut chain, &transaction, "non-final");
    chain.mine_one();
    assert_eq!(chain.tip().time.height.0, lock, "the lock names the tip");
    assert_open(&mut chain, &transaction);
}

#[test]
fn absolute_time_lock_counts_median_time() {
    for (later, open) in [(0, false), (1, true)] {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let mut transaction = pay(2, coin, 9_000);
        let median = chain.tip().time.median_time_past.0;
        assert!(chain.now().0 > median, "the clock is ahead of the median");
        // The lock must lie before the median time past.
        transaction.lock_time = LockTime::from_time(median - later).expect("a time");
        if open {
            assert_open(&mut chain, &transaction);
        } else {
            assert_locked(&mut chain, &transaction, "non-final");
        }
    }
}

#[test]
fn final_sequences_switch_the_lock_time_off() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let mut transaction = pay(2, coin, 9_000);
    transaction.lock_time = LockTime::from_height(400_000).expect("a height");
    assert_locked(&mut chain, &transaction, "non-final");
    transaction.input[0].sequence = Sequence::MAX;
    assert_open(&mut chain, &transaction);
}

fn locked_script(operand: u32, lock: bitcoin::Opcode) -> ScriptBuf {
    Builder::new()
        .push_int(i64::from(operand))
        .push_opcode(lock)
        .push_opcode(OP_DROP)
        .push_opcode(OP_TRUE)
        .into_script()
}

fn spend_of_locked(chain: &mut EmbeddedChain, script: &ScriptBuf) -> Transaction {
    let coin = chain
        .fund(script.to_p2wsh(), Amount::from_sat(10_000))
        .expect("the faucet has coins");
    chain.mine(20);
    let mut transaction = super::support::spend(2, &[coin], &[(9_000, open())]);
    transaction.input[0].witness = Witness::from_slice(&[script.as_bytes()]);
    transaction
}

#[test]
fn check_sequence_verify_compares_the_sequence() {
    for (sequence, good) in [(9, false), (10, true), (11, true)] {
        let mut chain = chain();
        let script = locked_script(10, OP_CSV);
        let mut transaction = spend_of_locked(&mut chain, &script);
        transaction.input[0].sequence = Sequence::from_height(sequence);
        if good {
            assert_open(&mut chain, &transaction);
        } else {
            let class = "block-script-verify-flag-failed";
            assert_invalid(chain.test_block_with(&transaction), class);
            let class = "mempool-script-verify-flag-failed";
            assert_invalid(chain.submit(&transaction), class);
        }
    }
}

#[test]
fn check_lock_time_verify_compares_the_lock_time() {
    for (lock_time, good) in [(99, false), (100, true), (101, true)] {
        let mut chain = chain();
        let script = locked_script(100, OP_CLTV);
        let mut transaction = spend_of_locked(&mut chain, &script);
        transaction.lock_time = LockTime::from_consensus(lock_time);
        if good {
            assert_open(&mut chain, &transaction);
        } else {
            let class = "mempool-script-verify-flag-failed";
            assert_invalid(chain.submit(&transaction), class);
        }
    }
}
