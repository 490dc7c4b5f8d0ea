//! The one canonical text of a document.
//!
//! The policy id is computed from it, so its form never changes: whatever is written here is part
//! of the format.

use std::fmt::Write;

use crate::units::AbsoluteLock;

use super::super::key::fee_wallet_key;
use super::super::period::Clock;
use super::super::shown::presentable;
use super::super::{
    AccountKey, AccountKeyError, ItemKind, Layout, Network, Purpose, ScriptType, TransactionVersion,
};
use super::{
    ActivationEntry, Condition, CustodyEntry, DEFAULT_ROOT_LIKELIHOOD, Document, EscrowEntry,
    ItemEntry, LockupEntry, Members, PartyEntry, PathEntry, QuorumEntry, RosterEntry, Spanned,
    Typed,
};

pub(super) fn write(document: &Document) -> String {
    let mut out = String::from("[policy]\n");
    settings(&mut out, document);
    let mut parties: Vec<&PartyEntry> = document.parties.iter().collect();
    parties.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    for entry in parties {
        party(&mut out, entry);
    }
    out.push_str("\n[quorums]\n");
    let mut quorums: Vec<&QuorumEntry> = document.quorums.iter().collect();
    quorums.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    for entry in quorums {
        quorum(&mut out, entry);
    }
    out.push_str("\n[root]\n");
    line(
        &mut out,
        "quorum",
        document
            .root
            .quorum
            .as_ref()
            .map(|typed| string(&typed.value)),
    );
    line(&mut out, "refresh", quoted(&document.root.refresh));
    let likelihood = &document.root.likelihood;
    line(
        &mut out,
        "likelihood",
        stated(likelihood, DEFAULT_ROOT_LIKELIHOOD),
    );
    for entry in &document.paths {
        path(&mut out, entry);
    }
    let mut items: Vec<&ItemEntry> = document.items.iter().collect();
    items.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    for entry in items {
        item(&mut out, entry);
    }
    if !document.lints.is_empty() {
        out.push_str("\n[lints]\n");
        let mut lints: Vec<_> = document.lints.iter().collect();
        lints.sort_by(|a, b| a.code.value.cmp(&b.code.value));
        for lint in lints {
            line(
                &mut out,
                &key(&lint.code.value),
                Some(string(lint.reason.value.trim())),
            );
        }
    }
    // A document without errors has nothing in it that this would replace.
    presentable(&out, [])
}

fn settings(out: &mut String, document: &Document) {
    let settings = &document.settings;
    line(
        out,
        "name",
        settings.name.as_ref().map(|typed| string(&typed.value)),
    );
    let network = settings.network.as_ref().map(|typed| typed.value);
    line(
        out,
        "network",
        network.as_ref().map(|network| word(network, &Network::ALL)),
    );
    let script = settings.script.as_ref().map(|typed| typed.value);
    line(
        out,
        "script",
        script.as_ref().map(|script| word(script, &ScriptType::ALL)),
    );
    line(out, "layout", Some(word(&document.layout(), &Layout::ALL)));
    let version = document.version();
    let rungs: Vec<String> = document
        .rungs()
        .iter()
        .map(|rung| rung.to_sat_per_vb_ceil().to_string())
        .collect();
    match version {
        TransactionVersion::Two => {
            line(out, "transaction_version", Some(version.to_string()));
            line(out, "rungs", Some(format!("[{}]", rungs.join(", "))));
        }
        TransactionVersion::Three => {
            let rate = rungs.concat();
            line(out, "base_fee", Some(string(&format!("{rate} sat/vB"))));
            line(out, "transaction_version", Some(version.to_string()));
        }
    }
    let descriptor = settings.descriptor.as_ref();
    line(
        out,
        "descriptor",
        descriptor.map(|typed| string(typed.value.trim())),
    );
    let reason = settings.accept_total_loss.as_ref();
    line(
        out,
        "accept_total_loss",
        reason.map(|typed| string(typed.value.trim())),
    );
}

fn party(out: &mut String, party: &PartyEntry) {
    out.push_str("\n[parties.");
    out.push_str(&key(&party.name.value));
    out.push_str("]\n");
    line(out, "key", account(&party.key));
    line(
        out,
        "identity",
        party
            .identity
            .as_ref()
            .map(|typed| string(&spelled(&typed.value).to_lowercase())),
    );
    line(out, "veto", account(&party.veto));
    line(
        out,
        "fees",
        party.fees.as_ref().map(|typed| string(&fees(&typed.value))),
    );
    line(out, "custody", custody(&party.custody));
}

/// The facts in the order of their words; nothing if there are none.
fn custody(custody: &CustodyEntry) -> Option<String> {
    let mut facts: Vec<_> = custody.0.iter().collect();
    facts.sort_by_key(|(domain, _)| domain.as_str());
    let facts = facts
        .iter()
        .map(|(domain, typed)| (domain.as_str(), Some(string(&typed.value))));
    (!custody.0.is_empty()).then(|| inline(facts))
}

fn item(out: &mut String, item: &ItemEntry) {
    out.push_str("\n[items.");
    out.push_str(&key(&item.name.value));
    out.push_str("]\n");
    let kind = item.kind.as_ref();
    line(
        out,
        "kind",
        kind.map(|kind| word(&kind.value, &ItemKind::ALL)),
    );
    line(out, "of", named(&item.of));
    let paths = item.paths.as_ref();
    line(out, "paths", paths.map(|paths| names(&paths.value)));
    line(out, "custody", custody(&item.custody));
}

fn quorum(out: &mut String, quorum: &QuorumEntry) {
    let threshold = quorum
        .threshold
        .as_ref()
        .map(|typed| typed.value.to_string());
    let roster = quorum.roster.as_ref().map(roster);
    let fields = match &quorum.members {
        Some(Members::Listed(listed)) => {
            vec![
                ("threshold", threshold),
                ("of", Some(names(&listed.value))),
                ("roster", roster),
            ]
        }
        Some(Members::SameAs(name)) => vec![
            ("threshold", threshold),
            ("members_of", Some(string(&name.value))),
            ("roster", roster),
        ],
        Some(Members::Weighted(weights)) => {
            let weights = weights.value.iter().map(|(name, weight)| {
                let weight = weight.value.to_string();
                format!("{} = {weight}", key(&name.value))
            });
            let weights: Vec<String> = weights.collect();
            vec![
                ("weight", threshold),
                ("weights", Some(format!("{{ {} }}", weights.join(", ")))),
                ("roster", roster),
            ]
        }
        None => vec![("threshold", threshold), ("roster", roster)],
    };
    line(out, &key(&quorum.name.value), Some(inline(fields)));
}

fn roster(roster: &RosterEntry) -> String {
    let of = roster.of.as_ref().map(|of| names(&of.value));
    let share = roster.share.as_ref();
    let share = share.map(|share| string(&format!("{}%", share.value)));
    inline([("of", of), ("share", share)])
}

fn path(out: &mut String, path: &PathEntry) {
    out.push_str("\n[[path]]\n");
    line(
        out,
        "name",
        path.name.as_ref().map(|typed| string(&typed.value)),
    );
    line(out, "purpose", Some(word(&path.purpose(), &Purpose::ALL)));
    line(
        out,
        "quorum",
        path.quorum.as_ref().map(|typed| string(&typed.value)),
    );
    line(out, "clock", Some(word(&path.clock(), &Clock::ALL)));
    line(out, "delay", quoted(&path.delay));
    line(
        out,
        "unlock_at",
        path.unlock_at.as_ref().map(|typed| date(typed.value)),
    );
    let height = path.unlock_height.as_ref();
    line(
        out,
        "unlock_height",
        height.map(|typed| typed.value.to_consensus().to_string()),
    );
    let default = path.default_likelihood();
    line(out, "likelihood", stated(&path.likelihood, default));
    line(out, "escrow", path.escrow.as_ref().map(escrow));
    line(out, "lockup", path.lockup.as_ref().map(lockup));
    line(out, "activation", path.activation.as_ref().map(activation));
}

fn escrow(escrow: &EscrowEntry) -> String {
    let depth = escrow.depth.as_ref().map_or(1, |typed| typed.value);
    inline([
        ("window", quoted(&escrow.window)),
        (
            "veto",
            escrow.veto.as_ref().map(|typed| string(&typed.value)),
        ),
        ("depth", Some(depth.to_string())),
        ("backstop", quoted(&escrow.backstop)),
    ])
}

fn lockup(lockup: &LockupEntry) -> String {
    let clawback = lockup.clawback.as_ref().is_none_or(|typed| typed.value);
    inline([
        ("period", quoted(&lockup.period)),
        ("clawback", Some(clawback.to_string())),
        ("quorum", named(&lockup.quorum)),
        ("beneficiary", named(&lockup.beneficiary)),
    ])
}

fn activation(entry: &ActivationEntry) -> String {
    let list = |children: &[ActivationEntry]| {
        let children: Vec<String> = children.iter().map(activation).collect();
        Some(format!("[{}]", children.join(", ")))
    };
    match &entry.condition {
        Condition::Any(children) => inline([("any", list(children))]),
        Condition::All(children) => inline([("all", list(children))]),
        Condition::Manual(quorum) => inline([("manual", Some(string(&quorum.value)))]),
        Condition::Alarm(quorum) => inline([("alarm", Some(string(&quorum.value)))]),
        Condition::Silence {
            quorum,
            period,
            fewer_than,
        } => inline([
            ("silence", Some(string(&quorum.value))),
            ("for", Some(string(&period.value.to_string()))),
            ("fewer_than", Some(fewer_than.value.to_string())),
        ]),
        Condition::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => inline([
            ("vote", Some(string(&quorum.value))),
            ("turnout", Some(string(&format!("{}%", turnout.value)))),
            ("approve", Some(string(&format!("{}%", approve.value)))),
            ("open", Some(string(&open.value.to_string()))),
        ]),
    }
}

fn line(out: &mut String, key: &str, value: Option<String>) {
    if let Some(value) = value {
        out.push_str(key);
        out.push_str(" = ");
        out.push_str(&value);
        out.push('\n');
    }
}

fn inline<'a>(fields: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let fields: Vec<String> = fields
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| format!("{key} = {value}")))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

/// A likelihood that is not the one a silent policy has.
fn stated(typed: &Typed<u64>, default: u32) -> Option<String> {
    let likelihood = typed.as_ref()?.value;
    (likelihood != u64::from(default)).then(|| likelihood.to_string())
}

fn named(typed: &Typed<String>) -> Option<String> {
    typed.as_ref().map(|typed| string(&typed.value))
}

fn names(listed: &[Spanned<String>]) -> String {
    let names: Vec<String> = listed.iter().map(|name| string(&name.value)).collect();
    format!("[{}]", names.join(", "))
}

fn quoted<T: ToString>(typed: &Typed<T>) -> Option<String> {
    typed.as_ref().map(|typed| string(&typed.value.to_string()))
}

fn word<T: PartialEq>(value: &T, words: &[(&str, T)]) -> String {
    let word = words.iter().find(|(_, other)| other == value);
    string(word.map_or("", |(word, _)| word))
}

fn account(typed: &Typed<String>) -> Option<String> {
    let text = &typed.as_ref()?.value;
    Some(string(&spelled(text)))
}

/// A key expression in one spelling of its hardened steps; as it is if it cannot be read, and
/// nothing if it is a secret.
fn spelled(text: &str) -> String {
    match text.parse::<AccountKey>() {
        Ok(key) => key.to_string(),
        Err(AccountKeyError::Secret) => String::new(),
        Err(_) => {
            AccountKey::of_descriptor(text).map_or_else(|_| text.to_owned(), |key| key.to_string())
        }
    }
}

fn fees(text: &str) -> String {
    fee_wallet_key(text).map_or_else(
        || spelled(text),
        |key| format!("wpkh({}/<0;1>/*)", spelled(key)),
    )
}

fn date(lock: AbsoluteLock) -> String {
    let moment = chrono::DateTime::from_timestamp(i64::from(lock.to_consensus()), 0);
    string(&moment.map_or_else(String::new, |moment| {
        moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }))
}

/// A bare key where TOML allows it, a string otherwise.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A basic string: `"` and `\` with a backslash, control characters as `\uXXXX`.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a string never fails");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
