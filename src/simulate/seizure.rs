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

#[cfg(test)]
mod tests {
    use super::super::scenario::Name;
    use super::*;
    use crate::policy::check;

    /// The policy of the departments, with backups of two of those in the cloud.
    fn policy() -> Policy {
        let text = std::fs::read_to_string("policies/departments/policy.toml").expect("shipped");
        let backups = r#"
[items.omar-seed]
kind = "backup"
of = "omar"
custody = { cloud = "none", site = "malmo", host = "safe" }

[items.felix-seed]
kind = "backup"
of = "felix"
custody = { host = "disk" }
"#;
        let policy = check(&format!("{text}{backups}")).policy;
        policy.expect("a sound policy")
    }

    fn seize(domain: Domain, value: &str, also: &[&str]) -> Seize {
        let name = |text: &str| Name {
            text: text.to_owned(),
            line: 1,
        };
        Seize {
            domain,
            value: name(value),
            effect: Effect::Lose,
            also: also.iter().map(|party| name(party)).collect(),
        }
    }

    #[test]
    fn keys_are_lost_with_their_last_copy() {
        let policy = policy();
        let mut seizures = Seizures::default();
        let taken = seizures.seize(&seize(Domain::Cloud, "nimbus-account-7", &[]), &policy);
        // Felix keeps his backup in the same account, omar does not.
        assert_eq!(taken.parties, ["fatima", "felix", "olena", "oskar"]);
        assert_eq!(taken.notes, ["omar has a backup elsewhere"]);
        // A site where nobody else is, and then the place of the backup.
        let taken = seizures.seize(&seize(Domain::Site, "bern", &[]), &policy);
        assert_eq!(taken.parties, ["fiduciary-bern"]);
        let taken = seizures.seize(&seize(Domain::Host, "safe", &[]), &policy);
        assert_eq!(taken.parties, ["omar"]);
        // What is lost is lost once.
        let taken = seizures.seize(&seize(Domain::Cloud, "nimbus-account-7", &[]), &policy);
        assert!(taken.parties.is_empty() && taken.notes.is_empty());
    }

    #[test]
    fn a_backup_alone_is_no_loss() {
        let policy = policy();
        let mut seizures = Seizures::default();
        let taken = seizures.seize(&seize(Domain::Host, "safe", &[]), &policy);
        assert!(taken.parties.is_empty());
        // But then there is no other copy when the keys go.
        let taken = seizures.seize(&seize(Domain::Cloud, "nimbus-account-7", &[]), &policy);
        assert!(taken.parties.contains(&"omar".to_owned()));
    }

    #[test]
    fn who_said_to_be_elsewhere_loses_too() {
        let policy = policy();
        let mut seizures = Seizures::default();
        let event = seize(Domain::Cloud, "nimbus-account-7", &["freya", "omar"]);
        let taken = seizures.seize(&event, &policy);
        assert!(taken.parties.contains(&"freya".to_owned()));
        assert!(!taken.parties.contains(&"omar".to_owned()));
        assert!(
            taken
                .notes
                .contains(&"the policy says of freya: cloud none".to_owned())
        );
        // A word that names no domain seizes nothing, though many say it.
        let mut seizures = Seizures::default();
        let nothing = seizures.seize(&seize(Domain::Cloud, "none", &[]), &policy);
        assert!(nothing.parties.is_empty());
    }

    #[test]
    fn a_copied_backup_is_a_copied_key() {
        let policy = policy();
        let taken = copied(&seize(Domain::Host, "safe", &["lea"]), &policy);
        assert_eq!(taken.parties, ["lea", "omar"]);
        assert_eq!(
            taken.notes,
            [
                "the policy says of lea: host lea-notebook",
                "omar has a backup there"
            ]
        );
    }
}
