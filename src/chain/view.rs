//! Outputs as a chain shows them.

use std::sync::Arc;

use bitcoin::{OutPoint, Transaction, TxOut, Txid};

use crate::units::{BlockHeight, CoinBirth};

/// An output that was paid to a script, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOutput {
    /// Where the output is.
    pub outpoint: OutPoint,
    /// Its amount and script.
    pub output: TxOut,
    /// When it was confirmed; nothing while its transaction waits in the mempool.
    pub birth: Option<CoinBirth>,
    /// What spends it; nothing while it is unspent.
    pub spend: Option<SeenSpend>,
}

impl SeenOutput {
    /// Whether no transaction spends the output, not even an unconfirmed one.
    #[must_use]
    pub const fn is_unspent(&self) -> bool {
        self.spend.is_none()
    }
}

/// A transaction that spends an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSpend {
    /// The id of the transaction.
    pub txid: Txid,
    /// The transaction with its witnesses.
    pub transaction: Arc<Transaction>,
    /// The height of its block; nothing while it waits in the mempool and can be replaced.
    pub height: Option<BlockHeight>,
}
