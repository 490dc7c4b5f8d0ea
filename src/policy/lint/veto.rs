//! Vetoes that those who trigger can prevent, and vetoes that are theirs in any case.

use crate::logic::{Formula, TooLarge};

use super::super::document::ItemEntry;
use super::super::shown::{quote, quote_all};
use super::super::{Code, Diagnostic, ItemKind, SpendingPath, Staged};
use super::Facts;
use super::condition::Conditions;

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    // What is too large to be decided is passed over.
    let _ = vetoes(facts, &mut Conditions::of(facts), problems);
}

fn vetoes(
    facts: &Facts<'_>,
    conditions: &mut Conditions<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Result<(), TooLarge> {
    for (entry, path, staged) in facts.staged() {
        let veto = entry
            .escrow
            .as_ref()
            .and_then(|escrow| escrow.veto.as_ref());
        let span = veto.map_or(entry.place(), |name| name.span);
        let acts = conditions.quorum(path.quorum());
        let vetoes = who_vetoes(facts, conditions, path, staged);
        let blocked = vetoes.dual();
        let both = Formula::all(vec![acts.clone(), blocked.clone()]);
        if conditions.fewest(&both)? == conditions.fewest(&acts)? {
            let who = conditions.smallest(&both)?.unwrap_or_default();
            let always = conditions.implies(&acts, &blocked)?;
            let message = if always {
                format!(
                    "whoever triggers path {} thereby prevents every veto",
                    quote(path.name())
                )
            } else {
                format!(
                    "{} can trigger path {} and thereby prevent every veto",
                    quote_all(who.clone()),
                    quote(path.name())
                )
            };
            problems.push(
                Diagnostic::new(Code::VetoBlocked, message)
                    .at(span, "cannot be met without some who trigger")
                    .help(format!(
                        "without {} nobody is left who can veto; choose veto holders outside the path's quorum",
                        quote_all(who)
                    )),
            );
        } else if conditions.implies(&acts, &vetoes)? {
            problems.push(
                Diagnostic::new(
                    Code::VetoFromWithin,
                    format!(
                        "whoever triggers path {} could also veto it",
                        quote(path.name())
                    ),
                )
                .at(span, "always among those who trigger")
                .help("consider veto holders outside the path's quorum"),
            );
        }
    }
    Ok(())
}

/// That a veto on a path can be made: by its veto quorum, or by whoever has a watchtower, and with
/// it a cancel that is complete.
pub(super) fn who_vetoes(
    facts: &Facts<'_>,
    conditions: &Conditions<'_>,
    path: &SpendingPath,
    staged: &Staged,
) -> Formula {
    let items = facts.document.items.iter();
    let towers = items.filter(|item| watches(item, path.name()));
    let owners = towers.filter_map(|item| item.of.as_ref());
    let mut vetoes: Vec<Formula> = owners.map(|owner| conditions.party(&owner.value)).collect();
    vetoes.push(conditions.quorum(staged.veto()));
    Formula::any(vetoes)
}

/// Whether an item is a watchtower of a path.
fn watches(item: &ItemEntry, path: &str) -> bool {
    let is_watchtower = item
        .kind
        .as_ref()
        .is_some_and(|kind| kind.value == ItemKind::Watchtower);
    let names = item.paths.as_ref();
    is_watchtower && names.is_none_or(|names| names.value.iter().any(|name| name.value == path))
}
