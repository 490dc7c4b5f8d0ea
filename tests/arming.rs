//! Arming: its order, its states, when it is stale, and the file it ends in.

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

/// The ceremony, and the file.
mod arming {
    mod file;
    mod order;
    mod standing;
}
