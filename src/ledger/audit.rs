//! Verifying a ledger from its first event to its last, in memory that does not grow with it.

use std::collections::HashMap;
use std::collections::VecDeque;

use serde::Serialize;

use super::events::{AT_ONCE, Batches, Ledger, LedgerError, kept_place};
use super::store::{Head, Store};
use super::tree::{Edge, TreeHash};
use crate::governance::{AdmitError, Body, EventId, Fork, History, Known, Place, reexecute};

/// How many places are remembered.  Events mostly name what was there a moment ago; whatever is
/// older is looked up.
const REMEMBERED: usize = 16 * AT_ONCE;

/// What a verification has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many events there are.
    pub events: u64,
    /// The root hash of their tree, computed from the events alone.
    pub root: TreeHash,
    /// Who has told two stories.
    pub forks: Vec<Fork>,
    /// Verdicts of rules that came out otherwise when the rules were asked again.
    pub verdicts: Vec<OtherVerdict>,
}

/// A verdict in an activation that cannot be reproduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherVerdict {
    /// The activation.
    pub event: EventId,
    /// What is not as it was recorded.
    pub why: String,
}

impl<S: Store> Ledger<S> {
    /// Verifies everything: each signature, each event's form and place, the links between events,
    /// and the tree, which is computed anew.  Rules are asked again what they were asked.
    ///
    /// Working state is compared with what is found, and believed only where it was.  Where it is
    /// lost, what it should hold is remembered instead, which takes memory.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with the position of the event.
    pub fn verify(&self) -> Result<Audit, LedgerError> {
        let mut history = History::new();
        let mut edge = Edge::default();
        let mut places = Remembered::new(self.store());
        let mut verdicts = Vec::new();
        for batch in Batches::new(self.store(), 0) {
            for signed in batch {
                let signed = signed?;
                let position = history.count();
                let place = match history.admit(self.charter(), &places, &signed) {
                    Ok(place) => place,
                    Err(AdmitError::Store(error)) => return Err(error),
                    Err(AdmitError::Refused(refusal)) => {
                        return Err(LedgerError::Misplaced { position, refusal });
                    }
                };
                places.remember(signed.id(), place)?;
                if let Body::Activation(activation) = &signed.event().body
                    && let Err(error) = reexecute(activation)
                {
                    verdicts.push(OtherVerdict {
                        event: signed.id(),
                        why: error.to_string(),
                    });
                }
                edge.push(TreeHash::of_record(signed.envelope().to_line().as_bytes()));
            }
        }
        let found = Head {
            size: edge.size(),
            root: edge.root(),
        };
        let kept = self.store().head()?;
        if kept != found {
            return Err(LedgerError::OtherTree { kept, found });
        }
        Ok(Audit {
            events: found.size,
            root: found.root,
            forks: history.forks(),
            verdicts,
        })
    }
}

/// Places that this verification has computed: the latest of them here, older ones in working
/// state, where they were compared, or here as well where they were not.
struct Remembered<'a, S> {
    store: &'a S,
    places: HashMap<EventId, Place>,
    order: VecDeque<EventId>,
    /// How many events were verified.
    done: u64,
}

impl<'a, S: Store> Remembered<'a, S> {
    fn new(store: &'a S) -> Self {
        Self {
            store,
            places: HashMap::new(),
            order: VecDeque::new(),
            done: 0,
        }
    }

    fn remember(&mut self, id: EventId, place: Place) -> Result<(), LedgerError> {
        // Only what can be found again may be forgotten.
        if kept_place(self.store, id)?.as_ref() == Some(&place) {
            self.order.push_back(id);
        }
        self.places.insert(id, place);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        self.done += 1;
        Ok(())
    }
}

impl<S: Store> Known for Remembered<'_, S> {
    type Error = LedgerError;

    fn place(&self, id: EventId) -> Result<Option<Place>, LedgerError> {
        if let Some(place) = self.places.get(&id) {
            return Ok(Some(place.clone()));
        }
        // One that comes later is not known yet, whatever working state says of it.
        let position = self.store.find(&id.0.0)?;
        match position.filter(|position| *position < self.done) {
            Some(_) => kept_place(self.store, id),
            None => Ok(None),
        }
    }
}
