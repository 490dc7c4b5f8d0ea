//! Beginning, and going on.

use bitcoin::{Psbt, Transaction, Txid};
use serde::Serialize;

use super::child::Escort;
use super::operation::{Child, Effect, GIVEN_UP, Operation, Phase};
use super::points::{Moment, Step};
use super::{Choice, Plan, Recovery, RecoveryError};
use crate::chain::{Ability, BackendError, Chain};
use crate::compile::{Keychain, Role};
use crate::engine::{Prepared, Signers, is_known};
use crate::ledger::Store;
use crate::wallet::Entry;

/// How far an operation has come, and what it waits for.
#[derive(Debug)]
pub struct Progress {
    /// The id of its transaction.
    pub txid: Txid,
    /// How far it has come.
    pub phase: Phase,
    /// What keeps it from going on, if anything does but the chain's pace.
    pub waits_for: Vec<RecoveryError>,
    /// Whose signatures are missing.
    pub wanted: Vec<Wanted>,
    /// Whose fee child waits for a signature, with the file to be signed.
    pub wanted_child: Option<(String, Psbt)>,
    /// The feerate that it aims at, where it still matters.
    pub choice: Option<Choice>,
}

/// Signatures that are missing in a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The role.
    pub role: Role,
    /// Who has a seat in it, and whether he has signed.
    pub seats: Vec<(String, bool)>,
}

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// Begins what was planned, or joins what is under way: from here on it is in the journal.
    ///
    /// # Errors
    ///
    /// If anything speaks against it.
    pub fn begin(&mut self, plan: Plan) -> Result<Txid, RecoveryError> {
        RecoveryError::all(plan.problems)?;
        let txid = plan.draft.txid();
        let known = self.operation(txid).ok();
        let is_news = known.is_none_or(|known| {
            known.is_given_up || (plan.case.is_some() && known.case != plan.case)
        });
        if !is_news {
            return Ok(txid);
        }
        let feerate = known.map_or(plan.choice.feerate, |known| known.feerate);
        let mut entries = Vec::new();
        let change = plan.draft.creates().into_iter();
        let mut change = change.map(|coin| (coin.derived().keychain(), coin.derived().index()));
        // Nothing else is paid there, even if nobody ever signs this.
        if let Some((Keychain::Change, index)) = change.next()
            && index >= self.vault.next()[1]
        {
            entries.push(Entry::Revealed {
                keychain: Keychain::Change,
                index,
            });
        }
        entries.push(Entry::Intended {
            txid,
            action: Box::new(plan.action),
            feerate: feerate.to_sat_per_kwu(),
            change: plan.change,
            case: plan.case,
        });
        self.record(Step::Intend, entries)?;
        Ok(txid)
    }

    /// Writes down that somebody has looked at amount and destination, and wants it sent.
    ///
    /// # Errors
    ///
    /// If it is not under way, or cannot be written down.
    pub fn approve(&mut self, txid: Txid) -> Result<(), RecoveryError> {
        match self.operation(txid)?.is_approved {
            true => Ok(()),
            false => self.record(Step::Approve, vec![Entry::Approved { txid }]),
        }
    }

    /// Gives an operation up: this program sends it no more, and its fee coins are free.
    ///
    /// Whoever has a copy of the signatures can still send it.
    ///
    /// # Errors
    ///
    /// If it is not under way, or cannot be written down.
    pub fn give_up(&mut self, txid: Txid) -> Result<(), RecoveryError> {
        self.close(txid, GIVEN_UP)
    }

    /// Goes on with an operation as far as it goes now: asks `by` for signatures that are missing,
    /// hands it to the chain, raises its fee, or writes down that it is over.
    ///
    /// # Errors
    ///
    /// If the journal or the chain fails.  What only keeps it from going on now is in the answer.
    pub fn advance(
        &mut self,
        txid: Txid,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<Progress, RecoveryError> {
        let mut waits_for = Vec::new();
        let mut was_asked = false;
        let mut was_sent = false;
        let mut wanted_child = None;
        loop {
            let operation = self.operation(txid)?.clone();
            let phase = self.phase(&operation)?;
            if operation.refused.is_some() && phase.is_on_the_chain() {
                // Whoever refused it has it by now, and a refusal of then must not be told later.
                let child = operation.sent.last().copied().flatten();
                self.record(Step::Announce, vec![Entry::Broadcast { txid, child }])?;
                continue;
            }
            let effect = match operation.next(&phase) {
                Effect::Close => Effect::Close,
                _ if self.is_superseded(&operation)? => Effect::Wait,
                effect => effect,
            };
            match effect {
                Effect::Ask if !was_asked => {
                    was_asked = true;
                    waits_for = self.in_the_way(&operation)?;
                    if waits_for.is_empty() {
                        self.collect(txid, by, signers)?;
                        continue;
                    }
                }
                Effect::Submit if !was_sent => {
                    was_sent = true;
                    waits_for = self.in_the_way(&operation)?;
                    if waits_for.is_empty() {
                        match self.send(&operation, signers) {
                            Err(error @ RecoveryError::NoPackages { .. }) => waits_for.push(error),
                            sent => wanted_child = sent?,
                        }
                        continue;
                    }
                }
                Effect::Raise if !was_sent => {
                    was_sent = true;
                    // What is vetoed by now is not helped along.
                    waits_for = self.consent(&operation.action).err().into_iter().collect();
                    if waits_for.is_empty() && self.is_to_be_raised(&operation)? {
                        match self.send(&operation, signers) {
                            Err(error @ RecoveryError::NoPackages { .. }) => waits_for.push(error),
                            sent => wanted_child = sent?,
                        }
                        continue;
                    }
                }
                Effect::Close => {
                    self.close(txid, phase.word())?;
                    continue;
                }
                _ => {}
            }
            let is_waiting = matches!(effect, Effect::Submit | Effect::Raise);
            // What waits for a signature is asked for below.
            if is_waiting && waits_for.is_empty() && wanted_child.is_none() {
                waits_for.extend(self.pays_too_little(&operation)?);
            }
            let choice = match effect {
                Effect::Ask | Effect::Submit | Effect::Raise => {
                    Some(self.choice(&operation.action)?)
                }
                _ => None,
            };
            return Ok(Progress {
                choice,
                txid,
                wanted: self.wanted(&operation, &phase)?,
                phase,
                waits_for,
                wanted_child: wanted_child.map(|child: Box<Child>| (child.party, child.psbt)),
            });
        }
    }

    /// Goes on with everything that is under way, after what waits at too low a rung has
    /// [gone up](Self::go_up).
    ///
    /// # Errors
    ///
    /// As [`advance`](Self::advance), with the first that fails.
    pub fn resume(
        &mut self,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<Vec<Progress>, RecoveryError> {
        self.go_up()?;
        let all: Vec<Txid> = self.operations.iter().map(|one| one.txid).collect();
        let mut progress = Vec::new();
        for txid in all {
            progress.push(self.advance(txid, by, signers)?);
        }
        Ok(progress)
    }

    /// What those are to sign who have not: one file for all of them.
    ///
    /// # Errors
    ///
    /// If it is not under way, or its coin is not there any more.
    pub fn request(&self, txid: Txid) -> Result<Psbt, RecoveryError> {
        Ok(self.draft_of(self.operation(txid)?)?.request_missing()?)
    }

    /// Whose signatures are missing.
    fn wanted(&self, operation: &Operation, phase: &Phase) -> Result<Vec<Wanted>, RecoveryError> {
        // What is to take the place of one that waits is asked for while that one waits.
        if operation.next(phase) != Effect::Ask {
            return Ok(Vec::new());
        }
        let draft = self.draft_of(operation)?;
        let missing = draft.missing().into_iter();
        let wanted = missing.map(|role| Wanted {
            role,
            seats: draft.seats(role),
        });
        Ok(wanted.collect())
    }

    /// What speaks against signing or sending an operation now.
    pub(super) fn in_the_way(
        &self,
        operation: &Operation,
    ) -> Result<Vec<RecoveryError>, RecoveryError> {
        let mut problems = self.spent(&operation.action, Some(operation.txid))?;
        problems.extend(self.consent(&operation.action).err());
        let draft = self.draft_of(operation)?;
        problems.extend(self.not_open(&draft)?);
        Ok(problems)
    }

    /// The complete transaction with what it spends and makes, if it is complete.
    pub(super) fn prepared(
        &self,
        operation: &Operation,
    ) -> Result<Option<Prepared>, RecoveryError> {
        let Some(complete) = &operation.complete else {
            return Ok(None);
        };
        let mut prepared = self.draft_of(operation)?.finish(Vec::new())?;
        prepared.transaction = complete.clone();
        Ok(Some(prepared))
    }

    /// Hands an operation to the chain, with a child if it needs one.  Returns the child that its
    /// fee wallet has not signed, if that is what is missing; the transaction goes without it.
    fn send(
        &mut self,
        operation: &Operation,
        signers: &dyn Signers,
    ) -> Result<Option<Box<Child>>, RecoveryError> {
        let Some(prepared) = self.prepared(operation)? else {
            return Ok(None);
        };
        let Escort { child, unsigned } = self.escort(operation, &prepared, signers)?;
        let txid = operation.txid;
        let child_id = child.as_ref().map(Transaction::compute_txid);
        // Handed over again it says nothing new, unless it was refused in between.
        if !operation.sent.contains(&child_id) {
            let entry = Entry::Broadcast {
                txid,
                child: child_id,
            };
            self.record(Step::Announce, vec![entry])?;
        }
        self.at(Moment::Before, Step::Submit)?;
        let chain = self.engine.chain_mut();
        let verdict = match &child {
            Some(child) => match chain.submit_package(&prepared.transaction, child) {
                Err(BackendError::Unsupported {
                    ability: Ability::Packages,
                    backend,
                    detail,
                }) => return Err(RecoveryError::NoPackages { backend, detail }),
                verdict => verdict?,
            },
            None => chain.submit(&prepared.transaction)?,
        };
        self.at(Moment::After, Step::Submit)?;
        if let Err(refusal) = verdict
            && !is_known(&refusal)
            && operation.refused.as_deref() != Some(&*refusal.class)
        {
            let class = refusal.class.into_owned();
            self.record(Step::Refuse, vec![Entry::Refused { txid, class }])?;
        }
        Ok(unsigned)
    }

    /// Writes down that an operation is over, and sets its fee coins free.
    fn close(&mut self, txid: Txid, why: &str) -> Result<(), RecoveryError> {
        let operation = self.operation(txid)?;
        let mut entries = vec![Entry::Closed {
            txid,
            why: why.to_owned(),
        }];
        for (coin, parent, _) in self.vault.reserved() {
            if parent == operation.txid {
                entries.push(Entry::Freed { coin });
            }
        }
        self.record(Step::Close, entries)
    }
}
