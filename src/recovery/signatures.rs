//! Signatures: asked for, taken out of files, and kept.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Psbt, Transaction, Txid};

use super::operation::{Child, FEE_CHILD};
use super::points::{Moment, Step};
use super::{Recovery, RecoveryError, word};
use crate::chain::Chain;
use crate::engine::{Action, Draft, Signers};
use crate::ledger::Store;
use crate::transaction::Received;
use crate::wallet::Entry;

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// Takes the signatures out of a file that somebody returned, each once it is verified, for
    /// whatever is under way that it belongs to: a transaction, or a fee child.
    ///
    /// What was taken is in the journal when this returns.
    ///
    /// # Errors
    ///
    /// If nothing that is under way asks for it.
    pub fn receive(&mut self, returned: &Psbt) -> Result<Received, RecoveryError> {
        let txid = returned.unsigned_tx.compute_txid();
        let mut all = self.operations.iter();
        if let Some(operation) = all.find(|operation| operation.txid == txid) {
            if operation.complete.is_some() {
                return Ok(Received::default());
            }
            let mut draft = self.draft_of(operation)?;
            let received = draft.receive(returned, &self.secp)?;
            if !received.accepted.is_empty() {
                self.keep(&draft)?;
                self.complete(txid, draft)?;
            }
            return Ok(received);
        }
        let mut children = self
            .operations
            .iter()
            .flat_map(|operation| &operation.children);
        let child = children.find(|child| child.txid == txid).cloned();
        let child = child.ok_or(RecoveryError::Unrelated(txid))?;
        let mut received = Received::default();
        if child.complete.is_none() && self.complete_child(&child, returned.clone())?.is_some() {
            received.accepted.push(child.party);
        }
        Ok(received)
    }

    /// Asks these parties for the signatures that are missing, one after the other until there are
    /// enough, and keeps each.  Says whether the transaction is complete.
    pub(super) fn collect(
        &mut self,
        txid: Txid,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<bool, RecoveryError> {
        let mut draft = self.draft_of(self.operation(txid)?)?;
        for role in draft.missing() {
            let request = draft.request(role)?;
            for party in by {
                let mut seats = draft.seats(role).into_iter();
                let has_to = seats.any(|(seat, signed)| seat == *party && !signed);
                if draft.is_met(role) || !has_to {
                    continue;
                }
                self.at(Moment::Before, Step::Sign)?;
                let returned = signers.sign(party, request.clone());
                self.at(Moment::After, Step::Sign)?;
                let Some(returned) = returned else { continue };
                let received = draft.receive(&returned, &self.secp)?;
                if !received.accepted.is_empty() {
                    self.keep(&draft)?;
                }
            }
        }
        self.complete(txid, draft)
    }

    /// Writes down the signatures that a transaction has.
    ///
    /// Those of veto holders go where a watcher of this vault looks for them as well.
    fn keep(&mut self, draft: &Draft) -> Result<(), RecoveryError> {
        let (txid, psbt) = (draft.txid(), draft.to_psbt()?.to_string());
        let entry = match self.operation(txid)?.action {
            Action::Cancel { coin } => Entry::Veto { escrow: coin, psbt },
            _ => Entry::Signed { txid, psbt },
        };
        self.record(Step::Keep, vec![entry])
    }

    /// Writes down the complete transaction, if enough have signed.
    fn complete(&mut self, txid: Txid, draft: Draft) -> Result<bool, RecoveryError> {
        if !draft.missing().is_empty() {
            return Ok(false);
        }
        let what = word(&self.operation(txid)?.action).to_owned();
        let prepared = draft.finish(Vec::new())?;
        let text = serialize_hex(&prepared.transaction);
        self.record(Step::Complete, vec![Entry::Prepared { what, txid, text }])?;
        Ok(true)
    }

    /// Asks the fee wallet for its signature on a child.
    pub(super) fn sign_child(
        &mut self,
        child: &Child,
        signers: &dyn Signers,
    ) -> Result<Option<Transaction>, RecoveryError> {
        self.at(Moment::Before, Step::SignChild)?;
        let returned = signers.sign(&child.party, child.psbt.clone());
        self.at(Moment::After, Step::SignChild)?;
        match returned {
            Some(returned) => self.complete_child(child, returned),
            None => Ok(None),
        }
    }

    fn complete_child(
        &mut self,
        child: &Child,
        returned: Psbt,
    ) -> Result<Option<Transaction>, RecoveryError> {
        let complete = self
            .engine
            .finish_fee_child(child.psbt.clone(), returned)
            .map_err(crate::engine::StepError::from)?;
        if let Some(complete) = &complete {
            let entry = Entry::Prepared {
                what: FEE_CHILD.to_owned(),
                txid: child.txid,
                text: serialize_hex(complete),
            };
            self.record(Step::CompleteChild, vec![entry])?;
        }
        Ok(complete)
    }
}
