//! Appending: one record at a time, and a thousand.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use longstop::ledger::{Directory, Store};

use super::common::{Goal, Row, folder, median, microseconds, record, records};

/// Rounds of each row.  In each round, each contender appends once, so that all of them meet the
/// same disk and the same neighbours.
const ROUNDS: u64 = 1_500;
const BATCHES: u64 = 150;

/// Records of a batch.
const BATCH: u64 = 1_000;

pub fn rows(is_wanted: &dyn Fn(&str) -> bool, report: &mut dyn FnMut(Row)) {
    let name = "append of one record, beside a bare file with one sync";
    if is_wanted(name) {
        report(single(name, 0));
    }
    let name = "the same, to 100,000 records that only the index knows";
    if is_wanted(name) {
        report(single(name, 100_000));
    }
    let names = [
        "append of 1,000, beside sled by id and by position",
        "the same, beside sled by position alone",
        "the same, beside a bare file with one sync",
    ];
    if names.iter().any(|name| is_wanted(name)) {
        batched(names, report);
    }
}

fn timed(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    microseconds(start.elapsed())
}

/// The time of an append to a store that already has so many records.
fn single(name: &str, already: u64) -> Row {
    let folder = folder();
    let path = super::common::filled(folder.path(), already);
    let mut store = Directory::open(&path, None, "a bench").expect("it is there");
    let mut bare = File::create(folder.path().join("bare")).expect("a file");
    // The first look-up opens the index, which is another row.
    store.find(&record(0).id).expect("it is read");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in already..already + ROUNDS {
        let own = record(round);
        ours.push(timed(|| {
            store
                .append(std::slice::from_ref(&own))
                .expect("there is room");
        }));
        theirs.push(timed(|| {
            bare.write_all(&own.bytes).expect("there is room");
            bare.sync_data().expect("it is synced");
        }));
    }
    Row {
        name: name.to_owned(),
        unit: "us",
        ours: median(ours),
        beside: Some(median(theirs)),
        goal: Goal::RatioAtMost(1.1),
    }
}

/// How many records a second, in batches.
fn batched(names: [&str; 3], report: &mut dyn FnMut(Row)) {
    let folder = folder();
    let path = folder.path().join("ledger");
    let mut store = Directory::init(&path, b"a bench", "a bench").expect("nothing is there");
    let mut bare = File::create(folder.path().join("bare")).expect("a file");
    let database = |name: &str| {
        sled::Config::new()
            .path(folder.path().join(name))
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None)
            .open()
            .expect("a database")
    };
    // What answers where an id is, and what is at a position; and what answers only the latter.
    let (sled, bare_sled) = (database("sled"), database("bare-sled"));
    let ids = sled.open_tree("ids").expect("a tree");
    let mut times = [const { Vec::new() }; 4];
    for round in 0..BATCHES {
        let batch = records(round * BATCH, BATCH);
        let places = || (round * BATCH..).map(u64::to_be_bytes).zip(&batch);
        times[0].push(timed(|| {
            store.append(&batch).expect("there is room");
        }));
        times[1].push(timed(|| {
            for (place, own) in places() {
                ids.insert(own.id, &place).expect("there is room");
                sled.insert(place, own.bytes.as_slice())
                    .expect("there is room");
            }
            sled.flush().expect("it is flushed");
        }));
        times[2].push(timed(|| {
            for (place, own) in places() {
                bare_sled
                    .insert(place, own.bytes.as_slice())
                    .expect("there is room");
            }
            bare_sled.flush().expect("it is flushed");
        }));
        times[3].push(timed(|| {
            let bytes: Vec<&[u8]> = batch.iter().map(|own| own.bytes.as_slice()).collect();
            bare.write_all(&bytes.concat()).expect("there is room");
            bare.sync_data().expect("it is synced");
        }));
    }
    // Whole rounds, not medians: what is put off from one batch to another counts.
    let rate = |times: &Vec<f64>| {
        let seconds = Duration::from_secs_f64(times.iter().sum::<f64>() / 1e6).as_secs_f64();
        (BATCHES * BATCH) as f64 / seconds / 1e3
    };
    let [ours, sled, bare_sled, bare] = times.each_ref().map(rate);
    for (name, beside, goal) in [
        (names[0], sled, Goal::RatioAtLeast(6.0)),
        (names[1], bare_sled, Goal::None),
        (names[2], bare, Goal::None),
    ] {
        report(Row {
            name: name.to_owned(),
            unit: "k/s",
            ours,
            beside: Some(beside),
            goal,
        });
    }
}
