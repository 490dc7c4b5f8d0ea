//! Lints about how long things take.

use crate::units::{AbsoluteLock, BLOCKS_PER_DAY, Blocks, RelativeLock};

use super::super::shown::quote;
use super::super::{Code, Diagnostic, Lockup};
use super::Facts;

/// Shortest veto window that is not warned about: a day.
const SHORT_WINDOW: Blocks = Blocks(BLOCKS_PER_DAY);

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    short_windows(facts, problems);
    direct_before_staged(facts, problems);
    mixed_locks(facts, problems);
    open_paths(facts, problems);
    activations(facts, problems);
}

fn short_windows(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path, staged) in facts.staged() {
        if staged.window().lock().expected_seconds() >= SHORT_WINDOW.expected_seconds() {
            continue;
        }
        let escrow = entry.escrow.as_ref();
        let span = escrow
            .and_then(|escrow| escrow.window.as_ref())
            .map(|typed| typed.span);
        problems.push(
            Diagnostic::new(
                Code::ShortWindow,
                format!(
                    "the veto window of path {} is {}, less than {SHORT_WINDOW}",
                    quote(path.name()),
                    staged.window()
                ),
            )
            .at(span.unwrap_or(entry.place()), "short")
            .help("in this time veto holders must notice the trigger, gather, and get a cancel buried"),
        );
    }
}

fn direct_before_staged(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (direct_entry, direct_path) in facts.paths() {
        let Some(delay) = direct_path.direct().and_then(|direct| direct.delay()) else {
            continue;
        };
        for (entry, path, staged) in facts.staged() {
            let period = staged.lockup().map(Lockup::period);
            let longest = staged.window().lock().expected_seconds()
                + period.map_or(0, |period| period.lock().expected_seconds());
            if delay.lock().expected_seconds() >= longest {
                continue;
            }
            let takes = match period {
                Some(period) => format!("window {} and lock-up {period}", staged.window()),
                None => format!("window {}", staged.window()),
            };
            let span = direct_entry
                .delay
                .as_ref()
                .map_or(direct_entry.place(), |typed| typed.span);
            problems.push(
                Diagnostic::new(
                    Code::DirectBeforeStaged,
                    format!(
                        "path {} opens after {delay}, before path {} can finish ({takes})",
                        quote(direct_path.name()),
                        quote(path.name())
                    ),
                )
                .at(span, "shorter")
                .beside(entry.place(), takes)
                .help("lengthen the delay: who waits for it meets neither veto nor lock-up"),
            );
        }
    }
}

fn mixed_locks(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path) in facts.paths() {
        let Some(direct) = path.direct() else {
            continue;
        };
        let (Some(delay), Some(unlock)) = (direct.delay(), direct.unlock()) else {
            continue;
        };
        let (first, second, help) = match (delay.lock(), unlock) {
            (RelativeLock::Blocks(_), AbsoluteLock::Time(_)) => (
                "blocks",
                "a date",
                "use `unlock_height`, or `clock = \"time\"`",
            ),
            (RelativeLock::Units512(_), AbsoluteLock::Height(_)) => (
                "time",
                "a height",
                "use `unlock_at`, or `clock = \"blocks\"`",
            ),
            _ => continue,
        };
        let span = entry
            .delay
            .as_ref()
            .map_or(entry.place(), |typed| typed.span);
        let unlock = entry.unlock_at.as_ref().or(entry.unlock_height.as_ref());
        problems.push(
            Diagnostic::new(
                Code::MixedLocks,
                format!("path {} mixes heights and dates", quote(path.name())),
            )
            .at(span, format!("counts {first}"))
            .beside(unlock.map_or(entry.place(), |typed| typed.span), second)
            .help(format!("this is allowed; to have both by one clock {help}")),
        );
    }
}

fn open_paths(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path) in facts.paths() {
        let open = path
            .direct()
            .is_some_and(|direct| direct.delay().is_none() && direct.unlock().is_none());
        if open {
            problems.push(
                Diagnostic::new(
                    Code::OpenPath,
                    format!("path {} has no lock", quote(path.name())),
                )
                .at(entry.place(), "its quorum can spend every coin at once")
                .help("add `delay`, `unlock_at` or `unlock_height`, or an `escrow`"),
            );
        }
    }
}

fn activations(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for entry in &facts.document.paths {
        let (Some(activation), Some(_)) = (&entry.activation, &entry.escrow) else {
            continue;
        };
        problems.push(
            Diagnostic::new(
                Code::ActivationNotEvaluated,
                format!(
                    "the activation of {} is recorded, and not evaluated yet",
                    entry.title()
                ),
            )
            .at(activation.span, "no software holds anybody to this yet")
            .help("until it is, the agents decide by themselves when to trigger"),
        );
    }
}
