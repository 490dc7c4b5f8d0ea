//! Cases: what was said, and how they stand.

use super::ledger::{checksums, forks, row, short, when};
use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, shown, words};
use crate::cli::case::{Denied, Overview, Spoken};
use crate::cli::policy::Standing;
use crate::cli::say::Said;
use crate::governance::{Phase, Statement, Status};
use crate::policy::Guarantee;

/// An event that was signed, and how the cases stand that it bears on.
pub(in crate::cli) fn spoken(spoken: &Spoken, width: usize) -> String {
    let mut text = said(&spoken.said, width);
    for status in &spoken.cases {
        text.push('\n');
        text += &case(status, width);
    }
    text
}

/// An event that was signed and is kept.
fn said(said: &Said, width: usize) -> String {
    let mut text = format!(
        "{} {} of {}, {}\n",
        paint(GREEN, "kept:"),
        said.kind,
        shown(&said.author),
        when(said.at)
    );
    text += &row("event", &said.event.to_string(), width);
    text += &row(
        "ledger",
        &format!("{}, at {}", said.ledger, said.position),
        width,
    );
    match &said.file {
        Some(file) => text += &row("to hand on", file, width),
        // In one piece, to be copied.
        None => {
            let label = paint(DIM, "to hand on    ");
            text += &format!("{label}{}\n", said.envelope);
        }
    }
    text
}

/// How a case stands.
fn case(status: &Status, width: usize) -> String {
    let mut text = title(status);
    for statement in &status.statements {
        text += &stated(statement, width);
    }
    text
}

/// A case in a line.
fn title(status: &Status) -> String {
    let (phase, style) = match status.phase {
        Phase::Proposed => ("proposed", YELLOW),
        Phase::Activated => ("activated", RED),
        Phase::Frozen { .. } => ("frozen", RED),
        Phase::Vetoed { .. } => ("vetoed", RED),
        Phase::Closed { .. } => ("closed", DIM),
    };
    format!(
        "{} {} on {}: {}\n",
        paint(BOLD, "case"),
        short(status.case),
        shown(&status.path),
        paint(style, phase)
    )
}

/// A statement with what stands behind it.
fn stated(statement: &Statement, width: usize) -> String {
    let indent = "  ".repeat(statement.depth);
    let label = format!("{:10}{indent} ", guarantee(statement.guarantee));
    hanging(&label, DIM, &shown(&statement.text), width)
}

const fn guarantee(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Consensus => "consensus",
        Guarantee::Software => "software",
        Guarantee::Fact => "",
    }
}

/// How cases stand.
pub(in crate::cli) fn overview(overview: &Overview, width: usize) -> String {
    let mut text = String::new();
    for status in &overview.cases {
        if Some(status.case) == overview.whole {
            text += &case(status, width);
        } else {
            text += &title(status);
        }
    }
    if overview.cases.is_empty() {
        text += "no case\n";
    }
    for held in &overview.held {
        let says = format!(
            "{} of {} ({}) is dated {}, ahead of the chain, and does not count yet",
            short(held.event),
            held.author,
            held.kind,
            when(held.at)
        );
        text += &hanging("held back: ", YELLOW, &shown(&says), width);
    }
    text += &forks(&overview.forks, width);
    text += &format!("{} {}\n", paint(DIM, "as of"), when(overview.now));
    text
}

/// A denial of a rule.
pub(in crate::cli) fn denied(denied: &Denied, width: usize) -> String {
    let judgement = &denied.judgement;
    let mut text = hanging("denied: ", RED, &shown(&judgement.why), width);
    text += &row("rule  sha256", &judgement.rule_sha256.to_string(), width);
    text += &row("facts sha256", &judgement.facts_sha256.to_string(), width);
    text += "nothing was signed\n";
    text
}

/// Who stands by a policy.
pub(in crate::cli) fn standing(standing: &Standing, width: usize) -> String {
    let mut text = standing.said.as_ref().map_or_else(String::new, |one| {
        let mut text = said(one, width);
        text.push('\n');
        text
    });
    text += &row("policy id", &standing.policy_id, width);
    text += &row("first address", &standing.first_address, width);
    // Whoever signs them sees them whole.
    if standing.said.is_some() {
        for descriptor in &standing.descriptors {
            let label = paint(DIM, &format!("{:14}", "descriptor"));
            text += &format!("{label}{}\n", shown(descriptor));
        }
    } else {
        text += &row("descriptors", &checksums(&standing.descriptors), width);
    }
    let ratified = &standing.ratified;
    let by: Vec<&String> = ratified.by.keys().collect();
    text += &row("ratified by", &words::list(&by), width);
    let mut lack = |label: &str, parties: Vec<&String>, why: &str| {
        if !parties.is_empty() {
            let says = format!("{}{why}", words::list(&parties));
            text += &hanging(&format!("{label:14}"), RED, &shown(&says), width);
        }
    };
    lack("missing", ratified.missing.iter().collect(), "");
    lack(
        "otherwise",
        ratified.otherwise.keys().collect(),
        " (other descriptors, or another address: they were given another policy)",
    );
    lack(
        "cannot",
        ratified.without_identity.iter().collect(),
        " (no identity in the policy)",
    );
    lack(
        "forked",
        ratified.forked.iter().collect(),
        " (two stories told: the ratification counts for nothing)",
    );
    text += &match standing.complete {
        true => format!("{}\n", paint(GREEN, "every party has ratified it")),
        false => format!(
            "{}: nobody should pay to the vault yet\n",
            paint(YELLOW, "not ratified by all")
        ),
    };
    text
}
