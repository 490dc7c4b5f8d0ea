//! The policy id.

use std::fmt;

use bitcoin::hashes::{Hash, HashEngine, sha256};
use serde::{Serialize, Serializer};

use super::branch::BranchTable;
use super::stage::StageDescriptor;

/// The digest that names a policy in everything that is signed.
///
/// It is a tagged SHA-256 (as in BIP-340, tag `longstop/policy-id`) over three parts, each with
/// its length in front as eight bytes, little endian: the canonical document; the descriptors,
/// one to a line with checksum, in the order vault, then escrow and lock-up path by path; and the
/// branch table, one row to a line: pair, stage, leaf, role and party.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId([u8; 32]);

impl PolicyId {
    pub(super) fn new(
        canonical: &str,
        stages: &[&StageDescriptor],
        branches: &BranchTable,
    ) -> Self {
        let descriptors: String = stages
            .iter()
            .map(|stage| format!("{}\n", stage.text()))
            .collect();
        let rows = branches.rows();
        let tag = sha256::Hash::hash(b"longstop/policy-id");
        let mut engine = sha256::Hash::engine();
        engine.input(tag.as_byte_array());
        engine.input(tag.as_byte_array());
        for part in [canonical, &descriptors, &rows] {
            engine.input(&(part.len() as u64).to_le_bytes());
            engine.input(part.as_bytes());
        }
        Self(sha256::Hash::from_engine(engine).to_byte_array())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyId({self})")
    }
}

impl Serialize for PolicyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
