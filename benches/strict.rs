//! Verification of many events by the strict rule, together and one by one.
//!
//! `cargo bench --bench strict`

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own conditions are wrong"
)]

#[path = "ledger/verify.rs"]
mod verify;

fn main() {
    if !verify::report() {
        println!("a goal is not met");
        std::process::exit(1);
    }
}
