//! The outcomes of `longstop test`, as test runners show them.

use super::diagnostics::of_text;
use super::{BOLD, GREEN, RED, hanging, paint, shown};
use crate::cli::test::{Outcome, Outcomes};

pub(in crate::cli) fn outcomes(outcomes: &Outcomes, width: usize) -> String {
    let tests = &outcomes.tests;
    let mut text = format!("running {}\n", counted(tests.len(), "test"));
    for test in tests {
        let verdict = if test.passed {
            paint(GREEN, "ok")
        } else {
            paint(RED, "FAILED")
        };
        text.push_str(&format!("{} {} ... {verdict}\n", kind(test), test.file));
    }
    let failures: Vec<&Outcome> = tests.iter().filter(|test| !test.passed).collect();
    if !failures.is_empty() {
        text.push_str("\nfailures:\n");
    }
    for test in failures {
        text.push_str(&format!("\n{}\n", paint(BOLD, &test.file)));
        if let Some(error) = &test.unreadable {
            let (file, source) = (&test.file, error.text().to_owned());
            let told = of_text(file, source, error.diagnostics(), width);
            text.push_str(&format!("{}\n", told.trim_end()));
            continue;
        }
        for problem in &test.problems {
            text.push_str(&hanging("  - ", RED, &shown(problem), width));
        }
    }
    let line = format!("{} passed, {} failed", outcomes.passed, outcomes.failed);
    let style = if outcomes.failed == 0 { GREEN } else { RED };
    text.push_str(&format!("\n{}\n", paint(style, &line)));
    text
}

fn kind(test: &Outcome) -> String {
    format!("{:8}", test.kind.word())
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
