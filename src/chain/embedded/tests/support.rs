//! Coins without secrets, and transactions that spend them.

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::OP_DROP;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};

use crate::chain::{EmbeddedChain, Judge, Verdict};
use crate::units::UnixTime;

/// 2026-01-01.
pub const START: UnixTime = UnixTime(1_767_225_600);

pub fn chain() -> EmbeddedChain {
    EmbeddedChain::new(START)
}

/// A script that anyone can satisfy, and that is not the faucet's.
pub fn open_script() -> ScriptBuf {
    Builder::new()
        .push_int(7)
        .push_opcode(OP_DROP)
        .push_opcode(OP_TRUE)
        .into_script()
}

/// What pays to the open script.
pub fn open() -> ScriptBuf {
    open_script().to_p2wsh()
}

/// A confirmed coin under the open script.
pub fn coin(chain: &mut EmbeddedChain, sat: u64) -> OutPoint {
    let outpoint = unconfirmed_coin(chain, sat);
    chain.mine_one();
    outpoint
}

/// The same before it is mined.
pub fn unconfirmed_coin(chain: &mut EmbeddedChain, sat: u64) -> OutPoint {
    chain
        .fund(open(), Amount::from_sat(sat))
        .expect("the faucet has coins")
}

/// A transaction of this version that spends coins under the open script.
pub fn spend(version: i32, coins: &[OutPoint], outputs: &[(u64, ScriptBuf)]) -> Transaction {
    let input = |previous_output: &OutPoint| TxIn {
        previous_output: *previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::from_slice(&[open_script().as_bytes()]),
    };
    let output = |(sat, script_pubkey): &(u64, ScriptBuf)| TxOut {
        value: Amount::from_sat(*sat),
        script_pubkey: script_pubkey.clone(),
    };
    Transaction {
        version: transaction::Version(version),
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: outputs.iter().map(output).collect(),
    }
}

/// The same with one coin and one output under the open script.
pub fn pay(version: i32, from: OutPoint, sat: u64) -> Transaction {
    spend(version, &[from], &[(sat, open())])
}

/// The first output of a transaction.
pub fn first(transaction: &Transaction) -> OutPoint {
    OutPoint::new(transaction.compute_txid(), 0)
}

/// The class and the judge of a refusal.
#[track_caller]
pub fn refused(verdict: Verdict) -> (String, Judge) {
    let refusal = verdict.expect_err("this must be refused");
    assert_eq!(refusal.detail, None, "nothing is invented");
    (refusal.class.into_owned(), refusal.by)
}

/// Asserts that consensus refuses, for this class.
#[track_caller]
pub fn assert_invalid(verdict: Verdict, class: &str) {
    assert_eq!(refused(verdict), (class.to_owned(), Judge::Consensus));
}

/// Asserts that only relay policy refuses, for this class.
#[track_caller]
pub fn assert_unrelayed(verdict: Verdict, class: &str) {
    assert_eq!(refused(verdict), (class.to_owned(), Judge::Relay));
}

/// Makes a transaction so many vbytes large, by an output that carries data.
pub fn pad_to(transaction: &mut Transaction, vsize: usize) {
    let missing = vsize
        .checked_sub(transaction.vsize())
        .expect("it must grow");
    // The amount takes 8 bytes, the length of the script 1, 3 or 5.
    for overhead in [9, 11, 13] {
        let Some(length) = missing.checked_sub(overhead) else {
            continue;
        };
        let mut script = vec![bitcoin::opcodes::all::OP_RETURN.to_u8()];
        // One-byte pushes of the number one keep the script push only.
        script.resize(length, bitcoin::opcodes::all::OP_PUSHNUM_1.to_u8());
        transaction.output.push(TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::from_bytes(script),
        });
        if transaction.vsize() == vsize {
            return;
        }
        transaction.output.pop();
    }
    panic!("no padding gives {vsize} vbytes");
}
