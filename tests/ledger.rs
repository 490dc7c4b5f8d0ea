//! The ledger's store: what it promises, over both its forms, and what becomes of every fault.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "ledger/common.rs"]
mod common;
#[path = "ledger/durability.rs"]
mod durability;
#[path = "ledger/faults.rs"]
mod faults;
#[path = "common/golden.rs"]
mod golden;
#[path = "ledger/notes.rs"]
mod notes;
#[path = "ledger/suite.rs"]
mod suite;
#[path = "ledger/tree.rs"]
mod tree;
