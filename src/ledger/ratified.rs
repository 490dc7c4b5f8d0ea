//! Who stands by the policy of a ledger.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::events::{Ledger, LedgerError};
use super::store::Store;
use crate::governance::{Body, EventId, Ratification};

/// Who has ratified what a ledger is founded on, and who has not.
///
/// Nobody should pay to the vault before it [is complete](Self::is_complete): whoever has not
/// looked may have been given other descriptors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ratified {
    /// Who has, and with which event: his last word about it.
    pub by: BTreeMap<String, EventId>,
    /// Who has ratified other descriptors or another first address: this policy came to him in
    /// another form, and nobody should pay to it.
    pub otherwise: BTreeMap<String, EventId>,
    /// Who has not, and can.
    pub missing: BTreeSet<String>,
    /// Who has no identity in the policy, and can sign nothing.
    pub without_identity: BTreeSet<String>,
    /// Who has told two stories: his ratification counts for nothing.
    pub forked: BTreeSet<String>,
}

impl Ratified {
    /// Whether every party of the policy has ratified just this.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let lists = [&self.missing, &self.without_identity, &self.forked];
        self.otherwise.is_empty() && lists.into_iter().all(BTreeSet::is_empty)
    }
}

impl<S: Store> Ledger<S> {
    /// Who has ratified what the ledger is founded on.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn ratified(&self) -> Result<Ratified, LedgerError> {
        let memory = self.in_memory()?;
        let mut last: BTreeMap<&str, (EventId, bool)> = BTreeMap::new();
        let mut forked = BTreeSet::new();
        for entry in memory.told() {
            let event = entry.signed.event();
            if entry.after_fork {
                forked.insert(event.author.clone());
            }
            if let Body::Ratification(ratification) = &event.body {
                last.insert(
                    &event.author,
                    (entry.signed.id(), self.is_this(ratification)),
                );
            }
        }
        let mut ratified = Ratified {
            by: BTreeMap::new(),
            otherwise: BTreeMap::new(),
            missing: BTreeSet::new(),
            without_identity: BTreeSet::new(),
            forked,
        };
        for party in self.charter().policy().parties() {
            let name = party.name().to_owned();
            match last.get(party.name()) {
                _ if party.identity().is_none() => drop(ratified.without_identity.insert(name)),
                _ if ratified.forked.contains(&name) => {}
                Some((event, true)) => drop(ratified.by.insert(name, *event)),
                Some((event, false)) => drop(ratified.otherwise.insert(name, *event)),
                None => drop(ratified.missing.insert(name)),
            }
        }
        Ok(ratified)
    }

    /// Whether somebody ratified just what the ledger is founded on.
    fn is_this(&self, ratification: &Ratification) -> bool {
        let genesis = self.genesis();
        ratification.descriptors == genesis.descriptors
            && ratification.first_address == genesis.first_address
    }
}
