//! Off-chain conditions for a staged path.
//!
//! The chain cannot see any of this: activation decides whether honest software signs a trigger,
//! and is therefore promised by software.  It is parsed and checked here; whether it holds is told
//! from what the parties sign, by the governance module.

use std::sync::Arc;

use super::{Period, Quorum};

/// When the agents' software should be willing to sign the trigger.
#[derive(Clone, Debug)]
pub enum Activation {
    /// One of these.
    Any(Vec<Activation>),
    /// All of these.
    All(Vec<Activation>),
    /// A quorum says so.
    Manual(Arc<Quorum>),
    /// Fewer than so many members of a quorum have shown a sign of life for so long.
    Silence {
        /// Who has been silent.
        quorum: Arc<Quorum>,
        /// For how long.
        period: Period,
        /// With fewer parties than this heard of the silence counts.
        fewer_than: usize,
    },
    /// A quorum has raised the alarm.
    Alarm(Arc<Quorum>),
    /// A quorum has voted for it.
    Vote {
        /// Who votes.
        quorum: Arc<Quorum>,
        /// Least share of its parties that must take part, in percent.
        turnout: u8,
        /// Least share of the ballots that must approve, in percent.
        approve: u8,
        /// How long the vote is open.
        open: Period,
    },
}

impl Activation {
    /// The quorums that its terms name, in their order.
    #[must_use]
    pub fn quorums(&self) -> Vec<&Arc<Quorum>> {
        match self {
            Self::Any(terms) | Self::All(terms) => terms.iter().flat_map(Self::quorums).collect(),
            Self::Manual(quorum)
            | Self::Silence { quorum, .. }
            | Self::Alarm(quorum)
            | Self::Vote { quorum, .. } => vec![quorum],
        }
    }
}
