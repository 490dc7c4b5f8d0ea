//! Lints about who is in which quorum.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::{ActivationEntry, Condition, Members};
use super::super::shown::{quote, quote_all};
use super::super::{Code, Diagnostic, Outcome, Purpose, Quorum, ScriptType, Severity};
use super::Facts;
use super::condition::Conditions;

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    weak_rescues(facts, problems);
    both_sides(facts, problems);
    vetoes(facts, problems);
    single_key_root(facts, problems);
    shared_seats(facts, problems);
    unused(facts, problems);
}

fn weak_rescues(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(root) = facts.root else { return };
    let conditions = &mut Conditions::of(facts);
    let needed = fewest(conditions, root.quorum());
    for (entry, path) in facts.paths() {
        // An operating quorum is meant to be smaller than a root kept cold.
        let spends = path
            .staged()
            .is_some_and(|staged| matches!(staged.outcome(), Outcome::Payees(Purpose::Spend)));
        let fewest = fewest(conditions, path.quorum());
        if spends || fewest >= needed {
            continue;
        }
        let span = entry
            .quorum
            .as_ref()
            .map_or(entry.place(), |name| name.span);
        problems.push(
            Diagnostic::new(
                Code::WeakRescue,
                format!(
                    "path {} needs {}, and root needs {needed}",
                    quote(path.name()),
                    parties(fewest)
                ),
            )
            .at(span, "weaker than root")
            .help("raise its threshold, or say under `[lints]` why it is enough")
            .help_in_script(
                "raise its threshold, or say why it is enough: `lint(\"LS0603\", \"…\")`",
            ),
        );
    }
}

/// How many people are enough, each counted once; those of all seats where that is too large to
/// be decided.
fn fewest(conditions: &mut Conditions<'_>, quorum: &Quorum) -> usize {
    let formula = conditions.quorum(quorum);
    let fewest = conditions.fewest(&formula);
    fewest.unwrap_or_else(|_| quorum.fewest_seats())
}

fn parties(number: usize) -> String {
    match number {
        1 => "1 party".to_owned(),
        n => format!("{n} parties"),
    }
}

fn both_sides(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(root) = facts.root else { return };
    let root = root.quorum().party_names();
    for (entry, path, _) in facts.staged() {
        let quorum = path.quorum().party_names();
        let both: Vec<&str> = root.intersection(&quorum).copied().collect();
        if both.is_empty() {
            continue;
        }
        let span = entry
            .quorum
            .as_ref()
            .map_or(entry.place(), |name| name.span);
        let (is, counts) = if both.len() == 1 {
            ("is", "counts")
        } else {
            ("are", "count")
        };
        problems.push(
            Diagnostic::new(
                Code::PartyOnBothSides,
                format!(
                    "{} {is} in root and in the quorum of path {}",
                    quote_all(both),
                    quote(path.name())
                ),
            )
            .at(span, format!("{counts} on both sides of the trigger"))
            .help("the trigger is meant to need two groups: choose members outside root"),
        );
    }
}

fn vetoes(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let no_veto_field: BTreeSet<&str> = facts
        .parties
        .iter()
        .filter(|checked| !checked.has_veto_field)
        .map(|checked| checked.party.name())
        .collect();
    let mut noted: BTreeSet<&str> = BTreeSet::new();
    let conditions = &mut Conditions::of(facts);
    for (entry, path, staged) in facts.staged() {
        let veto = entry
            .escrow
            .as_ref()
            .and_then(|escrow| escrow.veto.as_ref());
        let span = veto.map_or(entry.place(), |name| name.span);
        let holders = staged.veto().party_names();
        if fewest(conditions, staged.veto()) == 1 {
            problems.push(
                Diagnostic::new(
                    Code::OnePersonVeto,
                    format!("one person alone can veto path {}", quote(path.name())),
                )
                .at(span, "needs one party only")
                .help("raise the threshold, or bound the stalling by a direct path with an absolute lock"),
            );
        }
        let Some(root) = facts.root else { continue };
        let root = root.quorum().party_names();
        if holders.is_subset(&root) {
            problems.push(
                Diagnostic::new(
                    Code::VetoersAllInRoot,
                    format!(
                        "everyone who can veto path {} is in root",
                        quote(path.name())
                    ),
                )
                .at(span, "all of them in root")
                .help("if root vanishes, nobody can veto"),
            );
        }
        let lacking: Vec<&str> = holders
            .intersection(&root)
            .copied()
            .filter(|name| no_veto_field.contains(name) && noted.insert(name))
            .collect();
        if lacking.is_empty() {
            continue;
        }
        let (arms, account) = match lacking.len() {
            1 => ("arms and vetoes", "with one account"),
            _ => ("arm and veto", "with one account each"),
        };
        problems.push(
            Diagnostic::new(
                Code::NoVetoKey,
                format!("{} {arms} {account}", quote_all(lacking)),
            )
            .at(span, "in root as well, and without a `veto` key")
            .help("give each of them a `veto` key from an account of its own"),
        );
    }
}

fn single_key_root(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(root) = facts.root else { return };
    let script = facts.document.settings.script.as_ref();
    let is_tr = script.is_some_and(|script| script.value == ScriptType::Tr);
    let Some(party) = root.single_party().filter(|_| is_tr) else {
        return;
    };
    // Without a staged path nothing is signed in advance that an extra signature could complete.
    if facts.staged().next().is_none() {
        return;
    }
    let span = facts.document.root.quorum.as_ref();
    problems.push(
        Diagnostic::new(
            Code::SingleKeyRoot,
            format!("root is the single key of {}", quote(party.name())),
        )
        .at(span.map_or(facts.document.root.span, |name| name.span), "becomes the key path")
        .help("a device that also signs for the key path is only held off by our stripping that signature"),
    );
}

fn shared_seats(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for entry in &facts.document.quorums {
        let Some(Some(quorum)) = facts.directory.quorums.get(&entry.name.value) else {
            continue;
        };
        let mut seen = BTreeSet::new();
        let mut several = BTreeSet::new();
        for party in quorum.seats() {
            if !seen.insert(party.name()) {
                several.insert(party.name());
            }
        }
        // A quorum that contains the quorum in question repeats the matter without adding to it.
        let inner = quorum.members().iter().any(|member| match member {
            super::super::Member::Party(_) => false,
            super::super::Member::Quorum(inner) => {
                let mut seen = BTreeSet::new();
                inner
                    .seats()
                    .into_iter()
                    .any(|party| !seen.insert(party.name()))
            }
        });
        if several.is_empty() || inner {
            continue;
        }
        let has = if several.len() == 1 { "has" } else { "have" };
        problems.push(
            Diagnostic::new(
                Code::SharedSeat,
                format!(
                    "{} {has} several seats in quorum {}",
                    quote_all(several),
                    quote(quorum.name())
                ),
            )
            .at(entry.name.span, "through the quorums inside it")
            .help("each seat gets a key of its own; check that one person may sign for several"),
        );
    }
}

/// Reports parties and quorums that nothing leads to.
fn unused(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    // What leads to them may be what could not be read.
    let is_in_the_way = |problem: &Diagnostic| {
        problem.severity() == Severity::Error && !problem.code().can_be_silenced()
    };
    if problems.iter().any(is_in_the_way) {
        return;
    }
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    let mut leads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in &facts.document.quorums {
        let names: Vec<&str> = match &entry.members {
            Some(Members::Listed(names)) => {
                names.value.iter().map(|name| name.value.as_str()).collect()
            }
            Some(Members::SameAs(name)) => vec![&name.value],
            Some(Members::Weighted(weights)) => {
                let names = weights.value.iter().map(|(name, _)| name.value.as_str());
                names.collect()
            }
            None => Vec::new(),
        };
        listed.extend(&names);
        leads.insert(&entry.name.value, names);
    }
    let mut open: Vec<&str> = Vec::new();
    open.extend(
        facts
            .document
            .root
            .quorum
            .as_ref()
            .map(|name| name.value.as_str()),
    );
    for path in &facts.document.paths {
        open.extend(path.quorum.as_ref().map(|name| name.value.as_str()));
        let veto = path.escrow.as_ref().and_then(|escrow| escrow.veto.as_ref());
        open.extend(veto.map(|name| name.value.as_str()));
        if let Some(lockup) = &path.lockup {
            open.extend(lockup.quorum.as_ref().map(|name| name.value.as_str()));
            listed.extend(lockup.beneficiary.as_ref().map(|name| name.value.as_str()));
        }
        if let Some(activation) = &path.activation {
            named_by(activation, &mut open);
        }
    }
    // Whoever keeps something has a part, be it only with a watchtower.
    let items = facts.document.items.iter();
    listed.extend(items.filter_map(|item| item.of.as_ref().map(|name| name.value.as_str())));
    let mut used: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = open.pop() {
        if used.insert(name) {
            open.extend(leads.get(name).into_iter().flatten());
        }
    }
    for checked in facts.parties {
        let name = checked.party.name();
        if !listed.contains(name) {
            problems.push(
                Diagnostic::new(
                    Code::UnusedParty,
                    format!("party {} is in no quorum", quote(name)),
                )
                .at(checked.name, "can do nothing")
                .help("add it to a quorum, or remove it"),
            );
        }
    }
    for entry in &facts.document.quorums {
        let name = &entry.name.value;
        if !used.contains(name.as_str()) {
            problems.push(
                Diagnostic::new(
                    Code::UnusedQuorum,
                    format!("quorum {} is used nowhere", quote(name)),
                )
                .at(entry.name.span, "neither root nor a path leads here")
                .help("use it, or remove it"),
            );
        }
    }
}

fn named_by<'a>(entry: &'a ActivationEntry, names: &mut Vec<&'a str>) {
    match &entry.condition {
        Condition::Any(children) | Condition::All(children) => {
            for child in children {
                named_by(child, names);
            }
        }
        Condition::Manual(name) | Condition::Alarm(name) => names.push(&name.value),
        Condition::Silence { quorum, .. } | Condition::Vote { quorum, .. } => {
            names.push(&quorum.value);
        }
    }
}
