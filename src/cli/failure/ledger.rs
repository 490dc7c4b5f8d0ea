//! Why a command about a ledger or a case did not come to a result.

use thiserror::Error;

use crate::cli::Exit;
use crate::evidence::{ArchiveError, EvidenceError, FilesError};
use crate::governance::{EventError, Refusal};
use crate::ledger::{BundleError, CheckpointError, LedgerError, StoreError};

/// Why a command about a ledger or a case did not come to a result.  Names of files are ready to
/// be shown, and so is what was typed.
#[derive(Debug, Error)]
pub(in crate::cli) enum LedgerFailure {
    #[error(
        "there is no folder of the user for what is known of ledgers; name one with --state FOLDER, or in LONGSTOP_STATE"
    )]
    NoState,
    #[error(
        "`{file}` should say what is known of a ledger, and is damaged; look after the ledger, then remove this file"
    )]
    BadState { file: String },
    #[error(
        "the ledger in `{directory}` is gone: {known} were known in it. Bring it back; or make it anew from an export with `longstop ledger import DIR EXPORT --new --forget`"
    )]
    Gone { directory: String, known: String },
    #[error(
        "`{directory}`: {source}. Known here: {known}. Bring that back, or import it again from others. `longstop ledger repair DIR --forget` accepts what is there; whoever signs without his own events that are gone tells two stories"
    )]
    Replaced {
        directory: String,
        source: StoreError,
        known: String,
    },
    #[error(
        "a ledger was in `{directory}`, and is gone: {known} were known in it. Bring it back; or make another one in its place with --forget"
    )]
    WasThere { directory: String, known: String },
    #[error("`{directory}`: {source}")]
    Store {
        directory: String,
        source: StoreError,
    },
    #[error("`{directory}`: {source}")]
    Ledger {
        directory: String,
        source: LedgerError,
    },
    #[error("`{file}`: {source}")]
    Bundle { file: String, source: BundleError },
    #[error("`{file}`: {source}")]
    Checkpoint {
        file: String,
        source: CheckpointError,
    },
    #[error("`{file}`: {difference}")]
    OtherCheckpoint { file: String, difference: String },
    #[error("--new needs a file, whose first line says what the ledger is founded on")]
    NewFromFile,
    #[error(
        "`{file}` begins with another ledger than this one; name another file to hand the event on"
    )]
    OtherBundle { file: String },
    #[error("`{directory}` is not about what its policy compiles to: {difference}")]
    Founding {
        directory: String,
        difference: String,
    },
    #[error("`{directory}`: {source}")]
    Evidence {
        directory: String,
        source: EvidenceError,
    },
    #[error("{}", problems.join("; "))]
    NotEvidence { problems: Vec<String> },
    #[error("`{file}`: {source}")]
    Archive { file: String, source: ArchiveError },
    #[error("`{file}`: {source}")]
    Folder { file: String, source: FilesError },
    #[error("`{file}` is a link, a folder in a folder, or no file; evidence has files alone")]
    OddFile { file: String },
    #[error("there is no {what} whose id begins with `{typed}`")]
    NoSuchId { what: &'static str, typed: String },
    #[error("the ids of {count} {what}s begin with `{typed}`; type more of the one that is meant")]
    SeveralIds {
        what: &'static str,
        typed: String,
        count: usize,
    },
    #[error("`{typed}` is too short to name anything: type {least} digits or more")]
    ShortId { typed: String, least: usize },
    #[error("there is no case that is open; `longstop case open` begins one")]
    NoCase,
    #[error(
        "{count} cases are open; say which by the beginning of its id, and see them with `longstop case status`"
    )]
    SeveralCases { count: usize },
    #[error("there is no alarm of {party} that stands")]
    NoAlarm { party: String },
    #[error("{count} alarms of {party} stand; say which by the beginning of its id")]
    SeveralAlarms { party: String, count: usize },
    #[error("this cannot be said: {0}")]
    Unsayable(#[from] EventError),
    #[error("the ledger does not take it: {0}")]
    Refused(#[from] Refusal),
}

impl LedgerFailure {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::BadState { .. }
            | Self::Gone { .. }
            | Self::Replaced { .. }
            | Self::WasThere { .. }
            | Self::Store { .. }
            | Self::Ledger {
                source: LedgerError::Store(_),
                ..
            }
            | Self::Bundle {
                source: BundleError::System(_) | BundleError::Ledger(LedgerError::Store(_)),
                ..
            }
            | Self::Evidence {
                source: EvidenceError::Ledger(LedgerError::Store(_)),
                ..
            } => Exit::File,
            Self::Ledger { .. }
            | Self::Bundle { .. }
            | Self::Checkpoint { .. }
            | Self::OtherCheckpoint { .. }
            | Self::Founding { .. }
            | Self::Evidence { .. }
            | Self::NotEvidence { .. }
            | Self::Archive { .. }
            | Self::Folder { .. }
            | Self::OddFile { .. }
            | Self::OtherBundle { .. } => Exit::Document,
            Self::NoState
            | Self::NewFromFile
            | Self::NoSuchId { .. }
            | Self::SeveralIds { .. }
            | Self::ShortId { .. }
            | Self::NoCase
            | Self::SeveralCases { .. }
            | Self::NoAlarm { .. }
            | Self::SeveralAlarms { .. }
            | Self::Unsayable(_) => Exit::Usage,
            Self::Refused(_) => Exit::Unmet,
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::NoState | Self::BadState { .. } => "state",
            Self::Gone { .. } | Self::WasThere { .. } => "ledger-gone",
            Self::Replaced { .. } => "ledger-replaced",
            Self::Store {
                source: StoreError::Locked { .. },
                ..
            } => "ledger-locked",
            Self::Store { .. } | Self::Ledger { .. } | Self::Founding { .. } => "ledger",
            Self::Bundle { .. } | Self::OtherBundle { .. } | Self::NewFromFile => "bundle",
            Self::Checkpoint { .. } | Self::OtherCheckpoint { .. } => "checkpoint",
            Self::Evidence { .. }
            | Self::NotEvidence { .. }
            | Self::Archive { .. }
            | Self::Folder { .. }
            | Self::OddFile { .. } => "evidence",
            Self::NoSuchId { .. }
            | Self::SeveralIds { .. }
            | Self::ShortId { .. }
            | Self::NoCase
            | Self::SeveralCases { .. }
            | Self::NoAlarm { .. }
            | Self::SeveralAlarms { .. } => "which",
            Self::Unsayable(_) | Self::Refused(_) => "refused",
        }
    }
}
