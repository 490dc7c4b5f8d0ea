//! What an analysis says, against games played out move by move over every set of parties.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/full.rs"]
mod full;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/reference.rs"]
mod reference;

#[path = "analysis/game.rs"]
mod game;
#[path = "analysis/order.rs"]
mod order;
#[path = "analysis/questions.rs"]
mod questions;
