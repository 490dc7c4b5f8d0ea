//! Shared fate: which domains do what, as stated and in the worst case.

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

#[path = "analysis_fate/domains.rs"]
mod domains;
#[path = "analysis_fate/generated.rs"]
mod generated;
