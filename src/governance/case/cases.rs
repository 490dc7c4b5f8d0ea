//! All cases of a policy, kept up to date as events arrive.

use std::collections::{BTreeMap, BTreeSet};

use super::super::event::EventId;
use super::action::{Action, news};
use super::clock::clock_of;
use super::{Case, Docket, Input, Word};
use crate::policy::{Clock, Policy};
use crate::units::ChainTime;

/// All cases of a policy, with the words they were told from.
///
/// Whatever order words arrive in, and however often, it comes to the same as a [`replay`] of all of
/// them.  One that arrives late, and is to be told before others, has everything told anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cases {
    words: BTreeMap<EventId, Word>,
    held: BTreeSet<EventId>,
    dockets: Vec<Docket>,
}

/// All cases as they are when all this has been said and the chain is there.
///
/// It is the transition of [`apply`](super::apply), one word after another in the order of each
/// docket.
#[must_use]
pub fn replay(words: impl IntoIterator<Item = Word>, now: ChainTime, policy: &Policy) -> Cases {
    let mut cases = Cases::new(policy);
    cases.arrive(words.into_iter().collect());
    cases.tell_anew(now, policy);
    cases
}

impl Cases {
    /// Without events, at the beginning of the chain.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let staged = policy.paths().iter().filter(|path| path.staged().is_some());
        let clocks: Vec<Clock> = staged.map(clock_of).collect();
        let all = [Clock::Blocks, Clock::Time].into_iter();
        Self {
            words: BTreeMap::new(),
            held: BTreeSet::new(),
            dockets: all
                .filter(|clock| clocks.contains(clock))
                .map(Docket::new)
                .collect(),
        }
    }

    /// Takes words that have arrived, and says what there is to do that was not before.
    ///
    /// A word that is here already and comes again changes nothing, unless its author is known by
    /// now to have told two stories before it: when a fork is found, give all words of its author
    /// again.
    #[must_use]
    pub fn insert(
        &mut self,
        words: impl IntoIterator<Item = Word>,
        policy: &Policy,
    ) -> Vec<Action> {
        let before = self.due(policy);
        let now = self.now();
        let changed = self.arrive(words.into_iter().collect());
        let in_turn = !changed.known && self.tell_on(&changed.new, policy);
        if !in_turn {
            self.tell_anew(now, policy);
        }
        news(&before, &self.due(policy))
    }

    /// Takes where the chain is now, and says what there is to do that was not before.
    #[must_use]
    pub fn observe(&mut self, now: ChainTime, policy: &Policy) -> Vec<Action> {
        let before = self.due(policy);
        let furthest = self.now();
        let now = ChainTime {
            height: now.height.max(furthest.height),
            median_time_past: now.median_time_past.max(furthest.median_time_past),
        };
        for docket in &mut self.dockets {
            let told = std::mem::replace(docket, Docket::new(docket.clock()));
            *docket = told.step(&Input::Chain(now), policy);
        }
        let held: Vec<EventId> = std::mem::take(&mut self.held).into_iter().collect();
        if !self.tell_on(&held, policy) {
            self.tell_anew(now, policy);
        }
        news(&before, &self.due(policy))
    }

    /// All dockets: one for each clock that a staged path of the policy goes by.
    #[must_use]
    pub fn dockets(&self) -> &[Docket] {
        &self.dockets
    }

    /// A case with its docket.
    #[must_use]
    pub fn case(&self, id: EventId) -> Option<(&Docket, &Case)> {
        let mut dockets = self.dockets.iter();
        dockets.find_map(|docket| Some((docket, docket.cases().get(&id)?)))
    }

    /// All cases, each with its docket, in the order in which they were opened.
    #[must_use]
    pub fn all(&self) -> Vec<(&Docket, &Case)> {
        let dockets = self.dockets.iter();
        let mut all: Vec<_> = dockets
            .flat_map(|docket| docket.cases().values().map(move |case| (docket, case)))
            .collect();
        all.sort_by_key(|(_, case)| self.words.get(&case.id).map(|word| word.order));
        all
    }

    /// The words that are dated where the chain has not come to yet, and do not count until then.
    #[must_use]
    pub fn held(&self) -> Vec<&Word> {
        self.held
            .iter()
            .filter_map(|id| self.words.get(id))
            .collect()
    }

    /// Everything there is to do now.
    #[must_use]
    pub fn due(&self, policy: &Policy) -> BTreeSet<Action> {
        let dockets = self.dockets.iter();
        let mut due: BTreeSet<Action> = dockets.flat_map(|docket| docket.due(policy)).collect();
        due.extend(
            self.held
                .iter()
                .map(|event| Action::HoldBack { event: *event }),
        );
        due
    }

    /// The furthest the chain has been.
    #[must_use]
    pub fn now(&self) -> ChainTime {
        self.dockets.first().map(Docket::now).unwrap_or_default()
    }

    /// Keeps words, and says which are new.
    fn arrive(&mut self, words: Vec<Word>) -> Arrived {
        let mut arrived = Arrived::default();
        for word in words {
            match self.words.get_mut(&word.id) {
                Some(known) if known.after_fork == word.after_fork => {}
                Some(known) => {
                    known.after_fork = word.after_fork;
                    arrived.known = true;
                }
                None => {
                    arrived.new.push(word.id);
                    self.words.insert(word.id, word);
                }
            }
        }
        arrived
    }

    /// Tells words after those that were told, if they all come after them.
    fn tell_on(&mut self, new: &[EventId], policy: &Policy) -> bool {
        let Self {
            words,
            held,
            dockets,
        } = self;
        let mut new: Vec<&Word> = new.iter().filter_map(|id| words.get(id)).collect();
        if let Some(docket) = dockets.first() {
            new.retain(|word| {
                let is_ahead = docket.is_ahead(word);
                if is_ahead {
                    held.insert(word.id);
                }
                !is_ahead
            });
        }
        for docket in dockets {
            new.sort_by_key(|word| docket.key(word));
            let first = new.first().map(|word| docket.key(word));
            if first.is_some_and(|first| docket.told() > Some(first)) {
                return false;
            }
            let mut told = std::mem::replace(docket, Docket::new(docket.clock()));
            for word in &new {
                told = told.step(&Input::Word((*word).clone()), policy);
            }
            *docket = told;
        }
        true
    }

    fn tell_anew(&mut self, now: ChainTime, policy: &Policy) {
        for docket in &mut self.dockets {
            *docket = Docket::new(docket.clock()).step(&Input::Chain(now), policy);
        }
        self.held.clear();
        let all: Vec<EventId> = self.words.keys().copied().collect();
        self.tell_on(&all, policy);
    }
}

/// What has arrived.
#[derive(Default)]
struct Arrived {
    new: Vec<EventId>,
    /// Whether something changed about words that were here already.
    known: bool,
}
