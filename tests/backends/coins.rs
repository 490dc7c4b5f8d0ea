//! Coins without secrets, and transactions that spend them.

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::OP_DROP;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};

/// A script that anyone can satisfy; each number makes another one.
pub fn open_script(number: i64) -> ScriptBuf {
    Builder::new()
        .push_int(number)
        .push_opcode(OP_DROP)
        .push_opcode(OP_TRUE)
        .into_script()
}

/// What pays to that script.
pub fn open(number: i64) -> ScriptBuf {
    open_script(number).to_p2wsh()
}

/// A pay-to-anchor output, for a fee child.
pub fn anchor() -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73])
}

/// A coin under an open script, or an anchor (number 0).
#[derive(Clone, Copy, Debug)]
pub struct Coin {
    pub outpoint: OutPoint,
    pub number: i64,
}

/// A transaction of this version that spends coins.
pub fn spend(version: i32, coins: &[Coin], outputs: &[(u64, ScriptBuf)]) -> Transaction {
    let input = |coin: &Coin| TxIn {
        previous_output: coin.outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: match coin.number {
            0 => Witness::new(),
            number => Witness::from_slice(&[open_script(number).as_bytes()]),
        },
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

/// An output of a transaction as a coin.
pub fn coin_of(transaction: &Transaction, vout: u32, number: i64) -> Coin {
    Coin {
        outpoint: OutPoint::new(transaction.compute_txid(), vout),
        number,
    }
}
