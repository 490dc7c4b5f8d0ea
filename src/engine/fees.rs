//! Fee wallets: each broadcaster pays fee children from a wallet of his own.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, OutPoint, Psbt, Transaction};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::psbt::PsbtExt;

use super::{Engine, Signers, StepError};
use crate::chain::{Chain, SeenOutput};
use crate::compile::{Compiled, Keychain};
use crate::transaction::{ANCHOR_VALUE, FeeCoin, ReceiveError, build_fee_child};

/// The script a party's fee coins are kept at.
#[must_use]
pub fn fee_script(
    compiled: &Compiled,
    party: &str,
    keychain: Keychain,
    secp: &Secp256k1<All>,
) -> Option<bitcoin::ScriptBuf> {
    let half = fee_descriptor(compiled, party, keychain)?;
    let definite = half.at_derivation_index(0).ok()?;
    let derived = definite.derived_descriptor(secp).ok();
    derived.map(|derived| derived.script_pubkey())
}

fn fee_descriptor(
    compiled: &Compiled,
    party: &str,
    keychain: Keychain,
) -> Option<Descriptor<DescriptorPublicKey>> {
    let wallet = compiled.policy().party(party)?.fees()?;
    let halves = wallet.descriptor().clone().into_single_descriptors().ok()?;
    match keychain {
        Keychain::Receive => halves.into_iter().next(),
        Keychain::Change => halves.into_iter().nth(1),
    }
}

/// A fee child that nobody has signed yet.
#[derive(Clone, Debug)]
pub struct ChildDraft {
    /// What the fee wallet is to sign.
    pub psbt: Psbt,
    /// The coin that pays.
    pub coin: OutPoint,
    /// The fee of the child.
    pub fee: Amount,
}

impl<C: Chain> Engine<C> {
    /// The script a party's fee coins are kept at.
    #[must_use]
    pub fn fee_script(&self, party: &str, keychain: Keychain) -> Option<bitcoin::ScriptBuf> {
        fee_script(&self.compiled, party, keychain, &self.secp)
    }

    fn fee_descriptor(
        &self,
        party: &str,
        keychain: Keychain,
    ) -> Option<Descriptor<DescriptorPublicKey>> {
        fee_descriptor(&self.compiled, party, keychain)
    }

    /// The confirmed coins of a party's fee wallet that can pay for a child of this anchor, the
    /// largest first: nothing spends them, or only an earlier child of the same anchor.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn fee_reserve(
        &self,
        party: &str,
        anchor: OutPoint,
    ) -> Result<Vec<(OutPoint, Amount)>, StepError> {
        let coins = self.fee_coins(party, anchor)?.into_iter();
        Ok(coins
            .map(|coin| (coin.outpoint, coin.txout.value))
            .collect())
    }

    /// The confirmed coins of a party's fee wallet that can pay for a child of this anchor, the
    /// largest first.
    ///
    /// They are unspent, or spent by nothing but an earlier child of the same anchor, which the
    /// new one replaces: whoever has one coin must be able to raise his own fee.
    fn fee_coins(&self, party: &str, anchor: OutPoint) -> Result<Vec<FeeCoin>, StepError> {
        let mut coins = Vec::new();
        for keychain in Keychain::BOTH {
            let definite = self
                .fee_descriptor(party, keychain)
                .and_then(|half| half.at_derivation_index(0).ok());
            let (Some(descriptor), Some(script)) = (definite, self.fee_script(party, keychain))
            else {
                continue;
            };
            for seen in self.chain.outputs(&[script])? {
                if seen.birth.is_some() && is_free_for(anchor, &seen) {
                    coins.push(FeeCoin {
                        outpoint: seen.outpoint,
                        txout: seen.output,
                        descriptor: descriptor.clone(),
                    });
                }
            }
        }
        coins.sort_by_key(|coin| Reverse(coin.txout.value));
        Ok(coins)
    }

    /// A child that lifts a parent to the present feerate, to be signed by the party's fee wallet.
    ///
    /// Its coin is the largest that is free and that others do not wait for.
    ///
    /// # Errors
    ///
    /// If the party has no coin that pays, or the parent pays the feerate by itself.
    pub fn draft_fee_child(
        &self,
        parent: &super::Prepared,
        anchor: OutPoint,
        party: &str,
        reserved: &BTreeSet<OutPoint>,
    ) -> Result<ChildDraft, StepError> {
        let no_coin = || StepError::NoFeeCoin(party.to_owned());
        let mut coins = self.fee_coins(party, anchor)?.into_iter();
        let coin = coins
            .find(|coin| !reserved.contains(&coin.outpoint))
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
        Ok(ChildDraft {
            psbt,
            coin: coin.outpoint,
            fee,
        })
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
        let draft = self.draft_fee_child(parent, anchor, party, &BTreeSet::new())?;
        let signed = signers
            .sign(party, draft.psbt.clone())
            .ok_or_else(no_coin)?;
        let child = self.finish_fee_child(draft.psbt, signed)?;
        Ok((child.ok_or_else(no_coin)?, draft.fee))
    }

    /// The child with its witness: the anchor's is empty, the coin's is a signature and a key.
    ///
    /// From the file that came back its signature is taken, and nothing else.  None if it has no
    /// signature that counts.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn finish_fee_child(
        &self,
        mut asked: Psbt,
        signed: Psbt,
    ) -> Result<Option<Transaction>, ReceiveError> {
        if signed.unsigned_tx != asked.unsigned_tx {
            return Err(ReceiveError::OtherTransaction {
                wanted: asked.unsigned_tx.compute_txid(),
                actual: signed.unsigned_tx.compute_txid(),
            });
        }
        for (ours, theirs) in asked.inputs.iter_mut().zip(signed.inputs) {
            ours.partial_sigs = theirs.partial_sigs;
        }
        if asked.finalize_inp_mut(&self.secp, 1).is_err() {
            return Ok(None);
        }
        let mut child = asked.unsigned_tx;
        for (input, fields) in child.input.iter_mut().zip(asked.inputs) {
            let Some(witness) = fields.final_script_witness else {
                return Ok(None);
            };
            input.witness = witness;
        }
        Ok(Some(child))
    }
}

/// Whether nothing spends a coin, or only an unconfirmed transaction that spends this anchor too.
fn is_free_for(anchor: OutPoint, seen: &SeenOutput) -> bool {
    seen.spend.as_ref().is_none_or(|spend| {
        let mut inputs = spend.transaction.input.iter();
        spend.height.is_none() && inputs.any(|input| input.previous_output == anchor)
    })
}
