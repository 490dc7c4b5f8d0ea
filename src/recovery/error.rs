//! Why a run of a recovery does not go on.

use std::fmt;

use bitcoin::{Amount, FeeRate, OutPoint, Txid};
use thiserror::Error;

use super::fees::in_sat_per_vb;
use super::points::CutShort;
use crate::chain::BackendError;
use crate::engine::StepError;
use crate::wallet::VaultError;

/// Why a run of a recovery refuses, or fails.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// The vault refuses, or its journal fails.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The engine refuses, or the chain does.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Somebody outside has the run end here.
    #[error(transparent)]
    CutShort(#[from] CutShort),
    /// Something spends the coin already.
    #[error(
        "the coin {coin} is spent by {by}{}: files for it are stale", if *is_confirmed { ", which a block holds" } else { ", which waits for a block" }
    )]
    Spent {
        /// The coin.
        coin: OutPoint,
        /// What spends it.
        by: Txid,
        /// Whether a block holds it.
        is_confirmed: bool,
    },
    /// Another transaction of this vault is to spend the same coin.
    #[error(
        "the coin {coin} is to be spent by the {what} {with}, which is under way; go on with that one, or give it up first"
    )]
    UnderWay {
        /// The coin.
        coin: OutPoint,
        /// What the other one is.
        what: String,
        /// The other one.
        with: Txid,
    },
    /// Nobody is there who can raise a fee.
    #[error(
        "nobody is named who pays for a fee child: name the party whose fee wallet does, or say that the base fee is to be enough"
    )]
    NoBroadcaster,
    /// It waits in the mempool at too low a fee.
    #[error(
        "the {what} pays {} sat/vB, and it should be {}: {remedy}",
        in_sat_per_vb(*.paid),
        in_sat_per_vb(*.asked)
    )]
    PaysTooLittle {
        /// What it is.
        what: &'static str,
        /// What it pays, with its child if it has one.
        paid: FeeRate,
        /// What it should pay.
        asked: FeeRate,
        /// What can be done about it.
        remedy: Remedy,
    },
    /// What the chain estimates would cost more than anybody should pay without a look.
    #[error(
        "at the feerate that the backend guesses the fee is {fee}, and {most} is the most that is paid for a guess: name a feerate, or allow more"
    )]
    FeeTooHigh {
        /// The fee.
        fee: Amount,
        /// The most.
        most: Amount,
    },
    /// The transaction alone pays too little, and the backend takes no child with it.
    #[error(
        "the transaction alone pays too little to be taken, and {backend} takes no child together with it{}: name another backend, such as a Bitcoin Core node, or wait until fees fall", detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default()
    )]
    NoPackages {
        /// The kind of backend.
        backend: &'static str,
        /// What it said.
        detail: Option<String>,
    },
    /// No such operation.
    #[error("nothing is under way under the id {0}")]
    UnknownOperation(Txid),
    /// A file that nothing under way asks for.
    #[error("the file is for transaction {0}, and nothing under way asks for it")]
    Unrelated(Txid),
    /// The journal names another transaction than the policy and the chain give.
    #[error(
        "the journal says that {expected} was meant, and what was meant comes to {found} now; nothing is signed or sent"
    )]
    Changed {
        /// What the journal says.
        expected: Txid,
        /// What it comes to.
        found: Txid,
    },
    /// What was typed is not what is to be done.
    #[error("the confirmation has to read `{expected}`; nothing is signed or sent")]
    NotConfirmed {
        /// What it should have been.
        expected: String,
    },
    /// Several things speak against it.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<RecoveryError>),
}

/// What can be done about a transaction that pays too little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Another one in its place could pay more.
    BeginAgain {
        /// What that pays.
        at: FeeRate,
    },
    /// Nobody can add to it.
    Wait,
    /// The caps keep it from more.
    AllowMore,
    /// Nobody is named who pays for a child.
    NameBroadcaster,
    /// The fee wallet has no confirmed coin that is free.
    FundWallet {
        /// Whose it is.
        party: String,
    },
    /// The coin of the fee wallet is too small, or the caps are.
    LargerCoin {
        /// What the child can pay at the most.
        most: Amount,
    },
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeginAgain { at } => write!(
                f,
                "begin it again at {} sat/vB to put that in its place",
                in_sat_per_vb(*at)
            ),
            Self::Wait => f.write_str("nobody can add to that, so it waits until fees fall"),
            Self::AllowMore => {
                f.write_str("no more is paid for a guess, so name a feerate, or allow more")
            }
            Self::NameBroadcaster => {
                f.write_str("name the party whose fee wallet pays for a child")
            }
            Self::FundWallet { party } => write!(
                f,
                "the fee wallet of `{party}` has no confirmed coin that is free"
            ),
            Self::LargerCoin { most } => write!(
                f,
                "its child can pay {most} at the most, so pay a larger coin to the fee wallet, or allow a higher fee"
            ),
        }
    }
}

impl RecoveryError {
    /// One error for all that speaks against something, if anything does.
    pub(super) fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match (problems.pop(), problems.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => Err(only),
            (Some(last), false) => {
                problems.push(last);
                Err(Self::Several(problems))
            }
        }
    }

    /// One word for the kind of refusal, stable, for JSON.
    #[must_use]
    pub fn class(&self) -> &str {
        match self {
            Self::Vault(_) => "vault",
            Self::Step(error) => error.class(),
            Self::CutShort(_) => "cut-short",
            Self::Spent { .. } => "stale",
            Self::UnderWay { .. } => "under-way",
            Self::NoBroadcaster => "no-broadcaster",
            Self::PaysTooLittle { .. } => "pays-too-little",
            Self::FeeTooHigh { .. } => "fee-too-high",
            Self::NoPackages { .. } => "no-packages",
            Self::UnknownOperation(_) => "unknown-operation",
            Self::Unrelated(_) => "other-transaction",
            Self::Changed { .. } => "changed",
            Self::NotConfirmed { .. } => "not-confirmed-by-hand",
            Self::Several(all) => all.first().map_or("several", Self::class),
        }
    }
}

impl From<BackendError> for RecoveryError {
    fn from(error: BackendError) -> Self {
        Self::Step(error.into())
    }
}
