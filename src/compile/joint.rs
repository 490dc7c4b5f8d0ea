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
    /// The leaves of a stage that can be written as one, each at most once, the first that fit.
    pub(super) fn all(stage: &Stage, leaves: &[Leaf]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        if *stage != Stage::Vault {
            return found;
        }
        for first in 0..leaves.len() {
            for second in 0..leaves.len() {
                let is_taken = |leaf| found.iter().any(|joint| joint.has(leaf));
                if first != second && !is_taken(first) && !is_taken(second) {
                    found.extend(Self::of(leaves, first, second));
                }
            }
        }
        found
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
mod tests {
    use std::fmt::Write;
    use std::sync::Arc;

    use bitcoin::secp256k1::Secp256k1;

    use super::*;
    use crate::compile::compile;
    use crate::policy::check;
    use crate::signer::SoftwareSigner;
    use crate::units::{BlockHeight, Blocks};

    const TERMS: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
seat-a = { threshold = 1, of = ["amy", "alice"] }
seat-b = { threshold = 1, of = ["bob", "ben"] }
late = { threshold = 2, of = ["seat-a", "seat-b", "carol"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "late"
quorum = "late"
delay = "90 blocks"
unlock_height = 5000

[lints]
LS0503 = "short delays keep the tests quick"
"#;

    /// The leaves of a vault, each with keys of its own.
    fn leaves() -> Vec<Leaf> {
        let secp = Secp256k1::new();
        let path = "48h/1h/0h/3h".parse().expect("a path");
        let mut text = String::from(
            "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"wsh\"\n[parties]\n",
        );
        for name in ["alice", "amy", "bob", "ben", "carol"] {
            let key = SoftwareSigner::stand_in(0, name, &secp).account(&path, &secp);
            writeln!(text, "{name} = {{ key = \"{key}\" }}").expect("text");
        }
        let checked = check(&(text + TERMS));
        let policy = checked.policy.expect("the policy is sound");
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        compiled.vault().leaves().to_vec()
    }

    fn joint(leaves: &[Leaf]) -> Joint {
        let mut all = Joint::all(&Stage::Vault, leaves);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn covers(joint: &Joint, leaves: &[Leaf]) -> bool {
        joint.covers(leaves).expect("it is small")
    }

    #[test]
    fn only_leaves_of_a_vault_are_joined() {
        let leaves = leaves();
        assert_eq!(joint(&leaves).common, [(0, 1), (1, 2), (2, 4)]);
        for stage in [Stage::Escrow("sos".into()), Stage::Lockup("sos".into())] {
            assert!(Joint::all(&stage, &leaves).is_empty());
        }
    }

    /// A joint that opens earlier, asks for less or for more, counts a key twice, or is of other
    /// leaves, is none.
    #[test]
    fn a_joint_is_its_two_leaves_and_nothing_else() {
        let leaves = leaves();
        let right = joint(&leaves);
        assert!(covers(&right, &leaves));
        let blocks = |count| RelativeLock::from_blocks(Blocks(count)).ok();
        let height = |height| AbsoluteLock::from_height(BlockHeight(height)).ok();
        assert_eq!(right.later, (blocks(90), height(5000)));
        for later in [
            (None, height(5000)),
            (blocks(90), None),
            (blocks(89), height(5000)),
            (blocks(91), height(5000)),
            (blocks(90), height(4999)),
            (blocks(90), height(5001)),
        ] {
            let other = Joint {
                later,
                ..right.clone()
            };
            assert!(!covers(&other, &leaves), "{later:?}");
        }
        // The first leaf has to be the one that opens first.
        let turned = Joint {
            first: right.second,
            second: right.first,
            later: (None, None),
            ..right.clone()
        };
        assert!(!covers(&turned, &leaves));
        let missing = Joint {
            second: 7,
            ..right.clone()
        };
        assert!(!covers(&missing, &leaves));
        let seat = Condition::Seat;
        let later = |now, others: &[usize]| {
            let others: Vec<Condition> = others.iter().copied().map(seat).collect();
            let others = match others.as_slice() {
                [only] => only.clone(),
                _ => Condition::Threshold(1, others),
            };
            Eased::OrLater(seat(now), others)
        };
        let always = |own| Eased::Always(seat(own));
        let own = |threshold, a, b, c| Eased::Threshold(threshold, vec![a, b, c]);
        assert_eq!(
            right.condition,
            own(2, later(0, &[0]), later(1, &[3]), always(2))
        );
        for condition in [
            own(1, later(0, &[0]), later(1, &[3]), always(2)),
            own(3, later(0, &[0]), later(1, &[3]), always(2)),
            own(2, always(0), later(1, &[3]), always(2)),
            own(2, later(0, &[0]), later(1, &[3]), later(2, &[0])),
            own(2, later(0, &[3]), later(1, &[3]), always(2)),
            own(2, later(0, &[0, 3]), later(1, &[3]), always(2)),
            own(2, later(1, &[0]), later(1, &[3]), always(2)),
            Eased::Always(Condition::of(&leaves[right.first])),
        ] {
            let other = Joint {
                condition,
                ..right.clone()
            };
            assert!(!covers(&other, &leaves), "{:?}", other.condition);
        }
        for common in [
            vec![(0, 1), (1, 2)],
            vec![(0, 1), (1, 2), (2, 4), (2, 0)],
            vec![(0, 1), (1, 2), (2, 4), (0, 4)],
            vec![(0, 1), (1, 1), (2, 4)],
            vec![(0, 0), (1, 2), (2, 4)],
        ] {
            let other = Joint {
                common,
                ..right.clone()
            };
            assert!(!covers(&other, &leaves), "{:?}", other.common);
        }
    }

    /// A seat gets another branch of the account it had, and never somebody else's key.
    #[test]
    fn keys_are_shared_with_their_own_party_only() {
        let mut shared = leaves();
        let right = joint(&shared);
        let before = shared.clone();
        let common = right.share_keys(&mut shared).expect("they are its own");
        assert_eq!(common.seats, right.common);
        let keys = |leaves: &[Leaf], leaf: usize| -> Vec<DescriptorPublicKey> {
            leaves[leaf].keys().cloned().collect()
        };
        let (first, second) = (right.first, right.second);
        assert_eq!(keys(&shared, first), keys(&before, first));
        for (seat, key) in keys(&shared, second).iter().enumerate() {
            let own = right.common.iter().find(|(_, other)| *other == seat);
            match own {
                Some((own, _)) => assert_eq!(*key, keys(&before, first)[*own]),
                None => assert_eq!(*key, keys(&before, second)[seat]),
            }
        }
        for wrong in [(0, 0), (0, 2), (1, 4), (2, 3), (3, 4), (2, 5)] {
            let other = Joint {
                common: vec![wrong],
                ..right.clone()
            };
            assert_eq!(other.share_keys(&mut leaves()), None, "{wrong:?}");
        }
    }
}
