//! Evidence: what is put together verifies, and nothing of it can be changed unnoticed.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "evidence/archives.rs"]
mod archives;
#[path = "evidence/attached.rs"]
mod attached;
#[path = "common/charter.rs"]
mod charter;
#[path = "common/golden.rs"]
mod golden;
#[path = "evidence/page.rs"]
mod page;
#[path = "evidence/sample.rs"]
mod sample;

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use longstop::evidence::{EvidenceError, Files, Order, Subject, create, to_zip, verify};
use longstop::governance::{Ballot, Body, Digest, Identity, Rotation, SignedEvent};
use longstop::ledger::{Checkpoint, Store, Taken, origin};

use self::charter::{CHARTER, at, identity};
use self::sample::{COMPILED, SAMPLE, Sample, folder_of, with_sums};

/// What is wrong with evidence: about what, and which file if any is named.
fn problems(files: &Files) -> Vec<(Subject, String)> {
    let verification = verify(files);
    let bad = verification.checked.iter().filter(|check| !check.passed);
    let bad: Vec<_> = bad
        .map(|check| (check.what, check.file.clone().unwrap_or_default()))
        .collect();
    assert_eq!(verification.passed, bad.is_empty());
    bad
}

/// The files with another content of one, or without it.
fn changed(files: &Files, name: &str, content: Option<Vec<u8>>) -> Files {
    let mut other = Files::new();
    for (own, bytes) in files.iter() {
        let bytes = match (own == name, &content) {
            (true, None) => continue,
            (true, Some(content)) => content.clone(),
            (false, _) => bytes.to_vec(),
        };
        other.insert(own, bytes).expect("within the limits");
    }
    if files.get(name).is_none()
        && let Some(content) = content
    {
        other.insert(name, content).expect("within the limits");
    }
    other
}

/// Every file that is in no folder, and one of each folder.
fn one_of_each() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let mut seen = BTreeSet::new();
    let files = SAMPLE.files.iter();
    files.filter(move |(name, _)| seen.insert(folder_of(name)))
}

fn flipped(bytes: &[u8], position: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[position] ^= 1;
    bytes
}

#[test]
fn what_is_put_together_verifies() {
    let verification = verify(&SAMPLE.files);
    let bad = verification.checked.iter().filter(|check| !check.passed);
    assert_eq!(bad.collect::<Vec<_>>(), Vec::<&_>::new());
    assert!(verification.passed);
    assert_eq!(verification.case, Some(SAMPLE.case));
    assert_eq!(verification.policy_id, Some(CHARTER.id()));
    assert_eq!(verification.party.as_deref(), Some("alice"));
    let subjects: BTreeSet<Subject> = verification.checked.iter().map(|one| one.what).collect();
    assert_eq!(subjects.len(), 12, "{subjects:?}");
}

#[test]
fn the_same_comes_to_the_same_bytes() {
    let again = Sample::new();
    assert_eq!(again.files, SAMPLE.files);
    let archive = to_zip(&SAMPLE.files);
    let sums = SAMPLE.files.get("SHA256SUMS").expect("it is there");
    let sums = String::from_utf8(sums.to_vec()).expect("text");
    let text = format!("{sums}{}  the archive\n", Digest::sha256(&archive));
    golden::check_file("evidence", "sums.txt", &text);
}

/// A way to change a file, or to take it away.
type Way = fn(&[u8]) -> Option<Vec<u8>>;

/// The ways to change a file, each of all files at once: every one of them is named.
#[test]
fn every_file_that_is_changed_is_named() {
    let ways: [Way; 6] = [
        |bytes| Some(flipped(bytes, 0)),
        |bytes| Some(flipped(bytes, bytes.len() / 2)),
        |bytes| Some(flipped(bytes, bytes.len() - 1)),
        |bytes| Some([bytes, b"\n"].concat()),
        |bytes| Some(bytes[..bytes.len() - 1].to_vec()),
        |_| None,
    ];
    let files = &SAMPLE.files;
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name).collect();
    for (number, way) in ways.iter().enumerate() {
        let mut other = Files::new();
        for (name, bytes) in files.iter() {
            let bytes = match name {
                "SHA256SUMS" => Some(bytes.to_vec()),
                _ => way(bytes),
            };
            if let Some(bytes) = bytes {
                other.insert(name, bytes).expect("within the limits");
            }
        }
        let found = problems(&other);
        let named: BTreeSet<&str> = found
            .iter()
            .filter(|(what, _)| *what == Subject::Files)
            .map(|(_, file)| file.as_str())
            .collect();
        for name in names.iter().filter(|name| **name != "SHA256SUMS") {
            assert!(named.contains(name), "way {number}: {name} in {named:?}");
        }
    }
    // The sums themselves, one way after another.
    let sums = files.get("SHA256SUMS").expect("it is there");
    for way in ways {
        let found = problems(&changed(files, "SHA256SUMS", way(sums)));
        assert!(found.iter().any(|(what, _)| *what == Subject::Files));
    }
}

/// Whoever changes a file can change its sum as well.  Then it is noticed by what it says.
#[test]
fn every_file_is_held_by_more_than_its_sum() {
    for (name, bytes) in one_of_each() {
        let (what, position) = match folder_of(name) {
            "SHA256SUMS" | "reports" => continue,
            "README.txt" => (Subject::Readme, bytes.len() / 2),
            "genesis.json" | "policy.toml" | "descriptors.txt" | "branches.txt" => {
                (Subject::Policy, bytes.len() / 2)
            }
            "ledger.jsonl" => (Subject::Events, bytes.len() / 2),
            "checkpoint.txt" => (Subject::Checkpoint, bytes.len() / 2),
            "case.json" | "case.txt" => (Subject::Case, bytes.len() / 2),
            "proofs" => (Subject::Proofs, bytes.len() / 2),
            "rules" => (Subject::Rules, bytes.len() / 2),
            "psbts" => (Subject::Psbt, 0),
            "transactions" => (Subject::Transaction, 20),
            "block-proofs" | "headers" => (Subject::Block, 20),
            other => panic!("{other} is not known here"),
        };
        let other = with_sums(&changed(
            SAMPLE.about(name),
            name,
            Some(flipped(bytes, position)),
        ));
        let found = problems(&other);
        assert!(
            found.iter().any(|(found, _)| *found == what),
            "{name}: {found:?}"
        );
        assert!(
            found.iter().all(|(found, _)| *found != Subject::Files),
            "{name}: {found:?}"
        );
    }
}

/// What a report says is nobody's word but that of whoever attached it.
#[test]
fn a_report_is_held_by_its_sum_alone() {
    let other = changed(&SAMPLE.bare, "reports/note.md", Some(b"else".to_vec()));
    assert_eq!(
        problems(&other),
        [(Subject::Files, "reports/note.md".to_owned())]
    );
    assert_eq!(problems(&with_sums(&other)), []);
}

#[test]
fn files_that_are_missing_or_too_many_are_named() {
    for (name, bytes) in one_of_each() {
        if name == "SHA256SUMS" || folder_of(name) == "reports" || folder_of(name) == "psbts" {
            continue;
        }
        let files = SAMPLE.about(name);
        let without = with_sums(&changed(files, name, None));
        let found = problems(&without);
        // Without its proof a transaction is one that is in no block that is shown.
        let lonely = ["block-proofs", "transactions", "headers"].contains(&folder_of(name));
        assert!(
            found.iter().any(|(_, file)| file == name || lonely),
            "{name}: {found:?}"
        );
        let copy = match name.rsplit_once('.') {
            Some((stem, end)) => format!("{stem}x.{end}"),
            None => format!("{name}x"),
        };
        let more = with_sums(&changed(files, &copy, Some(bytes.to_vec())));
        assert!(
            problems(&more).iter().any(|(_, file)| *file == copy),
            "{copy}"
        );
    }
    let stray = with_sums(&changed(&SAMPLE.bare, "else/where.txt", Some(Vec::new())));
    assert_eq!(
        problems(&stray),
        [(Subject::Files, "else/where.txt".to_owned())]
    );
}

#[test]
fn only_the_party_with_its_own_identity_signs() {
    let head = SAMPLE.ledger.store().head().expect("a store in order");
    let about =
        |party: &str| Checkpoint::new(origin(CHARTER.id(), party), head).expect("an origin");
    let notes = [
        // Bob's key under the name of Alice.
        about("alice").sign("alice", &identity("bob")),
        // Bob for his own ledger.
        about("bob").sign("bob", &identity("bob")),
        // Alice for another ledger than her own.
        about("bob").sign("alice", &identity("alice")),
        // A second signature beside hers.
        about("alice")
            .sign("alice", &identity("alice"))
            .and_then(|note| note.sign("bob", &identity("bob"))),
    ];
    for note in notes {
        let note = note.expect("a name").to_string().into_bytes();
        let other = with_sums(&changed(&SAMPLE.bare, "checkpoint.txt", Some(note)));
        let found = problems(&other);
        assert!(
            found.contains(&(Subject::Checkpoint, "checkpoint.txt".to_owned())),
            "{found:?}"
        );
    }
    // Nor is evidence made with a key that is not hers.
    let key = identity("bob");
    let order = Order {
        case: SAMPLE.case,
        now: at(20),
        party: "alice",
        key: &key,
        attached: longstop::evidence::Attached::default(),
    };
    let refused = create(&SAMPLE.ledger, &COMPILED, &order);
    assert!(matches!(refused, Err(EvidenceError::OtherIdentity { party }) if party == "alice"));
    assert_ne!(
        Identity::from(key.verifying_key()),
        Identity::from(identity("alice").verifying_key())
    );
}

/// Somebody leaves out the last event, or the one before it, and has no signature for that.
#[test]
fn events_cannot_be_left_out() {
    let ledger = SAMPLE.files.get("ledger.jsonl").expect("it is there");
    let text = String::from_utf8(ledger.to_vec()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    for gone in [1, lines.len() - 2, lines.len() - 1] {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone);
        let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        let other = with_sums(&changed(
            &SAMPLE.bare,
            "ledger.jsonl",
            Some(kept.into_bytes()),
        ));
        let found = problems(&other);
        assert!(
            found.iter().any(|(what, _)| *what == Subject::Checkpoint),
            "{gone}: {found:?}"
        );
    }
}

#[test]
fn there_is_no_evidence_of_a_case_before_it_was_opened() {
    let key = identity("alice");
    let order = |blocks| Order {
        case: SAMPLE.case,
        now: at(blocks),
        party: "alice",
        key: &key,
        attached: longstop::evidence::Attached::default(),
    };
    let opened = sample::OPENED;
    let early = create(&SAMPLE.ledger, &COMPILED, &order(opened - 1));
    assert!(matches!(early, Err(EvidenceError::NoCase)));
    for blocks in [opened, opened + 1] {
        let files = create(&SAMPLE.ledger, &COMPILED, &order(blocks)).expect("it is open");
        assert!(verify(&files).passed, "{blocks}");
    }
}

/// A case about which more is said, with nothing attached.
fn evidence_after(
    events: &[SignedEvent],
    party: &str,
    key: &SigningKey,
) -> Result<Files, EvidenceError> {
    let mut ledger = SAMPLE.again();
    let taken = ledger.append(events).expect("a store in order");
    assert!(
        taken.iter().all(|taken| matches!(taken, Taken::New(_))),
        "{taken:?}"
    );
    let order = Order {
        case: SAMPLE.case,
        now: at(20),
        party,
        key,
        attached: longstop::evidence::Attached::default(),
    };
    create(&ledger, &COMPILED, &order)
}

fn drafted(author: &str, blocks: u32, body: Body) -> SignedEvent {
    let event = SAMPLE.ledger.draft(author, at(blocks), body);
    let event = event.expect("a store in order");
    event.sign(&identity(author)).expect("it can be said")
}

#[test]
fn after_a_rotation_the_new_identity_signs() {
    let (old, new) = (identity("alice"), identity("alice, later"));
    let rotation = drafted(
        "alice",
        10,
        Body::Rotation(Rotation {
            party: "alice".to_owned(),
            replaces: Identity::from(old.verifying_key()),
            identity: Some(Identity::from(new.verifying_key())),
            why: "the laptop is old".to_owned(),
        }),
    );
    let files =
        evidence_after(std::slice::from_ref(&rotation), "alice", &new).expect("her new key");
    assert_eq!(problems(&files), []);
    let refused = evidence_after(&[rotation], "alice", &old);
    assert!(matches!(refused, Err(EvidenceError::OtherIdentity { .. })));
    // Nor does what she signed before pass for the longer ledger.
    let note = SAMPLE
        .bare
        .get("checkpoint.txt")
        .expect("it is there")
        .to_vec();
    let found = problems(&with_sums(&changed(&files, "checkpoint.txt", Some(note))));
    assert!(found.contains(&(Subject::Checkpoint, "checkpoint.txt".to_owned())));
}

#[test]
fn whoever_told_two_stories_is_named() {
    let stories = [true, false].map(|approve| {
        drafted(
            "carol",
            10,
            Body::Ballot(Ballot {
                case: SAMPLE.case,
                approve,
            }),
        )
    });
    let files = evidence_after(&stories, "alice", &identity("alice")).expect("in order");
    let verification = verify(&files);
    assert!(verification.passed);
    let events = verification
        .checked
        .iter()
        .find(|check| check.what == Subject::Events);
    assert!(
        events
            .expect("a check")
            .says
            .contains("two stories told by: carol")
    );
}

/// Evidence of a lie is evidence: it is put together, and says so.
#[test]
fn a_verdict_that_no_rule_gave_is_named() {
    let told = SAMPLE.ledger.in_memory().expect("a store in order");
    let told = told.told();
    let mut activations = told
        .iter()
        .filter_map(|entry| match &entry.signed.event().body {
            Body::Activation(activation) => Some(activation.clone()),
            _ => None,
        });
    let mut activation = activations.next().expect("somebody activated it");
    let judgement = activation.judgement.as_mut().expect("by a rule");
    judgement.why = "another reason".to_owned();
    let lie = drafted("gina", 10, Body::Activation(activation));
    let files = evidence_after(&[lie], "alice", &identity("alice")).expect("events in order");
    assert_eq!(
        problems(&files),
        [(Subject::Rules, "ledger.jsonl".to_owned())]
    );
}

/// Nothing is checked twice over nothing: where the base is wrong, all that rests on it says so.
#[test]
fn what_cannot_be_checked_is_not_said_to_be_right() {
    let wrong = changed(&SAMPLE.bare, "genesis.json", Some(b"{}".to_vec()));
    let found: BTreeSet<Subject> = problems(&wrong).into_iter().map(|(what, _)| what).collect();
    for what in [
        Subject::Policy,
        Subject::Events,
        Subject::Rules,
        Subject::Checkpoint,
        Subject::Proofs,
        Subject::Psbt,
        Subject::Transaction,
        Subject::Block,
        Subject::Readme,
        Subject::Case,
    ] {
        assert!(found.contains(&what), "{what:?} in {found:?}");
    }
    let empty = verify(&Files::new());
    assert!(!empty.passed);
}
