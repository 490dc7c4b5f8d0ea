//! Cases: whether a path is to be activated, told from what people have signed.
//!
//! A case begins with a proposal and has its name.  [`apply`] is the one function that takes it
//! further: the engine, a replay of the ledger and a rehearsal all call it, so whoever has the same
//! events is told the same.  It reads no clock and no chain.  Time is what the events say, in
//! the [order](super::TellingOrder) in which they are told, and no word counts before the chain
//! has come to where its author says he saw it.
//!
//! Everything about a path is judged by the path's own clock.  A date is a height and a median
//! time, and both are the author's word; were events told by the one and judged by the other,
//! somebody could pair an old median time, which places his word before what others have said,
//! with a height of today.  So there is a [`Docket`] for each clock, told in its order, and
//! [`Cases`] keeps them.
//!
//! Whoever has told two stories is believed only where it holds back: his signs of life, his
//! vetoes and his ballots against still count, and nothing of his lets coins move.
//!
//! None of this is seen by the chain.  It holds honest software, and the path's quorum can trigger
//! without it.

mod action;
mod cases;
mod clock;
mod fold;
mod rule;
mod status;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::event::{CaseOutcome, Digest, Event, EventId};
use super::history::{Entry, TellingOrder};
use crate::policy::{Clock, Network, Payee, Policy};
use crate::units::{ChainTime, UnixTime};

pub use self::action::Action;
pub use self::cases::{Cases, replay};
pub use self::clock::ChainPoint;
pub use self::rule::{NotReexecuted, ask_rule, facts_of, reexecute};
pub use self::status::{Statement, Status, VetoStatus};
pub use self::term::{
    AlarmTerm, Heard, ManualTerm, Raised, SilenceTerm, Term, VoteState, VoteTerm,
};

/// An event as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its id.
    pub id: EventId,
    /// What it says.
    pub event: Arc<Event>,
    /// Where it comes among the others.
    pub order: TellingOrder,
    /// Whether its author had told two stories by then.
    pub after_fork: bool,
}

impl From<Entry<'_>> for Word {
    fn from(entry: Entry<'_>) -> Self {
        Self {
            id: entry.signed.id(),
            event: Arc::new(entry.signed.event().clone()),
            order: entry.order,
            after_fork: entry.after_fork,
        }
    }
}

/// What a docket is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An event that was admitted, in its turn.
    Word(Word),
    /// Where the chain is.
    Chain(ChainTime),
}

/// What is known of all cases whose paths go by one clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Docket {
    clock: Clock,
    now: ChainTime,
    /// The key of the last word that was told.
    #[serde(skip)]
    told: Option<(u64, TellingOrder)>,
    began: Option<ChainTime>,
    parties: BTreeMap<String, Presence>,
    alarms: BTreeMap<EventId, StandingAlarm>,
    cases: BTreeMap<EventId, Case>,
}

/// What is known of a party, whatever it was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The date of its last event: every event is a sign of life.
    pub last: ChainTime,
    /// Whether it has told two stories.
    pub forked: bool,
}

/// An alarm that its author has not withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingAlarm {
    /// Who raised it.
    pub party: String,
    /// When.
    pub at: ChainTime,
    /// From which median time on it counts no more, if there is one.
    pub expires: Option<UnixTime>,
    /// The path it is for, none if for all.
    pub path: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// One emergency, or one payment through a path: what has been said about it, and what it came
/// to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Its name: the id of its proposal.
    pub id: EventId,
    /// The path that is to be activated.
    pub path: String,
    /// What for.
    pub why: String,
    /// Who proposed it.
    pub proposer: String,
    /// When.
    pub opened: ChainTime,
    /// The id of the policy.
    pub policy_id: Digest,
    /// The network.
    pub network: Network,
    /// How far it is.
    pub phase: Phase,
    /// What activated it, if anything has, whatever came after.
    pub activated: Option<ActivatedBy>,
    /// Who had told two stories before it was proposed.  What these say about it counts as it does
    /// for everybody who has, and freezes it no more: otherwise one insider could freeze every
    /// case for ever.
    pub known_forkers: BTreeSet<String>,
    /// The last activation of each author that counts.
    pub activations: BTreeMap<String, Counted>,
    /// The ballots of each author, in his order.
    pub ballots: BTreeMap<String, Vec<Cast>>,
    /// The last veto of each who can veto.
    pub vetoes: BTreeMap<String, Objection>,
    /// The last word of each on how it ended.
    pub decisions: BTreeMap<String, Ending>,
    /// The payments it is for.
    pub intents: Vec<Intent>,
    /// What was said and does not count.
    pub disregarded: Vec<Disregarded>,
}

/// How far a case is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// It waits for the terms of its path.
    Proposed,
    /// Honest software of the path's quorum signs the trigger.
    Activated,
    /// Somebody told two stories about it before it was activated.  It never will be; another can
    /// be proposed, in which his word is known to be worth nothing.
    Frozen {
        /// Who.
        party: String,
        /// His event that touches it.
        event: EventId,
    },
    /// The veto quorum objects: honest software cancels, and signs no trigger.
    Vetoed {
        /// When enough had objected.
        at: ChainTime,
    },
    /// It is over, by the word of the path's quorum or of root.
    Closed {
        /// When enough had said so.
        at: ChainTime,
        /// How it ended.
        outcome: CaseOutcome,
    },
}

/// The event that activated a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActivatedBy {
    /// The event.
    pub event: EventId,
    /// Its author, of the path's quorum.
    pub party: String,
    /// Its date, at which the terms held.
    pub at: ChainTime,
}

/// A word that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The event.
    pub event: EventId,
    /// Its date.
    pub at: ChainTime,
    /// From which median time on it counts no more, if there is one.
    pub expires: Option<UnixTime>,
}

impl Counted {
    fn of(word: &Word) -> Self {
        Self {
            event: word.id,
            at: word.event.at,
            expires: word.event.expires,
        }
    }

    /// Whether it still counts at a reading.
    fn stands_at(&self, clock: Clock, reading: u64) -> bool {
        self.expires
            .is_none_or(|expires| reading < clock::end(clock, self.at, expires))
    }

    /// Whether it still counts at a date, by either clock.
    fn stands(&self, clock: Clock, at: ChainTime) -> bool {
        self.stands_at(clock, clock::reading(clock, at))
            && self
                .expires
                .is_none_or(|expires| at.median_time_past < expires)
    }
}

/// A ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cast {
    /// What is counted.
    #[serde(flatten)]
    pub counted: Counted,
    /// Whether it is for the activation.
    pub approve: bool,
    /// Whether its author had told two stories.  It counts as one against, whatever it says, and
    /// not as taking part.
    pub after_fork: bool,
}

/// A veto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// What is counted.
    #[serde(flatten)]
    pub counted: Counted,
    /// Why.
    pub why: String,
}

/// A word on how a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// What is counted.
    #[serde(flatten)]
    pub counted: Counted,
    /// How.
    pub outcome: CaseOutcome,
}

/// A payment that a case is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intent {
    /// The event that says so.
    pub event: EventId,
    /// Its author.
    pub party: String,
    /// Who is to be paid.
    pub payees: Vec<Payee>,
    /// What for.
    pub purpose: String,
}

/// An event about a case that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disregarded {
    /// The event.
    pub event: EventId,
    /// Its author.
    pub party: String,
    /// Why.
    pub because: Disregard,
}

/// Why an event about a case does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disregard {
    /// Its author is in no quorum that is asked for it.
    NotAsked,
    /// Its author has told two stories.
    Forked,
    /// It is a ballot dated at the close of every vote, or later.
    TooLate,
    /// The verdict of its author's rule does not carry it; the reason says why.
    Verdict(String),
}

/// Takes all cases one input further, and says what honest software does now that it did not
/// before.
///
/// It is total: whatever comes in, a docket comes out.  Words are to be given in the order of the
/// docket's [`key`](Docket::key), each once; one that is dated ahead of the chain changes nothing,
/// and is to be given again when the chain has come to it ([`Action::HoldBack`]).
#[must_use]
pub fn apply(docket: Docket, input: &Input, policy: &Policy) -> (Docket, Vec<Action>) {
    let before = docket.due(policy);
    let docket = docket.step(input, policy);
    let mut actions = action::news(&before, &docket.due(policy));
    if let Input::Word(word) = input
        && docket.is_ahead(word)
    {
        actions.push(Action::HoldBack { event: word.id });
    }
    (docket, actions)
}

impl Docket {
    /// A docket without cases, by a clock.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        const NEVER: ChainTime = ChainTime {
            height: crate::units::BlockHeight::GENESIS,
            median_time_past: UnixTime(0),
        };
        Self {
            clock,
            now: NEVER,
            told: None,
            began: None,
            parties: BTreeMap::new(),
            alarms: BTreeMap::new(),
            cases: BTreeMap::new(),
        }
    }

    /// The clock of its paths.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The furthest the chain has been, by each clock.  A reorg does not turn it back.
    #[must_use]
    pub const fn now(&self) -> ChainTime {
        self.now
    }

    /// The date of the first event.
    #[must_use]
    pub const fn began(&self) -> Option<ChainTime> {
        self.began
    }

    /// Everybody who has said anything.
    #[must_use]
    pub const fn parties(&self) -> &BTreeMap<String, Presence> {
        &self.parties
    }

    /// The alarms that nobody has withdrawn, expired ones among them.
    #[must_use]
    pub const fn alarms(&self) -> &BTreeMap<EventId, StandingAlarm> {
        &self.alarms
    }

    /// All cases, by their names.
    #[must_use]
    pub const fn cases(&self) -> &BTreeMap<EventId, Case> {
        &self.cases
    }

    /// The order in which it is to be told: by its own clock first.
    #[must_use]
    pub fn key(&self, word: &Word) -> (u64, TellingOrder) {
        (clock::reading(self.clock, word.event.at), word.order)
    }

    /// Whether a word is dated where the chain has not come to yet.
    #[must_use]
    pub fn is_ahead(&self, word: &Word) -> bool {
        let at = word.event.at;
        at.height > self.now.height || at.median_time_past > self.now.median_time_past
    }

    /// The key of the last word that was told.
    const fn told(&self) -> Option<(u64, TellingOrder)> {
        self.told
    }

    fn has_forked(&self, party: &str) -> bool {
        self.parties
            .get(party)
            .is_some_and(|presence| presence.forked)
    }
}
