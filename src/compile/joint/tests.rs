//! A joint script is its two leaves, and nothing that could be taken for them.

use std::fmt::Write;
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;

use super::*;
use crate::compile::{Compiled, compile};
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

/// Root and agents in every capacity, and alice on two seats of root's.
const OTHERS: &str = r#"
[quorums]
one = { threshold = 1, of = ["alice", "amy"] }
two = { threshold = 1, of = ["alice", "ben"] }
council = { threshold = 2, of = ["one", "two"] }
agents = { threshold = 1, of = ["bob", "carol"] }
both = { threshold = 2, of = ["only", "agents"] }
only = { threshold = 1, of = ["alice"] }
vetoers = { threshold = 1, of = ["bob"] }

[root]
quorum = "only"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "council"
quorum = "council"
delay = "90 blocks"

[[path]]
name = "with-alice"
quorum = "both"
delay = "90 blocks"

[[path]]
name = "time"
quorum = "agents"
clock = "time"
delay = "30 days"

[[path]]
name = "blocks"
quorum = "agents"
delay = "5000 blocks"

[[path]]
name = "height"
quorum = "agents"
unlock_height = 900000

[[path]]
name = "higher"
quorum = "agents"
unlock_height = 900001
delay = "5000 blocks"

[[path]]
name = "date"
quorum = "agents"
unlock_at = "2031-01-01T00:00:00Z"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// The leaves of a vault, each with keys of its own.
fn leaves() -> Vec<Leaf> {
    compiled(TERMS).vault().leaves().to_vec()
}

fn compiled(terms: &str) -> Compiled {
    let secp = Secp256k1::new();
    let path = "48h/1h/0h/3h".parse().expect("a path");
    let mut text = String::from(
        "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"wsh\"\n[parties]\n",
    );
    for name in ["alice", "amy", "bob", "ben", "carol", "dan", "eve"] {
        let key = SoftwareSigner::stand_in(0, name, &secp).account(&path, &secp);
        writeln!(text, "{name} = {{ key = \"{key}\" }}").expect("text");
    }
    let checked = check(&(text + terms));
    let problems = checked.diagnostics;
    let policy = checked.policy.unwrap_or_else(|| panic!("{problems:#?}"));
    compile(Arc::new(policy)).expect("it compiles")
}

/// The leaf of a kind, by its number.
fn leaf(leaves: &[Leaf], kind: &LeafKind) -> usize {
    let place = leaves.iter().position(|leaf| leaf.kind() == kind);
    place.expect("there is such a leaf")
}

fn direct(leaves: &[Leaf], path: &str) -> usize {
    leaf(leaves, &LeafKind::Direct(path.to_owned()))
}

/// Two leaves of the same seats as one, by hand.
fn by_hand(leaves: &[Leaf], first: usize, second: usize) -> Joint {
    Joint {
        first,
        second,
        condition: Eased::Always(Condition::of(&leaves[first])),
        common: (0..leaves[first].keys().count())
            .map(|seat| (seat, seat))
            .collect(),
        later: (leaves[second].relative(), leaves[second].absolute()),
    }
}

/// What root signs in advance is never joined, although its seats are the same.
#[test]
fn what_is_signed_in_advance_is_not_joined() {
    let compiled = compiled(OTHERS);
    let vault = compiled.vault().leaves();
    let trigger = leaf(vault, &LeafKind::Trigger("sos".to_owned()));
    let live = direct(vault, "with-alice");
    assert!(!covers(&by_hand(vault, trigger, live), vault));
    let escrow = Stage::Escrow("sos".to_owned());
    let escrow = compiled.stage(&escrow).expect("it is staged").leaves();
    let (own, settle) = (
        leaf(escrow, &LeafKind::Override),
        leaf(escrow, &LeafKind::Settle),
    );
    assert!(!covers(&by_hand(escrow, own, settle), escrow));
    // Live leaves of the same seats would do.
    let (one, other) = (direct(vault, "blocks"), direct(vault, "higher"));
    assert!(covers(&by_hand(vault, one, other), vault));
}

/// Alice has two seats of the council.  One key on both of them would be one signature.
#[test]
fn a_key_has_one_seat() {
    let leaves = compiled(OTHERS).vault().leaves().to_vec();
    let (alice, council) = (leaf(&leaves, &LeafKind::Spend), direct(&leaves, "council"));
    let later = Condition::Threshold(2, vec![Condition::Seat(1), Condition::Seat(3)]);
    let once = Joint {
        first: alice,
        second: council,
        condition: Eased::OrLater(Condition::of(&leaves[alice]), later),
        common: vec![(0, 0), (0, 2)],
        later: (leaves[council].relative(), None),
    };
    assert!(!covers(&once, &leaves));
}

/// One leaf opens later than another if each of its locks implies that of the other.
#[test]
fn later_locks_are_those_that_differ() {
    let leaves = compiled(OTHERS).vault().leaves().to_vec();
    let mut count = 0;
    for one in &leaves {
        for other in &leaves {
            let (Some(relative), Some(later)) = (one.relative(), other.relative()) else {
                assert_eq!(later_locks(one, other), None);
                continue;
            };
            let waits = later.implies(relative)
                && one.absolute().is_none_or(|absolute| {
                    other
                        .absolute()
                        .is_some_and(|later| later.implies(absolute))
                });
            let locks = |leaf: &Leaf| (leaf.relative(), leaf.absolute());
            let expected = (waits && locks(one) != locks(other)).then(|| {
                let relative = Some(later).filter(|later| *later != relative);
                let absolute = other.absolute();
                (relative, absolute.filter(|_| absolute != one.absolute()))
            });
            assert_eq!(
                later_locks(one, other),
                expected,
                "{} {}",
                one.kind(),
                other.kind()
            );
            // What is no later is no joint either, whoever says so.
            let number = |own: &Leaf| leaf(&leaves, own.kind());
            let joint = by_hand(&leaves, number(one), number(other));
            if !waits {
                assert!(!joint.has_locks_of(one, other));
            }
            count += usize::from(expected.is_some());
        }
    }
    assert!(count > 8, "{count}");
}

#[test]
fn keys_are_of_one_account_whatever_their_branches() {
    let key = |text: &str| text.parse::<DescriptorPublicKey>().expect("a key");
    let secp = Secp256k1::new();
    let account = |name, path: &str| {
        let path = path.parse().expect("a path");
        SoftwareSigner::stand_in(0, name, &secp)
            .account(&path, &secp)
            .to_string()
    };
    let own = account("alice", "48h/1h/0h/3h");
    let one = key(&format!("{own}/<0;1>/*"));
    assert!(is_of_one_account(&one, &key(&format!("{own}/<4;5>/*"))));
    let without = own.split(']').nth(1).expect("a key");
    for other in [
        format!("{}/<0;1>/*", account("bob", "48h/1h/0h/3h")),
        format!("{}/<0;1>/*", account("alice", "48h/1h/1h/3h")),
        format!("{without}/<0;1>/*"),
        format!("[00000000/48h/1h/0h/3h]{without}/<0;1>/*"),
        format!("{own}/<0;1>"),
        format!("{own}/0/*"),
    ] {
        assert!(!is_of_one_account(&one, &key(&other)), "{other}");
        assert!(!is_of_one_account(&key(&other), &one), "{other}");
    }
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

/// Where the later quorum needs another number, or has a seat more or fewer, nothing is joined.
#[test]
fn quorums_of_other_thresholds_and_sizes_are_not_joined() {
    let was = r#"late = { threshold = 2, of = ["seat-a", "seat-b", "carol"] }"#;
    for is in [
        r#"late = { threshold = 1, of = ["seat-a", "seat-b", "carol"] }"#,
        r#"late = { threshold = 2, of = ["seat-a", "seat-b"] }"#,
        r#"late = { threshold = 2, of = ["seat-a", "seat-b", "carol", "dan"] }"#,
    ] {
        let compiled = compiled(&TERMS.replace(was, is));
        let all = Joint::all(&Stage::Vault, compiled.vault().leaves());
        assert!(all.is_empty(), "{is}: {all:?}");
    }
}

/// Every seat may have a later key, and a leaf is joined once, with that with which it has most
/// keys in common.
#[test]
fn a_leaf_is_joined_once() {
    let terms = TERMS
        .replace("\"seat-b\", \"carol\"]", "\"seat-b\", \"seat-c\"]")
        .replace(
            "late = {",
            "seat-c = { threshold = 1, of = [\"carol\", \"dan\"] }\nlast = { threshold = 2, of = [\"seat-a\", \"seat-b\", \"seat-d\"] }\nseat-d = { threshold = 1, of = [\"carol\", \"dan\", \"eve\"] }\nlate = {",
        )
        .replace(
            "[lints]",
            "[[path]]\nname = \"last\"\nquorum = \"last\"\ndelay = \"91 blocks\"\nunlock_height = 5000\n\n[lints]",
        );
    let compiled = compiled(&terms);
    let leaves = compiled.vault().leaves();
    let joint = joint(leaves);
    assert_eq!(joint.first, direct(leaves, "late"));
    assert_eq!(joint.second, direct(leaves, "last"));
    assert_eq!(joint.common.len(), 6);
    assert!(covers(&joint, leaves));
    let two = Joint::all(&Stage::Vault, &leaves[..2]);
    assert_eq!(two.len(), 1);
    let Eased::Threshold(2, seats) = &two[0].condition else {
        panic!("{:?}", two[0].condition);
    };
    assert!(seats.iter().all(|seat| matches!(seat, Eased::OrLater(..))));
    assert!(covers(&two[0], &leaves[..2]));
}
