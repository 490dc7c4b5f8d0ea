//! Claims: what is proved holds for every set of parties, and what is not really happens.

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

#[path = "claims/attacked.rs"]
mod attacked;
#[path = "claims/made_up.rs"]
mod made_up;
#[path = "claims/played.rs"]
mod played;
#[path = "claims/sentences.rs"]
mod sentences;
#[path = "claims/subsets.rs"]
mod subsets;
