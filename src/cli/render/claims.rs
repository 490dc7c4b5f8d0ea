//! Claims with what came of them.

use super::analysis::steps;
use super::{BOLD, DIM, GREEN, RED, hanging, paint, shown};
use crate::analysis::{Counterexample, Rests, Verdict};
use crate::cli::claims::Judged;
use crate::cli::failure::BadClaim;

/// Where the text of a verdict begins.
const INDENT: &str = "                ";

pub(in crate::cli) fn claims(result: &Judged, width: usize) -> String {
    let mut text = format!(
        "{}\npolicy id {}\n\n",
        paint(BOLD, &shown(&result.policy)),
        result.id
    );
    for verdict in &result.claims {
        text.push_str(&line(verdict, width));
    }
    let failed = result.claims.iter().filter(|verdict| !verdict.holds());
    text.push('\n');
    text.push_str(&match (failed.count(), result.claims.len()) {
        (0, 1) => paint(GREEN, "the claim holds\n"),
        (0, all) => paint(GREEN, &format!("all {all} claims hold\n")),
        (failed, all) => paint(RED, &format!("{failed} of {all} claims do not hold\n")),
    });
    if let Some(file) = &result.counterexample {
        text.push_str(&format!(
            "the first counterexample is in {file}; `longstop simulate` plays it\n"
        ));
    }
    text
}

fn line(verdict: &Verdict, width: usize) -> String {
    let claim = shown(&verdict.claim);
    let mut text = answer(
        &claim,
        &verdict.rests_on,
        verdict.counterexample.as_ref(),
        width,
    );
    if let Some(worst) = &verdict.worst {
        let counterexample = worst.counterexample.as_ref();
        let claim = "  … with only what is attested as independence";
        text.push_str(&answer(claim, &worst.rests_on, counterexample, width));
    }
    text
}

fn answer(
    claim: &str,
    rests_on: &[Rests],
    counterexample: Option<&Counterexample>,
    width: usize,
) -> String {
    let Some(found) = counterexample else {
        let rests = rests_on.iter().map(|rests| rests.words());
        let rests = format!("rests on {}", rests.collect::<Vec<_>>().join("; "));
        return format!(
            "{}          {claim}\n{}",
            paint(GREEN, "PROVED"),
            hanging(INDENT, DIM, &rests, width)
        );
    };
    let mut text = format!("{}  {claim}\n", paint(RED, "COUNTEREXAMPLE"));
    let words = shown(&found.to_string());
    text.push_str(&hanging(INDENT, BOLD, &format!("{words}."), width));
    if !found.steps.is_empty() {
        let words = format!("By: {}.", steps(&found.steps));
        text.push_str(&hanging(INDENT, DIM, &words, width));
    }
    text
}

/// A text that is no claim, with its fault marked below it.
pub(in crate::cli) fn bad_claim(bad: &BadClaim) -> String {
    let BadClaim { place, text, error } = bad;
    let before = shown(text.get(..error.span.start).unwrap_or_default());
    let inside = shown(
        text.get(error.span.start..error.span.end)
            .unwrap_or_default(),
    );
    let after = shown(text.get(error.span.end..).unwrap_or_default());
    let mark = format!(
        "{}{}",
        " ".repeat(before.chars().count()),
        "^".repeat(inside.chars().count().max(1))
    );
    let mut told = format!(
        "{}: {place}: {}\n  {before}{inside}{after}\n  {}\n",
        paint(RED, "error"),
        shown(&error.to_string()),
        paint(RED, &mark)
    );
    if let Some(help) = &error.help {
        told.push_str(&format!("  help: {}\n", shown(help)));
    }
    told
}
