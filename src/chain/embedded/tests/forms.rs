//! What transactions must look like, by consensus and by relay policy.

use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::{OP_2DROP, OP_DROP, OP_NOP};
use bitcoin::script::Builder;
use bitcoin::{Amount, ScriptBuf, Transaction, Witness};

use super::support::{
    assert_invalid, assert_unrelayed, chain, coin, first, open, pad_to, pay, spend,
};
use crate::chain::EmbeddedChain;

#[test]
fn versions() {
    for version in [-1, 0, 1, 2, 3, 4] {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let transaction = pay(version, coin, 9_000);
        if (1..=3).contains(&version) {
            assert_eq!(chain.submit(&transaction), Ok(()));
        } else {
            assert_unrelayed(chain.submit(&transaction), "version");
        }
    }
}

#[test]
fn empty_and_doubled_parts() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let cases = [
        (spend(2, &[], &[(9_000, open())]), "bad-txns-vin-empty"),
        (spend(2, &[coin], &[]), "bad-txns-vout-empty"),
        (
            spend(2, &[coin, coin], &[(9_000, open())]),
            "bad-txns-inputs-duplicate",
        ),
        (
            spend(2, &[coin, bitcoin::OutPoint::null()], &[(9_000, open())]),
            "bad-txns-prevout-null",
        ),
    ];
    for (transaction, class) in cases {
        assert_invalid(chain.submit(&transaction), class);
        assert_invalid(chain.test_block_with(&transaction), class);
    }
    assert_eq!(chain.submit(&pay(2, coin, 9_000)), Ok(()));
}

#[test]
fn amounts() {
    let max = Amount::MAX_MONEY.to_sat();
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let cases = [
        (vec![10_001], "bad-txns-in-belowout"),
        (vec![max], "bad-txns-in-belowout"),
        (vec![max + 1], "bad-txns-vout-toolarge"),
        (vec![max, 1], "bad-txns-txouttotal-toolarge"),
        (vec![1 << 63], "bad-txns-vout-negative"),
    ];
    for (amounts, class) in cases {
        let outputs: Vec<_> = amounts.iter().map(|sat| (*sat, open())).collect();
        let transaction = spend(2, &[coin], &outputs);
        assert_invalid(chain.submit(&transaction), class);
        assert_invalid(chain.test_block_with(&transaction), class);
    }
    let free = pay(2, coin, 10_000);
    assert_eq!(
        chain.test_block_with(&free),
        Ok(()),
        "a fee is not a matter of consensus"
    );
}

#[test]
fn missing_spent_and_known() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let parent = pay(2, coin, 9_000);
    let child = pay(2, first(&parent), 8_000);
    assert_invalid(chain.submit(&child), "bad-txns-inputs-missingorspent");
    assert_eq!(chain.submit(&parent), Ok(()));
    assert_eq!(chain.submit(&child), Ok(()));
    chain.mine_without(&[child.compute_txid()]);
    assert_invalid(chain.submit(&parent), "txn-already-known");
    assert_invalid(
        chain.submit(&pay(2, coin, 8_500)),
        "bad-txns-inputs-missingorspent",
    );
}

#[test]
fn loose_coinbase() {
    let chain = &mut chain();
    let block = chain.block(chain.tip().time.height).expect("the tip");
    let block: bitcoin::Block = bitcoin::consensus::deserialize(block).expect("a block");
    let coinbase = &block.txdata[0];
    assert_invalid(chain.submit(coinbase), "coinbase");
    assert_invalid(chain.test_block_with(coinbase), "bad-cb-multiple");
}

#[test]
fn weight_limit() {
    for (vsize, good) in [(100_000, true), (100_001, false)] {
        let mut chain = chain();
        let coin = coin(&mut chain, 1_000_000);
        let mut transaction = pay(2, coin, 900_000);
        // Two outputs, as one may not carry more than 100,000 bytes.
        pad_to(&mut transaction, 50_000);
        pad_to(&mut transaction, vsize);
        // The open script has a witness of 7 weight units, so this many vbytes are rounded up.
        assert_eq!(transaction.weight().to_wu() > 400_000, !good);
        if good {
            assert_eq!(chain.submit(&transaction), Ok(()));
        } else {
            assert_unrelayed(chain.submit(&transaction), "tx-size");
        }
    }
}

#[test]
fn smallest_size() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let with = |length: usize| {
        let mut script = vec![bitcoin::opcodes::all::OP_RETURN.to_u8()];
        script.resize(length, OP_TRUE.to_u8());
        spend(2, &[coin], &[(0, ScriptBuf::from_bytes(script))])
    };
    assert_eq!(with(4).base_size(), 64);
    assert_unrelayed(chain.submit(&with(4)), "tx-size-small");
    assert_eq!(chain.submit(&with(5)), Ok(()));
}

#[test]
fn output_scripts() {
    let multisig = |keys: usize| {
        let key = format!("21{}", "02".repeat(33));
        let count = 0x50 + keys;
        ScriptBuf::from_hex(&format!("51{}{count:x}ae", key.repeat(keys))).expect("hex")
    };
    let hex = |hex: &str| ScriptBuf::from_hex(hex).expect("hex");
    let cases = [
        (hex("51024e73"), true),
        (hex(&format!("5220{}", "01".repeat(32))), true),
        (hex(&format!("0020{}", "01".repeat(32))), true),
        (hex(&format!("0021{}", "01".repeat(33))), false),
        (hex(&format!("a914{}87", "01".repeat(20))), true),
        (hex(&format!("76a914{}88ac", "01".repeat(20))), true),
        (hex(&format!("21{}ac", "02".repeat(33))), true),
        (hex("51"), false),
        (hex("6a0101"), true),
        (hex("6aac"), false),
        (multisig(3), true),
        (multisig(4), false),
    ];
    for (script, good) in cases {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let transaction = spend(2, &[coin], &[(1_000, script.clone()), (2_000, open())]);
        if good {
            assert_eq!(chain.submit(&transaction), Ok(()), "{script}");
        } else {
            assert_unrelayed(chain.submit(&transaction), "scriptpubkey");
        }
    }
}

#[test]
fn unknown_outputs_are_not_spent() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let bare = ScriptBuf::from_hex("51").expect("hex");
    let future = ScriptBuf::from_hex(&format!("5220{}", "01".repeat(32))).expect("hex");
    let paying = spend(
        2,
        &[coin],
        &[(4_000, bare), (4_000, future), (1_500, open())],
    );
    let mined = chain.mine_with(std::slice::from_ref(&paying));
    assert!(mined.is_ok());
    for vout in [0, 1] {
        let from = bitcoin::OutPoint::new(paying.compute_txid(), vout);
        let mut transaction = pay(2, from, 3_000);
        transaction.input[0].witness = Witness::new();
        assert_unrelayed(chain.submit(&transaction), "bad-txns-nonstandard-inputs");
    }
    let from = bitcoin::OutPoint::new(paying.compute_txid(), 2);
    assert_eq!(chain.submit(&pay(2, from, 1_000)), Ok(()));
}

#[test]
fn input_scripts() {
    let mut chain = chain();
    // P2SH of OP_TRUE.
    let redeem = Builder::new().push_opcode(OP_TRUE).into_script();
    let from = chain
        .fund(redeem.to_p2sh(), Amount::from_sat(10_000))
        .expect("paid");
    chain.mine_one();
    let with = |script_sig: ScriptBuf| {
        let mut transaction = pay(2, from, 9_000);
        transaction.input[0].witness = Witness::new();
        transaction.input[0].script_sig = script_sig;
        transaction
    };
    let push = bitcoin::script::PushBytesBuf::try_from(redeem.to_bytes()).expect("short");
    let good = Builder::new().push_slice(&push).into_script();
    let operation = Builder::new().push_opcode(OP_NOP).push_slice(&push);
    let class = "scriptsig-not-pushonly";
    assert_invalid(chain.submit(&with(operation.into_script())), class);
    let filler = bitcoin::script::PushBytesBuf::try_from(vec![0; 520]).expect("short");
    let long = (0..4).fold(Builder::new(), |builder, _| builder.push_slice(&filler));
    let long = long.push_slice(&push).into_script();
    assert_unrelayed(chain.submit(&with(long)), "scriptsig-size");
    assert_eq!(chain.submit(&with(good)), Ok(()));
}

/// A coin under a P2WSH script that drops `items` items, spent with items of this size.
fn drop_items(chain: &mut EmbeddedChain, items: usize, size: usize, nops: usize) -> Transaction {
    let mut builder = Builder::new();
    for _ in 0..items / 2 {
        builder = builder.push_opcode(OP_2DROP);
    }
    for _ in 0..items % 2 {
        builder = builder.push_opcode(OP_DROP);
    }
    let mut script = builder.into_bytes();
    // Data that is pushed and dropped makes the script long within its limit of 201 operations.
    while script.len() + 1 < nops {
        let length = (nops - script.len() - 1).min(520);
        let data = length.saturating_sub(4);
        script.extend([0x4d, (data & 0xff) as u8, (data >> 8) as u8]);
        script.extend(std::iter::repeat_n(7, data));
        script.push(OP_DROP.to_u8());
    }
    script.push(OP_TRUE.to_u8());
    let script = ScriptBuf::from_bytes(script);
    let from = chain
        .fund(script.to_p2wsh(), Amount::from_sat(100_000))
        .expect("paid");
    chain.mine_one();
    let mut transaction = pay(2, from, 90_000);
    let mut stack = vec![vec![7; size]; items];
    stack.push(script.to_bytes());
    transaction.input[0].witness = Witness::from_slice(&stack);
    transaction
}

#[test]
fn p2wsh_witness_limits() {
    for (items, size, length, good) in [
        (100, 80, 0, true),
        (101, 80, 0, false),
        (100, 81, 0, false),
        (1, 1, 3_600, true),
        (1, 1, 3_601, false),
    ] {
        let mut chain = chain();
        let transaction = drop_items(&mut chain, items, size, length);
        if length > 0 {
            let script = transaction.input[0].witness.last().expect("the script");
            assert_eq!(script.len(), length);
        }
        if good {
            assert_eq!(
                chain.submit(&transaction),
                Ok(()),
                "{items} {size} {length}"
            );
        } else {
            assert_unrelayed(chain.submit(&transaction), "bad-witness-nonstandard");
        }
    }
}

#[test]
fn anchors_have_no_witness() {
    let mut chain = chain();
    let from = chain
        .fund(ScriptBuf::new_p2a(), Amount::from_sat(10_000))
        .expect("paid");
    chain.mine_one();
    let stuffed = pay(2, from, 9_000);
    assert_unrelayed(chain.submit(&stuffed), "bad-witness-nonstandard");
    let mut transaction = stuffed;
    transaction.input[0].witness = Witness::new();
    assert_eq!(chain.submit(&transaction), Ok(()));
}
