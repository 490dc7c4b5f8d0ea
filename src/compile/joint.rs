//! Two leaves of a vault that are written as one, so that the keys they have in common stand once.
//!
//! Where a direct path asks for the seats of root, of which each may by then be filled by another
//! key, root's keys would stand in both leaves, and in P2WSH every key of every leaf is shown with
//! each spend.  Written as one threshold whose seats are "the key, or from the delay on the other",
//! they stand once.  The same goes for two direct paths.
//!
//! # Why a key may then count for both leaves
//!
//! A signature in P2WSH commits to the script and to the transaction, and not to what it was given
//! for, so a signature of a common key counts for both leaves.  Otherwise every use of a key has a
//! branch of its own, because a signature on a transaction that is signed in advance must not open
//! what it was not given for.  Here it cannot:
//!
//! - Leaves with a pre-signature are never joined: the arming keys stay on branches of their own,
//!   and no signature of theirs counts in a joint script.
//! - Both leaves have a relative lock, and in a vault whatever is signed in advance (a trigger)
//!   carries the sequence number 0xfffffffd, which opens none.  So no stray signature that a device
//!   returns beside the one that it was asked for opens either of them, in part or in whole.
//! - What remains is signed live.  A signature commits to the sequence number: one that was given
//!   for the earlier leaf, on a transaction that waits for that leaf only, counts for nothing that
//!   the later one allows.  One on a transaction that waits for the later leaf says that this seat
//!   wants this transaction, which is what both leaves ask of it.  Whoever signed for neither gains
//!   nothing, and nobody needs fewer seats than the policy says.
//!
//! Escrows and lock-ups are left as they are: a settle is signed in advance and waits, and a
//! clawback does not wait.
//!
//! # Why two leaves and not three
//!
//! Of three leaves over the same seats (a key, another later, a third one later still), the two
//! that have most keys in common are one, and the third stands by itself.  For 3-of-5 that is 20
//! keys in place of 30, where one condition of all three would have 15, and root's witness weighs
//! 940 units where it would then weigh about 760.  What is compared with its leaves after every
//! compilation is a pair: one condition before a lock and after it.  A chain of conditions would
//! have to be compared at every step, for policies that few have.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use miniscript::descriptor::DescriptorPublicKey;

use super::leaf::{Leaf, LeafKind, Role};
use super::script::Condition;
use super::stage::Stage;
use crate::logic::{Formula, Logic, TooLarge};
use crate::units::{AbsoluteLock, RelativeLock};

/// Two leaves, by their numbers, as one condition.
#[derive(Clone, Debug)]
pub(super) struct Joint {
    /// The leaf that opens first.
    pub first: usize,
    /// The leaf whose keys include those of the first, seat by seat.
    pub second: usize,
    /// What both ask for besides the locks of the first.
    pub condition: Eased,
    /// The seats that are the same in both: that of the first leaf, and that of the second.
    pub common: Vec<(usize, usize)>,
    /// The locks of the second leaf that the first does not have.
    pub later: (Option<RelativeLock>, Option<AbsoluteLock>),
}

/// Seats of two leaves of a stage that have one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommonSeats {
    pub first: LeafKind,
    pub second: LeafKind,
    pub seats: Vec<(usize, usize)>,
}

/// What is asked for before a lock is open, and less than that afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Eased {
    /// The same before and after; seats are those of the first leaf.
    Always(Condition),
    /// This, with the seats of the first leaf; or once the lock is open that, with the seats of
    /// the second.
    OrLater(Condition, Condition),
    /// So many of these.
    Threshold(usize, Vec<Self>),
}

impl Eased {
    /// What is asked for while the lock is shut, or once it is open; the seats of the second leaf
    /// are counted from a number on.
    pub(super) fn when(&self, is_open: bool, from: usize) -> Condition {
        match self {
            Self::OrLater(now, later) if is_open => {
                Condition::Threshold(1, vec![now.clone(), later.shifted(from)])
            }
            Self::Always(now) | Self::OrLater(now, _) => now.clone(),
            Self::Threshold(threshold, members) => {
                let members = members.iter().map(|member| member.when(is_open, from));
                Condition::Threshold(*threshold, members.collect())
            }
        }
    }
}

impl Joint {
    /// The leaves of a stage that can be written as one, each at most once, those that have most
    /// keys in common first.
    pub(super) fn all(stage: &Stage, leaves: &[Leaf]) -> Vec<Self> {
        let mut chosen: Vec<Self> = Vec::new();
        if *stage != Stage::Vault {
            return chosen;
        }
        let firsts = (0..leaves.len()).flat_map(|first| {
            let seconds = (0..leaves.len()).filter(move |second| *second != first);
            seconds.filter_map(move |second| Self::of(leaves, first, second))
        });
        let mut found: Vec<Self> = firsts.collect();
        // Stable: among equals those that come first.
        found.sort_by_key(|joint| Reverse(joint.common.len()));
        for joint in found {
            let is_taken = |leaf| chosen.iter().any(|other| other.has(leaf));
            if !is_taken(joint.first) && !is_taken(joint.second) {
                chosen.push(joint);
            }
        }
        chosen
    }

    /// Whether this leaf is one of the two.
    pub(super) const fn has(&self, leaf: usize) -> bool {
        self.first == leaf || self.second == leaf
    }

    fn of(leaves: &[Leaf], first: usize, second: usize) -> Option<Self> {
        let (one, other) = (leaves.get(first)?, leaves.get(second)?);
        let later = later_locks(one, other)?;
        let (parties, others) = (parties(one)?, parties(other)?);
        let is_same = |seat: usize, other: usize| match (parties.get(seat), others.get(other)) {
            (Some(party), Some(other)) => party == other,
            _ => false,
        };
        let (condition, common) = eased(&whole(one)?, &whole(other)?, &is_same)?;
        (!matches!(condition, Eased::Always(_))).then_some(Self {
            first,
            second,
            condition,
            common,
            later,
        })
    }

    /// Whether the two leaves may be written as one, and whether that asks for just what the first
    /// asks for while the later locks are shut, and for just what the second asks for once they are
    /// open, each common seat having one key.
    pub(super) fn covers(&self, leaves: &[Leaf]) -> Result<bool, TooLarge> {
        let (Some(first), Some(second)) = (leaves.get(self.first), leaves.get(self.second)) else {
            return Ok(false);
        };
        let is_live = |leaf: &Leaf| !leaf.is_presigned() && leaf.relative().is_some();
        let is_allowed = is_live(first) && is_live(second) && self.is_one_to_one();
        if !is_allowed || !self.has_locks_of(first, second) {
            return Ok(false);
        }
        let from = first.keys().count();
        let atom = |seat: usize| {
            let own = seat.checked_sub(from);
            let common = self.common.iter().find(|(_, other)| Some(*other) == own);
            Formula::Atom(common.map_or(seat, |(seat, _)| *seat))
        };
        let pairs = [
            (self.condition.when(false, from), Condition::of(first)),
            (
                self.condition.when(true, from),
                Condition::of(second).shifted(from),
            ),
        ];
        for (joint, leaf) in pairs {
            if !Logic::new().equivalent(&joint.formula(&atom), &leaf.formula(&atom))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no seat is common twice: two seats that had one key would be one signature.
    fn is_one_to_one(&self) -> bool {
        let firsts: BTreeSet<usize> = self.common.iter().map(|(seat, _)| *seat).collect();
        let seconds: BTreeSet<usize> = self.common.iter().map(|(_, other)| *other).collect();
        firsts.len() == self.common.len() && seconds.len() == self.common.len()
    }

    /// Whether the locks of the first leaf and the later ones are together those of the second.
    fn has_locks_of(&self, first: &Leaf, second: &Leaf) -> bool {
        let (relative, absolute) = self.later;
        let is_no_earlier = match (first.relative(), second.relative()) {
            (Some(one), Some(other)) => other.implies(one),
            (one, _) => one.is_none(),
        };
        let is_no_earlier = is_no_earlier
            && match (first.absolute(), second.absolute()) {
                (Some(one), Some(other)) => other.implies(one),
                (one, _) => one.is_none(),
            };
        is_no_earlier
            && relative.or(first.relative()) == second.relative()
            && absolute.or(first.absolute()) == second.absolute()
    }

    /// Gives the common seats of the second leaf the keys that the first has, and names them; none
    /// if such a key is not of the very account that the seat had.
    pub(super) fn share_keys(&self, leaves: &mut [Leaf]) -> Option<CommonSeats> {
        let first = leaves.get(self.first)?;
        let kind = first.kind().clone();
        let keys: Vec<_> = first.keys().cloned().collect();
        let second = leaves.get_mut(self.second)?;
        for (seat, other) in &self.common {
            let key = keys.get(*seat)?;
            if !is_of_one_account(key, second.keys().nth(*other)?) {
                return None;
            }
            second.set_key(*other, key.clone())?;
        }
        Some(CommonSeats {
            first: kind,
            second: second.kind().clone(),
            seats: self.common.clone(),
        })
    }
}

/// Whether two keys are of one account, on whichever branches.
fn is_of_one_account(one: &DescriptorPublicKey, other: &DescriptorPublicKey) -> bool {
    match (one, other) {
        (DescriptorPublicKey::MultiXPub(one), DescriptorPublicKey::MultiXPub(other)) => {
            one.origin == other.origin && one.xkey == other.xkey && one.wildcard == other.wildcard
        }
        _ => false,
    }
}

/// The locks that the second leaf has and the first has not, if whoever has waited for the second
/// has also waited for the first, and the first waits at all.
fn later_locks(
    first: &Leaf,
    second: &Leaf,
) -> Option<(Option<RelativeLock>, Option<AbsoluteLock>)> {
    let (one, other) = (first.relative()?, second.relative()?);
    let relative = (one != other).then_some(other);
    let absolute = match (first.absolute(), second.absolute()) {
        (Some(one), Some(other)) if one == other => None,
        (Some(one), Some(other)) if other.implies(one) => Some(other),
        (Some(_), _) => return None,
        (None, other) => other,
    };
    let is_later = relative.is_some() || absolute.is_some();
    (other.implies(one) && is_later).then_some((relative, absolute))
}

/// Who has the seats of a leaf that is signed live by one quorum.
fn parties(leaf: &Leaf) -> Option<Vec<&str>> {
    match leaf.groups() {
        [only] if matches!(only.role(), Role::Root | Role::Path) => {
            Some(only.seats().map(|(party, _)| party).collect())
        }
        _ => None,
    }
}

/// What the one quorum of a leaf asks for.
fn whole(leaf: &Leaf) -> Option<Condition> {
    match Condition::of(leaf) {
        Condition::Threshold(_, parts) => parts.into_iter().next(),
        Condition::Seat(_) => None,
    }
}

/// Two conditions as one, with the seats that they have in common, if the second is the first
/// but for seats and quorums beside which it has others.
fn eased(
    first: &Condition,
    second: &Condition,
    is_same: &dyn Fn(usize, usize) -> bool,
) -> Option<(Eased, Vec<(usize, usize)>)> {
    match (first, second) {
        (Condition::Seat(seat), Condition::Seat(other)) => {
            is_same(*seat, *other).then(|| (Eased::Always(first.clone()), vec![(*seat, *other)]))
        }
        (Condition::Threshold(one, members), Condition::Threshold(other, others))
            if one == other && members.len() == others.len() =>
        {
            threshold(first, members, others, is_same).or_else(|| or_later(first, second, is_same))
        }
        _ => or_later(first, second, is_same),
    }
}

/// Thresholds of which each member of the first is eased by one of the second.
fn threshold(
    first: &Condition,
    members: &[Condition],
    others: &[Condition],
    is_same: &dyn Fn(usize, usize) -> bool,
) -> Option<(Eased, Vec<(usize, usize)>)> {
    let Condition::Threshold(needed, _) = first else {
        return None;
    };
    let mut left: Vec<&Condition> = others.iter().collect();
    let (mut all, mut common) = (Vec::new(), Vec::new());
    for member in members {
        let (place, (own, seats)) = left
            .iter()
            .enumerate()
            .find_map(|(place, other)| Some((place, eased(member, other, is_same)?)))?;
        left.remove(place);
        all.push(own);
        common.extend(seats);
    }
    let is_eased = all.iter().any(|own| !matches!(own, Eased::Always(_)));
    let condition = if is_eased {
        Eased::Threshold(*needed, all)
    } else {
        Eased::Always(first.clone())
    };
    Some((condition, common))
}

/// A condition that is one of the alternatives of the second, or whose alternatives are.
fn or_later(
    first: &Condition,
    second: &Condition,
    is_same: &dyn Fn(usize, usize) -> bool,
) -> Option<(Eased, Vec<(usize, usize)>)> {
    let Condition::Threshold(1, others) = second else {
        return None;
    };
    let own = match first {
        Condition::Threshold(1, own) => own.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut left = others.clone();
    let mut common = Vec::new();
    for member in own {
        let (place, seats) = left.iter().enumerate().find_map(|(place, other)| {
            match eased(member, other, is_same)? {
                (Eased::Always(_), seats) => Some((place, seats)),
                _ => None,
            }
        })?;
        left.remove(place);
        common.extend(seats);
    }
    let later = match left.as_slice() {
        [] => return None,
        [only] => only.clone(),
        _ => Condition::Threshold(1, left),
    };
    Some((Eased::OrLater(first.clone(), later), common))
}

#[cfg(test)]
mod tests;
