//! Quorums whose threshold one operator, host or cloud account meets.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::PathEntry;
use super::super::shown::{quote, quote_all};
use super::super::{Code, Diagnostic, Domain, ItemKind, Quorum, Span};
use super::Facts;
use super::condition::Conditions;

/// The kinds of domain by which somebody has keys in his hands.  A maker, a country or a town is
/// no one person; what they have in common is for the analysis.
const HANDS: [(Domain, &str); 3] = [
    (Domain::Operator, "operator"),
    (Domain::Host, "host"),
    (Domain::Cloud, "cloud account"),
];

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let conditions = &mut Conditions::of(facts);
    let reached = reached(facts);
    for (quorum, place) in used(facts) {
        let formula = conditions.quorum(quorum);
        // What one party does alone has no threshold to lose.
        if conditions.fewest(&formula).is_ok_and(|fewest| fewest < 2) {
            continue;
        }
        let mut told: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        for ((number, name), (parties, span)) in &reached {
            if !quorum.is_met_by(&|party| parties.contains(party.name())) {
                continue;
            }
            let members = quorum.party_names();
            let members: BTreeSet<&str> = members.intersection(parties).copied().collect();
            // The same people in one room and with one account are told once.
            if !told.insert(members.clone()) {
                continue;
            }
            let kind = HANDS.get(*number).map_or("", |(_, word)| word);
            problems.push(
                Diagnostic::new(
                    Code::CollapsedQuorum,
                    format!(
                        "{kind} {} is enough for quorum {}",
                        quote(name),
                        quote(quorum.name())
                    ),
                )
                .at(place, "met by what is kept there")
                .beside(*span, "kept there")
                .help(format!(
                    "the keys of {} are within its reach; keep enough of them elsewhere, or raise the threshold",
                    quote_all(members)
                )),
            );
        }
    }
}

/// Which parties' keys each domain reaches, themselves or a backup of them, with a place where
/// that is said.
fn reached<'a>(facts: &Facts<'a>) -> BTreeMap<(usize, &'a str), (BTreeSet<&'a str>, Span)> {
    let mut reached: BTreeMap<(usize, &str), (BTreeSet<&str>, Span)> = BTreeMap::new();
    let parties = facts.document.parties.iter();
    let own = parties.map(|party| (party.name.value.as_str(), &party.custody));
    let backups = facts.document.items.iter().filter_map(|item| {
        let is_backup = item.kind.as_ref()?.value == ItemKind::Backup;
        let of = item.of.as_ref().filter(|_| is_backup)?;
        Some((of.value.as_str(), &item.custody))
    });
    for (party, custody) in own.chain(backups) {
        for (domain, typed) in &custody.0 {
            let name = typed.value.trim();
            let number = HANDS.iter().position(|(kind, _)| kind == domain);
            let Some(number) = number.filter(|_| !name.is_empty() && name != "none") else {
                continue;
            };
            let (parties, _) = reached
                .entry((number, name))
                .or_insert_with(|| (BTreeSet::new(), typed.span));
            parties.insert(party);
        }
    }
    reached
}

/// The quorums that act in some role, each once, with the place of its name.
fn used<'a>(facts: &Facts<'a>) -> Vec<(&'a Quorum, Span)> {
    let mut quorums: Vec<(&Quorum, Option<&PathEntry>)> = Vec::new();
    quorums.extend(facts.root.map(|root| (&**root.quorum(), None)));
    for (entry, path) in facts.paths() {
        quorums.push((path.quorum(), Some(entry)));
        let Some(staged) = path.staged() else {
            continue;
        };
        quorums.push((staged.veto(), Some(entry)));
        let released = staged.lockup().and_then(|lockup| lockup.quorum());
        quorums.extend(released.map(|quorum| (&**quorum, Some(entry))));
    }
    let mut seen = BTreeSet::new();
    quorums.retain(|(quorum, _)| seen.insert(quorum.name().to_owned()));
    let place = |quorum: &Quorum, entry: Option<&PathEntry>| {
        let entries = &facts.document.quorums;
        let written = entries
            .iter()
            .find(|entry| entry.name.value == quorum.name());
        let written = written.map(|entry| entry.name.span);
        written.or_else(|| entry.map(PathEntry::place))
    };
    quorums
        .into_iter()
        .map(|(quorum, entry)| {
            let span = place(quorum, entry).unwrap_or(facts.document.root.span);
            (quorum, span)
        })
        .collect()
}
