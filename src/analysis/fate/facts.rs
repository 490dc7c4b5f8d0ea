//! What is said of where everything is, and what stands behind it.

use serde::Serialize;

use crate::governance::{Attestations, CustodyReading, KeysShown, Standing};
use crate::logic::Atom;
use crate::policy::{Domain, Policy};

/// Every custody fact of a policy's parties and items, with what stands behind it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// For each party and item, by its number, the kinds in the order of [`Domain::ALL`].
    readings: Vec<Vec<CustodyReading>>,
    /// The parties whose own fee wallet is where their keys are.
    fee_wallets: Vec<bool>,
    /// What parties have shown of their keys.
    keys: Vec<KeysShown>,
}

/// How the facts of one kind stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindFacts {
    /// The kind.
    pub kind: Domain,
    /// How many domains of it are named.
    pub domains: usize,
    /// How many facts are attested.
    pub attested: usize,
    /// How many are only claimed.
    pub claimed: usize,
    /// How many were attested for a time that is over.
    pub stale: usize,
    /// Of how many parties and items nothing is said.
    pub unknown: usize,
}

impl Facts {
    /// What a policy says, and what attestations say of it.
    ///
    /// Without attestations ([`Attestations::default`]) nothing is attested.
    #[must_use]
    pub fn of(policy: &Policy, attestations: &Attestations) -> Self {
        let kinds = || Domain::ALL.iter().map(|(_, kind)| *kind);
        let parties = policy.parties().map(|party| {
            kinds()
                .map(|kind| attestations.of_party(party, kind))
                .collect()
        });
        let items = policy.items().map(|item| {
            kinds()
                .map(|kind| attestations.of_item(item, kind))
                .collect()
        });
        let own_wallet = |name: &str| {
            let mut items = policy.items();
            !items.any(|item| {
                item.kind() == crate::policy::ItemKind::Fees && item.of().name() == name
            })
        };
        Self {
            readings: parties.chain(items).collect(),
            fee_wallets: policy
                .parties()
                .map(|party| party.fees().is_some() && own_wallet(party.name()))
                .collect(),
            keys: attestations.keys().to_vec(),
        }
    }

    /// What the parties that attest anything, or have shown any of their keys, have shown of them.
    #[must_use]
    pub fn keys(&self) -> &[KeysShown] {
        &self.keys
    }

    /// What is said of a party or item, by its number.
    #[must_use]
    pub fn reading(&self, atom: Atom, kind: Domain) -> Option<&CustodyReading> {
        let place = Domain::ALL.iter().position(|(_, known)| *known == kind)?;
        self.readings.get(atom)?.get(place)
    }

    /// How the facts of each kind stand.
    #[must_use]
    pub fn kinds(&self) -> Vec<KindFacts> {
        let kinds = Domain::ALL.iter().map(|(_, kind)| *kind);
        kinds.map(|kind| self.kind(kind)).collect()
    }

    fn kind(&self, kind: Domain) -> KindFacts {
        let mut facts = KindFacts {
            kind,
            domains: 0,
            attested: 0,
            claimed: 0,
            stale: 0,
            unknown: 0,
        };
        let mut names = std::collections::BTreeSet::new();
        for atom in self.atoms() {
            let Some(reading) = self.reading(atom, kind) else {
                continue;
            };
            names.extend(reading.fact.as_ref().and_then(|fact| fact.name()));
            *match reading.standing {
                Standing::Attested { .. } => &mut facts.attested,
                Standing::Claimed => &mut facts.claimed,
                Standing::Stale { .. } => &mut facts.stale,
                Standing::Unknown => &mut facts.unknown,
            } += 1;
        }
        facts.domains = names.len();
        facts
    }

    /// The parties and items.
    pub(super) fn atoms(&self) -> std::ops::Range<Atom> {
        0..self.readings.len()
    }

    /// Whether a party has a fee wallet where its keys are.
    pub(super) fn has_fee_wallet(&self, atom: Atom) -> bool {
        self.fee_wallets.get(atom).copied().unwrap_or(false)
    }
}
