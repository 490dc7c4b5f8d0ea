//! A transaction that spends the coin of a stage, its signatures, and what Bitcoin Core's code says
//! of them.
//!
//! The age of coins, on which the interpreter has no say, is decided here on the raw numbers of the
//! transaction.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use std::cell::RefCell;
use std::collections::HashMap;

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Keypair, Message};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute,
    relative,
};
use bitcoinconsensus::{Utxo, VERIFY_ALL_PRE_TAPROOT, VERIFY_TAPROOT, verify_with_flags};
use miniscript::descriptor::Descriptor;
use miniscript::miniscript::satisfy::{Placeholder, SchnorrSigType};
use miniscript::plan::Plan;
use miniscript::{DefiniteDescriptorKey, ToPublicKey};

use crate::reference::Moment;
use crate::subject::Subject;

/// What a coin under trial holds.
const COIN: Amount = Amount::from_sat(100_000);

/// The sequence number of the input and the lock time, as they stand in the transaction.
pub type Locks = (u32, u32);

/// Says of nothing that it waited for it, and can be replaced: as our transactions are that do not
/// wait.
pub const UNLOCKED: Locks = (0xffff_fffd, 0);

/// By seat and, for a script leaf of taproot, by leaf.
type Signatures = HashMap<(usize, Option<TapLeafHash>), Vec<u8>>;

/// How a descriptor can be satisfied: the stack with places for signatures, and the locks.
pub struct Recipe {
    template: Vec<Placeholder<DefiniteDescriptorKey>>,
    pub relative: Option<relative::LockTime>,
    pub absolute: Option<absolute::LockTime>,
}

/// A transaction that spends the coin, and the signatures that were made for it so far.
pub struct Spend<'a> {
    subject: &'a Subject,
    transaction: Transaction,
    spent: [TxOut; 1],
    signatures: RefCell<Signatures>,
}

impl Recipe {
    pub fn new(plan: &Plan) -> Self {
        Self {
            template: plan.witness_template().clone(),
            relative: plan.relative_timelock,
            absolute: plan.absolute_timelock,
        }
    }

    /// The ways whose seats sign: more than one where a key is of two ways that are written as one.
    pub fn ways(&self, subject: &Subject) -> Vec<usize> {
        let keys = self
            .template
            .iter()
            .filter_map(|placeholder| match placeholder {
                Placeholder::EcdsaSigPk(key) | Placeholder::SchnorrSigPk(key, ..) => Some(key),
                _ => None,
            });
        let owners: Vec<&Vec<usize>> = keys.map(|key| &subject.owners[key]).collect();
        assert!(!owners.is_empty(), "somebody signs");
        let mut ways: Vec<usize> = (0..subject.ways.len()).collect();
        ways.retain(|way| {
            let seats = subject.seats_of(*way);
            let is_of = |owner: &&Vec<usize>| owner.iter().any(|seat| seats.contains(seat));
            owners.iter().all(is_of)
        });
        assert!(!ways.is_empty(), "everybody who signs is of one way");
        ways
    }

    /// Where ECDSA signatures stand in the witness.
    pub fn ecdsa_items(&self) -> Vec<usize> {
        let is_ecdsa = |at: &usize| matches!(self.template[*at], Placeholder::EcdsaSigPk(_));
        (0..self.template.len()).filter(is_ecdsa).collect()
    }

    /// The numbers that the recipe needs.
    pub fn locks(&self) -> Locks {
        let sequence = self.relative.map(|lock| Sequence::from(lock).0);
        let lock_time = self.absolute.map(absolute::LockTime::to_consensus_u32);
        (
            sequence.unwrap_or(UNLOCKED.0),
            lock_time.unwrap_or(UNLOCKED.1),
        )
    }
}

impl<'a> Spend<'a> {
    /// A transaction that spends the coin under these locks.
    pub fn new(subject: &'a Subject, (sequence, lock_time): Locks) -> Self {
        let coin = OutPoint::new(Txid::from_byte_array([7; 32]), 0);
        let input = TxIn {
            previous_output: coin,
            script_sig: ScriptBuf::new(),
            sequence: Sequence(sequence),
            witness: Witness::new(),
        };
        let output = TxOut {
            value: COIN - Amount::from_sat(1_000),
            script_pubkey: subject.script_pubkey.clone(),
        };
        Self {
            subject,
            transaction: Transaction {
                version: Version::non_standard(3),
                lock_time: LockTime::from_consensus(lock_time),
                input: vec![input],
                output: vec![output],
            },
            spent: [TxOut {
                value: COIN,
                script_pubkey: subject.script_pubkey.clone(),
            }],
            signatures: RefCell::default(),
        }
    }
}

impl Spend<'_> {
    /// The stack with the signatures of these seats, and with nothing where others would sign.
    pub fn witness(&self, recipe: &Recipe, signers: &dyn Fn(usize) -> bool) -> Vec<Vec<u8>> {
        let mut stack = Vec::new();
        for placeholder in &recipe.template {
            stack.push(match placeholder {
                Placeholder::EcdsaSigPk(key) => self.signature(key, None, signers),
                Placeholder::SchnorrSigPk(key, SchnorrSigType::ScriptSpend { leaf_hash }, _) => {
                    self.signature(key, Some(*leaf_hash), signers)
                }
                Placeholder::SchnorrSigPk(key, SchnorrSigType::KeySpend { .. }, _) => {
                    self.signature(key, None, signers)
                }
                Placeholder::Pubkey(key, _) => {
                    let key = key.to_public_key();
                    match self.subject.witness_script {
                        Some(_) => key.to_bytes(),
                        None => key.inner.x_only_public_key().0.serialize().to_vec(),
                    }
                }
                Placeholder::PushOne => vec![1],
                Placeholder::PushZero => Vec::new(),
                Placeholder::TapScript(script) => script.to_bytes(),
                Placeholder::TapControlBlock(block) => block.serialize(),
                other => panic!("our scripts ask for no {other}"),
            });
        }
        stack.extend(
            self.subject
                .witness_script
                .as_ref()
                .map(|script| script.to_bytes()),
        );
        stack
    }

    fn signature(
        &self,
        key: &DefiniteDescriptorKey,
        leaf: Option<TapLeafHash>,
        signers: &dyn Fn(usize) -> bool,
    ) -> Vec<u8> {
        let seat = self
            .subject
            .owners
            .get(key)
            .and_then(|seats| seats.first().copied())
            .filter(|seat| self.subject.signs(*seat, signers));
        let Some(seat) = seat else {
            return Vec::new();
        };
        let mut signatures = self.signatures.borrow_mut();
        signatures
            .entry((seat, leaf))
            .or_insert_with(|| self.sign(seat, leaf))
            .clone()
    }

    fn sign(&self, seat: usize, leaf: Option<TapLeafHash>) -> Vec<u8> {
        let Subject {
            secp,
            secrets,
            witness_script,
            ..
        } = self.subject;
        let secret = secrets[seat];
        let mut cache = SighashCache::new(&self.transaction);
        if let Some(script) = witness_script {
            let hash = cache
                .p2wsh_signature_hash(0, script, COIN, EcdsaSighashType::All)
                .expect("an input");
            let signature = secp.sign_ecdsa(&Message::from(hash), &secret);
            return bitcoin::ecdsa::Signature::sighash_all(signature).to_vec();
        }
        let spent = Prevouts::All(&self.spent);
        let keypair = Keypair::from_secret_key(secp, &secret);
        let (hash, keypair) = match leaf {
            Some(leaf) => (
                cache.taproot_script_spend_signature_hash(0, &spent, leaf, TapSighashType::Default),
                keypair,
            ),
            None => {
                let Descriptor::Tr(tr) = &self.subject.descriptor else {
                    panic!("only taproot has a key path");
                };
                let tweaked =
                    bitcoin::key::TapTweak::tap_tweak(keypair, secp, tr.spend_info().merkle_root());
                (
                    cache.taproot_key_spend_signature_hash(0, &spent, TapSighashType::Default),
                    tweaked.to_keypair(),
                )
            }
        };
        secp.sign_schnorr_no_aux_rand(&Message::from(hash.expect("an input")), &keypair)
            .as_ref()
            .to_vec()
    }

    /// Whether a block after the tip could hold the transaction, as far as its own lock time and
    /// the age of the coin go: `IsFinalTx` and `SequenceLocks` of Bitcoin Core, on one input.
    pub fn is_final(&self, now: Moment) -> bool {
        let Sequence(sequence) = self.transaction.input[0].sequence;
        let lock_time = self.transaction.lock_time.to_consensus_u32();
        let now_or_height = if lock_time < 500_000_000 {
            now.tip_height + 1
        } else {
            now.tip_time
        };
        let is_open = lock_time < now_or_height || sequence == u32::MAX;
        let value = sequence & 0xffff;
        let is_aged = if sequence & (1 << 31) != 0 {
            true
        } else if sequence & (1 << 22) != 0 {
            // The last moment of the wait is one second before so many units after the birth.
            i64::from(now.born_time) + (i64::from(value) << 9) - 1 < i64::from(now.tip_time)
        } else {
            i64::from(now.born_height) + i64::from(value) - 1 < i64::from(now.tip_height) + 1
        };
        is_open && is_aged
    }

    /// What Bitcoin Core's interpreter says of a witness.
    pub fn is_valid(&self, witness: &[Vec<u8>]) -> bool {
        let mut transaction = self.transaction.clone();
        transaction.input[0].witness = Witness::from_slice(witness);
        let bytes = serialize(&transaction);
        let script = self.subject.script_pubkey.as_bytes();
        let value = self.spent[0].value.to_sat();
        let spent = [Utxo {
            script_pubkey: script.as_ptr(),
            script_pubkey_len: u32::try_from(script.len()).expect("34 bytes"),
            value: i64::try_from(value).expect("a small amount"),
        }];
        let flags = VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT;
        verify_with_flags(script, value, &bytes, Some(&spent), 0, flags).is_ok()
    }
}
