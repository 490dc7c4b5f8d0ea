//! The laws of the fuzz targets, over all committed seeds.
//!
//! What a fuzzer has found is a seed, so it is tried here ever after, with any toolchain.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
#[expect(clippy::panic, reason = "a broken law is a panic")]
mod fuzz;

/// All files below a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs a target over a file; a panic in it says which.
fn run(target: &str, file: &Path) {
    let bytes = fs::read(file).expect("a seed can be read");
    let outcome = std::panic::catch_unwind(|| fuzz::run(target, &bytes));
    assert!(
        outcome.is_ok(),
        "{target} breaks a law on {}",
        file.display()
    );
}

#[test]
fn seeds_hold_the_laws() {
    for (target, _) in fuzz::TARGETS {
        let seeds = files(&format!("fuzz/seeds/{target}"));
        assert!(!seeds.is_empty(), "{target} has seeds");
        for seed in seeds {
            run(target, &seed);
        }
    }
}

#[test]
fn policies_and_fixtures_hold_the_laws() {
    for file in files("policies").iter().chain(&files("tests/policy")) {
        match file.extension().and_then(OsStr::to_str) {
            Some("toml") => run("policy", file),
            Some("rhai") => run("script", file),
            _ => {}
        }
    }
}

#[test]
fn every_target_has_its_fuzzer_and_no_fuzzer_is_left_out() {
    let names: BTreeSet<String> = fuzz::TARGETS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let stem = |file: &PathBuf| {
        file.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let fuzzers: BTreeSet<String> = files("fuzz/fuzz_targets").iter().filter_map(stem).collect();
    assert_eq!(fuzzers, names);
    for name in names {
        let source = fs::read_to_string(format!(
            "{}/fuzz/fuzz_targets/{name}.rs",
            env!("CARGO_MANIFEST_DIR")
        ));
        assert!(
            source
                .expect("a source")
                .contains(&format!("run(\"{name}\", bytes)"))
        );
    }
}
