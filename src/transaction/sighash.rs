//! Signatures and the messages they sign, computed from our own transaction and nothing else.

use bitcoin::hashes::Hash;
use bitcoin::psbt;
use bitcoin::secp256k1::{All, Message, Secp256k1};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{EcdsaSighashType, ScriptBuf, TapSighashType, Transaction, TxOut, ecdsa, taproot};
use miniscript::Descriptor;

use super::Input;
use crate::compile::Derived;

/// A verified signature of one key for one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignatureItem {
    pub(crate) key: bitcoin::PublicKey,
    /// The taproot script leaf it commits to.
    pub(crate) hash: Option<TapLeafHash>,
    pub(crate) signature: Signature,
}

/// A signature of either script type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Ecdsa(ecdsa::Signature),
    Schnorr(taproot::Signature),
}

impl SignatureItem {
    /// Puts the signature where a PSBT keeps such a one; without a leaf hash it is the key path's.
    pub(crate) fn write_to(&self, fields: &mut psbt::Input) {
        match (self.signature, self.hash) {
            (Signature::Ecdsa(signature), _) => {
                fields.partial_sigs.insert(self.key, signature);
            }
            (Signature::Schnorr(signature), Some(hash)) => {
                let key = self.key.inner.x_only_public_key().0;
                fields.tap_script_sigs.insert((key, hash), signature);
            }
            (Signature::Schnorr(signature), None) => fields.tap_key_sig = Some(signature),
        }
    }
}

/// Why a signature is worth nothing to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadSignature {
    /// It does not commit to the whole transaction.
    Sighash,
    /// It does not verify.
    Invalid,
}

/// Verifies signatures of one transaction: what all of them commit to is hashed once.
pub(super) struct Verifier<'a> {
    cache: SighashCache<&'a Transaction>,
    prevouts: &'a [TxOut],
    secp: &'a Secp256k1<All>,
    /// The message that was signed last: everybody who signs an input through one script signs the
    /// same.
    last: Option<(Signed, Message)>,
}

/// What a message is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    Ecdsa(usize),
    Schnorr(usize, Option<TapLeafHash>, TapSighashType),
}

impl<'a> Verifier<'a> {
    pub(super) fn new(
        transaction: &'a Transaction,
        prevouts: &'a [TxOut],
        secp: &'a Secp256k1<All>,
    ) -> Self {
        Self {
            cache: SighashCache::new(transaction),
            prevouts,
            secp,
            last: None,
        }
    }

    /// Whether a signature signs this input of the transaction, through its script leaf, with its
    /// key.
    pub(super) fn verify(
        &mut self,
        index: usize,
        input: &Input,
        item: &SignatureItem,
    ) -> Result<(), BadSignature> {
        match item.signature {
            Signature::Ecdsa(signature) => {
                if signature.sighash_type != EcdsaSighashType::All {
                    return Err(BadSignature::Sighash);
                }
                let message = self.message(Signed::Ecdsa(index), input)?;
                self.secp
                    .verify_ecdsa(&message, &signature.signature, &item.key.inner)
                    .map_err(|_| BadSignature::Invalid)
            }
            Signature::Schnorr(signature) => {
                let kind = signature.sighash_type;
                if !matches!(kind, TapSighashType::Default | TapSighashType::All) {
                    return Err(BadSignature::Sighash);
                }
                let message = self.message(Signed::Schnorr(index, item.hash, kind), input)?;
                let key = match item.hash {
                    Some(_) => item.key.inner.x_only_public_key().0,
                    None => output_key(input.coin.derived()).ok_or(BadSignature::Invalid)?,
                };
                self.secp
                    .verify_schnorr(&signature.signature, &message, &key)
                    .map_err(|_| BadSignature::Invalid)
            }
        }
    }

    fn message(&mut self, signed: Signed, input: &Input) -> Result<Message, BadSignature> {
        if let Some((last, message)) = self.last
            && last == signed
        {
            return Ok(message);
        }
        let message = self.compute(signed, input).ok_or(BadSignature::Invalid)?;
        self.last = Some((signed, message));
        Ok(message)
    }

    fn compute(&mut self, signed: Signed, input: &Input) -> Option<Message> {
        let prevouts = Prevouts::All(self.prevouts);
        let cache = &mut self.cache;
        let digest = match signed {
            Signed::Ecdsa(index) => {
                let script = witness_script(input.coin.derived())?;
                let (amount, kind) = (input.coin.amount(), EcdsaSighashType::All);
                let hash = cache.p2wsh_signature_hash(index, &script, amount, kind);
                hash.ok()?.to_byte_array()
            }
            Signed::Schnorr(index, Some(leaf), kind) => {
                let hash = cache.taproot_script_spend_signature_hash(index, &prevouts, leaf, kind);
                hash.ok()?.to_byte_array()
            }
            Signed::Schnorr(index, None, kind) => {
                let hash = cache.taproot_key_spend_signature_hash(index, &prevouts, kind);
                hash.ok()?.to_byte_array()
            }
        };
        Some(Message::from_digest(digest))
    }
}

/// The script that a P2WSH signature commits to.
fn witness_script(derived: &Derived) -> Option<ScriptBuf> {
    match derived.concrete() {
        Descriptor::Wsh(wsh) => Some(wsh.inner_script()),
        _ => None,
    }
}

/// The key that a taproot key path signature verifies under.
fn output_key(derived: &Derived) -> Option<bitcoin::XOnlyPublicKey> {
    match derived.concrete() {
        Descriptor::Tr(tr) => Some(tr.spend_info().output_key().to_x_only_public_key()),
        _ => None,
    }
}
