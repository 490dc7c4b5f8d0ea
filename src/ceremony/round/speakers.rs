//! Who speaks with which key: as the policy says it, or as a ledger knows better.

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::Compiled;
use crate::governance::{Charter, EventId, History, Identity, SignedEvent};

/// Whose keys sign acknowledgements.
///
/// The policy names a key for each party, and only a ledger knows that one was changed.  What a ledger
/// has taken was signed with the key that spoke for its author as far as he knew, and stays good when
/// he changes it later.  What no ledger has must be signed with the key that speaks now: else
/// whoever finds an old key could still say that somebody holds the files.
#[derive(Clone, Debug)]
pub struct Speakers {
    keys: BTreeMap<String, Identity>,
    taken: BTreeSet<EventId>,
}

impl Speakers {
    /// With the keys of the policy.
    #[must_use]
    pub fn of_policy(compiled: &Compiled) -> Self {
        let parties = compiled.policy().parties();
        let keys = parties.filter_map(|party| {
            let key = Identity::from(*party.identity()?);
            Some((party.name().to_owned(), key))
        });
        Self {
            keys: keys.collect(),
            taken: BTreeSet::new(),
        }
    }

    /// With the keys that speak as a history has it, and the acknowledgements that it has.
    #[must_use]
    pub fn of_history(
        charter: &Charter,
        history: &History,
        taken: impl IntoIterator<Item = EventId>,
    ) -> Self {
        let parties = charter.policy().parties();
        let keys = parties.filter_map(|party| {
            let key = history.identity(charter, party.name())?;
            Some((party.name().to_owned(), key))
        });
        Self {
            keys: keys.collect(),
            taken: taken.into_iter().collect(),
        }
    }

    /// Whether an event is the word of its author.
    pub(super) fn hear(&self, signed: &SignedEvent) -> bool {
        let key = self.keys.get(&signed.event().author);
        self.taken.contains(&signed.id()) || key == Some(&Identity::from(*signed.signer()))
    }
}
