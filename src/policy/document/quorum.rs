//! One quorum: its members, by name or by weight, and who of them usually acts.

use toml::de::{DeTable, DeValue};

use super::super::shown::quote;
use super::super::{Code, Diagnostic, Span};
use super::fields::{Beyond, Fields, spanned_key, whole, wrong_type};
use super::{MAX_MEMBERS, Members, QuorumEntry, RosterEntry, Spanned};

/// The fields that say who the members are, of which a quorum has one.
const MEMBER_FIELDS: [&str; 3] = ["of", "members_of", "weights"];

pub(super) fn read(
    name: Spanned<String>,
    table: &DeTable<'_>,
    problems: &mut Vec<Diagnostic>,
) -> QuorumEntry {
    let title = format!("quorum {}", quote(&name.value));
    let mut fields = Fields::new(table, name.span, title.clone(), problems);
    let weighted = fields.has("weights") || fields.has("weight");
    fields.require(if weighted {
        &["weight", "weights"]
    } else {
        &["threshold"]
    });
    let threshold = fields.number("threshold");
    let weight = fields.number("weight");
    if let (Some(threshold), Some(weight)) = (&threshold, &weight) {
        fields.problems.push(
            Diagnostic::new(
                Code::FieldConflict,
                format!("{title} has both `threshold` and `weight`"),
            )
            .at(weight.span, "a weight")
            .beside(threshold.span, "a number of members")
            .help("keep `threshold` with `of`, or `weight` with `weights`"),
        );
    }
    let given = MEMBER_FIELDS.iter().filter(|name| fields.has(name));
    let given: Vec<String> = given.map(|name| format!("`{name}`")).collect();
    if given.len() != 1 && !(given.is_empty() && weighted) {
        let problem = match given.as_slice() {
            [] => "neither `of` nor `members_of` nor `weights`".to_owned(),
            [one, two] => format!("both {one} and {two}"),
            _ => "all of `of`, `members_of` and `weights`".to_owned(),
        };
        fields.problems.push(
            Diagnostic::new(Code::FieldConflict, format!("{title} has {problem}"))
                .at(name.span, "who are its members?")
                .help("write `of = [\"alice\", \"bob\"]`, or `members_of = \"council\"` for the members of another quorum, or `weights = { alice = 2, bob = 1 }`"),
        );
    }
    let listed = fields.texts("of");
    let same = fields.text("members_of");
    let weights = fields
        .table("weights")
        .and_then(|(table, span)| Some(Spanned::new(weights(table, fields.problems)?, span)));
    let roster = fields
        .table("roster")
        .map(|(table, span)| roster(table, span, &title, fields.problems));
    fields.finish();
    let members = match (listed, same, weights) {
        (Some(mut listed), None, None) => {
            limit(&mut listed, &title, problems);
            Some(Members::Listed(listed))
        }
        (None, Some(same), None) => Some(Members::SameAs(same)),
        (None, None, Some(mut weights)) => {
            limit(&mut weights, &title, problems);
            Some(Members::Weighted(weights))
        }
        _ => None,
    };
    QuorumEntry {
        name,
        threshold: if weighted { weight } else { threshold },
        members,
        roster,
    }
}

fn limit<T>(members: &mut Spanned<Vec<T>>, title: &str, problems: &mut Vec<Diagnostic>) {
    let count = members.value.len();
    if count > MAX_MEMBERS {
        problems.push(
            Diagnostic::new(
                Code::TooLarge,
                format!("{title} has {count} members, and can have {MAX_MEMBERS}"),
            )
            .at(members.span, "too many")
            .help("make it smaller"),
        );
        members.value.truncate(MAX_MEMBERS);
    }
}

/// The members with their weights; none if a weight has been reported, since the rest would not
/// come to what was meant.
fn weights(
    table: &DeTable<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<(Spanned<String>, Spanned<u64>)>> {
    let before = problems.len();
    let mut weights = Vec::new();
    for (key, value) in table {
        let name = spanned_key(key);
        let span = Span::from(value.span());
        let DeValue::Integer(number) = value.get_ref() else {
            let wanted = "a weight, which is a whole number";
            problems.push(wrong_type(&name.value, value.get_ref(), span, wanted));
            continue;
        };
        match whole(number) {
            Ok(weight) if weight > 0 => weights.push((name, Spanned::new(weight, span))),
            Err(Beyond::TooLarge) => {
                let what = format!("the weight of {}", quote(&name.value));
                problems.push(Beyond::TooLarge.problem(&what, number, span));
            }
            _ => problems.push(
                Diagnostic::new(
                    Code::OutOfRange,
                    format!(
                        "the weight of {} is {}, which is out of range",
                        quote(&name.value),
                        quote(&number.to_string())
                    ),
                )
                .at(span, "out of range")
                .help("a weight is at least 1; leave out who counts for nothing"),
            ),
        }
    }
    (problems.len() == before).then_some(weights)
}

fn roster(
    table: &DeTable<'_>,
    span: Span,
    quorum: &str,
    problems: &mut Vec<Diagnostic>,
) -> RosterEntry {
    let mut fields = Fields::new(table, span, format!("the roster of {quorum}"), problems);
    fields.require(&["of", "share"]);
    let entry = RosterEntry {
        of: fields.texts("of"),
        share: fields.percentage("share"),
    };
    fields.finish();
    entry
}
