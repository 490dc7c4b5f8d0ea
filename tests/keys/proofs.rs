//! Proofs as they are kept, and verified later with nothing but the policy.

use longstop::governance::{KeyFault, KeyJudge, KeyProof, KeyProofError, KeyStatement, ShownKey};
use longstop::keys::{Judge, KeyCheck};

use super::support::*;
use crate::draft::{Draft, TREASURY};
use crate::golden;

#[test]
fn a_proof_is_verified_with_the_policy_alone() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let judge = Judge::new(&compiled, &SECP);
        for party in ["alice", "gina"] {
            let check = answered(&compiled, party);
            let proof = check.proof();
            let again = KeyProof::from_payload(&proof.payload()).expect("its own form");
            assert_eq!(again, proof);
            assert_eq!(judge.shown(&again), Ok(judge.keys(party)));
            assert_eq!(judge.keys(party), check.keys().len());
            // Some keys are some keys.
            let mut part = proof.clone();
            part.signatures.pop();
            assert_eq!(judge.shown(&part), Ok(judge.keys(party) - 1));
        }
        assert_eq!(judge.keys("nobody"), 0);
    }
}

/// A proof is worth nothing under another statement: for another party, policy, network, date,
/// nonce or attestation.
#[test]
fn signatures_of_one_statement_are_none_of_another() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let judge = Judge::new(&compiled, &SECP);
        let proof = answered(&compiled, "alice").proof();
        let elsewhere = Draft::new(script, TREASURY).but("30 blocks", "31 blocks");
        let elsewhere = elsewhere.compiled();
        let changes: [&dyn Fn(&mut KeyStatement); 5] = [
            &|it| it.policy_id.0[0] ^= 1,
            &|it| it.network = longstop::policy::Network::Signet,
            &|it| it.attests = Some(longstop::governance::Digest([1; 32])),
            &|it| it.date.0 += 1,
            &|it| it.nonce = Some("x".to_owned()),
        ];
        for change in changes {
            let mut other = proof.clone();
            change(&mut other.statement);
            let fault = judge.shown(&other).expect_err("another message");
            assert!(matches!(fault, KeyFault::Invalid { .. }), "{fault}");
        }
        let mut other = proof.clone();
        other.statement.party = "bob".to_owned();
        let fault = judge.shown(&other).expect_err("not his");
        assert!(matches!(fault, KeyFault::NoKey { .. }), "{fault}");
        let fault = Judge::new(&elsewhere, &SECP)
            .shown(&proof)
            .expect_err("another script");
        // Vault and keys are the same there, and what the lock-up says is not.
        assert!(matches!(fault, KeyFault::Invalid { .. }), "{fault}");
    }
}

/// Every flipped bit of every signature and key is found.
#[test]
fn a_flipped_bit_is_found() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, ALONE).compiled();
        let judge = Judge::new(&compiled, &SECP);
        let proof = answered(&compiled, "gina").proof();
        let flip = |text: &str, bit: usize| {
            let mut bytes: Vec<u8> = bitcoin::hex::FromHex::from_hex(text).expect("digits");
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        let first = &proof.signatures[0];
        for bit in 0..first.signature.len() * 4 {
            let mut other = proof.clone();
            let signature = flip(&first.signature, bit);
            let key: Vec<u8> = bitcoin::hex::FromHex::from_hex(&first.key).expect("digits");
            other.signatures[0] = ShownKey::new(&key, &signature);
            assert!(judge.shown(&other).is_err(), "{script}: bit {bit}");
        }
        for bit in 0..first.key.len() * 4 {
            let mut other = proof.clone();
            let key = flip(&first.key, bit);
            other.signatures[0] = ShownKey::new(&key, &[]);
            other.signatures[0].signature.clone_from(&first.signature);
            assert!(
                judge.shown(&other).is_err(),
                "{script}: bit {bit} of the key"
            );
        }
        // Digits in upper case, and bytes beside a signature, are another text.
        let mut other = proof.clone();
        other.signatures[0].key = other.signatures[0].key.to_uppercase();
        assert!(judge.shown(&other).is_err());
        let mut other = proof.clone();
        other.signatures[0].signature.push_str("00");
        assert!(judge.shown(&other).is_err());
    }
}

#[test]
fn proofs_and_statements_have_one_form() {
    let compiled = departments();
    let mut full = statement(&compiled, "lea");
    full.attests = Some(longstop::governance::Digest([0xab; 32]));
    full.nonce = Some("asked-by_7".to_owned());
    for statement in [statement(&compiled, "lea"), full.clone()] {
        let text = statement.text();
        assert_eq!(KeyStatement::of_text(&text), Ok(statement));
    }
    let text = full.text();
    for (from, to, wrong) in [
        ("proof 1", "proof 2", KeyProofError::NotAStatement),
        (
            "policy ",
            "policy  ",
            KeyProofError::BadLine { name: "policy" },
        ),
        (
            "regtest",
            "mainnet",
            KeyProofError::BadLine { name: "network" },
        ),
        (
            "attests ab",
            "attests AB",
            KeyProofError::BadLine { name: "attests" },
        ),
        (
            "2026-01-31T",
            "2026-1-31T",
            KeyProofError::BadLine { name: "date" },
        ),
        (
            "asked-by_7",
            "asked by",
            KeyProofError::BadLine { name: "nonce" },
        ),
        ("asked-by_7", "asked\n", KeyProofError::NotCanonical),
        ("\nnonce asked-by_7", "\n", KeyProofError::NotCanonical),
        ("\nparty lea", "", KeyProofError::BadLine { name: "party" }),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert_eq!(KeyStatement::of_text(&changed), Err(wrong), "{from}: {to}");
    }
    let longest = "n".repeat(64);
    for (nonce, is_one) in [
        ("", false),
        (&*longest, true),
        (&*format!("{longest}n"), false),
    ] {
        assert_eq!(longstop::governance::is_nonce(nonce), is_one);
    }

    let proof = answered(&compiled, "lea").proof();
    let payload = String::from_utf8(proof.payload()).expect("JSON");
    let read = |text: &str| KeyProof::from_payload(text.as_bytes());
    assert_eq!(read(&payload), Ok(proof.clone()));
    let spaced = payload.replacen(":", ": ", 1);
    assert_eq!(read(&spaced), Err(KeyProofError::NotCanonical));
    let mut turned = proof.clone();
    turned.signatures.reverse();
    let turned = String::from_utf8(turned.payload()).expect("JSON");
    assert_eq!(read(&turned), Err(KeyProofError::NotCanonical));
    let mut twice = proof;
    let first = twice.signatures[0].clone();
    twice.signatures.insert(0, first);
    let twice = String::from_utf8(twice.payload()).expect("JSON");
    assert_eq!(read(&twice), Err(KeyProofError::NotCanonical));
    let extra = payload.replacen("{\"statement\"", "{\"more\":1,\"statement\"", 1);
    assert!(matches!(read(&extra), Err(KeyProofError::NotAProof(_))));
}

/// Requests and proofs of both script types, frozen: software signers sign alike every time.
#[test]
fn vectors() {
    let mut files = std::collections::BTreeSet::new();
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let check = answered(&compiled, "alice");
        let mut text = format!("{}\n", check.stated().text());
        for request in requests(&check) {
            text += &format!("\nrequest {request}\n");
            text += &format!("id {}\n", request.unsigned_tx.compute_txid());
        }
        let payload = String::from_utf8(check.proof().payload()).expect("JSON");
        text += &format!("\nproof {payload}\n");
        let file = format!("{script}.txt");
        golden::check_file("keys", &file, &text);
        files.insert(file);
    }
    // What a device returns, in base64, for the command line.
    let compiled = departments();
    let mut stated = statement(&compiled, "lea");
    stated.attests = Some(longstop::governance::Digest([0x5a; 32]));
    let check = KeyCheck::new(&compiled, stated, &SECP).expect("its own statement");
    for (at, request) in requests(&check).into_iter().enumerate() {
        let file = format!("departments-lea-{}.psbt", at + 1);
        let text = format!("{}\n", signed(request, "lea"));
        golden::check_file("keys", &file, &text);
        files.insert(file);
    }
    golden::check_folder("keys", &files);
}
