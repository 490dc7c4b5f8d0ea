//! Two leaves of a vault that are written as one, in P2WSH: a signature of a common key counts for
//! both, and still opens nothing that it was not given for.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{EcdsaSighashType, PublicKey, Sequence, Transaction, Witness, ecdsa, relative};
use longstop::compile::{LeafKind, Role};
use longstop::engine::Signers;
use longstop::transaction::{Coin, StripReason};
use miniscript::Satisfier;

use crate::devices::OverEager;
use crate::vault::{BAD_SCRIPT, DEPOSIT, Draft, TOO_EARLY, World, anywhere};

/// Three seats, of which each may be filled by another key once a coin has lain for 90 blocks.
const SEATS: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
seat-a = { threshold = 1, of = ["alice", "amy"] }
seat-b = { threshold = 1, of = ["ben", "bob"] }
seat-c = { threshold = 1, of = ["carol", "cora"] }
late = { threshold = 2, of = ["seat-a", "seat-b", "seat-c"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "late"
quorum = "late"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

fn world() -> World {
    Draft::new("wsh", SEATS).with_layout("cheapest").world()
}

fn late() -> LeafKind {
    LeafKind::Direct("late".to_owned())
}

/// Signatures, used wherever they fit, whatever the transaction says of locks.
struct Anything(BTreeMap<PublicKey, ecdsa::Signature>);

impl Satisfier<PublicKey> for Anything {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<ecdsa::Signature> {
        self.0.get(key).copied()
    }

    fn check_older(&self, _: relative::LockTime) -> bool {
        true
    }
}

/// The transaction with a witness of these signatures, if they are enough for any.
fn spent_with(
    bare: &Transaction,
    coin: &Coin,
    signatures: BTreeMap<PublicKey, ecdsa::Signature>,
) -> Option<Transaction> {
    let satisfied = coin.derived().concrete();
    let (stack, _) = satisfied.get_satisfaction(Anything(signatures)).ok()?;
    let mut spent = bare.clone();
    spent.input[0].witness = Witness::from_slice(&stack);
    Some(spent)
}

/// A transaction to elsewhere, signed by these parties with all their keys of one leaf.
fn signed(
    world: &World,
    coin: &Coin,
    leaf: &LeafKind,
    sequence: u32,
    by: &[&str],
) -> Option<Transaction> {
    let mut bare = world.by_hand(coin, leaf);
    bare.input[0].sequence = Sequence(sequence);
    let keys = &coin.derived().leaf(leaf).expect("such a leaf").keys;
    let own = keys.iter().filter(|key| by.contains(&key.party.as_str()));
    let signatures = own.map(|key| {
        let secret = world.people.secret(key);
        let signature = world.sign_wsh(&bare, coin, &secret, EcdsaSighashType::All);
        (key.public_key, signature)
    });
    spent_with(&bare, coin, signatures.collect())
}

#[test]
fn common_keys_stand_once_and_arming_keys_apart() {
    let world = world();
    let uses = world.compiled.branches().uses();
    let pairs = |leaf: &LeafKind, role: Role| -> BTreeMap<&str, u32> {
        let own = uses
            .iter()
            .filter(|row| row.leaf == *leaf && row.role == role);
        own.map(|row| (row.party.as_str(), row.pair)).collect()
    };
    let root = pairs(&LeafKind::Spend, Role::Root);
    let path = pairs(&late(), Role::Path);
    let arming = pairs(&LeafKind::Trigger("sos".to_owned()), Role::Arming);
    assert_eq!((root.len(), path.len(), arming.len()), (3, 6, 3));
    for party in ["alice", "bob", "carol"] {
        assert_eq!(root[party], path[party]);
        assert_ne!(root[party], arming[party]);
    }
    let text = world.compiled.vault().text();
    let keys: Vec<&str> = text
        .split(['(', ')', ','])
        .filter(|word| word.contains("tpub"))
        .collect();
    let distinct: BTreeSet<&&str> = keys.iter().collect();
    assert_eq!((keys.len(), distinct.len()), (6 + 3 + 3, 12));
    // The other layout has every use of every key apart, and escrows and lock-ups have it in both.
    let device = Draft::new("wsh", SEATS).compiled();
    let all = device.branches().uses();
    let pairs: BTreeSet<(&str, u32)> = all
        .iter()
        .map(|row| (row.party.as_str(), row.pair))
        .collect();
    assert_eq!(pairs.len(), all.len());
    for (one, other) in device.stages().zip(world.compiled.stages()).skip(1) {
        let keys = |stage: &longstop::compile::StageDescriptor| {
            let leaves = stage.leaves().iter();
            leaves
                .flat_map(|leaf| leaf.keys().cloned().collect::<Vec<_>>())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(one), keys(other), "{}", one.stage());
    }
}

/// Who signs, the sequence number, the age of the coin, and the refusal if there is one.
const SPENDS: [(&[&str], u32, u32, Option<&str>); 13] = [
    (&["alice", "bob"], 1, 1, None),
    (&["alice", "bob"], 90, 90, None),
    (&["alice", "bob"], 90, 89, Some(TOO_EARLY)),
    (&["alice", "bob"], 0xffff_fffd, 100, Some(BAD_SCRIPT)),
    (&["alice", "ben"], 90, 90, None),
    (&["alice", "ben"], 90, 89, Some(TOO_EARLY)),
    (&["alice", "ben"], 89, 100, Some(BAD_SCRIPT)),
    (&["alice", "ben"], 1, 100, Some(BAD_SCRIPT)),
    (&["alice", "ben"], 0xffff_fffd, 100, Some(BAD_SCRIPT)),
    (&["amy", "cora"], 90, 90, None),
    (&["amy", "cora"], 89, 100, Some(BAD_SCRIPT)),
    (&["amy", "ben", "cora"], 1, 100, Some(BAD_SCRIPT)),
    (&["amy", "ben", "cora"], 0xffff_fffd, 100, Some(BAD_SCRIPT)),
];

#[test]
fn a_later_key_counts_from_the_delay_on_and_not_a_block_earlier() {
    for (by, sequence, age, refusal) in SPENDS {
        let mut world = world();
        let coin = world.deposit(DEPOSIT);
        let spend = signed(&world, &coin, &late(), sequence, by).expect("two seats");
        world.mine_to_age(&coin, age);
        match refusal {
            None => world.accepts(&spend),
            Some(class) => world.refuses(&spend, class),
        }
    }
}

/// The two keys of one seat are one seat.
#[test]
fn one_seat_is_not_two() {
    let mut world = world();
    let coin = world.deposit(DEPOSIT);
    world.mine_to_age(&coin, 100);
    for by in [&["alice", "amy"][..], &["alice"], &["ben"], &["bob", "ben"]] {
        assert!(signed(&world, &coin, &late(), 90, by).is_none(), "{by:?}");
    }
    assert!(signed(&world, &coin, &late(), 90, &["amy", "ben"]).is_some());
}

/// Every device returns all its keys' signatures on a trigger, root's and the later ones among
/// them; without the agents they open nothing.
#[test]
fn stray_signatures_on_a_trigger_open_nothing() {
    let mut world = world();
    let coin = world.deposit(DEPOSIT);
    world.mine_to_age(&coin, 200);
    let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
    let request = trigger.request(Role::Arming).expect("a request");
    let device = OverEager::new(&world.people, &coin);
    let stray = |by: &[&str]| -> BTreeMap<PublicKey, ecdsa::Signature> {
        let returned = by
            .iter()
            .map(|party| device.sign(party, request.clone()).expect("it signs"));
        returned
            .flat_map(|psbt| psbt.inputs[0].partial_sigs.clone())
            .collect()
    };
    let everybody = ["alice", "bob", "carol", "amy", "ben", "cora"];
    let signatures = stray(&everybody);
    // Of root both its ordinary keys and its arming keys, and the later keys.
    assert_eq!(signatures.len(), 3 + 3 + 3);
    let bare = &request.unsigned_tx;
    let stolen = spent_with(bare, &coin, signatures).expect("but for the locks they are enough");
    world.refuses(&stolen, BAD_SCRIPT);
    // With the agents it is the trigger.
    let with_agents = stray(&["alice", "bob", "gina", "hal"]);
    let arming = &coin
        .derived()
        .leaf(&LeafKind::Trigger("sos".to_owned()))
        .expect("a path")
        .keys;
    let own = with_agents
        .into_iter()
        .filter(|(key, _)| arming.iter().any(|own| own.public_key == *key));
    let complete = spent_with(bare, &coin, own.collect()).expect("they are enough");
    world.accepts(&complete);
}

/// Our own software asks for what it needs, takes it, and takes out the rest.
#[test]
fn a_recovery_by_mixed_seats_is_requested_received_and_completed() {
    let mut world = world();
    let coin = world.deposit(DEPOSIT);
    let recovery = world.builder().recover(&coin, "late", anywhere());
    let recovery = world.live(recovery.expect("it pays"), &["carol", "amy"]);
    world.mine_to_age(&coin, 89);
    world.refuses(&recovery, TOO_EARLY);
    world.mine_to_age(&coin, 90);
    world.accepts(&recovery);
    // For root's refresh the later keys were not asked.
    let mut refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
    let request = refresh.request(Role::Root).expect("a request");
    let device = OverEager::new(&world.people, &coin);
    let returned = device.sign("amy", request).expect("it signs");
    let received = refresh.receive(Role::Root, &returned, world.secp());
    let received = received.expect("it is our own");
    assert_eq!(received.accepted, [""; 0]);
    assert_eq!(received.stripped[0].reason, StripReason::NotRequested);
    let refresh = world.live(
        world.builder().refresh(&[&coin], 0).expect("it pays"),
        &["bob", "carol"],
    );
    world.accepts(&refresh);
}

/// Changes to the terms, and whether the leaves are still written as one.
const SHAPES: [(&str, &str, bool); 13] = [
    ("delay = \"90 blocks\"", "delay = \"2 blocks\"", true),
    // With root's own lock nothing would tell the two apart.
    ("delay = \"90 blocks\"", "delay = \"1 block\"", false),
    ("delay = \"90 blocks\"", "unlock_height = 900000", true),
    (
        "delay = \"90 blocks\"",
        "unlock_at = \"2031-01-01T00:00:00Z\"",
        true,
    ),
    (
        "delay = \"90 blocks\"",
        "delay = \"90 blocks\"\nunlock_height = 900000",
        true,
    ),
    // Who has waited in time has not waited in blocks.
    (
        "delay = \"90 blocks\"",
        "delay = \"30 days\"\nclock = \"time\"",
        false,
    ),
    ("late = { threshold = 2,", "late = { threshold = 1,", false),
    ("late = { threshold = 2,", "late = { threshold = 3,", false),
    (
        "[\"seat-a\", \"seat-b\", \"seat-c\"]",
        "[\"seat-c\", \"seat-b\", \"alice\"]",
        true,
    ),
    (
        "[\"seat-a\", \"seat-b\", \"seat-c\"]",
        "[\"seat-c\", \"seat-b\"]",
        false,
    ),
    (
        "[\"seat-a\", \"seat-b\", \"seat-c\"]",
        "[\"seat-a\", \"seat-b\", \"cora\"]",
        false,
    ),
    (
        "seat-b = { threshold = 1,",
        "seat-b = { threshold = 2,",
        false,
    ),
    ("[\"ben\", \"bob\"]", "[\"ben\", \"bob\", \"bea\"]", true),
];

#[test]
fn leaves_are_joined_where_the_later_seats_hold_the_earlier_ones() {
    let is_joint = |draft: &Draft| {
        let compiled = draft.compiled();
        let uses = compiled.branches().uses();
        let pairs: BTreeSet<(&str, u32)> = uses
            .iter()
            .map(|row| (row.party.as_str(), row.pair))
            .collect();
        pairs.len() < uses.len()
    };
    for layout in ["device", "cheapest"] {
        for script in ["tr", "wsh"] {
            let draft = Draft::new(script, SEATS).with_layout(layout);
            let expected = script == "wsh" && layout == "cheapest";
            assert_eq!(is_joint(&draft), expected, "{script} {layout}");
        }
    }
    for (was, is, expected) in SHAPES {
        let draft = Draft::new("wsh", SEATS)
            .with_layout("cheapest")
            .but(was, is);
        assert_eq!(is_joint(&draft), expected, "{is}");
    }
}
