//! Events in a store: taken only as their history allows, and kept before they are acknowledged.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::error::StoreError;
use super::genesis::{Genesis, GenesisError};
use super::store::{Head, Placed, Record, Store};
use super::tree::TreeHash;
use crate::governance::{
    AdmitError, Body, Charter, Envelope, EnvelopeError, Event, EventError, EventId, History, Known,
    MemoryHistory, Place, Refusal, SignedEvent,
};
use crate::units::ChainTime;

/// Under which the history is kept as working state.
const HISTORY: &str = "history";

/// How many events are read, verified or remembered at a time.
pub(super) const AT_ONCE: usize = 4_096;

/// A ledger: events about one policy, in a store.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    genesis: Genesis,
    charter: Charter,
    history: History,
    /// Places that are not yet working state.
    fresh: HashMap<EventId, Place>,
}

/// What became of an event that was handed to a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept, at this position.
    New(u64),
    /// It was here already, at this position.
    Known(u64),
    /// It does not belong here.
    Refused(Refusal),
}

impl<S: Store> Ledger<S> {
    /// Opens the ledger in a store, and catches up with whatever its working state has missed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or holds what is no event of its policy.
    pub fn open(store: S) -> Result<Self, LedgerError> {
        let genesis = Genesis::from_bytes(store.genesis())?;
        let charter = genesis.charter()?;
        let history = Kept::of(&store)?.unwrap_or_default();
        let mut ledger = Self {
            store,
            genesis,
            charter,
            history,
            fresh: HashMap::new(),
        };
        match ledger.catch_up() {
            Err(LedgerError::StateLost) => ledger.start_over()?,
            other => other?,
        }
        Ok(ledger)
    }

    /// What it is founded on.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The policy it is about.
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// What its events come to.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Where its events are kept.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// What an author would say next, as [`History::draft`] has it.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn draft(&self, author: &str, at: ChainTime, body: Body) -> Result<Event, LedgerError> {
        self.history
            .draft(&self.charter, &self.known(), author, at, body)
    }

    /// How many of the last events are dated later than this.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn heads_after(&self, at: ChainTime) -> Result<usize, LedgerError> {
        let heads = self.history.heads_at(&self.known(), at)?;
        Ok(self.history.heads().difference(&heads).count())
    }

    const fn known(&self) -> KeptPlaces<'_, S> {
        KeptPlaces {
            store: &self.store,
            fresh: &self.fresh,
            admitted: self.history.count(),
        }
    }

    /// Takes events, in their order, and returns once those that are new are on the device.
    ///
    /// An event that is refused is none of the others' business.
    ///
    /// # Errors
    ///
    /// If the store fails.  Nothing is acknowledged then.
    pub fn append(&mut self, events: &[SignedEvent]) -> Result<Vec<Taken>, LedgerError> {
        let refused = match self.admit_all(events) {
            // None of these is in the store yet, so they are admitted again after all that is.
            Err(LedgerError::StateLost) => {
                self.start_over()?;
                self.admit_all(events)?
            }
            other => other?,
        };
        let kept = events
            .iter()
            .zip(&refused)
            .filter(|(_, refusal)| refusal.is_none());
        let records: Vec<Record> = kept.map(|(signed, _)| record(signed)).collect();
        let mut placed = self.store.append(&records)?.into_iter();
        let taken = refused
            .into_iter()
            .map(|refusal| match refusal {
                Some(refusal) => Some(Taken::Refused(refusal)),
                None => placed.next().map(Taken::of),
            })
            .collect::<Option<Vec<Taken>>>()
            .expect("a store places every record it is given");
        if self.fresh.len() >= AT_ONCE {
            self.persist()?;
        }
        Ok(taken)
    }

    /// The event with an id, if it is here.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn event(&self, id: EventId) -> Result<Option<SignedEvent>, LedgerError> {
        let Some(position) = self.store.find(&id.0.0)? else {
            return Ok(None);
        };
        let record = self.store.read(position)?;
        let line = str::from_utf8(&record.bytes).unwrap_or_default();
        Ok(Some(event(position, &record, Envelope::open(line))?))
    }

    /// All events in the order of their arrival, some thousand at a time, each verified.
    pub fn events(&self) -> impl Iterator<Item = Result<SignedEvent, LedgerError>> + '_ {
        let mut batches = Batches::new(&self.store, 0);
        let mut ready = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(next) = ready.next() {
                    return Some(next);
                }
                ready = batches.next()?.into_iter();
            }
        })
    }

    /// Everything with its history in memory, for the questions that need all of it.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn in_memory(&self) -> Result<MemoryHistory, LedgerError> {
        let mut memory = MemoryHistory::new(self.charter.clone());
        for (position, signed) in (0..).zip(self.events()) {
            let refused = |refusal| LedgerError::Misplaced { position, refusal };
            memory.insert(signed?).map_err(refused)?;
        }
        Ok(memory)
    }

    /// Keeps what was worked out as working state, so that opening needs not do it again.
    ///
    /// # Errors
    ///
    /// If the place where it is kept cannot be used.  The events are kept all the same.
    pub fn persist(&mut self) -> Result<(), LedgerError> {
        for (id, place) in &self.fresh {
            match self.store.set_state(&place_name(*id), &json(place)) {
                // Whoever only reads keeps it all in memory.
                Err(StoreError::ReadOnly) => return Ok(()),
                other => other?,
            }
        }
        self.fresh.clear();
        // Last, so that every event that the history counts has its place.
        let root = self.store.root_of(self.history.count())?;
        let kept = Kept {
            root,
            history: self.history.clone(),
        };
        Ok(self.store.set_state(HISTORY, &json(&kept))?)
    }

    /// Gives the store back, with its working state up to date.
    ///
    /// # Errors
    ///
    /// If the place where working state is kept cannot be used.
    pub fn close(mut self) -> Result<S, LedgerError> {
        if !self.fresh.is_empty() {
            self.persist()?;
        }
        Ok(self.store)
    }

    /// Works everything out again, from the events alone.
    fn start_over(&mut self) -> Result<(), LedgerError> {
        self.history = History::new();
        self.fresh.clear();
        self.catch_up()
    }

    /// Reads what was appended since the history was kept, or everything where none was.
    fn catch_up(&mut self) -> Result<(), LedgerError> {
        let mut position = self.history.count();
        while position < self.store.size() {
            // A batch at a time, since the places of one are kept before the next is read.
            let Some(batch) = Batches::new(&self.store, position).next() else {
                break;
            };
            for signed in batch {
                if let Some(refusal) = self.admit(&signed?)? {
                    return Err(LedgerError::Misplaced { position, refusal });
                }
                position += 1;
            }
            self.persist()?;
        }
        Ok(())
    }

    fn admit_all(&mut self, events: &[SignedEvent]) -> Result<Vec<Option<Refusal>>, LedgerError> {
        let refused = events.iter().map(|signed| {
            let id = signed.id();
            if self.fresh.contains_key(&id) || self.store.find(&id.0.0)?.is_some() {
                return Ok(None);
            }
            self.admit(signed)
        });
        refused.collect()
    }

    /// Admits an event that is not here yet, or says why not.
    fn admit(&mut self, signed: &SignedEvent) -> Result<Option<Refusal>, LedgerError> {
        let known = KeptPlaces {
            store: &self.store,
            fresh: &self.fresh,
            admitted: self.history.count(),
        };
        match self.history.admit(&self.charter, &known, signed) {
            Ok(place) => {
                self.fresh.insert(signed.id(), place);
                Ok(None)
            }
            Err(AdmitError::Refused(refusal)) => Ok(Some(refusal)),
            Err(AdmitError::Store(error)) => Err(error),
        }
    }
}

impl Taken {
    const fn of(placed: Placed) -> Self {
        match placed {
            Placed::New(position) => Self::New(position),
            Placed::Known(position) => Self::Known(position),
        }
    }
}

/// A history as working state, with the root hash of the events that it counts, by which it is
/// known whether these are still the same.
#[derive(Serialize, Deserialize)]
struct Kept {
    root: TreeHash,
    history: History,
}

impl Kept {
    /// The history that is kept in a store, if it is one of what the store begins with.
    fn of<S: Store>(store: &S) -> Result<Option<History>, LedgerError> {
        let Some(bytes) = store.state(HISTORY)? else {
            return Ok(None);
        };
        let Ok(kept) = serde_json::from_slice::<Self>(&bytes) else {
            return Ok(None);
        };
        let count = kept.history.count();
        let fits = count <= store.size() && store.root_of(count)? == kept.root;
        Ok(fits.then_some(kept.history))
    }
}

/// Places out of working state, and those that are not there yet.
struct KeptPlaces<'a, S> {
    store: &'a S,
    fresh: &'a HashMap<EventId, Place>,
    /// Of how many events the history knows: what lies behind them is not known yet.
    admitted: u64,
}

impl<S: Store> Known for KeptPlaces<'_, S> {
    type Error = LedgerError;

    fn place(&self, id: EventId) -> Result<Option<Place>, LedgerError> {
        if let Some(place) = self.fresh.get(&id) {
            return Ok(Some(place.clone()));
        }
        let position = self.store.find(&id.0.0)?;
        if position.is_none_or(|position| position >= self.admitted) {
            return Ok(None);
        }
        let kept = kept_place(self.store, id)?;
        kept.map(Some).ok_or(LedgerError::StateLost)
    }
}

/// The place of an event as working state has it, if it does.
pub(super) fn kept_place<S: Store>(store: &S, id: EventId) -> Result<Option<Place>, LedgerError> {
    let bytes = store.state(&place_name(id))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn place_name(id: EventId) -> String {
    format!("place/{id}")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers and texts can always be written as JSON")
}

/// An event as a record.
pub(super) fn record(signed: &SignedEvent) -> Record {
    Record {
        id: signed.id().0.0,
        bytes: signed.envelope().to_line().into_bytes(),
    }
}

/// The events of a store from a position on, some thousand at a time.
pub(super) struct Batches<'a> {
    records: Box<dyn Iterator<Item = Result<Record, StoreError>> + 'a>,
    position: u64,
    over: bool,
}

impl<'a> Batches<'a> {
    pub(super) fn new<S: Store>(store: &'a S, from: u64) -> Self {
        Self {
            records: store.records(from),
            position: from,
            over: false,
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Vec<Result<SignedEvent, LedgerError>>;

    /// The next events, all their signatures verified together.  An error is the last of all.
    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let mut records = Vec::new();
        let mut failed = None;
        for record in self.records.by_ref().take(AT_ONCE) {
            match record {
                Ok(record) => records.push(record),
                Err(error) => failed = Some(error.into()),
            }
        }
        self.over = records.len() < AT_ONCE;
        let lines = records
            .iter()
            .map(|record| str::from_utf8(&record.bytes).unwrap_or_default());
        let envelopes = Envelope::open_all(lines);
        let mut events = Vec::with_capacity(records.len() + 1);
        for (record, envelope) in records.iter().zip(envelopes) {
            events.push(event(self.position, record, envelope));
            self.position += 1;
        }
        // The first that is wrong ends it: what comes after stands on it.
        if let Some(bad) = events.iter().position(Result::is_err) {
            events.truncate(bad + 1);
            self.over = true;
        } else if let Some(error) = failed {
            events.push(Err(error));
            self.over = true;
        }
        (!events.is_empty()).then_some(events)
    }
}

/// The event in a record that was read at a position.
fn event(
    position: u64,
    record: &Record,
    envelope: Result<Envelope, EnvelopeError>,
) -> Result<SignedEvent, LedgerError> {
    let wrong = |error| LedgerError::Event { position, error };
    let signed = envelope.map_err(|error| wrong(error.into()))?;
    let signed = SignedEvent::of_envelope(signed).map_err(wrong)?;
    if super::events::record(&signed) != *record {
        return Err(LedgerError::OtherRecord { position });
    }
    Ok(signed)
}

/// Why a ledger cannot do what it was asked to.
#[derive(Clone, Debug, Error)]
pub enum LedgerError {
    /// The store cannot.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it is founded on is no policy.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A record is no event.
    #[error("record {position} is no event: {error}")]
    Event {
        /// Its position, counted from 0.
        position: u64,
        /// Why.
        error: EventError,
    },
    /// A record is an event, under another id or in another form than it is written.
    #[error("record {position} is not kept in the form in which events are written")]
    OtherRecord {
        /// Its position, counted from 0.
        position: u64,
    },
    /// An event does not belong where it is.
    #[error("the event at {position} does not belong there: {refusal}")]
    Misplaced {
        /// Its position, counted from 0.
        position: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The tree that is kept is not that of the events.
    #[error(
        "the tree that is kept has {} events and the root {}, and the events come to {} and {}",
        kept.size, kept.root, found.size, found.root
    )]
    OtherTree {
        /// What is kept.
        kept: Head,
        /// What was computed.
        found: Head,
    },
    /// Working state has lost something.  Opening the ledger works it out again.
    #[error("working state is gone; opening the ledger again works it out")]
    StateLost,
}
