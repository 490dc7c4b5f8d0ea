pub mod units;
pub mod policy;
pub mod compile;
pub mod signer;
