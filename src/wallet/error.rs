//! Why a vault cannot do what it was asked to.

use std::io;
use std::path::PathBuf;

use bitcoin::{BlockHash, OutPoint, Txid};
use thiserror::Error;

use super::document::DocumentError;
use crate::arming::ArmingFileError;
use crate::chain::BackendError;
use crate::engine::StepError;
use crate::ledger::StoreError;
use crate::policy::Network;

/// Why a vault refuses, or fails.
#[derive(Debug, Error)]
pub enum VaultError {
    /// There is nothing to open.
    #[error(
        "there is no vault in `{}`: `longstop vault create` makes one, and `longstop vault restore` brings one back from a backup", path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The program that made it was stopped before it was done.
    #[error(
        "`{}` was not finished when the vault was made, and holds no coin: remove it and make it again", path.display()
    )]
    Unfinished {
        /// Where it is.
        path: PathBuf,
    },
    /// A new vault needs a directory of its own.
    #[error("`{}` is there already; a vault needs a directory that is not there or is empty", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// A file or directory that somebody else could read or write.
    #[error(
        "`{}` has mode {mode:04o}, and should be open to its owner alone: `chmod {}`", path.display(),
        if *is_directory { "700" } else { "600" }
    )]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whether it is a directory.
        is_directory: bool,
    },
    /// The operating system fails.
    #[error("cannot {operation} `{}`: {source}", path.display())]
    System {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// `vault.json` is refused.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The journal is another vault's.
    #[error(
        "the journal was begun with another `vault.json`: one of the two was replaced; bring back the one that belongs here, or restore a backup"
    )]
    OtherJournal,
    /// A process has it for itself.
    #[error("another process has the vault: {holder}")]
    Locked {
        /// What that process says of itself.
        holder: String,
    },
    /// The journal fails.
    #[error("the journal of the vault: {0}")]
    Store(StoreError),
    /// An entry of the journal cannot be read.
    #[error(
        "entry {number} of the journal is none of this version of the program: {what}; use the program that wrote it"
    )]
    Entry {
        /// Which.
        number: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A stage cannot be followed by the wallet library.
    #[error("the descriptor of the {stage} cannot be followed: {what}")]
    Wallet {
        /// The stage in words.
        stage: String,
        /// What the library says.
        what: String,
    },
    /// All indexes of a keychain are used up, or a backend says that a coin is beyond them.
    #[error("index {index} is beyond what addresses are derived for")]
    Index {
        /// The index.
        index: u32,
    },
    /// The backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The backend is on another network.
    #[error(
        "the backend is not on {network}: its first block is {}, and should be {expected}",
        found.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
    )]
    OtherNetwork {
        /// The network of the vault.
        network: Network,
        /// The first block of that network.
        expected: BlockHash,
        /// The first block of the backend.
        found: Option<BlockHash>,
    },
    /// The backend contradicts itself.
    #[error("the backend contradicts itself: {0}")]
    Contradiction(String),
    /// The chain moved each time it was read.
    #[error("the tip of the chain moved {tries} times while it was read; try again")]
    Moving {
        /// How often it was read.
        tries: u32,
    },
    /// Nothing is known of the chain yet.
    #[error("the vault was never compared with a chain: `longstop vault sync` does that")]
    NeverSynced,
    /// No such coin is known.
    #[error("the vault knows no coin at {0}: sync, or look at `longstop vault coins`")]
    UnknownCoin(OutPoint),
    /// Somebody who is no party of the policy.
    #[error("`{0}` is no party of the policy")]
    NoParty(String),
    /// An arming that does not hold.
    #[error(transparent)]
    Arming(#[from] ArmingFileError),
    /// A fee coin that another transaction waits for.
    #[error("the fee coin {coin} is reserved for the child of {parent}")]
    Reserved {
        /// The fee coin.
        coin: OutPoint,
        /// The transaction.
        parent: Txid,
    },
    /// The engine refuses.
    #[error(transparent)]
    Step(#[from] Box<StepError>),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { holder } => Self::Locked { holder },
            other => Self::Store(other),
        }
    }
}

impl From<StepError> for VaultError {
    fn from(error: StepError) -> Self {
        Self::Step(Box::new(error))
    }
}
