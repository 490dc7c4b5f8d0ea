//! Cases: when a path is activated, vetoed, frozen and over, and by whose word.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/charter.rs"]
#[expect(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]
mod charter;

#[path = "case/world.rs"]
mod world;

#[path = "case/dates.rs"]
mod dates;
#[path = "case/equivocation.rs"]
mod equivocation;
#[path = "case/laws.rs"]
mod laws;
#[path = "case/reference.rs"]
mod reference;
#[path = "case/rules.rs"]
mod rules;
#[path = "case/status.rs"]
mod status;
#[path = "case/terms.rs"]
mod terms;
#[path = "case/vetoes.rs"]
mod vetoes;
