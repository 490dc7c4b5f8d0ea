//! Blocks and transactions: what a backend must promise, and the words it answers in.
//!
//! A [`Chain`] is anything that can be asked where its tip stands and what was paid to a script,
//! and that judges transactions.  Every backend speaks the same types, whether it asks a node or,
//! as [`EmbeddedChain`] does, holds a chain of its own in memory.
//!
//! What a chain says is provisional.  A block can be disconnected, and everything that was read
//! from it is then untrue: nothing here is a fact until it is buried as deep as the caller demands.

pub mod backend;
mod bitcoind;
mod compared;
mod disk;
mod electrum;
mod embedded;
mod error;
mod esplora;
mod feerate;
mod file;
mod freshness;
mod headers;
mod http;
mod rpc;
mod sighting;
mod tls;
mod view;
mod words;

use std::borrow::Cow;
use std::fmt;

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use thiserror::Error;

pub use self::bitcoind::{Bitcoind, LoginError};
pub use self::compared::{Compared, Disagreement};
pub use self::electrum::Electrum;
pub use self::embedded::{
    EmbeddedChain, FaucetError, FrozenError, Mined, Record, RecordLine, RecordLineError,
    RelayPolicy, Reorg, ReorgTooDeep,
};
pub use self::error::{Ability, BackendError};
pub use self::esplora::Esplora;
pub use self::feerate::MAX_ESTIMATE;
pub use self::file::{ChainFile, ChainFileError};
pub use self::freshness::{Freshness, Stale};
pub use self::tls::TlsError;
pub use self::view::{SeenOutput, SeenSpend};

use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth};

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

/// A view of the Bitcoin block chain, and a door to its mempool.
///
/// # Use
///
/// Ask for the [tip](Chain::tip), then for [outputs](Chain::outputs), then for the tip again: if
/// its hash changed in between, ask once more.  No answer is cached for the caller.
///
/// # Order
///
/// [`outputs`](Chain::outputs) lists confirmed outputs by the height of their block, then
/// unconfirmed ones.  Nothing is promised about the order inside a block, nor about that of calls.
///
/// # Time
///
/// No method asks a clock.  Whether the view of a backend is new enough to act on is judged with
/// its [freshness](Chain::freshness) and with the clock of whoever asks.
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

    /// How new the view of the backend is.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn freshness(&self) -> Result<Freshness, BackendError>;

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
    /// If the backend does not answer.  A refusal is an answer.  [`BackendError::Unsupported`]
    /// means that the parent was refused alone for its fee, and that the backend cannot judge it
    /// together with the child: another one might take both.
    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError>;

    /// What [`submit`](Chain::submit) would answer now, changing nothing.
    ///
    /// # Errors
    ///
    /// If the backend does not answer, or has [no such question](BackendError::Unsupported).  A
    /// refusal is an answer.
    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError>;

    /// Every output ever paid to one of these scripts on the active branch or in the mempool,
    /// spent or not.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError>;

    /// When a transaction was confirmed on the active branch, if it was.
    ///
    /// A node without an index of transactions need know only those that pay to scripts it was
    /// asked about or spend from there, and those that were submitted to it.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError>;

    /// A transaction of the active branch or the mempool, if the backend still has it.
    ///
    /// Like a [confirmation](Chain::confirmation), a node without an index of transactions need not
    /// know it.
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

    /// What a transaction has to pay, alone or together with its child, so that the backend expects
    /// it in a block within this many blocks; nothing if the backend cannot say.
    ///
    /// It is a guess from what the backend has seen, and no promise of anybody's: fees can rise the
    /// moment after.  A target of none counts as one block, and one of more than 1,008 as 1,008.
    /// The answer is never below what the mempool of the backend takes now, as far as the backend
    /// tells, and never above [`MAX_ESTIMATE`].  A full mempool that takes more than it does at all
    /// times is an answer as well: whoever pays less is not let in.
    ///
    /// # Errors
    ///
    /// If the backend does not answer, or says what nobody could mean: a feerate that is negative,
    /// no number, or higher than [`MAX_ESTIMATE`].
    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError>;

    /// What the backend has read with much effort and would like to be given again when it is next
    /// [opened](backend::open); nothing if it keeps nothing.
    ///
    /// It may be lost at any time, which costs only the effort, and it is checked against the chain
    /// when it is used.
    fn memory(&self) -> Option<Vec<u8>> {
        None
    }
}

/// Whoever has a chain in another form of possession has a chain.
macro_rules! passed_on {
    ($($possession:ty),*) => {$(
        impl<C: Chain + ?Sized> Chain for $possession {
            fn tip(&self) -> Result<ChainTip, BackendError> {
                (**self).tip()
            }

            fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
                (**self).block_hash(height)
            }

            fn freshness(&self) -> Result<Freshness, BackendError> {
                (**self).freshness()
            }

            fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
                (**self).submit(transaction)
            }

            fn submit_package(
                &mut self,
                parent: &Transaction,
                child: &Transaction,
            ) -> Result<Verdict, BackendError> {
                (**self).submit_package(parent, child)
            }

            fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
                (**self).test_accept(transaction)
            }

            fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
                (**self).outputs(scripts)
            }

            fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
                (**self).confirmation(txid)
            }

            fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
                (**self).transaction(txid)
            }

            fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
                (**self).in_mempool(txid)
            }

            fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
                (**self).feerate(target)
            }

            fn memory(&self) -> Option<Vec<u8>> {
                (**self).memory()
            }
        }
    )*};
}

passed_on!(Box<C>, &mut C);

/// Offers a parent and then its child, to a backend that cannot judge them together.
///
/// # Errors
///
/// If the backend does not answer; or as [`BackendError::Unsupported`], if the parent pays too
/// little to be taken alone.
fn one_by_one(
    backend: &'static str,
    parent: &Transaction,
    child: &Transaction,
    offer: impl Fn(&Transaction) -> Result<Verdict, BackendError>,
) -> Result<Verdict, BackendError> {
    /// What the fee of a child could turn.
    const FOR_THE_FEE: [&str; 3] = [
        "min relay fee not met",
        "mempool min fee not met",
        "insufficient fee",
    ];
    match offer(parent)? {
        Err(refusal) if FOR_THE_FEE.contains(&&*refusal.class) => Err(BackendError::Unsupported {
            backend,
            ability: Ability::Packages,
            detail: Some(format!("the parent alone was refused: {refusal}")),
        }),
        // Where the parent is there already, the child decides.
        Err(refusal) if !refusal.class.starts_with("txn-already") => Ok(Err(refusal)),
        _ => offer(child),
    }
}
