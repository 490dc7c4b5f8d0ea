//! Why a store cannot do what it was asked to.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why a store refuses, or fails.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// There is nothing to open.
    #[error(
        "there is no ledger in `{}`: `init` makes one, and a ledger that was there is gone", path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A new store needs a directory of its own.
    #[error("`{}` is there already, and a new ledger needs a directory that is not there or is empty", path.display())]
    Exists {
        /// Where it should have been made.
        path: PathBuf,
    },
    /// A directory that somebody else could read or write.
    #[error(
        "`{}` has mode {mode:04o}, and should be open to its owner alone: {}", path.display(),
        if *is_directory { "0700" } else { "0600" }
    )]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whether it is a directory.
        is_directory: bool,
    },
    /// A later version of the program wrote it.
    #[error(
        "`{file}` has format {version}, and this program knows format {known}: use the program that wrote it"
    )]
    NewerFormat {
        /// The file, by its name in the store.
        file: String,
        /// Its format.
        version: u32,
        /// The latest format that is known here.
        known: u32,
    },
    /// It was founded on something else.
    #[error("this is another ledger: its genesis is {found}, and should be {expected}")]
    OtherGenesis {
        /// The digest of its genesis.
        found: String,
        /// The digest that was expected.
        expected: String,
    },
    /// Fewer records than there were.
    #[error("records are gone: the ledger holds {size}, and {known} were known to be in it")]
    Shrunk {
        /// How many it holds.
        size: u64,
        /// How many it held.
        known: u64,
    },
    /// The first records are not those that were there.
    #[error("this is another history: its first {size} records are not those that were known")]
    Rewritten {
        /// How many records were known.
        size: u64,
    },
    /// A process has it for itself.
    #[error("another process has the ledger: {holder}")]
    Locked {
        /// What that process says of itself.
        holder: String,
    },
    /// Bytes are not what was written.
    #[error("`{file}` is damaged at byte {offset}{}: {what}; an export or another party's ledger has the records", record.map_or(String::new(), |record| format!(", record {record}")))]
    Damaged {
        /// The file, by its name in the store.
        file: String,
        /// Where, in bytes from its beginning.
        offset: u64,
        /// The record that begins there, where one should.
        record: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// The stored hashes of the tree are not what was written; they can be made anew.
    #[error("the stored hashes are damaged: {what}; `repair` makes them anew from the records")]
    Hashes {
        /// What is wrong.
        what: String,
    },
    /// A write or a sync failed before.
    #[error("the ledger takes nothing more, because {reason}; what was acknowledged is kept")]
    Stopped {
        /// What failed.
        reason: String,
    },
    /// It was opened for reading.
    #[error("the ledger was opened for reading alone")]
    ReadOnly,
    /// A record that no store takes.
    #[error("a record has {length} bytes, and may have {most}")]
    TooLarge {
        /// Its length.
        length: usize,
        /// The most that a record may have.
        most: usize,
    },
    /// No record is there.
    #[error("there is no record {position}: the ledger holds {size}")]
    NoSuchRecord {
        /// Which was asked for, counted from 0.
        position: u64,
        /// How many records there are.
        size: u64,
    },
    /// The operating system fails.
    #[error("cannot {operation} `{file}`: {source}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// The file.
        file: String,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The index fails although it was made anew.
    #[error("the index cannot be used: {what}")]
    Index {
        /// What it says.
        what: String,
    },
}

impl StoreError {
    /// Makes an error of the operating system one of the store.
    pub(super) fn system(
        operation: &'static str,
        file: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::System {
            operation,
            file,
            source: Arc::new(source),
        }
    }

    /// A damaged place that is not about one record.
    pub(super) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            offset,
            record: None,
            what: what.into(),
        }
    }
}
