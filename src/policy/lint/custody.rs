//! Custody facts that say two things where one was probably meant.

use std::collections::BTreeMap;

use unicode_security::confusable_detection::skeleton;

use super::super::document::CustodyEntry;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Domain, Span};
use super::Facts;

/// Reports domains whose names differ only in case, in spaces and signs, or in letters that look
/// alike: they count as two domains.
pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let parties = facts.document.parties.iter().map(|party| &party.custody);
    let items = facts.document.items.iter().map(|item| &item.custody);
    let entries: Vec<&CustodyEntry> = parties.chain(items).collect();
    for (word, domain) in Domain::ALL {
        let mut first: BTreeMap<String, BTreeMap<&str, Span>> = BTreeMap::new();
        let of_kind = entries.iter().flat_map(|entry| &entry.0);
        for (_, text) in of_kind.filter(|(other, _)| *other == domain) {
            let name = text.value.trim();
            let alike = first.entry(plain(name)).or_default();
            if alike.contains_key(name) {
                continue;
            }
            if let Some((other, span)) = alike.iter().next() {
                problems.push(
                    Diagnostic::new(
                        Code::DomainsAlike,
                        format!(
                            "`{word}` is {} in one place and {} in another",
                            quote(other),
                            quote(name)
                        ),
                    )
                    .at(text.span, "taken for another domain")
                    .beside(*span, "written otherwise here")
                    .help("write both alike if they are one, or change a name so that they are told apart"),
                );
            }
            alike.insert(name, text.span);
        }
    }
}

/// A name without what is easily overlooked in it.  Signs alone are kept, as they are all there is.
fn plain(name: &str) -> String {
    let lower: String = skeleton(&name.to_lowercase()).collect();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() { lower } else { letters }
}
