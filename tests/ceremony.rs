//! Ceremonies by files: what a PSBT is said to do, what is wrong with it, and whose signatures
//! count.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/devices.rs"]
mod devices;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/vault.rs"]
mod vault;

/// Files in every form, bent in every way, and put together.
mod ceremony {
    mod bytes;
    mod corpus;
    mod frames;
    mod golden;
    mod merge;
    mod read;
    mod round;
    mod rungs;
    mod signatures;
    mod table;
}
