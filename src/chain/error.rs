//! What keeps a backend from answering.

use std::error::Error as StdError;

use bitcoin::{BlockHash, Network};
use thiserror::Error;

use super::compared::Disagreement;
use super::tls::TlsError;
use crate::units::BlockHeight;

/// A backend gave no answer that can be used: it is out of reach, said something that makes no
/// sense, cannot do what it was asked for, or must not be believed.
///
/// This is never a verdict about a transaction.
#[derive(Debug, Error)]
pub enum BackendError {
    /// It is out of reach, or said something that makes no sense.
    #[error("the chain backend did not answer")]
    Silent(#[source] Box<dyn StdError + Send + Sync>),
    /// Its protocol has no such question.
    #[error("{backend} cannot {ability}{}", detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    Unsupported {
        /// The kind of backend.
        backend: &'static str,
        /// What it cannot do.
        ability: Ability,
        /// What the server said to that, if it was asked.
        detail: Option<String>,
    },
    /// It follows another network than the one that was asked for.
    #[error(
        "the backend is on another network than {expected}: its first block is {found}, and should be {should}"
    )]
    WrongNetwork {
        /// The network that was asked for.
        expected: Network,
        /// The hash of the first block of the backend.
        found: BlockHash,
        /// The hash of the first block of the network.
        should: BlockHash,
    },
    /// The node has thrown away blocks that have to be read.
    #[error(
        "the node has pruned its blocks below {first_kept}, and they have to be read from {needed} on: take a node that keeps them, or an Electrum or Esplora server"
    )]
    Pruned {
        /// The lowest block that the node still has.
        first_kept: BlockHeight,
        /// The lowest block that has to be read.
        needed: BlockHeight,
    },
    /// Two backends say different things about the same chain.
    #[error(transparent)]
    Disagreement(Box<Disagreement>),
}

/// Something that not every backend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ability {
    /// To say what the mempool thinks of a transaction without offering it.
    TestAccept,
    /// To judge a transaction by the common feerate with its child.
    Packages,
}

impl std::fmt::Display for Ability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TestAccept => "judge a transaction without sending it",
            Self::Packages => "judge a transaction together with its child",
        })
    }
}

impl BackendError {
    /// Wraps what kept the backend from answering.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Silent(cause.into())
    }

    /// The backend answered something that its protocol does not have.
    pub(super) fn nonsense(what: impl std::fmt::Display) -> Self {
        Self::new(format!("its answer makes no sense: {what}"))
    }

    /// Whether it will be the same a second later.
    pub(super) fn is_lasting(&self) -> bool {
        let Self::Silent(cause) = self else {
            return false;
        };
        let fault = cause.downcast_ref::<TlsError>();
        fault.is_some_and(TlsError::is_lasting)
    }

    /// The whole story, from the general to the particular.
    #[must_use]
    pub fn story(&self) -> String {
        let mut story = self.to_string();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many an error repeats its cause.
            if !story.contains(&text) {
                story.push_str(": ");
                story.push_str(&text);
            }
            cause = error.source();
        }
        story
    }
}
