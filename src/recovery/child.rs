//! Fee children: which one a transaction has, which one it should have, and what is kept for it.

use std::collections::BTreeMap;

use bitcoin::{FeeRate, OutPoint, Transaction};

use super::fees::is_dearer;
use super::operation::{Child, Operation};
use super::points::Step;
use super::{Recovery, RecoveryError};
use crate::chain::Chain;
use crate::engine::{ChildDraft, ChildTerms, Prepared, Signers, StepError};
use crate::ledger::Store;
use crate::units::Blocks;
use crate::wallet::Entry;

/// For how long a fee coin is kept for a transaction: a week.
const KEPT_FOR: Blocks = Blocks(1_008);

/// The child that goes with a transaction, and one that its fee wallet has not signed.
#[derive(Default)]
pub(super) struct Escort {
    pub child: Option<Transaction>,
    pub unsigned: Option<Box<Child>>,
}

/// Which child a transaction should have.
pub(super) enum NextChild {
    /// The one that it has, or none: there is none that is worth more, or that could be paid.
    Keep,
    /// One that is built, once it is signed.
    Sign(Box<Child>),
    /// A new one, that comes to this feerate with its parent.
    New(Box<ChildDraft>, FeeRate, String),
}

impl<S: Store, C: Chain> Recovery<'_, S, C> {
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
    pub(super) fn next_child(
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
    pub(super) fn ready(
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
