//! Small things in words: lists, quorums, locks, amounts.

use bitcoin::Amount;

use super::shown;
use crate::policy::Quorum;
use crate::report::{Money, btc};
use crate::units::{AbsoluteLock, RelativeLock};

/// Names as a list: `a`, `a and b`, `a, b and c`.
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

/// A quorum such as `any 3 of alice, bob, carol, dave and erin`.
pub(super) fn quorum(quorum: &Quorum) -> String {
    let names: Vec<String> = quorum
        .members()
        .iter()
        .map(|member| shown(member.name()))
        .collect();
    if quorum.threshold() == names.len() {
        return list(&names);
    }
    format!("any {} of {}", quorum.threshold(), list(&names))
}

/// The locks of a leaf, line by line.
pub(super) fn locks(relative: Option<RelativeLock>, absolute: Option<AbsoluteLock>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(lock) = relative {
        lines.push(lock.to_string());
        let seconds = lock.expected_seconds();
        if seconds >= 2 * 86_400 {
            lines.push(format!("(about {} days)", seconds / 86_400));
        } else if seconds >= 2 * 3600 {
            lines.push(format!("(about {} hours)", seconds / 3600));
        }
    }
    lines.extend(absolute.map(|lock| format!("after {lock}")));
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    lines
}

/// Where money is, such as `vault 25 BTC`.
pub(super) fn money(money: &Money) -> String {
    let places = money
        .stages
        .iter()
        .map(|(stage, sats)| (shown(stage), *sats));
    let payees = money
        .payees
        .iter()
        .map(|(payee, sats)| (shown(payee), *sats));
    let all: Vec<String> = places
        .chain(payees)
        .filter(|(_, sats)| *sats > 0)
        .map(|(place, sats)| format!("{place} {}", btc(Amount::from_sat(sats))))
        .collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}
