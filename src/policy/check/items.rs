//! Items: what parties keep beside their keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::document::{Document, ItemEntry, Spanned, did_you_mean};
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Item, ItemKind, Party, Span};
use super::directory::Directory;

/// Makes the items; none for each about which something has been reported.
pub(super) fn resolve(
    document: &Document,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Option<Item>> {
    let mut fee_wallets: BTreeMap<&str, Span> = BTreeMap::new();
    let mut items = Vec::new();
    for entry in &document.items {
        let before = problems.len();
        let of = entry
            .of
            .as_ref()
            .and_then(|name| find(name, entry, directory, problems));
        let kind = entry.kind.as_ref().map(|kind| kind.value);
        if let (Some(ItemKind::Fees), Some(of)) = (kind, &of) {
            check_fees(entry, of, &mut fee_wallets, problems);
        }
        let paths = kind.and_then(|kind| paths(document, entry, kind, problems));
        let is_sound = problems.len() == before && !entry.broken;
        items.push(item(entry, of, paths).filter(|_| is_sound));
    }
    items
}

fn item(entry: &ItemEntry, of: Option<Arc<Party>>, paths: Option<Vec<String>>) -> Option<Item> {
    let of = of?;
    let stated = entry.custody.facts();
    Some(Item {
        name: entry.name.value.clone(),
        kind: entry.kind.as_ref()?.value,
        paths: paths?,
        names_paths: entry.paths.is_some(),
        custody: stated.or(of.custody()),
        stated,
        of,
    })
}

fn find(
    name: &Spanned<String>,
    entry: &ItemEntry,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Arc<Party>> {
    if let Some(party) = directory.parties.get(&name.value) {
        return Some(Arc::clone(party));
    }
    if matches!(directory.quorums.get(&name.value), Some(None)) {
        return None;
    }
    let quoted = quote(&name.value);
    let title = title(entry);
    problems.push(if directory.quorums.contains_key(&name.value) {
        Diagnostic::new(
            Code::UnknownName,
            format!("{quoted} is a quorum, and {title} is of one party"),
        )
        .at(name.span, "a quorum, not a party")
        .help("write an item for each party that keeps one")
    } else {
        let known = directory.parties.keys().map(String::as_str);
        let problem = Diagnostic::new(Code::UnknownName, format!("there is no party {quoted}"))
            .at(name.span, "unknown");
        match did_you_mean(&name.value, known) {
            Some(similar) => problem.help(format!("did you mean {}?", quote(similar))),
            None => problem
                .help("declare it under `[parties]`")
                .help_in_script("declare it with `party(…)`"),
        }
    });
    None
}

/// A party has one fee wallet, which the policy names.
fn check_fees<'d>(
    entry: &'d ItemEntry,
    of: &Party,
    seen: &mut BTreeMap<&'d str, Span>,
    problems: &mut Vec<Diagnostic>,
) {
    let Some(name) = &entry.of else { return };
    let party = quote(of.name());
    if of.fees().is_none() {
        problems.push(
            Diagnostic::new(
                Code::ItemUnfit,
                format!(
                    "{} is the fee wallet of {party}, who has named none",
                    title(entry)
                ),
            )
            .at(name.span, "has no `fees`")
            .help(format!("add `fees` to {party}, or remove the item")),
        );
    }
    if let Some(first) = seen.insert(&name.value, entry.name.span) {
        problems.push(
            Diagnostic::new(
                Code::ItemUnfit,
                format!("the fee wallet of {party} is in two items"),
            )
            .at(entry.name.span, "again here")
            .beside(first, "given first here")
            .help("keep one of the two; a copy of its keys is an item of kind `backup`"),
        );
    }
}

/// The staged paths an item is of.
fn paths(
    document: &Document,
    entry: &ItemEntry,
    kind: ItemKind,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<String>> {
    let staged = || {
        let staged = document.paths.iter().filter(|path| path.escrow.is_some());
        staged.filter_map(|path| path.name.as_ref())
    };
    let of_paths = kind.has_paths() || kind == ItemKind::Acknowledgements;
    if of_paths && staged().next().is_none() {
        let may_be_broken = document.paths_broken || document.paths.iter().any(|path| path.broken);
        if !may_be_broken {
            problems.push(
                Diagnostic::new(
                    Code::ItemUnfit,
                    format!(
                        "{} is of staged paths, and the policy has none",
                        title(entry)
                    ),
                )
                .at(entry.name.span, format!("{kind} without a staged path"))
                .help("remove the item: nothing is signed in advance"),
            );
        }
        return None;
    }
    let Some(named) = &entry.paths else {
        let all = staged().filter(|_| kind.has_paths());
        return Some(all.map(|name| name.value.clone()).collect());
    };
    if !kind.has_paths() {
        problems.push(
            Diagnostic::new(
                Code::ItemUnfit,
                format!("{} has `paths`, and {kind} are of no path", title(entry)),
            )
            .at(named.span, "only `files` and `watchtower` have this")
            .help("remove `paths`"),
        );
        return None;
    }
    if named.value.is_empty() {
        problems.push(
            Diagnostic::new(Code::ItemUnfit, format!("{} is of no path", title(entry)))
                .at(named.span, "empty")
                .help("name staged paths, or leave `paths` out for all of them"),
        );
        return None;
    }
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for name in &named.value {
        if let Some(first) = first.insert(&name.value, name.span) {
            problems.push(
                Diagnostic::new(
                    Code::ItemUnfit,
                    format!("{} names path {} twice", title(entry), quote(&name.value)),
                )
                .at(name.span, "again here")
                .beside(first, "named before")
                .help("remove one of the two"),
            );
        } else if !staged().any(|staged| staged.value == name.value) {
            problems.push(not_staged(document, entry, name, staged()));
        }
    }
    let is_named = |name: &&Spanned<String>| first.contains_key(name.value.as_str());
    let paths = staged().filter(is_named);
    Some(paths.map(|name| name.value.clone()).collect())
}

fn not_staged<'d>(
    document: &Document,
    entry: &ItemEntry,
    name: &Spanned<String>,
    staged: impl Iterator<Item = &'d Spanned<String>>,
) -> Diagnostic {
    let quoted = quote(&name.value);
    let mut names = document.paths.iter().filter_map(|path| path.name.as_ref());
    if let Some(direct) = names.find(|other| other.value == name.value) {
        return Diagnostic::new(
            Code::ItemUnfit,
            format!("{} names {quoted}, which is direct", title(entry)),
        )
        .at(name.span, "no staged path")
        .beside(direct.span, "a direct path")
        .help("name staged paths: for a direct one nothing is signed in advance");
    }
    let problem = Diagnostic::new(Code::UnknownName, format!("there is no path {quoted}"))
        .at(name.span, "unknown");
    match did_you_mean(&name.value, staged.map(|name| name.value.as_str())) {
        Some(similar) => problem.help(format!("did you mean {}?", quote(similar))),
        None => problem.help("name a staged path of the policy"),
    }
}

fn title(entry: &ItemEntry) -> String {
    format!("item {}", quote(&entry.name.value))
}
