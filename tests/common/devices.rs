//! Signing devices that do not do as they are asked.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::str::FromStr;

use bitcoin::Psbt;
use bitcoin::bip32::DerivationPath;
use longstop::compile::{DerivedLeaf, KeyUse};
use longstop::engine::Signers;
use longstop::transaction::Coin;
use miniscript::psbt::PsbtExt;

use crate::vault::People;

/// The account in which parties keep their ordinary keys.
pub const SPENDING: &str = "48h/1h/0h/3h";

/// A device that knows the whole descriptor of a coin and signs with every key it owns in it,
/// whatever the request asks for.
///
/// Bitcoin Core's own wallet is such a device.
pub struct OverEager<'a> {
    people: &'a People,
    coin: Coin,
    account: DerivationPath,
}

impl<'a> OverEager<'a> {
    /// A device with the master key of its party.
    pub fn new(people: &'a People, coin: &Coin) -> Self {
        Self {
            people,
            coin: coin.clone(),
            account: DerivationPath::master(),
        }
    }

    /// The device holds the keys of one account only.
    pub fn holding(mut self, account: &str) -> Self {
        self.account = DerivationPath::from_str(account).expect("a path");
        self
    }
}

impl Signers for OverEager<'_> {
    fn sign(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        let definite = self.coin.derived().definite().ok()?;
        psbt.update_input_with_descriptor(0, &definite).ok()?;
        let named = psbt.inputs[0].clone();
        let held = |path: &DerivationPath| path[..].starts_with(&self.account[..]);
        let input = &mut psbt.inputs[0];
        input.bip32_derivation.retain(|_, (_, path)| held(path));
        input.tap_key_origins.retain(|_, (_, (_, path))| held(path));
        self.people.signer(party).sign(&mut psbt, &self.people.secp);
        let input = &mut psbt.inputs[0];
        input.bip32_derivation = named.bip32_derivation;
        input.tap_key_origins = named.tap_key_origins;
        Some(psbt)
    }
}

/// The signature of a key for a leaf as a PSBT holds it, in the form of a witness.
pub fn signature_in(psbt: &Psbt, leaf: &DerivedLeaf, key: &KeyUse) -> Option<Vec<u8>> {
    let fields = &psbt.inputs[0];
    let x_only = key.public_key.inner.x_only_public_key().0;
    let ecdsa = fields.partial_sigs.get(&key.public_key);
    let schnorr = match leaf.hash() {
        Some(hash) => fields.tap_script_sigs.get(&(x_only, hash)),
        None => fields.tap_key_sig.as_ref(),
    };
    ecdsa
        .map(|signature| signature.to_vec())
        .or_else(|| schnorr.map(|signature| signature.to_vec()))
}

/// The first of several files that holds the signature.
pub fn signature_in_any(psbts: &[Psbt], leaf: &DerivedLeaf, key: &KeyUse) -> Option<Vec<u8>> {
    psbts.iter().find_map(|psbt| signature_in(psbt, leaf, key))
}
