//! What is lost or copied with a domain: the keys of those who are there, their backups, and whatever
//! else is kept there.

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
    /// The domains that were broken into.
    broken: BTreeSet<(Domain, String)>,
    /// Parties from whom everything was taken: those whose keys were in such a domain although the
    /// policy says otherwise, and those who were robbed by name.
    robbed: BTreeSet<String>,
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

    /// Breaks into a domain: whose keys, or backups of them, are there.
    pub fn copy(&mut self, seize: &Seize, policy: &Policy) -> Taken {
        let name = seize.value.text.trim();
        self.broken.insert((seize.domain, name.to_owned()));
        self.rob(seize.also.iter().map(|party| party.text.clone()));
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

    /// A thief takes everything that these parties keep.
    pub fn rob(&mut self, parties: impl IntoIterator<Item = String>) {
        self.robbed.extend(parties);
    }

    /// Whether a copy of what a party keeps is neither in a seized domain nor, like its keys, where
    /// nobody knew them to be.
    pub fn has_left(
        &self,
        kind: ItemKind,
        party: &Party,
        path: Option<&str>,
        policy: &Policy,
    ) -> bool {
        let is_with_keys = |custody: &Custody| std::ptr::eq(custody, party.custody());
        let copies = policy.copies(kind, party, path);
        copies.into_iter().any(|custody| {
            let is_there_too = self.also.contains(party.name()) && is_with_keys(custody);
            !is_there_too && !self.is_seized(custody)
        })
    }

    /// Whether a thief has found a copy of the files of a path.
    pub fn has_stolen_files(&self, path: &str, policy: &Policy) -> bool {
        let acting = policy.path(path);
        let roll = acting.into_iter().flat_map(|path| {
            let staged = path.staged();
            let releasing = staged
                .and_then(|staged| staged.lockup())
                .and_then(|lockup| lockup.quorum());
            let veto = staged.map(|staged| staged.veto().roll());
            let releasing = releasing.map(|quorum| quorum.roll());
            path.quorum()
                .roll()
                .into_iter()
                .chain(veto.into_iter().flatten())
                .chain(releasing.into_iter().flatten())
        });
        let mut holders = roll.filter_map(|name| policy.party(name));
        holders.any(|party| {
            let copies = policy.copies(ItemKind::Files, party, Some(path));
            let is_broken_into = |custody: &&Custody| is_among(custody, &self.broken);
            self.robbed.contains(party.name()) || copies.iter().any(is_broken_into)
        })
    }

    /// Whether something kept like that is gone.
    pub fn is_seized(&self, custody: &Custody) -> bool {
        is_among(custody, &self.domains)
    }
}

fn is_among(custody: &Custody, domains: &BTreeSet<(Domain, String)>) -> bool {
    let mut domains = domains.iter();
    domains.any(|(domain, name)| custody.name(*domain) == Some(name))
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
        let event = seize(Domain::Host, "safe", &["lea"]);
        let taken = Seizures::default().copy(&event, &policy);
        assert_eq!(taken.parties, ["lea", "omar"]);
        assert_eq!(
            taken.notes,
            [
                "the policy says of lea: host lea-notebook",
                "omar has a backup there"
            ]
        );
    }

    #[test]
    fn files_and_wallets_go_with_the_last_place_they_are_kept_in() {
        let policy = policy();
        let party = |name: &str| policy.party(name).expect("a party");
        let mut seizures = Seizures::default();
        let has = |seizures: &Seizures, kind, name| {
            seizures.has_left(kind, party(name), Some("sos"), &policy)
        };
        assert!(has(&seizures, ItemKind::Files, "fiduciary-porto"));
        // Porto's files are not with his keys, and Bern's are.
        seizures.seize(&seize(Domain::Cloud, "lusitania-drive-2", &[]), &policy);
        assert!(!has(&seizures, ItemKind::Files, "fiduciary-porto"));
        assert!(has(&seizures, ItemKind::Fees, "fiduciary-porto"));
        assert!(has(&seizures, ItemKind::Files, "fiduciary-bern"));
        seizures.seize(&seize(Domain::Site, "bern", &[]), &policy);
        assert!(!has(&seizures, ItemKind::Files, "fiduciary-bern"));
        assert!(!has(&seizures, ItemKind::Fees, "fiduciary-bern"));
    }

    #[test]
    fn a_thief_has_the_files_that_he_found() {
        let policy = policy();
        let mut seizures = Seizures::default();
        seizures.copy(&seize(Domain::Cloud, "nimbus-account-7", &[]), &policy);
        assert!(!seizures.has_stolen_files("sos", &policy));
        seizures.copy(&seize(Domain::Cloud, "lusitania-drive-2", &[]), &policy);
        assert!(seizures.has_stolen_files("sos", &policy));
        let mut seizures = Seizures::default();
        seizures.rob(["fiduciary-porto".to_owned()]);
        assert!(seizures.has_stolen_files("sos", &policy));
    }
}
