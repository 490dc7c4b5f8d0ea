//! What is acknowledged is on the device: one sync for each batch, and kills at any moment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use longstop::ledger::{Directory, Store};

use super::common::{GENESIS, HOLDER, Place, Watched, record, records};

/// The operations that put something on the device.
fn syncs(log: &[(&'static str, String)]) -> usize {
    let is_sync = |step: &&(&str, String)| step.0.starts_with("sync");
    log.iter().filter(is_sync).count()
}

#[test]
fn a_batch_is_synced_once() {
    let place = Place::new();
    let disk = Watched::new();
    let mut store = Directory::init_on(disk.disk(), &place.path, GENESIS, HOLDER).expect("made");
    disk.take();
    let mut next = 0;
    for size in [1, 1, 7, 500, 1, 3_000] {
        store
            .append(&records(next..next + size))
            .expect("there is room");
        next += size;
        let log = disk.take();
        assert_eq!(syncs(&log), 1, "{log:?}");
        // Everything of the batch is written before the sync, and only the tip after it.
        let at = log.iter().position(|step| step.0 == "sync").expect("one");
        let segment = "00000000.segment".to_owned();
        assert_eq!(log[at], ("sync", segment.clone()));
        assert_eq!(log[at - 1], ("write", segment));
        assert_eq!(log[at + 1..], [("write", "tip".to_owned())]);
    }
    // What writes nothing syncs nothing.
    store.append(&records(0..9)).expect("they are known");
    store.append(&[]).expect("nothing to do");
    assert_eq!(syncs(&disk.take()), 0);
    store.read(3).expect("it is there");
    assert_eq!(syncs(&disk.take()), 0);
}

#[test]
fn a_new_segment_is_synced_with_its_name() {
    let place = Place::new();
    let disk = Watched::new();
    let mut store = Directory::init_on(disk.disk(), &place.path, GENESIS, HOLDER)
        .expect("made")
        .with_segment_length(2 << 10);
    let mut begun = 0;
    for number in 0..40 {
        disk.take();
        store.append(&[record(number)]).expect("there is room");
        let log = disk.take();
        let is_new = log.iter().any(|step| step.0 == "create");
        begun += usize::from(is_new);
        // The one before it is cut to its length, and the directory holds its name.
        let is_cut = log.iter().any(|step| step.0 == "truncate");
        let expected = 1 + usize::from(is_new) + usize::from(is_cut);
        assert_eq!(syncs(&log), expected, "{log:?}");
        assert!(is_new || !is_cut, "{log:?}");
        let last = log.iter().rposition(|step| step.0.starts_with("sync"));
        assert_eq!(log[last.expect("one") + 1..], [("write", "tip".to_owned())]);
    }
    assert!(begun > 3, "{begun}");
}

#[test]
fn opening_a_closed_store_and_closing_it_again_writes_nothing() {
    let place = Place::filled(30, 7);
    let disk = Watched::new();
    let store = Directory::open_on(disk.disk(), &place.path, None, HOLDER).expect("it is there");
    let to_lock = |step: &(&'static str, String)| step.1 == "lock";
    assert!(disk.take().iter().all(to_lock));
    store.close().expect("it closes");
    assert_eq!(disk.take(), []);
}

/// The variable that tells the test program to be the one that is killed.
const CHILD: &str = "LONGSTOP_APPENDS_TO";

/// Not a test of its own: what the next one starts and kills.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else {
        return;
    };
    let store = Directory::open(path.as_ref(), None, HOLDER);
    let mut store = store
        .expect("the parent made it")
        .with_segment_length(64 << 10);
    let cuts = store.remarks().len();
    println!("\nopened {} {cuts}", store.size());
    loop {
        let first = store.size();
        let batch = 1 + first * 7 % 23;
        store
            .append(&records(first..first + batch))
            .expect("there is room");
        println!("acknowledged {}", store.size());
        if first.is_multiple_of(5) {
            // The index is used and grows as well.
            let found = store.find(&record(first / 2).id).expect("it is read");
            assert_eq!(found, Some(first / 2));
        }
    }
}

/// Kills a process that appends, at any moment, again and again (`LONGSTOP_KILLS` times): each time
/// everything that it had acknowledged is there, and what else there is was being appended.
///
/// A kill leaves what was written to the kernel, so this shows nothing about syncs; those are
/// counted above, and by strace in the durability stage of `.ci/run`.
#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = std::env::var("LONGSTOP_KILLS").ok();
    let kills: usize = kills.map_or(60, |kills| kills.parse().expect("a number"));
    let place = Place::new();
    place.init().close().expect("it closes");
    let program = std::env::current_exe().expect("this program");
    let mut least = 0;
    let mut grown = 0;
    let begun = Instant::now();
    for kill in 0..kills {
        let mut child = Command::new(&program)
            .args([
                "durability::child",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, &place.path)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let output = child.stdout.take().expect("it is piped");
        let (send, lines) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        // Wait until it works, then let it for a little: from nothing to some batches.
        let opened = lines.iter().find(|line| line.starts_with("opened"));
        let opened = opened.expect("it opened the store");
        std::thread::sleep(Duration::from_micros((kill as u64 * 7_919) % 23_000));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        reading.join().expect("it ends");
        let acknowledged = lines
            .iter()
            .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok())
            .last();
        let size: u64 = opened
            .split(' ')
            .nth(1)
            .expect("a size")
            .parse()
            .expect("a number");
        assert!(
            size >= least,
            "kill {kill}: {least} were acknowledged, and {size} are left"
        );
        grown += u64::from(size > least);
        least = acknowledged.unwrap_or(size);
        // Now and then a closer look, which also closes it cleanly.
        if kill % 20 == 19 {
            let store = place.open();
            assert!(store.size() >= least);
            let verified = store.snapshot().verify(|position, own| {
                assert_eq!(*own, record(position));
                Ok::<_, longstop::ledger::StoreError>(())
            });
            verified.expect("it is whole");
            for position in (0..store.size()).step_by(37) {
                let found = store.find(&record(position).id).expect("it is read");
                assert_eq!(found, Some(position));
            }
            least = store.size();
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{kills} kills in {seconds:.1} s, {least} records, {grown} times more than acknowledged"
    );
    assert!(least > 0);
}
