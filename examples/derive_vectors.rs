//! Writes what our descriptors derive to, for other implementations to derive again.
//!
//! ```text
//! cargo run --example derive_vectors -- 1000 >vectors.jsonl
//! ```
//!
//! One line of JSON for each stage of each shipped policy and of so many generated ones:
//! `{"policy", "stage", "descriptor", "derived": [{"keychain", "index", "script", "address"}]}`,
//! with both keychains at the first index, at one of the others, and now and then at the last.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

#[path = "../tests/common/dice.rs"]
mod dice;
#[path = "../tests/common/full.rs"]
mod full;
#[path = "../tests/common/generate.rs"]
mod generate;

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use longstop::compile::{Keychain, compile};
use longstop::policy::check;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::dice::Dice;
use crate::full::policies;

/// The last index that is not hardened.
const LAST: u32 = (1 << 31) - 1;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args()
        .nth(1)
        .ok_or("how many policies?")?
        .parse()?;
    let secp = Secp256k1::new();
    let mut out = BufWriter::new(stdout().lock());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut folders: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    folders.sort_by_key(fs::DirEntry::file_name);
    for folder in folders {
        let file = folder.path().join("policy.toml");
        if file.exists() {
            let name = folder.file_name();
            write(
                &mut out,
                &name.to_string_lossy(),
                &fs::read_to_string(file)?,
                &secp,
            )?;
        }
    }
    // The same numbers each time, and so the same policies.
    let mut runner = TestRunner::deterministic();
    let strategy = policies();
    for number in 0..count {
        let tree = strategy.new_tree(&mut runner);
        let text = tree.map_err(|reason| reason.to_string())?.current();
        write(&mut out, &format!("generated-{number}"), &text, &secp)?;
    }
    Ok(out.flush()?)
}

/// Writes the stages of one policy.
fn write(
    out: &mut impl Write,
    name: &str,
    text: &str,
    secp: &Secp256k1<All>,
) -> Result<(), Box<dyn Error>> {
    let policy = check(text).policy.ok_or("the policy has errors")?;
    let compiled = compile(Arc::new(policy))?;
    let network = compiled.policy().network();
    let mut dice = Dice(name.bytes().map(u64::from).sum());
    for stage in compiled.stages() {
        let mut derived = Vec::new();
        let mut indexes = vec![0, 1 + dice.below(1 << 30) as u32];
        if dice.below(8) == 0 {
            indexes.push(LAST);
        }
        for index in indexes {
            for keychain in Keychain::BOTH {
                let place = stage.derive(keychain, index, secp)?;
                derived.push(json!({
                    "keychain": u32::from(keychain == Keychain::Change),
                    "index": index,
                    "script": place.script_pubkey().to_hex_string(),
                    "address": place.address(network).to_string(),
                }));
            }
        }
        let line = json!({
            "policy": name,
            "stage": stage.stage().to_string(),
            "descriptor": stage.descriptor().to_string(),
            "derived": derived,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
