//! Recovery runs: whole ones, on a chain that moves, cut short everywhere, and refused where they
//! should be.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::duplicate_mod,
    reason = "a test ends with a panic when something is not as it should be, and each of the examples, which are tried here, stands alone"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/vault.rs"]
mod vault;

mod recovery {
    mod binary;
    mod fees;
    mod kit;
    mod points;
    mod refusals;
    mod rungs;
    mod runs;
    mod weather;
    mod words;
}

#[path = "../examples/release.rs"]
mod release_example;
#[path = "../examples/veto.rs"]
mod veto_example;

/// What the examples show is so; each holds its own assertions.
#[test]
fn the_examples_come_to_their_ends() {
    veto_example::main().expect("the coin is back");
    release_example::main().expect("the coin is released");
}
