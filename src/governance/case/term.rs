//! The terms of an activation, and how they stand at a date.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::event::EventId;
use super::clock::{ChainPoint, clock_of, point, reading, span};
use super::{Case, Counted, Docket, StandingAlarm};
use crate::policy::{Activation, Member, Period, Policy, Quorum};
use crate::units::ChainTime;

/// One term of an activation, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "term")]
pub enum Term {
    /// One of these is enough.
    Any {
        /// The terms.
        of: Vec<Term>,
    },
    /// It takes all of these.
    All {
        /// The terms.
        of: Vec<Term>,
    },
    /// A quorum says so.
    Manual(ManualTerm),
    /// Too few of a quorum have been heard of.
    Silence(SilenceTerm),
    /// A quorum has raised the alarm.
    Alarm(AlarmTerm),
    /// A quorum has voted for it.
    Vote(VoteTerm),
}

/// That a quorum says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManualTerm {
    /// The quorum.
    pub quorum: String,
    /// Whether enough have.
    pub holds: bool,
    /// Who has.
    pub by: Vec<String>,
    /// Who has not and can, whoever has told two stories left out.
    pub missing: Vec<String>,
    /// How many more seats it takes.
    pub more: usize,
}

/// That too few of a quorum have been heard of for a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SilenceTerm {
    /// The quorum.
    pub quorum: String,
    /// Whether it holds.
    pub holds: bool,
    /// The period as the policy writes it.
    pub period: String,
    /// Fewer than this many parties is silence.
    pub fewer_than: usize,
    /// Who has been heard of within the period.
    pub heard: Vec<Heard>,
    /// Who has not.
    pub silent: Vec<String>,
    /// From when on it holds if nobody of the quorum is heard of any more.
    pub from: ChainPoint,
}

/// Somebody who was heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// The party.
    pub party: String,
    /// The date of its last event.
    pub last: ChainTime,
    /// From when on it is silent, if it says nothing more.
    pub until: ChainPoint,
}

/// That a quorum has raised the alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmTerm {
    /// The quorum.
    pub quorum: String,
    /// Whether enough have.
    pub holds: bool,
    /// Who has.
    pub by: Vec<Raised>,
    /// Who has not and can, whoever has told two stories left out.
    pub missing: Vec<String>,
    /// How many more seats it takes.
    pub more: usize,
}

/// Somebody who raised an alarm that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Raised {
    /// The party.
    pub party: String,
    /// The alarm.
    pub alarm: EventId,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VoteTerm {
    /// The quorum that votes.
    pub quorum: String,
    /// How it stands.
    pub state: VoteState,
    /// When it closes: ballots dated there or later do not count.
    pub closes: ChainPoint,
    /// How many parties can vote.
    pub members: usize,
    /// Least share of them that must take part, in percent.
    pub turnout: u8,
    /// Least share of the ballots that must approve, in percent.
    pub approval: u8,
    /// Who approves.
    pub approve: Vec<String>,
    /// Who does not.
    pub reject: Vec<String>,
    /// Whose ballots count against and not as taking part, since they have told two stories.
    pub forked: Vec<String>,
    /// Who has not voted and can.
    pub missing: Vec<String>,
    /// How many more must take part.
    pub more_voters: usize,
    /// How many more must approve, if the others stay as they are; none if no number is enough.
    pub more_approvals: Option<usize>,
}

/// How a vote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoteState {
    /// Ballots can be cast and changed.
    Open,
    /// It is closed and has passed.
    Passed,
    /// It is closed and has not passed.
    Failed,
}

impl Term {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::Any { of } => of.iter().any(Self::holds),
            Self::All { of } => of.iter().all(Self::holds),
            Self::Manual(term) => term.holds,
            Self::Silence(term) => term.holds,
            Self::Alarm(term) => term.holds,
            Self::Vote(term) => term.state == VoteState::Passed,
        }
    }

    /// From when on it holds if nobody says anything more: none if it then never does, or already
    /// does.
    #[must_use]
    pub fn by_waiting(&self) -> Option<ChainPoint> {
        if self.holds() {
            return None;
        }
        match self {
            Self::Any { of } => of.iter().filter_map(Self::by_waiting).min(),
            Self::All { of } => {
                let open = of.iter().filter(|term| !term.holds());
                let points: Option<Vec<ChainPoint>> = open.map(Self::by_waiting).collect();
                points?.into_iter().max()
            }
            Self::Manual(_) | Self::Alarm(_) => None,
            Self::Silence(term) => Some(term.from),
            Self::Vote(term) => {
                let passes = term.more_voters == 0 && term.more_approvals == Some(0);
                (term.state == VoteState::Open && passes).then_some(term.closes)
            }
        }
    }
}

impl Docket {
    /// How a term stands at a date, over everything told so far; perhaps with an activation by one
    /// more party.
    pub(super) fn term(
        &self,
        case: &Case,
        terms: &Activation,
        at: ChainTime,
        also: Option<&str>,
    ) -> Term {
        let each = |terms: &[Activation]| {
            let terms = terms.iter();
            terms.map(|term| self.term(case, term, at, also)).collect()
        };
        match terms {
            Activation::Any(terms) => Term::Any { of: each(terms) },
            Activation::All(terms) => Term::All { of: each(terms) },
            Activation::Manual(quorum) => {
                let by = |party: &str| {
                    let activation = case.activations.get(party);
                    also == Some(party)
                        || activation.is_some_and(|said| said.stands(self.clock, at))
                };
                let (by, missing, more) = self.split(quorum, &by);
                Term::Manual(ManualTerm {
                    quorum: quorum.name().to_owned(),
                    holds: more == 0,
                    by,
                    missing,
                    more,
                })
            }
            Activation::Silence {
                quorum,
                period,
                fewer_than,
            } => Term::Silence(self.silence(quorum, period, *fewer_than, at, also)),
            Activation::Alarm(quorum) => Term::Alarm(self.alarm(case, quorum, at)),
            Activation::Vote {
                quorum,
                turnout,
                approve,
                open,
            } => Term::Vote(self.vote_on(case, quorum, (*turnout, *approve), open, at)),
        }
    }

    /// Who of a quorum has done something, who has not and can, and how many more seats it takes.
    fn split(
        &self,
        quorum: &Quorum,
        done: &dyn Fn(&str) -> bool,
    ) -> (Vec<String>, Vec<String>, usize) {
        let (by, missing): (Vec<&str>, Vec<&str>) =
            quorum.roll().into_iter().partition(|party| done(party));
        let missing = missing
            .into_iter()
            .filter(|party| !self.has_forked(party))
            .map(str::to_owned)
            .collect();
        let by = by.into_iter().map(str::to_owned).collect();
        (by, missing, seats_missing(quorum, done))
    }

    /// How the silence terms of all paths that go by its clock stand now, each with its path,
    /// whether or not there is a case.
    #[must_use]
    pub fn silences(&self, policy: &Policy) -> Vec<(String, SilenceTerm)> {
        let paths = policy.paths().iter();
        let paths = paths.filter(|path| clock_of(path) == self.clock);
        let terms = paths.filter_map(|path| Some((path, path.staged()?.activation()?)));
        let mut found = Vec::new();
        for (path, terms) in terms {
            let mut open = vec![terms];
            while let Some(term) = open.pop() {
                match term {
                    Activation::Any(of) | Activation::All(of) => open.extend(of),
                    Activation::Silence {
                        quorum,
                        period,
                        fewer_than,
                    } => {
                        let term = self.silence(quorum, period, *fewer_than, self.now, None);
                        found.push((path.name().to_owned(), term));
                    }
                    Activation::Manual(_) | Activation::Alarm(_) | Activation::Vote { .. } => {}
                }
            }
        }
        found
    }

    fn silence(
        &self,
        quorum: &Quorum,
        period: &Period,
        fewer_than: usize,
        at: ChainTime,
        also: Option<&str>,
    ) -> SilenceTerm {
        let now = reading(self.clock, at);
        let period_span = span(period.lock());
        let mut heard = Vec::new();
        let mut silent = Vec::new();
        let mut ends = Vec::new();
        for party in quorum.roll() {
            let last = match also {
                Some(other) if other == party => Some(at),
                _ => self.parties.get(party).map(|presence| presence.last),
            };
            let end = last.map(|last| reading(self.clock, last) + period_span);
            match last.zip(end) {
                Some((last, end)) if now < end => {
                    ends.push(end);
                    heard.push(Heard {
                        party: party.to_owned(),
                        last,
                        until: point(self.clock, end),
                    });
                }
                _ => silent.push(party.to_owned()),
            }
        }
        // So many of them must fall silent, and those who were heard of first do so first.
        ends.sort_unstable();
        let too_many = (ends.len() + 1).saturating_sub(fewer_than);
        let all = ends.into_iter().take(too_many).max();
        let began = self.began.unwrap_or(at);
        let whole = reading(self.clock, began) + period_span;
        let from = all.unwrap_or_default().max(whole);
        SilenceTerm {
            quorum: quorum.name().to_owned(),
            holds: now >= from,
            period: period.to_string(),
            fewer_than,
            heard,
            silent,
            from: point(self.clock, from),
        }
    }

    fn alarm(&self, case: &Case, quorum: &Quorum, at: ChainTime) -> AlarmTerm {
        let standing: Vec<_> = self.standing_alarms(&case.path, at).collect();
        let of = |party: &str| {
            let mut alarms = standing.iter();
            alarms.find(|(_, alarm)| alarm.party == party)
        };
        let (by, missing, more) = self.split(quorum, &|party| of(party).is_some());
        AlarmTerm {
            quorum: quorum.name().to_owned(),
            holds: more == 0,
            by: by
                .into_iter()
                .filter_map(|party| {
                    let alarm = of(&party)?.0;
                    Some(Raised { party, alarm })
                })
                .collect(),
            missing,
            more,
        }
    }

    /// The alarms for a path that count at a date.
    pub(super) fn standing_alarms(
        &self,
        path: &str,
        at: ChainTime,
    ) -> impl Iterator<Item = (EventId, &StandingAlarm)> {
        let alarms = self.alarms.iter().map(|(id, alarm)| (*id, alarm));
        alarms.filter(move |(id, alarm)| {
            let counted = Counted {
                event: *id,
                at: alarm.at,
                expires: alarm.expires,
            };
            alarm.path.as_ref().is_none_or(|named| named == path) && counted.stands(self.clock, at)
        })
    }

    fn vote_on(
        &self,
        case: &Case,
        quorum: &Quorum,
        (turnout, approval): (u8, u8),
        open: &Period,
        at: ChainTime,
    ) -> VoteTerm {
        let close = reading(self.clock, case.opened) + span(open.lock());
        let (mut approve, mut reject, mut forked) = (Vec::new(), Vec::new(), Vec::new());
        let mut missing = Vec::new();
        let roll = quorum.roll();
        let members = roll.len();
        for party in roll {
            let in_time = || {
                let ballots = case.ballots.get(party).into_iter().flatten();
                ballots.filter(|ballot| reading(self.clock, ballot.counted.at) < close)
            };
            // A vote is counted at its close, however late somebody looks.
            let counts = |ballot: &&super::Cast| ballot.counted.stands_at(self.clock, close);
            let to = if in_time().any(|ballot| ballot.after_fork) {
                &mut forked
            } else {
                match in_time().next_back().filter(counts) {
                    Some(ballot) if ballot.approve => &mut approve,
                    Some(_) => &mut reject,
                    None if self.has_forked(party) => continue,
                    None => &mut missing,
                }
            };
            to.push(party.to_owned());
        }
        let voters = approve.len() + reject.len();
        let ballots = voters + forked.len();
        let more_voters = (usize::from(turnout) * members)
            .div_ceil(100)
            .saturating_sub(voters);
        let more_approvals = more_approvals(approve.len(), ballots, usize::from(approval));
        let state = if reading(self.clock, at) < close {
            VoteState::Open
        } else if more_voters == 0 && more_approvals == Some(0) {
            VoteState::Passed
        } else {
            VoteState::Failed
        };
        VoteTerm {
            quorum: quorum.name().to_owned(),
            state,
            closes: point(self.clock, close),
            members,
            turnout,
            approval,
            approve,
            reject,
            forked,
            missing,
            more_voters,
            more_approvals,
        }
    }
}

/// The fewest approvals that must be added to so many among so many ballots for a share of
/// `percent`.
fn more_approvals(approvals: usize, ballots: usize, percent: usize) -> Option<usize> {
    let short = (percent * ballots).saturating_sub(100 * approvals);
    match (short, 100usize.saturating_sub(percent)) {
        (0, _) => Some(0),
        (_, 0) => None,
        (short, each) => Some(short.div_ceil(each)),
    }
}

/// The fewest seats that must be added to those who have done something.
pub(super) fn seats_missing(quorum: &Quorum, done: &dyn Fn(&str) -> bool) -> usize {
    let mut costs: Vec<usize> = quorum
        .members()
        .iter()
        .map(|member| match member {
            Member::Party(party) => usize::from(!done(party.name())),
            Member::Quorum(inner) => seats_missing(inner, done),
        })
        .collect();
    costs.sort_unstable();
    costs.into_iter().take(quorum.threshold()).sum()
}

/// All single terms of an activation, in the order of the policy.
pub(super) fn leaves(terms: Option<&Activation>) -> Vec<&Activation> {
    match terms {
        None => Vec::new(),
        Some(Activation::Any(of) | Activation::All(of)) => {
            of.iter().flat_map(|term| leaves(Some(term))).collect()
        }
        Some(leaf) => vec![leaf],
    }
}

/// The votes among the terms of an activation, with how long each is open.
pub(super) fn votes(terms: Option<&Activation>) -> impl Iterator<Item = (&Quorum, u64)> {
    leaves(terms).into_iter().filter_map(|leaf| match leaf {
        Activation::Vote { quorum, open, .. } => Some((&**quorum, span(open.lock()))),
        _ => None,
    })
}

/// The quorums whose word is one of the terms.
pub(super) fn manual(terms: Option<&Activation>) -> impl Iterator<Item = &Quorum> {
    leaves(terms).into_iter().filter_map(|leaf| match leaf {
        Activation::Manual(quorum) => Some(&**quorum),
        _ => None,
    })
}

/// The names of those in either of two sets.
pub(super) fn union(one: Vec<String>, other: Vec<String>) -> Vec<String> {
    let all: BTreeSet<String> = one.into_iter().chain(other).collect();
    all.into_iter().collect()
}
