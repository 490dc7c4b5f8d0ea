//! Proofs that a party holds the keys of its leaves: who can answer a challenge, with what, and
//! what an answer is worth elsewhere.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/draft.rs"]
mod draft;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/shipped.rs"]
mod shipped;

/// One file for each question.
mod keys {
    mod answers;
    mod challenges;
    mod proofs;
    mod support;
}
