//! Cancelling by rule, where the signatures of veto holders were left in advance.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, OutPoint, Txid};

use super::facts::ChainFacts;
use crate::chain::Chain;
use crate::compile::{Role, Stage};
use crate::engine::{Action, Engine, Signers, StepError};

/// When a watchtower cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whatever the reason for the trigger.
    OnAnyTrigger,
    /// Unless a case about the path is activated.
    UnlessActivated,
}

/// A cancel that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The coin in the escrow.
    pub escrow: OutPoint,
    /// The path.
    pub path: String,
    /// The cancel; none if it could not be put together.
    pub txid: Option<Txid>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a cancel that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The chain has it.
    Sent {
        /// The child that pays for it.
        child: Option<Txid>,
    },
    /// It was not handed over, for this reason.
    Failed(String),
}

/// Hands over the cancel of every coin in an escrow that the rule says is to be cancelled, and whose
/// cancel was completed in advance.
///
/// `activated` are the paths about which a case is activated.  A cancel that the chain has already
/// is left alone; it is handed over again as soon as it is gone, so call this at each block.  Where
/// the fee of the cancel is too small, `broadcaster` pays a child; where there are rungs, the cancel
/// at the lowest rung that is enough is sent, in the place of one at a lower rung.
pub fn veto<C: Chain>(
    engine: &mut Engine<C>,
    facts: &ChainFacts,
    rule: Rule,
    activated: &BTreeSet<String>,
    broadcaster: &str,
    signers: &dyn Signers,
) -> Vec<Tried> {
    let mut tried = Vec::new();
    for coin in &facts.coins {
        let Stage::Escrow(path) = &coin.stage else {
            continue;
        };
        let is_gone = coin
            .spend
            .as_ref()
            .is_some_and(|spend| spend.height.is_some());
        let is_allowed = rule == Rule::OnAnyTrigger || !activated.contains(path);
        if is_gone || !is_allowed {
            continue;
        }
        let mut armed = engine.armed().iter();
        let Some(course) = armed.find_map(|armed| armed.course_of_escrow(coin.outpoint)) else {
            continue;
        };
        let policy = engine.compiled().policy();
        let asked = policy.rung_for(engine.feerate());
        let rungs = course.cancels.iter().zip(policy.rungs()).enumerate();
        let complete = rungs.filter(|(_, (cancel, _))| cancel.is_met(Role::Veto));
        // The lowest that is enough, or else the highest of those that were left here.
        let mut chosen = None;
        for (number, (cancel, feerate)) in complete {
            chosen = Some((number, cancel.txid(), *feerate));
            if number >= asked {
                break;
            }
        }
        let Some((number, txid, feerate)) = chosen else {
            continue;
        };
        let sent = coin.spend.as_ref().and_then(|spend| {
            let mut cancels = course.cancels.iter();
            cancels.position(|cancel| cancel.txid() == spend.txid)
        });
        if sent.is_some_and(|sent| sent >= number) {
            continue;
        }
        let done = cancel(engine, feerate, coin.outpoint, broadcaster, signers);
        tried.push(Tried {
            escrow: coin.outpoint,
            path: path.clone(),
            txid: Some(txid),
            outcome: match done {
                Ok(child) => Outcome::Sent { child },
                Err(error) => Outcome::Failed(error.to_string()),
            },
        });
    }
    tried
}

fn cancel<C: Chain>(
    engine: &mut Engine<C>,
    feerate: FeeRate,
    coin: OutPoint,
    broadcaster: &str,
    signers: &dyn Signers,
) -> Result<Option<Txid>, StepError> {
    let prepared = engine.prepare_at(feerate, &Action::Cancel { coin }, &[], signers)?;
    let sent = engine.broadcast(&prepared, broadcaster, signers)?;
    Ok(sent.child.map(|(child, _)| child.compute_txid()))
}
