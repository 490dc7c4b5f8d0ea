//! What comes back from a signing device or a counterparty, bent in every way.
//!
//! Our own transaction is the base: from a returned file signatures are taken and nothing else,
//! and only those that were asked for and verify.

use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, EcdsaSighashType, Psbt, ScriptBuf, Sequence, TapSighashType, TxOut, ecdsa, taproot,
};
use longstop::compile::{DerivedLeaf, KeyUse, LeafKind, Role};
use longstop::engine::Signers;
use longstop::transaction::{
    BuildError, Cancel, Coin, EscrowCoin, ReceiveError, Received, StripReason, Stripped, VaultCoin,
};

use crate::vault::{DEPOSIT, Draft, SCRIPTS, TREASURY, World, anywhere, made};

/// A cancel that root is to sign, as it is asked for and as alice returns it.
struct Ceremony {
    world: World,
    coin: VaultCoin,
    escrow: EscrowCoin,
    cancel: Cancel,
    returned: Psbt,
}

impl Ceremony {
    fn new(script: &'static str) -> Self {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let escrow: EscrowCoin = made(&trigger);
        let cancel = world.builder().cancel(&escrow).expect("it pays");
        let request = cancel.request(Role::Arming).expect("a request");
        let returned = world.people.sign("alice", request).expect("it signs");
        Self {
            world,
            coin,
            escrow,
            cancel,
            returned,
        }
    }

    fn receive(&self, returned: &Psbt) -> Result<Received, ReceiveError> {
        let mut cancel = self.cancel.clone();
        cancel.receive(Role::Arming, returned, self.world.secp())
    }

    fn leaf(&self, kind: &LeafKind) -> &DerivedLeaf {
        self.escrow.derived().leaf(kind).expect("such a leaf")
    }

    fn key(&self, kind: &LeafKind, role: Role, party: &str) -> &KeyUse {
        let mut keys = self.leaf(kind).keys.iter();
        let found = keys.find(|key| key.role == role && key.party == party);
        found.expect("a seat")
    }

    fn alice(&self) -> &KeyUse {
        self.key(&LeafKind::Cancel, Role::Arming, "alice")
    }
}

/// The only signature in a file.
fn ecdsa_in(psbt: &mut Psbt) -> Option<&mut ecdsa::Signature> {
    psbt.inputs[0].partial_sigs.values_mut().next()
}

fn schnorr_in(psbt: &mut Psbt) -> Option<&mut taproot::Signature> {
    psbt.inputs[0].tap_script_sigs.values_mut().next()
}

/// Puts a signature for a key into a file, in the place of a leaf.
fn put(psbt: &mut Psbt, leaf: &DerivedLeaf, key: &KeyUse, signature: Given) {
    let fields = &mut psbt.inputs[0];
    match signature {
        Given::Ecdsa(signature) => {
            fields.partial_sigs.insert(key.public_key, signature);
        }
        Given::Schnorr(signature) => {
            let hash = leaf.hash().expect("a script leaf");
            let x_only = key.public_key.inner.x_only_public_key().0;
            fields.tap_script_sigs.insert((x_only, hash), signature);
        }
    }
}

#[derive(Clone, Copy)]
enum Given {
    Ecdsa(ecdsa::Signature),
    Schnorr(taproot::Signature),
}

impl Ceremony {
    /// A signature as its file holds it, on the transaction of the request or another.
    fn sign(&self, coin: &Coin, leaf: &DerivedLeaf, key: &KeyUse, psbt: &Psbt) -> Given {
        let secret = self.world.people.secret(key);
        let transaction = &psbt.unsigned_tx;
        if leaf.hash().is_some() {
            let kind = TapSighashType::Default;
            Given::Schnorr(self.world.sign_tr(transaction, coin, leaf, &secret, kind))
        } else {
            let kind = EcdsaSighashType::All;
            Given::Ecdsa(self.world.sign_wsh(transaction, coin, &secret, kind))
        }
    }
}

fn stripped(received: &Received) -> Vec<(Option<&str>, StripReason)> {
    let strip = |one: &Stripped| one.reason;
    assert!(
        received.accepted.is_empty(),
        "nothing is taken: {received:?}"
    );
    let all = received.stripped.iter();
    all.map(|one| (one.party.as_deref(), strip(one))).collect()
}

#[test]
fn the_honest_file_is_taken() {
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        let received = ceremony.receive(&ceremony.returned).expect("it is our own");
        assert_eq!(received.accepted, ["alice"]);
        assert_eq!(received.stripped, []);
    }
}

#[test]
fn a_file_for_another_transaction_is_refused() {
    type Change = fn(&mut Psbt);
    let changes: [(&str, Change); 8] = [
        ("another destination", |p| {
            p.unsigned_tx.output[0].script_pubkey = anywhere();
        }),
        ("another amount", |p| {
            p.unsigned_tx.output[0].value -= Amount::ONE_SAT;
        }),
        ("no anchor", |p| {
            p.unsigned_tx.output.truncate(1);
            p.outputs.truncate(1);
        }),
        ("one more output", |p| {
            p.unsigned_tx.output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: ScriptBuf::new(),
            });
            p.outputs.push(bitcoin::psbt::Output::default());
        }),
        ("a sequence number with its lock disabled", |p| {
            p.unsigned_tx.input[0].sequence = Sequence::MAX;
        }),
        ("another lock time", |p| {
            p.unsigned_tx.lock_time = bitcoin::absolute::LockTime::from_consensus(7);
        }),
        ("version 1", |p| p.unsigned_tx.version.0 = 1),
        ("a foreign input", |p| {
            p.unsigned_tx.input.push(bitcoin::TxIn::default());
            p.inputs.push(bitcoin::psbt::Input::default());
        }),
    ];
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        let wanted = ceremony.cancel.txid();
        for (name, change) in changes {
            let mut changed = ceremony.returned.clone();
            change(&mut changed);
            let actual = changed.unsigned_tx.compute_txid();
            let expected = Err(ReceiveError::OtherTransaction { wanted, actual });
            assert_eq!(ceremony.receive(&changed), expected, "{name}");
            assert_ne!(wanted, actual, "{name}");
        }
    }
}

/// Every bit of the signature matters.
#[test]
fn a_flipped_bit_is_found() {
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        for bit in 0..512 {
            let mut changed = ceremony.returned.clone();
            if let Some(signature) = ecdsa_in(&mut changed) {
                let mut bytes = signature.signature.serialize_compact();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let Ok(flipped) = bitcoin::secp256k1::ecdsa::Signature::from_compact(&bytes) else {
                    continue;
                };
                signature.signature = flipped;
            } else {
                let signature = schnorr_in(&mut changed).expect("one signature");
                let mut bytes = *signature.signature.as_ref();
                bytes[bit / 8] ^= 1 << (bit % 8);
                signature.signature =
                    bitcoin::secp256k1::schnorr::Signature::from_slice(&bytes).expect("64 bytes");
            }
            let received = ceremony.receive(&changed).expect("it is our own");
            assert_eq!(stripped(&received), [(Some("alice"), StripReason::Invalid)]);
        }
    }
}

/// A signature with a high S is the same to the curve, and nodes do not relay it.
#[test]
fn a_malleated_signature_is_found() {
    let ceremony = Ceremony::new("wsh");
    let mut changed = ceremony.returned.clone();
    let signature = ecdsa_in(&mut changed).expect("one signature");
    let mut bytes = signature.signature.serialize_compact();
    let scalar = bitcoin::secp256k1::SecretKey::from_slice(&bytes[32..]).expect("below the order");
    bytes[32..].copy_from_slice(&scalar.negate().secret_bytes());
    signature.signature =
        bitcoin::secp256k1::ecdsa::Signature::from_compact(&bytes).expect("in range");
    let received = ceremony.receive(&changed).expect("it is our own");
    assert_eq!(stripped(&received), [(Some("alice"), StripReason::Invalid)]);
}

#[test]
fn only_signatures_for_the_whole_transaction_are_taken() {
    use EcdsaSighashType as E;
    use TapSighashType as T;

    let ceremony = Ceremony::new("tr");
    let leaf = ceremony.leaf(&LeafKind::Cancel);
    let secret = ceremony.world.people.secret(ceremony.alice());
    let (escrow, bare) = (&ceremony.escrow, &ceremony.returned.unsigned_tx);
    let kinds = [
        (T::Default, true),
        (T::All, true),
        (T::None, false),
        (T::Single, false),
        (T::AllPlusAnyoneCanPay, false),
        (T::NonePlusAnyoneCanPay, false),
        (T::SinglePlusAnyoneCanPay, false),
    ];
    for (kind, good) in kinds {
        let mut changed = ceremony.returned.clone();
        let signature = ceremony.world.sign_tr(bare, escrow, leaf, &secret, kind);
        put(
            &mut changed,
            leaf,
            ceremony.alice(),
            Given::Schnorr(signature),
        );
        check_sighash(&ceremony, &changed, good, &kind.to_string());
    }

    let ceremony = Ceremony::new("wsh");
    let leaf = ceremony.leaf(&LeafKind::Cancel);
    let secret = ceremony.world.people.secret(ceremony.alice());
    let (escrow, bare) = (&ceremony.escrow, &ceremony.returned.unsigned_tx);
    let kinds = [
        (E::All, true),
        (E::None, false),
        (E::Single, false),
        (E::AllPlusAnyoneCanPay, false),
        (E::NonePlusAnyoneCanPay, false),
        (E::SinglePlusAnyoneCanPay, false),
    ];
    for (kind, good) in kinds {
        let mut changed = ceremony.returned.clone();
        let signature = ceremony.world.sign_wsh(bare, escrow, &secret, kind);
        put(
            &mut changed,
            leaf,
            ceremony.alice(),
            Given::Ecdsa(signature),
        );
        check_sighash(&ceremony, &changed, good, &kind.to_string());
    }
}

fn check_sighash(ceremony: &Ceremony, changed: &Psbt, good: bool, kind: &str) {
    let received = ceremony.receive(changed).expect("it is our own");
    if good {
        assert_eq!(received.accepted, ["alice"], "{kind}");
        assert_eq!(received.stripped, [], "{kind}");
    } else {
        let expected = [(Some("alice"), StripReason::Sighash)];
        assert_eq!(stripped(&received), expected, "{kind}");
    }
}

/// The last byte of a signature in the bytes of a file, set to every value: the file cannot be
/// read, or the signature is not taken.
#[test]
fn every_byte_where_the_sighash_type_stands() {
    for script in SCRIPTS {
        let mut ceremony = Ceremony::new(script);
        let signature = if script == "tr" {
            let leaf = ceremony.leaf(&LeafKind::Cancel);
            let secret = ceremony.world.people.secret(ceremony.alice());
            let bare = &ceremony.returned.unsigned_tx;
            let (escrow, all) = (&ceremony.escrow, TapSighashType::All);
            let signature = ceremony.world.sign_tr(bare, escrow, leaf, &secret, all);
            *schnorr_in(&mut ceremony.returned).expect("one signature") = signature;
            signature.to_vec()
        } else {
            let signature = ecdsa_in(&mut ceremony.returned).expect("one signature");
            signature.to_vec()
        };
        let bytes = ceremony.returned.serialize();
        let place = bytes
            .windows(signature.len())
            .position(|at| at == signature);
        let last = place.expect("it is in there") + signature.len() - 1;
        for byte in 0..=u8::MAX {
            let mut changed = bytes.clone();
            changed[last] = byte;
            let Ok(returned) = Psbt::deserialize(&changed) else {
                assert_ne!(byte, 1);
                continue;
            };
            let received = ceremony.receive(&returned).expect("it is our own");
            assert_eq!(received.accepted.is_empty(), byte != 1, "{byte}");
        }
    }
}

#[test]
fn a_signature_in_the_wrong_place_is_not_taken() {
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        let empty = ceremony.cancel.request(Role::Arming).expect("a request");
        let cancel = ceremony.leaf(&LeafKind::Cancel);
        let escrow: &Coin = &ceremony.escrow;

        // Bob's seat with alice's signature.
        let bob = ceremony.key(&LeafKind::Cancel, Role::Arming, "bob");
        let mut changed = empty.clone();
        let hers = ceremony.sign(escrow, cancel, ceremony.alice(), &empty);
        put(&mut changed, cancel, bob, hers);
        let received = ceremony.receive(&changed).expect("it is our own");
        assert_eq!(stripped(&received), [(Some("bob"), StripReason::Invalid)]);

        // Good signatures of other leaves of the same coin.
        for (kind, role, party) in [
            (LeafKind::Override, Role::Root, "alice"),
            (LeafKind::Settle, Role::Arming, "alice"),
            (LeafKind::Cancel, Role::Veto, "alice"),
            (LeafKind::Backstop, Role::Path, "gina"),
        ] {
            let (leaf, key) = (ceremony.leaf(&kind), ceremony.key(&kind, role, party));
            let mut changed = empty.clone();
            put(
                &mut changed,
                leaf,
                key,
                ceremony.sign(escrow, leaf, key, &empty),
            );
            let received = ceremony.receive(&changed).expect("it is our own");
            assert_eq!(
                stripped(&received),
                [(Some(party), StripReason::NotRequested)]
            );
            assert_eq!(received.stripped[0].leaf, Some(kind));
        }

        // A key that is none of the coin's.
        let vault = ceremony.coin.derived().leaf(&LeafKind::Spend).expect("it");
        let mut changed = empty.clone();
        let foreign = ceremony.sign(escrow, cancel, &vault.keys[0], &empty);
        put(&mut changed, cancel, &vault.keys[0], foreign);
        let received = ceremony.receive(&changed).expect("it is our own");
        assert_eq!(stripped(&received), [(None, StripReason::NotRequested)]);

        // A key path signature, where nobody can have one.
        let mut changed = empty.clone();
        changed.inputs[0].tap_key_sig = Some(taproot::Signature {
            signature: bitcoin::secp256k1::schnorr::Signature::from_slice(&[1; 64]).expect("64"),
            sighash_type: TapSighashType::Default,
        });
        let received = ceremony.receive(&changed).expect("it is our own");
        assert_eq!(stripped(&received), [(None, StripReason::NotRequested)]);
    }
}

/// In taproot the signature of alice's cancel key over the hash of another leaf.
#[test]
fn a_signature_over_another_leaf_is_not_taken() {
    let ceremony = Ceremony::new("tr");
    let empty = ceremony.cancel.request(Role::Arming).expect("a request");
    let (cancel, settle) = (
        ceremony.leaf(&LeafKind::Cancel),
        ceremony.leaf(&LeafKind::Settle),
    );
    let other = ceremony.sign(&ceremony.escrow, settle, ceremony.alice(), &empty);
    let mut claimed = empty.clone();
    put(&mut claimed, cancel, ceremony.alice(), other);
    let received = ceremony.receive(&claimed).expect("it is our own");
    assert_eq!(stripped(&received), [(Some("alice"), StripReason::Invalid)]);
    let mut honest = empty.clone();
    put(&mut honest, settle, ceremony.alice(), other);
    let received = ceremony.receive(&honest).expect("it is our own");
    assert_eq!(stripped(&received), [(None, StripReason::NotRequested)]);
}

/// Scripts, amounts, derivations and previous transactions of the returned file are not read: the
/// result is the same as without them, and what we write out next is our own.
#[test]
fn nothing_but_signatures_is_read() {
    type Change = fn(&mut Psbt);
    let changes: [(&str, Change); 7] = [
        ("a foreign witness script", |p| {
            p.inputs[0].witness_script = Some(ScriptBuf::from_bytes(vec![0x51]));
        }),
        ("another amount spent", |p| {
            p.inputs[0].witness_utxo = Some(TxOut {
                value: Amount::from_sat(1),
                script_pubkey: anywhere(),
            });
        }),
        ("no amount spent", |p| {
            p.inputs[0].witness_utxo = None;
            p.inputs[0].non_witness_utxo = None;
        }),
        ("a finished witness", |p| {
            p.inputs[0].final_script_witness = Some(bitcoin::Witness::from_slice(&[[1u8]]));
        }),
        ("derivations of somebody else", |p| {
            p.inputs[0].bip32_derivation.clear();
            p.inputs[0].tap_key_origins.clear();
            p.outputs[1].bip32_derivation = p.outputs[0].bip32_derivation.clone();
            p.outputs[1].witness_script = Some(anywhere());
        }),
        ("another merkle root and internal key", |p| {
            let key = bitcoin::secp256k1::XOnlyPublicKey::from_slice(&[0x50; 32]);
            p.inputs[0].tap_internal_key = key.ok();
            p.inputs[0].tap_merkle_root =
                Some(bitcoin::taproot::TapNodeHash::from_byte_array([9; 32]));
        }),
        ("another sighash type asked for", |p| {
            p.inputs[0].sighash_type = Some(EcdsaSighashType::None.into());
        }),
    ];
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        let mut plain = ceremony.cancel.clone();
        let expected = plain.receive(Role::Arming, &ceremony.returned, ceremony.world.secp());
        let kept = plain.to_psbt().expect("a file");
        for (name, change) in changes {
            let mut changed = ceremony.returned.clone();
            change(&mut changed);
            let mut cancel = ceremony.cancel.clone();
            let received = cancel.receive(Role::Arming, &changed, ceremony.world.secp());
            assert_eq!(received, expected, "{name}");
            assert_eq!(cancel.to_psbt().expect("a file"), kept, "{name}");
        }
    }
}

/// The signature of a version 0 input commits to its amount, so a request shows where it is from.
#[test]
fn requests_show_the_whole_previous_transaction_where_signers_need_it() {
    for script in SCRIPTS {
        let ceremony = Ceremony::new(script);
        let request = ceremony.cancel.request(Role::Arming).expect("a request");
        let fields = &request.inputs[0];
        let spent = request.unsigned_tx.input[0].previous_output;
        assert_eq!(fields.witness_utxo, Some(ceremony.escrow.txout()));
        match script {
            "tr" => assert_eq!(
                fields.non_witness_utxo, None,
                "taproot commits to all amounts"
            ),
            _ => {
                let source = fields.non_witness_utxo.as_ref().expect("CVE-2020-14199");
                assert_eq!(source.compute_txid(), spent.txid);
                assert_eq!(source.output[spent.vout as usize], ceremony.escrow.txout());
            }
        }
        assert_eq!(
            fields.sighash_type, None,
            "the default is all that is taken"
        );
    }
}

/// Several inputs, each with a signature of its own.
#[test]
fn a_signature_of_one_input_is_not_taken_for_another() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let one = world.deposit(DEPOSIT);
        let two = world.pay_to(&longstop::compile::Stage::Vault, 1, DEPOSIT);
        world.chain.mine_one();
        let two = VaultCoin::try_from(two).expect("in the vault");
        let mut refresh = world.builder().refresh(&[&one, &two], 5).expect("it pays");
        let request = refresh.request(Role::Root).expect("a request");
        let honest = world.people.sign("alice", request).expect("it signs");
        let mut swapped = honest.clone();
        swapped.inputs.swap(0, 1);
        let received = refresh.receive(Role::Root, &swapped, world.secp());
        let received = received.expect("it is our own");
        assert_eq!(stripped(&received).len(), 2);
        let received = refresh.receive(Role::Root, &honest, world.secp());
        assert_eq!(
            received.expect("it is our own").accepted,
            ["alice", "alice"]
        );
        assert!(refresh.clone().into_signed().is_err(), "one of three");
        world.collect(&mut refresh, Role::Root, &["bob"]);
        assert!(!refresh.is_met(Role::Root));
        world.collect(&mut refresh, Role::Root, &["carol"]);
        let signed = refresh.into_signed().expect("three of five");
        let complete = signed.finalize().expect("it is complete");
        world.accepts(complete.transaction());
    }
}

/// The same people, and a window that is a block longer: other scripts, on which a signature for
/// this policy would be worth nothing.
#[test]
fn coins_of_another_policy_are_refused() {
    for script in SCRIPTS {
        let mut other = Draft::new(script, &TREASURY.replace("20 blocks", "21 blocks")).world();
        let mut world = Draft::new(script, TREASURY).world();
        let (own, foreign) = (world.deposit(DEPOSIT), other.deposit(DEPOSIT));
        let escrow: EscrowCoin = made(&other.builder().trigger(&foreign, "sos").expect("it pays"));
        let builder = world.builder();
        assert!(
            builder
                .cancel(&made(&builder.trigger(&own, "sos").expect("its own")))
                .is_ok()
        );
        let refused = BuildError::Foreign {
            coin: escrow.outpoint(),
        };
        assert_eq!(builder.cancel(&escrow).err(), Some(refused.clone()));
        assert_eq!(builder.settle(&escrow).err(), Some(refused.clone()));
        assert_eq!(
            builder.override_escrow(&escrow).err(),
            Some(refused.clone())
        );
        assert_eq!(builder.backstop(&escrow, anywhere()).err(), Some(refused));
    }
}
