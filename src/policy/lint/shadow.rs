//! Paths that add nothing, because whoever can use them has another way that is open sooner.

use std::collections::BTreeSet;

use crate::units::{AbsoluteLock, RelativeLock};

use super::super::shown::{quote, quote_all};
use super::super::{Code, Diagnostic, Direct, Member, Quorum};
use super::Facts;

/// Most coalitions of a quorum that are tried one by one.  Beyond, only quorums without quorums
/// inside them are compared, for which counting is enough.
const MAX_COALITIONS: u64 = 4_096;

/// A way out of the vault that the chain alone opens.
struct Way<'a> {
    what: String,
    quorum: &'a Quorum,
    delay: Option<RelativeLock>,
    unlock: Option<AbsoluteLock>,
}

impl Way<'_> {
    /// Whether it is open for every coin for which the other is.
    ///
    /// Locks that count by different clocks are not compared.
    fn opens_no_later(&self, other: &Self) -> bool {
        let delay = match (self.delay, other.delay) {
            (None, _) => true,
            (Some(RelativeLock::Blocks(own)), Some(RelativeLock::Blocks(others))) => own <= others,
            (Some(RelativeLock::Units512(own)), Some(RelativeLock::Units512(others))) => {
                own <= others
            }
            _ => false,
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

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let lock = |direct: &Direct| direct.delay().map(super::super::Period::lock);
    let mut ways: Vec<(usize, Way<'_>)> = Vec::new();
    if let Some(root) = facts.root {
        let way = Way {
            what: "root, which spends at once".to_owned(),
            quorum: root.quorum(),
            delay: None,
            unlock: None,
        };
        ways.push((usize::MAX, way));
    }
    for (at, (_, path)) in facts.paths().enumerate() {
        if let Some(direct) = path.direct() {
            let way = Way {
                what: format!("path {}", quote(path.name())),
                quorum: path.quorum(),
                delay: lock(direct),
                unlock: direct.unlock(),
            };
            ways.push((at, way));
        }
    }
    for (at, (entry, path)) in facts.paths().enumerate() {
        let Some((_, own)) = ways.iter().find(|(way, _)| *way == at) else {
            continue;
        };
        let shadow = ways.iter().find_map(|(other_at, other)| {
            // Of two that are alike, the first is the one that counts.
            let alike = own.opens_no_later(other) && other_at != &usize::MAX && *other_at > at;
            if *other_at == at || !other.opens_no_later(own) {
                return None;
            }
            let coalition = implied(own.quorum, other.quorum)?;
            if alike && implied(other.quorum, own.quorum).is_some() {
                return None;
            }
            Some((other, coalition))
        });
        let Some((other, coalition)) = shadow else {
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
}

/// One smallest coalition of the first quorum, if all of them can act for the second as well.
///
/// Also none where there are too many to tell.
fn implied<'a>(first: &'a Quorum, second: &Quorum) -> Option<Vec<&'a str>> {
    if count(first) <= MAX_COALITIONS {
        let all = coalitions(first);
        let acts = |coalition: &BTreeSet<&str>| {
            second.is_met_by(&|party| coalition.contains(party.name()))
        };
        return all
            .iter()
            .all(acts)
            .then(|| all.into_iter().next())
            .flatten()
            .map(|coalition| coalition.into_iter().collect());
    }
    let (own, others) = (flat(first)?, flat(second)?);
    // At worst the coalition takes everybody outside the second quorum first.
    let outside = own.difference(&others).count();
    (first.threshold().saturating_sub(outside) >= second.threshold())
        .then(|| own.into_iter().take(first.threshold()).collect())
}

/// The parties of a quorum that has no quorums inside it.
fn flat(quorum: &Quorum) -> Option<BTreeSet<&str>> {
    let members = quorum.members().iter();
    members
        .map(|member| match member {
            Member::Party(party) => Some(party.name()),
            Member::Quorum(_) => None,
        })
        .collect()
}

/// How many choices of seats just meet the threshold, or a number too large to matter.
fn count(quorum: &Quorum) -> u64 {
    // The number of ways to choose so many members, by how many are chosen.
    let mut ways = vec![0u64; quorum.threshold() + 1];
    if let Some(none) = ways.first_mut() {
        *none = 1;
    }
    for member in quorum.members() {
        let inner = match member {
            Member::Party(_) => 1,
            Member::Quorum(inner) => count(inner),
        };
        for chosen in (1..ways.len()).rev() {
            let before = ways.get(chosen - 1).copied().unwrap_or_default();
            if let Some(sum) = ways.get_mut(chosen) {
                *sum = sum.saturating_add(before.saturating_mul(inner));
            }
        }
    }
    ways.last().copied().unwrap_or_default()
}

/// All choices of seats that just meet the threshold, as sets of parties.
fn coalitions(quorum: &Quorum) -> Vec<BTreeSet<&str>> {
    let mut chosen: Vec<(usize, BTreeSet<&str>)> = vec![(0, BTreeSet::new())];
    let all = quorum.members().len();
    for (at, member) in quorum.members().iter().enumerate() {
        let inner = match member {
            Member::Party(party) => vec![BTreeSet::from([party.name()])],
            Member::Quorum(inner) => coalitions(inner),
        };
        let mut next = Vec::new();
        for (number, parties) in chosen {
            if number < quorum.threshold() {
                for more in &inner {
                    next.push((number + 1, parties.union(more).copied().collect()));
                }
            }
            // Without this member, where the others can still make up the number.
            if number + (all - at - 1) >= quorum.threshold() {
                next.push((number, parties));
            }
        }
        chosen = next;
    }
    chosen.into_iter().map(|(_, parties)| parties).collect()
}
