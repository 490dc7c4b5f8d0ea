//! What comes back, and what of it counts.

use bitcoin::Psbt;
use bitcoin::hashes::Hash;
use bitcoin::sighash::{EcdsaSighashType, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use longstop::compile::{LeafKind, Role};
use longstop::keys::{KeyCheck, KeyCheckError};
use longstop::transaction::StripReason;
use miniscript::psbt::PsbtExt;

use super::support::*;
use crate::draft::{Draft, TREASURY};

/// What is said of one returned file, and how many keys it shows.
fn take(check: &mut KeyCheck, psbt: &Psbt) -> (usize, Vec<StripReason>) {
    let taken = check.take(psbt, &SECP).expect("it is for a challenge");
    let stripped = taken.stripped.iter().map(|stripped| stripped.reason);
    (taken.shown, stripped.collect())
}

#[test]
fn keys_of_two_devices_come_together() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let mut check = asked(&compiled, "alice");
        let veto = OneAccount::new("alice", VETO);
        for request in requests(&check) {
            check.take(&veto.sign(request), &SECP).expect("ours");
        }
        let shown = |check: &KeyCheck| {
            let keys = check.keys().into_iter();
            keys.map(|key| (key.role == Role::Veto, key.is_shown))
                .collect::<Vec<_>>()
        };
        let first = shown(&check);
        assert!(first.iter().all(|(is_veto, is_shown)| is_veto == is_shown));
        assert!(first.iter().any(|(is_veto, _)| *is_veto));
        assert!(!check.is_complete());
        let spending = OneAccount::new("alice", "48h/1h/0h/3h");
        for request in requests(&check) {
            check.take(&spending.sign(request), &SECP).expect("ours");
        }
        assert!(check.is_complete());
    }
}

/// Another message, party or policy gives other transactions, so their answers are none.
#[test]
fn answers_to_other_challenges_are_refused() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let elsewhere = Draft::new(script, TREASURY)
            .but("30 blocks", "31 blocks")
            .compiled();
        let mut own = asked(&compiled, "alice");
        let mut later = statement(&compiled, "alice");
        later.date.0 += 1;
        let mut nonce = statement(&compiled, "alice");
        nonce.nonce = Some("7".to_owned());
        let mut attests = statement(&compiled, "alice");
        attests.attests = Some(longstop::governance::Digest([7; 32]));
        let others = [
            asked(&elsewhere, "alice"),
            asked(&compiled, "bob"),
            KeyCheck::new(&compiled, later, &SECP).expect("a statement"),
            KeyCheck::new(&compiled, nonce, &SECP).expect("a statement"),
            KeyCheck::new(&compiled, attests, &SECP).expect("a statement"),
        ];
        for other in &others {
            for request in requests(other) {
                let refused = own.take(&signed(request, "alice"), &SECP);
                assert_eq!(refused, Err(KeyCheckError::NoChallenge));
            }
        }
        assert!(own.keys().iter().all(|key| !key.is_shown));
    }
}

#[test]
fn a_statement_about_something_else_asks_for_nothing() {
    let compiled = departments();
    let refusal = |change: &dyn Fn(&mut longstop::governance::KeyStatement)| {
        let mut statement = statement(&compiled, "lea");
        change(&mut statement);
        let refused = KeyCheck::new(&compiled, statement, &SECP);
        refused.expect_err("it is refused").to_string()
    };
    let id = compiled.id();
    let sevens = "07".repeat(32);
    assert_eq!(
        refusal(&|it| it.policy_id = longstop::governance::Digest([7; 32])),
        format!(
            "the statement is about the policy with the id {sevens}, and this one has the id {id}"
        )
    );
    assert_eq!(
        refusal(&|it| it.network = longstop::policy::Network::Signet),
        "the statement is for the network signet, and the policy is for regtest"
    );
    assert_eq!(
        refusal(&|it| it.party = "leah".to_owned()),
        "the policy has no party `leah`"
    );
    let other = statement(&compiled, "lars").identity;
    assert_eq!(
        refusal(&|it| it.identity = other),
        "the statement names another identity of `lea` than the policy"
    );
    assert!(refusal(&|it| it.identity = None).contains("another identity"));
}

/// A signature that leaves something open is none, even of the right key.
#[test]
fn only_whole_transactions_count() {
    for kind in [
        EcdsaSighashType::None,
        EcdsaSighashType::Single,
        EcdsaSighashType::AllPlusAnyoneCanPay,
        EcdsaSighashType::NonePlusAnyoneCanPay,
        EcdsaSighashType::SinglePlusAnyoneCanPay,
    ] {
        let compiled = Draft::new("wsh", TREASURY).compiled();
        let mut check = asked(&compiled, "gina");
        let mut request = requests(&check).remove(0);
        request.inputs[0].sighash_type = Some(kind.into());
        let (shown, stripped) = take(&mut check, &signed(request, "gina"));
        assert_eq!(shown, 0);
        assert_eq!(stripped, [StripReason::Sighash; 2], "{kind}");
    }
    for kind in [
        TapSighashType::None,
        TapSighashType::AllPlusAnyoneCanPay,
        TapSighashType::NonePlusAnyoneCanPay,
        TapSighashType::Single,
        TapSighashType::SinglePlusAnyoneCanPay,
    ] {
        let compiled = Draft::new("tr", TREASURY).compiled();
        let mut check = asked(&compiled, "gina");
        let mut request = requests(&check).remove(0);
        request.inputs[0].sighash_type = Some(kind.into());
        let (shown, stripped) = take(&mut check, &signed(request, "gina"));
        assert_eq!(shown, 0);
        assert_eq!(stripped, [StripReason::Sighash; 2], "{kind}");
    }
    // Both whole kinds do.
    for kind in [TapSighashType::Default, TapSighashType::All] {
        let compiled = Draft::new("tr", TREASURY).compiled();
        let mut check = asked(&compiled, "gina");
        let mut request = requests(&check).remove(0);
        request.inputs[0].sighash_type = Some(kind.into());
        assert_eq!(take(&mut check, &signed(request, "gina")), (2, Vec::new()));
    }
}

/// Another party's signatures, and those of a key that is none of the coin's, are taken out.
#[test]
fn signatures_of_other_keys_are_taken_out() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let mut check = asked(&compiled, "alice");
        let derived = compiled
            .vault()
            .derive(longstop::compile::Keychain::Receive, 0, &SECP)
            .expect("an index");
        let mut request = requests(&check).remove(0);
        request
            .update_input_with_descriptor(0, &derived.definite().expect("it was derived"))
            .expect("its own descriptor");
        let theirs = signed(request.clone(), "bob");
        let taken = check.take(&theirs, &SECP).expect("it is the challenge");
        assert_eq!(taken.shown, 0);
        let mut stripped = taken.stripped.iter();
        assert!(stripped.len() == 2);
        assert!(
            stripped.all(|stripped| stripped.party.as_deref() == Some("bob")
                && stripped.reason == StripReason::NotRequested)
        );

        // Bob's signature under Alice's name is a wrong one of hers.
        let mut forged = requests(&check).remove(0);
        let mine = check.challenges()[0].asked()[0].key;
        match script {
            "wsh" => {
                let signature = *theirs.inputs[0].partial_sigs.values().next().expect("his");
                forged.inputs[0].partial_sigs.insert(mine, signature);
            }
            _ => {
                let hash = *forged.inputs[0].tap_key_origins[&mine.inner.x_only_public_key().0]
                    .0
                    .first()
                    .expect("its leaf");
                let signature = *theirs.inputs[0]
                    .tap_script_sigs
                    .values()
                    .next()
                    .expect("his");
                let place = (mine.inner.x_only_public_key().0, hash);
                forged.inputs[0].tap_script_sigs.insert(place, signature);
            }
        }
        assert_eq!(take(&mut check, &forged), (0, vec![StripReason::Invalid]));

        // A key of nobody.
        let secret = bitcoin::secp256k1::SecretKey::from_slice(&[7; 32]).expect("a key");
        let nobody = bitcoin::PublicKey::new(secret.public_key(&SECP));
        let mut foreign = signed(requests(&check).remove(0), "alice");
        let input = &mut foreign.inputs[0];
        match script {
            "wsh" => {
                let signature = *input.partial_sigs.values().next().expect("hers");
                input.partial_sigs.insert(nobody, signature);
            }
            _ => {
                let (place, signature) = input.tap_script_sigs.iter().next().expect("hers");
                let (place, signature) = (*place, *signature);
                let nobody = nobody.inner.x_only_public_key().0;
                input.tap_script_sigs.insert((nobody, place.1), signature);
                // Her key on a leaf it does not stand in.
                let hash = TapLeafHash::all_zeros();
                input.tap_script_sigs.insert((place.0, hash), signature);
            }
        }
        let (shown, stripped) = take(&mut check, &foreign);
        assert_eq!(shown, 2);
        assert!(
            stripped
                .iter()
                .all(|reason| *reason == StripReason::NotRequested)
        );
        assert_eq!(stripped.len(), if script == "wsh" { 1 } else { 2 });
    }
}

/// What a device returns beside what it was asked for counts for nothing, and is told.
#[test]
fn a_device_that_signs_everything_shows_what_was_asked_for() {
    for script in SCRIPTS {
        let compiled = Draft::new(script, TREASURY).compiled();
        let mut check = asked(&compiled, "alice");
        // The trigger's signature alone was asked for in another request; here, root's as well.
        let request = requests(&check).remove(0);
        let (shown, stripped) = take(&mut check, &signed(request, "alice"));
        assert_eq!((shown, stripped), (2, Vec::new()));
        let shown: Vec<LeafKind> = check
            .keys()
            .into_iter()
            .filter(|key| key.is_shown)
            .map(|key| key.leaf)
            .collect();
        assert!(shown.contains(&LeafKind::Spend));
        assert!(shown.contains(&LeafKind::Trigger("sos".to_owned())));
    }
}
