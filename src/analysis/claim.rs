//! Claims: sentences about a policy that are proved or answered by a counterexample.
//!
//! A claim is written in a small language of whole sentences, such as `never 2 of agents before
//! 30 days` or `any loss of 2 parties leaves a path within 400 days`.  Every sentence says that
//! nobody of a kind meets a monotone condition, so it is decided exactly: by a smallest coalition,
//! loss or domain that meets it, or by there being none.

mod judge;
mod parse;
mod verdict;

use thiserror::Error;

use crate::logic::AtomSet;
use crate::policy::{Domain, Policy, Span};

pub use self::verdict::{Counterexample, Happening, Rests, Verdict, WorstCase};

use super::play::Armed;

/// A sentence about one policy, with its names resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub(super) text: String,
    pub(super) sentence: Sentence,
}

impl Claim {
    /// Reads a claim about a policy.
    ///
    /// # Errors
    ///
    /// If it is no sentence of the language, or names somebody the policy does not know.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, ClaimError> {
        parse::parse(text, policy)
    }

    /// Whether it is about domains of custody.
    #[must_use]
    pub const fn is_about_domains(&self) -> bool {
        matches!(
            self.sentence,
            Sentence::Never {
                who: Who::Domains(_),
                ..
            }
        )
    }

    /// The claim as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sentence {
    /// Nobody of a kind can do something.
    Never {
        who: Who,
        deed: Deed,
        coins: Option<Armed>,
    },
    /// Whoever of a kind is lost, the others can still move a coin.
    LeavesPath {
        lost: Group,
        within: Option<u64>,
        coins: Option<Armed>,
    },
    /// A trigger can be vetoed for at least so many seconds, whoever of a kind is lost.
    VetoHas { seconds: u64, lost: Option<Group> },
}

/// Of whom a claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Coalitions of parties.
    Group(Group),
    /// Whoever has one domain of each of these kinds.
    Domains(Vec<Domain>),
}

/// A kind of coalition: up to so many from each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub parts: Vec<Part>,
}

/// Up to so many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub size: usize,
    pub of: AtomSet,
}

/// What nobody of a kind can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Take a coin before so many seconds, or ever.
    Steal {
        before: Option<u64>,
        /// Whether everybody else does what can be done against it.
        defended: bool,
    },
    /// Keep every coin from everybody else for ever.
    Freeze,
    /// Keep the others from rescuing coins once root is gone.
    BlockRescue,
    /// Undo a trigger.
    Veto,
}

/// Why a text is no claim about a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ClaimError {
    /// What is wrong.
    pub message: String,
    /// Where in the text of the claim, in bytes.
    pub span: Span,
    /// What would be right.
    pub help: Option<String>,
}
