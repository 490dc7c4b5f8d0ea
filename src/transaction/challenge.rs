//! Challenges: what a party signs to show that it holds the keys of its leaves.
//!
//! A challenge is a message signed in the way of
//! [BIP-322](https://github.com/bitcoin/bips/blob/master/bip-0322.mediawiki), so that any signer of
//! PSBTs can answer it.  Two virtual transactions are made: the first, `to_spend`, commits to the
//! message and pays nothing to a script of the policy; the second, `to_sign`, spends that.
//!
//! Nobody can turn an answer into a spend.  Its signatures commit to the outpoint they spend, which
//! is an output of `to_spend`.  That transaction spends nothing, as only the first of a block may,
//! and it does not begin with the height of a block, as that one must (BIP-34): so it is in no block
//! and never will be.  They commit to an amount of zero as well, and to the only input and output.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::opcodes::OP_0;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::psbt::raw;
use bitcoin::script::Builder as ScriptBuilder;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, ecdsa, psbt,
    taproot,
};
use serde::Serialize;

use super::receive::{self, Place, ReceiveError, StripReason, Stripped};
use super::sighash::{BadSignature, Signature, SignatureItem, Verifier};
use super::{BuildError, Coin, Input, fields};
use crate::compile::{Compiled, Derived, Keychain, Leaf, LeafKind, Role, Stage};
use crate::units::{AbsoluteLock, RelativeLock};

/// The tag under which BIP-322 hashes messages.
const TAG: &[u8] = b"BIP0322-signed-message";

/// The type of the PSBT field that holds the message (`PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE` of
/// BIP-322), so that a device can show it.
const MESSAGE_FIELD: u8 = 0x09;

/// The index at which keys are shown, on the receive keychain.
///
/// One index is enough: with the key at it and the public account, which the policy names, anybody
/// could compute the account's private key (BIP-32).
const INDEX: u32 = 0;

/// The scripts of a policy through which its keys are shown: those of all stages at the first
/// receiving index.
#[derive(Clone, Debug)]
pub struct Scripts {
    stages: Vec<Arc<Derived>>,
}

/// A message to be signed with some keys of one party, through the script of one stage.
#[derive(Clone, Debug)]
pub struct Challenge {
    message: String,
    to_sign: Transaction,
    input: Input,
    asked: Vec<AskedKey>,
}

/// A key that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedKey {
    /// The key itself, at the first receiving index.
    pub key: bitcoin::PublicKey,
    /// The leaf it stands in.
    pub leaf: LeafKind,
    /// The capacity in which the party signs with it.
    pub role: Role,
    /// The script leaf that its signature commits to, in taproot.
    #[serde(skip)]
    hash: Option<TapLeafHash>,
}

/// A signature of a challenge as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeySignature {
    /// The key.
    pub key: bitcoin::PublicKey,
    /// Its signature as it stands in a PSBT: the kind of its hash is behind it, save the default
    /// one of taproot.
    pub signature: Vec<u8>,
}

/// What was found in a returned challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Right signatures of keys that were asked for.
    pub signatures: Vec<KeySignature>,
    /// What was in the file besides, and counts for nothing.
    pub stripped: Vec<Stripped>,
}

impl Scripts {
    /// The scripts of a policy.
    #[must_use]
    pub fn of(compiled: &Compiled, secp: &Secp256k1<All>) -> Self {
        let stages = compiled.stages().map(|stage| {
            let derived = stage.derive(Keychain::Receive, INDEX, secp);
            Arc::new(derived.expect("every wildcard holds the first index"))
        });
        Self {
            stages: stages.collect(),
        }
    }

    /// How many keys of a party stand in them.
    #[must_use]
    pub fn keys(&self, party: &str) -> usize {
        let stages = self.stages.iter();
        let keys = stages.flat_map(|derived| asked(derived, party));
        keys.map(|(_, asked)| asked.key)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// All challenges for the keys of a party: one for each stage they stand in, and more where
    /// their leaves have locks that no single transaction can meet.
    ///
    /// A key that stands in several leaves, as it may in a descriptor from elsewhere, is asked for
    /// once.
    #[must_use]
    pub fn challenges(&self, party: &str, message: &str) -> Vec<Challenge> {
        let mut challenges = Vec::new();
        let mut known = BTreeSet::new();
        for derived in &self.stages {
            let mut rounds: Vec<(Locks, Vec<AskedKey>)> = Vec::new();
            for (leaf, asked) in asked(derived, party) {
                if !known.insert(asked.key) {
                    continue;
                }
                let met = rounds.iter_mut().find_map(|(locks, keys)| {
                    *locks = locks.with(leaf)?;
                    Some(keys)
                });
                match met {
                    Some(keys) => keys.push(asked),
                    None => rounds.push((Locks::of(leaf), vec![asked])),
                }
            }
            let rounds = rounds.into_iter();
            let rounds =
                rounds.map(|(locks, asked)| Challenge::new(derived, locks, asked, message));
            challenges.extend(rounds);
        }
        challenges
    }
}

impl Challenge {
    fn new(derived: &Arc<Derived>, locks: Locks, asked: Vec<AskedKey>, message: &str) -> Self {
        let to_spend = to_spend(message.as_bytes(), derived.script_pubkey());
        let outpoint = OutPoint::new(to_spend.compute_txid(), 0);
        // Never zero, which some signers take for none and sign as if it were the highest.
        let sequence = locks.relative.unwrap_or(RelativeLock::ONE_BLOCK);
        let sequence = sequence.to_sequence();
        let lock_time = locks
            .absolute
            .map_or(LockTime::ZERO, AbsoluteLock::to_lock_time);
        let to_sign = to_sign(outpoint, sequence, lock_time);
        let coin = Coin::new(outpoint, Amount::ZERO, Arc::clone(derived));
        let leaf = asked
            .first()
            .map_or(LeafKind::Spend, |key| key.leaf.clone());
        Self {
            message: message.to_owned(),
            to_sign,
            input: Input {
                coin: coin.with_source(Arc::new(to_spend)),
                leaf,
                signatures: Vec::new(),
            },
            asked,
        }
    }

    /// The stage through whose script is signed.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        self.input.coin.derived().stage()
    }

    /// The keys that are asked for.
    #[must_use]
    pub fn asked(&self) -> &[AskedKey] {
        &self.asked
    }

    /// The transaction that is signed, without any witness.
    #[must_use]
    pub const fn to_sign(&self) -> &Transaction {
        &self.to_sign
    }

    /// The PSBT to be signed: the message, the keys that are asked for, and nothing of others.
    ///
    /// # Errors
    ///
    /// None that a compiled policy can provoke.
    pub fn request(&self) -> Result<Psbt, BuildError> {
        let mut psbt =
            Psbt::from_unsigned_tx(self.to_sign.clone()).map_err(|_| BuildError::Psbt)?;
        psbt.unknown
            .insert(message_field(), self.message.clone().into_bytes());
        let coin = &self.input.coin;
        if let Some(input) = psbt.inputs.first_mut() {
            input.witness_utxo = Some(coin.txout());
            if !coin.txout().script_pubkey.is_p2tr() {
                input.non_witness_utxo = coin.source().map(|tx| tx.as_ref().clone());
            }
            fields::describe_input(coin.derived(), input);
            self.reduce(input);
        }
        Ok(psbt)
    }

    /// Leaves in the fields what belongs to the keys that are asked for.
    fn reduce(&self, fields: &mut psbt::Input) {
        let is_asked = |hash: &TapLeafHash| self.asked.iter().any(|key| key.hash == Some(*hash));
        fields
            .bip32_derivation
            .retain(|key, _| self.asked.iter().any(|asked| asked.key.inner == *key));
        fields.tap_key_origins.retain(|x_only, (hashes, _)| {
            let mut keys = self.asked.iter();
            let asked = keys.find(|asked| asked.key.inner.x_only_public_key().0 == *x_only);
            hashes.retain(|hash| asked.is_some_and(|asked| asked.hash == Some(*hash)));
            asked.is_some()
        });
        fields
            .tap_scripts
            .retain(|_, (script, version)| is_asked(&TapLeafHash::from_script(script, *version)));
    }

    /// Takes the right signatures out of a returned PSBT.
    ///
    /// Nothing else is read of it, and each signature is verified against the transaction that is
    /// computed here.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction, so for another message, party, policy or stage.
    pub fn receive(&self, returned: &Psbt, secp: &Secp256k1<All>) -> Result<Answer, ReceiveError> {
        if returned.unsigned_tx != self.to_sign {
            return Err(ReceiveError::OtherTransaction {
                wanted: self.to_sign.compute_txid(),
                actual: returned.unsigned_tx.compute_txid(),
            });
        }
        let mut answer = Answer::default();
        for fields in &returned.inputs {
            for (place, item) in receive::signatures(&self.input, fields) {
                let asked = item.filter(|item| self.asks_for(item));
                let outcome = match asked {
                    Some(item) => self.verify_item(&item, secp).map(|()| item),
                    None => Err(StripReason::NotRequested),
                };
                match outcome {
                    Ok(item) => answer.signatures.push(KeySignature::of(&item)),
                    Err(reason) => {
                        let Place { party, leaf, .. } = place;
                        answer.stripped.push(Stripped {
                            input: 0,
                            party,
                            leaf,
                            reason,
                        });
                    }
                }
            }
        }
        Ok(answer)
    }

    /// Whether a signature that was kept is right; none if its key is not asked for here.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    #[must_use]
    pub fn verify(
        &self,
        kept: &KeySignature,
        secp: &Secp256k1<All>,
    ) -> Option<Result<(), StripReason>> {
        let asked = self.asked.iter().find(|asked| asked.key == kept.key)?;
        let taproot = self.input.coin.derived().script_pubkey().is_p2tr();
        let read = if taproot {
            let read = taproot::Signature::from_slice(&kept.signature);
            read.map(Signature::Schnorr).ok()
        } else {
            let read = ecdsa::Signature::from_slice(&kept.signature);
            read.map(Signature::Ecdsa).ok()
        };
        let Some(signature) = read else {
            return Some(Err(StripReason::Invalid));
        };
        let item = SignatureItem {
            key: asked.key,
            hash: asked.hash,
            signature,
        };
        // One signature has one text, so that a kept proof cannot be rewritten.
        if KeySignature::of(&item) != *kept {
            return Some(Err(StripReason::Invalid));
        }
        Some(self.verify_item(&item, secp))
    }

    fn asks_for(&self, item: &SignatureItem) -> bool {
        let mut asked = self.asked.iter();
        asked.any(|asked| asked.key == item.key && asked.hash == item.hash)
    }

    fn verify_item(&self, item: &SignatureItem, secp: &Secp256k1<All>) -> Result<(), StripReason> {
        let prevouts = [self.input.coin.txout()];
        let mut verifier = Verifier::new(&self.to_sign, &prevouts, secp);
        verifier
            .verify(0, &self.input, item)
            .map_err(|bad| match bad {
                BadSignature::Sighash => StripReason::Sighash,
                BadSignature::Invalid => StripReason::Invalid,
            })
    }
}

impl KeySignature {
    fn of(item: &SignatureItem) -> Self {
        Self {
            key: item.key,
            signature: match item.signature {
                Signature::Ecdsa(signature) => signature.to_vec(),
                Signature::Schnorr(signature) => signature.to_vec(),
            },
        }
    }
}

/// The message that a PSBT says it signs, if it says so and the message is a text.
#[must_use]
pub fn message_of(psbt: &Psbt) -> Option<&str> {
    let message = psbt.unknown.get(&message_field())?;
    str::from_utf8(message).ok()
}

fn message_field() -> raw::Key {
    raw::Key {
        type_value: MESSAGE_FIELD,
        key: Vec::new(),
    }
}

/// The keys of a party, leaf by leaf, each with the first script it stands in.
fn asked<'a>(
    derived: &'a Derived,
    party: &'a str,
) -> impl Iterator<Item = (&'a Leaf, AskedKey)> + 'a {
    derived.leaves().iter().flat_map(move |own| {
        let keys = own.keys.iter().enumerate();
        keys.filter(move |(_, used)| used.party == party)
            .filter_map(move |(seat, used)| {
                let mut scripts = own.scripts.iter();
                let script = scripts.find(|script| script.script.seats().contains(&seat))?;
                let asked = AskedKey {
                    key: used.public_key,
                    leaf: own.leaf.kind().clone(),
                    role: used.role,
                    hash: script.hash,
                };
                Some((&own.leaf, asked))
            })
    })
}

/// The locks that a transaction meets.
#[derive(Clone, Copy)]
struct Locks {
    relative: Option<RelativeLock>,
    absolute: Option<AbsoluteLock>,
}

impl Locks {
    const fn of(leaf: &Leaf) -> Self {
        Self {
            relative: leaf.relative(),
            absolute: leaf.absolute(),
        }
    }

    /// Those of a leaf as well; none if heights and times do not go together.
    fn with(self, leaf: &Leaf) -> Option<Self> {
        use AbsoluteLock::{Height, Time};
        use RelativeLock::{Blocks, Units512};
        let relative = match (self.relative, leaf.relative()) {
            (one, None) | (None, one) => one,
            (Some(Blocks(one)), Some(Blocks(other))) => Some(Blocks(one.max(other))),
            (Some(Units512(one)), Some(Units512(other))) => Some(Units512(one.max(other))),
            _ => return None,
        };
        let absolute = match (self.absolute, leaf.absolute()) {
            (one, None) | (None, one) => one,
            (Some(Height(one)), Some(Height(other))) => Some(Height(one.max(other))),
            (Some(Time(one)), Some(Time(other))) => Some(Time(one.max(other))),
            _ => return None,
        };
        Some(Self { relative, absolute })
    }
}

/// The virtual transaction that commits to a message and to the script that signs it.
fn to_spend(message: &[u8], script_pubkey: &ScriptBuf) -> Transaction {
    let script_sig = ScriptBuilder::new()
        .push_opcode(OP_0)
        .push_slice(message_hash(message).to_byte_array())
        .into_script();
    Transaction {
        version: Version(0),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig,
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: script_pubkey.clone(),
        }],
    }
}

/// The virtual transaction that is signed.
///
/// Its version is 2, because most scripts of a policy hold relative locks, which need that.
fn to_sign(outpoint: OutPoint, sequence: Sequence, lock_time: LockTime) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time,
        input: vec![TxIn {
            previous_output: outpoint,
            script_sig: ScriptBuf::new(),
            sequence,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuilder::new().push_opcode(OP_RETURN).into_script(),
        }],
    }
}

/// BIP-340's tagged hash of a message.
fn message_hash(message: &[u8]) -> sha256::Hash {
    let tag = sha256::Hash::hash(TAG);
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    engine.input(message);
    sha256::Hash::from_engine(engine)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use bitcoin::Address;

    use super::*;

    /// The vectors of BIP-322 (`bip-0322/basic-test-vectors.json`).
    #[test]
    fn messages_become_the_transactions_of_the_vectors() {
        let text = include_str!("../../tests/vectors/bips/bip-0322-basic-test-vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let hashes = vectors["tx_hashes"].as_array().expect("a list");
        assert_eq!(hashes.len(), 3);
        for vector in hashes {
            let field = |name: &str| vector[name].as_str().expect("a text");
            let message = field("message").as_bytes();
            // The vectors print hashes of messages as bytes, and those of transactions reversed.
            let hash = message_hash(message).to_string();
            assert_eq!(hash, field("message_hash"));
            let address = Address::from_str(field("address")).expect("an address");
            let to_spend = to_spend(message, &address.assume_checked().script_pubkey());
            assert_eq!(
                to_spend.compute_txid().to_string(),
                field("to_spend_tx_hash")
            );
            let outpoint = OutPoint::new(to_spend.compute_txid(), 0);
            let mut signed = to_sign(outpoint, Sequence::ZERO, LockTime::ZERO);
            // Theirs have no locks to meet.
            signed.version = Version(0);
            assert_eq!(signed.compute_txid().to_string(), field("to_sign_tx_hash"));
        }
    }

    /// No block may hold the transaction whose output a challenge spends.
    #[test]
    fn the_spent_output_can_be_in_no_block() {
        let to_spend = to_spend(b"hello", &ScriptBuf::new_p2a());
        assert!(to_spend.is_coinbase());
        for height in [1, 16, 17, 227_931, 1_000_000] {
            let begins = ScriptBuilder::new().push_int(height).into_script();
            let script = to_spend.input[0].script_sig.as_bytes();
            assert!(!script.starts_with(begins.as_bytes()), "{height}");
        }
        assert_eq!(to_spend.output[0].value, Amount::ZERO);
    }
}
