//! The script judge: good signatures pass, bad ones do not, for every kind of output.

use bitcoin::hashes::Hash;
use bitcoin::key::{Keypair, Secp256k1, TapTweak};
use bitcoin::opcodes::all::OP_CHECKSIG;
use bitcoin::script::Builder;
use bitcoin::secp256k1::{All, Message, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TaprootBuilder, TaprootSpendInfo};
use bitcoin::{Amount, PublicKey, ScriptBuf, Transaction, TxOut, Witness};

use super::support::{assert_invalid, chain, open, spend};
use crate::chain::EmbeddedChain;

fn keypair(secp: &Secp256k1<All>, seed: u8) -> Keypair {
    let secret = SecretKey::from_slice(&[seed; 32]).expect("in range");
    Keypair::from_secret_key(secp, &secret)
}

/// A confirmed coin under this script, and a transaction that spends it without witness.
fn funded(chain: &mut EmbeddedChain, script: &ScriptBuf) -> (Transaction, TxOut) {
    let value = Amount::from_sat(10_000);
    let coin = chain
        .fund(script.clone(), value)
        .expect("the faucet has coins");
    chain.mine_one();
    let output = TxOut {
        value,
        script_pubkey: script.clone(),
    };
    (spend(3, &[coin], &[(9_000, open())]), output)
}

/// The good witness passes both doors; each bad one is refused by both.
#[track_caller]
fn check(chain: &mut EmbeddedChain, transaction: &Transaction, good: Witness, bad: &[Witness]) {
    let mut transaction = transaction.clone();
    for witness in bad {
        transaction.input[0].witness = witness.clone();
        let class = "mempool-script-verify-flag-failed";
        assert_invalid(chain.submit(&transaction), class);
        let class = "block-script-verify-flag-failed";
        assert_invalid(chain.test_block_with(&transaction), class);
        chain
            .mine_with(&[transaction.clone()])
            .expect_err("no block may hold it");
    }
    transaction.input[0].witness = good;
    assert_eq!(chain.test_block_with(&transaction), Ok(()));
    assert_eq!(chain.submit(&transaction), Ok(()));
    assert_eq!(chain.mine_one().confirmed, [transaction.compute_txid()]);
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[40] ^= 1;
    flipped
}

#[test]
fn taproot_key_path() {
    let secp = Secp256k1::new();
    let keys = keypair(&secp, 1).tap_tweak(&secp, None).to_keypair();
    let script = ScriptBuf::new_p2tr_tweaked(keys.x_only_public_key().0.dangerous_assume_tweaked());
    let mut chain = chain();
    let (transaction, output) = funded(&mut chain, &script);
    let sighash = SighashCache::new(&transaction)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[output]), TapSighashType::Default)
        .expect("one input");
    let message = Message::from_digest(sighash.to_byte_array());
    let good = secp.sign_schnorr_no_aux_rand(&message, &keys).serialize();
    let other = secp
        .sign_schnorr_no_aux_rand(&message, &keypair(&secp, 2))
        .serialize();
    let witness = |signature: &[u8]| Witness::from_slice(&[signature]);
    let bad = [witness(&flipped(&good)), witness(&other)];
    check(&mut chain, &transaction, witness(&good), &bad);
}

fn leaf_script(keys: &Keypair) -> ScriptBuf {
    Builder::new()
        .push_x_only_key(&keys.x_only_public_key().0)
        .push_opcode(OP_CHECKSIG)
        .into_script()
}

fn tree(secp: &Secp256k1<All>, leaf: &ScriptBuf, other: &ScriptBuf) -> TaprootSpendInfo {
    TaprootBuilder::new()
        .add_leaf(1, leaf.clone())
        .and_then(|builder| builder.add_leaf(1, other.clone()))
        .expect("a complete tree")
        .finalize(secp, keypair(secp, 1).x_only_public_key().0)
        .expect("a complete tree")
}

#[test]
fn taproot_script_path() {
    let secp = Secp256k1::new();
    let (mine, other) = (keypair(&secp, 3), keypair(&secp, 4));
    let (leaf, other_leaf) = (leaf_script(&mine), leaf_script(&other));
    let tree = tree(&secp, &leaf, &other_leaf);
    let script = ScriptBuf::new_p2tr_tweaked(tree.output_key());
    let mut chain = chain();
    let (transaction, output) = funded(&mut chain, &script);
    let sign = |leaf: &ScriptBuf, value: Amount| {
        let output = TxOut {
            value,
            ..output.clone()
        };
        let hash = TapLeafHash::from_script(leaf, LeafVersion::TapScript);
        let sighash = SighashCache::new(&transaction)
            .taproot_script_spend_signature_hash(
                0,
                &Prevouts::All(&[output]),
                hash,
                TapSighashType::Default,
            )
            .expect("one input");
        let message = Message::from_digest(sighash.to_byte_array());
        let signature = secp.sign_schnorr_no_aux_rand(&message, &mine);
        signature.serialize().to_vec()
    };
    let control = |leaf: &ScriptBuf| {
        tree.control_block(&(leaf.clone(), LeafVersion::TapScript))
            .expect("a leaf of the tree")
            .serialize()
    };
    let witness = |signature: &[u8], leaf: &ScriptBuf, control: &[u8]| {
        Witness::from_slice(&[signature, leaf.as_bytes(), control])
    };
    let value = output.value;
    let good = sign(&leaf, value);
    let bad = [
        witness(&flipped(&good), &leaf, &control(&leaf)),
        witness(&sign(&other_leaf, value), &leaf, &control(&leaf)),
        witness(
            &sign(&leaf, value - Amount::ONE_SAT),
            &leaf,
            &control(&leaf),
        ),
        witness(&good, &other_leaf, &control(&other_leaf)),
        witness(&good, &leaf, &control(&other_leaf)),
    ];
    let good = witness(&good, &leaf, &control(&leaf));
    check(&mut chain, &transaction, good, &bad);
}

#[test]
fn segwit_v0_script() {
    let secp = Secp256k1::new();
    let keys = keypair(&secp, 5);
    let script = Builder::new()
        .push_key(&PublicKey::new(keys.public_key()))
        .push_opcode(OP_CHECKSIG)
        .into_script();
    let mut chain = chain();
    let (transaction, output) = funded(&mut chain, &script.to_p2wsh());
    let sign = |value: Amount| {
        let sighash = SighashCache::new(&transaction)
            .p2wsh_signature_hash(0, &script, value, EcdsaSighashType::All)
            .expect("one input");
        let message = Message::from_digest(sighash.to_byte_array());
        let mut bytes = secp
            .sign_ecdsa(&message, &keys.secret_key())
            .serialize_der()
            .to_vec();
        bytes.push(EcdsaSighashType::All as u8);
        bytes
    };
    let witness = |signature: &[u8]| Witness::from_slice(&[signature, script.as_bytes()]);
    let good = sign(output.value);
    let bad = [
        witness(&flipped(&good)),
        witness(&sign(output.value + Amount::ONE_SAT)),
        witness(&[]),
        Witness::from_slice(&[&good[..], open().as_bytes()]),
        Witness::new(),
    ];
    check(&mut chain, &transaction, witness(&good), &bad);
}

/// A witness that failed is not remembered as one that passed, nor the other way round.
#[test]
fn memory_of_scripts_knows_the_witness() {
    let secp = Secp256k1::new();
    let keys = keypair(&secp, 1).tap_tweak(&secp, None).to_keypair();
    let script = ScriptBuf::new_p2tr_tweaked(keys.x_only_public_key().0.dangerous_assume_tweaked());
    let mut chain = chain();
    let (mut transaction, output) = funded(&mut chain, &script);
    let sighash = SighashCache::new(&transaction)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[output]), TapSighashType::Default)
        .expect("one input");
    let message = Message::from_digest(sighash.to_byte_array());
    let good = secp.sign_schnorr_no_aux_rand(&message, &keys).serialize();
    transaction.input[0].witness = Witness::from_slice(&[good]);
    for _ in 0..2 {
        assert_eq!(chain.test_block_with(&transaction), Ok(()));
    }
    transaction.input[0].witness = Witness::from_slice(&[flipped(&good)]);
    for _ in 0..2 {
        let class = "block-script-verify-flag-failed";
        assert_invalid(chain.test_block_with(&transaction), class);
    }
}
