//! The page "A first vault": its commands, as they stand there, one after the other.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::text;

/// A fenced block of the page: what it is for, and its text.
struct Block {
    info: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/first-vault.md");
    let page = fs::read_to_string(path).expect("there is the page");
    let mut lines = page.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let text = lines.by_ref().take_while(|line| *line != "```");
        let text = text.flat_map(|line| [line, "\n"]).collect();
        let info = info.to_owned();
        blocks.push(Block { info, text });
    }
    blocks
}

/// What is looked at between the blocks.
const CHECKS: &[(&str, &str)] = &[
    // Before everybody has ratified no address is given out.
    (
        "run-vault",
        "if longstop vault address club; then exit 91; fi",
    ),
    ("run-ratify", "longstop policy ratified club || exit 92"),
    (
        "run-veto",
        "longstop vault balance club --json > vetoed.json",
    ),
    (
        "run-second-trigger",
        "longstop vault balance club --json > triggered.json",
    ),
    (
        "run-release",
        "longstop vault balance club --json > released.json",
    ),
];

/// Satoshis that are confirmed in the stages of a vault: vault, escrow and lock-up.
fn confirmed(balance: &str) -> Vec<u64> {
    let balance: Value = serde_json::from_str(balance).expect("JSON");
    let stages = balance["stages"].as_array().expect("stages");
    let sats = stages.iter().map(|stage| stage[1]["confirmed"].as_u64());
    sats.map(|sats| sats.expect("an amount")).collect()
}

#[test]
fn the_first_vault_goes_as_its_page_says() {
    let folder = tempfile::tempdir().expect("a folder");
    // Exit code 6 says that something is missing still, which is as it should be here.
    let mut script =
        "set -uE -o pipefail; trap 'code=$?; [[ $code == 6 ]] || exit $code' ERR\n".to_owned();
    for block in blocks() {
        let (_, name) = block.info.split_once(',').expect("every block has a name");
        match name.strip_prefix("file-") {
            Some(file) => fs::write(folder.path().join(file), &block.text).expect("written"),
            None => {
                script += &format!("echo '--- {name}' >&2\n{}", block.text);
                for (_, check) in CHECKS.iter().filter(|(after, _)| *after == name) {
                    script += &format!("{check}\n");
                }
            }
        }
    }
    fs::write(folder.path().join("script"), script).expect("written");
    let bin = Path::new(env!("CARGO_BIN_EXE_longstop")).parent();
    let path = std::env::var("PATH").expect("there is a search path");
    let output = Command::new("bash")
        .arg("script")
        .current_dir(folder.path())
        .env(
            "PATH",
            format!("{}:{path}", bin.expect("a folder").display()),
        )
        .env_remove("LONGSTOP_BACKEND")
        .stdin(Stdio::null())
        .output()
        .expect("there is bash");
    let (said, told) = (text(&output.stderr), text(&output.stdout));
    assert!(output.status.success(), "{told}\n{said}");
    let kept = |name| fs::read_to_string(folder.path().join(name)).expect("it was written");
    let fee = 5_000;
    let [vetoed, triggered, released] =
        ["vetoed.json", "triggered.json", "released.json"].map(|name| confirmed(&kept(name)));
    let [vault, 0, 0] = vetoed[..] else {
        panic!("{vetoed:?}")
    };
    assert!((120_000_000 - fee..120_000_000).contains(&vault), "{vault}");
    assert!((50_000_000 - fee..50_000_000).contains(&triggered[0]));
    assert_eq!(released[1..], [0, 0]);
    assert_eq!(released[0], triggered[0], "only the other coin was moved");
}
