//! The conditions of an activation, as they were typed.

use toml::de::{DeTable, DeValue};

use super::super::period::Duration;
use super::super::shown::{list, quote};
use super::super::{Code, Diagnostic, Span};
use super::fields::{Fields, wrong_type};
use super::{MAX_CONDITIONS, MAX_DEPTH, Spanned};

/// A condition with its place.
#[derive(Clone)]
pub(in crate::policy) struct ActivationEntry {
    pub span: Span,
    pub condition: Condition,
}

#[derive(Clone)]
pub(in crate::policy) enum Condition {
    Any(Vec<ActivationEntry>),
    All(Vec<ActivationEntry>),
    Manual(Spanned<String>),
    Silence {
        quorum: Spanned<String>,
        period: Spanned<Duration>,
        fewer_than: Spanned<u64>,
    },
    Alarm(Spanned<String>),
    Vote {
        quorum: Spanned<String>,
        turnout: Spanned<u8>,
        approve: Spanned<u8>,
        open: Spanned<Duration>,
    },
}

const KINDS: [&str; 6] = ["any", "all", "manual", "silence", "alarm", "vote"];

/// Reads an activation, as far as it can be read.
pub(super) fn read(
    table: &DeTable<'_>,
    span: Span,
    problems: &mut Vec<Diagnostic>,
) -> Option<ActivationEntry> {
    let mut taken = 0;
    condition(table, span, 1, &mut taken, problems)
}

fn condition(
    table: &DeTable<'_>,
    span: Span,
    depth: usize,
    taken: &mut usize,
    problems: &mut Vec<Diagnostic>,
) -> Option<ActivationEntry> {
    if depth > MAX_DEPTH {
        problems.push(
            Diagnostic::new(
                Code::TooLarge,
                format!("conditions are nested more than {MAX_DEPTH} deep"),
            )
            .at(span, "too deep")
            .help("write the same with fewer `any` and `all` inside one another"),
        );
        return None;
    }
    *taken += 1;
    if *taken > MAX_CONDITIONS {
        if *taken == MAX_CONDITIONS + 1 {
            problems.push(
                Diagnostic::new(
                    Code::TooLarge,
                    format!("an activation has more than {MAX_CONDITIONS} conditions"),
                )
                .at(span, "one too many")
                .help("write the same with fewer conditions"),
            );
        }
        return None;
    }
    let kinds: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| table.contains_key(*kind))
        .collect();
    let [kind] = kinds.as_slice() else {
        problems.push(not_one_kind(&kinds, span, table));
        return None;
    };
    let mut fields = Fields::new(table, span, format!("the `{kind}` condition"), problems);
    let condition = match *kind {
        "any" => children(&mut fields, "any", depth, taken).map(Condition::Any),
        "all" => children(&mut fields, "all", depth, taken).map(Condition::All),
        "manual" => fields.text("manual").map(Condition::Manual),
        "alarm" => fields.text("alarm").map(Condition::Alarm),
        "silence" => silence(&mut fields),
        _ => vote(&mut fields),
    };
    fields.finish();
    condition.map(|condition| ActivationEntry { span, condition })
}

fn not_one_kind(kinds: &[&str], span: Span, table: &DeTable<'_>) -> Diagnostic {
    let all: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
    let help = format!("write exactly one of {}", list(&all, "or"));
    if kinds.is_empty() {
        let mut help = help;
        if let Some(similar) = table
            .keys()
            .find_map(|key| super::fields::did_you_mean(key.get_ref(), KINDS))
        {
            help = format!("did you mean `{similar}`? {help}");
        }
        return Diagnostic::new(Code::FieldConflict, "a condition has no kind")
            .at(span, "what is it that should be so?")
            .help(help);
    }
    let quoted: Vec<String> = kinds.iter().map(|kind| quote(kind)).collect();
    Diagnostic::new(
        Code::FieldConflict,
        format!("one condition is {} at once", list(&quoted, "and")),
    )
    .at(span, "two conditions in one table")
    .help(format!(
        "{help}, and join several in `any = [...]` or `all = [...]`"
    ))
    .help_in_script("join several conditions with `any_of([…])` or `all_of([…])`")
}

fn children(
    fields: &mut Fields<'_, '_, '_>,
    name: &'static str,
    depth: usize,
    taken: &mut usize,
) -> Option<Vec<ActivationEntry>> {
    let (value, span) = fields.value(name)?;
    let DeValue::Array(array) = value else {
        let problem = wrong_type(name, value, span, "a list of conditions");
        fields.problems.push(problem);
        return None;
    };
    if array.is_empty() {
        fields.problems.push(
            Diagnostic::new(Code::FieldConflict, format!("`{name}` has no conditions"))
                .at(span, "empty")
                .help("add a condition, or leave the activation out"),
        );
        return None;
    }
    let mut children = Vec::new();
    for item in array {
        let child = match item.get_ref() {
            DeValue::Table(table) => {
                condition(table, item.span().into(), depth + 1, taken, fields.problems)
            }
            other => {
                let problem = wrong_type(name, other, item.span().into(), "a list of conditions");
                fields.problems.push(problem);
                None
            }
        };
        // Beside one that could not be read the others are still worth checking.
        children.extend(child);
    }
    Some(children)
}

fn silence(fields: &mut Fields<'_, '_, '_>) -> Option<Condition> {
    fields.require(&["for", "fewer_than"]);
    let quorum = fields.text("silence");
    let period = fields.duration("for");
    let fewer_than = fields.number("fewer_than");
    Some(Condition::Silence {
        quorum: quorum?,
        period: period?,
        fewer_than: fewer_than?,
    })
}

fn vote(fields: &mut Fields<'_, '_, '_>) -> Option<Condition> {
    fields.require(&["turnout", "approve", "open"]);
    let quorum = fields.text("vote");
    let turnout = fields.percentage("turnout");
    let approve = fields.percentage("approve");
    let open = fields.duration("open");
    Some(Condition::Vote {
        quorum: quorum?,
        turnout: turnout?,
        approve: approve?,
        open: open?,
    })
}
