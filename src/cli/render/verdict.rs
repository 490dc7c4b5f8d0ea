//! The verdict of a rule.

use super::{DIM, GREEN, RED, hanging, paint, shown};
use crate::policy::{Fault, Verdict};

/// The verdict, why, and what it takes to ask again.
pub(in crate::cli) fn verdict(verdict: &Verdict, width: usize) -> String {
    let (word, style) = match verdict.allow {
        true => ("allowed", GREEN),
        false => ("denied", RED),
    };
    let mut text = hanging(&format!("{word}: "), style, &verdict.why, width);
    if let Some(fault) = &verdict.fault {
        let place = format!(
            "in line {}, column {} ({}; `longstop explain-code {}` says more)",
            fault.line, fault.column, fault.code, fault.code
        );
        text.push_str(&hanging("  ", style, &place, width));
        text.push_str(&marked(fault, width));
        if let Some(help) = &fault.help {
            text.push_str(&hanging("  help: ", DIM, help, width));
        }
    }
    for (label, value) in [
        ("rule  sha256 ", &verdict.rule_sha256),
        ("facts sha256 ", &verdict.facts_sha256),
        ("asked        ", &verdict.interpreter),
    ] {
        text.push_str(&format!("{}{value}\n", paint(DIM, label)));
    }
    text
}

/// The line where a rule failed, with a mark under the place, or nothing if the rule has no such line
/// or the place does not fit.
fn marked(fault: &Fault, width: usize) -> String {
    let number = fault.line.to_string();
    let column = fault.column.saturating_sub(1);
    let room = width.saturating_sub(number.len() + 5);
    if fault.text.trim().is_empty() || column >= room {
        return String::new();
    }
    let line: String = shown(&fault.text.replace('\t', " "))
        .chars()
        .take(room)
        .collect();
    let margin = " ".repeat(number.len());
    format!(
        "  {} {line}\n  {margin} {} {}{}\n",
        paint(DIM, &format!("{number} │")),
        paint(DIM, "·"),
        " ".repeat(column),
        paint(RED, "^")
    )
}
