//! Which transaction does the same as which, and which of them pays more.
//!
//! Without an anchor no child can pay for a transaction, so that a dearer one takes its place.

use bitcoin::{FeeRate, Txid};

use super::fees::{Fees, is_dearer};
use super::operation::{Operation, Phase};
use super::{Recovery, RecoveryError, word};
use crate::chain::Chain;
use crate::engine::Action;
use crate::ledger::Store;

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// The rung at which an action goes where a feerate is asked for, counted from 0; none for what
    /// has no rungs.
    #[must_use]
    pub fn rung(&self, action: &Action, feerate: FeeRate) -> Option<usize> {
        let policy = self.engine.compiled().policy();
        let has_rungs = action.is_presigned() && !policy.version().has_anchor();
        has_rungs.then(|| policy.rung_for(feerate))
    }

    /// What an action pays where a feerate is asked for: that, or what the rung pays that is taken
    /// then.
    pub(super) fn pays_at(&self, action: &Action, feerate: FeeRate) -> FeeRate {
        let policy = self.engine.compiled().policy();
        match action.is_presigned() {
            true => {
                let rung = policy.rungs().get(policy.rung_for(feerate));
                rung.copied().unwrap_or(feerate)
            }
            false => feerate,
        }
    }

    /// Whether a dearer transaction takes the place of a cheaper one that does the same, since no
    /// child can pay for it.
    pub(super) fn goes_up_by_itself(&self) -> bool {
        !self.engine.compiled().policy().version().has_anchor()
    }

    /// What an operation pays, as far as that is for the action to say.
    pub(super) fn paid_by(&self, operation: &Operation) -> FeeRate {
        self.pays_at(&operation.action, operation.feerate)
    }

    /// The operation that does just this and pays most, where one that pays more takes the place of
    /// one that pays less: of those that nobody has given up and nothing has replaced for good.
    pub(super) fn latest(&self, action: &Action) -> Result<Option<&Operation>, RecoveryError> {
        if !self.goes_up_by_itself() {
            return Ok(None);
        }
        let mut latest: Option<&Operation> = None;
        for operation in &self.operations {
            if operation.action != *action || operation.is_given_up {
                continue;
            }
            let is_more =
                latest.is_none_or(|latest| self.paid_by(operation) > self.paid_by(latest));
            if is_more && !matches!(self.phase(operation)?, Phase::Replaced { .. }) {
                latest = Some(operation);
            }
        }
        Ok(latest)
    }

    /// Whether another operation does the same and pays more, so that this one is not sent again.
    pub(super) fn is_superseded(&self, operation: &Operation) -> Result<bool, RecoveryError> {
        let latest = self.latest(&operation.action)?;
        Ok(latest.is_some_and(|latest| {
            latest.complete.is_some()
                && latest.is_approved
                && self.paid_by(latest) > self.paid_by(operation)
        }))
    }

    /// Whether a transaction does the same as an action, so that the two may replace one another.
    pub(super) fn is_same(&self, action: &Action, by: Txid) -> bool {
        let mut all = self.operations.iter();
        self.goes_up_by_itself()
            && all.any(|operation| operation.txid == by && operation.action == *action)
    }

    /// The operation that does just this, if it is under way.
    ///
    /// Where fees are raised by replacement, one that pays less is not just this.  But an estimate
    /// moves: because of it nobody begins anew what was not even sent, or pays hardly less.
    ///
    /// # Errors
    ///
    /// If one of its coins is to be spent by something else that is under way and that it must not
    /// race.
    pub(super) fn under_way(
        &self,
        action: &Action,
        feerate: FeeRate,
    ) -> Result<Option<&Operation>, RecoveryError> {
        let asked = self.pays_at(action, feerate);
        let latest = self.latest(action)?;
        if latest.is_some_and(|latest| self.paid_by(latest) >= asked) {
            return Ok(latest);
        }
        if let (Some(latest), Fees::Estimated(_)) = (latest, self.terms.fees)
            && (latest.sent.is_empty() || !is_dearer(self.terms.fees, self.paid_by(latest), asked))
        {
            return Ok(Some(latest));
        }
        let goes_up = self.goes_up_by_itself();
        for operation in &self.operations {
            let shared = operation.action.coins().iter();
            let mut shared = shared.filter(|coin| action.coins().contains(coin));
            let Some(coin) = shared.next() else { continue };
            let phase = self.phase(operation)?;
            if operation.action == *action && !matches!(phase, Phase::Replaced { .. }) {
                let is_this = !goes_up || self.paid_by(operation) == asked;
                match is_this {
                    true => return Ok(Some(operation)),
                    false => continue,
                }
            }
            // What nobody has approved is nothing yet, and what saves the coins may race anything.
            let is_rival = operation.is_approved && !phase.is_over();
            if is_rival && !action.is_protective() {
                return Err(RecoveryError::UnderWay {
                    coin: *coin,
                    what: word(&operation.action).to_owned(),
                    with: operation.txid,
                });
            }
        }
        Ok(None)
    }
}
