//! The corpus: files that are wrong in one way each, and everything that is said of them.

use bitcoin::absolute::LockTime;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpub};
use bitcoin::hashes::Hash;
use bitcoin::psbt::raw;
use bitcoin::{
    Amount, NetworkKind, OutPoint, Psbt, ScriptBuf, Sequence, TxIn, TxOut, Txid, Witness,
};
use longstop::compile::Keychain;
use longstop::compile::Stage;
use longstop::transaction::Coin;

use super::table::{Base, Desk, describe, with_input, words_of};
use crate::vault::{Draft, SCRIPTS, TREASURY, anywhere};

/// What is said in both script types, or in tr and in wsh.
enum Said {
    Both(&'static [&'static str]),
    Each(&'static [&'static str], &'static [&'static str]),
}

use Said::{Both, Each};

type Change = fn(&mut Psbt, &Desk);

/// Every way in which a file is wrong, each with what is said of it.
const CORPUS: &[(&str, Base, Change, Said)] = &[
    // The transaction.
    (
        "a cancel to somebody else",
        Base::Cancel,
        |p, _| script(p, 0, anywhere()),
        Both(&["fake-change", "foreign-output", "no-destination"]),
    ),
    (
        "a trigger to somebody else, told as such",
        Base::Trigger,
        |p, _| {
            script(p, 0, anywhere());
            p.outputs[0] = Default::default();
        },
        Both(&["foreign-output", "no-destination"]),
    ),
    (
        "a settle to somebody else",
        Base::Settle,
        |p, _| {
            script(p, 0, anywhere());
            p.outputs[0] = Default::default();
        },
        Both(&["foreign-output", "no-destination"]),
    ),
    (
        "a clawback to somebody else",
        Base::Clawback,
        |p, _| {
            script(p, 0, anywhere());
            p.outputs[0] = Default::default();
        },
        Both(&["foreign-output", "no-destination"]),
    ),
    (
        "an override to somebody else",
        Base::Override,
        |p, _| {
            script(p, 0, anywhere());
            p.outputs[0] = Default::default();
        },
        Both(&["foreign-output", "no-destination"]),
    ),
    (
        "a cancel worth a satoshi less",
        Base::Cancel,
        |p, _| p.unsigned_tx.output[0].value -= Amount::ONE_SAT,
        Both(&["presigned-differs"]),
    ),
    (
        "a cancel worth a satoshi more",
        Base::Cancel,
        |p, _| p.unsigned_tx.output[0].value += Amount::ONE_SAT,
        Both(&["presigned-differs"]),
    ),
    (
        "a trigger worth a satoshi less",
        Base::Trigger,
        |p, _| p.unsigned_tx.output[0].value -= Amount::ONE_SAT,
        Both(&["presigned-differs"]),
    ),
    (
        "a settle worth a satoshi more",
        Base::Settle,
        |p, _| p.unsigned_tx.output[0].value += Amount::ONE_SAT,
        Both(&["presigned-differs"]),
    ),
    (
        "a trigger with its outputs swapped",
        Base::Trigger,
        |p, _| {
            p.unsigned_tx.output.swap(0, 1);
            p.outputs.swap(0, 1);
        },
        Both(&["presigned-differs"]),
    ),
    (
        "a trigger to the escrow at another index",
        Base::Trigger,
        |p, d| own(p, d, &Stage::Escrow("sos".into()), Keychain::Receive, 1),
        Both(&["wrong-index"]),
    ),
    (
        "a trigger to the escrow on the other keychain",
        Base::Trigger,
        |p, d| own(p, d, &Stage::Escrow("sos".into()), Keychain::Change, 0),
        Both(&["wrong-index"]),
    ),
    (
        "a trigger back to the vault",
        Base::Trigger,
        |p, d| own(p, d, &Stage::Vault, Keychain::Change, 0),
        Both(&["no-destination", "wrong-stage"]),
    ),
    (
        "a trigger past the escrow",
        Base::Trigger,
        |p, d| own(p, d, &Stage::Lockup("sos".into()), Keychain::Receive, 0),
        Both(&["no-destination", "wrong-stage"]),
    ),
    (
        "a cancel to an address for deposits",
        Base::Cancel,
        |p, d| own(p, d, &Stage::Vault, Keychain::Receive, 0),
        Both(&["wrong-index"]),
    ),
    (
        "a settle back to the escrow",
        Base::Settle,
        |p, d| own(p, d, &Stage::Escrow("sos".into()), Keychain::Receive, 0),
        Both(&["no-destination", "wrong-stage"]),
    ),
    (
        "a clawback to another index",
        Base::Clawback,
        |p, d| own(p, d, &Stage::Vault, Keychain::Change, 5),
        Both(&["wrong-index"]),
    ),
    (
        "a payment to an escrow",
        Base::Spend,
        |p, d| own(p, d, &Stage::Escrow("sos".into()), Keychain::Receive, 0),
        Both(&["wrong-stage"]),
    ),
    (
        "a payment to a lock-up",
        Base::Spend,
        |p, d| own(p, d, &Stage::Lockup("sos".into()), Keychain::Receive, 0),
        Both(&["wrong-stage"]),
    ),
    (
        "a release to the vault itself",
        Base::Release,
        |p, d| own(p, d, &Stage::Vault, Keychain::Receive, 0),
        Both(&["wrong-stage"]),
    ),
    (
        "a recovery to the vault itself",
        Base::Recovery,
        |p, d| own(p, d, &Stage::Vault, Keychain::Receive, 0),
        Both(&["wrong-stage"]),
    ),
    (
        "a refresh that pays nothing",
        Base::Refresh,
        |p, _| {
            p.unsigned_tx.output.remove(0);
            p.outputs.remove(0);
        },
        Both(&["fee-too-high", "no-destination"]),
    ),
    (
        "no anchor",
        Base::Cancel,
        |p, _| {
            p.unsigned_tx.output.truncate(1);
            p.outputs.truncate(1);
        },
        Both(&["anchor"]),
    ),
    (
        "two anchors",
        Base::Spend,
        |p, _| {
            let anchor = p.unsigned_tx.output[2].clone();
            push(p, anchor);
        },
        Both(&["anchor"]),
    ),
    (
        "an anchor without value",
        Base::Spend,
        |p, _| p.unsigned_tx.output[2].value = Amount::ZERO,
        Both(&["anchor"]),
    ),
    (
        "an anchor of a satoshi too much",
        Base::Spend,
        |p, _| p.unsigned_tx.output[2].value += Amount::ONE_SAT,
        Both(&["anchor"]),
    ),
    (
        "an output with data on a cancel",
        Base::Cancel,
        |p, _| {
            push(
                p,
                TxOut {
                    value: Amount::ZERO,
                    script_pubkey: ScriptBuf::new_op_return([1; 4]),
                },
            );
        },
        Both(&["foreign-output"]),
    ),
    (
        "version 1",
        Base::Cancel,
        |p, _| p.unsigned_tx.version.0 = 1,
        Both(&["version"]),
    ),
    (
        "version 2",
        Base::Spend,
        |p, _| p.unsigned_tx.version.0 = 2,
        Both(&["version"]),
    ),
    (
        "version 4",
        Base::Trigger,
        |p, _| p.unsigned_tx.version.0 = 4,
        Both(&["version"]),
    ),
    (
        "a negative version",
        Base::Trigger,
        |p, _| p.unsigned_tx.version.0 = -3,
        Both(&["version"]),
    ),
    (
        "a final sequence number",
        Base::Cancel,
        |p, _| sequence(p, Sequence::MAX),
        Both(&["sequence"]),
    ),
    (
        "a lock with the disable flag",
        Base::Settle,
        |p, _| sequence(p, Sequence(20 | 1 << 31)),
        Both(&["sequence"]),
    ),
    (
        "a window that is a block short",
        Base::Settle,
        |p, _| sequence(p, Sequence(19)),
        Both(&["sequence"]),
    ),
    (
        "a window that is a block long",
        Base::Settle,
        |p, _| sequence(p, Sequence(21)),
        Both(&["sequence"]),
    ),
    (
        "a window of time in place of blocks",
        Base::Settle,
        |p, _| sequence(p, Sequence(20 | 1 << 22)),
        Both(&["sequence"]),
    ),
    (
        "a release that waits for nothing",
        Base::Release,
        |p, _| sequence(p, Sequence::ZERO),
        Both(&["sequence"]),
    ),
    (
        "a spend without its block",
        Base::Spend,
        |p, _| sequence(p, Sequence::ZERO),
        Both(&["sequence"]),
    ),
    (
        "a lock time",
        Base::Cancel,
        |p, _| p.unsigned_tx.lock_time = LockTime::from_consensus(7),
        Both(&["lock-time"]),
    ),
    // What is spent.
    (
        "a coin that nothing is said of",
        Base::Spend,
        |p, _| {
            p.inputs[0].witness_utxo = None;
            p.inputs[0].non_witness_utxo = None;
        },
        Both(&["no-coin"]),
    ),
    (
        "a further input that nothing is said of",
        Base::Spend,
        |p, _| {
            p.unsigned_tx.input.push(TxIn::default());
            p.inputs.push(Default::default());
        },
        Both(&["no-coin"]),
    ),
    (
        "a coin of somebody else beside",
        Base::Spend,
        |p, _| foreign_input(p, anywhere()),
        Both(&["foreign-input", "no-previous-transaction"]),
    ),
    (
        "a legacy coin with nothing but its output",
        Base::Spend,
        |p, _| foreign_input(p, ScriptBuf::new_p2pkh(&bitcoin::PubkeyHash::all_zeros())),
        Both(&["legacy-input"]),
    ),
    (
        "a nested coin",
        Base::Spend,
        |p, _| foreign_input(p, ScriptBuf::new_p2sh(&bitcoin::ScriptHash::all_zeros())),
        Both(&["legacy-input"]),
    ),
    (
        "the same coin twice",
        Base::Spend,
        |p, d| with_input(p, &d.coin),
        Both(&["input-twice", "fee-too-high", "more-than-asked"]),
    ),
    (
        "coins of two stages",
        Base::Refresh,
        |p, d| with_input(p, &d.escrow),
        Both(&["fee-too-high", "mixed-coins"]),
    ),
    (
        "a coin of another policy",
        Base::Refresh,
        |p, d| {
            let draft = Draft::new(d.script, TREASURY).but("90 blocks", "91 blocks");
            let other = Desk::of(d.script, &draft);
            p.unsigned_tx.input[0].previous_output = other.coin.outpoint();
            p.inputs[0] = Default::default();
            describe(p, 0, &other.coin);
        },
        Both(&["foreign-input"]),
    ),
    (
        "no previous transaction",
        Base::Spend,
        |p, _| p.inputs[0].non_witness_utxo = None,
        Each(&[], &["no-previous-transaction"]),
    ),
    (
        "another previous transaction",
        Base::Spend,
        |p, d| p.inputs[0].non_witness_utxo = Some(source_of(&d.escrow)),
        Each(
            &["previous-transaction"],
            &["no-previous-transaction", "previous-transaction"],
        ),
    ),
    (
        "a previous transaction with another amount",
        Base::Spend,
        |p, d| {
            let mut source = source_of(&d.coin);
            for output in &mut source.output {
                output.value += Amount::ONE_SAT;
            }
            p.inputs[0].non_witness_utxo = Some(source);
        },
        Each(
            &["previous-transaction"],
            &["no-previous-transaction", "previous-transaction"],
        ),
    ),
    (
        "a false amount beside the previous transaction",
        Base::Spend,
        |p, d| {
            p.inputs[0].non_witness_utxo = Some(source_of(&d.coin));
            p.inputs[0].witness_utxo = Some(TxOut {
                value: Amount::from_sat(1),
                ..d.coin.txout()
            });
        },
        Both(&["coin-differs"]),
    ),
    (
        "a false script beside the previous transaction",
        Base::Spend,
        |p, d| {
            p.inputs[0].non_witness_utxo = Some(source_of(&d.coin));
            p.inputs[0].witness_utxo = Some(TxOut {
                script_pubkey: anywhere(),
                ..d.coin.txout()
            });
        },
        Both(&["coin-differs"]),
    ),
    (
        "a false amount of a coin about to be cancelled",
        Base::Cancel,
        |p, d| {
            p.inputs[0].witness_utxo = Some(TxOut {
                value: d.escrow.amount() + Amount::ONE_SAT,
                ..d.escrow.txout()
            });
        },
        Each(&["presigned-differs"], &["coin-differs"]),
    ),
    (
        "two coins that are triggered together",
        Base::Trigger,
        |p, d| {
            let coin = Coin::new(
                OutPoint::new(d.coin.outpoint().txid, 7),
                d.coin.amount(),
                d.coin.derived().clone(),
            );
            with_input(p, &coin);
        },
        Each(
            &["fee-too-high", "more-than-asked", "too-many-coins"],
            &[
                "fee-too-high",
                "more-than-asked",
                "no-previous-transaction",
                "too-many-coins",
            ],
        ),
    ),
    // What the file says of scripts and keys.
    (
        "another script of the leaf",
        Base::Cancel,
        |p, _| {
            p.inputs[0].witness_script = p.inputs[0]
                .witness_script
                .as_ref()
                .map(|_| ScriptBuf::new_op_return([0; 2]));
            for (script, _) in p.inputs[0].tap_scripts.values_mut() {
                *script = ScriptBuf::new_op_return([0; 2]);
            }
        },
        Each(&["coin-script", "more-than-asked"], &["coin-script"]),
    ),
    (
        "a redeem script",
        Base::Cancel,
        |p, _| p.inputs[0].redeem_script = Some(ScriptBuf::new()),
        Both(&["coin-script"]),
    ),
    (
        "another internal key",
        Base::Cancel,
        |p, d| p.inputs[0].tap_internal_key = Some(stranger(d)),
        Both(&["coin-script"]),
    ),
    (
        "another tree",
        Base::Cancel,
        |p, _| p.inputs[0].tap_merkle_root = Some(bitcoin::TapNodeHash::from_byte_array([9; 32])),
        Both(&["coin-script"]),
    ),
    (
        "another path to a key",
        Base::Cancel,
        |p, _| {
            origins(p, |_, path| {
                *path = path.child(ChildNumber::Normal { index: 3 });
            });
        },
        Both(&["key-origin"]),
    ),
    (
        "another master key",
        Base::Cancel,
        |p, _| origins(p, |from, _| *from = Fingerprint::from([1, 2, 3, 4])),
        Both(&["key-origin"]),
    ),
    (
        "a key of a stranger",
        Base::Cancel,
        |p, d| {
            let key = stranger(d);
            let source = (Fingerprint::from([1, 2, 3, 4]), DerivationPath::master());
            p.inputs[0]
                .tap_key_origins
                .insert(key, (Vec::new(), source));
        },
        Both(&["key-origin"]),
    ),
    (
        "the keys of all leaves",
        Base::Cancel,
        |p, d| describe(p, 0, &d.escrow),
        Both(&["more-than-asked"]),
    ),
    // What the file says of outputs.
    (
        "change that is somebody else's",
        Base::Spend,
        |p, _| script(p, 1, anywhere()),
        Both(&["fake-change"]),
    ),
    (
        "a payee with key origins of ours",
        Base::Spend,
        |p, _| p.outputs[0] = p.outputs[1].clone(),
        Both(&["fake-change"]),
    ),
    (
        "change with the origins of another index",
        Base::Spend,
        |p, d| {
            let other = d.spend(4);
            p.outputs[1] = other.outputs[1].clone();
        },
        Both(&["coin-script", "key-origin"]),
    ),
    (
        "change with another script",
        Base::Spend,
        |p, d| {
            p.outputs[1].witness_script = Some(ScriptBuf::new());
            p.outputs[1].tap_internal_key = Some(stranger(d));
        },
        Both(&["coin-script"]),
    ),
    (
        "change at the last index that is looked at",
        Base::Spend,
        |p, d| *p = d.spend(20),
        Both(&[]),
    ),
    (
        "change beyond it",
        Base::Spend,
        |p, d| *p = d.spend(21),
        Both(&["fake-change", "index-beyond"]),
    ),
    (
        "change at the highest index",
        Base::Spend,
        |p, d| *p = d.spend(0x7fff_ffff),
        Both(&["fake-change", "index-beyond"]),
    ),
    // Amounts.
    (
        "a payment of dust",
        Base::Spend,
        |p, d| {
            p.unsigned_tx.output[0].value = Amount::from_sat(293);
            fee(p, d, 10_000);
        },
        Both(&["dust"]),
    ),
    (
        "outputs worth more than the coins",
        Base::Spend,
        |p, _| p.unsigned_tx.output[1].value += Amount::from_sat(1_000_000),
        Both(&["negative-fee"]),
    ),
    (
        "outputs worth more than there can be",
        Base::Spend,
        |p, _| p.unsigned_tx.output[0].value = Amount::MAX_MONEY,
        Both(&["amount"]),
    ),
    (
        "outputs that overflow",
        Base::Spend,
        |p, _| p.unsigned_tx.output[0].value = Amount::MAX,
        Both(&["amount"]),
    ),
    (
        "change that is forgotten",
        Base::Spend,
        |p, _| {
            p.unsigned_tx.output.remove(1);
            p.outputs.remove(1);
        },
        Both(&["fee-too-high"]),
    ),
    (
        "the highest fee",
        Base::Spend,
        |p, d| fee(p, d, 100_000),
        Both(&[]),
    ),
    (
        "a feerate in the wrong unit",
        Base::Spend,
        |p, d| fee(p, d, 900_000),
        Both(&["fee-too-high"]),
    ),
    (
        "a fee of a satoshi",
        Base::Spend,
        |p, d| fee(p, d, 1),
        Both(&["fee-too-low"]),
    ),
    (
        "more coins than a transaction may spend",
        Base::Refresh,
        |p, d| {
            for vout in 100..300 {
                let coin = Coin::new(
                    OutPoint::new(d.coin.outpoint().txid, vout),
                    Amount::from_sat(1_000),
                    d.coin.derived().clone(),
                );
                let mut input = p.unsigned_tx.input[0].clone();
                input.previous_output = coin.outpoint();
                p.unsigned_tx.input.push(input);
                p.inputs.push(bitcoin::psbt::Input {
                    witness_utxo: Some(coin.txout()),
                    ..Default::default()
                });
            }
        },
        Each(&["too-heavy"], &["no-previous-transaction", "too-heavy"]),
    ),
    // What the file says of itself, and signatures that do not commit to everything.
    (
        "a file for another network",
        Base::Cancel,
        |p, _| {
            stamped(p, 1, b"bitcoin");
        },
        Both(&["network"]),
    ),
    (
        "a file for another policy",
        Base::Cancel,
        |p, _| {
            stamped(p, 0, &[7; 32]);
        },
        Both(&["policy-id"]),
    ),
    (
        "account keys of another network",
        Base::Cancel,
        |p, _| {
            let mut key = account();
            key.network = NetworkKind::Main;
            p.xpub
                .insert(key, (Fingerprint::default(), DerivationPath::master()));
        },
        Both(&["network"]),
    ),
    (
        "account keys of this network",
        Base::Cancel,
        |p, _| {
            p.xpub.insert(
                account(),
                (Fingerprint::default(), DerivationPath::master()),
            );
        },
        Both(&[]),
    ),
    (
        "a challenge",
        Base::Cancel,
        |p, _| {
            p.unknown.insert(
                raw::Key {
                    type_value: 9,
                    key: Vec::new(),
                },
                b"hello".to_vec(),
            );
        },
        Both(&["key-challenge"]),
    ),
    (
        "an unknown field of the file",
        Base::Cancel,
        |p, _| {
            p.unknown.insert(
                raw::Key {
                    type_value: 0xee,
                    key: Vec::new(),
                },
                vec![1],
            );
        },
        Both(&["unknown-field"]),
    ),
    (
        "an unknown field of an input",
        Base::Cancel,
        |p, _| {
            p.inputs[0].unknown.insert(
                raw::Key {
                    type_value: 0xee,
                    key: vec![1],
                },
                vec![1],
            );
        },
        Both(&["unknown-field"]),
    ),
    (
        "an unknown field of an output",
        Base::Cancel,
        |p, _| {
            p.outputs[0].unknown.insert(
                raw::Key {
                    type_value: 0xee,
                    key: vec![1],
                },
                vec![1],
            );
        },
        Both(&["unknown-field"]),
    ),
    (
        "a field of another program",
        Base::Cancel,
        |p, _| {
            p.proprietary.insert(
                raw::ProprietaryKey {
                    prefix: b"other".to_vec(),
                    subtype: 0,
                    key: Vec::new(),
                },
                vec![1],
            );
        },
        Both(&["unknown-field"]),
    ),
    (
        "a finished witness",
        Base::Cancel,
        |p, _| p.inputs[0].final_script_witness = Some(Witness::from_slice(&[[1]])),
        Both(&["finalized"]),
    ),
    (
        "a finished script",
        Base::Cancel,
        |p, _| p.inputs[0].final_script_sig = Some(ScriptBuf::new()),
        Both(&["finalized"]),
    ),
];

fn script(psbt: &mut Psbt, output: usize, script: ScriptBuf) {
    psbt.unsigned_tx.output[output].script_pubkey = script;
}

/// Pays the first output to a stage, and says nothing of it.
fn own(psbt: &mut Psbt, desk: &Desk, stage: &Stage, keychain: Keychain, index: u32) {
    let derived = desk.world.builder().derive(stage, keychain, index);
    script(
        psbt,
        0,
        derived.expect("such a stage").script_pubkey().clone(),
    );
    psbt.outputs[0] = Default::default();
}

fn push(psbt: &mut Psbt, output: TxOut) {
    psbt.unsigned_tx.output.push(output);
    psbt.outputs.push(Default::default());
}

fn sequence(psbt: &mut Psbt, sequence: Sequence) {
    psbt.unsigned_tx.input[0].sequence = sequence;
}

fn foreign_input(psbt: &mut Psbt, script_pubkey: ScriptBuf) {
    let previous_output = OutPoint::new(Txid::from_byte_array([3; 32]), 0);
    psbt.unsigned_tx.input.push(TxIn {
        previous_output,
        sequence: Sequence(1),
        ..TxIn::default()
    });
    let spent = TxOut {
        value: Amount::from_sat(700),
        script_pubkey,
    };
    psbt.inputs.push(bitcoin::psbt::Input {
        witness_utxo: Some(spent),
        ..Default::default()
    });
}

fn source_of(coin: &Coin) -> bitcoin::Transaction {
    (**coin.source().expect("it has one")).clone()
}

fn stranger(desk: &Desk) -> bitcoin::XOnlyPublicKey {
    desk.coin.derived().leaves()[0].keys[0]
        .public_key
        .inner
        .x_only_public_key()
        .0
}

fn origins(psbt: &mut Psbt, change: fn(&mut Fingerprint, &mut DerivationPath)) {
    let fields = &mut psbt.inputs[0];
    for (from, path) in fields.bip32_derivation.values_mut() {
        change(from, path);
    }
    for (_, (from, path)) in fields.tap_key_origins.values_mut() {
        change(from, path);
    }
}

/// Lets the payment pay this fee, out of the change.
fn fee(psbt: &mut Psbt, desk: &Desk, sats: u64) {
    let rest = psbt.unsigned_tx.output[0].value + psbt.unsigned_tx.output[2].value;
    psbt.unsigned_tx.output[1].value = desk.coin.amount() - rest - Amount::from_sat(sats);
}

fn stamped(psbt: &mut Psbt, subtype: u8, value: &[u8]) {
    let key = raw::ProprietaryKey {
        prefix: b"longstop".to_vec(),
        subtype,
        key: Vec::new(),
    };
    psbt.proprietary.insert(key, value.to_vec());
}

fn account() -> Xpub {
    "tpubDE4j6HJ6qVyXMoQSee73GvrxBwx9BepvUnQP5WiTMjdM31uXiBPaiqyypXLFqgbzej14V1MEo4RcAKwWaB7yeFghq2AXCvoBPmiB8cP5t47".parse().expect("an account key")
}

#[test]
fn every_way_to_be_wrong_is_told() {
    const { assert!(CORPUS.len() >= 40) };
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut reader = desk.reader();
        let mut wrong = Vec::new();
        for (name, base, change, said) in CORPUS {
            let mut psbt = desk.file(*base);
            change(&mut psbt, &desk);
            let expected = match said {
                Both(words) => words,
                Each(tr, wsh) => {
                    if script == "tr" {
                        tr
                    } else {
                        wsh
                    }
                }
            };
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            let words = words_of(&mut reader, &psbt.serialize());
            if words != expected {
                wrong.push(format!(
                    "{script}: {name}: {words:?} instead of {expected:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Every sighash type that a file can ask for.
#[test]
fn only_signatures_for_everything_are_asked_for() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut reader = desk.reader();
        for kind in 0..=u32::from(u8::MAX) {
            let mut psbt = desk.file(Base::Refresh);
            psbt.inputs[0].sighash_type = Some(bitcoin::psbt::PsbtSighashType::from_u32(kind));
            let read = reader.read(&psbt.serialize()).expect("it can be judged");
            let allowed = kind == 1 || kind == 0 && script == "tr";
            assert_eq!(read.is_sound(), allowed, "{script} {kind}");
            let expected: &[&str] = if allowed { &[] } else { &["sighash-type"] };
            assert_eq!(super::table::words(&read), expected);
        }
    }
}
