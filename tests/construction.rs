//! The construction on chain: every property of every stage, and beside each what must fail.
//!
//! All of it is judged by Bitcoin Core's interpreter on the embedded chain, in both script types.

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
#[path = "common/generate.rs"]
mod generate;
#[path = "common/leaf.rs"]
mod leaf;
#[path = "common/vault.rs"]
mod vault;

/// One file for each stage and each danger.
mod construction {
    mod cheapest;
    mod depth;
    mod escrow;
    mod fees;
    mod hostile;
    mod joint;
    mod laws;
    mod leaves;
    mod limits;
    mod lockup;
    mod over_eager;
    mod pinned;
    mod reorgs;
    mod replay;
    mod rungs;
    mod shell;
    mod sizes;
    mod spend_path;
    mod vault_stage;
}
