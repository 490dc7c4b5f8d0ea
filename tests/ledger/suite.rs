//! What every store promises, asked of both.

use std::fmt::Write;

use bitcoin::hex::DisplayHex;
use longstop::ledger::{
    Directory, MAX_RECORD, Memory, Placed, Reader, Record, Store, StoreError, TreeHash,
};
use proptest::prelude::*;

use super::common::{GENESIS, HOLDER, Place, append, record, records};
use super::golden;

/// Runs a check on an empty store in memory and on one in a directory.
fn both(check: impl Fn(&mut dyn Store)) {
    check(&mut Memory::new(GENESIS.to_vec()));
    let place = Place::new();
    check(&mut place.init().with_segment_length(4 << 10));
}

#[test]
fn an_empty_store_has_the_empty_tree() {
    both(|store| {
        assert_eq!(store.genesis(), GENESIS);
        let head = store.head().expect("a head");
        assert_eq!((head.size, head.root), (0, TreeHash::EMPTY));
        assert_eq!(store.append(&[]).expect("nothing to do"), []);
        assert!(store.records(0).next().is_none());
        assert_eq!(store.find(&record(0).id).expect("it is read"), None);
    });
}

#[test]
fn records_are_read_as_they_were_appended() {
    both(|store| {
        for (first, last) in [(0, 1), (1, 40), (40, 41), (41, 200)] {
            let placed = store.append(&records(first..last)).expect("there is room");
            let expected: Vec<Placed> = (first..last).map(Placed::New).collect();
            assert_eq!(placed, expected);
            assert_eq!(store.size(), last);
        }
        for position in 0..200 {
            let own = record(position);
            assert_eq!(store.read(position).expect("it is there"), own);
            assert_eq!(store.find(&own.id).expect("it is read"), Some(position));
        }
        for from in [0, 1, 31, 32, 33, 199, 200, 201, u64::MAX] {
            let read: Vec<Record> = store
                .records(from)
                .map(|own| own.expect("it is there"))
                .collect();
            assert_eq!(read, records(from.min(200)..200), "from {from}");
        }
    });
}

#[test]
fn there_is_nothing_behind_the_last_record() {
    both(|store| {
        append_all(store, 3);
        assert!(store.read(2).is_ok());
        for position in [3, 4, u64::MAX] {
            let error = store.read(position).expect_err("nothing is there");
            assert!(
                matches!(error, StoreError::NoSuchRecord { size: 3, .. }),
                "{error}"
            );
            assert!(store.prove_inclusion(0, position.max(4)).is_err());
            assert!(store.prove_inclusion(position, 3).is_err());
            assert!(store.prove_consistency(0, position.max(4)).is_err());
            assert!(store.root_of(position.max(4)).is_err());
        }
        assert!(store.root_of(3).is_ok());
    });
}

#[test]
fn known_ids_are_skipped_and_said_so() {
    both(|store| {
        append_all(store, 5);
        let before = store.head().expect("a head");
        let again = store.append(&records(2..4)).expect("nothing to write");
        assert_eq!(again, [Placed::Known(2), Placed::Known(3)]);
        assert_eq!(store.head().expect("a head"), before);
        // In one batch, with other bytes under a known id.
        let mut other = record(4);
        other.bytes = b"something else".to_vec();
        let batch = [record(5), other, record(6), record(5), record(0)];
        let placed = store.append(&batch).expect("there is room");
        let new = [Placed::New(5), Placed::Known(4), Placed::New(6)];
        assert_eq!(placed[..3], new);
        assert_eq!(placed[3..], [Placed::Known(5), Placed::Known(0)]);
        assert_eq!(store.read(4).expect("it is there"), record(4));
        assert_eq!(store.size(), 7);
    });
}

#[test]
fn a_record_has_so_many_bytes_and_no_more() {
    both(|store| {
        let large = |length: usize, id: u8| Record {
            id: [id; 32],
            bytes: vec![7; length],
        };
        let batch = [large(0, 1), large(MAX_RECORD, 2), large(1, 3)];
        store.append(&batch).expect("that is allowed");
        for (position, own) in (0..).zip(&batch) {
            assert_eq!(store.read(position).expect("it is there"), *own);
        }
        let error = store
            .append(&[large(1, 4), large(MAX_RECORD + 1, 5)])
            .expect_err("too large");
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
        assert_eq!(store.size(), 3, "nothing of the batch was taken");
        assert!(store.append(&[large(1, 4)]).is_ok(), "it goes on");
    });
}

#[test]
fn working_state_is_kept_by_name() {
    both(|store| {
        assert_eq!(store.state("tips").expect("it is read"), None);
        store.set_state("tips", b"one").expect("it is kept");
        store.set_state("other", b"").expect("it is kept");
        store.set_state("tips", b"two").expect("it is kept");
        assert_eq!(
            store.state("tips").expect("it is read"),
            Some(b"two".to_vec())
        );
        assert_eq!(store.state("other").expect("it is read"), Some(Vec::new()));
    });
}

#[test]
fn both_stores_have_the_same_tree() {
    let place = Place::new();
    let mut directory = place.init().with_segment_length(4 << 10);
    let mut memory = Memory::new(GENESIS.to_vec());
    for (first, last) in [(0, 1), (1, 8), (8, 9), (9, 77)] {
        let batch = records(first..last);
        directory.append(&batch).expect("there is room");
        memory.append(&batch).expect("there is room");
        assert_eq!(
            directory.head().expect("a head"),
            memory.head().expect("a head")
        );
    }
    for size in 0..=77 {
        let root = memory.root_of(size).expect("a root");
        assert_eq!(directory.root_of(size).expect("a root"), root);
        for position in 0..size {
            let proof = directory.prove_inclusion(position, size).expect("a proof");
            assert_eq!(
                proof,
                memory.prove_inclusion(position, size).expect("a proof")
            );
        }
        for old in 0..=size {
            let proof = directory.prove_consistency(old, size).expect("a proof");
            assert_eq!(proof, memory.prove_consistency(old, size).expect("a proof"));
        }
    }
}

#[test]
fn a_store_is_the_same_after_it_was_closed() {
    let place = Place::new();
    let mut memory = Memory::new(GENESIS.to_vec());
    let mut size = 0;
    for step in [1, 30, 1, 64, 0, 100] {
        let mut store = if size == 0 {
            place.init()
        } else {
            place.open()
        };
        store = store.with_segment_length(8 << 10);
        assert_eq!(store.remarks(), []);
        store
            .append(&records(size..size + step))
            .expect("there is room");
        memory
            .append(&records(size..size + step))
            .expect("there is room");
        // A known one, which only the index can know of.
        if size > 0 {
            let again = store.append(&[record(size - 1)]).expect("nothing to write");
            assert_eq!(again, [Placed::Known(size - 1)]);
        }
        size += step;
        let head = store.close().expect("it closes");
        assert_eq!(head, memory.head().expect("a head"));
        let reader = Reader::open(&place.path, None).expect("it is there");
        assert_eq!(reader.head().expect("a head"), head);
        assert!(reader.remarks().is_empty());
    }
    let store = place.open();
    assert_eq!(store.remarks(), []);
    for position in (0..size).rev() {
        assert_eq!(store.read(position).expect("it is there"), record(position));
        let found = store.find(&record(position).id).expect("it is read");
        assert_eq!(found, Some(position));
    }
    assert_eq!(store.find(&record(size).id).expect("it is read"), None);
    let verified = store.snapshot().verify(|_, _| Ok::<_, StoreError>(()));
    let verified = verified.expect("it is whole");
    assert_eq!(verified.head.size, size);
    assert!(verified.segments > 3, "{verified:?}");
}

#[test]
fn a_snapshot_stays_as_it_is_while_the_store_grows() {
    let place = Place::new();
    let mut store = place.init().with_segment_length(4 << 10);
    append(&mut store, 20, 7);
    let snapshot = store.snapshot();
    let mut reading = snapshot.records(0);
    assert_eq!(
        reading.next().expect("a record").expect("it is there"),
        record(0)
    );
    append(&mut store, 90, 11);
    let rest: Vec<Record> = reading.map(|own| own.expect("it is there")).collect();
    assert_eq!(rest, records(1..20));
    let verified = snapshot
        .verify(|_, _| Ok::<_, StoreError>(()))
        .expect("it is whole");
    assert_eq!(verified.head, snapshot.head());
    assert_eq!(snapshot.head().root, store.root_of(20).expect("a root"));
    // What is said of a record ends it.
    let end = snapshot.verify(|position, _| {
        if position == 3 {
            Err(StoreError::ReadOnly)
        } else {
            Ok(())
        }
    });
    assert!(matches!(end, Err(StoreError::ReadOnly)));
}

#[test]
fn many_records_are_found_by_the_index() {
    let place = Place::new();
    let mut store = place.init();
    append(&mut store, 3_000, 500);
    store.close().expect("it closes");
    // The index is made now, then fed, then read again.
    let mut store = place.open();
    assert_eq!(
        store.find(&record(2_999).id).expect("it is read"),
        Some(2_999)
    );
    append(&mut store, 5_000, 500);
    store.set_state("tips", b"kept").expect("it is kept");
    store.close().expect("it closes");
    let store = place.open();
    for position in 0..5_000 {
        let found = store.find(&record(position).id).expect("it is read");
        assert_eq!(found, Some(position));
    }
    assert_eq!(store.find(&record(5_000).id).expect("it is read"), None);
    for position in [0, 1, 2_999, 3_000, 3_001, 4_999] {
        assert_eq!(store.read(position).expect("it is there"), record(position));
    }
    assert_eq!(
        store.state("tips").expect("it is read"),
        Some(b"kept".to_vec())
    );
    assert_eq!(store.remarks(), []);
}

/// The files of format 1, byte by byte.
#[test]
fn the_format_is_what_it_always_was() {
    let place = Place::new();
    let mut store = place.init().with_segment_length(700);
    for (first, last) in [(0, 1), (1, 3), (3, 5)] {
        store.append(&records(first..last)).expect("there is room");
    }
    store.close().expect("it closes");
    let mut text = String::new();
    for (path, bytes) in super::common::contents(&place.path) {
        let name = path.strip_prefix(&place.path).expect("inside");
        if name != std::path::Path::new("lock") {
            writeln!(text, "{} {}", name.display(), bytes.to_lower_hex_string()).expect("room");
        }
    }
    golden::check_file("ledger", "format-1.txt", &text);
}

fn append_all(store: &mut dyn Store, size: u64) {
    store.append(&records(0..size)).expect("there is room");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is appended in whatever batches, with whatever was known already, and whether the
    /// store is closed, dropped or only read beside in between: both agree.
    #[test]
    fn a_directory_is_as_good_as_memory(
        steps in prop::collection::vec((prop::collection::vec(0_u64..60, 0..12), 0..4), 1..10)
    ) {
        let place = Place::new();
        let mut memory = Memory::new(GENESIS.to_vec());
        let mut store = place.init().with_segment_length(2 << 10);
        for (numbers, then) in steps {
            let batch: Vec<Record> = numbers.iter().map(|number| record(*number)).collect();
            let expected = memory.append(&batch).expect("there is room");
            prop_assert_eq!(store.append(&batch).expect("there is room"), expected);
            match then {
                0 => {
                    store.close().expect("it closes");
                    store = place.open().with_segment_length(2 << 10);
                }
                1 => {
                    drop(store);
                    store = Directory::open(&place.path, None, HOLDER).expect("it is there");
                }
                2 => {
                    let reader = Reader::open(&place.path, Some(&store.pin())).expect("it is there");
                    prop_assert_eq!(reader.head().expect("a head"), memory.head().expect("a head"));
                    let read: Vec<Record> = reader.records(0).map(|own| own.expect("there")).collect();
                    let own: Vec<Record> = memory.records(0).map(|own| own.expect("there")).collect();
                    prop_assert_eq!(read, own);
                }
                _ => {}
            }
            prop_assert_eq!(store.head().expect("a head"), memory.head().expect("a head"));
            for number in 0..60 {
                let id = record(number).id;
                prop_assert_eq!(store.find(&id).expect("read"), memory.find(&id).expect("read"));
            }
        }
    }
}
