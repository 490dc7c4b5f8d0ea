//! Paying more: what waits at too low a rung goes up, and what pays too little is told.
//!
//! Nothing goes back down: what pays more than is asked for by now stays as it is.

use bitcoin::{Amount, FeeRate, OutPoint, Txid};

use super::fees::{Fees, is_dearer};
use super::operation::{Operation, Phase};
use super::{Choice, Plan, Recovery, RecoveryError, Remedy, Why, word};
use crate::chain::Chain;
use crate::engine::Prepared;
use crate::ledger::Store;

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
    pub(super) fn higher(&self, operation: &Operation) -> Result<Option<Plan>, RecoveryError> {
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
    pub(super) fn is_outbid(&self, operation: &Operation) -> Result<bool, RecoveryError> {
        let latest = self.latest(&operation.action)?;
        Ok(latest.is_some_and(|latest| {
            latest.is_approved && self.paid_by(latest) > self.paid_by(operation)
        }))
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
    pub(super) const fn most_fee(&self) -> Amount {
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
    pub(super) fn is_poor(&self, prepared: &Prepared, asked: FeeRate) -> bool {
        let asked = asked.fee_vb(prepared.weight().to_vbytes_ceil());
        asked.is_none_or(|asked| prepared.fee < asked)
    }
}
