//! Paths that add nothing, because whoever can use them has another way that is open sooner; and
//! parties whose keys never matter.

use std::collections::BTreeSet;

use crate::logic::{AtomSet, Formula, TooLarge};
use crate::units::{AbsoluteLock, RelativeLock};

use super::super::shown::{quote, quote_all};
use super::super::{
    Activation, Code, Diagnostic, Direct, ItemKind, Outcome, Quorum, SpendingPath, Staged,
};
use super::Facts;
use super::condition::Conditions;
use super::veto::who_vetoes;

/// A way out of the vault that the chain alone opens.
struct Way {
    what: String,
    acts: Formula,
    delay: Option<RelativeLock>,
    unlock: Option<AbsoluteLock>,
}

impl Way {
    /// Whether it is open for every coin for which the other is.
    ///
    /// Locks that count by different clocks are not compared.
    fn opens_no_later(&self, other: &Self) -> bool {
        let delay = match (self.delay, other.delay) {
            (None, _) => true,
            (Some(own), Some(others)) => is_no_longer(own, others),
            (Some(_), None) => false,
        };
        let unlock = match (self.unlock, other.unlock) {
            (None, _) => true,
            (Some(AbsoluteLock::Height(own)), Some(AbsoluteLock::Height(others))) => own <= others,
            (Some(AbsoluteLock::Time(own)), Some(AbsoluteLock::Time(others))) => own <= others,
            _ => false,
        };
        delay && unlock
    }
}

/// Whether a relative lock is over whenever another one is; those by different clocks are not
/// compared.
fn is_no_longer(lock: RelativeLock, than: RelativeLock) -> bool {
    match (lock, than) {
        (RelativeLock::Blocks(own), RelativeLock::Blocks(others)) => own <= others,
        (RelativeLock::Units512(own), RelativeLock::Units512(others)) => own <= others,
        _ => false,
    }
}

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let conditions = &mut Conditions::of(facts);
    let before = problems.len();
    let ways = ways(facts, conditions);
    // What is too large to be decided is passed over.
    let _ = direct_paths(facts, conditions, &ways, problems);
    let _ = staged_paths(facts, conditions, problems);
    // A path that is never needed is told already, and with it the keys that are there for it.
    if problems.len() == before {
        let _ = dead_keys(facts, conditions, &ways, problems);
    }
}

/// Root, and the direct paths by their numbers among all paths.
fn ways(facts: &Facts<'_>, conditions: &Conditions<'_>) -> Vec<(usize, Way)> {
    let lock = |direct: &Direct| direct.delay().map(super::super::Period::lock);
    let mut ways = Vec::new();
    if let Some(root) = facts.root {
        let way = Way {
            what: "root, which spends at once".to_owned(),
            acts: conditions.quorum(root.quorum()),
            delay: None,
            unlock: None,
        };
        ways.push((usize::MAX, way));
    }
    for (at, (_, path)) in facts.paths().enumerate() {
        if let Some(direct) = path.direct() {
            let way = Way {
                what: format!("path {}", quote(path.name())),
                acts: conditions.quorum(path.quorum()),
                delay: lock(direct),
                unlock: direct.unlock(),
            };
            ways.push((at, way));
        }
    }
    ways
}

fn direct_paths(
    facts: &Facts<'_>,
    conditions: &mut Conditions<'_>,
    ways: &[(usize, Way)],
    problems: &mut Vec<Diagnostic>,
) -> Result<(), TooLarge> {
    for (at, (entry, path)) in facts.paths().enumerate() {
        let Some((_, own)) = ways.iter().find(|(way, _)| *way == at) else {
            continue;
        };
        let mut shadow = None;
        for (other_at, other) in ways {
            if *other_at == at
                || !other.opens_no_later(own)
                || !conditions.implies(&own.acts, &other.acts)?
            {
                continue;
            }
            // Of two that are alike, the first is the one that counts.
            let is_later = own.opens_no_later(other) && other_at != &usize::MAX && *other_at > at;
            if is_later && conditions.implies(&other.acts, &own.acts)? {
                continue;
            }
            shadow = Some(other);
            break;
        }
        let Some((other, coalition)) = shadow.zip(conditions.smallest(&own.acts)?) else {
            continue;
        };
        problems.push(
            Diagnostic::new(
                Code::ShadowedPath,
                format!(
                    "path {} adds nothing: whoever can use it is enough for {}",
                    quote(path.name()),
                    other.what
                ),
            )
            .at(entry.place(), "never needed")
            .help(format!(
                "{}, for instance, can act there and no later; remove this path, or let fewer suffice for it",
                quote_all(coalition)
            )),
        );
    }
    Ok(())
}

/// Who acts on a staged path, who takes the coin in the end, and who can veto.
struct StagedWay {
    acts: Formula,
    releases: Formula,
    vetoes: Formula,
}

impl StagedWay {
    fn of(
        facts: &Facts<'_>,
        conditions: &Conditions<'_>,
        path: &SpendingPath,
        staged: &Staged,
    ) -> Self {
        let acts = conditions.quorum(path.quorum());
        let released = staged.lockup().and_then(|lockup| lockup.quorum());
        Self {
            releases: released.map_or_else(|| acts.clone(), |quorum| conditions.quorum(quorum)),
            vetoes: who_vetoes(facts, conditions, path, staged),
            acts,
        }
    }
}

fn staged_paths(
    facts: &Facts<'_>,
    conditions: &mut Conditions<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Result<(), TooLarge> {
    let root = facts.root.map(|root| conditions.quorum(root.quorum()));
    let staged: Vec<_> = facts
        .staged()
        .map(|(entry, path, terms)| {
            (
                entry,
                path,
                terms,
                StagedWay::of(facts, conditions, path, terms),
            )
        })
        .collect();
    for (at, (entry, path, terms, own)) in staged.iter().enumerate() {
        let mut shadow = None;
        if let Some(root) = &root
            && conditions.implies(&own.acts, root)?
        {
            shadow = Some("root, which spends at once".to_owned());
        }
        for (other_at, (_, other, other_terms, others)) in staged.iter().enumerate() {
            if shadow.is_some()
                || other_at == at
                || !is_no_harder(other_terms, terms)
                || !serves(conditions, others, own)?
            {
                continue;
            }
            // Of two that are alike, the first is the one that counts.
            let is_alike = is_no_harder(terms, other_terms) && serves(conditions, own, others)?;
            if is_alike && other_at > at {
                continue;
            }
            shadow = Some(format!("path {}", quote(other.name())));
        }
        let Some((what, coalition)) = shadow.zip(conditions.smallest(&own.acts)?) else {
            continue;
        };
        problems.push(
            Diagnostic::new(
                Code::IdleStagedPath,
                format!(
                    "path {} adds nothing: whoever can use it is enough for {what}",
                    quote(path.name())
                ),
            )
            .at(entry.place(), "never needed")
            .help(format!(
                "{}, for instance, can act there as soon, and no more can object; remove this path, or let fewer suffice for it",
                quote_all(coalition)
            )),
        );
    }
    Ok(())
}

/// Whether whoever can use the second path can use the first, and can be vetoed there by nobody
/// else.
fn serves(
    conditions: &mut Conditions<'_>,
    first: &StagedWay,
    second: &StagedWay,
) -> Result<bool, TooLarge> {
    Ok(conditions.implies(&second.acts, &first.acts)?
        && conditions.implies(&second.releases, &first.releases)?
        && conditions.implies(&first.vetoes, &second.vetoes)?)
}

/// Whether a staged path leads to the same as another, no later, and is as easily activated.
fn is_no_harder(first: &Staged, second: &Staged) -> bool {
    let outcome = match (first.outcome(), second.outcome()) {
        (Outcome::Payees(own), Outcome::Payees(others)) => own == others,
        (Outcome::Lockup(own), Outcome::Lockup(others)) => {
            is_no_longer(own.period().lock(), others.period().lock())
                && is_no_longer(own.backstop_lock(), others.backstop_lock())
                && (others.clawback() || !own.clawback())
        }
        _ => false,
    };
    // What an activation asks for is compared by its words alone.
    let activation = |staged: &Staged| staged.activation().map(|terms| format!("{terms:?}"));
    outcome
        && is_no_longer(first.window().lock(), second.window().lock())
        && first.depth() >= second.depth()
        && (first.activation().is_none() || activation(first) == activation(second))
}

/// Reports parties that sit in a quorum and make no difference to anything: whatever a coalition
/// can do with them, it can do without.
fn dead_keys(
    facts: &Facts<'_>,
    conditions: &mut Conditions<'_>,
    ways: &[(usize, Way)],
    problems: &mut Vec<Diagnostic>,
) -> Result<(), TooLarge> {
    let mut live = AtomSet::new();
    for (_, way) in ways {
        let open = ways.iter().filter(|(_, other)| other.opens_no_later(way));
        let taken = Formula::any(open.map(|(_, other)| other.acts.clone()).collect());
        live = live.union(&conditions.that_matter(&taken)?);
    }
    let mut seated: BTreeSet<&str> = BTreeSet::new();
    let mut elsewhere: BTreeSet<&str> = BTreeSet::new();
    seated.extend(
        facts
            .root
            .into_iter()
            .flat_map(|root| root.quorum().party_names()),
    );
    for (_, path) in facts.paths() {
        seated.extend(path.quorum().party_names());
        let Some(staged) = path.staged() else {
            continue;
        };
        let way = StagedWay::of(facts, conditions, path, staged);
        for formula in [&way.acts, &way.releases, &way.vetoes] {
            live = live.union(&conditions.that_matter(formula)?);
        }
        let released = staged.lockup().and_then(|lockup| lockup.quorum());
        seated.extend(released.into_iter().flat_map(|quorum| quorum.party_names()));
        seated.extend(staged.veto().party_names());
        if let Some(activation) = staged.activation() {
            counted(activation, &mut elsewhere);
        }
    }
    for item in &facts.document.items {
        let is_watchtower = item
            .kind
            .as_ref()
            .is_some_and(|kind| kind.value == ItemKind::Watchtower);
        let of = item.of.as_ref().filter(|_| is_watchtower);
        elsewhere.extend(of.map(|name| name.value.as_str()));
    }
    let live: BTreeSet<&str> = conditions.names(&live).into_iter().collect();
    for checked in facts.parties {
        let name = checked.party.name();
        if !seated.contains(name) || live.contains(name) || elsewhere.contains(name) {
            continue;
        }
        problems.push(
            Diagnostic::new(
                Code::DeadKey,
                format!("the keys of {} never matter", quote(name)),
            )
            .at(
                checked.name,
                "whatever it can help with, the others can without it",
            )
            .help("give it a seat that can make a difference, or remove it"),
        );
    }
    Ok(())
}

/// The parties that an activation counts.
fn counted<'a>(activation: &'a Activation, names: &mut BTreeSet<&'a str>) {
    let mut quorum = |quorum: &'a Quorum| names.extend(quorum.party_names());
    match activation {
        Activation::Any(conditions) | Activation::All(conditions) => {
            for condition in conditions {
                counted(condition, names);
            }
        }
        Activation::Manual(who) | Activation::Alarm(who) => quorum(who),
        Activation::Silence { quorum: who, .. } | Activation::Vote { quorum: who, .. } => {
            quorum(who);
        }
    }
}
