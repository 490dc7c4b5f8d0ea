//! A rehearsal as a timeline.

use std::collections::BTreeMap;

use clap::builder::styling::Style;

use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, policy, shown, words};
use crate::cli::test::unmet;
use crate::compile::Compiled;
use crate::governance::EventId;
use crate::report::{Entry, Expectation, Provenance, Report, Verdict};
use crate::units::format_date_time;

/// Characters before the words of a timeline: date, height and a mark.
const MARGIN: usize = 29;

/// What the marks mean, and what the chain is.
const LEGEND: &str = "Every transaction is signed in full and judged on a regtest chain in memory, its scripts by Bitcoin Core's own interpreter: ✓ accepted, ✗ refused, ! not as expected. A · stands where nothing is sent.";

/// The report of a rehearsal.
pub(in crate::cli) fn report(report: &Report, width: usize) -> String {
    let mut text = format!("{}\n", paint(BOLD, &shown(&report.incident)));
    text.push_str(&hanging("", BOLD, &shown(&report.about), width));
    text.push_str(&warnings(report, width));
    text.push_str(&timeline(report, width));
    text.push_str(&cases(report, width));
    text.push_str(&expectations(report, width));
    text.push_str(&provenance(&report.provenance));
    text.push_str(&verdict(report));
    text
}

/// The demonstration: what the policy is, and the report.
pub(in crate::cli) fn demo(compiled: &Compiled, report: &Report, width: usize) -> String {
    let policy = compiled.policy();
    let title = format!(
        "{}, rehearsed: {}",
        shown(policy.name()),
        shown(&report.incident)
    );
    let mut text = format!("{}\n", paint(BOLD, &title));
    text.push_str(&hanging("", BOLD, &shown(&report.about), width));
    text.push_str(&format!("\n{}\n", paint(BOLD, "The policy")));
    text.push_str(&policy::outline(compiled, width));
    let stages: Vec<String> = compiled
        .stages()
        .map(|stage| shown(&stage.stage().to_string()))
        .collect();
    let compiled = format!(
        "compiled to {} {} descriptors ({}); policy id {}",
        stages.len(),
        policy.script(),
        words::list(&stages),
        compiled.id()
    );
    text.push_str(&hanging("  ", BOLD, &compiled, width));
    text.push_str(&warnings(report, width));
    text.push_str(&timeline(report, width));
    text.push_str(&cases(report, width));
    text.push_str(&expectations(report, width));
    text.push_str(&provenance(&report.provenance));
    text.push_str(&verdict(report));
    text
}

fn warnings(report: &Report, width: usize) -> String {
    let warnings = report.warnings.iter();
    let lines = warnings.map(|warning| hanging("warning: ", YELLOW, &shown(warning), width));
    std::iter::once("\n".to_owned()).chain(lines).collect()
}

fn timeline(report: &Report, width: usize) -> String {
    let mut text = format!("\n{}", hanging("", DIM, LEGEND, width));
    let heading = format!("\n{:<16}  {:>7}\n", "date (UTC)", "height");
    text.push_str(&paint(DIM, &heading));
    let mut money = None;
    let mut cases = &BTreeMap::new();
    let mut passed_time = false;
    for entry in &report.timeline {
        let changed = money.replace(&entry.money) != Some(&entry.money);
        let expectation = report
            .expectations
            .iter()
            .find(|expectation| expectation.line == Some(entry.line));
        if passes_time(entry) && !passed_time {
            text.push('\n');
        }
        passed_time = passes_time(entry);
        text.push_str(&step(entry, expectation, changed, width));
        for (name, state) in &entry.cases {
            if cases.get(name) != Some(state) {
                text.push_str(&" ".repeat(MARGIN));
                let told = format!("case {}: {}", shown(name), shown(state));
                text.push_str(&indented(&told, BOLD, width.saturating_sub(MARGIN)));
            }
        }
        cases = &entry.cases;
    }
    text
}

/// How each case stands at the end, in the words of its status.
fn cases(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for story in &report.cases {
        let title = format!("The case {}", shown(&story.name));
        text.push_str(&format!("\n{}\n", paint(BOLD, &title)));
        for statement in &story.status.statements {
            let margin = " ".repeat(2 + 2 * statement.depth);
            text.push_str(&hanging(
                &margin,
                Style::new(),
                &shown(&statement.text),
                width,
            ));
        }
    }
    text
}

/// One event: who did what, what was said of it, and where the money is.
fn step(entry: &Entry, expectation: Option<&Expectation>, changed: bool, width: usize) -> String {
    let place = format!("{}  {:>7}", format_date_time(entry.date), entry.height.0);
    let met = expectation.is_none_or(|expectation| expectation.met);
    let (mark, style) = mark(&entry.verdict, met);
    let words = width.saturating_sub(MARGIN);
    let what = match entry.who.as_str() {
        "" => shown(&entry.what),
        who => format!("{}: {}", shown(who), shown(&entry.what)),
    };
    let mut text = format!("{}  {} ", paint(DIM, &place), paint(style, mark));
    text.push_str(&indented(
        &what,
        if passes_time(entry) { DIM } else { BOLD },
        words,
    ));
    let mut more = |style, line: &str| {
        text.push_str(&" ".repeat(MARGIN));
        text.push_str(&indented(line, style, words));
    };
    let as_expected = expectation.is_some_and(|expectation| expectation.met);
    if let Some(said) = said(&entry.verdict, as_expected) {
        more(style, &said);
    }
    if let Some(expectation) = expectation.filter(|expectation| !expectation.met) {
        more(
            RED,
            &format!("but expected: {}", shown(&expectation.expected)),
        );
    }
    for note in &entry.notes {
        more(Style::new(), &shown(note));
    }
    // Words move no money.
    let moves_none = matches!(entry.verdict, Verdict::None | Verdict::Recorded { .. });
    if changed || !moves_none {
        more(
            Style::new(),
            &format!("money: {}", words::money(&entry.money)),
        );
    }
    text
}

fn passes_time(entry: &Entry) -> bool {
    entry.event == "mine"
}

const fn mark(verdict: &Verdict, met: bool) -> (&'static str, Style) {
    match (verdict, met) {
        (_, false) => ("!", RED),
        (Verdict::None, _) => ("·", Style::new()),
        (Verdict::Accepted { .. } | Verdict::Recorded { .. }, _) => ("✓", GREEN),
        (Verdict::RefusedByChain { .. } | Verdict::RefusedBySoftware { .. }, _) => ("✗", YELLOW),
    }
}

/// What the chain or our software said, in a sentence.
fn said(verdict: &Verdict, as_expected: bool) -> Option<String> {
    let expected = if as_expected { ", as expected" } else { "" };
    Some(match verdict {
        Verdict::None => return None,
        Verdict::Accepted {
            txid,
            vbytes,
            fee_sats,
            child_vbytes,
        } => {
            let txid = txid.to_string();
            let short = txid.get(..12).unwrap_or(&txid);
            let child =
                child_vbytes.map_or_else(String::new, |child| format!(" + fee child {child} vB"));
            format!("accepted by the chain: txid {short}…, {vbytes} vB{child}, fee {fee_sats} sat")
        }
        Verdict::Recorded { events } => {
            let short = |event: &EventId| {
                let id = event.to_string();
                format!("{}…", id.get(..12).unwrap_or(&id))
            };
            let ids: Vec<String> = events.iter().map(short).collect();
            let noun = if ids.len() == 1 { "event" } else { "events" };
            format!("signed and recorded: {noun} {}", words::list(&ids))
        }
        Verdict::RefusedByChain {
            class,
            detail,
            consensus,
        } => {
            let by = if *consensus {
                "by consensus"
            } else {
                "by relay policy only"
            };
            let detail = detail
                .as_ref()
                .map_or_else(String::new, |detail| format!(" ({detail})"));
            format!("refused {by}{expected}: {}{}", shown(class), shown(&detail))
        }
        Verdict::RefusedBySoftware { class, reason } => {
            let (class, reason) = (shown(class), shown(reason));
            format!("refused by our software{expected}: {reason} ({class})")
        }
    })
}

fn expectations(report: &Report, width: usize) -> String {
    let mut text = format!("\n{}\n", paint(BOLD, "Expectations"));
    if report.expectations.is_empty() {
        text.push_str("  none\n");
    }
    for expectation in &report.expectations {
        text.push_str(&if expectation.met {
            let place = expectation.line.map(|line| format!("line {line}: "));
            let met = format!(
                "{}{}",
                place.unwrap_or_default(),
                shown(&expectation.expected)
            );
            hanging("  ✓ ", GREEN, &met, width)
        } else {
            hanging("  ! ", RED, &shown(&unmet(expectation)), width)
        });
    }
    text
}

fn provenance(provenance: &Provenance) -> String {
    let Provenance {
        version,
        incident_sha256,
        policy_sha256,
        policy_id,
        rehearsed_policy_id,
        seed,
    } = provenance;
    let lines = format!(
        "\nProvenance\n  \
         longstop {version}, seed {seed}\n  \
         incident file, SHA-256  {incident_sha256}\n  \
         policy file, SHA-256    {policy_sha256}\n  \
         policy id               {policy_id}\n  \
         id with stand-in keys   {rehearsed_policy_id}\n"
    );
    paint(DIM, &lines)
}

fn verdict(report: &Report) -> String {
    let all = report.expectations.len();
    let met = report
        .expectations
        .iter()
        .filter(|expectation| expectation.met)
        .count();
    let style = if met == all { GREEN } else { RED };
    format!(
        "\n{}\n",
        paint(style, &format!("{met} of {all} expectations met"))
    )
}

/// Lines of which all but the first are indented by the margin.
fn indented(text: &str, style: Style, width: usize) -> String {
    let lines = super::wrap(text, width);
    let lines: Vec<String> = lines.iter().map(|line| paint(style, line)).collect();
    format!("{}\n", lines.join(&format!("\n{}", " ".repeat(MARGIN))))
}
