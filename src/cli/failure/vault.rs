//! Why a command about a vault did not come to a result.

use thiserror::Error;

use crate::cli::Exit;
use crate::wallet::{BackupError, VaultError};

/// Why a command about a vault did not come to a result.  Names of files are ready to be shown.
#[derive(Debug, Error)]
pub(in crate::cli) enum VaultFailure {
    #[error("`{directory}`: {source}")]
    Vault {
        directory: String,
        source: VaultError,
    },
    #[error("`{file}`: {source}")]
    Backup { file: String, source: BackupError },
    #[error("`{file}` holds no account key, such as `[73c5da0a/48h/1h/0h/3h]tpub…`: {why}")]
    NoAccount { file: String, why: String },
    #[error("`{file}` should say where the chain is, as `address = \"…\"`: {why}")]
    BadBackend { file: String, why: String },
    #[error(
        "the drill found {found}, and the vault has {expected}: the backup does not bring everything back"
    )]
    Drill { found: String, expected: String },
    #[error(
        "no address is shown before everybody has ratified the policy: {missing}. Whoever has not looked may have been given other descriptors; --force shows the address all the same"
    )]
    NotRatified { missing: String },
    #[error(
        "`{ledger}` is about another policy than the vault: {found}, and the vault is about {expected}"
    )]
    OtherLedger {
        ledger: String,
        found: String,
        expected: String,
    },
}

impl VaultFailure {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Vault { source, .. } => match source {
                VaultError::Document(_)
                | VaultError::OtherJournal
                | VaultError::Entry { .. }
                | VaultError::Arming(_)
                | VaultError::OtherNetwork { .. } => Exit::Document,
                VaultError::NeverSynced | VaultError::Moving { .. } => Exit::Pending,
                VaultError::UnknownCoin(_)
                | VaultError::NoParty(_)
                | VaultError::Reserved { .. }
                | VaultError::Index { .. } => Exit::Usage,
                VaultError::Wallet { .. } | VaultError::Step(_) => Exit::Internal,
                VaultError::Missing { .. }
                | VaultError::Unfinished { .. }
                | VaultError::Exists { .. }
                | VaultError::Exposed { .. }
                | VaultError::System { .. }
                | VaultError::Locked { .. }
                | VaultError::Store(_)
                | VaultError::Backend(_)
                | VaultError::Contradiction(_) => Exit::File,
            },
            Self::NotRatified { .. } => Exit::Pending,
            Self::Drill { .. } => Exit::Unmet,
            Self::Backup { .. }
            | Self::NoAccount { .. }
            | Self::BadBackend { .. }
            | Self::OtherLedger { .. } => Exit::Document,
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Vault {
                source: VaultError::Locked { .. },
                ..
            } => "vault-locked",
            Self::Vault {
                source: VaultError::NeverSynced,
                ..
            } => "never-synced",
            Self::Vault {
                source:
                    VaultError::Backend(_)
                    | VaultError::OtherNetwork { .. }
                    | VaultError::Contradiction(_)
                    | VaultError::Moving { .. },
                ..
            } => "backend",
            Self::Vault { .. } => "vault",
            Self::NotRatified { .. } => "not-ratified",
            Self::OtherLedger { .. } => "ledger",
            Self::Backup { .. } | Self::Drill { .. } => "backup",
            Self::BadBackend { .. } => "backend",
            Self::NoAccount { .. } => "account",
        }
    }
}
