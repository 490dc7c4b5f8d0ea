//! Signing a PSBT, with the same signature for the same message every time.
//!
//! The library signs taproot with random numbers wherever some crate in the build asks for them, and
//! without them otherwise.  A rehearsal has to give the same bytes on every machine; and the hash of
//! the message and the secret is all that BIP-340 needs.

use bitcoin::bip32::KeySource;
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Psbt, TapSighashType, Transaction, TxOut, ecdsa, taproot};

use super::SoftwareSigner;

impl SoftwareSigner {
    /// Signs everything that a PSBT asks of this key; how many signatures there were.
    ///
    /// What cannot be signed, such as an anchor, is passed over.
    pub fn sign(&self, psbt: &mut Psbt, secp: &Secp256k1<All>) -> usize {
        let bare = psbt.unsigned_tx.clone();
        let mut cache = SighashCache::new(&bare);
        let prevouts: Option<Vec<TxOut>> = (0..psbt.inputs.len())
            .map(|index| psbt.spend_utxo(index).ok().cloned())
            .collect();
        let mut count = 0;
        for index in 0..psbt.inputs.len() {
            count += self.sign_ecdsa(psbt, index, &mut cache, secp);
            if let Some(prevouts) = &prevouts {
                count += self.sign_schnorr(psbt, index, prevouts, &mut cache, secp);
            }
        }
        count
    }

    fn sign_ecdsa(
        &self,
        psbt: &mut Psbt,
        index: usize,
        cache: &mut SighashCache<&Transaction>,
        secp: &Secp256k1<All>,
    ) -> usize {
        let Some(fields) = psbt.inputs.get(index) else {
            return 0;
        };
        let origins = fields.bip32_derivation.iter();
        let own: Vec<(bitcoin::PublicKey, SecretKey)> = origins
            .filter_map(|(key, source)| {
                let secret = self.secret(source, secp)?;
                (secret.public_key(secp) == *key).then(|| (bitcoin::PublicKey::new(*key), secret))
            })
            .collect();
        if own.is_empty() {
            return 0;
        }
        let Ok((message, sighash_type)) = psbt.sighash_ecdsa(index, cache) else {
            return 0;
        };
        let count = own.len();
        if let Some(fields) = psbt.inputs.get_mut(index) {
            for (key, secret) in own {
                let signature = ecdsa::Signature {
                    signature: secp.sign_ecdsa(&message, &secret),
                    sighash_type,
                };
                fields.partial_sigs.insert(key, signature);
            }
        }
        count
    }

    fn sign_schnorr(
        &self,
        psbt: &mut Psbt,
        index: usize,
        prevouts: &[TxOut],
        cache: &mut SighashCache<&Transaction>,
        secp: &Secp256k1<All>,
    ) -> usize {
        let Some(fields) = psbt.inputs.get_mut(index) else {
            return 0;
        };
        let Ok(kind) = fields.taproot_hash_ty() else {
            return 0;
        };
        let mut count = 0;
        for (key, (hashes, source)) in fields.tap_key_origins.clone() {
            let secret = self.secret(&source, secp);
            let pair = secret.map(|secret| Keypair::from_secret_key(secp, &secret));
            let Some(pair) = pair.filter(|pair| pair.x_only_public_key().0 == key) else {
                continue;
            };
            let mut sign = |pair: &Keypair, leaf: Option<TapLeafHash>| {
                let message = message(cache, index, prevouts, leaf, kind)?;
                Some(taproot::Signature {
                    signature: secp.sign_schnorr_no_aux_rand(&message, pair),
                    sighash_type: kind,
                })
            };
            if fields.tap_internal_key == Some(key) {
                let tweaked = pair.tap_tweak(secp, fields.tap_merkle_root).to_keypair();
                if let Some(signature) = sign(&tweaked, None) {
                    fields.tap_key_sig = Some(signature);
                    count += 1;
                }
            }
            for hash in hashes {
                if let Some(signature) = sign(&pair, Some(hash)) {
                    fields.tap_script_sigs.insert((key, hash), signature);
                    count += 1;
                }
            }
        }
        count
    }

    /// The private key at the end of a path, if it starts here.
    fn secret(&self, source: &KeySource, secp: &Secp256k1<All>) -> Option<SecretKey> {
        if source.0 != self.fingerprint {
            return None;
        }
        self.private_key(&source.1, secp)
    }
}

fn message(
    cache: &mut SighashCache<&Transaction>,
    index: usize,
    prevouts: &[TxOut],
    leaf: Option<TapLeafHash>,
    kind: TapSighashType,
) -> Option<Message> {
    let prevouts = Prevouts::All(prevouts);
    let hash = match leaf {
        Some(leaf) => cache.taproot_script_spend_signature_hash(index, &prevouts, leaf, kind),
        None => cache.taproot_key_spend_signature_hash(index, &prevouts, kind),
    };
    Some(Message::from_digest(hash.ok()?.to_byte_array()))
}
