//! A history with all its events in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::super::event::{Body, Event, EventId, SignedEvent};
use super::{AdmitError, Charter, History, Known, Place, Refusal, TellingOrder};
use crate::units::ChainTime;

/// Events with their history, in memory.
#[derive(Clone, Debug)]
pub struct MemoryHistory {
    charter: Charter,
    history: History,
    places: BTreeMap<EventId, Place>,
    events: BTreeMap<EventId, SignedEvent>,
}

/// An event as it is told: in the one order, and with what its author is worth by then.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The event.
    pub signed: &'a SignedEvent,
    /// Where it comes in that order.
    pub order: TellingOrder,
    /// Whether its author had told two stories by then.
    pub after_fork: bool,
}

impl Known for BTreeMap<EventId, Place> {
    type Error = Infallible;

    fn place(&self, id: EventId) -> Result<Option<Place>, Infallible> {
        Ok(self.get(&id).cloned())
    }
}

impl MemoryHistory {
    /// Without events.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        Self {
            charter,
            history: History::new(),
            places: BTreeMap::new(),
            events: BTreeMap::new(),
        }
    }

    /// The policy it is about.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Its history.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Takes an event, and says whether it is new.
    ///
    /// # Errors
    ///
    /// Why it is not taken.
    pub fn insert(&mut self, signed: SignedEvent) -> Result<bool, Refusal> {
        let id = signed.id();
        if self.events.contains_key(&id) {
            return Ok(false);
        }
        match self.history.admit(&self.charter, &self.places, &signed) {
            Ok(place) => {
                self.places.insert(id, place);
                self.events.insert(id, signed);
                Ok(true)
            }
            Err(AdmitError::Refused(refusal)) => Err(refusal),
            Err(AdmitError::Store(never)) => match never {},
        }
    }

    /// What an author would say next, as [`History::draft`] has it.
    #[must_use]
    pub fn draft(&self, author: &str, at: ChainTime, body: Body) -> Event {
        let history = &self.history;
        match history.draft(&self.charter, &self.places, author, at, body) {
            Ok(event) => event,
            Err(never) => match never {},
        }
    }

    /// An event, if it is here.
    #[must_use]
    pub fn event(&self, id: EventId) -> Option<&SignedEvent> {
        self.events.get(&id)
    }

    /// Where an event stands.
    #[must_use]
    pub fn place(&self, id: EventId) -> Option<&Place> {
        self.places.get(&id)
    }

    /// Whether one event was known to the author of another.
    #[must_use]
    pub fn is_known_to(&self, earlier: EventId, later: EventId) -> bool {
        let places = self.place(earlier).zip(self.place(later));
        places.is_some_and(|(earlier, later)| earlier.is_known_to(later))
    }

    /// All events in the order in which they are told.
    #[must_use]
    pub fn told(&self) -> Vec<Entry<'_>> {
        let mut rows: Vec<_> = self
            .events
            .iter()
            .filter_map(|(id, signed)| Some((signed, self.places.get(id)?)))
            .collect();
        rows.sort_by_key(|(signed, place)| place.order(signed.id()));
        rows.into_iter()
            .map(|(signed, place)| Entry {
                signed,
                order: place.order(signed.id()),
                after_fork: self.history.is_after_fork(place),
            })
            .collect()
    }
}
