//! What is lost or copied with a domain: the keys of those who are there, and their backups.

use std::collections::BTreeSet;

use super::scenario::{Effect, Seize};
use crate::policy::{Custody, Domain, ItemKind, Party, Policy};

/// Everything that was seized so far.
#[derive(Debug, Default)]
pub(super) struct Seizures {
    domains: BTreeSet<(Domain, String)>,
    /// Parties whose keys were in a seized domain although the policy says otherwise.
    also: BTreeSet<String>,
    /// Parties of whose keys no copy is left.
    lost: BTreeSet<String>,
}

/// Whose keys one seizure took or gave away, and what is remarkable about it.
pub(super) struct Taken {
    pub parties: Vec<String>,
    pub notes: Vec<String>,
}

impl Seizures {
    /// Seizes a domain: parties lose their keys if no backup is elsewhere.
    pub fn seize(&mut self, seize: &Seize, policy: &Policy) -> Taken {
        let name = seize.value.text.trim();
        self.domains.insert((seize.domain, name.to_owned()));
        self.also
            .extend(seize.also.iter().map(|party| party.text.clone()));
        let mut notes = claims(seize, policy);
        let mut parties = Vec::new();
        for party in policy.parties() {
            let own_are_gone = self.also.contains(party.name()) || self.is_seized(party.custody());
            if !own_are_gone || self.lost.contains(party.name()) {
                continue;
            }
            let backups = policy.copies(ItemKind::Backup, party, None);
            if backups.iter().any(|custody| !self.is_seized(custody)) {
                if is_there(party, seize) {
                    notes.push(format!("{} has a backup elsewhere", party.name()));
                }
                continue;
            }
            self.lost.insert(party.name().to_owned());
            parties.push(party.name().to_owned());
        }
        Taken { parties, notes }
    }

    fn is_seized(&self, custody: &Custody) -> bool {
        let mut domains = self.domains.iter();
        domains.any(|(domain, name)| custody.name(*domain) == Some(name))
    }
}

/// Whose keys, or backups of them, are in a domain that is broken into.
pub(super) fn copied(seize: &Seize, policy: &Policy) -> Taken {
    let mut notes = claims(seize, policy);
    let mut parties = Vec::new();
    for party in policy.parties() {
        let backups = policy.copies(ItemKind::Backup, party, None);
        let has_backup_there = backups.iter().any(|custody| is_in(custody, seize));
        if is_there(party, seize) {
            parties.push(party.name().to_owned());
        } else if has_backup_there {
            parties.push(party.name().to_owned());
            notes.push(format!("{} has a backup there", party.name()));
        }
    }
    Taken { parties, notes }
}

/// What happened to the domain.
pub(super) const fn verb(effect: Effect) -> &'static str {
    match effect {
        Effect::Lose => "is seized",
        Effect::Compromise => "is broken into",
    }
}

fn is_there(party: &Party, seize: &Seize) -> bool {
    is_in(party.custody(), seize) || seize.also.iter().any(|also| also.text == party.name())
}

fn is_in(custody: &Custody, seize: &Seize) -> bool {
    custody.name(seize.domain) == Some(seize.value.text.trim())
}

/// What the policy says of those who were there although it does not say so.
fn claims(seize: &Seize, policy: &Policy) -> Vec<String> {
    let also = seize.also.iter();
    let parties = also.filter_map(|name| policy.party(&name.text));
    let said = parties.map(|party| {
        let (name, domain) = (party.name(), seize.domain);
        match party.custody().get(domain) {
            Some(fact) => format!("the policy says of {name}: {domain} {fact}"),
            None => format!("the policy does not say a {domain} of {name}"),
        }
    });
    said.collect()
}
