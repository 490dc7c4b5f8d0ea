//! What speaks against a transaction before it is begun: coins that are gone, words that are
//! missing, locks that are closed, and fees that nobody could raise or should pay.

use bitcoin::Txid;

use super::fees::Fees;
use super::{Recovery, RecoveryError};
use crate::chain::Chain;
use crate::compile::Stage;
use crate::engine::{Action, Consent, Draft, StepError};
use crate::ledger::Store;
use crate::lifecycle::{Confidence, Standing};

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// The coins that something else spends already, so that it is too late.
    pub(super) fn spent(
        &self,
        action: &Action,
        own: Option<Txid>,
    ) -> Result<Vec<RecoveryError>, RecoveryError> {
        let mut problems = Vec::new();
        let may_race = action.is_protective() || matches!(action, Action::Trigger { .. });
        for coin in action.coins() {
            let Standing::Spent { by, confidence } = self.engine.coin(*coin)?.standing else {
                continue;
            };
            let is_confirmed = confidence > Confidence::Unconfirmed;
            let may_race = may_race || self.is_same(action, by);
            if Some(by) != own && (is_confirmed || !may_race) {
                problems.push(RecoveryError::Spent {
                    coin: *coin,
                    by,
                    is_confirmed,
                });
            }
        }
        Ok(problems)
    }

    /// Whether the words in the ledger allow it: for which case, if they have to.
    pub(super) fn consent(&self, action: &Action) -> Result<Option<String>, RecoveryError> {
        match action {
            Action::Trigger { path, .. } => match self.terms.words {
                Some(words) => match words.consent(path)? {
                    Consent::Activated(case) => Ok(Some(case.to_string())),
                    Consent::NotAsked => Ok(None),
                },
                None => {
                    let policy = self.engine.compiled().policy();
                    let staged = policy.path(path).and_then(|path| path.staged());
                    match staged.and_then(|staged| staged.activation()) {
                        Some(_) => Err(StepError::NotActivated(path.clone()).into()),
                        None => Ok(None),
                    }
                }
            },
            Action::Settle { coin } | Action::SettleTo { coin, .. } => {
                let (Some(words), Ok(known)) = (self.terms.words, self.engine.coin(*coin)) else {
                    return Ok(None);
                };
                let Stage::Escrow(path) = known.coin.derived().stage() else {
                    return Ok(None);
                };
                // The case that it was triggered for, if it was triggered here.
                let mut all = self.operations.iter();
                let trigger = all.find(|operation| operation.txid == coin.txid);
                let case = trigger.and_then(|trigger| trigger.case.clone());
                let is_vetoed = match &case {
                    Some(case) => words.cases().all().iter().any(|(_, other)| {
                        other.id.to_string() == *case && words.is_vetoed(other.id)
                    }),
                    None => words.vetoed(path).is_some() && words.consent(path).is_err(),
                };
                match is_vetoed {
                    true => Err(StepError::Vetoed(path.clone()).into()),
                    false => Ok(case),
                }
            }
            _ => Ok(None),
        }
    }

    /// Whether a lock is closed.
    pub(super) fn not_open(&self, draft: &Draft) -> Result<Option<RecoveryError>, RecoveryError> {
        match self.engine.check_open(draft.spends()) {
            Ok(()) => Ok(None),
            Err(error @ (StepError::NotDue { .. } | StepError::NotConfirmed(_))) => {
                Ok(Some(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether nobody could raise the fee of what root signed in advance.
    pub(super) fn without_reserve(
        &self,
        action: &Action,
        draft: &Draft,
    ) -> Result<Option<RecoveryError>, RecoveryError> {
        if !action.is_presigned() || self.terms.base_fee_is_enough {
            return Ok(None);
        }
        // Without an anchor no fee wallet could help.
        let Some(anchor) = draft.anchor() else {
            return Ok(None);
        };
        let Some(party) = self.terms.broadcaster else {
            return Ok(Some(RecoveryError::NoBroadcaster));
        };
        let kept = self.kept_for_others(draft.txid());
        let reserve = self.engine.fee_reserve(party, anchor)?;
        let is_there = reserve.iter().any(|(coin, _)| !kept.contains(coin));
        Ok((!is_there).then(|| StepError::NoFeeCoin(party.to_owned()).into()))
    }

    /// That what is signed live would pay more than anybody should pay for an estimate.
    pub(super) fn too_dear(&self, action: &Action, draft: &Draft) -> Option<RecoveryError> {
        let Fees::Estimated(caps) = self.terms.fees else {
            return None;
        };
        let is_too_dear = !action.is_presigned() && draft.fee() > caps.fee;
        is_too_dear.then(|| RecoveryError::FeeTooHigh {
            fee: draft.fee(),
            most: caps.fee,
        })
    }
}
