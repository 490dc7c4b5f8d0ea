//! The page that says how to check evidence without this program: what it says to run, runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use longstop::evidence::Files;

use super::sample::{SAMPLE, folder_of, with_sums};
use super::{changed, flipped};

/// The blocks of commands of the page, without those that ask a node: `.ci/run` runs these beside
/// one.
fn blocks() -> Vec<String> {
    let page = SAMPLE.files.get("README.txt").expect("it is there");
    let page = str::from_utf8(page).expect("text");
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("it ends").0.to_owned());
    let blocks: Vec<String> = blocks.collect();
    assert_eq!(blocks.len(), 10);
    let own = |block: &String| !block.contains("bitcoin-cli");
    blocks.into_iter().filter(own).collect()
}

/// Whether this machine has what the page asks for.
fn has_tools() -> bool {
    let asks = "python3 -c 'import tomllib' && openssl version | grep -q '^OpenSSL [3-9]' && sha256sum --version";
    let mut command = Command::new("bash");
    command
        .args(["-c", asks])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a block in a folder, and says whether it ends without an error.
fn runs(block: &str, folder: &Path) -> bool {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", block]);
    let output = command.current_dir(folder).output().expect("it runs");
    output.status.success()
}

fn unpacked(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files.iter() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

#[test]
fn every_instruction_runs_and_finds_what_was_changed() {
    if !has_tools() {
        println!("there is no bash, sha256sum, python3 with tomllib or openssl 3: nothing was run");
        return;
    }
    let blocks = blocks();
    assert_eq!(blocks.len(), 7);
    let whole = unpacked(&SAMPLE.files);
    for block in &blocks {
        assert!(runs(block, whole.path()), "{block}");
    }
    // A change with its sum put right is found by one of the others.
    for (name, bytes) in SAMPLE.files.iter() {
        let finder = match folder_of(name) {
            "policy.toml" | "descriptors.txt" | "branches.txt" | "genesis.json" => 1,
            "ledger.jsonl" => 2,
            "checkpoint.txt" => 3,
            "proofs" => 4,
            "rules" => 6,
            _ => continue,
        };
        // The last event ends with its signature, and a checkpoint with its own.
        let position = match name {
            "checkpoint.txt" => bytes.len() - 10,
            "ledger.jsonl" => bytes.len() - 60,
            _ => bytes.len() / 2,
        };
        let other = with_sums(&changed(
            &SAMPLE.files,
            name,
            Some(flipped(bytes, position)),
        ));
        let folder = unpacked(&other);
        assert!(runs(&blocks[0], folder.path()), "{name}: its sum is right");
        assert!(!runs(&blocks[finder], folder.path()), "{name} is changed");
    }
}
