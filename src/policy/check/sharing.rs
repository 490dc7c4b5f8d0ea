//! Keys that two parties share, so that they are one holder who counts as two.

use std::collections::BTreeSet;

use bitcoin::secp256k1::PublicKey;
use ed25519_dalek::VerifyingKey;

use super::super::document::Document;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Span};
use super::directory::Directory;
use super::keys::CheckedParty;

/// Reports parties that have one identity.
pub(super) fn check_identities(
    document: &Document,
    parties: &[CheckedParty],
    problems: &mut Vec<Diagnostic>,
) {
    let mut seen: Vec<(&VerifyingKey, Span, &str)> = Vec::new();
    for (entry, checked) in document.parties.iter().zip(parties) {
        let (Some(typed), Some(key)) = (&entry.identity, checked.party.identity()) else {
            continue;
        };
        match seen.iter().find(|(other, _, _)| *other == key) {
            Some((_, span, name)) => problems.push(
                Diagnostic::new(
                    Code::IdentityShared,
                    format!(
                        "{} and {} have the same identity",
                        quote(name),
                        quote(&entry.name.value)
                    ),
                )
                .at(typed.span, "the same key")
                .beside(*span, "as here")
                .help("make a key for each party"),
            ),
            None => seen.push((key, typed.span, &entry.name.value)),
        }
    }
}

/// Reports parties that share a key or a master key: an error inside one quorum, a lint elsewhere.
pub(super) fn check_keys(
    parties: &[CheckedParty],
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) {
    let quorums: Vec<(&str, BTreeSet<&str>)> = directory
        .quorums
        .values()
        .flatten()
        .map(|quorum| (quorum.name(), quorum.party_names()))
        .collect();
    for (at, party) in parties.iter().enumerate() {
        for earlier in parties.iter().take(at) {
            let (name, other) = (party.party.name(), earlier.party.name());
            if name != other {
                check_fee_wallets(party, earlier, problems);
            }
            let Some((span, other_span, same_key)) = shared(party, earlier) else {
                continue;
            };
            if name == other {
                continue;
            }
            let common = quorums
                .iter()
                .find(|(_, names)| names.contains(name) && names.contains(other));
            let code = match (common, same_key) {
                (Some(_), true) => Code::KeySharedInQuorum,
                (Some(_), false) => Code::OriginSharedInQuorum,
                (None, true) => Code::KeyReused,
                (None, false) => Code::OriginReused,
            };
            let what = if same_key { "key" } else { "master key" };
            let place = common.map_or_else(String::new, |(quorum, _)| {
                format!(", and are both in quorum {}", quote(quorum))
            });
            let message = format!(
                "{} and {} have the same {what}{place}",
                quote(other),
                quote(name)
            );
            problems.push(
                Diagnostic::new(code, message)
                    .at(span, format!("the same {what}"))
                    .beside(other_span, "as here")
                    .help("give each party a signing device of its own, or make them one party"),
            );
        }
    }
}

/// Reports a fee wallet that is an account of somebody else: each of the two could spend the coins
/// that the other counts on to pay for a cancel.
fn check_fee_wallets(party: &CheckedParty, other: &CheckedParty, problems: &mut Vec<Diagnostic>) {
    let all = |party: &CheckedParty| -> Vec<(Span, PublicKey)> {
        let accounts = party.accounts().chain(party.fee_account());
        accounts
            .map(|(span, key)| (span, key.xpub().public_key))
            .collect()
    };
    let fees = [party.fee_account(), other.fee_account()];
    let fees: Vec<Span> = fees.into_iter().flatten().map(|(span, _)| span).collect();
    for (span, key) in all(party) {
        for (other_span, other_key) in all(other) {
            if key != other_key || !(fees.contains(&span) || fees.contains(&other_span)) {
                continue;
            }
            let message = format!(
                "{} and {} have the same key, as a fee wallet",
                quote(other.party.name()),
                quote(party.party.name())
            );
            problems.push(
                Diagnostic::new(Code::KeyReused, message)
                    .at(span, "the same key")
                    .beside(other_span, "as here")
                    .help("give each party a fee wallet of its own, apart from all accounts"),
            );
        }
    }
}

/// Where two parties share a key, or else a master key.
fn shared(party: &CheckedParty, other: &CheckedParty) -> Option<(Span, Span, bool)> {
    let mut origin = None;
    for (span, key) in party.accounts() {
        for (other_span, other_key) in other.accounts() {
            if key.xpub().public_key == other_key.xpub().public_key {
                return Some((span, other_span, true));
            }
            if key.fingerprint() == other_key.fingerprint() && origin.is_none() {
                origin = Some((span, other_span, false));
            }
        }
    }
    origin
}
