//! A state machine over both functions: cases on three replicas, and a coin on a chain.
//!
//! Steps are made up: parties say things, honest and not, dated oddly and twice; replicas hand each
//! other what they have in any order, crash, and begin again with what was durable; blocks are mined and
//! undone, fees rise, agents are down; and the coin is triggered, settled and cancelled as software
//! does it, and as it does not.  What must hold, holds after every step or at the end.
//!
//! `LONGSTOP_MACHINE_CASES=2000 cargo test --test machine` plays more of them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "machine/steps.rs"]
mod steps;
#[path = "machine/world.rs"]
mod world;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use steps::{Move, moves};
use world::World;

fn cases() -> u32 {
    let typed = std::env::var("LONGSTOP_MACHINE_CASES").ok();
    typed.and_then(|typed| typed.parse().ok()).unwrap_or(80)
}

#[test]
fn both_functions_hold_under_everything() {
    let start = World::new();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&moves(), |moves| {
        let mut world = start.fork();
        for step in &moves {
            world.play(step);
            world.check();
        }
        world.finish();
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// What the made-up steps seldom come to: a case all the way, with its coin.
#[test]
fn a_case_goes_all_the_way_and_is_vetoed() {
    let mut world = World::new().fork();
    let mut tell = |step: Move| {
        world.play(&step);
        world.check();
    };
    for step in steps::to_the_escrow() {
        tell(step);
    }
    assert!(world.is_in_escrow(), "an activated case is triggered");
    world.play(&Move::Settle);
    assert!(world.is_in_escrow(), "the window is open");
    for step in steps::veto_by_two() {
        world.play(&step);
        world.check();
    }
    world.finish();
    assert!(world.was_cancelled());
}
