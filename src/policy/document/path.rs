//! One spending path.

use chrono::DateTime;
use chrono::format::ParseErrorKind;
use toml::de::{DeTable, DeValue};

use crate::units::{AbsoluteLock, UnixTime};

use super::super::period::Clock;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Purpose, Span};
use super::fields::{Fields, wrong_type};
use super::{EscrowEntry, LockupEntry, PathEntry, Spanned, Typed, activation, height_lock};

pub(super) fn read(table: &DeTable<'_>, span: Span, problems: &mut Vec<Diagnostic>) -> PathEntry {
    let before = problems.len();
    let title = table
        .get("name")
        .and_then(|name| name.get_ref().as_str())
        .map_or_else(
            || "this path".to_owned(),
            |name| format!("path {}", quote(name)),
        );
    let mut fields = Fields::new(table, span, title.clone(), problems);
    fields.require(&["name", "quorum"]);
    let name = fields.text("name");
    let purpose = fields.word("purpose", &Purpose::ALL);
    let quorum = fields.text("quorum");
    let clock = fields.word("clock", &Clock::ALL);
    let delay = fields.duration("delay");
    let unlock_at = unlock_at(&mut fields);
    let unlock_height = unlock_height(&mut fields);
    let likelihood = fields.likelihood();
    let escrow = fields
        .table("escrow")
        .map(|(table, span)| escrow(table, span, &title, fields.problems));
    let lockup = fields
        .table("lockup")
        .map(|(table, span)| lockup(table, span, &title, fields.problems));
    let stages_unread = [("escrow", escrow.is_none()), ("lockup", lockup.is_none())]
        .into_iter()
        .any(|(name, unread)| unread && fields.has(name));
    let activation = fields
        .table("activation")
        .and_then(|(table, span)| activation::read(table, span, fields.problems));
    fields.finish();
    PathEntry {
        span,
        name,
        purpose,
        quorum,
        clock,
        delay,
        unlock_at,
        unlock_height,
        likelihood,
        escrow,
        lockup,
        stages_unread,
        activation,
        broken: problems.len() > before,
    }
}

fn escrow(
    table: &DeTable<'_>,
    span: Span,
    path: &str,
    problems: &mut Vec<Diagnostic>,
) -> EscrowEntry {
    let mut fields = Fields::new(table, span, format!("the escrow of {path}"), problems);
    fields.require(&["window", "veto"]);
    let escrow = EscrowEntry {
        span,
        window: fields.duration("window"),
        veto: fields.text("veto"),
        depth: fields.number("depth"),
        backstop: fields.duration("backstop"),
    };
    fields.finish();
    escrow
}

fn lockup(
    table: &DeTable<'_>,
    span: Span,
    path: &str,
    problems: &mut Vec<Diagnostic>,
) -> LockupEntry {
    let mut fields = Fields::new(table, span, format!("the lock-up of {path}"), problems);
    fields.require(&["period"]);
    let lockup = LockupEntry {
        span,
        period: fields.duration("period"),
        clawback: fields.boolean("clawback"),
        quorum: fields.text("quorum"),
        beneficiary: fields.text("beneficiary"),
    };
    fields.finish();
    lockup
}

fn unlock_height(fields: &mut Fields<'_, '_, '_>) -> Typed<AbsoluteLock> {
    let typed = fields.number("unlock_height")?;
    if let Some(lock) = height_lock(typed.value) {
        return Some(Spanned::new(lock, typed.span));
    }
    fields.problems.push(
        Diagnostic::new(
            Code::AbsoluteOutOfRange,
            format!("block {} is no height that a lock can hold", typed.value),
        )
        .at(typed.span, "out of range")
        .help("choose a height from 1 to 499999999; for a date write `unlock_at`"),
    );
    None
}

fn unlock_at(fields: &mut Fields<'_, '_, '_>) -> Typed<AbsoluteLock> {
    let (value, span) = fields.value("unlock_at")?;
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => {
            let wanted = "a date such as `\"2031-01-01T00:00:00Z\"`";
            fields
                .problems
                .push(wrong_type("unlock_at", value, span, wanted));
            return None;
        }
    };
    let date = DateTime::parse_from_rfc3339(text.trim());
    let seconds = match date {
        Ok(date) if date.timestamp_subsec_nanos() == 0 => date.timestamp(),
        other => {
            let label = match other.map_err(|error| error.kind()) {
                Ok(_) => "a fraction of a second is no lock",
                Err(ParseErrorKind::OutOfRange | ParseErrorKind::Impossible) => {
                    "there is no such day or time"
                }
                Err(_) => "day, time and zone are needed",
            };
            fields.problems.push(
                Diagnostic::new(
                    Code::BadDate,
                    format!(
                        "`unlock_at` is {}, which is no moment to the second",
                        quote(&text)
                    ),
                )
                .at(span, label)
                .help("write it like `\"2031-01-01T00:00:00Z\"`"),
            );
            return None;
        }
    };
    let lock = u32::try_from(seconds)
        .ok()
        .and_then(|seconds| AbsoluteLock::from_time(UnixTime(seconds)).ok());
    if lock.is_none() {
        fields.problems.push(
            Diagnostic::new(
                Code::AbsoluteOutOfRange,
                format!("{} is no date that a lock can hold", quote(&text)),
            )
            .at(span, "out of range")
            .help("choose a date from 1985-11-05 to 2038-01-19, or a height with `unlock_height`"),
        );
    }
    lock.map(|lock| Spanned::new(lock, span))
}
