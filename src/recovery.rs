//! The recovery run: from the intention to the buried transaction, over days, crashes and reorgs.
//!
//! An [`Operation`] is one transaction on its way.  All that the journal of the vault says of it is
//! folded into it, what the chain shows of it is asked anew each time, and what is to be done next
//! follows from the two alone ([`Operation::phase`], [`Operation::next`]).  So whoever was cut short
//! goes on where he was: every step is in the journal, on the device, before it has any effect.
//!
//! An operation is known by the id of its transaction, which signatures do not change.  Whoever
//! begins what is under way joins it, and whoever begins something else with the same coin is told
//! of it: nothing is spent twice, and no signature is asked for twice that has been kept.
//!
//! What a coin may do is decided in [`lifecycle`](crate::lifecycle), and what its transaction looks
//! like in [`transaction`](crate::transaction); nothing is decided here a second time.

mod check;
mod child;
mod error;
mod fees;
mod operation;
mod outlook;
mod plan;
pub mod points;
mod raise;
mod run;
mod signatures;
mod succession;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{FeeRate, OutPoint, Txid};

use self::points::{Hook, Moment, Point, Step};
use crate::chain::{Chain, ChainTip};
use crate::engine::{Action, Draft, Engine, Replica, StepError};
use crate::ledger::Store;
use crate::lifecycle::{Confidence, Standing};
use crate::units::Blocks;
use crate::wallet::{Entry, Vault};

pub use self::error::{RecoveryError, Remedy};
pub use self::fees::{Choice, FeeCaps, Fees, Why, in_sat_per_vb};
pub use self::operation::{Child, Effect, Operation, Phase};
pub use self::outlook::{Does, Outlook};
pub use self::plan::{Pays, Plan, Restart, Warning, in_bitcoins};
pub use self::raise::Raised;
pub use self::run::{Progress, Wanted};

/// On what terms a run goes on.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What was said in the ledger, if there is one.  Without it a path that has terms of
    /// activation is never triggered.
    pub words: Option<&'a Replica>,
    /// Whose fee wallet pays for fee children.
    pub broadcaster: Option<&'a str>,
    /// Where the feerate comes from.
    pub fees: Fees,
    /// Whether what root signed in advance may go without anybody who could raise its fee.
    pub base_fee_is_enough: bool,
    /// What happens before and after each step.
    pub hook: &'a dyn Hook,
}

/// The operations of a vault, on a chain as it is now.
///
/// It is opened for one look at the chain, and opened again after the next block.
pub struct Recovery<'a, S: Store, C: Chain> {
    vault: &'a mut Vault<S>,
    engine: Engine<C>,
    secp: Secp256k1<All>,
    operations: Vec<Operation>,
    terms: Terms<'a>,
    tip: ChainTip,
    /// What the chain has said about fees while this is open, by target.
    estimates: RefCell<BTreeMap<Blocks, Result<Option<FeeRate>, String>>>,
}

impl<'a, S: Store, C: Chain> Recovery<'a, S, C> {
    /// Reads the chain, and takes up all that is under way.
    ///
    /// # Errors
    ///
    /// If the chain does not answer or is on another network, or the journal cannot be read.
    pub fn open(
        vault: &'a mut Vault<S>,
        chain: C,
        terms: Terms<'a>,
    ) -> Result<Self, RecoveryError> {
        let tip = vault.sync(&chain)?.tip;
        let engine = vault.engine(chain)?;
        let entries = vault.entries().collect::<Result<Vec<Entry>, _>>()?;
        Ok(Self {
            vault,
            engine,
            secp: Secp256k1::new(),
            operations: Operation::all(&entries),
            terms,
            tip,
            estimates: RefCell::default(),
        })
    }

    /// All operations, those that are over as well, in the order in which they were begun.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation with an id.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn operation(&self, txid: Txid) -> Result<&Operation, RecoveryError> {
        let mut all = self.operations.iter();
        all.find(|operation| operation.txid == txid)
            .ok_or(RecoveryError::UnknownOperation(txid))
    }

    /// The engine, with the vault's scripts and armed coins.
    #[must_use]
    pub const fn engine(&self) -> &Engine<C> {
        &self.engine
    }

    /// Where the feerate comes from, from here on.  Returns where it came from before.
    pub const fn set_fees(&mut self, fees: Fees) -> Fees {
        std::mem::replace(&mut self.terms.fees, fees)
    }

    /// Where the chain stood when this was opened.
    #[must_use]
    pub const fn tip(&self) -> ChainTip {
        self.tip
    }

    /// How far an operation has come.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn phase(&self, operation: &Operation) -> Result<Phase, RecoveryError> {
        let coins = operation.action.coins().iter();
        let standings = coins.map(|coin| match self.engine.coin(*coin) {
            Ok(known) => Ok(Some(known.standing)),
            Err(StepError::UnknownCoin(_)) => Ok(None),
            Err(error) => Err(error),
        });
        let standings = standings.collect::<Result<Vec<_>, StepError>>()?;
        Ok(operation.phase(&standings))
    }

    /// Looks at something that could be done, without doing anything about it.
    ///
    /// # Errors
    ///
    /// If it has no transaction: a coin is unknown or not armed, or a destination is the policy's
    /// own.  Whatever else speaks against it is in the plan.
    pub fn plan(&self, action: &Action) -> Result<Plan, RecoveryError> {
        let choice = self.choice(action)?;
        let under_way = self.under_way(action, choice.feerate)?;
        let replaced = self.latest(action)?;
        let change = match (under_way.or(replaced), action) {
            // What replaces it spends the same coins, so only one of the two will pay there.
            (Some(operation), _) => operation.change,
            (None, Action::Refresh { .. } | Action::Spend { .. }) => {
                let [_, change] = self.engine.next();
                change
            }
            (None, _) => 0,
        };
        // What is gone for good is not armed any more; it is more to the point what took it.
        let mut problems = self.spent(action, under_way.map(|operation| operation.txid))?;
        let draft = match under_way {
            Some(operation) => self.draft_of(operation),
            None => {
                let draft = self.engine.draft(action, change, choice.feerate);
                draft.map_err(RecoveryError::from)
            }
        };
        let draft = match draft {
            Ok(draft) => draft,
            Err(error) => {
                problems.retain(|problem| matches!(problem, RecoveryError::Spent { .. }));
                return Err(match problems.into_iter().next() {
                    Some(spent) => spent,
                    None => error,
                });
            }
        };
        let case = match self.consent(action) {
            Ok(case) => case.or_else(|| under_way.and_then(|operation| operation.case.clone())),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        problems.extend(self.not_open(&draft)?);
        problems.extend(self.without_reserve(action, &draft)?);
        if under_way.is_none() {
            problems.extend(self.too_dear(action, &draft));
        }
        let mut warnings = Vec::new();
        let mut restarts = Vec::new();
        let compiled = self.engine.compiled();
        for coin in action.coins() {
            let known = self.engine.coin(*coin)?;
            if let Standing::Spent {
                by,
                confidence: Confidence::Unconfirmed,
            } = known.standing
                && by != draft.txid()
                && !self.is_same(action, by)
            {
                warnings.push(Warning::Rival { coin: *coin, by });
            }
            if let Action::Trigger { path, .. } = action {
                let tip = self.tip.time;
                restarts = plan::restarts(compiled, &draft, known.birth, tip);
                let sooner = plan::direct_is_sooner(compiled, path, &draft, known.birth, tip);
                warnings.extend(sooner);
            }
        }
        if draft.anchor().is_none() {
            let pays = self.pays_at(action, choice.feerate);
            if pays < choice.feerate {
                warnings.push(Warning::HighestRung {
                    pays: pays.to_sat_per_vb_ceil(),
                    asked: choice.feerate.to_sat_per_vb_ceil(),
                });
            }
        } else if action.is_presigned() && self.terms.broadcaster.is_none() {
            warnings.push(Warning::BaseFeeOnly);
        }
        if let Some(replaced) = replaced.filter(|_| under_way.is_none()) {
            warnings.push(Warning::Replaces {
                txid: replaced.txid,
            });
        }
        Ok(Plan {
            action: action.clone(),
            pays: plan::pays(&draft, compiled),
            draft,
            choice,
            change,
            case,
            problems,
            warnings,
            restarts,
            is_joined: under_way.is_some(),
        })
    }

    /// The fee coins that other transactions wait for.
    fn kept_for_others(&self, parent: Txid) -> BTreeSet<OutPoint> {
        let reserved = self.vault.reserved().into_iter();
        let height = self.tip.time.height;
        reserved
            .filter(|(_, of, until)| *of != parent && height < *until)
            .map(|(coin, ..)| coin)
            .collect()
    }

    /// The transaction of an operation, with all signatures that were kept.
    fn draft_of(&self, operation: &Operation) -> Result<Draft, RecoveryError> {
        let (action, change) = (&operation.action, operation.change);
        let mut draft = self.engine.draft(action, change, operation.feerate)?;
        if draft.txid() != operation.txid {
            return Err(RecoveryError::Changed {
                expected: operation.txid,
                found: draft.txid(),
            });
        }
        for signed in &operation.signed {
            draft.receive(signed, &self.secp)?;
        }
        Ok(draft)
    }

    /// Writes entries into the journal: all of them or none, on the device when this returns.
    fn record(&mut self, step: Step, entries: Vec<Entry>) -> Result<(), RecoveryError> {
        self.at(Moment::Before, step)?;
        self.vault.remember_all(entries.clone())?;
        for entry in &entries {
            Operation::take_into(&mut self.operations, entry);
        }
        self.at(Moment::After, step)
    }

    fn at(&self, moment: Moment, step: Step) -> Result<(), RecoveryError> {
        Ok(self.terms.hook.at(Point { moment, step })?)
    }
}

/// The word for what an action does.
#[must_use]
pub const fn word(action: &Action) -> &'static str {
    match action {
        Action::Trigger { .. } => "trigger",
        Action::Cancel { .. } => "cancel",
        Action::Settle { .. } | Action::SettleTo { .. } => "settle",
        Action::Release { .. } => "release",
        Action::Clawback { .. } => "clawback",
        Action::Override { .. } => "override",
        Action::Refresh { .. } => "refresh",
        Action::Spend { .. } => "spend",
        Action::Recover { .. } | Action::Backstop { .. } => "recovery",
    }
}
