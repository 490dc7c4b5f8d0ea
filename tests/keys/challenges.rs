//! What is asked for, and in what.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::psbt::raw;
use bitcoin::{Amount, OutPoint, Sequence, TxOut};
use longstop::chain::EmbeddedChain;
use longstop::compile::{BranchUse, Compiled, LeafKind, Role, Stage, compile};
use longstop::policy::check;
use miniscript::psbt::PsbtExt;

use super::support::*;
use crate::draft::{DEPARTMENTS, Draft, TREASURY};
use crate::shipped::shipped;

/// The agents wait for blocks, for time, and for a date, each on a path of their own.
const WAITS: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "by-blocks"
quorum = "agents"
delay = "200 blocks"

[[path]]
name = "by-time"
quorum = "agents"
delay = "100 days"
clock = "time"

[[path]]
name = "later"
quorum = "agents"
delay = "90 blocks"
unlock_at = "2031-01-01T00:00:00Z"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// Each use of each key of a party is asked for once, in the stage it stands in, and shown by the
/// party's own signer.
#[test]
fn every_key_of_every_stage_is_asked_for_and_can_be_shown() {
    for script in SCRIPTS {
        for (terms, layout) in [
            (TREASURY, "device"),
            (DEPARTMENTS, "cheapest"),
            (ALONE, "device"),
            (WAITS, "device"),
        ] {
            let compiled = Draft::new(script, terms).with_layout(layout).compiled();
            let names: Vec<String> = compiled
                .policy()
                .parties()
                .map(|party| party.name().to_owned())
                .collect();
            for party in &names {
                shows_all(&compiled, party);
            }
        }
    }
}

#[track_caller]
fn shows_all(compiled: &Compiled, party: &str) {
    let uses = compiled.branches().uses().iter();
    let place = |own: &BranchUse| (own.stage.clone(), own.leaf.clone(), own.role);
    let expected: BTreeSet<(Stage, LeafKind, Role)> =
        uses.filter(|own| own.party == party).map(place).collect();
    let check = answered(compiled, party);
    let keys = check.keys();
    let found: BTreeSet<(Stage, LeafKind, Role)> = keys
        .iter()
        .map(|key| (key.stage.clone(), key.leaf.clone(), key.role))
        .collect();
    assert_eq!(found, expected, "{party}");
    assert!(keys.iter().all(|key| key.is_shown), "{party}: {keys:?}");
    let uses = compiled.branches().uses().iter();
    assert_eq!(keys.len(), uses.filter(|own| own.party == party).count());
}

/// The same for every shipped policy whose keys are stand-ins, descriptors from elsewhere among
/// them.
#[test]
fn every_party_of_a_shipped_policy_can_show_its_keys() {
    let mut complete = 0;
    for shipped in shipped() {
        let policy = shipped.checked.policy.expect("a sound policy");
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        let policy = Arc::clone(compiled.policy());
        for party in policy.parties() {
            let check = answered(&compiled, party.name());
            assert!(check.is_complete(), "{}: {:?}", party.name(), check.keys());
            complete += 1;
        }
    }
    assert!(complete > 50, "{complete}");
}

/// A challenge commits to its message, spends nothing that there is, and pays nobody.
#[test]
fn a_challenge_is_what_bip_322_says() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let check = asked(&compiled, "alice");
        for psbt in requests(&check) {
            let transaction = &psbt.unsigned_tx;
            assert_eq!(transaction.version.0, 2);
            assert_eq!(transaction.input.len(), 1);
            let nothing = TxOut {
                value: Amount::ZERO,
                script_pubkey: bitcoin::ScriptBuf::from_bytes(vec![0x6a]),
            };
            assert_eq!(transaction.output, [nothing]);
            let field = raw::Key {
                type_value: 9,
                key: Vec::new(),
            };
            let text = check.stated().text().into_bytes();
            assert_eq!(psbt.unknown.get(&field), Some(&text));
            let input = &psbt.inputs[0];
            let spent = input.witness_utxo.as_ref().expect("it is said");
            assert_eq!(spent.value, Amount::ZERO);
            if script == "wsh" {
                let source = input.non_witness_utxo.as_ref().expect("version 0 needs it");
                let outpoint = OutPoint::new(source.compute_txid(), 0);
                assert_eq!(transaction.input[0].previous_output, outpoint);
                assert_eq!(source.output, std::slice::from_ref(spent));
                assert!(source.is_coinbase());
            }
            // It is read back as it was written.
            let again = bitcoin::Psbt::deserialize(&psbt.serialize()).expect("a PSBT");
            assert_eq!(again, psbt);
        }
    }
}

/// Only the party's own keys are in what a party is asked, each with one script.
#[test]
fn nothing_of_others_is_asked() {
    for script in SCRIPTS {
        for layout in ["device", "cheapest"] {
            let compiled = Draft::new(script, DEPARTMENTS)
                .with_layout(layout)
                .compiled();
            let check = asked(&compiled, "bob");
            for (challenge, psbt) in check.challenges().iter().zip(requests(&check)) {
                let wanted = challenge.asked().len();
                let input = &psbt.inputs[0];
                let named = input.bip32_derivation.len() + input.tap_key_origins.len();
                assert_eq!(named, wanted);
                let mut origins = input.tap_key_origins.values();
                assert!(origins.all(|(hashes, _)| hashes.len() == 1));
                assert!(input.tap_scripts.len() <= wanted);
            }
        }
    }
}

/// A signer that looks at a script finds its locks met; where no one transaction can meet all of
/// them, there are more challenges.
#[test]
fn every_lock_of_what_is_asked_is_met() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, WAITS).compiled();
        let check = asked(&compiled, "gina");
        assert_eq!(check.challenges().len(), 2);
        let mut met = 0;
        for challenge in check.challenges() {
            let transaction = challenge.to_sign();
            let sequence = transaction.input[0].sequence;
            let stage = compiled.stage(challenge.stage()).expect("a stage");
            for asked in challenge.asked() {
                let leaf = stage.leaf(&asked.leaf).expect("a leaf");
                let lock = leaf.relative().expect("all of them wait");
                let relative = sequence.to_relative_lock_time().expect("a relative lock");
                let wanted = lock.to_sequence().to_relative_lock_time().expect("a lock");
                assert!(wanted.is_implied_by(relative));
                if let Some(lock) = leaf.absolute() {
                    assert!(lock.to_lock_time().is_implied_by(transaction.lock_time));
                    assert!(transaction.lock_time != LockTime::ZERO);
                }
                met += 1;
            }
        }
        assert_eq!(met, 3);
        // Root waits for one block everywhere.
        let check = asked(&compiled, "alice");
        let [challenge] = check.challenges() else {
            panic!("one stage");
        };
        assert_eq!(challenge.to_sign().input[0].sequence, Sequence(1));
    }
}

/// Complete answers of a whole quorum satisfy the script, as BIP-322 wants it, and yet no chain
/// takes the transaction: what it spends is nowhere.
#[test]
fn a_complete_answer_is_no_transaction_on_a_chain() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let check = asked(&compiled, "alice");
        let challenge = &check.challenges()[0];
        assert_eq!(*challenge.stage(), Stage::Vault);
        let mut psbt = challenge.request().expect("a PSBT");
        let derived = compiled
            .vault()
            .derive(longstop::compile::Keychain::Receive, 0, &SECP)
            .expect("an index");
        let definite = derived.definite().expect("it was derived");
        psbt.update_input_with_descriptor(0, &definite)
            .expect("its own descriptor");
        // Everybody signs everything, which nobody ever asks for.
        for party in ["alice", "bob", "carol"] {
            psbt = signed(psbt, party);
        }
        let spent = psbt.inputs[0].witness_utxo.clone().expect("it is said");
        let psbt_source = psbt.inputs[0].non_witness_utxo.clone();
        psbt.finalize_mut(&SECP).expect("the locks of root are met");
        let transaction = psbt.extract_tx_unchecked_fee_rate();
        let raw = bitcoin::consensus::serialize(&transaction);
        let verified = |value: u64| {
            let utxo = bitcoinconsensus::Utxo {
                script_pubkey: spent.script_pubkey.as_bytes().as_ptr(),
                script_pubkey_len: spent.script_pubkey.len() as u32,
                value: value as i64,
            };
            bitcoinconsensus::verify_with_flags(
                spent.script_pubkey.as_bytes(),
                value,
                &raw,
                Some(&[utxo]),
                0,
                bitcoinconsensus::VERIFY_ALL_PRE_TAPROOT | bitcoinconsensus::VERIFY_TAPROOT,
            )
        };
        assert_eq!(verified(0), Ok(()));
        // With an amount it would be another message.
        assert!(verified(1).is_err());

        let mut chain = EmbeddedChain::new(DATE);
        let refusal = chain.mine_with(std::slice::from_ref(&transaction));
        let refusal = refusal.expect_err("there is no such coin");
        assert_eq!(refusal.class, "bad-txns-inputs-missingorspent");
        if let Some(source) = psbt_source {
            let refusal = chain.mine_with(&[source, transaction]);
            assert_eq!(refusal.expect_err("a second one").class, "bad-cb-multiple");
        }
    }
}

#[test]
fn a_party_without_keys_is_asked_for_none() {
    let terms = TREASURY.replace(
        "[root]",
        "watchers = { threshold = 1, of = [\"zoe\"] }\n[root]",
    );
    let text = Draft::new("tr", &terms).text();
    let checked = check(&text);
    // Whether such a policy is refused is a question for lints; if it stands, nothing is asked.
    let policy = checked.policy.expect("zoe is superfluous, and no error");
    let compiled = compile(Arc::new(policy)).expect("it compiles");
    let check = asked(&compiled, "zoe");
    assert!(check.challenges().is_empty() && check.is_complete());
}
