//! Standing rosters: who of a quorum usually acts.

use std::collections::BTreeSet;

use super::super::document::{RosterEntry, did_you_mean};
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Quorum, Roster};

/// Makes a roster; none if anything about it has been reported.
///
/// It must meet the threshold just so: with somebody too many, it would be no single set of
/// signers, and with somebody too few none at all.
pub(super) fn resolve(
    entry: &RosterEntry,
    quorum: &Quorum,
    problems: &mut Vec<Diagnostic>,
) -> Option<Roster> {
    let of = entry.of.as_ref()?;
    let share = entry.share.as_ref()?;
    let before = problems.len();
    let title = format!("quorum {}", quote(quorum.name()));
    if share.value == 100 {
        problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!("the roster of {title} acts always, so nobody else is a member"),
            )
            .at(share.span, "at most 99%")
            .help("choose a smaller share, or make the roster the quorum"),
        );
    }
    let known = quorum.party_names();
    let mut members = BTreeSet::new();
    for name in &of.value {
        let quoted = quote(&name.value);
        if !known.contains(name.value.as_str()) {
            let problem = Diagnostic::new(
                Code::UnknownName,
                format!("{quoted} is no party of {title}"),
            )
            .at(name.span, "not a member");
            problems.push(match did_you_mean(&name.value, known.iter().copied()) {
                Some(similar) => problem.help(format!("did you mean {}?", quote(similar))),
                None => problem.help("a roster names parties that have a seat in the quorum"),
            });
        } else if !members.insert(name.value.clone()) {
            problems.push(
                Diagnostic::new(
                    Code::MemberTwice,
                    format!("{quoted} stands twice in the roster of {title}"),
                )
                .at(name.span, "again here")
                .help("remove one of the two"),
            );
        }
    }
    if problems.len() > before {
        return None;
    }
    let acts = |without: Option<&String>| {
        quorum.is_met_by(&|party| {
            members.contains(party.name()) && without.is_none_or(|name| name != party.name())
        })
    };
    if !acts(None) {
        problems.push(
            Diagnostic::new(
                Code::RosterUnfit,
                format!("the roster of {title} cannot act: it does not meet the threshold"),
            )
            .at(of.span, "too few")
            .help("name as many parties as the quorum needs"),
        );
        return None;
    }
    if let Some(spare) = members.iter().find(|name| acts(Some(name))) {
        problems.push(
            Diagnostic::new(
                Code::RosterUnfit,
                format!("the roster of {title} can act without {}", quote(spare)),
            )
            .at(of.span, "more than are needed")
            .help("name just as many parties as the quorum needs"),
        );
        return None;
    }
    Some(Roster {
        members,
        share: share.value,
    })
}
