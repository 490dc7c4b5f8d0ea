//! Where things are kept: the kinds of domain that things can have in common, and what is kept
//! beside the keys of the parties.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Party, Policy};

/// The word for a domain that there is not.
const NONE: &str = "none";

/// A kind of custody fact: what several things can have in common, and be lost with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    /// Who operates it.
    Operator,
    /// The machine or place in which it is.
    Host,
    /// The cloud account that reaches it.
    Cloud,
    /// Who made the signing device.
    Vendor,
    /// Whose courts reach the holder.
    Jurisdiction,
    /// The building, town or region in which it is.
    Site,
}

impl Domain {
    /// All kinds with the words a policy uses for them, in the order in which they are told.
    pub const ALL: [(&'static str, Self); 6] = [
        ("operator", Self::Operator),
        ("host", Self::Host),
        ("cloud", Self::Cloud),
        ("vendor", Self::Vendor),
        ("jurisdiction", Self::Jurisdiction),
        ("site", Self::Site),
    ];

    /// The word a policy uses for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Host => "host",
            Self::Cloud => "cloud",
            Self::Vendor => "vendor",
            Self::Jurisdiction => "jurisdiction",
            Self::Site => "site",
        }
    }

    /// The kind that a policy calls by this word.
    #[must_use]
    pub fn from_written(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == word);
        known.map(|(_, domain)| *domain)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is said of one kind.
///
/// Where nothing is said there is no fact at all, and the value is unknown; that is not the same
/// as [`None`](Self::None).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CustodyFact {
    /// The word `none`: there is no domain of this kind.  Two things without a cloud account have
    /// no cloud account in common, so nothing is shared by it.
    None,
    /// The domain by its name.  Two things are in one domain if the names are the same text.
    Named(String),
}

impl CustodyFact {
    /// What a text says; nothing if it is blank.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        match text.trim() {
            "" => Option::None,
            NONE => Some(Self::None),
            name => Some(Self::Named(name.to_owned())),
        }
    }

    /// The name of the domain, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => Option::None,
            Self::Named(name) => Some(name),
        }
    }

    /// Whether two things of which this is said are in one domain.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        self.name().is_some() && self == other
    }
}

impl fmt::Display for CustodyFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or(NONE))
    }
}

/// What is said of where something is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody(BTreeMap<Domain, CustodyFact>);

impl Custody {
    /// What is said of one kind; nothing if nothing is.
    #[must_use]
    pub fn get(&self, domain: Domain) -> Option<&CustodyFact> {
        self.0.get(&domain)
    }

    /// The name of the domain of this kind, if one is named.
    #[must_use]
    pub fn name(&self, domain: Domain) -> Option<&str> {
        self.get(domain)?.name()
    }

    /// All that is said.
    pub fn iter(&self) -> impl Iterator<Item = (Domain, &CustodyFact)> {
        self.0.iter().map(|(domain, fact)| (*domain, fact))
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said here, and for the rest what is said there.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let mut facts = other.0.clone();
        facts.extend(self.0.clone());
        Self(facts)
    }
}

impl FromIterator<(Domain, CustodyFact)> for Custody {
    fn from_iter<I: IntoIterator<Item = (Domain, CustodyFact)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

/// What a party keeps beside its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// A copy of the files signed in advance: trigger, cancel and settle.
    Files,
    /// The copies of acknowledgement records.
    Acknowledgements,
    /// A cancel that was completed in advance, left with somebody who watches: whoever controls
    /// it vetoes.
    Watchtower,
    /// The party's fee wallet.
    Fees,
    /// A copy of the party's keys: whoever has it has the keys.
    Backup,
}

impl ItemKind {
    /// All kinds with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("files", Self::Files),
        ("acknowledgements", Self::Acknowledgements),
        ("watchtower", Self::Watchtower),
        ("fees", Self::Fees),
        ("backup", Self::Backup),
    ];

    /// The word a policy uses for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Acknowledgements => "acknowledgements",
            Self::Watchtower => "watchtower",
            Self::Fees => "fees",
            Self::Backup => "backup",
        }
    }

    /// Whether such an item is of certain staged paths, rather than of the policy as a whole.
    #[must_use]
    pub const fn has_paths(self) -> bool {
        matches!(self, Self::Files | Self::Watchtower)
    }

    /// Whether a party has such a thing even if the policy does not mention it: then it is
    /// supposed to be with the party's keys.
    #[must_use]
    pub const fn is_supposed(self) -> bool {
        matches!(self, Self::Files | Self::Acknowledgements | Self::Fees)
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something a party keeps beside its keys, in a custody of its own.
#[derive(Clone, Debug)]
pub struct Item {
    pub(in crate::policy) name: String,
    pub(in crate::policy) kind: ItemKind,
    pub(in crate::policy) of: Arc<Party>,
    pub(in crate::policy) paths: Vec<String>,
    pub(in crate::policy) names_paths: bool,
    pub(in crate::policy) stated: Custody,
    pub(in crate::policy) custody: Custody,
}

impl Item {
    /// The name, unique among the parties, quorums and items of its policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> ItemKind {
        self.kind
    }

    /// The party whose it is.
    #[must_use]
    pub const fn of(&self) -> &Arc<Party> {
        &self.of
    }

    /// Of which staged paths it is, in the order of the policy: all of them where the item names
    /// none.  Empty for kinds without [paths](ItemKind::has_paths).
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether the policy names its paths, rather than leaving them out for all staged paths.
    #[must_use]
    pub const fn names_paths(&self) -> bool {
        self.names_paths
    }

    /// Where it is kept: what the item says, and for the rest what its party says.
    #[must_use]
    pub const fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Only what the item itself says of where it is kept.
    #[must_use]
    pub const fn stated(&self) -> &Custody {
        &self.stated
    }
}

impl Policy {
    /// What the parties keep beside their keys, as far as the policy says so, in the order of the
    /// names.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// The item of this name.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.get(name)
    }

    /// Where a party keeps a kind of thing: one custody for each copy.
    ///
    /// For kinds that are of [certain paths](ItemKind::has_paths) the question is about one of
    /// these; for others the path does not matter.  A party that the policy says nothing about
    /// is supposed to keep its copy of the files, its acknowledgements and its fee wallet (if it
    /// has [named](Party::fees) one) where its keys are; as soon as an item says otherwise, the
    /// item is all there is.  Nobody is supposed to have a watchtower or a backup.
    #[must_use]
    pub fn copies<'a>(
        &'a self,
        kind: ItemKind,
        party: &'a Party,
        path: Option<&str>,
    ) -> Vec<&'a Custody> {
        let stated: Vec<&Custody> = self
            .items()
            .filter(|item| item.kind == kind && item.of.name() == party.name())
            .filter(|item| {
                !kind.has_paths()
                    || path.is_some_and(|path| item.paths.iter().any(|name| name == path))
            })
            .map(Item::custody)
            .collect();
        let has_it = kind != ItemKind::Fees || party.fees().is_some();
        if stated.is_empty() && kind.is_supposed() && has_it {
            return vec![party.custody()];
        }
        stated
    }
}
