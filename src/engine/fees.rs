//! Fee wallets: each broadcaster pays fee children from a wallet of his own.

use std::cmp::Reverse;

use bitcoin::{Amount, OutPoint, Psbt, Transaction};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::psbt::PsbtExt;

use super::{Engine, Signers, StepError};
use crate::chain::Chain;
use crate::compile::Keychain;
use crate::transaction::{ANCHOR_VALUE, FeeCoin, build_fee_child};

impl<C: Chain> Engine<C> {
    /// The script a party's fee coins are kept at.
    #[must_use]
    pub fn fee_script(&self, party: &str, keychain: Keychain) -> Option<bitcoin::ScriptBuf> {
        let half = self.fee_descriptor(party, keychain)?;
        half.at_derivation_index(0)
            .ok()?
            .derived_descriptor(&self.secp)
            .ok()
            .map(|d| d.script_pubkey())
    }

    fn fee_descriptor(
        &self,
        party: &str,
        keychain: Keychain,
    ) -> Option<Descriptor<DescriptorPublicKey>> {
        let wallet = self.compiled.policy().party(party)?.fees()?;
        let halves = wallet.descriptor().clone().into_single_descriptors().ok()?;
        match keychain {
            Keychain::Receive => halves.into_iter().next(),
            Keychain::Change => halves.into_iter().nth(1),
        }
    }

    /// The confirmed, unspent coins of a party's fee wallet, the largest first.
    pub(super) fn fee_coins(&self, party: &str) -> Result<Vec<FeeCoin>, StepError> {
        let mut coins = Vec::new();
        for keychain in Keychain::BOTH {
            let definite = self
                .fee_descriptor(party, keychain)
                .and_then(|half| half.at_derivation_index(0).ok());
            let (Some(descriptor), Some(script)) = (definite, self.fee_script(party, keychain))
            else {
                continue;
            };
            let seen = self.chain.outputs(&[script])?;
            let usable = seen
                .into_iter()
                .filter(|seen| seen.birth.is_some() && seen.is_unspent());
            coins.extend(usable.map(|seen| FeeCoin {
                outpoint: seen.outpoint,
                txout: seen.output,
                descriptor: descriptor.clone(),
            }));
        }
        coins.sort_by_key(|coin| Reverse(coin.txout.value));
        Ok(coins)
    }

    /// A signed child that lifts a parent to the present feerate, and the fee that it pays.
    pub(super) fn fee_child(
        &self,
        parent: &super::Prepared,
        anchor: OutPoint,
        party: &str,
        signers: &dyn Signers,
    ) -> Result<(Transaction, Amount), StepError> {
        let no_coin = || StepError::NoFeeCoin(party.to_owned());
        let coin = self
            .fee_coins(party)?
            .into_iter()
            .next()
            .ok_or_else(no_coin)?;
        let change = self
            .fee_script(party, Keychain::Change)
            .ok_or_else(no_coin)?;
        let psbt = build_fee_child(
            anchor,
            parent.fee,
            parent.weight(),
            self.feerate,
            &coin,
            &change,
        )?;
        let paid: Amount = psbt.unsigned_tx.output.iter().map(|o| o.value).sum();
        let fee = (coin.txout.value + ANCHOR_VALUE) - paid;
        let signed = signers.sign(party, psbt).ok_or_else(no_coin)?;
        let child = self.finish_fee_child(signed).ok_or_else(no_coin)?;
        Ok((child, fee))
    }

    /// The child with its witness: the anchor's is empty, the coin's is a signature and a key.
    fn finish_fee_child(&self, mut signed: Psbt) -> Option<Transaction> {
        signed.finalize_inp_mut(&self.secp, 1).ok()?;
        let mut child = signed.unsigned_tx;
        for (input, fields) in child.input.iter_mut().zip(signed.inputs) {
            input.witness = fields.final_script_witness?;
        }
        Some(child)
    }
}
