//! Recovery runs: what is about to be done, and how far it has come.

use super::ledger::row;
use super::{BOLD, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::cli::recovery::{ShownPlan, ShownProgress, ShownRun};
use crate::lifecycle::NextStep;
use crate::recovery::{Phase, in_bitcoins};

/// What is about to be done.
pub(in crate::cli) fn planned_step(plan: &ShownPlan, width: usize) -> String {
    let mut text = format!("{} {}\n", paint(BOLD, plan.what), plan.txid);
    for coin in &plan.coins {
        text += &row("spends", &coin.to_string(), width);
    }
    for pays in &plan.pays {
        let whose = match &pays.stage {
            Some(stage) => format!("the {}", shown(&stage.to_string())),
            None => "outside the policy".to_owned(),
        };
        let amount = in_bitcoins(pays.amount);
        text += &row("pays", &format!("{amount} to {}, {whose}", pays.to), width);
    }
    text += &row("fee", &format!("{} sat", plan.fee_sats), width);
    text += &row("feerate", &plan.feerate.text, width);
    if let Some(case) = &plan.case {
        text += &row("case", case, width);
    }
    if plan.joins {
        text += &row("joins", "what is under way already", width);
    }
    for restart in &plan.restarts {
        let moved = format!(
            "{} opens {} as the coin is, and {} at the earliest if this is cancelled",
            restart.leaf,
            opening(&restart.before),
            opening(&restart.after)
        );
        text += &row("restarts", &moved, width);
    }
    for warning in &plan.warnings {
        text += &hanging("warning: ", YELLOW, &shown(warning), width);
    }
    for problem in &plan.problems {
        let told = format!("{} ({})", problem.message, problem.class);
        text += &hanging("in the way: ", RED, &shown(&told), width);
    }
    text += &row("to confirm", &plan.confirmation, width);
    text
}

fn opening(step: &NextStep) -> String {
    match (step.open, step.remaining) {
        (true, _) => "now".to_owned(),
        (false, Some(remaining)) => format!("in about {remaining}"),
        (false, None) => "once the coin is confirmed, and later".to_owned(),
    }
}

/// How far everything has come.
pub(in crate::cli) fn recovery_run(run: &ShownRun, width: usize) -> String {
    let under_way = run.operations.iter().filter(|one| !one.phase.is_over());
    let under_way = u64::try_from(under_way.count()).unwrap_or(u64::MAX);
    let mut text = format!(
        "{}: {} under way at block {}\n",
        run.vault,
        counted(under_way, "operation"),
        run.height
    );
    for operation in &run.operations {
        text += &progress(operation, width);
    }
    text
}

fn progress(one: &ShownProgress, width: usize) -> String {
    let style = match one.phase {
        Phase::Buried | Phase::Confirmed | Phase::Seen => GREEN,
        Phase::Refused { .. } | Phase::Replaced { .. } | Phase::Rivalled { .. } => RED,
        _ => YELLOW,
    };
    let mut text = format!(
        "{} {}: {}\n",
        paint(BOLD, one.what),
        one.txid,
        paint(style, one.phase.word())
    );
    match &one.phase {
        Phase::Refused { class } => text += &row("refused", class, width),
        Phase::Rivalled { by, .. } | Phase::Replaced { by } => {
            text += &row("spent by", &by.to_string(), width);
        }
        Phase::Complete if !one.approved => {
            text += &row(
                "next",
                "it is signed, and is sent once somebody confirms it",
                width,
            );
        }
        _ => {}
    }
    for wanted in &one.wanted {
        let missing = wanted.missing.join(", ");
        let signed = match wanted.signed.is_empty() {
            true => "nobody has signed".to_owned(),
            false => format!("signed by {}", wanted.signed.join(", ")),
        };
        let told = format!("{} role: {signed}, missing of {missing}", wanted.role);
        text += &row("signatures", &told, width);
    }
    if let Some(party) = &one.fee_child_wanted_from {
        text += &row(
            "fee child",
            &format!("waits for the signature of {party}"),
            width,
        );
    }
    if let Some(feerate) = &one.feerate {
        text += &row("aims at", &feerate.text, width);
    }
    if let Some(would) = &one.would {
        text += &row("would", would, width);
    }
    for file in &one.files {
        text += &row("to be signed", file, width);
    }
    for problem in &one.waits_for {
        let told = format!("{} ({})", problem.message, problem.class);
        text += &hanging("waits: ", YELLOW, &shown(&told), width);
    }
    text
}
