//! Witnesses, built by miniscript from the signatures of the requested leaf only.

use bitcoin::taproot::TapLeafHash;
use bitcoin::{Transaction, Witness, absolute, ecdsa, relative, taproot};
use miniscript::Satisfier;
use thiserror::Error;

use super::Input;
use super::sighash::{Signature, SignatureItem};
use crate::compile::{LeafKind, Stage};

/// Why a witness cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FinalizeError {
    /// Not everybody who must sign has signed.
    #[error("signatures are missing to spend a coin of the {stage} through the leaf `{leaf}`")]
    MissingSignatures {
        /// Where the coin is.
        stage: Stage,
        /// The leaf.
        leaf: LeafKind,
    },
}

pub(super) fn add_witnesses(
    transaction: &mut Transaction,
    inputs: &[Input],
) -> Result<(), FinalizeError> {
    let lock_time = transaction.lock_time;
    for (txin, input) in transaction.input.iter_mut().zip(inputs) {
        let assets = Assets {
            input,
            sequence: txin.sequence,
            lock_time,
        };
        let (stack, _) = input
            .coin
            .derived()
            .concrete()
            .get_satisfaction(assets)
            .map_err(|_| FinalizeError::MissingSignatures {
                stage: input.coin.derived().stage().clone(),
                leaf: input.leaf.clone(),
            })?;
        txin.witness = Witness::from_slice(&stack);
    }
    Ok(())
}

/// What miniscript may use: the signatures for the scripts of one leaf, and the locks that this
/// transaction passes.  It cannot choose another leaf, for no signature is for a script of another.
/// Among the scripts of the leaf it takes the one with the smallest witness.
struct Assets<'a> {
    input: &'a Input,
    sequence: bitcoin::Sequence,
    lock_time: absolute::LockTime,
}

impl Assets<'_> {
    fn signature(&self, wanted: impl Fn(&SignatureItem) -> bool) -> Option<Signature> {
        let found = self.input.signatures.iter().find(|item| wanted(item));
        found.map(|item| item.signature)
    }
}

impl Satisfier<bitcoin::PublicKey> for Assets<'_> {
    fn lookup_ecdsa_sig(&self, key: &bitcoin::PublicKey) -> Option<ecdsa::Signature> {
        match self.signature(|known| known.key == *key) {
            Some(Signature::Ecdsa(signature)) => Some(signature),
            _ => None,
        }
    }

    fn lookup_tap_key_spend_sig(&self) -> Option<taproot::Signature> {
        if !self.input.derived_leaf()?.leaf.is_key_path() {
            return None;
        }
        match self.signature(|known| known.hash.is_none()) {
            Some(Signature::Schnorr(signature)) => Some(signature),
            _ => None,
        }
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &bitcoin::PublicKey,
        hash: &TapLeafHash,
    ) -> Option<taproot::Signature> {
        let wanted = |known: &SignatureItem| {
            known.key.inner.x_only_public_key().0 == key.inner.x_only_public_key().0
                && known.hash == Some(*hash)
        };
        match self.signature(wanted) {
            Some(Signature::Schnorr(signature)) => Some(signature),
            _ => None,
        }
    }

    fn check_older(&self, lock: relative::LockTime) -> bool {
        self.sequence
            .to_relative_lock_time()
            .is_some_and(|ours| lock.is_implied_by(ours))
    }

    fn check_after(&self, lock: absolute::LockTime) -> bool {
        self.sequence.enables_absolute_lock_time() && lock.is_implied_by(self.lock_time)
    }
}
