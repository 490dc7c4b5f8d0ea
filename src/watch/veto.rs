//! Cancelling by rule, where the signatures of veto holders were left in advance.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, OutPoint, Txid};

use super::facts::ChainFacts;
use crate::chain::Chain;
use crate::compile::{Role, Stage};
use crate::engine::{Action, Signers};
use crate::ledger::Store;
use crate::lifecycle::REORG_DEPTH;
use crate::policy::{Policy, SpendingPath};
use crate::recovery::{Fees, Phase, Progress, Recovery, RecoveryError};
use crate::units::Blocks;

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
    /// That it pays less than is aimed at, and what could be done about it.
    pub short: Option<String>,
}

/// What came of a cancel that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The chain has it.
    Sent {
        /// The child that pays for it.
        child: Option<Txid>,
        /// Whose signature its next child waits for.
        wants: Option<String>,
    },
    /// It was not handed over, for this reason.
    Failed(String),
}

/// Hands over the cancel of every coin in an escrow that the rule says is to be cancelled, and whose
/// cancel veto holders have completed: by a file that they left here, or by `longstop sos veto`.
///
/// It is the same run as any other cancel of this vault: in its journal, with a fee child where the
/// fee is too small, gone on with after anything, and joined by whoever cancels by hand.  `activated`
/// are the paths about which a case is activated.  What the chain has already is told again only when
/// its child is another one; call this at each block.
///
/// What it aims at is [chosen](Recovery::choice) anew each time: where the chain estimates it, the
/// target comes nearer as the window ends, and a child that pays too little by then is replaced, up
/// to the caps of the run.
pub fn veto<S: Store, C: Chain>(
    run: &mut Recovery<'_, S, C>,
    facts: &ChainFacts,
    rule: Rule,
    activated: &BTreeSet<String>,
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
        let action = Action::Cancel {
            coin: coin.outpoint,
        };
        // Where the chain does not say where the coin stands, the cancel fails below, and is told.
        let asked = match run.choice(&action) {
            Ok(choice) => choice.feerate,
            Err(_) => run.engine().compiled().policy().base_fee(),
        };
        // The chain may have no estimate, or a wrong one, so a cancel that no block has taken goes
        // up a rung after a while.
        let policy = run.engine().compiled().policy();
        let age = coin.birth.map_or(0, |birth| {
            facts.tip.time.height.0.saturating_sub(birth.height.0)
        });
        let waited = usize::try_from(age / patience(policy, path)).unwrap_or(usize::MAX);
        let rung = policy.rung_for(asked).max(waited);
        let Some(feerate) = complete_at(run, coin.outpoint, rung) else {
            continue;
        };
        // Of what has no anchor, the rung is the fee.
        let has_anchor = run.engine().compiled().policy().version().has_anchor();
        let fees = (!has_anchor).then(|| run.set_fees(Fees::Named(feerate)));
        let before = sent(run, coin.outpoint);
        let done = cancel(run, coin.outpoint, signers);
        if let Some(fees) = fees {
            run.set_fees(fees);
        }
        let after = sent(run, coin.outpoint);
        let spend = coin.spend.as_ref().map(|spend| spend.txid);
        let was_there = spend.is_some() && spend == after.map(|(txid, _)| txid);
        let (txid, (outcome, short)) = match done {
            Ok(progress) => (Some(progress.txid), outcome(progress, after)),
            Err(error) => (None, (Outcome::Failed(error.to_string()), None)),
        };
        let is_news = !was_there || before != after || short.is_some();
        if is_news || matches!(outcome, Outcome::Failed(_)) {
            tried.push(Tried {
                escrow: coin.outpoint,
                path: path.clone(),
                txid,
                outcome,
                short,
            });
        }
    }
    tried
}

/// How many blocks a cancel waits at each rung: six, or fewer where the window is short, so that the
/// highest is reached in the first half of it.
fn patience(policy: &Policy, path: &str) -> u32 {
    let staged = policy.path(path).and_then(SpendingPath::staged);
    let window = staged.map_or(Blocks(0), |staged| staged.window().lock().expected_blocks());
    let rungs = u32::try_from(policy.rungs().len()).unwrap_or(1);
    (window.0 / (2 * rungs.max(1))).clamp(1, REORG_DEPTH.0)
}

/// The feerate of the cancel of a coin that is to be sent, if veto holders have completed one: of the
/// lowest rung that is enough, or else of the highest.
fn complete_at<S: Store, C: Chain>(
    run: &Recovery<'_, S, C>,
    escrow: OutPoint,
    asked: usize,
) -> Option<FeeRate> {
    let engine = run.engine();
    let mut armed = engine.armed().iter();
    let course = armed.find_map(|armed| armed.course_of_escrow(escrow))?;
    let policy = engine.compiled().policy();
    let rungs = course.cancels.iter().zip(policy.rungs()).enumerate();
    let complete = rungs.filter(|(_, (cancel, _))| cancel.is_met(Role::Veto));
    let mut chosen = None;
    for (number, (_, feerate)) in complete {
        chosen = Some(*feerate);
        if number >= asked {
            break;
        }
    }
    chosen
}

/// The cancel of a coin that was handed over last, with its child.
fn sent<S: Store, C: Chain>(
    run: &Recovery<'_, S, C>,
    escrow: OutPoint,
) -> Option<(Txid, Option<Txid>)> {
    let all = run.operations().iter().rev();
    let mut cancels = all.filter(|one| one.action == Action::Cancel { coin: escrow });
    cancels.find_map(|cancel| Some((cancel.txid, *cancel.sent.last()?)))
}

/// What came of it, and that it pays too little.
fn outcome(progress: Progress, sent: Option<(Txid, Option<Txid>)>) -> (Outcome, Option<String>) {
    let is_there = progress.phase.is_on_the_chain();
    let told = progress.waits_for.iter();
    let (short, waits): (Vec<&RecoveryError>, Vec<&RecoveryError>) =
        told.partition(|error| is_there && matches!(error, RecoveryError::PaysTooLittle { .. }));
    let short = short.first().map(ToString::to_string);
    let waits: Vec<String> = waits.into_iter().map(ToString::to_string).collect();
    if !waits.is_empty() {
        return (Outcome::Failed(waits.join("; ")), None);
    }
    let outcome = match progress.phase {
        phase if phase.is_on_the_chain() => Outcome::Sent {
            child: sent.and_then(|(_, child)| child),
            wants: progress.wanted_child.map(|(party, _)| party),
        },
        Phase::Refused { class } => Outcome::Failed(class),
        phase => Outcome::Failed(format!("it is {}", phase.word())),
    };
    (outcome, short)
}

/// What `longstop sos cancel` does, with the rule in the place of whoever confirms it by hand.
fn cancel<S: Store, C: Chain>(
    run: &mut Recovery<'_, S, C>,
    coin: OutPoint,
    signers: &dyn Signers,
) -> Result<Progress, RecoveryError> {
    let plan = run.plan(&Action::Cancel { coin })?;
    let txid = run.begin(plan)?;
    run.approve(txid)?;
    run.advance(txid, &[], signers)
}
