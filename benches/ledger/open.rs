//! Opening a million records, clean and after a crash; finding; verifying in flat memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use longstop::ledger::{Directory, Reader, Store, StoreError};

use super::common::{Goal, Row, filled, folder, median, microseconds, record, records};

const MANY: u64 = 1_000_000;
const FEWER: u64 = 100_000;

/// Records that are appended before the crash.
const TAIL: u64 = 10_000;

/// Tells this program to append to a store and crash, or to verify one.
const CRASH: &str = "LONGSTOP_BENCH_CRASH";
const VERIFY: &str = "LONGSTOP_BENCH_VERIFY";

/// Whether this process is one of those that the rows start; then it has done its work.
pub fn is_child() -> bool {
    if let Ok(path) = std::env::var(CRASH) {
        let mut store = Directory::open(path.as_ref(), None, "a bench").expect("it is there");
        let first = store.size();
        for batch in 0..TAIL / 100 {
            let batch = records(first + batch * 100, 100);
            store.append(&batch).expect("there is room");
        }
        std::process::abort();
    }
    if let Ok(path) = std::env::var(VERIFY) {
        let reader = Reader::open(path.as_ref(), None).expect("it is there");
        let verified = reader.snapshot().verify(|_, _| Ok::<_, StoreError>(()));
        verified.expect("it is whole");
        println!("{}", high_water());
        return true;
    }
    false
}

pub fn rows(is_wanted: &dyn Fn(&str) -> bool, report: &mut dyn FnMut(Row)) {
    let names = [
        "open of 1,000,000 records, closed; beside sled's open",
        "open of as many after a crash, 10,000 behind the mark",
        "the first look-up makes the index of 1,000,000",
        "the first look-up opens the index",
        "a look-up, once it is open",
        "a record by its position",
        "verify of 1,000,000 records",
        "memory to verify 1,000,000, beside 100,000",
    ];
    if !names.iter().any(|name| is_wanted(name)) {
        return;
    }
    let folder = folder();
    let path = filled(folder.path(), MANY);
    let mut row = |at: usize, unit, ours, beside, goal| {
        report(Row {
            name: names[at].to_owned(),
            unit,
            ours,
            beside,
            goal,
        });
    };

    let clean = open(&path);
    row(
        0,
        "ms",
        clean,
        Some(sled(folder.path())),
        Goal::AtMost(10.0),
    );

    crash(&path);
    let start = Instant::now();
    let store = Directory::open(&path, None, "a bench").expect("it is there");
    let after = microseconds(start.elapsed()) / 1e3;
    assert_eq!(store.size(), MANY + TAIL);
    // What a reading of everything takes is beside it.
    let start = Instant::now();
    let verified = store.snapshot().verify(|_, _| Ok::<_, StoreError>(()));
    let verified = verified.expect("it is whole");
    let everything = microseconds(start.elapsed()) / 1e3;
    row(1, "ms", after, Some(everything), Goal::RatioAtMost(0.1));

    let start = Instant::now();
    store.find(&record(7).id).expect("it is read");
    row(
        2,
        "ms",
        microseconds(start.elapsed()) / 1e3,
        None,
        Goal::None,
    );
    store.close().expect("it closes");
    let store = Directory::open(&path, None, "a bench").expect("it is there");
    let start = Instant::now();
    assert_eq!(store.find(&record(7).id).expect("it is read"), Some(7));
    row(
        3,
        "ms",
        microseconds(start.elapsed()) / 1e3,
        None,
        Goal::None,
    );
    let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % MANY;
    let found = (0..2_000).map(|number| {
        let id = record(spread(number)).id;
        let start = Instant::now();
        let found = store.find(&id).expect("it is read");
        let time = microseconds(start.elapsed());
        assert_eq!(found, Some(spread(number)));
        time
    });
    row(4, "us", median(found.collect()), None, Goal::None);
    let read = (0..2_000).map(|number| {
        let start = Instant::now();
        let read = store.read(spread(number)).expect("it is there");
        let time = microseconds(start.elapsed());
        assert_eq!(read, record(spread(number)));
        time
    });
    row(5, "us", median(read.collect()), None, Goal::None);
    assert_eq!(store.remarks(), []);
    store.close().expect("it closes");
    row(
        6,
        "MB/s",
        verified.bytes as f64 / everything / 1e3,
        None,
        Goal::None,
    );

    let fewer = filled(folder.path(), FEWER);
    let memory = |path: &Path| {
        let output = this(VERIFY, path).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        text.trim().parse::<f64>().expect("a number") / 1e3
    };
    let (many, fewer) = (memory(&path), memory(&fewer));
    row(7, "MB", many, Some(fewer), Goal::RatioAtMost(1.1));
}

/// The time to open a closed store, in milliseconds, with the index left alone.
fn open(path: &Path) -> f64 {
    let times = (0..15).map(|_| {
        let start = Instant::now();
        let store = Directory::open(path, None, "a bench").expect("it is there");
        let time = microseconds(start.elapsed()) / 1e3;
        assert_eq!(store.size(), MANY);
        assert_eq!(store.remarks(), []);
        time
    });
    median(times.collect())
}

/// The time sled takes to open a database with the same records, in milliseconds.
fn sled(folder: &Path) -> f64 {
    let path = folder.join("sled");
    let config = || sled::Config::new().path(&path).flush_every_ms(None);
    let database = config().open().expect("a database");
    for number in 0..MANY {
        database
            .insert(number.to_be_bytes(), record(number).bytes)
            .expect("there is room");
    }
    database.flush().expect("it is flushed");
    drop(database);
    let times = (0..3).map(|_| {
        let start = Instant::now();
        let database = config().open().expect("it is there");
        let time = microseconds(start.elapsed()) / 1e3;
        assert!(
            database
                .get(7_u64.to_be_bytes())
                .expect("it is read")
                .is_some()
        );
        time
    });
    let time = median(times.collect());
    std::fs::remove_dir_all(&path).expect("it is removed");
    time
}

/// Appends to a store and crashes.
fn crash(path: &Path) {
    let status = this(CRASH, path).status().expect("it runs");
    assert!(!status.success(), "it should have crashed");
}

fn this(variable: &str, path: &Path) -> Command {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.env(variable, path).stderr(Stdio::null());
    command
}

/// The most memory that this process had, in kilobytes.
fn high_water() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}
