//! Parties, and the thresholds over them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccountKey, Custody, FeeWallet};

/// Somebody who holds keys: a person, an organisation, or a group that signs as one.
#[derive(Clone, Debug)]
pub struct Party {
    pub(in crate::policy) name: String,
    pub(in crate::policy) key: AccountKey,
    pub(in crate::policy) veto: Option<AccountKey>,
    pub(in crate::policy) identity: Option<ed25519_dalek::VerifyingKey>,
    pub(in crate::policy) fees: Option<FeeWallet>,
    pub(in crate::policy) custody: Custody,
}

impl Party {
    /// The name, unique in its policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account from which all keys of this party are derived, but for those of the veto role
    /// where there is a [`veto`](Self::veto) account.
    #[must_use]
    pub const fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The account for the veto role, if the party keeps one apart.
    #[must_use]
    pub const fn veto(&self) -> Option<&AccountKey> {
        self.veto.as_ref()
    }

    /// The key that signs governance events.
    #[must_use]
    pub const fn identity(&self) -> Option<&ed25519_dalek::VerifyingKey> {
        self.identity.as_ref()
    }

    /// The wallet that pays for this party's fee children.
    #[must_use]
    pub const fn fees(&self) -> Option<&FeeWallet> {
        self.fees.as_ref()
    }

    /// What the author says of where the party's keys are kept.
    #[must_use]
    pub const fn custody(&self) -> &Custody {
        &self.custody
    }
}

/// A threshold over parties and other quorums.
///
/// The threshold is at least one and at most the number of members; no member stands twice in
/// the list; and no quorum contains itself.
#[derive(Clone, Debug)]
pub struct Quorum {
    pub(in crate::policy) name: String,
    pub(in crate::policy) threshold: usize,
    pub(in crate::policy) members: Vec<Member>,
    pub(in crate::policy) roster: Option<Roster>,
}

/// Members who usually act for a quorum: just enough of them to meet its threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    pub(in crate::policy) members: BTreeSet<String>,
    pub(in crate::policy) share: u8,
}

impl Roster {
    /// The names of the parties.
    #[must_use]
    pub const fn members(&self) -> &BTreeSet<String> {
        &self.members
    }

    /// In how many of a hundred cases it is they who act, 1 to 99.
    #[must_use]
    pub const fn share(&self) -> u8 {
        self.share
    }
}

/// A member of a quorum.
#[derive(Clone, Debug)]
pub enum Member {
    /// One party.
    Party(Arc<Party>),
    /// A quorum that counts as one member once it meets its own threshold.
    Quorum(Arc<Quorum>),
}

impl Member {
    /// The name of the party or quorum.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Party(party) => party.name(),
            Self::Quorum(quorum) => quorum.name(),
        }
    }
}

impl Quorum {
    /// The name, unique in its policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many members must act.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// The members in the order of the document.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Who usually acts, if the policy says so.
    #[must_use]
    pub const fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// The parties, each as often as it counts: depth first, in the order of the document.
    #[must_use]
    pub fn seats(&self) -> Vec<&Arc<Party>> {
        let mut seats = Vec::new();
        for member in &self.members {
            match member {
                Member::Party(party) => seats.push(party),
                Member::Quorum(quorum) => seats.extend(quorum.seats()),
            }
        }
        seats
    }

    /// The names of the parties, each once.
    #[must_use]
    pub fn party_names(&self) -> BTreeSet<&str> {
        self.seats().into_iter().map(|party| party.name()).collect()
    }

    /// The names of the parties, each once, in the order of their first seats.
    #[must_use]
    pub fn roll(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for seat in self.seats() {
            if !names.contains(&seat.name()) {
                names.push(seat.name());
            }
        }
        names
    }

    /// The only party, where the quorum is nothing but that party.
    #[must_use]
    pub fn single_party(&self) -> Option<&Arc<Party>> {
        match self.members.as_slice() {
            [Member::Party(party)] => Some(party),
            [Member::Quorum(quorum)] => quorum.single_party(),
            _ => None,
        }
    }

    /// Whether these parties together meet the threshold.
    pub fn is_met_by(&self, present: &dyn Fn(&Party) -> bool) -> bool {
        let met = self.members.iter().filter(|member| match member {
            Member::Party(party) => present(party),
            Member::Quorum(quorum) => quorum.is_met_by(present),
        });
        met.count() >= self.threshold
    }

    /// The fewest further seats that must act for the threshold to be met, where these parties have.
    #[must_use]
    pub fn fewest_more(&self, present: &dyn Fn(&Party) -> bool) -> usize {
        let mut costs: Vec<usize> = self
            .members
            .iter()
            .map(|member| match member {
                Member::Party(party) => usize::from(!present(party)),
                Member::Quorum(quorum) => quorum.fewest_more(present),
            })
            .collect();
        costs.sort_unstable();
        costs.into_iter().take(self.threshold).sum()
    }

    /// The fewest seats that must act for the threshold to be met.
    #[must_use]
    pub fn fewest_seats(&self) -> usize {
        self.fewest_more(&|_| false)
    }
}
