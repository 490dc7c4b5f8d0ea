//! Where a coin stands and what can be done with it: pure functions of the policy and the chain.
//!
//! Nothing here looks at a chain, keeps a state or reads a clock.  The same functions answer for
//! a live chain and for a rehearsal.

use bitcoin::Txid;
use serde::Serialize;

use crate::arming::ArmingState;
use crate::compile::{Compiled, Leaf, LeafKind, PolicyId, Stage, StageDescriptor};
use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth, Maturity};

/// How deep a block must lie before what it holds is taken for granted.
///
/// A transaction with this many blocks from its own to the tip is *buried*.  Below it, a reorg
/// may undo it: a trigger that is reorganised away restarts its veto window, a refresh that is
/// gives the old pre-signatures back their force.  Six is the customary depth; an attacker with
/// three tenths of the hash rate catches up from six behind about once in eight tries.
pub const REORG_DEPTH: Blocks = Blocks(6);

const _: () = assert!(
    REORG_DEPTH.0 > 0,
    "a coin is not buried before it is confirmed"
);

/// What the chain says of one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFacts {
    /// When it was confirmed, if it is.
    pub birth: Option<CoinBirth>,
    /// What spends it, if anything does.
    pub spent: Option<SpendFacts>,
}

/// What the chain says of the spend of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendFacts {
    /// The transaction that spends it.
    pub txid: Txid,
    /// The height of its block, if it is in one.
    pub height: Option<BlockHeight>,
}

/// How far the chain has come with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Known, and in no block: it may never be.
    Unconfirmed,
    /// In a block that a reorg could still undo.
    Confirmed,
    /// In a block [`REORG_DEPTH`] deep.
    Buried,
}

impl Confidence {
    /// What the chain says at this tip of something confirmed at this height.
    #[must_use]
    pub fn at(height: Option<BlockHeight>, tip: ChainTime) -> Self {
        match height {
            None => Self::Unconfirmed,
            Some(height) if tip.height.next() - height >= REORG_DEPTH => Self::Buried,
            Some(_) => Self::Confirmed,
        }
    }
}

/// Where a coin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "standing")]
pub enum Standing {
    /// Nothing spends it.
    Unspent {
        /// How sure the coin itself is.
        confidence: Confidence,
    },
    /// Something spends it.
    Spent {
        /// What.
        by: Txid,
        /// How sure that is: until it is buried, the coin may come back.
        confidence: Confidence,
    },
}

impl Standing {
    /// Where an output stands at this tip.
    #[must_use]
    pub fn of(facts: OutputFacts, tip: ChainTime) -> Self {
        match facts.spent {
            None => {
                let height = facts.birth.map(|birth| birth.height);
                Self::Unspent {
                    confidence: Confidence::at(height, tip),
                }
            }
            Some(spend) => Self::Spent {
                by: spend.txid,
                confidence: Confidence::at(spend.height, tip),
            },
        }
    }

    /// Whether the coin is there to be spent and no reorg is likely to take it away.
    #[must_use]
    pub fn is_buried_and_unspent(self) -> bool {
        self == Self::Unspent {
            confidence: Confidence::Buried,
        }
    }
}

/// One thing that can be done with a coin, now or later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// The leaf it goes through.
    pub leaf: LeafKind,
    /// From when: none while the coin is unconfirmed and a relative lock has not begun to run.
    pub from: Option<Maturity>,
    /// Whether the block after this tip could hold it.
    pub open: bool,
    /// How many blocks it still takes at the expected rate.
    pub remaining: Option<Blocks>,
    /// Whether root must have signed it in advance.
    pub needs_file: bool,
}

/// What can be done with an unspent coin of a stage, leaf by leaf.
#[must_use]
pub fn next_steps(
    compiled: &Compiled,
    stage: &Stage,
    birth: Option<CoinBirth>,
    tip: ChainTime,
) -> Vec<NextStep> {
    let leaves = compiled
        .stage(stage)
        .map(StageDescriptor::leaves)
        .unwrap_or_default();
    leaves
        .iter()
        .map(|leaf| next_step(leaf, birth, tip))
        .collect()
}

fn next_step(leaf: &Leaf, birth: Option<CoinBirth>, tip: ChainTime) -> NextStep {
    let absolute = leaf.absolute().map(Maturity::absolute);
    let relative = leaf
        .relative()
        .map(|lock| birth.map(|birth| Maturity::relative(lock, birth)));
    let needs_file = leaf.is_presigned();
    let kind = leaf.kind().clone();
    let locks: Option<Vec<Maturity>> = match relative {
        Some(None) => None,
        Some(Some(relative)) => Some(absolute.into_iter().chain([relative]).collect()),
        None => Some(absolute.into_iter().collect()),
    };
    let Some(locks) = locks else {
        return NextStep {
            leaf: kind,
            from: None,
            open: false,
            remaining: None,
            needs_file,
        };
    };
    // Of two locks the one that takes longer from here decides.
    let last = locks.iter().copied().max_by_key(|lock| lock.remaining(tip));
    NextStep {
        leaf: kind,
        from: Some(last.unwrap_or(Maturity::Height(tip.height.next()))),
        open: locks.iter().all(|lock| lock.is_reached(tip)),
        remaining: Some(last.map_or(Blocks(0), |lock| lock.remaining(tip))),
        needs_file,
    }
}

/// Whether the files of an arming are worth anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "arming")]
pub enum ArmingStanding {
    /// As far as the ceremony has come.
    Current {
        /// How far.
        state: ArmingState,
    },
    /// The coin has moved, or the policy has changed.
    Stale {
        /// Which of the two.
        reason: StaleReason,
    },
}

/// Why an arming is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StaleReason {
    /// The coin is spent, and the spend is buried.
    CoinMoved,
    /// The files are for another policy.
    PolicyChanged,
}

/// Where an arming stands, from its own state, the coin's, and the two policy ids.
///
/// A spend that is not buried does not make an arming stale: a reorg would bring the coin back,
/// and its files with it.
#[must_use]
pub fn arming_standing(
    state: ArmingState,
    armed_under: PolicyId,
    policy: PolicyId,
    coin: Standing,
) -> ArmingStanding {
    if armed_under != policy {
        return ArmingStanding::Stale {
            reason: StaleReason::PolicyChanged,
        };
    }
    match coin {
        Standing::Spent {
            confidence: Confidence::Buried,
            ..
        } => ArmingStanding::Stale {
            reason: StaleReason::CoinMoved,
        },
        _ => ArmingStanding::Current { state },
    }
}
