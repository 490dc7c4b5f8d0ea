//! Which events belong together, in what order, and who has told two stories.
//!
//! Every event names its author's event before and what else he had seen, so events form a web in
//! which *earlier* means *known to its author*.  A [`History`] takes an event only when it has all
//! that the event names, and only from the key that speaks for its author as far as the event
//! knew.  It comes to the same whatever order events arrive in.
//!
//! Two children of one event of the same author are a [`Fork`]: nobody who keeps his own events in
//! order writes one.  Both are kept, and from there on what its author says counts only where it
//! holds back.  Two authors who write at the same time are no fork.

mod admit;
mod memory;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{Body, Digest, Event, EventId, Identity, Kind, MAX_SEEN};
use crate::policy::Policy;
use crate::units::{ChainTime, UnixTime};

pub use self::admit::{AdmitError, Refusal};
pub use self::memory::{Entry, MemoryHistory};
use self::rotation::RotationRow;

/// The policy that events are about.
#[derive(Clone, Debug)]
pub struct Charter {
    policy: Arc<Policy>,
    id: Digest,
}

impl Charter {
    /// A policy with its id.
    #[must_use]
    pub const fn new(policy: Arc<Policy>, id: Digest) -> Self {
        Self { policy, id }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }
}

/// Looks up what is known of events that were admitted before.
pub trait Known {
    /// Why looking up can fail.
    type Error;

    /// What is known of an event, if it was admitted.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn place(&self, id: EventId) -> Result<Option<Place>, Self::Error>;
}

/// Where an event stands among those that one history has.
///
/// Lines are numbered in the order in which this history met them, so two histories with the same
/// events have different places for them; whatever is told from them is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which of its author's lines it is on.  An author without forks has one.
    pub(super) line: usize,
    /// The how manieth it is there, the first being 1.
    pub(super) nth: u32,
    /// The length of the longest chain of events that ends with it.
    pub(super) depth: u32,
    /// When it was written, by its author's word.
    pub(super) at: ChainTime,
    /// What kind it is.
    pub(super) kind: Kind,
    /// The author's own event before.
    pub(super) previous: Option<EventId>,
    /// For each line, how many of its events are in its past, itself among them.
    pub(super) past: Vec<u32>,
}

impl Place {
    /// Whether the event is in the past of another, or is that one.
    #[must_use]
    pub fn is_known_to(&self, later: &Self) -> bool {
        later
            .past
            .get(self.line)
            .is_some_and(|seen| *seen >= self.nth)
    }

    /// Where its author saw the chain.
    #[must_use]
    pub const fn at(&self) -> ChainTime {
        self.at
    }

    /// What sorts events into the one order in which they are told: each after all it knew.
    #[must_use]
    pub const fn order(&self, id: EventId) -> TellingOrder {
        TellingOrder {
            median_time_past: self.at.median_time_past,
            height: self.at.height.0,
            depth: self.depth,
            id,
        }
    }
}

/// The order in which events are told: by chain time, then by how much came before, then by id.
///
/// An event is never dated before one that it knew, and has more before it, so each comes after
/// all it knew.  Nothing in it depends on how events arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TellingOrder {
    median_time_past: UnixTime,
    height: u32,
    depth: u32,
    id: EventId,
}

/// Events of one author, each the child of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    author: String,
    /// The line it left and after how many events there, if it left one.
    left: Option<(usize, u32)>,
    /// How many events it has.
    length: u32,
    /// The last of them.
    last: EventId,
}

/// Several events of one author that each claim to be the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// The author.
    pub author: String,
    /// The event they follow, none if each claims to be his first.
    pub after: Option<EventId>,
    /// The events.
    pub children: BTreeSet<EventId>,
}

/// What a history has to remember to take the next event, beside the [places](Place) of those it
/// has: little, however many these are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    lines: Vec<Line>,
    heads: BTreeSet<EventId>,
    forks: Vec<ForkRow>,
    rotations: Vec<RotationRow>,
    count: u64,
    latest: ChainTime,
}

/// A fork, with the place it starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ForkRow {
    author: String,
    after: Option<EventId>,
    /// The line that both were to continue, and the number of the event they follow there.  Where
    /// they follow none, no line.
    from: Option<(usize, u32)>,
    children: BTreeSet<EventId>,
}

impl History {
    /// A history without events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events were admitted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The events that no other knows.
    #[must_use]
    pub const fn heads(&self) -> &BTreeSet<EventId> {
        &self.heads
    }

    /// The latest time that any event bears, by both clocks.
    #[must_use]
    pub const fn latest(&self) -> ChainTime {
        self.latest
    }

    /// The last event of an author, none if he has none.  Of one who has forked, the last of the
    /// line that was met first.
    #[must_use]
    pub fn last_of(&self, author: &str) -> Option<EventId> {
        let line = self.lines.iter().find(|line| line.author == author);
        line.map(|line| line.last)
    }

    /// The key that speaks for a party, as far as all that is here says: none if there is none.
    #[must_use]
    pub fn identity(&self, charter: &Charter, party: &str) -> Option<Identity> {
        let everything = vec![u32::MAX; self.lines.len()];
        rotation::identity_of(charter, &self.rotations, &everything, party)
    }

    /// Everybody who has forked, and where, in one order.
    #[must_use]
    pub fn forks(&self) -> Vec<Fork> {
        let forks: BTreeMap<_, _> = self
            .forks
            .iter()
            .map(|fork| ((&fork.author, fork.after), &fork.children))
            .collect();
        let forks = forks.into_iter();
        forks
            .map(|((author, after), children)| Fork {
                author: author.clone(),
                after,
                children: children.clone(),
            })
            .collect()
    }

    /// Whether the author of an event had told two stories by then: it is one of the children of
    /// a fork of his, or comes after one.
    #[must_use]
    pub fn is_after_fork(&self, place: &Place) -> bool {
        let Some(author) = self.lines.get(place.line).map(|line| &line.author) else {
            return false;
        };
        let mut forks = self.forks.iter().filter(|fork| fork.author == *author);
        forks.any(|fork| match fork.from {
            None => true,
            Some((line, nth)) if line == place.line => place.nth > nth,
            Some((line, nth)) => self.own_past(place, line) >= nth,
        })
    }

    /// How many events of a line are this one or before it in its author's own chain.
    fn own_past(&self, place: &Place, line: usize) -> u32 {
        let (mut on, mut nth) = (place.line, place.nth);
        while on != line {
            match self.lines.get(on).and_then(|line| line.left) {
                Some((left, at)) => (on, nth) = (left, at),
                None => return 0,
            }
        }
        nth
    }

    /// The events dated no later than this that no other such event knows.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn heads_at<K: Known>(
        &self,
        known: &K,
        at: ChainTime,
    ) -> Result<BTreeSet<EventId>, K::Error> {
        let fits = |time: ChainTime| {
            time.height <= at.height && time.median_time_past <= at.median_time_past
        };
        if fits(self.latest) {
            return Ok(self.heads.clone());
        }
        // Nothing is dated before what it knows, so the last of each line that fits are all there
        // are to choose from.
        let mut last: Vec<(EventId, Place)> = Vec::new();
        for (number, line) in self.lines.iter().enumerate() {
            let mut next = Some(line.last);
            while let Some(id) = next {
                let place = known.place(id)?.filter(|place| place.line == number);
                let Some(place) = place else {
                    break;
                };
                if fits(place.at) {
                    last.push((id, place));
                    break;
                }
                next = place.previous;
            }
        }
        let is_known = |place: &Place| {
            let mut others = last.iter().filter(|(_, other)| other != place);
            others.any(|(_, other)| place.is_known_to(other))
        };
        let heads = last.iter().filter(|(_, place)| !is_known(place));
        Ok(heads.map(|(id, _)| *id).collect())
    }

    /// An event that continues what its author has, and has seen all that is dated no later.
    ///
    /// What is dated later is left out: otherwise whoever dates one word far ahead would have
    /// everybody else date theirs there as well, where they count no earlier than his.
    ///
    /// Where there are more heads than an event can name, those of authors without forks come
    /// first.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn draft<K: Known>(
        &self,
        charter: &Charter,
        known: &K,
        author: &str,
        at: ChainTime,
        body: Body,
    ) -> Result<Event, K::Error> {
        let previous = self.last_of(author);
        let forked = |id: &EventId| {
            let line = self.lines.iter().find(|line| line.last == *id);
            line.is_some_and(|line| self.forks.iter().any(|fork| fork.author == line.author))
        };
        let heads = self.heads_at(known, at)?.into_iter();
        let mut others: Vec<EventId> = heads.filter(|id| Some(*id) != previous).collect();
        if others.len() > MAX_SEEN {
            others.sort_by_key(forked);
            others.truncate(MAX_SEEN);
            others.sort_unstable();
        }
        Ok(Event {
            policy_id: charter.id,
            network: charter.policy.network(),
            author: author.to_owned(),
            previous,
            seen: others,
            at,
            expires: None,
            body,
        })
    }
}
