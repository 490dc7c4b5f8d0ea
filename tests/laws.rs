//! Laws of the compiler over policies that proptest makes up, against a reference that knows
//! nothing of it, and against Bitcoin Core's interpreter.

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
#[path = "common/heaviest.rs"]
mod heaviest;
#[path = "common/lifted.rs"]
mod lifted;
#[path = "common/reference.rs"]
mod reference;
#[path = "common/sample.rs"]
mod sample;
#[path = "common/spend.rs"]
mod spend;
#[path = "common/subject.rs"]
mod subject;
#[path = "common/triples.rs"]
mod triples;

/// One file for each law.
mod laws {
    mod agreement;
    mod boundaries;
    mod determinism;
    mod internal_key;
    mod joint;
    mod meaning;
    mod round_trip;
    mod weights;
}
