//! Parties that an activation counts on and that cannot say anything.

use std::collections::BTreeSet;

use super::super::shown::{quote, quote_all};
use super::super::{Code, Diagnostic};
use super::Facts;

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path, staged) in facts.staged() {
        let (Some(typed), Some(terms)) = (&entry.activation, staged.activation()) else {
            continue;
        };
        let mut quorums = terms.quorums();
        quorums.extend([path.quorum(), staged.veto()]);
        let seats = quorums.iter().flat_map(|quorum| quorum.seats());
        let voiceless = seats.filter(|party| party.identity().is_none());
        let voiceless: BTreeSet<&str> = voiceless.map(|party| party.name()).collect();
        if voiceless.is_empty() {
            continue;
        }
        problems.push(
            Diagnostic::new(
                Code::Voiceless,
                format!(
                    "the activation of path {} counts on {}",
                    quote(path.name()),
                    match voiceless.len() {
                        1 => "a party without an `identity`".to_owned(),
                        several => format!("{several} parties without an `identity`"),
                    }
                ),
            )
            .at(typed.span, "turns on what parties sign")
            .help(format!("give an `identity` to {}", quote_all(voiceless))),
        );
    }
}
