//! Signatures in files: which count, and what is said of the others.

use bitcoin::{EcdsaSighashType, Psbt, TapSighashType, ecdsa, taproot};
use longstop::ceremony::FaultCode;
use longstop::compile::{DerivedLeaf, KeyUse, LeafKind, Role};
use longstop::engine::Signers;
use longstop::transaction::Coin;

use super::table::{Base, Desk, words};
use crate::devices::OverEager;
use crate::vault::SCRIPTS;

fn signed(desk: &Desk, base: Base, by: &str) -> Psbt {
    desk.world
        .people
        .sign(by, desk.file(base))
        .expect("it signs")
}

/// Who has signed in a role.
fn by(desk: &Desk, psbt: &Psbt, role: Role) -> (Vec<String>, bool) {
    let read = desk.read(&psbt.serialize());
    let seats = read
        .seats
        .iter()
        .filter(|seat| seat.role == role && seat.signed);
    (
        seats.map(|seat| seat.party.clone()).collect(),
        read.met.contains(&role),
    )
}

#[test]
fn those_who_signed_are_named() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        for (base, role) in [(Base::Cancel, Role::Arming), (Base::Spend, Role::Root)] {
            let mut psbt = desk.file(base);
            let mut expected = Vec::new();
            for party in ["alice", "carol", "erin"] {
                assert_eq!(by(&desk, &psbt, role), (expected.clone(), false));
                psbt = desk.world.people.sign(party, psbt).expect("it signs");
                expected.push(party.to_owned());
            }
            assert_eq!(by(&desk, &psbt, role), (expected, true), "three of five");
            assert_eq!(desk.words(&psbt.serialize()), [""; 0]);
        }
    }
}

#[test]
fn a_flipped_bit_is_told() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut reader = desk.reader();
        let psbt = signed(&desk, Base::Cancel, "alice");
        for bit in (0..512).step_by(37) {
            let mut changed = psbt.clone();
            let fields = &mut changed.inputs[0];
            if let Some(signature) = fields.partial_sigs.values_mut().next() {
                let mut bytes = signature.signature.serialize_compact();
                bytes[bit / 8] ^= 1 << (bit % 8);
                match bitcoin::secp256k1::ecdsa::Signature::from_compact(&bytes) {
                    Ok(flipped) => signature.signature = flipped,
                    Err(_) => continue,
                }
            }
            if let Some(signature) = fields.tap_script_sigs.values_mut().next() {
                let mut bytes = *signature.signature.as_ref();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let flipped = bitcoin::secp256k1::schnorr::Signature::from_slice(&bytes);
                signature.signature = flipped.expect("64 bytes");
            }
            let read = reader.read(&changed.serialize()).expect("judged");
            assert_eq!(words(&read), ["signature-invalid"]);
            assert!(read.seats.iter().all(|seat| !seat.signed));
        }
    }
}

fn key<'a>(leaf: &'a DerivedLeaf, role: Role, party: &str) -> &'a KeyUse {
    let mut keys = leaf.keys.iter();
    let found = keys.find(|key| key.role == role && key.party == party);
    found.expect("a seat")
}

/// Puts a signature of a key into a file, for a leaf and with a sighash type.
fn put(desk: &Desk, psbt: &mut Psbt, coin: &Coin, place: (&LeafKind, Role, &str), kind: u8) {
    let leaf = coin.derived().leaf(place.0).expect("such a leaf");
    let used = key(leaf, place.1, place.2);
    let secret = desk.world.people.secret(used);
    let bare = psbt.unsigned_tx.clone();
    if let Some(hash) = leaf.hash() {
        let kind = TapSighashType::from_consensus_u8(kind).expect("a type");
        let signature: taproot::Signature = desk.world.sign_tr(&bare, coin, leaf, &secret, kind);
        let x_only = used.public_key.inner.x_only_public_key().0;
        psbt.inputs[0]
            .tap_script_sigs
            .insert((x_only, hash), signature);
    } else {
        let kind = EcdsaSighashType::from_consensus(u32::from(kind));
        let signature: ecdsa::Signature = desk.world.sign_wsh(&bare, coin, &secret, kind);
        psbt.inputs[0]
            .partial_sigs
            .insert(used.public_key, signature);
    }
}

#[test]
fn every_sighash_type_of_a_signature_is_judged() {
    let place = (&LeafKind::Cancel, Role::Arming, "alice");
    for (script, kinds) in [
        ("tr", &[0_u8, 1, 2, 3, 0x81, 0x82, 0x83][..]),
        ("wsh", &[1, 2, 3, 0x81, 0x82, 0x83]),
    ] {
        let desk = Desk::new(script);
        for kind in kinds {
            let mut psbt = desk.file(Base::Cancel);
            put(&desk, &mut psbt, &desk.escrow, place, *kind);
            let words = desk.words(&psbt.serialize());
            let expected: &[&str] = if *kind <= 1 {
                &[]
            } else {
                &["signature-sighash"]
            };
            assert_eq!(words, expected, "{script} {kind:#x}");
        }
    }
}

/// The byte at the end of a signature, set to every value there is.
#[test]
fn every_sighash_byte_is_judged() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut reader = desk.reader();
        let mut psbt = desk.file(Base::Cancel);
        put(
            &desk,
            &mut psbt,
            &desk.escrow,
            (&LeafKind::Cancel, Role::Arming, "alice"),
            1,
        );
        let fields = &psbt.inputs[0];
        let ecdsa = fields
            .partial_sigs
            .values()
            .map(|signature| signature.to_vec());
        let schnorr = fields
            .tap_script_sigs
            .values()
            .map(|signature| signature.to_vec());
        let signature = ecdsa.chain(schnorr).next().expect("one signature");
        let bytes = psbt.serialize();
        let place = bytes
            .windows(signature.len())
            .position(|at| at == signature);
        let last = place.expect("it is in there") + signature.len() - 1;
        for byte in 0..=u8::MAX {
            let mut changed = bytes.clone();
            changed[last] = byte;
            let words = match reader.read(&changed) {
                Ok(read) => words(&read),
                Err(fault) => vec![fault.code.word()],
            };
            let expected = match byte {
                1 => vec![],
                // DEFAULT: another message.
                0 if script == "tr" => vec!["signature-invalid"],
                2 | 3 | 0x81 | 0x82 | 0x83 => vec!["signature-sighash"],
                _ => vec!["malformed"],
            };
            assert_eq!(words, expected, "{script} {byte:#x}");
        }
    }
}

#[test]
fn signatures_for_other_leaves_and_of_strangers_are_passed_over() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        for place in [
            (&LeafKind::Override, Role::Root, "alice"),
            (&LeafKind::Settle, Role::Arming, "alice"),
            (&LeafKind::Backstop, Role::Path, "gina"),
        ] {
            let mut psbt = desk.file(Base::Cancel);
            put(&desk, &mut psbt, &desk.escrow, place, 1);
            let read = desk.read(&psbt.serialize());
            assert_eq!(words(&read), ["signature-not-asked"]);
            assert!(read.is_sound() && read.seats.iter().all(|seat| !seat.signed));
        }
        // A key of another coin of the same policy.
        let mut psbt = desk.file(Base::Cancel);
        put(
            &desk,
            &mut psbt,
            &desk.coin,
            (&LeafKind::Spend, Role::Root, "alice"),
            1,
        );
        assert_eq!(desk.words(&psbt.serialize()), ["signature-foreign"]);
    }
}

#[test]
fn a_device_that_signs_with_all_it_has_is_noticed() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let device = OverEager::new(&desk.world.people, &desk.escrow);
        let returned = device
            .sign("alice", desk.file(Base::Cancel))
            .expect("it signs");
        let read = desk.read(&returned.serialize());
        assert_eq!(words(&read), ["more-than-asked", "signature-not-asked"]);
        // The veto key of the same party is in the same leaf, and counts where it is asked for.
        assert!(read.met.contains(&Role::Veto));
        assert!(!read.met.contains(&Role::Arming));
    }
}

/// The signature of one transaction in the file of another.
#[test]
fn a_signature_of_another_transaction_is_told() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut psbt = signed(&desk, Base::Cancel, "alice");
        let settle = desk.file(Base::Settle);
        psbt.unsigned_tx = settle.unsigned_tx;
        let read = desk.read(&psbt.serialize());
        assert!(
            read.faults
                .iter()
                .any(|fault| fault.code == FaultCode::SignatureNotAsked)
        );
        assert!(read.seats.iter().all(|seat| !seat.signed));
    }
}
