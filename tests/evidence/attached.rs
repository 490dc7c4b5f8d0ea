//! PSBTs, transactions and blocks: what is not what it should be.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::{CompactTarget, MerkleBlock, Psbt, Transaction, Txid};
use longstop::evidence::{Attached, EvidenceError, Subject, create, verify};

use super::charter::identity;
use super::sample::{COMPILED, SAMPLE, order};
use super::{problems, sample};

fn named(bytes: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    vec![("it".to_owned(), bytes)]
}

/// What is said of the attached files of one kind.
fn says(attached: Attached, what: Subject) -> Vec<(bool, String)> {
    let verification = verify(&SAMPLE.with(attached));
    let checks = verification.checked.into_iter();
    let checks = checks.filter(|check| check.what == what);
    checks.map(|check| (check.passed, check.says)).collect()
}

#[test]
fn it_is_said_what_each_is() {
    let psbt = says(SAMPLE.attached.clone(), Subject::Psbt);
    assert_eq!(psbt.len(), 1);
    let told = &psbt[0].1;
    assert!(
        told.contains("trigger of sos: 1000000 sat of the vault (receive/30)")
            && told.contains("to the escrow of sos (receive/30)")
            && told.contains("240 sat to an anchor"),
        "{told}"
    );
    let transaction = says(SAMPLE.attached.clone(), Subject::Transaction);
    let block = SAMPLE.block.block_hash();
    assert!(
        transaction[0]
            .1
            .contains("1000000 sat to the vault (receive/30)")
            && transaction[0].1.contains(&format!("in block {block}")),
        "{transaction:?}"
    );
    // Without a proof it is in no block as far as the evidence goes.
    let alone = Attached {
        transactions: SAMPLE.attached.transactions.clone(),
        ..Attached::default()
    };
    let alone = says(alone, Subject::Transaction);
    assert!(alone[0].0 && alone[0].1.contains("in no block that is shown here"));
}

#[test]
fn what_is_no_such_file_is_refused_and_named() {
    let junk = || named(b"junk".to_vec());
    let attached = Attached {
        psbts: junk(),
        transactions: junk(),
        block_proofs: junk(),
        reports: vec![("../up".to_owned(), Vec::new())],
    };
    let key = identity("alice");
    let refused = create(
        &SAMPLE.ledger,
        &COMPILED,
        &order(SAMPLE.case, attached, &key),
    );
    match refused {
        Err(EvidenceError::Attached(problems)) => {
            let files: Vec<&str> = problems.iter().map(|problem| &*problem.file).collect();
            assert_eq!(files, ["it", "it", "it", "../up"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_psbt_of_other_coins_is_named() {
    let mut psbt = Psbt::deserialize(&SAMPLE.attached.psbts[0].1).expect("a PSBT");
    for input in &mut psbt.inputs {
        let output = input.witness_utxo.as_mut().expect("it says what it spends");
        output.script_pubkey = bitcoin::ScriptBuf::new_op_return([1]);
        input.non_witness_utxo = None;
    }
    let other = |transactions| Attached {
        psbts: named(psbt.serialize()),
        transactions,
        ..Attached::default()
    };
    let found = says(other(Vec::new()), Subject::Psbt);
    assert!(
        !found[0].0 && found[0].1.contains("spends no coin of this policy"),
        "{found:?}"
    );
    // With the transaction that it spends, it is seen to lie.
    let found = says(other(SAMPLE.attached.transactions.clone()), Subject::Psbt);
    assert!(
        found
            .iter()
            .any(|(passed, says)| !passed && says.contains("something else than that transaction")),
        "{found:?}"
    );
}

#[test]
fn two_psbts_of_one_transaction_are_both_kept() {
    let first = &SAMPLE.attached.psbts[0].1;
    let mut psbt = Psbt::deserialize(first).expect("a PSBT");
    psbt.inputs[0].tap_key_origins.clear();
    let second = psbt.serialize();
    let attached = |both: [&Vec<u8>; 3]| Attached {
        psbts: both
            .into_iter()
            .flat_map(|own| named(own.clone()))
            .collect(),
        ..Attached::default()
    };
    let one = SAMPLE.with(attached([first, &second, first]));
    let other = SAMPLE.with(attached([&second, first, &second]));
    assert_eq!(one, other);
    let count = one.iter().filter(|(name, _)| name.starts_with("psbts/"));
    assert_eq!(count.count(), 2);
    assert_eq!(problems(&one), []);
}

/// Evidence with another proof of the deposit.
fn proven(proof: &MerkleBlock) -> Attached {
    Attached {
        transactions: SAMPLE.attached.transactions.clone(),
        block_proofs: named(serialize_hex(proof).into_bytes()),
        ..Attached::default()
    }
}

fn proof_of(wanted: impl Fn(&Txid) -> bool) -> MerkleBlock {
    MerkleBlock::from_block_with_predicate(&SAMPLE.block, wanted)
}

#[test]
fn a_proof_leads_to_a_header_with_work() {
    let txid = SAMPLE.deposit.compute_txid();
    let good = proof_of(|own| *own == txid);
    assert!(says(proven(&good), Subject::Block)[0].0);

    let fails = |proof: &MerkleBlock, why: &str| {
        let found = says(proven(proof), Subject::Block);
        assert!(
            found
                .iter()
                .any(|(passed, says)| !passed && says.contains(why)),
            "{why}: {found:?}"
        );
    };
    // Half of all headers have the work that regtest asks for.
    let mut lazy = good.clone();
    while lazy.header.validate_pow(lazy.header.target()).is_ok() {
        lazy.header.nonce += 1;
    }
    fails(&lazy, "work does not meet");
    let mut easy = good.clone();
    easy.header.bits = CompactTarget::from_consensus(0x2100_ffff);
    fails(&easy, "easier than regtest allows");
    let mut other = good.clone();
    other.header.merkle_root = Hash::all_zeros();
    while other.header.validate_pow(other.header.target()).is_err() {
        other.header.nonce += 1;
    }
    fails(&other, "does not lead to its header");
    fails(&proof_of(|_| false), "proves nothing");
    let coinbase = SAMPLE.block.txdata[0].compute_txid();
    fails(&proof_of(|own| *own == coinbase), "which is not here");
}

/// A transaction of 64 bytes could be two hashes of a tree, and a hash of a tree a transaction.
#[test]
fn a_transaction_that_could_be_hashes_proves_nothing() {
    let mut small = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![bitcoin::TxIn::default()],
        output: vec![bitcoin::TxOut {
            value: bitcoin::Amount::ZERO,
            script_pubkey: bitcoin::ScriptBuf::from_bytes(vec![0x51; 4]),
        }],
    };
    for (extra, passes) in [(3, true), (4, false), (5, true)] {
        small.output[0].script_pubkey = bitcoin::ScriptBuf::from_bytes(vec![0x51; extra]);
        assert_eq!(small.base_size(), 60 + extra);
        let attached = Attached {
            transactions: named(serialize_hex(&small).into_bytes()),
            ..Attached::default()
        };
        assert_eq!(says(attached, Subject::Transaction)[0].0, passes, "{extra}");
    }
}

#[test]
fn a_header_is_that_of_its_proof() {
    let name = format!("headers/{}.hex", SAMPLE.block.block_hash());
    let other = super::changed(&SAMPLE.files, &name, Some(b"00\n".to_vec()));
    let found = problems(&sample::with_sums(&other));
    let proof = name.replace("headers", "block-proofs");
    assert_eq!(found, [(Subject::Block, proof)]);
}
