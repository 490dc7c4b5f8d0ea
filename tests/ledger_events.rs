//! Events in a ledger: kept whole, taken once, and the same on every machine.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/charter.rs"]
mod charter;

use std::fs;

use longstop::governance::{
    Activation, Alarm, Body, Digest, EventId, Heartbeat, Judgement, Proposal, Refusal, SignedEvent,
    Word, ask_rule, facts_of, replay,
};
use longstop::ledger::{
    BundleError, Directory, Genesis, GenesisError, Ledger, LedgerError, Memory, Reader, Record,
    Store, Taken,
};
use longstop::policy::{Sats, Vault};
use proptest::prelude::*;

use self::charter::{CHARTER, at, identity};

fn genesis() -> Vec<u8> {
    Genesis::new(
        &CHARTER,
        vec!["tr(...)#abc".to_owned()],
        "bcrt1q".to_owned(),
    )
    .to_bytes()
}

fn ledger() -> Ledger<Memory> {
    Ledger::open(Memory::new(genesis())).expect("it is founded on a policy")
}

fn body(kind: usize) -> Body {
    match kind % 3 {
        0 => Body::Heartbeat(Heartbeat {}),
        1 => Body::Proposal(Proposal {
            path: "sos".to_owned(),
            why: "the council is gone".to_owned(),
        }),
        _ => Body::Alarm(Alarm {
            path: None,
            why: "the office is empty".to_owned(),
        }),
    }
}

/// Says something with knowledge of all that a ledger has.
fn say<S: Store>(ledger: &mut Ledger<S>, author: &str, blocks: u32, kind: usize) -> SignedEvent {
    let event = ledger
        .draft(author, at(blocks), body(kind))
        .expect("a store in order");
    let signed = event.sign(&identity(author)).expect("it can be said");
    let taken = ledger.append(std::slice::from_ref(&signed));
    assert!(matches!(
        taken.expect("a store in order")[..],
        [Taken::New(_)]
    ));
    signed
}

/// A ledger in which several have spoken.
fn spoken(count: u32) -> Ledger<Memory> {
    let mut ledger = ledger();
    for (turn, blocks) in (0..count).enumerate() {
        say(
            &mut ledger,
            ["alice", "bob", "gina"][turn % 3],
            blocks,
            turn,
        );
    }
    ledger
}

fn export<S: Store>(ledger: &Ledger<S>) -> Vec<u8> {
    let mut text = Vec::new();
    let count = ledger.export(0, &mut text).expect("a store in order");
    assert_eq!(count, ledger.store().size());
    text
}

fn root<S: Store>(ledger: &Ledger<S>) -> String {
    ledger
        .store()
        .head()
        .expect("a store in order")
        .root
        .to_string()
}

#[test]
fn an_export_comes_to_the_same_root() {
    let ledger = spoken(20);
    let text = export(&ledger);
    let mut other = self::ledger();
    let import = other.import(&mut text.as_slice()).expect("an export");
    assert_eq!((import.new, import.known), (20, 0));
    assert!(import.refused.is_empty() && import.waiting.is_empty());
    assert_eq!(root(&other), root(&ledger));
    assert_eq!(export(&other), text);
    assert_eq!(other.history(), ledger.history());
    // A second time, nothing is new.
    let again = other.import(&mut text.as_slice()).expect("an export");
    assert_eq!((again.new, again.known), (0, 20));
    assert_eq!(root(&other), root(&ledger));
    let audit = other.verify().expect("all is well");
    assert_eq!((audit.events, audit.root.to_string()), (20, root(&ledger)));
}

#[test]
fn what_is_known_comes_first_whatever_the_order_of_lines() {
    let ledger = spoken(12);
    let text = String::from_utf8(export(&ledger)).expect("lines of text");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    let mut other = self::ledger();
    let import = other.import(&mut lines.join("\n").as_bytes());
    assert_eq!(import.expect("a bundle").new, 12);
    assert_eq!(other.history().heads(), ledger.history().heads());
    // Without the fourth event, whatever knows of it waits and is named.
    let mut lines: Vec<&str> = text.lines().collect();
    let gone = SignedEvent::open(lines.remove(4)).expect("an event").id();
    let mut other = self::ledger();
    let import = other
        .import(&mut lines.join("\n").as_bytes())
        .expect("a bundle");
    assert_eq!((import.new, import.waiting.len()), (3, 8));
    assert!(import.waiting[0].missing.contains(&gone));
    // With it, they are taken.
    let import = other.import(&mut text.as_bytes()).expect("a bundle");
    assert_eq!((import.new, import.known), (9, 3));
}

#[test]
fn a_line_that_is_no_event_leaves_the_others() {
    let ledger = spoken(5);
    let text = String::from_utf8(export(&ledger)).expect("lines of text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let forged = lines[5].replace("\"sig\":\"", "\"sig\":\"A");
    lines.insert(2, "not an event".to_owned());
    lines.insert(3, forged);
    lines.insert(4, String::new());
    let mut other = self::ledger();
    let import = other
        .import(&mut lines.join("\n").as_bytes())
        .expect("a bundle");
    assert_eq!(import.new, 5);
    let refused: Vec<u64> = import.refused.iter().map(|refused| refused.line).collect();
    assert_eq!(refused, [3, 4, 5]);
}

#[test]
fn a_bundle_of_another_ledger_is_refused() {
    let mut other: Genesis = Genesis::from_bytes(&genesis()).expect("a genesis");
    other.policy_id = Digest([1; 32]);
    let mut ledger = ledger();
    let text = [other.to_bytes(), vec![b'\n']].concat();
    assert!(matches!(
        ledger.import(&mut text.as_slice()),
        Err(BundleError::OtherLedger { .. })
    ));
    for text in ["", "{}", "{\"longstop_ledger\":1}"] {
        assert!(matches!(
            ledger.import(&mut text.as_bytes()),
            Err(BundleError::NoGenesis(_))
        ));
    }
    let later = String::from_utf8(genesis()).expect("text");
    let later = later.replace("\"longstop_ledger\":1", "\"longstop_ledger\":2");
    assert_eq!(
        Genesis::from_bytes(later.as_bytes()),
        Err(GenesisError::OtherFormat(2))
    );
    let spaced = String::from_utf8(genesis())
        .expect("text")
        .replacen(':', ": ", 1);
    assert_eq!(
        Genesis::from_bytes(spaced.as_bytes()),
        Err(GenesisError::NotCanonical)
    );
}

/// What a store holds is not believed because it is there.
#[test]
fn verifying_finds_what_was_put_in_behind_the_ledger() {
    let ledger = spoken(6);
    let records: Vec<Record> = ledger
        .store()
        .records(0)
        .map(|record| record.expect("one"))
        .collect();
    let verify = |records: &[Record]| {
        let mut store = Memory::new(genesis());
        store.append(records).expect("a store in order");
        Ledger::open(store).and_then(|ledger| ledger.verify())
    };
    assert!(verify(&records).is_ok());
    // Out of order, what an event knows of is missing.
    let mut swapped = records.clone();
    swapped.swap(2, 3);
    assert!(matches!(
        verify(&swapped),
        Err(LedgerError::Misplaced {
            position: 2,
            refusal: Refusal::Missing { .. }
        })
    ));
    let mut missing = records.clone();
    missing.remove(0);
    assert!(matches!(
        verify(&missing),
        Err(LedgerError::Misplaced { position: 0, .. })
    ));
    let mut other_id = records.clone();
    other_id[4].id[0] ^= 1;
    assert!(matches!(
        verify(&other_id),
        Err(LedgerError::OtherRecord { position: 4 })
    ));
    let mut other_form = records.clone();
    other_form[4].bytes.push(b' ');
    assert!(matches!(
        verify(&other_form),
        Err(LedgerError::OtherRecord { position: 4 })
    ));
    let mut other_bytes = records.clone();
    let middle = other_bytes[5].bytes.len() / 2;
    other_bytes[5].bytes[middle] ^= 1;
    assert!(matches!(
        verify(&other_bytes),
        Err(LedgerError::Event { position: 5, .. })
    ));
    // Signed by somebody else.
    let event = ledger
        .draft("bob", at(9), body(0))
        .expect("a store in order");
    let forged = event.sign(&identity("gina")).expect("it can be said");
    let mut more = records;
    more.push(Record {
        id: forged.id().0.0,
        bytes: forged.envelope().to_line().into_bytes(),
    });
    assert!(matches!(
        verify(&more),
        Err(LedgerError::Misplaced {
            position: 6,
            refusal: Refusal::OtherKey { .. }
        })
    ));
}

#[test]
fn a_ledger_in_a_directory_goes_on_after_its_working_state_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let store = Directory::init(&path, &genesis(), "a test").expect("a new ledger");
    let mut ledger = Ledger::open(store).expect("founded on a policy");
    for blocks in 0..10 {
        say(&mut ledger, "alice", blocks, 0);
    }
    let history = ledger.history().clone();
    drop(ledger.close().expect("it can be closed"));
    let size_of = |reader: &Ledger<Reader>| reader.store().size();
    for lost in ["index", "hashes"] {
        let found: Vec<_> = fs::read_dir(&path)
            .expect("the ledger")
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().contains(lost))
            .collect();
        assert!(!found.is_empty(), "{lost}");
        for entry in found {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).expect("removed");
            } else {
                fs::remove_file(entry.path()).expect("removed");
            }
        }
        let store = Directory::open(&path, None, "a test").expect("it opens");
        let mut again = Ledger::open(store).expect("it catches up");
        assert_eq!(
            again.verify().expect("all is well").events,
            again.store().size()
        );
        say(&mut again, "bob", 20, 1);
        drop(again.close().expect("it can be closed"));
    }
    let reader = Reader::open(&path, None).expect("it can be read");
    let reader = Ledger::open(reader).expect("it catches up");
    assert_eq!(size_of(&reader), 12);
    assert_eq!(reader.history().last_of("alice"), history.last_of("alice"));
    assert_eq!(reader.verify().expect("all is well").events, 12);
}

/// A verdict is asked for again, and one that its rule does not give is named.
#[test]
fn verifying_asks_rules_again() {
    let rule = "fn activate(facts) { if facts.vault.coins > 1 { true } else { #{ allow: false, why: \"too few\" } } }";
    let audit_of = |change: &dyn Fn(&mut Judgement)| {
        let mut ledger = ledger();
        let case = say(&mut ledger, "gina", 0, 1).id();
        let told = ledger.in_memory().expect("a store in order");
        let words = told.told().into_iter().map(Word::from);
        let cases = replay(words, at(1), CHARTER.policy());
        let (docket, found) = cases.case(case).expect("it was proposed");
        let sats = Sats::try_from(100_000).expect("an amount");
        let vault = Vault { coins: 2, sats };
        let facts = facts_of(docket, found, at(1), vault, CHARTER.policy());
        let mut judgement = ask_rule(rule, facts);
        assert!(judgement.allow);
        change(&mut judgement);
        let body = Body::Activation(Activation {
            case,
            judgement: Some(judgement),
        });
        let event = ledger.draft("gina", at(1), body).expect("a store in order");
        let signed = event.sign(&identity("gina")).expect("it can be said");
        let id = signed.id();
        ledger.append(&[signed]).expect("a store in order");
        let audit = ledger.verify().expect("events in order");
        let named: Vec<EventId> = audit.verdicts.iter().map(|verdict| verdict.event).collect();
        (named, id)
    };
    assert_eq!(audit_of(&|_| {}).0, []);
    for change in [
        (|judgement| judgement.allow = false) as fn(&mut Judgement),
        |judgement| judgement.why = "because".to_owned(),
        |judgement| judgement.rule.push(' '),
        |judgement| judgement.facts.vault.coins = 3,
        |judgement| judgement.interpreter = "another".to_owned(),
    ] {
        let (named, id) = audit_of(&change);
        assert_eq!(named, [id]);
    }
}

/// Which of an event's lines somebody hands over, and to whom.
#[derive(Clone, Debug)]
enum Move {
    Say { who: usize, kind: usize },
    Give { from: usize, to: usize },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        (0..3usize, 0..3usize).prop_map(|(who, kind)| Move::Say { who, kind }),
        (0..3usize, 0..3usize).prop_map(|(from, to)| Move::Give { from, to }),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Merging is commutative and idempotent: whoever has the same events says the same of them.
    #[test]
    fn replicas_agree_once_they_have_exchanged_bundles(moves in moves()) {
        let authors = ["alice", "bob", "gina"];
        let mut replicas = [ledger(), ledger(), ledger()];
        for (blocks, step) in (0..).zip(&moves) {
            match *step {
                Move::Say { who, kind } => {
                    say(&mut replicas[who], authors[who], blocks, kind);
                }
                Move::Give { from, to } => {
                    let bundle = export(&replicas[from]);
                    let import = replicas[to].import(&mut bundle.as_slice()).expect("a bundle");
                    prop_assert!(import.refused.is_empty() && import.waiting.is_empty());
                }
            }
        }
        let bundles = [export(&replicas[0]), export(&replicas[1]), export(&replicas[2])];
        for (at, replica) in replicas.iter_mut().enumerate() {
            // Each in another order, and one of them twice.
            for turn in 0..4 {
                let bundle = &bundles[(at + turn) % 3];
                replica.import(&mut bundle.as_slice()).expect("a bundle");
            }
        }
        let told = |ledger: &Ledger<Memory>| -> Vec<EventId> {
            let memory = ledger.in_memory().expect("a store in order");
            memory.told().iter().map(|entry| entry.signed.id()).collect()
        };
        let [one, two, three] = &replicas;
        prop_assert_eq!(told(one), told(two));
        prop_assert_eq!(told(two), told(three));
        prop_assert_eq!(one.history().heads(), three.history().heads());
        // Honest authors who write at the same time have told one story.
        prop_assert!(one.history().forks().is_empty());
        let said = moves.iter().filter(|step| matches!(step, Move::Say { .. })).count();
        prop_assert_eq!(one.store().size(), said as u64);
    }
}
