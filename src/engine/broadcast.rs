//! Handing transactions to the chain.

use bitcoin::{Amount, Transaction};

use super::{Engine, Prepared, Signers, StepError};
use crate::chain::{Chain, Refusal};

/// What was handed over.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The fee child that went with it, with the fee it pays, if there is one.
    pub child: Option<(Transaction, Amount)>,
}

impl<C: Chain> Engine<C> {
    /// Checks that a transaction is due, and broadcasts it, with a fee child from the
    /// broadcaster's own wallet if it does not pay the present feerate by itself.
    ///
    /// Trying again after a failure is safe: the chain knows a transaction by its id.
    ///
    /// # Errors
    ///
    /// If it is not due, if the broadcaster cannot pay, or if the chain refuses it.
    pub fn broadcast(
        &mut self,
        prepared: &Prepared,
        broadcaster: &str,
        signers: &dyn Signers,
    ) -> Result<Broadcast, StepError> {
        self.check_due(prepared)?;
        let asked = self.feerate.fee_vb(prepared.weight().to_vbytes_ceil());
        let anchor = prepared
            .anchor
            .filter(|_| asked.is_none_or(|asked| prepared.fee < asked));
        let Some(anchor) = anchor else {
            return self.broadcast_bare(prepared);
        };
        let (child, fee) = self.fee_child(prepared, anchor, broadcaster, signers)?;
        self.chain.submit_package(&prepared.transaction, &child)??;
        Ok(Broadcast {
            child: Some((child, fee)),
        })
    }

    /// Checks that a transaction is due, and broadcasts it without a fee child, whatever it pays.
    ///
    /// # Errors
    ///
    /// If it is not due, or if the chain refuses it.
    pub fn broadcast_bare(&mut self, prepared: &Prepared) -> Result<Broadcast, StepError> {
        self.check_due(prepared)?;
        match self.chain.submit(&prepared.transaction)? {
            // Whoever tries again has succeeded before.
            Err(refusal) if !is_known(&refusal) => Err(refusal.into()),
            _ => Ok(Broadcast { child: None }),
        }
    }
}

/// Whether a refusal says only that the chain has the transaction already.
#[must_use]
pub fn is_known(refusal: &Refusal) -> bool {
    matches!(
        &*refusal.class,
        "txn-already-in-mempool" | "txn-already-known"
    )
}
