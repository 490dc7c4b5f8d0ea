//! Blocks and transactions: what a backend must promise, and the words it answers in.
//!
//! A [`Chain`] is anything that can be asked where its tip stands and what was paid to a script,
//! and that judges transactions.  Every backend speaks the same types, whether it asks a node or,
//! as [`EmbeddedChain`] does, holds a chain of its own in memory.
//!
//! What a chain says is provisional.  A block can be disconnected, and everything that was read
//! from it is then untrue: nothing here is a fact until it is buried as deep as the caller demands.

mod embedded;
mod view;

use std::borrow::Cow;
use std::fmt;

use bitcoin::{BlockHash, Transaction, Txid};
use thiserror::Error;

pub use self::embedded::{
    EmbeddedChain, FaucetError, Mined, Record, RecordLine, RecordLineError, RelayPolicy, Reorg,
    ReorgTooDeep,
};
pub use self::view::{SeenOutput, SeenSpend};

use crate::units::{BlockHeight, ChainTime, CoinBirth};

/// Where a chain stands, and which block stands there.
///
/// Two tips of the same height can be two branches: compare the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// The hash of the tip.
    pub hash: BlockHash,
    /// The height and the median time past at the tip.
    pub time: ChainTime,
}

/// Who refuses a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judge {
    /// The consensus rules: a block that held the transaction now would be invalid.
    Consensus,
    /// Relay policy only: nodes do not pass the transaction on, but a miner could confirm it.
    Relay,
}

/// Why a transaction was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Refusal {
    /// The reject reason of Bitcoin Core for the first rule that was broken, such as
    /// `non-BIP68-final` or `min relay fee not met`, without the part in brackets that names a
    /// script error.
    ///
    /// Mempool and blocks have different words for the same fault: where a mempool says
    /// `non-BIP68-final`, a block says `bad-txns-nonfinal`.
    pub class: Cow<'static, str>,
    /// What Bitcoin Core's own code added to the class, where it ran and said more.
    ///
    /// Nothing that this crate could guess stands here.
    pub detail: Option<String>,
    /// Whether a block would be refused as well.
    pub by: Judge,
}

impl Refusal {
    /// A refusal by the consensus rules, without detail.
    #[must_use]
    pub const fn consensus(class: &'static str) -> Self {
        Self::new(class, Judge::Consensus)
    }

    /// A refusal by relay policy, without detail.
    #[must_use]
    pub const fn relay(class: &'static str) -> Self {
        Self::new(class, Judge::Relay)
    }

    const fn new(class: &'static str, by: Judge) -> Self {
        Self {
            class: Cow::Borrowed(class),
            detail: None,
            by,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// What a chain answers about a transaction: taken, or refused and why.
pub type Verdict = Result<(), Refusal>;

/// A backend could not answer: it is out of reach, or said something that makes no sense.
///
/// This is never a verdict about a transaction.
#[derive(Debug, Error)]
#[error("the chain backend did not answer")]
pub struct BackendError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl BackendError {
    /// Wraps the error of the backend.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A view of the Bitcoin block chain, and a door to its mempool.
///
/// # Use
///
/// Ask for the [tip](Chain::tip), then for [outputs](Chain::outputs), then for the tip again: if
/// its hash changed in between, ask once more.  No answer is cached for the caller.
///
/// # Order
///
/// [`outputs`](Chain::outputs) lists confirmed outputs in the order of the chain, then unconfirmed
/// ones.  Nothing is promised about the order of calls.
///
/// # Reorgs
///
/// A tip can change to another branch, and its height can go down while that happens.  After that,
/// outputs, births and spends of the abandoned branch are gone from every answer, a transaction
/// that was confirmed can be unconfirmed or unknown, and a coin that is confirmed again has a new
/// birth, so that its relative locks count from there.  A backend tells nobody: the caller compares
/// answers.
///
/// # Failure
///
/// A [`BackendError`] leaves open whether a submitted transaction arrived.  Submitting it again is
/// safe; the answer is then possibly `txn-already-in-mempool` or `txn-already-known`.
pub trait Chain {
    /// The tip of the active branch.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn tip(&self) -> Result<ChainTip, BackendError>;

    /// The hash of the block at a height of the active branch, if the branch is that high.
    ///
    /// Two branches are told apart by it, and two networks by the block at height 0.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError>;

    /// Offers a transaction to the mempool.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.  A refusal is an answer.
    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError>;

    /// Offers a transaction and a child that spends it, to be judged by their common feerate where
    /// the parent pays too little alone.
    ///
    /// A refusal means that the child was not taken; the parent can have been, if it is good
    /// without the child.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.  A refusal is an answer.
    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError>;

    /// What [`submit`](Chain::submit) would answer now, changing nothing.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.  A refusal is an answer.
    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError>;

    /// Every output ever paid to one of these scripts on the active branch or in the mempool,
    /// spent or not.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn outputs(&self, scripts: &[bitcoin::ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError>;

    /// When a transaction was confirmed on the active branch, if it was.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError>;

    /// A transaction of the active branch or the mempool, if the backend still has it.
    ///
    /// A node without an index of transactions need know only those that pay to scripts it was
    /// asked about.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError>;

    /// Whether a transaction waits in the mempool.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError>;
}
