//! Files that freeze a format: what is made today is what was made when they were committed.
//!
//! After a change that is meant, `UPDATE_VECTORS=1 cargo test` writes them anew; such a change
//! takes a line under *Compatibility* in the change log.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// A folder of `tests/vectors`.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

/// The file holds just this text.
#[track_caller]
pub fn check_file(folder_name: &str, file: &str, text: &str) {
    let path = folder(folder_name).join(file);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&path, text).expect("the folder is there");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == text {
        return;
    }
    let (before, after) = (committed.lines(), text.lines());
    let different = before.zip(after).position(|(one, two)| one != two);
    let line = different.unwrap_or(committed.lines().count().min(text.lines().count())) + 1;
    panic!(
        "tests/vectors/{folder_name}/{file} differs from line {line} on; if that is meant, run the tests with UPDATE_VECTORS=1 and say so in the change log\nwas: {:?}\nis:  {:?}",
        committed.lines().nth(line - 1),
        text.lines().nth(line - 1)
    );
}

/// The folder holds these files and no other.
#[track_caller]
pub fn check_folder(folder_name: &str, files: &BTreeSet<String>) {
    let entries = fs::read_dir(folder(folder_name)).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let found: BTreeSet<String> = names
        .map(|name| name.into_string().expect("a plain name"))
        .collect();
    assert_eq!(&found, files, "one file for each, and none left over");
}
