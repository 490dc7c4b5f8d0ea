//! Why a step of a round is refused.

use bitcoin::{OutPoint, Txid};
use thiserror::Error;

use crate::arming::{ArmingError, ArmingFileError, ArmingState};
use crate::ceremony::Fault;
use crate::policy::quote;
use crate::transaction::BuildError;

/// Why a step of a round is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoundError {
    /// It cannot be read.
    #[error("it is no round: {}", quote(.0))]
    NotARound(String),
    /// Format, network or policy is another.
    #[error("it is for {what} {}, and this is `{wanted}`", quote(.actual))]
    Other {
        /// What differs.
        what: &'static str,
        /// Ours.
        wanted: String,
        /// The file's.
        actual: String,
    },
    /// It is larger than any that is read.
    #[error("it is larger than any that is read, which is 256 MiB")]
    TooLarge,
    /// There is nothing to arm.
    #[error("there is no coin, or no path, to arm")]
    Nothing,
    /// The policy has no such path.
    #[error("the policy has no path {}", quote(.0))]
    NoPath(String),
    /// A coin is armed twice on a path.
    #[error("the coin {coin} stands twice for the path `{path}`")]
    Twice {
        /// The coin.
        coin: OutPoint,
        /// The path.
        path: String,
    },
    /// No script of this policy, at any index that is looked at.
    #[error("{0} is no coin of the vault, at any index up to the last revealed one and 20 beyond")]
    NotAVaultCoin(OutPoint),
    /// A transaction that is none of the round's.
    #[error("transaction {0} is none of this round")]
    Unrelated(Txid),
    /// A file is no PSBT.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A step of the arming is refused.
    #[error(transparent)]
    Arming(#[from] ArmingError),
    /// A coin in the file is refused.
    #[error(transparent)]
    File(#[from] ArmingFileError),
    /// A transaction cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The word of a party that has an identity needs its signature.
    #[error("`{0}` has an identity in the policy, and acknowledges with a signed event")]
    Unsigned(String),
    /// There is no such party.
    #[error("the policy has no party {}", quote(.0))]
    NoParty(String),
    /// An event is no acknowledgement of something in this round.
    #[error("an event is no acknowledgement in this round: {0}")]
    Event(String),
    /// It is not armed yet.
    #[error("the coin {coin} is {state}, and not armed")]
    NotArmed {
        /// The coin.
        coin: OutPoint,
        /// How far it has come.
        state: ArmingState,
    },
}
