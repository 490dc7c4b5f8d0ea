//! What a case comes to, told again from all events at once: slowly, and without a docket.

use longstop::governance::{Body, CaseOutcome, EventId, Word};
use longstop::policy::{Activation, Policy, Quorum};
use longstop::units::{ChainTime, RelativeLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Proposed,
    Activated,
    Frozen,
    Vetoed,
    Closed,
}

struct View<'a> {
    by_time: bool,
    words: Vec<&'a Word>,
    case: &'a Word,
}

/// How a case stands and what activated it.
pub fn came_to(
    words: &[Word],
    case: EventId,
    now: ChainTime,
    policy: &Policy,
) -> Option<(Came, Option<EventId>)> {
    let there = words.iter().filter(|word| {
        word.event.at.height <= now.height && word.event.at.median_time_past <= now.median_time_past
    });
    let mut there: Vec<&Word> = there.collect();
    let proposal = *there.iter().find(|word| word.id == case)?;
    let Body::Proposal(body) = &proposal.event.body else {
        return None;
    };
    let path = policy.path(&body.path)?;
    let staged = path.staged()?;
    let by_time = matches!(staged.window().lock(), RelativeLock::Units512(_));
    there.sort_by_key(|word| (clock(by_time, word.event.at), word.order));
    let place = there.iter().position(|word| word.id == case)?;
    let known = |author: &str| {
        let mut before = there[..place].iter();
        before.any(|word| word.event.author == author && word.after_fork)
    };
    let mut came = if proposal.after_fork {
        Came::Frozen
    } else {
        Came::Proposed
    };
    let mut by = None;
    for (at, word) in there.iter().enumerate().skip(place + 1) {
        if word.event.body.case() != Some(case) {
            continue;
        }
        let view = View {
            by_time,
            words: there[..=at].to_vec(),
            case: proposal,
        };
        let author = word.event.author.as_str();
        let mut leaves = Vec::new();
        flatten(staged.activation(), &mut leaves);
        let in_any = |pick: fn(&Activation) -> Option<&Quorum>| {
            let mut quorums = leaves.iter().filter_map(|leaf| pick(leaf));
            quorums.any(|quorum| quorum.party_names().contains(author))
        };
        let acts = path.quorum().party_names().contains(author);
        let asked = match &word.event.body {
            Body::Ballot(_) => in_any(|leaf| match leaf {
                Activation::Vote { quorum, .. } => Some(&**quorum),
                _ => None,
            }),
            Body::Activation(_) => {
                acts || in_any(|leaf| match leaf {
                    Activation::Manual(quorum) => Some(&**quorum),
                    _ => None,
                })
            }
            Body::Veto(_) => staged.veto().party_names().contains(author),
            Body::Decision(_) => acts || policy.root().quorum().party_names().contains(author),
            _ => acts,
        };
        if !asked {
            continue;
        }
        if word.after_fork && came == Came::Proposed && !known(author) {
            came = Came::Frozen;
        }
        match &word.event.body {
            Body::Activation(_) if came == Came::Proposed && acts && !word.after_fork => {
                let holds = staged
                    .activation()
                    .is_none_or(|terms| view.holds(terms, word.event.at));
                if holds {
                    came = Came::Activated;
                    by = Some(word.id);
                }
            }
            Body::Veto(_) if view.vetoed(staged.veto()) => came = Came::Vetoed,
            Body::Decision(decision)
                if !word.after_fork && !matches!(came, Came::Vetoed | Came::Closed) =>
            {
                let quorums = [path.quorum(), policy.root().quorum()];
                if quorums
                    .iter()
                    .any(|quorum| view.ended(quorum, decision.outcome))
                {
                    came = Came::Closed;
                }
            }
            _ => {}
        }
    }
    Some((came, by))
}

fn clock(by_time: bool, at: ChainTime) -> i64 {
    if by_time {
        at.median_time_past.0.into()
    } else {
        at.height.0.into()
    }
}

fn flatten<'a>(terms: Option<&'a Activation>, into: &mut Vec<&'a Activation>) {
    match terms {
        None => {}
        Some(Activation::Any(of) | Activation::All(of)) => {
            of.iter().for_each(|term| flatten(Some(term), into));
        }
        Some(leaf) => into.push(leaf),
    }
}

impl View<'_> {
    fn length(&self, lock: RelativeLock) -> i64 {
        match lock {
            RelativeLock::Blocks(blocks) => blocks.get().into(),
            RelativeLock::Units512(units) => i64::from(units.get()) * 512,
        }
    }

    fn by<'a>(&'a self, author: &'a str) -> impl DoubleEndedIterator<Item = &'a Word> {
        let words = self.words.iter().copied();
        words.filter(move |word| word.event.author == author)
    }

    /// Those of an author about the case.
    fn about<'a>(&'a self, author: &'a str) -> impl DoubleEndedIterator<Item = &'a Word> {
        self.by(author)
            .filter(|word| word.event.body.case() == Some(self.case.id))
    }

    fn counts(&self, word: &Word, at: ChainTime) -> bool {
        let Some(end) = word.event.expires else {
            return true;
        };
        let blocks = (end.0 - word.event.at.median_time_past.0) / 600;
        at.median_time_past < end && (self.by_time || at.height.0 < word.event.at.height.0 + blocks)
    }

    fn holds(&self, terms: &Activation, at: ChainTime) -> bool {
        let now = clock(self.by_time, at);
        match terms {
            Activation::Any(of) => of.iter().any(|term| self.holds(term, at)),
            Activation::All(of) => of.iter().all(|term| self.holds(term, at)),
            Activation::Manual(quorum) => quorum.is_met_by(&|party| {
                let mut said = self.about(party.name()).filter(|word| {
                    !word.after_fork && matches!(word.event.body, Body::Activation(_))
                });
                said.next_back().is_some_and(|word| self.counts(word, at))
            }),
            Activation::Silence {
                quorum,
                period,
                fewer_than,
            } => {
                let period = self.length(period.lock());
                let names = quorum.party_names();
                let heard = names.into_iter().filter(|party| {
                    self.by(party)
                        .any(|word| now - clock(self.by_time, word.event.at) < period)
                });
                let first = clock(self.by_time, self.words[0].event.at);
                heard.count() < *fewer_than && now - first >= period
            }
            Activation::Alarm(quorum) => quorum.is_met_by(&|party| {
                let path = match &self.case.event.body {
                    Body::Proposal(proposal) => &proposal.path,
                    _ => return false,
                };
                self.by(party.name()).any(|word| {
                    let Body::Alarm(alarm) = &word.event.body else {
                        return false;
                    };
                    let withdrawn = self.by(party.name()).any(|other| {
                        matches!(&other.event.body, Body::Withdrawal(body) if body.alarm == word.id)
                    });
                    !word.after_fork
                        && !withdrawn
                        && alarm.path.as_ref().is_none_or(|named| named == path)
                        && self.counts(word, at)
                })
            }),
            Activation::Vote {
                quorum,
                turnout,
                approve,
                open,
            } => {
                let close = clock(self.by_time, self.case.event.at) + self.length(open.lock());
                let names = quorum.party_names();
                let (mut yes, mut no, mut lies) = (0, 0, 0);
                for party in &names {
                    let ballots: Vec<(&Word, bool)> = self
                        .about(party)
                        .filter(|word| clock(self.by_time, word.event.at) < close)
                        .filter_map(|word| match &word.event.body {
                            Body::Ballot(ballot) => Some((word, ballot.approve)),
                            _ => None,
                        })
                        .collect();
                    if ballots.iter().any(|(word, _)| word.after_fork) {
                        lies += 1;
                        continue;
                    }
                    let Some((last, for_it)) = ballots.last() else {
                        continue;
                    };
                    let end = last.event.expires.map(|end| {
                        if self.by_time {
                            i64::from(end.0)
                        } else {
                            let seconds = end.0 - last.event.at.median_time_past.0;
                            i64::from(last.event.at.height.0 + seconds / 600)
                        }
                    });
                    if end.is_some_and(|end| close >= end) {
                        continue;
                    }
                    *(if *for_it { &mut yes } else { &mut no }) += 1;
                }
                now >= close
                    && (yes + no) * 100 >= usize::from(*turnout) * names.len()
                    && yes * 100 >= usize::from(*approve) * (yes + no + lies)
            }
        }
    }

    fn vetoed(&self, quorum: &Quorum) -> bool {
        let at = self.words.last().map(|word| word.event.at);
        quorum.is_met_by(&|party| {
            let mut vetoes = self
                .about(party.name())
                .filter(|word| matches!(word.event.body, Body::Veto(_)));
            let last = vetoes.next_back().zip(at);
            last.is_some_and(|(word, at)| self.counts(word, at))
        })
    }

    fn ended(&self, quorum: &Quorum, outcome: CaseOutcome) -> bool {
        let at = self.words.last().map(|word| word.event.at);
        quorum.is_met_by(&|party| {
            let mut endings = self
                .about(party.name())
                .filter_map(|word| match &word.event.body {
                    Body::Decision(decision) if !word.after_fork => Some((word, decision.outcome)),
                    _ => None,
                });
            let last = endings.next_back().zip(at);
            last.is_some_and(|((word, said), at)| said == outcome && self.counts(word, at))
        })
    }
}
