//! Rows, records, and folders on a real disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use longstop::ledger::{Directory, Record, Store};
use tempfile::TempDir;

/// How many bytes a record has.
pub const LENGTH: usize = 300;

pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub ours: f64,
    pub beside: Option<f64>,
    pub goal: Goal,
}

impl Row {
    /// Ours over the other.
    pub fn ratio(&self) -> f64 {
        self.beside.map_or(f64::NAN, |beside| self.ours / beside)
    }
}

pub enum Goal {
    None,
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
}

/// The record of a number: its bytes and its id look random, and cost nothing to make.
pub fn record(number: u64) -> Record {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..LENGTH.div_ceil(8)).flat_map(|_| word()).collect();
    bytes.truncate(LENGTH);
    let mut id = [0; 32];
    for part in id.chunks_mut(8) {
        part.copy_from_slice(&word());
    }
    Record { id, bytes }
}

pub fn records(first: u64, count: u64) -> Vec<Record> {
    (first..first + count).map(record).collect()
}

/// A folder below `target`, which is gone afterwards.
pub fn folder() -> TempDir {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    tempfile::Builder::new()
        .prefix("bench-ledger-")
        .tempdir_in(target)
        .expect("a folder")
}

/// A closed store with so many records.
pub fn filled(folder: &Path, size: u64) -> PathBuf {
    let path = folder.join(format!("ledger-{size}"));
    let mut store = Directory::init(&path, b"a bench", "a bench").expect("nothing is there");
    let mut first = 0;
    while first < size {
        let count = 10_000.min(size - first);
        store.append(&records(first, count)).expect("there is room");
        first += count;
    }
    store.close().expect("it closes");
    path
}

pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
