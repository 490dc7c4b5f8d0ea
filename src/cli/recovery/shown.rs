//! What is shown: what is about to be done, and how far everything has come.

use bitcoin::{OutPoint, Txid};
use serde::Serialize;

use super::run::{Run, RunFailure, other};
use crate::cli::Exit;
use crate::cli::render::{self, Screen};
use crate::compile::Role;
use crate::recovery::{
    Choice, Operation, Outlook, Pays, Phase, Plan, Progress, RecoveryError, Restart, Warning, Why,
    in_sat_per_vb, word,
};
use crate::units::BlockHeight;

/// What is about to be done.
#[derive(Serialize)]
pub(in crate::cli) struct ShownPlan {
    pub vault: String,
    pub what: &'static str,
    pub txid: Txid,
    pub fee_sats: u64,
    pub feerate: ShownFeerate,
    pub pays: Vec<Pays>,
    pub coins: Vec<OutPoint>,
    pub case: Option<String>,
    pub joins: bool,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
    pub restarts: Vec<Restart>,
    pub confirmation: String,
}

/// Something that speaks against it.
#[derive(Serialize)]
pub(in crate::cli) struct Problem {
    pub class: String,
    pub message: String,
}

/// How far operations have come.
#[derive(Serialize)]
pub(in crate::cli) struct ShownRun {
    pub vault: String,
    pub height: BlockHeight,
    pub operations: Vec<ShownProgress>,
}

/// How far one has come.
#[derive(Serialize)]
pub(in crate::cli) struct ShownProgress {
    pub txid: Txid,
    pub what: &'static str,
    #[serde(flatten)]
    pub phase: Phase,
    pub coins: Vec<OutPoint>,
    pub approved: bool,
    pub waits_for: Vec<Problem>,
    pub wanted: Vec<WantedSeats>,
    pub fee_child_wanted_from: Option<String>,
    /// What is aimed at, while that matters.
    pub feerate: Option<ShownFeerate>,
    /// What going on would do, where nothing is done.
    pub would: Option<String>,
    pub files: Vec<String>,
}

/// A feerate that was chosen.
#[derive(Serialize)]
pub(in crate::cli) struct ShownFeerate {
    /// In sat/vB, to the thousandth.
    pub sat_per_vb: String,
    #[serde(flatten)]
    pub why: Why,
    /// What the backend said, in sat/vB, where that is something else.
    pub told: Option<String>,
    /// The rung that is taken for it, counted from 1, where there are rungs.
    pub rung: Option<usize>,
    /// All of it in words.
    pub text: String,
}

/// Whose signatures are missing.
#[derive(Serialize)]
pub(in crate::cli) struct WantedSeats {
    pub role: Role,
    pub signed: Vec<String>,
    pub missing: Vec<String>,
}

/// Shows a run, and says by the exit code whether anything is waited for.
pub(super) fn shown_run(
    screen: &Screen,
    run: &Run<'_>,
    vault: &str,
    operations: Vec<ShownProgress>,
) -> Result<Exit, RunFailure> {
    let shown = ShownRun {
        vault: vault.to_owned(),
        height: run.tip().time.height,
        operations,
    };
    screen
        .show(&shown, |width| render::recovery_run(&shown, width))
        .map_err(other)?;
    let waits = |one: &ShownProgress| {
        let is_refused = matches!(one.phase, Phase::Refused { .. });
        is_refused
            || !one.waits_for.is_empty()
            || !one.wanted.is_empty()
            || one.fee_child_wanted_from.is_some()
    };
    Ok(match shown.operations.iter().any(waits) {
        true => Exit::Pending,
        false => Exit::Ok,
    })
}

fn problem(error: &RecoveryError) -> Problem {
    Problem {
        class: error.class().to_owned(),
        message: error.to_string(),
    }
}

/// What is about to be done.
pub(super) fn shown_plan(vault: &str, plan: &Plan, rungs: Option<(usize, usize)>) -> ShownPlan {
    ShownPlan {
        vault: vault.to_owned(),
        what: plan.draft.word(),
        txid: plan.draft.txid(),
        fee_sats: plan.draft.fee().to_sat(),
        feerate: shown_feerate(&plan.choice, rungs),
        pays: plan.pays.clone(),
        coins: plan.action.coins().to_vec(),
        case: plan.case.clone(),
        joins: plan.is_joined,
        problems: plan.problems.iter().map(problem).collect(),
        warnings: plan.warnings.iter().map(Warning::to_string).collect(),
        restarts: plan.restarts.clone(),
        confirmation: plan.confirmation(),
    }
}

/// How far an operation has come.
pub(super) fn shown_progress(operation: &Operation, progress: &Progress) -> ShownProgress {
    let wanted = progress.wanted.iter().map(|wanted| {
        let of = |signed: bool| {
            let seats = wanted.seats.iter();
            let seats = seats.filter(move |(_, has)| *has == signed);
            seats.map(|(party, _)| party.clone()).collect()
        };
        WantedSeats {
            role: wanted.role,
            signed: of(true),
            missing: of(false),
        }
    });
    ShownProgress {
        txid: operation.txid,
        what: word(&operation.action),
        phase: progress.phase.clone(),
        coins: operation.action.coins().to_vec(),
        approved: operation.is_approved,
        waits_for: progress.waits_for.iter().map(problem).collect(),
        wanted: wanted.collect(),
        fee_child_wanted_from: progress
            .wanted_child
            .as_ref()
            .map(|(party, _)| party.clone()),
        feerate: progress
            .choice
            .as_ref()
            .map(|choice| shown_feerate(choice, None)),
        would: None,
        files: Vec::new(),
    }
}

/// What going on would do to an operation.
pub(super) fn shown_outlook(operation: &Operation, outlook: &Outlook) -> ShownProgress {
    let progress = Progress {
        txid: operation.txid,
        phase: outlook.phase.clone(),
        waits_for: Vec::new(),
        wanted: Vec::new(),
        wanted_child: None,
        choice: outlook.choice.clone(),
    };
    ShownProgress {
        would: Some(outlook.does.to_string()),
        ..shown_progress(operation, &progress)
    }
}

/// A feerate that was chosen, with the number of its rung and how many there are.
fn shown_feerate(choice: &Choice, rung: Option<(usize, usize)>) -> ShownFeerate {
    let told = match &choice.why {
        Why::LowEstimate { told, .. } | Why::Capped { told, .. } => Some(in_sat_per_vb(*told)),
        Why::Base
        | Why::Named
        | Why::Estimate { .. }
        | Why::NoEstimate { .. }
        | Why::Unanswered { .. } => None,
    };
    let text = match rung {
        Some((rung, rungs)) => format!("{choice}; that is rung {rung} of {rungs}"),
        None => choice.to_string(),
    };
    ShownFeerate {
        sat_per_vb: in_sat_per_vb(choice.feerate),
        why: choice.why.clone(),
        told,
        rung: rung.map(|(rung, _)| rung),
        text,
    }
}
