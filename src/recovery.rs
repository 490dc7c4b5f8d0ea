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

mod error;
mod fees;
mod operation;
mod plan;
pub mod points;
mod raise;
mod run;
mod signatures;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{FeeRate, OutPoint, Txid};

use self::points::{Hook, Moment, Point, Step};
use crate::chain::{Chain, ChainTip};
use crate::compile::Stage;
use crate::engine::{Action, Consent, Draft, Engine, Replica, StepError};
use crate::ledger::Store;
use crate::lifecycle::{Confidence, Standing};
use crate::units::Blocks;
use crate::wallet::{Entry, Vault};

pub use self::error::{RecoveryError, Remedy};
pub use self::fees::{Choice, FeeCaps, Fees, Why, in_sat_per_vb};
pub use self::operation::{Child, Effect, Operation, Phase};
pub use self::plan::{Pays, Plan, Restart, Warning, in_bitcoins};
pub use self::raise::{Does, Outlook, Raised};
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
    fn pays_at(&self, action: &Action, feerate: FeeRate) -> FeeRate {
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
    fn goes_up_by_itself(&self) -> bool {
        !self.engine.compiled().policy().version().has_anchor()
    }

    /// What an operation pays, as far as that is for the action to say.
    fn paid_by(&self, operation: &Operation) -> FeeRate {
        self.pays_at(&operation.action, operation.feerate)
    }

    /// The operation that does just this and pays most, where one that pays more takes the place of
    /// one that pays less: of those that nobody has given up and nothing has replaced for good.
    fn latest(&self, action: &Action) -> Result<Option<&Operation>, RecoveryError> {
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
    fn is_superseded(&self, operation: &Operation) -> Result<bool, RecoveryError> {
        let latest = self.latest(&operation.action)?;
        Ok(latest.is_some_and(|latest| {
            latest.complete.is_some()
                && latest.is_approved
                && self.paid_by(latest) > self.paid_by(operation)
        }))
    }

    /// Whether a transaction does the same as an action, so that the two may replace one another.
    fn is_same(&self, action: &Action, by: Txid) -> bool {
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
    fn under_way(
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
            && (latest.sent.is_empty()
                || !fees::is_dearer(self.terms.fees, self.paid_by(latest), asked))
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

    /// The coins that something else spends already, so that it is too late.
    fn spent(
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
    fn consent(&self, action: &Action) -> Result<Option<String>, RecoveryError> {
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
    fn not_open(&self, draft: &Draft) -> Result<Option<RecoveryError>, RecoveryError> {
        match self.engine.check_open(draft.spends()) {
            Ok(()) => Ok(None),
            Err(error @ (StepError::NotDue { .. } | StepError::NotConfirmed(_))) => {
                Ok(Some(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether nobody could raise the fee of what root signed in advance.
    fn without_reserve(
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
    fn too_dear(&self, action: &Action, draft: &Draft) -> Option<RecoveryError> {
        let Fees::Estimated(caps) = self.terms.fees else {
            return None;
        };
        let is_too_dear = !action.is_presigned() && draft.fee() > caps.fee;
        is_too_dear.then(|| RecoveryError::FeeTooHigh {
            fee: draft.fee(),
            most: caps.fee,
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
