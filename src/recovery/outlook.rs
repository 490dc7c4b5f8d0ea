//! What going on would do, told before anything is done.

use std::fmt;

use bitcoin::{FeeRate, Txid};
use serde::Serialize;

use super::child::NextChild;
use super::fees::in_sat_per_vb;
use super::operation::{Effect, Operation, Phase};
use super::{Choice, Recovery, RecoveryError};
use crate::chain::Chain;
use crate::ledger::Store;

/// What going on would do to an operation now.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// How far it has come.
    pub phase: Phase,
    /// What would be done.
    pub does: Does,
    /// The feerate that is aimed at, where that matters.
    pub choice: Option<Choice>,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "does")]
pub enum Does {
    /// Nothing: it is over, or the chain has to go on.
    Nothing,
    /// Those who have not signed would be asked.
    Ask,
    /// It waits for somebody to confirm it by hand.
    Confirm,
    /// It would be sent, for the first time or again.
    Send,
    /// It would be sent with a fee child.
    SendWithChild {
        /// What both pay together.
        #[serde(skip)]
        pays: FeeRate,
    },
    /// Its fee child would be replaced.
    ReplaceChild {
        /// What parent and child pay now.
        #[serde(skip)]
        from: FeeRate,
        /// What they would pay.
        #[serde(skip)]
        to: FeeRate,
    },
    /// The one at a higher rung would take its place.
    GoUp {
        /// That one.
        to: Txid,
        /// What it pays.
        #[serde(skip)]
        pays: FeeRate,
    },
    /// It would be written down that it is over.
    Close,
}

impl fmt::Display for Does {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Ask => f.write_str("ask those who have not signed"),
            Self::Confirm => f.write_str("nothing before somebody confirms it"),
            Self::Send => f.write_str("send it"),
            Self::SendWithChild { pays } => write!(
                f,
                "send it with a fee child, both at {} sat/vB",
                in_sat_per_vb(*pays)
            ),
            Self::ReplaceChild { from, to } => write!(
                f,
                "replace its fee child: from {} to {} sat/vB for both",
                in_sat_per_vb(*from),
                in_sat_per_vb(*to)
            ),
            Self::GoUp { to, pays } => write!(
                f,
                "put {to} in its place, which pays {} sat/vB",
                in_sat_per_vb(*pays)
            ),
            Self::Close => f.write_str("write down that it is over"),
        }
    }
}

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// What going on would do to an operation, without doing anything.
    ///
    /// # Errors
    ///
    /// If it is not under way, or the chain does not answer.
    pub fn outlook(&self, txid: Txid) -> Result<Outlook, RecoveryError> {
        let operation = self.operation(txid)?;
        let phase = self.phase(operation)?;
        let effect = operation.next(&phase);
        let (does, choice) = match effect {
            Effect::Close => (Does::Close, None),
            _ if self.is_superseded(operation)? => (Does::Nothing, None),
            Effect::Wait | Effect::Nothing => (Does::Nothing, None),
            Effect::Ask => (Does::Ask, Some(self.choice(&operation.action)?)),
            Effect::Approve => (Does::Confirm, None),
            Effect::Submit | Effect::Raise => {
                let choice = self.choice(&operation.action)?;
                let does = match self.higher(operation)? {
                    Some(plan) => Does::GoUp {
                        to: plan.draft.txid(),
                        pays: self.pays_at(&operation.action, choice.feerate),
                    },
                    None => self.outlook_at_its_place(operation, effect)?,
                };
                (does, Some(choice))
            }
        };
        Ok(Outlook {
            phase,
            does,
            choice,
        })
    }

    /// What would be done to a transaction that is complete, if it stays the same.
    fn outlook_at_its_place(
        &self,
        operation: &Operation,
        effect: Effect,
    ) -> Result<Does, RecoveryError> {
        let is_idle = match effect {
            Effect::Raise => {
                self.consent(&operation.action).is_err() || !self.is_to_be_raised(operation)?
            }
            _ => !self.in_the_way(operation)?.is_empty(),
        };
        let prepared = self.prepared(operation)?;
        let (false, Some(prepared)) = (is_idle, prepared) else {
            return Ok(Does::Nothing);
        };
        let Some(anchor) = prepared.anchor else {
            return Ok(Does::Send);
        };
        let ready = self.ready(operation, anchor)?;
        let next = match self.next_child(operation, &prepared, anchor, ready.as_ref())? {
            NextChild::Keep => None,
            NextChild::Sign(child) => Some(child.feerate),
            NextChild::New(_, feerate, _) => Some(feerate),
        };
        Ok(match (ready, next) {
            (Some(ready), Some(to)) => Does::ReplaceChild {
                from: ready.feerate,
                to,
            },
            (None, Some(pays)) => Does::SendWithChild { pays },
            (Some(ready), None) => Does::SendWithChild {
                pays: ready.feerate,
            },
            (None, None) => Does::Send,
        })
    }
}
