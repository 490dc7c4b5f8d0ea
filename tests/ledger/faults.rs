//! What becomes of a store when its files are spoilt, its disk is full, or it is not the one that
//! it was.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use longstop::ledger::{Directory, Head, Pin, Reader, Record, Remark, Store, StoreError};
use proptest::prelude::*;

use super::common::{GENESIS, HOLDER, Place, Watched, append, contents, record, records};

/// The longest that anything may take on a small store.
const LONGEST: Duration = Duration::from_secs(2);

/// Everything that a store has to give: each record in order and by position, the tree, a proof
/// for each, and, by the index, each by its id; it has to be what was appended.
fn read_everything(
    store: &dyn Store,
    size: u64,
    head: Head,
    is_indexed: bool,
) -> Result<(), StoreError> {
    assert_eq!(store.size(), size, "silently shorter or longer");
    assert_eq!(store.head()?, head);
    let all: Vec<Record> = store.records(0).collect::<Result<_, _>>()?;
    assert_eq!(all, records(0..size));
    for (position, own) in (0..).zip(&all) {
        let proof = store.prove_inclusion(position, size)?;
        assert_eq!(proof.verify(head.root, &own.bytes), Ok(()));
        if is_indexed {
            assert_eq!(store.read(position)?, *own);
            assert_eq!(store.find(&own.id)?, Some(position));
        }
    }
    if is_indexed {
        assert_eq!(store.find(&record(size).id)?, None);
    }
    Ok(())
}

/// Opens a store, for writing and beside it for reading, and reads and verifies everything: it is
/// exact, or an error.
fn exact_or_error(
    path: &Path,
    size: u64,
    head: Head,
    is_indexed: bool,
) -> Result<Vec<Remark>, StoreError> {
    let begun = Instant::now();
    let read = Reader::open(path, None).and_then(|reader| {
        read_everything(&reader, size, head, true)?;
        reader.snapshot().verify(|_, _| Ok::<_, StoreError>(()))
    });
    let written = Directory::open(path, None, HOLDER).and_then(|store| {
        read_everything(&store, size, head, is_indexed)?;
        store.snapshot().verify(|_, _| Ok::<_, StoreError>(()))?;
        let remarks = store.remarks();
        store.close()?;
        // And once more, from what it wrote down itself.
        let again = Directory::open(path, None, HOLDER)?;
        read_everything(&again, size, head, is_indexed)?;
        assert_eq!(again.remarks(), [], "it is whole again");
        Ok(remarks)
    });
    assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
    // What only a writer can make good, the reader need not.
    if written.is_err() {
        assert!(read.is_err(), "the reader saw nothing of {written:?}");
    }
    written
}

/// How many records the spoilt stores have.
const SIZE: u64 = 24;

/// A store with an index, closed, and what it holds.
fn whole(size: u64) -> (Place, Head) {
    let place = Place::filled(size, 7);
    let mut store = place.open();
    store.set_state("tips", b"some state").expect("it is kept");
    store.find(&record(0).id).expect("it is read");
    let head = store.close().expect("it closes");
    (place, head)
}

/// How a file is spoilt at some place.
type Spoil = fn(&[u8], usize) -> Vec<u8>;

const SPOILS: [(&str, Spoil); 5] = [
    ("a low bit", |bytes, at| flipped(bytes, at, 0x01)),
    ("a high bit", |bytes, at| flipped(bytes, at, 0x80)),
    ("zeros", |bytes, at| {
        let mut bytes = bytes.to_vec();
        let end = (at + 16).min(bytes.len());
        bytes[at..end].fill(0);
        bytes
    }),
    ("cut short", |bytes, at| bytes[..at].to_vec()),
    ("cut out", |bytes, at| {
        let end = (at + 5).min(bytes.len());
        [&bytes[..at], &bytes[end..]].concat()
    }),
];

fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= bit;
    bytes
}

/// Every file of a store is spoilt, at places spread over it (a hundred if
/// `LONGSTOP_SWEEP=long`), in every way.
#[test]
fn every_spoilt_byte_is_noticed() {
    let (place, head) = whole(SIZE);
    let sound = contents(&place.path);
    let is_long = std::env::var("LONGSTOP_SWEEP").is_ok_and(|value| value == "long");
    let (mut exact, mut refused) = (0, 0);
    for (path, bytes) in &sound {
        let name = path.strip_prefix(&place.path).expect("inside");
        // The index is found out by one digest over all of it, so some places do.
        let is_index = name.starts_with("index");
        let places = match (is_index, is_long) {
            (true, false) => 1,
            (true, true) => 10,
            (false, false) => 3,
            (false, true) => 100,
        };
        let step = (bytes.len() / places).max(1);
        for at in (step / 2..bytes.len()).step_by(step) {
            for (how, spoil) in SPOILS {
                let spoilt = spoil(bytes, at);
                fs::write(path, &spoilt).expect("it is written");
                match exact_or_error(&place.path, SIZE, head, is_index) {
                    Ok(remarks) => {
                        // What the lock says is for people, and this index was not looked at.
                        let is_nothing = name == Path::new("lock")
                            || spoilt == *bytes
                            || (name == Path::new("index.seal") && !is_index);
                        let is_said = is_nothing || !remarks.is_empty();
                        assert!(is_said, "{how} in {} at {at}", name.display());
                        exact += 1;
                    }
                    Err(_) => refused += 1,
                }
                restore(&place.path, &sound);
            }
        }
    }
    assert!(exact > 20 && refused > 50, "{exact} and {refused}");
}

#[test]
fn every_missing_or_longer_file_is_noticed() {
    let (place, head) = whole(SIZE);
    let sound = contents(&place.path);
    for (path, bytes) in &sound {
        let name = path.strip_prefix(&place.path).expect("inside");
        let is_index = name.starts_with("index") || name == Path::new("index.seal");
        fs::remove_file(path).expect("it is removed");
        let result = exact_or_error(&place.path, SIZE, head, is_index);
        let is_truth = name.starts_with("segments") || name == Path::new("genesis");
        assert_eq!(result.is_err(), is_truth, "{name:?} is missing: {result:?}");
        restore(&place.path, &sound);
        for more in [b"\0".as_slice(), b"x", &[0; 5_000], bytes] {
            fs::write(path, [bytes, more].concat()).expect("it is written");
            let result = exact_or_error(&place.path, SIZE, head, is_index);
            // Zeros behind the last record are room, and behind the last hash nothing is read.
            let is_zeros = more.iter().all(|byte| *byte == 0);
            let is_nothing = name == Path::new("lock")
                || name == Path::new("hashes")
                || (is_zeros && name.starts_with("segments"));
            let is_silent = result.as_ref().is_ok_and(Vec::is_empty);
            assert!(is_nothing || !is_silent, "{name:?} is longer");
            restore(&place.path, &sound);
        }
    }
}

/// Puts all files back as they were, and removes those that were made since.
fn restore(path: &Path, sound: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>) {
    for file in contents(path).keys() {
        if !sound.contains_key(file) {
            fs::remove_file(file).expect("it is removed");
        }
    }
    for (file, bytes) in sound {
        if fs::read(file).ok().as_ref() != Some(bytes) {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder).expect("a directory");
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
            }
            fs::write(file, bytes).expect("it is written");
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
    }
}

#[test]
fn deleting_the_index_loses_nothing() {
    let (place, head) = whole(200);
    fs::remove_dir_all(place.path.join("index")).expect("it is removed");
    let store = place.open();
    read_everything(&store, 200, head, true).expect("it is exact");
    assert_eq!(
        store.state("tips").expect("it is read"),
        None,
        "state may be lost"
    );
    store.close().expect("it closes");
    // With everything that is not the truth.
    for name in ["index", "index.seal", "hashes", "mark", "tip", "lock"] {
        let path = place.path.join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.expect("it is removed");
    }
    let store = place.open();
    let missing: Vec<Remark> = ["mark", "tip"].map(|file| Remark::Missing { file }).into();
    assert_eq!(store.remarks(), missing);
    read_everything(&store, 200, head, true).expect("it is exact");
}

#[test]
fn a_torn_tail_is_cut_and_kept_and_said() {
    // A batch that was being written when the power went: nothing of it was acknowledged.
    let place = Place::new();
    let mut store = place.init();
    append(&mut store, 10, 3);
    let head = store.close().expect("it closes");
    let segment = place.path.join("segments/00000000.segment");
    let sound = fs::read(&segment).expect("it is there");
    let more = place.open();
    drop(more);
    let longer = {
        let mut store = place.open();
        append(&mut store, 13, 3);
        drop(store);
        fs::read(&segment).expect("it is there")
    };
    let files = contents(&place.path);
    let new = longer.len() - sound.len();
    for cut in (1..new).step_by(13) {
        fs::write(&segment, &longer[..sound.len() + cut]).expect("it is written");
        for name in ["mark", "tip"] {
            fs::remove_file(place.path.join(name)).expect("it is removed");
        }
        let store = place.open();
        let size = store.size();
        assert!((10..13).contains(&size), "{size}");
        let cuts: Vec<Remark> = store
            .remarks()
            .into_iter()
            .filter(|remark| matches!(remark, Remark::Cut { .. }))
            .collect();
        match &cuts[..] {
            [
                Remark::Cut {
                    offset,
                    kept,
                    bytes,
                    ..
                },
            ] => {
                let kept = fs::read(place.path.join(kept)).expect("it is kept");
                let from = usize::try_from(*offset).expect("small");
                assert!(longer[from..sound.len() + cut].starts_with(&kept));
                assert_eq!(kept.len() as u64, *bytes);
            }
            // It ended where a record does.
            [] => assert!(longer[..sound.len() + cut].len() as u64 == length_of(&store)),
            more => panic!("{more:?}"),
        }
        for position in 0..size {
            assert_eq!(store.read(position).expect("it is there"), record(position));
        }
        drop(store);
        restore(&place.path, &files);
    }
    assert_eq!(head.size, 10);
}

fn length_of(store: &Directory) -> u64 {
    let verified = store.snapshot().verify(|_, _| Ok::<_, StoreError>(()));
    verified.expect("it is whole").bytes
}

#[test]
fn damage_before_the_last_batch_is_never_taken_for_a_torn_tail() {
    // Without mark and tip, as after the power went: only what is in the segment tells.
    let place = Place::new();
    let mut store = place.init();
    append(&mut store, 9, 3);
    store.close().expect("it closes");
    for name in ["mark", "tip"] {
        fs::remove_file(place.path.join(name)).expect("it is removed");
    }
    let files = contents(&place.path);
    let segment = place.path.join("segments/00000000.segment");
    let bytes = &files[&segment];
    let (mut refused, mut cut) = (0, 0);
    for at in (120..bytes.len()).step_by(11) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0x10;
        fs::write(&segment, &spoilt).expect("it is written");
        match Directory::open(&place.path, None, HOLDER) {
            Err(StoreError::Damaged {
                record,
                offset,
                file,
                ..
            }) => {
                assert!(
                    record.is_some_and(|record| record < 6),
                    "{record:?} at {at}"
                );
                assert!(offset <= at as u64 && file.ends_with("00000000.segment"));
                refused += 1;
            }
            Ok(store) => {
                assert!(store.size() >= 6, "{} are left", store.size());
                assert!(
                    store
                        .remarks()
                        .iter()
                        .any(|own| matches!(own, Remark::Cut { .. }))
                );
                cut += 1;
            }
            Err(error) => panic!("{error}"),
        }
        restore(&place.path, &files);
    }
    assert!(refused > 20 && cut > 20, "{refused} and {cut}");
}

/// A segment that was being begun when the power went, in all states of its first page.
#[test]
fn a_segment_that_was_being_begun_is_moved_away_whole() {
    let place = Place::new();
    let mut store = place.init().with_segment_length(2 << 10);
    append(&mut store, 8, 1);
    while !place.path.join("segments/00000001.segment").exists() {
        let size = store.size();
        append(&mut store, size + 1, 1);
    }
    let size = store.size() - 1;
    store.close().expect("it closes");
    for name in ["mark", "tip"] {
        fs::remove_file(place.path.join(name)).expect("it is removed");
    }
    let files = contents(&place.path);
    let segment = place.path.join("segments/00000001.segment");
    let bytes = &files[&segment];
    let zeroed = [vec![0; 120], bytes[120..].to_vec()].concat();
    for torn in [Vec::new(), bytes[..119].to_vec(), vec![0; 4_096], zeroed] {
        fs::write(&segment, &torn).expect("it is written");
        let mut store = place.open();
        assert_eq!(store.size(), size);
        let remarks = store.remarks();
        let cut = |own: &Remark| {
            matches!(own, Remark::Cut { offset: 0, kept, .. }
            if fs::read(place.path.join(kept)).is_ok_and(|kept| kept == torn))
        };
        assert!(remarks.iter().any(cut), "{remarks:?}");
        append(&mut store, size + 5, 2);
        drop(store);
        assert_eq!(place.open().size(), size + 5);
        restore(&place.path, &files);
    }
    // With a second batch in it, the first was acknowledged.
    let mut store = place.open().with_segment_length(2 << 10);
    append(&mut store, size + 2, 1);
    drop(store);
    assert!(!place.path.join("segments/00000002.segment").exists());
    for name in ["mark", "tip"] {
        fs::remove_file(place.path.join(name)).expect("it is removed");
    }
    let mut bytes = fs::read(&segment).expect("it is there");
    bytes[..120].fill(0);
    fs::write(&segment, &bytes).expect("it is written");
    let error = Directory::open(&place.path, None, HOLDER).expect_err("it was acknowledged");
    assert!(
        matches!(error, StoreError::Damaged { offset: 0, .. }),
        "{error}"
    );
}

#[test]
fn what_the_tip_says_is_not_cut_away() {
    // The process was killed: the last batch is acknowledged, and the tip says so.
    let place = Place::new();
    let mut store = place.init();
    append(&mut store, 9, 3);
    store.close().expect("it closes");
    fs::remove_file(place.path.join("mark")).expect("it is removed");
    let segment = place.path.join("segments/00000000.segment");
    let bytes = fs::read(&segment).expect("it is there");
    for spoil in [true, false] {
        let mut spoilt = bytes.clone();
        if spoil {
            *spoilt.last_mut().expect("not empty") ^= 1;
        } else {
            // The whole last record, exactly.
            let last = 88 + record(8).bytes.len();
            spoilt.truncate(bytes.len() - last);
        }
        fs::write(&segment, &spoilt).expect("it is written");
        let before = contents(&place.path);
        let opened = Directory::open(&place.path, None, HOLDER);
        let error = opened.expect_err("it was acknowledged");
        if spoil {
            assert!(
                matches!(
                    error,
                    StoreError::Damaged {
                        record: Some(8),
                        ..
                    }
                ),
                "{error}"
            );
        } else {
            assert!(
                matches!(error, StoreError::Shrunk { size: 8, known: 9 }),
                "{error}"
            );
        }
        assert!(Directory::repair(&place.path, None, HOLDER).is_err());
        let mut after = contents(&place.path);
        after.retain(|path, _| !path.ends_with("lock") && !path.ends_with("hashes"));
        for (path, bytes) in after {
            assert_eq!(before.get(&path), Some(&bytes), "{path:?} was changed");
        }
    }
}

#[test]
fn repair_makes_everything_but_the_truth_anew() {
    let (place, head) = whole(100);
    let spoil = |name: &str| {
        let path = place.path.join(name);
        let mut bytes = fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).expect("it is written");
    };
    for name in ["hashes", "mark", "tip", "index.seal"] {
        spoil(name);
    }
    let (store, verified) = Directory::repair(&place.path, None, HOLDER).expect("nothing is lost");
    assert_eq!(verified.head, head);
    read_everything(&store, 100, head, true).expect("it is exact");
    store.close().expect("it closes");
    let store = place.open();
    assert_eq!(store.remarks(), []);
    read_everything(&store, 100, head, true).expect("it is exact");
    drop(store);
    // A damaged record is beyond it, and stays as it is.
    spoil("segments/00000000.segment");
    let damaged = contents(&place.path);
    let error = Directory::repair(&place.path, None, HOLDER).expect_err("a record is damaged");
    assert!(
        matches!(
            error,
            StoreError::Damaged {
                record: Some(_),
                ..
            }
        ),
        "{error}"
    );
    let segments = |path: &Path| path.starts_with(place.path.join("segments"));
    let after = contents(&place.path);
    for (path, bytes) in damaged.iter().filter(|(path, _)| segments(path)) {
        assert_eq!(&after[path], bytes);
    }
}

#[test]
fn opening_never_makes_a_store() {
    let place = Place::new();
    let missing = |path: &Path| {
        let opened = Directory::open(path, None, HOLDER).expect_err("nothing is there");
        assert!(matches!(opened, StoreError::Missing { .. }), "{opened}");
        let read = Reader::open(path, None).expect_err("nothing is there");
        assert!(matches!(read, StoreError::Missing { .. }), "{read}");
        let repaired = Directory::repair(path, None, HOLDER).expect_err("nothing is there");
        assert!(matches!(repaired, StoreError::Missing { .. }), "{repaired}");
    };
    missing(&place.path);
    assert!(!place.path.exists());
    fs::create_dir(&place.path).expect("a directory");
    missing(&place.path);
    assert_eq!(contents(&place.path).len(), 0);
    // An empty directory may become one, another thing not.
    let store = place.init();
    store.close().expect("it closes");
    let again = Directory::init(&place.path, GENESIS, HOLDER).expect_err("it is there");
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    let file = place.path.join("genesis");
    let again = Directory::init(&file, GENESIS, HOLDER).expect_err("a file is there");
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
}

#[test]
fn another_store_in_its_place_is_noticed() {
    let (place, head) = whole(30);
    let store = place.open();
    let pin = store.pin();
    assert_eq!(pin.head, Some(head));
    let text = serde_json::to_string(&pin).expect("it is written");
    assert_eq!(serde_json::from_str::<Pin>(&text).expect("it is read"), pin);
    store.close().expect("it closes");
    let open = |path: &Path| {
        let opened = Directory::open(path, Some(&pin), HOLDER);
        let read = Reader::open(path, Some(&pin));
        assert_eq!(opened.is_ok(), read.is_ok());
        opened
    };
    open(&place.path).expect("it is the one");
    // One that goes on is the same; one founded on something else is not.
    let mut longer = place.open();
    append(&mut longer, 40, 5);
    longer.close().expect("it closes");
    open(&place.path).expect("it only grew");
    let other = Place::new();
    drop(Directory::init(&other.path, b"something else", HOLDER).expect("nothing is there"));
    let error = open(&other.path).expect_err("another one");
    assert!(matches!(error, StoreError::OtherGenesis { .. }), "{error}");
    // The same foundation, and fewer records, or others.
    let error = open(&Place::filled(29, 7).path).expect_err("shorter");
    assert!(
        matches!(
            error,
            StoreError::Shrunk {
                size: 29,
                known: 30
            }
        ),
        "{error}"
    );
    open(&Place::filled(30, 3).path).expect("the same records in other batches");
    let other = Place::new();
    let mut store = other.init();
    store.append(&records(1..41)).expect("there is room");
    drop(store);
    let error = open(&other.path).expect_err("another history");
    assert!(
        matches!(error, StoreError::Rewritten { size: 30 }),
        "{error}"
    );
    // A genesis that was exchanged alone.
    fs::write(place.path.join("genesis"), b"something else").expect("it is written");
    let error = Directory::open(&place.path, None, HOLDER).expect_err("another genesis");
    assert!(matches!(error, StoreError::OtherGenesis { .. }), "{error}");
}

#[test]
fn segments_of_another_store_are_noticed() {
    let (place, head) = whole(60);
    let other = Place::new();
    let mut store = other.init().with_segment_length(8 << 10);
    store.append(&records(100..160)).expect("there is room");
    for number in 160..200 {
        store.append(&[record(number)]).expect("there is room");
    }
    store.close().expect("it closes");
    for name in ["segments/00000000.segment", "segments/00000001.segment"] {
        let sound = fs::read(place.path.join(name)).expect("it is there");
        fs::copy(other.path.join(name), place.path.join(name)).expect("it is copied");
        exact_or_error(&place.path, 60, head, true).expect_err("it is from elsewhere");
        fs::write(place.path.join(name), sound).expect("it is written");
    }
    exact_or_error(&place.path, 60, head, true).expect("it is as it was");
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (place, _) = whole(5);
    let segment = place.path.join("segments/00000000.segment");
    let mut bytes = fs::read(&segment).expect("it is there");
    bytes[11] = 2;
    fs::write(&segment, bytes).expect("it is written");
    let before = contents(&place.path);
    for result in [
        Directory::open(&place.path, None, HOLDER).map(drop),
        Reader::open(&place.path, None).map(drop),
        Directory::repair(&place.path, None, HOLDER).map(drop),
    ] {
        let error = result.expect_err("it is newer");
        let is_named = matches!(
            error,
            StoreError::NewerFormat {
                version: 2,
                known: 1,
                ..
            }
        );
        assert!(is_named, "{error}");
    }
    assert_eq!(contents(&place.path), before, "nothing was touched");
}

#[test]
fn a_second_process_is_told_who_has_it() {
    let place = Place::new();
    let mut first = place.init();
    append(&mut first, 5, 5);
    let error = Directory::open(&place.path, None, "somebody else").expect_err("it is held");
    assert!(
        matches!(&error, StoreError::Locked { holder } if holder == HOLDER),
        "{error}"
    );
    assert!(error.to_string().ends_with(HOLDER), "{error}");
    let error = Directory::repair(&place.path, None, "somebody else").expect_err("it is held");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    // Reading beside it is allowed, up to what is acknowledged.
    let reader = Reader::open(&place.path, None).expect("it is read");
    append(&mut first, 9, 2);
    assert_eq!(reader.size(), 5);
    assert_eq!(
        Reader::open(&place.path, None).expect("it is read").size(),
        9
    );
    assert!(matches!(
        Reader::open(&place.path, None)
            .expect("it is read")
            .append(&records(9..10)),
        Err(StoreError::ReadOnly)
    ));
    drop(first);
    let hostile = "\u{1b}[2Jnobody\nat all";
    let _second = Directory::open(&place.path, None, hostile).expect("it is free");
    let error = Directory::open(&place.path, None, HOLDER).expect_err("it is held");
    assert!(matches!(&error, StoreError::Locked { holder } if holder == "[2Jnobodyat all"));
}

#[test]
fn nobody_else_may_read_a_store() {
    let (place, _) = whole(20);
    for (path, bytes) in contents(&place.path) {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o7777;
        assert_eq!(mode, 0o600, "{path:?} of {} bytes", bytes.len());
    }
    let mut checked = 0;
    for path in [
        place.path.clone(),
        place.path.join("segments"),
        place.path.join("index"),
        place.path.join("genesis"),
        place.path.join("segments/00000000.segment"),
        place.path.join("mark"),
        place.path.join("hashes"),
        place.path.join("index.seal"),
    ] {
        let sound = fs::metadata(&path).expect("it is there").permissions();
        for mode in [0o040, 0o020, 0o004, 0o002, 0o010, 0o001] {
            let open = fs::Permissions::from_mode(sound.mode() | mode);
            fs::set_permissions(&path, open).expect("a mode");
            let error = Directory::open(&place.path, None, HOLDER).expect_err("others may");
            let is_named = matches!(&error, StoreError::Exposed { path: own, .. } if *own == path);
            assert!(is_named, "{error}");
            assert!(Reader::open(&place.path, None).is_err());
            checked += 1;
        }
        fs::set_permissions(&path, sound).expect("a mode");
    }
    assert_eq!(checked, 48);
    place.open();
}

/// Whatever fails, and at whatever moment: what was acknowledged is there afterwards, and after a
/// failed write or sync nothing more is taken.
#[test]
fn a_full_or_failing_disk_stops_the_writer_and_loses_nothing() {
    for (first, error) in [(0, ErrorKind::StorageFull), (1, ErrorKind::Other)] {
        for moment in (first..60).step_by(2) {
            let place = Place::new();
            let disk = Watched::new();
            let mut store = Directory::init_on(disk.disk(), &place.path, GENESIS, HOLDER)
                .expect("nothing is there")
                .with_segment_length(2 << 10);
            append(&mut store, 5, 5);
            disk.fail_after(moment, error);
            let mut acknowledged = 5;
            let mut failed = None;
            for number in 5..30 {
                match store.append(&[record(number)]) {
                    Ok(_) => acknowledged = number + 1,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            if failed.is_some() {
                let again = store.append(&records(40..41)).expect_err("it has stopped");
                assert!(matches!(again, StoreError::Stopped { .. }), "{again}");
                // What was acknowledged is still read, and nothing else.
                assert_eq!(store.size(), acknowledged);
                let read = store.read(acknowledged - 1).expect("it is there");
                assert_eq!(read, record(acknowledged - 1));
                assert_eq!(
                    store.find(&record(acknowledged).id).expect("it is read"),
                    None
                );
                assert!(store.close().is_err());
            } else {
                // It failed while closing, or not at all.
                drop(store);
            }
            let store = place.open();
            assert!(
                store.size() >= acknowledged,
                "{} of {acknowledged}",
                store.size()
            );
            for position in 0..store.size() {
                assert_eq!(store.read(position).expect("it is there"), record(position));
            }
        }
    }
}

/// A store that could not be made is not there.
#[test]
fn a_store_is_made_whole_or_not_at_all() {
    let mut made = false;
    for moment in 0..40 {
        let place = Place::new();
        let disk = Watched::new();
        disk.fail_after(moment, ErrorKind::StorageFull);
        match Directory::init_on(disk.disk(), &place.path, GENESIS, HOLDER) {
            Ok(store) => {
                drop(store);
                place.open();
                made = true;
            }
            Err(_) => match Directory::open(&place.path, None, HOLDER) {
                // Only the name of the directory itself was not synced.
                Ok(store) => assert_eq!(store.size(), 0),
                Err(error) => assert!(matches!(error, StoreError::Missing { .. }), "{error}"),
            },
        }
    }
    assert!(made);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Several places at once, in a store that was killed: exact, or an error, or a tail cut and
    /// said; never an acknowledged record less than the tip says.
    #[test]
    fn whatever_is_spoilt_is_exact_or_an_error(
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 1..4),
    ) {
        let place = Place::filled(25, 4);
        let head = place.open().head().expect("a head");
        let files = place.files();
        for (file, at, change) in spoilt {
            let path = file.get(&files);
            let mut bytes = fs::read(path).expect("it is there");
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= change;
                fs::write(path, bytes).expect("it is written");
            }
        }
        // The tip may be among what was spoilt, with the mark and the tail: then it is as if the
        // power had gone, and a torn last batch is cut.
        match Directory::open(&place.path, None, HOLDER) {
            Ok(store) if store.size() == 25 => {
                let _ = read_everything(&store, 25, head, true);
            }
            Ok(store) => {
                prop_assert!(store.size() >= 20, "two batches at most");
                let is_cut = |own: &Remark| matches!(own, Remark::Cut { .. });
                prop_assert!(store.remarks().iter().any(is_cut));
            }
            Err(_) => {}
        }
    }
}
