//! What every shipped policy compiles to, frozen: descriptors, branch tables, policy ids and first
//! addresses.
//!
//! `policies/NAME` has its file `tests/vectors/golden/NAME.txt`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/golden.rs"]
mod golden;
#[path = "golden/layouts.rs"]
mod layouts;
#[path = "common/shipped.rs"]
mod shipped;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, Keychain, SpendCost, compile};

#[test]
fn shipped_policies_compile_to_what_they_always_did() {
    let mut files = BTreeSet::new();
    for shipped in shipped::shipped() {
        let name = shipped.name;
        let policy = shipped.checked.policy;
        let policy = policy.unwrap_or_else(|| panic!("{name} has errors"));
        let compiled = compile(Arc::new(policy)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let file = format!("{name}.txt");
        golden::check_file("golden", &file, &frozen(&compiled));
        files.insert(file);
    }
    golden::check_folder("golden", &files);
}

/// Everything that an address or a signature could depend on.
fn frozen(compiled: &Compiled) -> String {
    let mut out = String::new();
    write(&mut out, compiled).expect("writing to a string");
    out
}

fn write(out: &mut String, compiled: &Compiled) -> std::fmt::Result {
    let secp = Secp256k1::new();
    let policy = compiled.policy();
    writeln!(out, "policy {}", policy.name())?;
    writeln!(out, "id {}", compiled.id())?;
    writeln!(
        out,
        "network {}, script {}",
        policy.network(),
        policy.script()
    )?;
    for stage in compiled.stages() {
        writeln!(out, "\n{}\n{}", stage.stage(), stage.descriptor())?;
        for leaf in stage.leaves() {
            let SpendCost {
                witness_weight,
                vbytes,
                ..
            } = SpendCost::of(stage, leaf);
            writeln!(
                out,
                "  {}: witness {witness_weight} WU, {vbytes} vB",
                leaf.kind()
            )?;
        }
        for keychain in Keychain::BOTH {
            for index in 0..3 {
                let derived = stage.derive(keychain, index, &secp).expect("an index");
                writeln!(
                    out,
                    "  {keychain} {index}: {}",
                    derived.address(policy.network())
                )?;
            }
        }
    }
    writeln!(out, "\nbranches")?;
    for own in compiled.branches().uses() {
        let (first, second) = (2 * own.pair, 2 * own.pair + 1);
        writeln!(
            out,
            "  <{first};{second}> {} / {} / {} / {}",
            own.stage, own.leaf, own.role, own.party
        )?;
    }
    Ok(())
}
