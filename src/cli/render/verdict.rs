//! The verdict of a rule.

use super::{DIM, GREEN, RED, hanging, paint};
use crate::policy::Verdict;

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
