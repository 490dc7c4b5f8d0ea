//! Why watching did not come about.

use std::io;
use std::net::SocketAddr;

use bitcoin::Txid;
use thiserror::Error;

use crate::arming::ArmingError;
use crate::cli::Exit;

/// Why watching did not come about.  Names of files are ready to be shown.
#[derive(Debug, Error)]
pub(in crate::cli) enum WatchFailure {
    #[error("signals cannot be waited for: {0}")]
    Signals(ctrlc::Error),
    #[error(
        "`{address}` is not an address of this machine alone, and the numbers say what a vault is worth: write 127.0.0.1:PORT or [::1]:PORT"
    )]
    NotLoopback { address: SocketAddr },
    #[error("cannot answer at `{address}`: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the terminal cannot be drawn on: {0}")]
    Terminal(io::Error),
    #[error("another process has the vault in `{directory}` just now; nothing was looked at")]
    Busy { directory: String },
    #[error("`{file}` is the cancel of no coin that is armed here: no cancel is {txid}")]
    NoSuchCancel { file: String, txid: Txid },
    #[error("`{file}`: {source}")]
    BadVeto { file: String, source: ArmingError },
    #[error(
        "`{file}` has too few signatures of the veto quorum of `{path}`: a watchtower cancels with what it was given, and signs nothing"
    )]
    NotComplete { file: String, path: String },
    #[error("the policy knows no fee wallet of `{party}`, from which fee children could be paid")]
    NoFeeWallet { party: String },
}

impl WatchFailure {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::NotLoopback { .. } | Self::NoFeeWallet { .. } => Exit::Usage,
            Self::Signals(_) | Self::Listen { .. } | Self::Terminal(_) => Exit::File,
            Self::Busy { .. } => Exit::Pending,
            Self::NoSuchCancel { .. } | Self::BadVeto { .. } | Self::NotComplete { .. } => {
                Exit::Document
            }
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Signals(_) | Self::Terminal(_) => "terminal",
            Self::NotLoopback { .. } | Self::Listen { .. } => "metrics",
            Self::Busy { .. } => "vault-locked",
            Self::NoFeeWallet { .. } => "fee-wallet",
            Self::NoSuchCancel { .. } | Self::BadVeto { .. } | Self::NotComplete { .. } => "veto",
        }
    }
}
