//! The branch table: every use of every key has a branch pair of its own.
//!
//! A P2WSH signature commits to the whole script and not to the branch of it that is taken, so a
//! key that stood in two branches would sign for both at once.  Taproot signatures do commit to
//! their leaf, but signing devices want distinct derivations all the same.  So each key use gets
//! its own pair `/<2i;2i+1>/*`, numbered in the order of the policy: the vault first, where root
//! is always `<0;1>`, then escrow and lock-up path by path.
//!
//! In the layout `cheapest`, two leaves of a vault may be one condition in which their common keys
//! stand once; those seats have one pair ([`joint`](super::joint) says why they may).

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::bip32::{ChildNumber, DerivationPath};
use miniscript::descriptor::{DerivPaths, DescriptorMultiXKey, DescriptorPublicKey, Wildcard};
use serde::Serialize;

use super::expression::Expression;
use super::joint::CommonSeats;
use super::leaf::{LeafKind, Role};
use super::stage::Stage;
use crate::policy::{AccountKey, Member, Party, Quorum};

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BranchUse {
    /// The stage whose descriptor holds the key.
    pub stage: Stage,
    /// The leaf that holds it.
    pub leaf: LeafKind,
    /// The capacity in which the party signs.
    pub role: Role,
    /// The party.
    pub party: String,
    /// The number `i` of the pair `/<2i;2i+1>/*`.
    pub pair: u32,
}

/// The table of all key uses of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BranchTable {
    uses: Vec<BranchUse>,
    #[serde(skip)]
    next: u32,
}

impl BranchTable {
    /// The rows in the order in which they were assigned.
    #[must_use]
    pub fn uses(&self) -> &[BranchUse] {
        &self.uses
    }

    /// The table as text, of which the policy id is a digest: one row to a line, with pair, stage,
    /// leaf, role and party.
    #[must_use]
    pub fn rows(&self) -> String {
        let rows = self.uses.iter().map(|row| {
            format!(
                "{} {} / {} / {} / {}\n",
                row.pair, row.stage, row.leaf, row.role, row.party
            )
        });
        rows.collect()
    }

    /// Gives every seat of a quorum in one role of one leaf its key.
    ///
    /// All seats share one pair, but for a party that has several seats: each further seat of
    /// its takes the next pair.
    pub(super) fn assign(
        &mut self,
        stage: &Stage,
        leaf: &LeafKind,
        role: Role,
        quorum: &Arc<Quorum>,
    ) -> Expression {
        let mut seats: BTreeMap<String, u32> = BTreeMap::new();
        let first = self.next;
        self.expression(quorum, &mut |table, party| {
            let seat = seats.entry(party.name().to_owned()).or_default();
            let pair = first + *seat;
            *seat += 1;
            table.next = table.next.max(pair + 1);
            table.uses.push(BranchUse {
                stage: stage.clone(),
                leaf: leaf.clone(),
                role,
                party: party.name().to_owned(),
                pair,
            });
            let account = match role {
                Role::Veto => party.veto().unwrap_or_else(|| party.key()),
                Role::Root | Role::Arming | Role::Path | Role::Lockup => party.key(),
            };
            branch_pair(account, pair)
        })
    }

    /// Notes that seats of two leaves of a stage have one key, that of the first leaf.
    pub(super) fn share(&mut self, stage: &Stage, common: &CommonSeats) {
        let is_of = |row: &BranchUse, leaf: &LeafKind| row.stage == *stage && row.leaf == *leaf;
        let first = self.uses.iter().filter(|row| is_of(row, &common.first));
        let first: Vec<u32> = first.map(|row| row.pair).collect();
        let second = self.uses.iter_mut();
        let second = second.filter(|row| is_of(row, &common.second));
        for (seat, row) in second.enumerate() {
            let shared = common.seats.iter().find(|(_, other)| *other == seat);
            if let Some(pair) = shared.and_then(|(own, _)| first.get(*own)) {
                row.pair = *pair;
            }
        }
    }

    fn expression(
        &mut self,
        quorum: &Quorum,
        key: &mut dyn FnMut(&mut Self, &Party) -> DescriptorPublicKey,
    ) -> Expression {
        let members = quorum
            .members()
            .iter()
            .map(|member| match member {
                Member::Party(party) => Expression::Key {
                    party: party.name().to_owned(),
                    key: key(self, party),
                },
                Member::Quorum(inner) => self.expression(inner, key),
            })
            .collect();
        Expression::threshold(quorum.threshold(), members)
    }
}

/// The key expression `[origin]xpub/<2i;2i+1>/*`.
pub(super) fn branch_pair(account: &AccountKey, pair: u32) -> DescriptorPublicKey {
    multipath(
        Some((account.fingerprint(), account.path().clone())),
        *account.xpub(),
        pair,
    )
}

pub(super) fn multipath(
    origin: Option<(bitcoin::bip32::Fingerprint, DerivationPath)>,
    xkey: bitcoin::bip32::Xpub,
    pair: u32,
) -> DescriptorPublicKey {
    let branch = |index| DerivationPath::from(vec![ChildNumber::Normal { index }]);
    let paths = DerivPaths::new(vec![branch(2 * pair), branch(2 * pair + 1)])
        .expect("two paths are not none");
    DescriptorPublicKey::MultiXPub(DescriptorMultiXKey {
        origin,
        xkey,
        derivation_paths: paths,
        wildcard: Wildcard::Unhardened,
    })
}
