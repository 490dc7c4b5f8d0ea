//! Spending paths: their kinds, their locks, and how the locks fit together.

use std::sync::Arc;

use crate::units::{AbsoluteLock, Blocks, RelativeLock};

use super::super::document::{EscrowEntry, LockupEntry, PathEntry, Spanned};
use super::super::period::{Duration, PeriodError};
use super::super::{
    Clock, Code, Diagnostic, Direct, Lockup, Outcome, PathKind, Period, Purpose, Quorum, Span,
    SpendingPath, Staged,
};
use super::activation;
use super::directory::{Directory, likelihood_of};

/// Most triggers in a row that can be signed in advance: each takes files of its own.
const MAX_TRIGGERS: u8 = 8;

/// Makes a path; none if anything about it has been reported.
pub(super) fn resolve(
    entry: &PathEntry,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<SpendingPath> {
    let before = problems.len();
    let title = entry.title();
    let quorum = entry
        .quorum
        .as_ref()
        .and_then(|name| directory.find(name, &title, problems));
    let kind = match &entry.escrow {
        None => direct(entry, problems).map(PathKind::Direct),
        Some(escrow) => staged(entry, escrow, directory, problems).map(PathKind::Staged),
    };
    if entry.broken || problems.len() > before {
        return None;
    }
    Some(SpendingPath {
        name: entry.name.as_ref()?.value.clone(),
        quorum: quorum?,
        likelihood: entry
            .likelihood
            .as_ref()
            .map_or(entry.default_likelihood(), likelihood_of),
        kind: kind?,
    })
}

/// The lock of a duration, reporting why there is none.
pub(super) fn period(
    typed: &Spanned<Duration>,
    clock: Clock,
    what: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Period> {
    let error = match typed.value.period(clock) {
        Ok(period) => return Some(period),
        Err(error) => error,
    };
    let text = typed.value.to_string();
    let problem = match error {
        PeriodError::BlocksOnTimeClock => {
            Diagnostic::new(Code::WrongClock, format!("{what} is {text} on the time clock"))
                .at(typed.span, "blocks on the time clock")
                .help("write minutes, hours, days or weeks, or use `clock = \"blocks\"`")
        }
        PeriodError::Lock(crate::units::RelativeLockError::Zero) => {
            Diagnostic::new(Code::ZeroDuration, format!("{what} is {text}, which waits for nothing"))
                .at(typed.span, "zero")
                .help("choose a duration of at least one block, or leave the field out where it may be missing")
        }
        PeriodError::Lock(_) => {
            let help = match what {
                "`delay`" => "use an absolute lock (`unlock_at` or `unlock_height`), or one more stage",
                "`refresh`" => "refresh more often: a delay has to be longer still, and must fit",
                _ => "shorten it, or reach the same by one more stage",
            };
            too_long(Code::TooLong, &format!("{what} is {text}"), typed.span, clock).help(help)
        }
    };
    problems.push(problem);
    None
}

fn too_long(code: Code, what: &str, span: Span, clock: Clock) -> Diagnostic {
    let longest = match clock {
        Clock::Blocks => "65,535 blocks (about 455 days)",
        Clock::Time => "65,535 units of 512 seconds (about 388.4 days)",
    };
    Diagnostic::new(
        code,
        format!("{what}, longer than a relative lock can hold"),
    )
    .at(span, format!("the longest is {longest}"))
}

fn direct(entry: &PathEntry, problems: &mut Vec<Diagnostic>) -> Option<Direct> {
    if entry.stages_unread {
        // It would be staged if its escrow could be read.
        return None;
    }
    let title = entry.title();
    let mut misplaced = |span: Span, field: &str, help: &str| {
        problems.push(
            Diagnostic::new(
                Code::FieldNotForPath,
                format!("{title} has `{field}`, but no `escrow`, so it is direct"),
            )
            .at(span, "only staged paths have this")
            .beside(entry.place(), "a direct path")
            .help(help),
        );
    };
    if let Some(lockup) = &entry.lockup {
        let help = "add an `escrow` to make the path staged; the chain cannot hold a lock-up for a direct one";
        misplaced(lockup.span, "lockup", help);
    }
    if let Some(activation) = &entry.activation {
        let help = "add an `escrow` to make the path staged, or remove the activation: a direct path opens by its lock alone";
        misplaced(activation.span, "activation", help);
    }
    if let Some(purpose) = &entry.purpose
        && purpose.value == Purpose::Spend
    {
        let help = "add an `escrow` to make the path staged, or leave `purpose` out";
        misplaced(purpose.span, "purpose = \"spend\"", help);
    }
    let unlock = unlock(entry, problems);
    let delay = match &entry.delay {
        Some(typed) => Some(period(typed, entry.clock(), "`delay`", problems)?),
        None => None,
    };
    Some(Direct {
        delay,
        unlock: unlock?,
    })
}

/// The absolute lock, if there is one; nothing at all if there are two.
fn unlock(entry: &PathEntry, problems: &mut Vec<Diagnostic>) -> Option<Option<AbsoluteLock>> {
    let (Some(date), Some(height)) = (&entry.unlock_at, &entry.unlock_height) else {
        let typed = entry.unlock_at.as_ref().or(entry.unlock_height.as_ref());
        return Some(typed.map(|typed| typed.value));
    };
    problems.push(
        Diagnostic::new(
            Code::FieldConflict,
            format!("{} has both `unlock_at` and `unlock_height`", entry.title()),
        )
        .at(height.span, "a height")
        .beside(date.span, "a date")
        .help("keep one: one script cannot hold a height and a date"),
    );
    None
}

fn staged(
    entry: &PathEntry,
    escrow: &EscrowEntry,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Staged> {
    let title = entry.title();
    for (span, field) in [
        (entry.delay.as_ref().map(|typed| typed.span), "delay"),
        (
            entry.unlock_at.as_ref().map(|typed| typed.span),
            "unlock_at",
        ),
        (
            entry.unlock_height.as_ref().map(|typed| typed.span),
            "unlock_height",
        ),
    ] {
        if let Some(span) = span {
            problems.push(
                Diagnostic::new(
                    Code::FieldNotForPath,
                    format!("{title} has `{field}` beside its `escrow`, so it is staged"),
                )
                .at(span, "only direct paths have this")
                .beside(escrow.span, "makes the path staged")
                .help("a staged path waits in the escrow (`window`) and in the lock-up (`period`); for a direct one remove `escrow`"),
            );
        }
    }
    let veto = escrow
        .veto
        .as_ref()
        .and_then(|name| directory.find(name, "a veto", problems));
    let window = escrow
        .window
        .as_ref()
        .and_then(|typed| period(typed, entry.clock(), "`window`", problems));
    let depth = depth(escrow, problems);
    let outcome = outcome(entry, escrow, window.as_ref(), directory, problems);
    let activation = match &entry.activation {
        None => Some(None),
        Some(typed) => activation::resolve(typed, entry.clock(), directory, problems).map(Some),
    };
    Some(Staged {
        window: window?,
        veto: veto?,
        depth: depth?,
        outcome: outcome?,
        activation: activation?,
    })
}

fn depth(escrow: &EscrowEntry, problems: &mut Vec<Diagnostic>) -> Option<u8> {
    let Some(typed) = &escrow.depth else {
        return Some(1);
    };
    let depth = u8::try_from(typed.value)
        .ok()
        .filter(|depth| (1..=MAX_TRIGGERS).contains(depth));
    if depth.is_none() {
        problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!("`depth` is {}, and can be 1 to {MAX_TRIGGERS}", typed.value),
            )
            .at(typed.span, "out of range")
            .help("`depth` is how many triggers in a row root signs in advance"),
        );
    }
    depth
}

fn outcome(
    entry: &PathEntry,
    escrow: &EscrowEntry,
    window: Option<&Period>,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Outcome> {
    if entry.stages_unread {
        return None;
    }
    let title = entry.title();
    match (entry.purpose(), &entry.lockup) {
        (Purpose::Recover, Some(lockup)) => {
            self::lockup(entry, escrow, lockup, window, directory, problems).map(Outcome::Lockup)
        }
        (purpose, lockup) => {
            if let Some(lockup) = lockup {
                problems.push(
                    Diagnostic::new(
                        Code::FieldNotForPath,
                        format!("{title} spends, and has a lock-up"),
                    )
                    .at(lockup.span, "only recover paths have this")
                    .beside(escrow.span, "a spend path pays from the escrow")
                    .help("remove `lockup`, or write `purpose = \"recover\"`"),
                );
            }
            if let Some(backstop) = &escrow.backstop {
                problems.push(
                    Diagnostic::new(
                        Code::FieldNotForPath,
                        format!("{title} has a backstop, and no settle file that could be lost"),
                    )
                    .at(backstop.span, "only recover paths with a lock-up have this")
                    .beside(entry.place(), "its quorum signs the settle live")
                    .help("remove `backstop`, or add a `lockup` to a recover path"),
                );
            }
            Some(Outcome::Payees(purpose))
        }
    }
}

fn lockup(
    entry: &PathEntry,
    escrow: &EscrowEntry,
    lockup: &LockupEntry,
    window: Option<&Period>,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Lockup> {
    let clock = entry.clock();
    let title = entry.title();
    let people = people(lockup, &title, directory, problems);
    let wait = lockup
        .period
        .as_ref()
        .and_then(|typed| period(typed, clock, "`period`", problems));
    let Some(typed) = &escrow.backstop else {
        // A backstop that could not be read is no missing one.
        if !entry.broken {
            let remedy = wait.as_ref().map_or("30 days", |wait| wait.text());
            problems.push(
                Diagnostic::new(
                    Code::BackstopMissing,
                    format!("{title} has a lock-up and no backstop"),
                )
                .at(escrow.span, "`backstop` is needed here")
                .beside(lockup.span, "because of this")
                .help(format!(
                    "add `backstop = \"{remedy}\"` or more: without it, a lost settle file leaves the coin in the escrow for ever once root is gone"
                )),
            );
        }
        return None;
    };
    let backstop = period(typed, clock, "`backstop`", problems);
    let (wait, backstop) = (wait?, backstop?);
    if backstop.lock.to_consensus() < wait.lock.to_consensus() {
        problems.push(
            Diagnostic::new(
                Code::BackstopShort,
                format!(
                    "the backstop of {title} is {backstop}, shorter than its lock-up of {wait}"
                ),
            )
            .at(typed.span, "shorter than the lock-up period")
            .beside(lockup.span, "the lock-up")
            .help(format!(
                "make `backstop` at least \"{}\", or the agents could just not settle",
                wait.text()
            )),
        );
    }
    let window = window?;
    let Some(backstop_lock) = sum(window.lock, backstop.lock) else {
        let what = format!("window and backstop of {title} are {window} and {backstop}");
        problems.push(
            too_long(Code::BackstopTooLong, &what, typed.span, clock)
                .beside(
                    escrow.span,
                    "the backstop counts from the end of the window",
                )
                .help("shorten the window or the backstop: together they are one relative lock"),
        );
        return None;
    };
    Some(Lockup {
        period: wait,
        clawback: lockup.clawback.as_ref().is_none_or(|typed| typed.value),
        quorum: people?,
        backstop,
        backstop_lock,
    })
}

/// The people of a lock-up, where it has its own; nothing at all if they have been reported.
#[expect(
    clippy::option_option,
    reason = "none of its own, or none that could be found: two different things"
)]
fn people(
    lockup: &LockupEntry,
    path: &str,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Option<Arc<Quorum>>> {
    match (&lockup.quorum, &lockup.beneficiary) {
        (None, None) => Some(None),
        (Some(quorum), None) => directory.find(quorum, "a lock-up", problems).map(Some),
        (None, Some(party)) => directory.alone(party, problems).map(Some),
        (Some(quorum), Some(beneficiary)) => {
            problems.push(
                Diagnostic::new(
                    Code::FieldConflict,
                    format!("the lock-up of {path} has both `quorum` and `beneficiary`"),
                )
                .at(beneficiary.span, "one party")
                .beside(quorum.span, "several together")
                .help("keep the one that says who is to release"),
            );
            None
        }
    }
}

/// The lock of two periods of one clock, one after the other.
fn sum(first: RelativeLock, second: RelativeLock) -> Option<RelativeLock> {
    match (first, second) {
        (RelativeLock::Blocks(a), RelativeLock::Blocks(b)) => {
            let blocks = u32::from(a.get()) + u32::from(b.get());
            RelativeLock::from_blocks(Blocks(blocks)).ok()
        }
        (RelativeLock::Units512(_), RelativeLock::Units512(_)) => {
            RelativeLock::from_seconds(first.expected_seconds() + second.expected_seconds()).ok()
        }
        _ => None,
    }
}
