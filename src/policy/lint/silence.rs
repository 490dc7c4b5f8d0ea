//! What a policy silences, and why.

use super::super::check::Silenced;
use super::super::document::{LintEntry, did_you_mean};
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Severity};

/// Takes out what the policy silences, and reports entries that silence nothing.
pub(in crate::policy) fn silence(
    entries: &[LintEntry],
    problems: &mut Vec<Diagnostic>,
) -> Vec<Silenced> {
    let mut silenced = Vec::new();
    let mut about_entries = Vec::new();
    let mut idle = Vec::new();
    for entry in entries {
        let Some(code) = Code::from_written(&entry.code.value) else {
            about_entries.push(unknown(entry));
            continue;
        };
        if !code.can_be_silenced() {
            about_entries.push(
                Diagnostic::new(Code::NotSilenceable, format!("{code} cannot be silenced"))
                    .at(entry.code.span, code.title())
                    .help("remove the entry, and mend what the code reports"),
            );
            continue;
        }
        let (taken, left): (Vec<_>, Vec<_>) = problems
            .drain(..)
            .partition(|problem| problem.code() == code);
        *problems = left;
        if taken.is_empty() {
            idle.push(
                Diagnostic::new(
                    Code::IdleSilence,
                    format!("{code} is silenced, and nothing causes it"),
                )
                .at(entry.code.span, code.title())
                .help("remove the entry"),
            );
        }
        silenced.extend(taken.into_iter().map(|diagnostic| Silenced {
            diagnostic,
            reason: entry.reason.value.trim().to_owned(),
        }));
    }
    problems.extend(about_entries);
    // Behind an error the lint may only be out of sight.
    if problems
        .iter()
        .all(|problem| problem.severity() != Severity::Error)
    {
        problems.extend(idle);
    }
    silenced
}

fn unknown(entry: &LintEntry) -> Diagnostic {
    let known = Code::ALL.iter().filter(|code| code.can_be_silenced());
    let known = known.map(|code| code.as_str());
    let problem = Diagnostic::new(
        Code::UnknownCode,
        format!("there is no code {}", quote(&entry.code.value)),
    )
    .at(entry.code.span, "unknown");
    match did_you_mean(&entry.code.value, known) {
        Some(similar) => problem.help(format!("did you mean `{similar}`?")),
        None => problem.help("codes look like `LS0601`"),
    }
}
