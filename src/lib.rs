//! Longstop compiles the governance rules of a group into timelocked Bitcoin descriptors, and
//! rehearses with real transactions what happens when they are needed.

pub mod arming;
pub mod chain;
pub mod compile;
pub mod engine;
pub mod lifecycle;
pub mod policy;
pub mod report;
pub mod signer;
pub mod simulate;
pub mod transaction;
pub mod units;
