//! Paying more: by a fee child, by a dearer one, or by the transaction at a higher rung.
//!
//! Nothing goes back down: what pays more than is asked for by now stays as it is.

use std::collections::BTreeMap;
use std::fmt;

use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};
use serde::Serialize;

use super::fees::{Fees, in_sat_per_vb, is_dearer};
use super::operation::{Child, Effect, Operation, Phase};
use super::points::Step;
use super::{Choice, Plan, Recovery, RecoveryError, Remedy, Why, word};
use crate::chain::Chain;
use crate::engine::{ChildDraft, ChildTerms, Prepared, Signers, StepError};
use crate::ledger::Store;
use crate::units::Blocks;
use crate::wallet::Entry;

/// For how long a fee coin is kept for a transaction: a week.
const KEPT_FOR: Blocks = Blocks(1_008);

/// A transaction that takes the place of one at a lower rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// What both are.
    pub what: &'static str,
    /// The one at the lower rung, with what it pays.
    pub from: (Txid, FeeRate),
    /// The one at the higher rung, with what it pays.
    pub to: (Txid, FeeRate),
    /// What was aimed at, and why.
    pub choice: Choice,
}

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

/// The child that goes with a transaction, and one that its fee wallet has not signed.
#[derive(Default)]
pub(super) struct Escort {
    pub child: Option<Transaction>,
    pub unsigned: Option<Box<Child>>,
}

/// Which child a transaction should have.
enum NextChild {
    /// The one that it has, or none: there is none that is worth more, or that could be paid.
    Keep,
    /// One that is built, once it is signed.
    Sign(Box<Child>),
    /// A new one, that comes to this feerate with its parent.
    New(Box<ChildDraft>, FeeRate, String),
}

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// Begins, for everything that somebody has approved and that waits at too low a rung, the same
    /// at the lowest rung that pays what is aimed at, or at the highest.
    ///
    /// It is approved as the one at the lower rung was: the same coin goes the same way, and root
    /// has signed what it costs.  Who has to sign it anew is asked by [`advance`](Self::advance);
    /// until it is complete, the one at the lower rung goes on.
    ///
    /// # Errors
    ///
    /// If the journal or the chain fails.
    pub fn go_up(&mut self) -> Result<Vec<Raised>, RecoveryError> {
        let all: Vec<Txid> = self.operations.iter().map(|one| one.txid).collect();
        let mut raised = Vec::new();
        for txid in all {
            let operation = self.operation(txid)?.clone();
            let Some(plan) = self.higher(&operation)? else {
                continue;
            };
            let choice = plan.choice.clone();
            let paid = self.paid_by(&operation);
            let pays = self.pays_at(&operation.action, choice.feerate);
            let to = self.begin(plan)?;
            self.approve(to)?;
            raised.push(Raised {
                what: word(&operation.action),
                from: (txid, paid),
                to: (to, pays),
                choice,
            });
        }
        Ok(raised)
    }

    /// What could take the place of an operation at a higher rung, if it waits at too low a one.
    fn higher(&self, operation: &Operation) -> Result<Option<Plan>, RecoveryError> {
        let is_asked = self.terms.fees != Fees::Base && operation.is_approved;
        if !is_asked || self.rung(&operation.action, FeeRate::ZERO).is_none() {
            return Ok(None);
        }
        let phase = self.phase(operation)?;
        let waits = matches!(
            phase,
            Phase::Submitted | Phase::Refused { .. } | Phase::Seen
        );
        if !waits || self.is_outbid(operation)? {
            return Ok(None);
        }
        let choice = self.choice(&operation.action)?;
        if self.pays_at(&operation.action, choice.feerate) <= self.paid_by(operation) {
            return Ok(None);
        }
        // Whatever keeps it from being planned is told where the lower one goes on.
        let plan = self.plan(&operation.action).ok();
        let is_other = |plan: &Plan| plan.draft.txid() != operation.txid;
        Ok(plan.filter(|plan| plan.problems.is_empty() && is_other(plan)))
    }

    /// Whether another operation does the same and pays more, approved and complete or not.
    fn is_outbid(&self, operation: &Operation) -> Result<bool, RecoveryError> {
        let latest = self.latest(&operation.action)?;
        Ok(latest.is_some_and(|latest| {
            latest.is_approved && self.paid_by(latest) > self.paid_by(operation)
        }))
    }

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

    /// That a transaction which waits pays too little, and what to do about it.
    pub(super) fn pays_too_little(
        &self,
        operation: &Operation,
    ) -> Result<Option<RecoveryError>, RecoveryError> {
        let fees = self.terms.fees;
        let choice = self.choice(&operation.action)?;
        let asked = choice.feerate;
        let what = word(&operation.action);
        // That the caps keep it from more, where it pays what they allow.
        let capped = |paid| match choice.why {
            Why::Capped { told, .. } if is_dearer(fees, paid, told) => {
                Some(RecoveryError::PaysTooLittle {
                    what,
                    paid,
                    asked: told,
                    remedy: Remedy::AllowMore,
                })
            }
            _ => None,
        };
        if self.goes_up_by_itself() {
            let paid = self.paid_by(operation);
            let has_rungs = self.rung(&operation.action, asked).is_some();
            let is_enough = match has_rungs {
                true => paid >= asked,
                // An estimate moves a little all the time.
                false => !is_dearer(fees, paid, asked),
            };
            if self.is_outbid(operation)? {
                return Ok(None);
            }
            if is_enough {
                return Ok(capped(paid));
            }
            let could = self.pays_at(&operation.action, asked);
            let remedy = match could > paid {
                true => Remedy::BeginAgain { at: could },
                false => Remedy::Wait,
            };
            return Ok(Some(RecoveryError::PaysTooLittle {
                what,
                paid,
                asked,
                remedy,
            }));
        }
        let Some(prepared) = self.prepared(operation)? else {
            return Ok(None);
        };
        let Some(anchor) = prepared.anchor else {
            return Ok(None);
        };
        let ready = self.ready(operation, anchor)?;
        let vbytes = prepared.weight().to_vbytes_ceil().max(1);
        let alone = prepared.fee.to_sat().saturating_mul(250) / vbytes;
        let alone = FeeRate::from_sat_per_kwu(alone);
        let paid = ready.map_or(alone, |ready| ready.feerate.max(alone));
        if !is_dearer(fees, paid, asked) {
            return Ok(capped(paid));
        }
        if !self.is_poor(&prepared, asked) {
            return Ok(None);
        }
        let remedy = self.remedy(operation, anchor)?;
        Ok(Some(RecoveryError::PaysTooLittle {
            what,
            paid,
            asked,
            remedy,
        }))
    }

    /// What keeps a child from paying more.
    fn remedy(&self, operation: &Operation, anchor: OutPoint) -> Result<Remedy, RecoveryError> {
        let Some(party) = self.terms.broadcaster else {
            return Ok(Remedy::NameBroadcaster);
        };
        let reserved = self.kept_for_others(operation.txid);
        let reserve = self.engine.fee_reserve(party, anchor)?.into_iter();
        let largest = reserve
            .filter(|(coin, _)| !reserved.contains(coin))
            .map(|(_, value)| value)
            .max();
        Ok(match largest {
            Some(value) => Remedy::LargerCoin {
                most: value.min(self.most_fee()),
            },
            None => Remedy::FundWallet {
                party: party.to_owned(),
            },
        })
    }

    /// The most that a fee child may pay.
    const fn most_fee(&self) -> Amount {
        match self.terms.fees {
            Fees::Estimated(caps) => caps.fee,
            Fees::Base | Fees::Named(_) => Amount::MAX_MONEY,
        }
    }

    /// Whether the mempool has it at a lower feerate than it should, or without its child.
    pub(super) fn is_to_be_raised(&self, operation: &Operation) -> Result<bool, RecoveryError> {
        let Some(prepared) = self.prepared(operation)? else {
            return Ok(false);
        };
        if prepared.anchor.is_none() || !operation.is_approved {
            return Ok(false);
        }
        let asked = self.choice(&operation.action)?.feerate;
        let Some(child) = operation.ready_child() else {
            let unsigned = operation.children.iter().any(|c| c.complete.is_none());
            return Ok(
                self.is_poor(&prepared, asked) && (unsigned || self.terms.broadcaster.is_some())
            );
        };
        let is_there = self.engine.chain().in_mempool(child.txid)?;
        Ok(!is_there || is_dearer(self.terms.fees, child.feerate, asked))
    }

    /// Whether a transaction pays less than is asked for.
    fn is_poor(&self, prepared: &Prepared, asked: FeeRate) -> bool {
        let asked = asked.fee_vb(prepared.weight().to_vbytes_ceil());
        asked.is_none_or(|asked| prepared.fee < asked)
    }

    /// The child that lifts a transaction to the feerate that is asked for, or as near to it as its
    /// fee wallet reaches.
    pub(super) fn escort(
        &mut self,
        operation: &Operation,
        prepared: &Prepared,
        signers: &dyn Signers,
    ) -> Result<Escort, RecoveryError> {
        let Some(anchor) = prepared.anchor else {
            return Ok(Escort::default());
        };
        let ready = self.ready(operation, anchor)?;
        let next = self.next_child(operation, prepared, anchor, ready.as_ref())?;
        let child = match next {
            NextChild::Keep => None,
            NextChild::Sign(child) => Some(child),
            NextChild::New(draft, feerate, party) => {
                Some(self.reserve(operation, *draft, feerate, party)?)
            }
        };
        // Until a dearer one is signed, the one that there is goes along.
        let kept = ready.and_then(|ready| ready.complete);
        Ok(match child {
            None => Escort {
                child: kept,
                unsigned: None,
            },
            Some(child) => match self.sign_child(&child, signers)? {
                Some(signed) => Escort {
                    child: Some(signed),
                    unsigned: None,
                },
                None => Escort {
                    child: kept,
                    unsigned: Some(child),
                },
            },
        })
    }

    /// Decides which child a transaction should have.
    fn next_child(
        &self,
        operation: &Operation,
        prepared: &Prepared,
        anchor: OutPoint,
        ready: Option<&Child>,
    ) -> Result<NextChild, RecoveryError> {
        let fees = self.terms.fees;
        let asked = self.choice(&operation.action)?.feerate;
        let is_better = |feerate| ready.is_none_or(|ready| is_dearer(fees, ready.feerate, feerate));
        if !is_better(asked) {
            return Ok(NextChild::Keep);
        }
        let unsigned = operation.children.iter().rev();
        let unsigned = unsigned.filter(|child| child.complete.is_none());
        let unsigned = self.usable(unsigned, anchor)?;
        if let Some(child) = unsigned.iter().find(|child| child.feerate >= asked) {
            return Ok(NextChild::Sign(Box::new((*child).clone())));
        }
        let Some(party) = self
            .terms
            .broadcaster
            .filter(|_| self.is_poor(prepared, asked))
        else {
            return Ok(NextChild::Keep);
        };
        let reserved = self.kept_for_others(operation.txid);
        let terms = ChildTerms {
            feerate: asked,
            most: self.most_fee(),
            reserved: &reserved,
        };
        let drafted = self
            .engine
            .draft_best_fee_child(prepared, anchor, party, terms);
        let (draft, feerate) = match drafted {
            Ok(drafted) => drafted,
            // Without a coin that pays it goes as it is.
            Err(StepError::NoFeeCoin(_) | StepError::FeeChild(_)) => return Ok(NextChild::Keep),
            Err(error) => return Err(error.into()),
        };
        if !is_better(feerate) {
            return Ok(NextChild::Keep);
        }
        // The coin may reach no further than it did the last time.
        let txid = draft.psbt.unsigned_tx.compute_txid();
        let known = unsigned.iter().find(|child| child.txid == txid);
        Ok(match known {
            Some(child) => NextChild::Sign(Box::new((*child).clone())),
            None => NextChild::New(Box::new(draft), feerate, party.to_owned()),
        })
    }

    /// Writes down a new child and that its coin is kept for it.
    fn reserve(
        &mut self,
        operation: &Operation,
        draft: ChildDraft,
        feerate: FeeRate,
        party: String,
    ) -> Result<Box<Child>, RecoveryError> {
        let parent = operation.txid;
        let entries = vec![
            Entry::Reserved {
                coin: draft.coin,
                parent,
                until: self.tip.time.height.after(KEPT_FOR),
            },
            Entry::Child {
                parent,
                coin: draft.coin,
                feerate: feerate.to_sat_per_kwu(),
                party: party.clone(),
                psbt: draft.psbt.to_string(),
            },
        ];
        self.record(Step::Reserve, entries)?;
        Ok(Box::new(Child {
            txid: draft.psbt.unsigned_tx.compute_txid(),
            coin: draft.coin,
            feerate,
            party,
            psbt: draft.psbt,
            complete: None,
        }))
    }

    /// The dearest child that is signed and whose coin is still there for it.
    fn ready(
        &self,
        operation: &Operation,
        anchor: OutPoint,
    ) -> Result<Option<Child>, RecoveryError> {
        let signed = operation.children.iter();
        let signed = signed.filter(|child| child.complete.is_some());
        let usable = self.usable(signed, anchor)?;
        let dearest = usable.into_iter().max_by_key(|child| child.feerate);
        Ok(dearest.cloned())
    }

    /// The children whose coins are still there for them.
    fn usable<'c>(
        &self,
        children: impl Iterator<Item = &'c Child>,
        anchor: OutPoint,
    ) -> Result<Vec<&'c Child>, RecoveryError> {
        let mut reserves: BTreeMap<&str, Vec<OutPoint>> = BTreeMap::new();
        let mut usable = Vec::new();
        for child in children {
            let reserve = match reserves.remove(&*child.party) {
                Some(reserve) => reserve,
                None => {
                    let reserve = self.engine.fee_reserve(&child.party, anchor)?;
                    reserve.into_iter().map(|(coin, _)| coin).collect()
                }
            };
            if reserve.contains(&child.coin) {
                usable.push(child);
            }
            reserves.insert(&child.party, reserve);
        }
        Ok(usable)
    }
}
