//! One party's copy of what was said, and what its software makes of it.

use std::collections::BTreeMap;

use super::StepError;
use crate::governance::{
    Action, Body, Cases, Charter, Event, EventId, MemoryHistory, Phase, Refusal, SignedEvent, Word,
};
use crate::policy::{Policy, Staged};
use crate::units::ChainTime;

/// The events that somebody has, and the cases as they stand by these.
///
/// Two replicas with the same events and the same chain say the same, however the events came.
///
/// An event that is dated where the chain has not come to yet waits outside the history, and so
/// does whatever knows of it.  Otherwise the next word of everybody honest would name it, and could
/// not be dated before it: one insider with a date far ahead would silence all.
#[derive(Clone, Debug)]
pub struct Replica {
    history: MemoryHistory,
    cases: Cases,
    now: ChainTime,
    waiting: BTreeMap<EventId, SignedEvent>,
}

/// Why honest software signs a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// This case about the path is activated.
    Activated(EventId),
    /// The policy names no terms for the path, and nobody has proposed a case about it.
    NotAsked,
}

impl Replica {
    /// One without events.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        let cases = Cases::new(charter.policy());
        Self {
            history: MemoryHistory::new(charter),
            cases,
            now: ChainTime::default(),
            waiting: BTreeMap::new(),
        }
    }

    /// The events that wait for the chain to come to their dates, or for others that do.
    pub fn waiting(&self) -> impl Iterator<Item = &SignedEvent> {
        self.waiting.values()
    }

    /// The events.
    #[must_use]
    pub const fn history(&self) -> &MemoryHistory {
        &self.history
    }

    /// The cases.
    #[must_use]
    pub const fn cases(&self) -> &Cases {
        &self.cases
    }

    /// The policy that everything is about.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.history.charter().policy()
    }

    /// What a party would sign next, with knowledge of all there is here.
    ///
    /// After a reorg the chain can be behind what others have seen; nobody who is honest dates
    /// his word before what he knows.
    #[must_use]
    pub fn draft(&self, author: &str, now: ChainTime, body: Body) -> Event {
        let history = self.history.history();
        let at = ChainTime {
            height: now.height.max(history.latest().height),
            median_time_past: now.median_time_past.max(history.latest().median_time_past),
        };
        self.history.draft(author, at, body)
    }

    /// Takes an event, and says what there is to do that was not before.
    ///
    /// # Errors
    ///
    /// Why it does not belong here; then nothing has changed.
    pub fn take(&mut self, signed: SignedEvent) -> Result<Vec<Action>, Refusal> {
        let id = signed.id();
        if self.waits(&signed) {
            self.waiting.insert(id, signed);
            return Ok(vec![Action::HoldBack { event: id }]);
        }
        self.admit(signed)
    }

    fn waits(&self, signed: &SignedEvent) -> bool {
        let at = signed.event().at;
        let mut parents = signed.event().parents();
        at.height > self.now.height
            || at.median_time_past > self.now.median_time_past
            || parents.any(|parent| self.waiting.contains_key(&parent))
    }

    fn admit(&mut self, signed: SignedEvent) -> Result<Vec<Action>, Refusal> {
        let id = signed.id();
        let author = signed.event().author.clone();
        let forks = self.history.history().forks();
        if !self.history.insert(signed)? {
            return Ok(Vec::new());
        }
        // A fork changes what its author's words are worth, those that are here already as well.
        let found_fork = self.history.history().forks() != forks;
        let told = self.history.told().into_iter();
        let told = told.filter(|entry| {
            entry.signed.id() == id || (found_fork && entry.signed.event().author == author)
        });
        let words: Vec<Word> = told.map(Word::from).collect();
        let charter = self.history.charter();
        Ok(self.cases.insert(words, charter.policy()))
    }

    /// Takes where the chain is now, with all that has waited for it, and says what there is to do
    /// that was not before.  A reorg does not turn it back.
    pub fn observe(&mut self, now: ChainTime) -> Vec<Action> {
        self.now = ChainTime {
            height: self.now.height.max(now.height),
            median_time_past: self.now.median_time_past.max(now.median_time_past),
        };
        let charter = self.history.charter();
        let mut actions = self.cases.observe(now, charter.policy());
        loop {
            let due = self.waiting.values().find(|signed| !self.waits(signed));
            let Some(id) = due.map(SignedEvent::id) else {
                return actions;
            };
            // One that is refused by now was never going to be taken.
            let signed = self.waiting.remove(&id);
            if let Some(Ok(more)) = signed.map(|signed| self.admit(signed)) {
                actions.extend(more);
            }
        }
    }

    /// Whether honest software of a path's quorum signs its trigger now, and why.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub fn consent(&self, path: &str) -> Result<Consent, StepError> {
        let due = self.cases.due(self.policy());
        let activated = due.into_iter().find_map(|action| match action {
            Action::SignTrigger { case, path: about } if about == path => Some(case),
            _ => None,
        });
        if let Some(case) = activated {
            return Ok(Consent::Activated(case));
        }
        let staged = self.policy().path(path).and_then(|path| path.staged());
        let has_terms = staged.and_then(Staged::activation).is_some();
        let has_case = self.cases.all().iter().any(|(_, case)| case.path == path);
        match has_terms || has_case {
            true => Err(StepError::NotActivated(path.to_owned())),
            false => Ok(Consent::NotAsked),
        }
    }

    /// The case about a path that was vetoed last, if there is one.
    #[must_use]
    pub fn vetoed(&self, path: &str) -> Option<EventId> {
        let all = self.cases.all().into_iter().rev();
        let mut vetoed =
            all.filter(|(_, case)| case.path == path && matches!(case.phase, Phase::Vetoed { .. }));
        vetoed.next().map(|(_, case)| case.id)
    }

    /// Whether a case is vetoed.
    #[must_use]
    pub fn is_vetoed(&self, case: EventId) -> bool {
        let found = self.cases.case(case);
        found.is_some_and(|(_, case)| matches!(case.phase, Phase::Vetoed { .. }))
    }
}
