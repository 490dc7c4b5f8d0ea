//! Why a transaction cannot be built.

use bitcoin::{Amount, OutPoint};
use thiserror::Error;

use crate::compile::{LeafKind, Stage};

/// Why a transaction cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The policy has no such stage.
    #[error("this policy has no {stage}")]
    NoStage {
        /// The stage.
        stage: Stage,
    },
    /// The stage has no such leaf.
    #[error("the {stage} of this policy has no leaf `{leaf}`")]
    NoLeaf {
        /// The stage.
        stage: Stage,
        /// The leaf.
        leaf: LeafKind,
    },
    /// A path with a lock-up pays nobody directly.
    #[error("the path `{path}` has a lock-up: its settle leads there and to no payee")]
    HasLockup {
        /// The path.
        path: String,
    },
    /// There is nothing to spend.
    #[error("there are no coins to spend")]
    NoCoins,
    /// The coins are worth less than the transaction takes.
    #[error("{amount} is too small: {needed} is needed for the outputs and the fee")]
    TooSmall {
        /// What there is.
        amount: Amount,
        /// What it takes.
        needed: Amount,
    },
    /// The feerate is above [`MAX_FEERATE`](crate::transaction::MAX_FEERATE).
    #[error("the feerate is beyond anything to be paid: the most is 10,000 sat/vB")]
    Feerate,
    /// One coin is named twice.
    #[error("the coin {coin} is named twice")]
    Twice {
        /// The coin.
        coin: OutPoint,
    },
    /// A coin is of another policy, or of another version of this one.
    #[error("the coin {coin} is not of this policy: its script comes from another descriptor")]
    Foreign {
        /// The coin.
        coin: OutPoint,
    },
    /// The coins are worth more than an amount can hold.
    #[error("the coins are worth more than there can be")]
    Amount,
    /// A payee would get an output that no node relays.
    #[error("a payment of {amount} is dust: the least to this payee is {least}")]
    Dust {
        /// What he is to get.
        amount: Amount,
        /// The least that is no dust.
        least: Amount,
    },
    /// The transaction is larger than nodes relay one of its version.
    #[error(
        "the transaction would weigh {weight} weight units, and may weigh {most}: spend fewer coins at once"
    )]
    TooHeavy {
        /// What it would weigh.
        weight: u64,
        /// What it may weigh (BIP-431 for version 3).
        most: u64,
    },
    /// The index is beyond what a wildcard holds.
    #[error("index {index} is beyond the last one, 2147483647")]
    Index {
        /// The index.
        index: u32,
    },
    /// A coin's script is not what its descriptor gives.
    #[error("the coin does not fit its descriptor")]
    Psbt,
}
