//! The terms in which two policies differ, in words.

use std::collections::BTreeSet;

use bitcoin::hex::DisplayHex;
use serde::Serialize;

use crate::policy::{
    Activation, Custody, FeeWallet, Item, Member, Outcome, Party, PathKind, Period, Policy,
    Purpose, Quorum, SpendingPath,
};

/// A part of a policy that has terms of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The policy as a whole.
    Policy,
    /// A party.
    Party,
    /// A quorum.
    Quorum,
    /// Root.
    Root,
    /// A path.
    Path,
    /// Something kept beside the keys.
    Item,
    /// A code that is silenced with a reason.
    Lint,
}

impl Part {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Party => "party",
            Self::Quorum => "quorum",
            Self::Root => "root",
            Self::Path => "path",
            Self::Item => "item",
            Self::Lint => "lint",
        }
    }
}

/// A term that differs, or a part that only one of the policies has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Of what.
    pub part: Part,
    /// Its name; nothing for root and for the policy as a whole.
    pub name: Option<String>,
    /// Which term; nothing if the part as a whole was added or removed.
    pub term: Option<String>,
    /// What it was; nothing if it was not there.
    pub before: Option<String>,
    /// What it is; nothing if it is not there.
    pub now: Option<String>,
}

/// A part in words, term by term.
struct Described {
    part: Part,
    name: Option<String>,
    terms: Vec<(String, String)>,
}

/// All terms that differ, in the order in which a policy is written.
pub(super) fn of(old: &Policy, new: &Policy) -> Vec<Change> {
    let (before, now) = (described(old), described(new));
    let same = |a: &Described, b: &Described| a.part == b.part && a.name == b.name;
    let mut changes = Vec::new();
    for part in &before {
        match now.iter().find(|other| same(part, other)) {
            Some(other) => changes.extend(terms(part, other)),
            None => changes.push(whole(part, Some(summary(part)), None)),
        }
    }
    for part in &now {
        if !before.iter().any(|other| same(part, other)) {
            changes.push(whole(part, None, Some(summary(part))));
        }
    }
    changes.extend(order_of_paths(old, new));
    changes.sort_by_key(|change| change.part);
    if changes.is_empty() && old.canonical() != new.canonical() {
        // Such as a period in other units, or members in another order.
        changes.push(Change {
            part: Part::Policy,
            name: None,
            term: Some("wording".to_owned()),
            before: Some("one way to write it".to_owned()),
            now: Some("another".to_owned()),
        });
    }
    changes
}

fn whole(part: &Described, before: Option<String>, now: Option<String>) -> Change {
    Change {
        part: part.part,
        name: part.name.clone(),
        term: None,
        before,
        now,
    }
}

fn summary(part: &Described) -> String {
    let terms = part
        .terms
        .iter()
        .map(|(term, text)| format!("{term} {text}"));
    terms.collect::<Vec<_>>().join(", ")
}

fn terms(before: &Described, now: &Described) -> Vec<Change> {
    let value = |part: &Described, term: &str| {
        let found = part.terms.iter().find(|(name, _)| name == term);
        found.map(|(_, text)| text.clone())
    };
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in before.terms.iter().chain(&now.terms) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|term| Change {
            part: before.part,
            name: before.name.clone(),
            term: Some(term.to_owned()),
            before: value(before, term),
            now: value(now, term),
        })
        .filter(|change| change.before != change.now)
        .collect()
}

/// Paths are laid out in their order, so another order is another descriptor.
fn order_of_paths(old: &Policy, new: &Policy) -> Option<Change> {
    let names = |policy: &Policy, other: &Policy| -> Vec<String> {
        let both = policy.paths().iter().map(SpendingPath::name);
        let both = both.filter(|name| other.path(name).is_some());
        both.map(str::to_owned).collect()
    };
    let (before, now) = (names(old, new), names(new, old));
    (before != now).then(|| Change {
        part: Part::Policy,
        name: None,
        term: Some("order of paths".to_owned()),
        before: Some(before.join(", ")),
        now: Some(now.join(", ")),
    })
}

fn described(policy: &Policy) -> Vec<Described> {
    let part = |part, name: Option<&str>, terms: Terms| Described {
        part,
        name: name.map(str::to_owned),
        terms: terms.0,
    };
    let mut parts = vec![part(Part::Policy, None, settings(policy))];
    for party in policy.parties() {
        parts.push(part(Part::Party, Some(party.name()), of_party(party)));
    }
    for quorum in policy.quorums() {
        let terms = of_quorum(quorum, policy);
        parts.push(part(Part::Quorum, Some(quorum.name()), terms));
    }
    parts.push(part(Part::Root, None, of_root(policy)));
    for path in policy.paths() {
        parts.push(part(Part::Path, Some(path.name()), of_path(path)));
    }
    for item in policy.items() {
        parts.push(part(Part::Item, Some(item.name()), of_item(item)));
    }
    for (code, reason) in policy.accepted() {
        let mut terms = Terms::default();
        terms.put("reason", reason);
        parts.push(part(Part::Lint, Some(code), terms));
    }
    parts
}

#[derive(Default)]
struct Terms(Vec<(String, String)>);

impl Terms {
    fn put(&mut self, term: &str, text: impl ToString) {
        self.0.push((term.to_owned(), text.to_string()));
    }

    fn put_some<T: ToString>(&mut self, term: &str, text: Option<T>) {
        if let Some(text) = text {
            self.put(term, text);
        }
    }

    fn put_custody(&mut self, custody: &Custody) {
        for (domain, fact) in custody.iter() {
            self.put(domain.as_str(), fact);
        }
    }
}

fn settings(policy: &Policy) -> Terms {
    let mut terms = Terms::default();
    terms.put("name", policy.name());
    terms.put("network", policy.network());
    terms.put("script", policy.script());
    terms.put("layout", policy.layout());
    terms.put("transaction version", policy.version());
    let rungs = policy.rungs().iter();
    let rungs: Vec<String> = rungs
        .map(|rung| rung.to_sat_per_vb_ceil().to_string())
        .collect();
    let what = match policy.version().has_anchor() {
        true => "base fee",
        false => "rungs",
    };
    terms.put(what, format!("{} sat/vB", rungs.join(", ")));
    terms.put_some("descriptor", policy.descriptor());
    terms.put_some("accepted total loss", policy.accept_total_loss());
    terms
}

fn of_party(party: &Party) -> Terms {
    let mut terms = Terms::default();
    terms.put("key", party.key());
    terms.put_some("veto key", party.veto());
    let identity = party.identity().map(ed25519_dalek::VerifyingKey::to_bytes);
    terms.put_some(
        "identity",
        identity.map(|bytes| bytes.to_lower_hex_string()),
    );
    terms.put_some("fee wallet", party.fees().map(FeeWallet::account));
    terms.put_custody(party.custody());
    terms
}

fn of_quorum(quorum: &Quorum, policy: &Policy) -> Terms {
    let mut terms = Terms::default();
    terms.put("threshold", quorum.threshold());
    terms.put("members", members(quorum, policy));
    let roster = quorum.roster();
    terms.put_some(
        "roster",
        roster.map(|roster| {
            let names: Vec<&str> = roster.members().iter().map(String::as_str).collect();
            format!("{} in {}%", names.join(", "), roster.share())
        }),
    );
    terms
}

/// The members by name; groups that have none, as weights make them, by what they are.
fn members(quorum: &Quorum, policy: &Policy) -> String {
    let named: BTreeSet<&str> = policy.quorums().map(|quorum| quorum.name()).collect();
    let members = quorum.members().iter().map(|member| match member {
        Member::Quorum(inner) if !named.contains(inner.name()) || inner.name() == quorum.name() => {
            let members = members(inner, policy);
            format!("({} of {members})", inner.threshold())
        }
        member => member.name().to_owned(),
    });
    members.collect::<Vec<_>>().join(", ")
}

fn of_root(policy: &Policy) -> Terms {
    let mut terms = Terms::default();
    let root = policy.root();
    terms.put("quorum", root.quorum().name());
    terms.put_some("refresh", root.refresh());
    terms.put("likelihood", root.likelihood());
    terms
}

fn of_path(path: &SpendingPath) -> Terms {
    let mut terms = Terms::default();
    terms.put("quorum", path.quorum().name());
    match path.kind() {
        PathKind::Direct(direct) => {
            terms.put("kind", "direct");
            terms.put_some("delay", direct.delay());
            terms.put_some("unlock", direct.unlock());
        }
        PathKind::Staged(staged) => {
            terms.put("kind", "staged");
            terms.put("purpose", purpose(staged.outcome()));
            terms.put("veto window", staged.window());
            terms.put("veto", staged.veto().name());
            terms.put("depth", staged.depth());
            if let Some(lockup) = staged.lockup() {
                terms.put("lock-up", lockup.period());
                terms.put("clawback", if lockup.clawback() { "yes" } else { "no" });
                terms.put_some("released by", lockup.quorum().map(|quorum| quorum.name()));
                terms.put("backstop", lockup.backstop());
            }
            terms.put_some("activation", staged.activation().map(activation));
        }
    }
    terms.put("likelihood", path.likelihood());
    terms
}

const fn purpose(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Lockup(_) | Outcome::Payees(Purpose::Recover) => "recover",
        Outcome::Payees(Purpose::Spend) => "spend",
    }
}

fn activation(activation: &Activation) -> String {
    let list = |conditions: &[Activation]| {
        let texts: Vec<String> = conditions.iter().map(self::activation).collect();
        texts.join("; ")
    };
    let span = Period::to_string;
    match activation {
        Activation::Any(conditions) => format!("any of ({})", list(conditions)),
        Activation::All(conditions) => format!("all of ({})", list(conditions)),
        Activation::Manual(quorum) => format!("manual {}", quorum.name()),
        Activation::Alarm(quorum) => format!("alarm {}", quorum.name()),
        Activation::Silence {
            quorum,
            period,
            fewer_than,
        } => format!(
            "silence of {} for {} with fewer than {fewer_than}",
            quorum.name(),
            span(period)
        ),
        Activation::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => format!(
            "vote of {} with {turnout}% turnout and {approve}% approving, open {}",
            quorum.name(),
            span(open)
        ),
    }
}

fn of_item(item: &Item) -> Terms {
    let mut terms = Terms::default();
    terms.put("kind", item.kind());
    terms.put("of", item.of().name());
    if !item.paths().is_empty() {
        terms.put("paths", item.paths().join(", "));
    }
    terms.put_custody(item.custody());
    terms
}
