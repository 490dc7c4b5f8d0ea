//! What must hold for whatever comes in from outside.
//!
//! Each target is a function from bytes to nothing that panics where a law is broken.  The
//! fuzzers under `fuzz_targets` call these functions with bytes that they make up; the ordinary
//! test `tests/fuzz_seeds.rs` of the main crate includes this file and calls them with the
//! committed seeds, so that what was once found stays mended.  Nothing here may depend on the
//! fuzzing library.

mod ceremony;
mod choices;
mod event;
mod format;
mod import;
mod keys;
mod plan;
mod policy;
mod rule;
mod said;
mod script;
mod segment;

/// A target: its name, which is that of its fuzzer and of its folder of seeds, and its laws.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("bsms", import::bsms_laws),
    ("descriptor", import::descriptor_laws),
    ("event", event::laws),
    ("format", format::laws),
    ("frames", ceremony::frames_laws),
    ("plan", plan::laws),
    ("policy", policy::laws),
    ("psbt", ceremony::psbt_laws),
    ("round", ceremony::round_laws),
    ("rule", rule::laws),
    ("script", script::laws),
    ("segment", segment::laws),
    ("wallet_policy", import::wallet_policy_laws),
];

/// Runs the laws of one target.
///
/// # Panics
///
/// If a law does not hold, or there is no such target.
pub fn run(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, laws) = found.expect("a target");
    laws(bytes);
}
