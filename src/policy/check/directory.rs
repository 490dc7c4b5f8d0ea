//! Who is who: the parties and quorums of a document, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::document::{
    DEFAULT_ROOT_LIKELIHOOD, Document, MAX_DEPTH, Members, QuorumEntry, SUGGESTIONS_MAX, Spanned,
    did_you_mean,
};
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Member, Party, Period, Quorum, Root, ScriptType, Span};
use super::keys::CheckedParty;
use super::weights::Formula;
use super::{roster, weights};

/// Most seats a quorum can have when all the quorums inside it are counted out.
const MAX_SEATS: usize = 256;

/// Most keys in one threshold of a `wsh` script (`MAX_PUBKEYS_PER_MULTISIG`, Bitcoin Core's
/// `src/script/script.h`).
const MAX_WSH_MEMBERS: usize = 20;

/// The parties and quorums of a document.
pub(in crate::policy) struct Directory {
    pub parties: BTreeMap<String, Arc<Party>>,
    /// None for those with a problem, which has been reported.
    pub quorums: BTreeMap<String, Option<Arc<Quorum>>>,
}

impl Directory {
    pub(super) fn resolve(
        document: &Document,
        parties: &[CheckedParty],
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut directory = Self {
            parties: BTreeMap::new(),
            quorums: BTreeMap::new(),
        };
        // What is there and could not be read is known: nothing is said where it is named.
        for name in &document.unread {
            directory.quorums.insert(name.clone(), None);
        }
        for checked in parties {
            let party = Arc::clone(&checked.party);
            directory.parties.entry(party.name.clone()).or_insert(party);
        }
        let mut entries: BTreeMap<&str, &QuorumEntry> = BTreeMap::new();
        for entry in &document.quorums {
            entries.entry(&entry.name.value).or_insert(entry);
        }
        let mut resolver = Resolver {
            entries: &entries,
            is_wsh: document
                .settings
                .script
                .as_ref()
                .is_some_and(|script| script.value == ScriptType::Wsh),
            stack: Vec::new(),
            unknown: BTreeSet::new(),
            directory: &mut directory,
            problems,
        };
        for entry in entries.values() {
            resolver.quorum(entry);
        }
        directory
    }

    /// The quorum of this name, reporting if there is none.
    pub(super) fn find(
        &self,
        name: &Spanned<String>,
        whose: &str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Quorum>> {
        if let Some(quorum) = self.quorums.get(&name.value) {
            return quorum.clone();
        }
        problems.push(unknown_quorum(
            name,
            whose,
            self.parties.contains_key(&name.value),
            self.quorums.keys().map(String::as_str),
        ));
        None
    }

    /// The quorum that is this party alone, reporting if there is no such party.
    pub(super) fn alone(
        &self,
        name: &Spanned<String>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Quorum>> {
        if let Some(party) = self.parties.get(&name.value) {
            return Some(Arc::new(Quorum {
                name: party.name.clone(),
                threshold: 1,
                members: vec![Member::Party(Arc::clone(party))],
                roster: None,
            }));
        }
        if matches!(self.quorums.get(&name.value), Some(None)) {
            return None;
        }
        let quoted = quote(&name.value);
        problems.push(if self.quorums.contains_key(&name.value) {
            Diagnostic::new(
                Code::UnknownName,
                format!("{quoted} is a quorum, and a beneficiary is one party"),
            )
            .at(name.span, "a quorum, not a party")
            .help("write `quorum` instead of `beneficiary`")
        } else {
            let known = self.parties.keys().map(String::as_str);
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

    pub(super) fn root(&self, document: &Document, problems: &mut Vec<Diagnostic>) -> Option<Root> {
        let root = &document.root;
        let quorum = root
            .quorum
            .as_ref()
            .and_then(|name| self.find(name, "root", problems));
        let refresh: Option<Option<Period>> = match &root.refresh {
            None => Some(None),
            Some(typed) => {
                let clock = super::super::Clock::Blocks;
                super::paths::period(typed, clock, "`refresh`", problems).map(Some)
            }
        };
        let likelihood = root.likelihood.as_ref();
        Some(Root {
            quorum: quorum?,
            refresh: refresh?,
            likelihood: likelihood.map_or(DEFAULT_ROOT_LIKELIHOOD, likelihood_of),
        })
        .filter(|_| !root.broken)
    }
}

/// A likelihood, which the reader has found to be in range.
pub(super) fn likelihood_of(typed: &Spanned<u64>) -> u32 {
    u32::try_from(typed.value).unwrap_or(u32::MAX)
}

fn unknown_quorum<'a>(
    name: &Spanned<String>,
    whose: &str,
    is_party: bool,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let quoted = quote(&name.value);
    if is_party {
        return Diagnostic::new(
            Code::UnknownName,
            format!("{quoted} is a party, and {whose} needs a quorum"),
        )
        .at(name.span, "a party, not a quorum")
        .help("write a quorum of one under `[quorums]`: `{ threshold = 1, of = [\"…\"] }`")
        .help_in_script("write a quorum of one: `quorum(\"…\", 1, [\"…\"])`");
    }
    let problem = Diagnostic::new(Code::UnknownName, format!("there is no quorum {quoted}"))
        .at(name.span, "unknown");
    match did_you_mean(&name.value, known) {
        Some(similar) => problem.help(format!("did you mean {}?", quote(similar))),
        None => problem
            .help("declare it under `[quorums]`")
            .help_in_script("declare it with `quorum(…)`"),
    }
}

struct Resolver<'r, 'd> {
    entries: &'r BTreeMap<&'d str, &'d QuorumEntry>,
    is_wsh: bool,
    /// The quorums that are being resolved, from the outermost on.
    stack: Vec<(&'d str, Span)>,
    /// The places of unknown members.
    unknown: BTreeSet<Span>,
    directory: &'r mut Directory,
    problems: &'r mut Vec<Diagnostic>,
}

impl<'d> Resolver<'_, 'd> {
    fn quorum(&mut self, entry: &'d QuorumEntry) -> Option<Arc<Quorum>> {
        let name = entry.name.value.as_str();
        if let Some(known) = self.directory.quorums.get(name) {
            return known.clone();
        }
        self.stack.push((name, entry.name.span));
        let quorum = self.build(entry);
        self.stack.pop();
        // The quorum at which a circle closes was entered as broken meanwhile.
        let known = self
            .directory
            .quorums
            .entry(name.to_owned())
            .or_insert(quorum);
        known.clone()
    }

    fn build(&mut self, entry: &'d QuorumEntry) -> Option<Arc<Quorum>> {
        let listed = self.listed(entry)?;
        let sound = self.check_list(entry, &listed);
        let weights = match &entry.members {
            Some(Members::Weighted(weights)) => Some(weights.value.as_slice()),
            _ => None,
        };
        let formula = match weights {
            Some(weights) => weights::formula(entry, weights, self.problems),
            None => self
                .threshold(entry, listed.len())
                .map(|threshold| Formula::flat(threshold, listed.len())),
        };
        let mut members = Vec::new();
        for name in &listed {
            // Reported already where there is none; the others may have problems of their own.
            members.extend(self.member(name));
        }
        if !sound || members.len() != listed.len() {
            return None;
        }
        let mut parts = 0;
        let mut quorum = self.assemble(entry, &formula?, &members, &mut parts)?;
        quorum.roster = match &entry.roster {
            Some(roster) => Some(roster::resolve(roster, &quorum, self.problems)?),
            None => None,
        };
        Some(Arc::new(quorum))
    }

    /// A quorum by its formula.  Quorums inside the formula have no name in the document, so they
    /// are called by that of the whole and a number, as no name can be that is typed.
    fn assemble(
        &mut self,
        entry: &QuorumEntry,
        formula: &Formula,
        members: &[Member],
        parts: &mut usize,
    ) -> Option<Quorum> {
        let name = match *parts {
            0 => entry.name.value.clone(),
            1 => format!("{} (others)", entry.name.value),
            part => format!("{} (others {part})", entry.name.value),
        };
        *parts += 1;
        let (threshold, inner) = match formula {
            Formula::Threshold(threshold, inner) => (*threshold, inner.as_slice()),
            Formula::Member(_) => (1, std::slice::from_ref(formula)),
        };
        let mut built = Vec::new();
        for part in inner {
            built.push(match part {
                Formula::Member(at) => members.get(*at)?.clone(),
                Formula::Threshold(..) => {
                    let quorum = Arc::new(self.assemble(entry, part, members, parts)?);
                    let entered = Some(Arc::clone(&quorum));
                    self.directory.quorums.insert(quorum.name.clone(), entered);
                    Member::Quorum(quorum)
                }
            });
        }
        let quorum = Quorum {
            name,
            threshold,
            members: built,
            roster: None,
        };
        self.check_size(entry, &quorum).then_some(quorum)
    }

    /// Reports a quorum that is too deep or too large; true if it is neither.
    fn check_size(&mut self, entry: &QuorumEntry, quorum: &Quorum) -> bool {
        let title = format!("quorum {}", quote(&entry.name.value));
        let members = quorum.members();
        let seats = quorum.seats().len();
        let (code, message, label, help) = if 1 + members.iter().map(depth).max().unwrap_or(0)
            > MAX_DEPTH
        {
            // Quorums that the weights come to are called so, as no name can be that is typed.
            let own = format!("{} (others", entry.name.value);
            let is_own = |member: &Member| matches!(member, Member::Quorum(inner) if inner.name.starts_with(&own));
            match members.iter().any(is_own) {
                true => (
                    Code::TooLarge,
                    format!(
                        "the weights of {title} come to quorums inside one another, more than {MAX_DEPTH} deep"
                    ),
                    "too many different weights",
                    "give more members the same weight, or leave some out",
                ),
                false => (
                    Code::TooLarge,
                    format!("the quorums in {title} are nested more than {MAX_DEPTH} deep"),
                    "too deep",
                    "write the same with fewer quorums inside one another",
                ),
            }
        } else if seats > MAX_SEATS {
            (
                Code::TooLarge,
                format!("{title} has {seats} seats, and can have {MAX_SEATS}"),
                "too large",
                "make it, or one of the quorums inside it, smaller",
            )
        } else if self.is_wsh && members.len() > MAX_WSH_MEMBERS {
            let count = members.len();
            (
                Code::TooManyMembers,
                format!("{title} has {count} members, and in `wsh` can have {MAX_WSH_MEMBERS}"),
                "too many for one threshold",
                "use `script = \"tr\"`, or nest smaller quorums",
            )
        } else {
            return true;
        };
        self.problems.push(
            Diagnostic::new(code, message)
                .at(entry.name.span, label)
                .help(help),
        );
        false
    }

    /// The list of members, which may be that of another quorum.
    fn listed(&mut self, entry: &'d QuorumEntry) -> Option<Vec<&'d Spanned<String>>> {
        let mut entry = entry;
        let mut passed = vec![(entry.name.value.as_str(), entry.name.span)];
        loop {
            let name = match entry.members.as_ref()? {
                Members::Listed(listed) => return Some(listed.value.iter().collect()),
                Members::Weighted(weights) => {
                    return Some(weights.value.iter().map(|(name, _)| name).collect());
                }
                Members::SameAs(name) => name,
            };
            let Some(next) = self.entries.get(name.value.as_str()).copied() else {
                // Whoever takes his members from this quorum too need not hear of it again.
                if passed.len() == 1 {
                    self.problems.push(unknown_quorum(
                        name,
                        "`members_of`",
                        self.directory.parties.contains_key(&name.value),
                        self.entries.keys().copied(),
                    ));
                }
                return None;
            };
            let at = passed
                .iter()
                .position(|(passed, _)| *passed == next.name.value);
            if let Some(at) = at {
                // The same circle is met from each of its quorums, and reported from the first.
                let circle = passed.get(at..).unwrap_or_default();
                if at == 0
                    && circle
                        .iter()
                        .all(|(name, _)| *name >= next.name.value.as_str())
                {
                    self.problems.push(cycle(circle));
                }
                return None;
            }
            passed.push((&next.name.value, next.name.span));
            entry = next;
        }
    }

    /// Reports an empty list and members that stand in it twice.
    fn check_list(&mut self, entry: &QuorumEntry, listed: &[&Spanned<String>]) -> bool {
        // A list that belongs to another quorum is that one's to report.
        let own = !matches!(entry.members, Some(Members::SameAs(_)));
        let title = format!("quorum {}", quote(&entry.name.value));
        let mut sound = true;
        if listed.is_empty() {
            sound = false;
            if own {
                self.problems.push(
                    Diagnostic::new(Code::EmptyQuorum, format!("{title} has no members"))
                        .at(entry.name.span, "empty")
                        .help("name its members"),
                );
            }
        }
        let mut first: BTreeMap<&str, Span> = BTreeMap::new();
        for name in listed {
            let Some(earlier) = first.insert(&name.value, name.span) else {
                continue;
            };
            sound = false;
            if own {
                self.problems.push(
                    Diagnostic::new(
                        Code::MemberTwice,
                        format!("{} stands twice in {title}", quote(&name.value)),
                    )
                    .at(name.span, "again here")
                    .beside(earlier, "first here")
                    .help("remove one of the two"),
                );
            }
        }
        sound
    }

    fn member(&mut self, name: &'d Spanned<String>) -> Option<Member> {
        if let Some(party) = self.directory.parties.get(&name.value) {
            return Some(Member::Party(Arc::clone(party)));
        }
        if let Some(at) = self
            .stack
            .iter()
            .position(|(entered, _)| *entered == name.value)
        {
            let circle = self.stack.get(at..).unwrap_or_default();
            self.problems.push(cycle(circle));
            for (entered, _) in circle {
                self.directory.quorums.insert((*entered).to_owned(), None);
            }
            return None;
        }
        if let Some(entry) = self.entries.get(name.value.as_str()).copied() {
            return self.quorum(entry).map(Member::Quorum);
        }
        if self.directory.quorums.contains_key(&name.value) {
            return None;
        }
        let known = self.directory.parties.keys().map(String::as_str);
        let known = known.chain(self.entries.keys().copied());
        // A list that several quorums share is reported once, and not compared again.
        if !self.unknown.insert(name.span) {
            return None;
        }
        let problem = Diagnostic::new(
            Code::UnknownName,
            format!("there is no party or quorum {}", quote(&name.value)),
        )
        .at(name.span, "unknown");
        let similar = (self.unknown.len() <= SUGGESTIONS_MAX)
            .then(|| did_you_mean(&name.value, known))
            .flatten();
        self.problems.push(match similar {
            Some(similar) => problem.help(format!("did you mean {}?", quote(similar))),
            None => problem
                .help("declare it under `[parties]` or `[quorums]`")
                .help_in_script("declare it with `party(…)` or `quorum(…)`"),
        });
        None
    }

    fn threshold(&mut self, entry: &QuorumEntry, members: usize) -> Option<usize> {
        let typed = entry.threshold.as_ref()?;
        let threshold = usize::try_from(typed.value).unwrap_or(usize::MAX);
        if members == 0 {
            return None;
        }
        if (1..=members).contains(&threshold) {
            return Some(threshold);
        }
        let name = quote(&entry.name.value);
        let message = if threshold == 0 {
            format!("the threshold of {name} is 0, so nobody would have to agree")
        } else {
            let count = count(members);
            format!(
                "the threshold of {name} is {}, but it has {count}",
                typed.value
            )
        };
        self.problems.push(
            Diagnostic::new(Code::ThresholdOutOfRange, message)
                .at(typed.span, "out of range")
                .beside(entry.name.span, count(members))
                .help(match members {
                    1 => "the threshold can only be 1".to_owned(),
                    _ => format!("choose a threshold from 1 to {members}"),
                }),
        );
        None
    }
}

fn count(members: usize) -> String {
    match members {
        1 => "1 member".to_owned(),
        n => format!("{n} members"),
    }
}

/// How many quorums stand inside one another, none for a party.
fn depth(member: &Member) -> usize {
    match member {
        Member::Party(_) => 0,
        Member::Quorum(quorum) => 1 + quorum.members.iter().map(depth).max().unwrap_or(0),
    }
}

fn cycle(circle: &[(&str, Span)]) -> Diagnostic {
    let mut names: Vec<String> = circle.iter().map(|(name, _)| quote(name)).collect();
    names.extend(names.first().cloned());
    let mut problem = Diagnostic::new(
        Code::CyclicQuorum,
        format!("quorums contain one another: {}", names.join(" → ")),
    );
    for (at, (_, span)) in circle.iter().enumerate() {
        problem = if at == 0 {
            problem.at(*span, "the circle begins here")
        } else {
            problem.beside(*span, "part of the circle")
        };
    }
    problem.help("break the circle at one of these quorums")
}
