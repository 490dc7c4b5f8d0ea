//! Our own file is the base, and others contribute signatures.

use bitcoin::{Amount, Psbt};
use longstop::ceremony::{MergeError, Merged};
use longstop::compile::Role;
use longstop::engine::Signers;
use longstop::transaction::{ReceiveError, StripReason};

use super::table::{Base, Desk, words};
use crate::devices::OverEager;
use crate::vault::{SCRIPTS, anywhere};

fn merged(desk: &Desk, base: Base) -> Merged {
    let file = desk.file(base).serialize();
    Merged::new(&desk.read(&file)).expect("it is sound")
}

fn sign(desk: &Desk, by: &str, base: Base) -> Psbt {
    desk.world
        .people
        .sign(by, desk.file(base))
        .expect("it signs")
}

#[test]
fn signatures_come_together_in_any_order() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut results = Vec::new();
        for order in [["alice", "bob", "carol"], ["carol", "alice", "bob"]] {
            let mut merged = merged(&desk, Base::Spend);
            for party in order {
                let returned = sign(&desk, party, Base::Spend);
                merged
                    .take(party, &returned, desk.world.secp())
                    .expect("it is ours");
                merged
                    .take(party, &returned, desk.world.secp())
                    .expect("twice is once");
            }
            assert_eq!(merged.stripped.len(), 0);
            let psbt = merged.to_psbt(&desk.world.compiled).expect("a file");
            let read = desk.read(&psbt.serialize());
            assert!(read.is_sound() && read.met == [Role::Root]);
            results.push(read.seats);
            let signed = merged
                .transaction()
                .clone()
                .into_signed()
                .expect("three of five");
            let complete = signed.finalize().expect("it is complete");
            desk.world.accepts(complete.transaction());
        }
        assert_eq!(results[0], results[1]);
    }
}

/// Whatever a returned file says besides its signatures is not even looked at.
#[test]
fn nothing_but_signatures_is_taken() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let honest = sign(&desk, "alice", Base::Spend);
        let plain = {
            let mut merged = merged(&desk, Base::Spend);
            merged
                .take("a", &honest, desk.world.secp())
                .expect("it is ours");
            merged.to_psbt(&desk.world.compiled).expect("a file")
        };
        let mut bent = honest;
        let fields = &mut bent.inputs[0];
        fields.witness_script = Some(anywhere());
        fields.redeem_script = Some(anywhere());
        fields.tap_scripts.clear();
        fields.bip32_derivation.clear();
        fields.tap_key_origins.clear();
        fields.non_witness_utxo = None;
        fields.witness_utxo = Some(bitcoin::TxOut {
            value: Amount::ONE_SAT,
            script_pubkey: anywhere(),
        });
        bent.outputs[1] = Default::default();
        let mut merged = merged(&desk, Base::Spend);
        merged
            .take("b", &bent, desk.world.secp())
            .expect("it is ours");
        assert_eq!(merged.to_psbt(&desk.world.compiled).expect("a file"), plain);
    }
}

#[test]
fn a_file_for_another_transaction_is_refused() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut merged = merged(&desk, Base::Spend);
        let other = sign(&desk, "alice", Base::Refresh);
        let refused = merged.take("other", &other, desk.world.secp());
        assert!(matches!(
            refused,
            Err(MergeError::Receive(ReceiveError::OtherTransaction { .. }))
        ));
        let mut moved = sign(&desk, "alice", Base::Spend);
        moved.unsigned_tx.output[0].value -= Amount::ONE_SAT;
        assert!(merged.take("moved", &moved, desk.world.secp()).is_err());
        // And nothing that is wrong is a base.
        let mut wrong = desk.file(Base::Cancel);
        wrong.unsigned_tx.version.0 = 2;
        let read = desk.read(&wrong.serialize());
        assert_eq!(words(&read), ["version"]);
        assert_eq!(Merged::new(&read).err(), Some(MergeError::Base));
    }
}

/// A device that holds keys of root and of the veto quorum must not complete the cancel that it is
/// asked to prepare.
#[test]
fn a_cancel_that_is_armed_takes_no_veto() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let device = OverEager::new(&desk.world.people, &desk.escrow);
        let mut merged = merged(&desk, Base::Cancel);
        assert_eq!(merged.asked(), [Role::Arming]);
        for party in ["alice", "bob", "carol"] {
            let returned = device
                .sign(party, desk.file(Base::Cancel))
                .expect("it signs");
            merged
                .take(party, &returned, desk.world.secp())
                .expect("it is ours");
        }
        let reasons: Vec<StripReason> = merged.stripped.iter().map(|one| one.what.reason).collect();
        assert!(reasons.len() >= 9, "override, settle and veto of each");
        assert!(
            reasons
                .iter()
                .all(|reason| *reason == StripReason::NotRequested)
        );
        assert!(!merged.transaction().is_met(Role::Veto));
        assert!(merged.transaction().is_met(Role::Arming));
        let file = merged
            .to_psbt(&desk.world.compiled)
            .expect("a file")
            .serialize();
        let armed = Merged::new(&desk.read(&file)).expect("it is sound");
        assert_eq!(armed.asked(), [Role::Veto]);
    }
}
