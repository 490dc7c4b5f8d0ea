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

/// Whether a signature signs this input of this transaction, through its script leaf, with its
/// key.
pub(super) fn verify(
    transaction: &Transaction,
    prevouts: &[TxOut],
    index: usize,
    input: &Input,
    item: &SignatureItem,
    secp: &Secp256k1<All>,
) -> Result<(), BadSignature> {
    let mut cache = SighashCache::new(transaction);
    let derived = input.coin.derived();
    match item.signature {
        Signature::Ecdsa(signature) => {
            if signature.sighash_type != EcdsaSighashType::All {
                return Err(BadSignature::Sighash);
            }
            let script = witness_script(derived).ok_or(BadSignature::Invalid)?;
            let sighash = cache
                .p2wsh_signature_hash(index, &script, input.coin.amount(), signature.sighash_type)
                .map_err(|_| BadSignature::Invalid)?;
            let message = Message::from_digest(sighash.to_byte_array());
            secp.verify_ecdsa(&message, &signature.signature, &item.key.inner)
                .map_err(|_| BadSignature::Invalid)
        }
        Signature::Schnorr(signature) => {
            let kind = signature.sighash_type;
            if !matches!(kind, TapSighashType::Default | TapSighashType::All) {
                return Err(BadSignature::Sighash);
            }
            let prevouts = Prevouts::All(prevouts);
            let (sighash, key) = match item.hash {
                Some(hash) => (
                    cache.taproot_script_spend_signature_hash(index, &prevouts, hash, kind),
                    item.key.inner.x_only_public_key().0,
                ),
                None => (
                    cache.taproot_key_spend_signature_hash(index, &prevouts, kind),
                    output_key(derived).ok_or(BadSignature::Invalid)?,
                ),
            };
            let sighash = sighash.map_err(|_| BadSignature::Invalid)?;
            let message = Message::from_digest(sighash.to_byte_array());
            secp.verify_schnorr(&signature.signature, &message, &key)
                .map_err(|_| BadSignature::Invalid)
        }
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
