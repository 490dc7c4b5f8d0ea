//! Why a command about a vault did not come to a result.

use bitcoin::OutPoint;
use thiserror::Error;

use crate::chain::Stale;
use crate::cli::Exit;
use crate::cli::arm::NotToArm;
use crate::engine::StepError;
use crate::policy::Network;
use crate::recovery::RecoveryError;
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
    #[error(
        "`{file}` should say what the vault goes by, as `address = \"…\"` for a chain or `directory = \"…\"` for a ledger: {why}"
    )]
    BadRemembered { file: String, why: String },
    #[error(
        "the drill found {found}, and the vault has {expected}: the backup does not bring everything back"
    )]
    Drill { found: String, expected: String },
    #[error(
        "no address is shown before everybody has ratified the policy: {missing}. Whoever has not looked may have been given other descriptors; --force shows the address all the same"
    )]
    NotRatified { missing: String },
    #[error("the coin {coin} is not armed: {why}")]
    NotToArm { coin: OutPoint, why: NotToArm },
    #[error("no coin in `{directory}` is to be armed now{}", listed(passed_over))]
    NothingToArm {
        directory: String,
        passed_over: Vec<String>,
    },
    #[error("`{directory}` is a vault of another policy: {found}, and this is {expected}")]
    OtherVault {
        directory: String,
        found: String,
        expected: String,
    },
    #[error("`{directory}`: {source}")]
    Recovery {
        directory: String,
        source: RecoveryError,
    },
    #[error("`{address}`: {source}; nothing is signed or sent")]
    Stale { address: String, source: Stale },
    #[error(
        "there is no terminal to confirm it on; look at it, and write --confirm '{confirmation}' to go on"
    )]
    NotTyped { confirmation: String },
    #[error("the address `{address}` is not of {network}, the network of the vault")]
    OtherNetworkAddress { address: String, network: Network },
    #[error("{}", no_rung(*.rung, *.rungs))]
    NoRung { rung: usize, rungs: usize },
    #[error("there is no point `{typed}` at which the program could end")]
    Failpoint { typed: String },
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
            Self::NotRatified { .. } | Self::Stale { .. } => Exit::Pending,
            Self::Recovery { source, .. } => match source {
                RecoveryError::Vault(_)
                | RecoveryError::Step(StepError::Backend(_))
                | RecoveryError::CutShort(_) => Exit::File,
                RecoveryError::UnknownOperation(_) => Exit::Usage,
                RecoveryError::Changed { .. } => Exit::Document,
                _ => Exit::Unmet,
            },
            Self::NotTyped { .. }
            | Self::OtherNetworkAddress { .. }
            | Self::NoRung { .. }
            | Self::Failpoint { .. } => Exit::Usage,
            Self::Drill { .. } | Self::NotToArm { .. } | Self::NothingToArm { .. } => Exit::Unmet,
            Self::Backup { .. }
            | Self::NoAccount { .. }
            | Self::BadRemembered { .. }
            | Self::OtherVault { .. }
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
            Self::NotToArm { .. } | Self::NothingToArm { .. } => "not-armed",
            Self::OtherVault { .. } => "vault",
            Self::Recovery { .. } => "recovery",
            Self::Stale { .. } => "backend",
            Self::NotTyped { .. } => "no-terminal",
            Self::OtherNetworkAddress { .. } => "address",
            Self::NoRung { .. } => "rung",
            Self::Failpoint { .. } => "failpoint",
            Self::OtherLedger { .. } => "ledger",
            Self::Backup { .. } | Self::Drill { .. } => "backup",
            Self::BadRemembered { .. } => "backend",
            Self::NoAccount { .. } => "account",
        }
    }
}

fn no_rung(rung: usize, rungs: usize) -> String {
    match rungs {
        0 => "the policy has no rungs, but a base fee; what is missing is paid by a fee child"
            .to_owned(),
        1 => format!("there is no rung {rung}: the policy has one, number 1"),
        most => format!("there is no rung {rung}: those of the policy are 1 to {most}"),
    }
}

/// Further remarks behind a message.
fn listed(remarks: &[String]) -> String {
    remarks.iter().map(|remark| format!("; {remark}")).collect()
}
