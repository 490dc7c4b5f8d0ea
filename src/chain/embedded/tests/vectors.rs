//! Bitcoin Core's own transactions, good and bad, before the judge of scripts and transactions.

use std::collections::BTreeMap;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hex::FromHex;
use bitcoin::opcodes::Opcode;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use bitcoinconsensus::{
    VERIFY_ALL_PRE_TAPROOT, VERIFY_CHECKLOCKTIMEVERIFY, VERIFY_CHECKSEQUENCEVERIFY, VERIFY_DERSIG,
    VERIFY_NULLDUMMY, VERIFY_P2SH, VERIFY_TAPROOT, VERIFY_WITNESS,
};
use serde_json::Value;

use super::super::judge::check_transaction;
use super::super::script::verify_all_inputs;

const ALL: u32 = VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT;

/// A transaction, what it spends, and words for flags.
struct Vector {
    transaction: Transaction,
    spent: Vec<TxOut>,
    flags: Vec<String>,
}

fn vectors(json: &str) -> Vec<Vector> {
    let entries: Vec<Vec<Value>> = serde_json::from_str(json).expect("a list of lists");
    let vectors = entries.iter().filter(|entry| entry.len() == 3);
    vectors.filter_map(|entry| read(entry)).collect()
}

/// None if the outputs do not belong to the inputs one by one, as in transactions without inputs.
fn read(entry: &[Value]) -> Option<Vector> {
    let outputs: BTreeMap<OutPoint, TxOut> = (entry[0].as_array().expect("outputs").iter())
        .map(|output| {
            let txid: Txid = output[0].as_str().expect("a txid").parse().expect("a txid");
            // The index of a coinbase input is written as −1.
            let vout = output[1].as_i64().expect("an index") as u32;
            let script_pubkey = parse_script(output[2].as_str().expect("a script"));
            let value = Amount::from_sat(output.get(3).and_then(Value::as_u64).unwrap_or(0));
            let output = TxOut {
                value,
                script_pubkey,
            };
            (OutPoint { txid, vout }, output)
        })
        .collect();
    let transaction: Transaction = deserialize_hex(entry[1].as_str().expect("hex")).ok()?;
    let inputs = transaction.input.iter();
    let spent = inputs.map(|input| outputs.get(&input.previous_output).cloned());
    Some(Vector {
        spent: spent.collect::<Option<_>>()?,
        flags: (entry[2].as_str().expect("flags").split(','))
            .map(str::to_owned)
            .collect(),
        transaction,
    })
}

/// The notation of these files: numbers, `0x` and raw bytes, words in quotes, names of opcodes.
fn parse_script(text: &str) -> ScriptBuf {
    let names: BTreeMap<String, u8> = (0u8..=255)
        .map(|byte| (Opcode::from(byte).to_string(), byte))
        .collect();
    let mut script = Vec::new();
    for word in text.split_whitespace() {
        if let Some(hex) = word.strip_prefix("0x") {
            script.extend(Vec::from_hex(hex).expect("hex"));
        } else if let Ok(number) = word.parse::<i64>() {
            script.extend(Builder::new().push_int(number).into_bytes());
        } else if let Some(quoted) = word.strip_prefix('\'') {
            let bytes = quoted.trim_end_matches('\'').as_bytes().to_vec();
            let bytes = PushBytesBuf::try_from(bytes).expect("short");
            script.extend(Builder::new().push_slice(&bytes).into_bytes());
        } else {
            let name = match word.trim_start_matches("OP_") {
                "CHECKLOCKTIMEVERIFY" | "NOP2" => "CLTV",
                "CHECKSEQUENCEVERIFY" | "NOP3" => "CSV",
                name => name,
            };
            let byte = names.get(&format!("OP_{name}"));
            script.push(*byte.unwrap_or_else(|| panic!("opcode `{name}`")));
        }
    }
    ScriptBuf::from_bytes(script)
}

/// The flag of the interpreter, if it knows one of this name.
fn flag(name: &str) -> Option<u32> {
    Some(match name {
        "NONE" => 0,
        "P2SH" => VERIFY_P2SH,
        "DERSIG" => VERIFY_DERSIG,
        "NULLDUMMY" => VERIFY_NULLDUMMY,
        "CHECKLOCKTIMEVERIFY" => VERIFY_CHECKLOCKTIMEVERIFY,
        "CHECKSEQUENCEVERIFY" => VERIFY_CHECKSEQUENCEVERIFY,
        "WITNESS" => VERIFY_WITNESS,
        "TAPROOT" => VERIFY_TAPROOT,
        _ => return None,
    })
}

#[test]
fn valid_transactions_pass() {
    let mut count = 0;
    for vector in vectors(include_str!(
        "../../../../tests/vectors/bitcoin-core/tx_valid.json"
    )) {
        let without = vector.flags.iter().filter_map(|name| flag(name));
        let mut flags = ALL & !without.fold(0, std::ops::BitOr::bitor);
        // A witness is judged only together with the script that P2SH reveals.
        if flags & VERIFY_P2SH == 0 {
            flags &= !(VERIFY_WITNESS | VERIFY_TAPROOT);
        } else if flags & VERIFY_WITNESS == 0 {
            flags &= !VERIFY_TAPROOT;
        }
        let txid = vector.transaction.compute_txid();
        assert_eq!(check_transaction(&vector.transaction), Ok(()), "{txid}");
        let verdict = verify_all_inputs(&vector.transaction, &vector.spent, flags);
        assert_eq!(verdict, Ok(()), "{txid}");
        count += 1;
    }
    assert!(count > 100, "only {count} vectors were read");
}

#[test]
fn invalid_transactions_fail() {
    let mut count = 0;
    for vector in vectors(include_str!(
        "../../../../tests/vectors/bitcoin-core/tx_invalid.json"
    )) {
        let txid = vector.transaction.compute_txid();
        if vector.flags == ["BADTX"] {
            assert!(check_transaction(&vector.transaction).is_err(), "{txid}");
        } else if vector.flags.iter().all(|name| flag(name).is_some()) {
            let scripts = verify_all_inputs(&vector.transaction, &vector.spent, ALL);
            assert!(scripts.is_err(), "{txid}");
        } else {
            // A flag of relay policy, which the interpreter does not offer.
            continue;
        }
        count += 1;
    }
    assert!(count > 60, "only {count} vectors were read");
}
