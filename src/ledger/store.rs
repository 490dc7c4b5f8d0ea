//! What a store promises, wherever it keeps its records.

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::tree::{ConsistencyProof, InclusionProof, TreeHash};

/// Most bytes that one record may have.
///
/// It bounds what a damaged or hostile file can make a reader allocate.
pub const MAX_RECORD: usize = 1 << 22;

/// One record: bytes and the 32-byte id under which they are found again.
///
/// The id is given by the caller.  A store neither computes nor verifies it; it only takes no
/// second record with the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Under which it is found.
    pub id: [u8; 32],
    /// What is kept.
    pub bytes: Vec<u8>,
}

/// Where a record of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was appended, here.
    New(u64),
    /// A record with its id was here already; it was skipped.
    Known(u64),
}

impl Placed {
    /// The position, counted from 0.
    #[must_use]
    pub const fn position(self) -> u64 {
        match self {
            Self::New(position) | Self::Known(position) => position,
        }
    }

    /// Whether the record was appended.
    #[must_use]
    pub const fn is_new(self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// How many records there are, and the root hash of the tree over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// How many records.
    pub size: u64,
    /// The root hash of their tree.
    pub root: TreeHash,
}

/// Records in the order of their arrival, a tree over them, and small working state.
///
/// What is promised: a record that was acknowledged is kept; positions never change; what is read
/// is exactly what was appended, or an error.  Working state may be lost at any time, as a whole
/// or in part, but is never wrong.
pub trait Store {
    /// What the store was founded on, as it was given.
    fn genesis(&self) -> &[u8];

    /// How many records are acknowledged.
    fn size(&self) -> u64;

    /// Appends records, and returns once they are on the device, with the place of each.
    ///
    /// A record whose id is there already, in the store or earlier in the batch, is skipped.  If
    /// none is new, nothing is written.
    ///
    /// # Errors
    ///
    /// If a record is too large; nothing is written then.  If a write or a sync fails: nothing of
    /// the batch is acknowledged, and every later call fails as well, because nobody knows what
    /// the device holds.  Opening the store again finds out.
    fn append(&mut self, records: &[Record]) -> Result<Vec<Placed>, StoreError>;

    /// The record at a position, counted from 0.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be read as it was written.
    fn read(&self, position: u64) -> Result<Record, StoreError>;

    /// Where the record with an id is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError>;

    /// All records from a position on, in their order, in memory that does not grow with their
    /// number.  After an error nothing more comes.
    fn records(&self, from: u64) -> Box<dyn Iterator<Item = Result<Record, StoreError>> + '_>;

    /// Working state that was kept under a name, if it is still there.
    ///
    /// # Errors
    ///
    /// If the place where it is kept cannot be used at all.
    fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps working state under a name, without any promise to keep it.
    ///
    /// # Errors
    ///
    /// If the place where it is kept cannot be used at all.
    fn set_state(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// The hash of the tree over the first `size` records.
    ///
    /// # Errors
    ///
    /// If there are fewer, or hashes cannot be read.
    fn root_of(&self, size: u64) -> Result<TreeHash, StoreError>;

    /// How many records there are, and the hash of the tree over them.
    ///
    /// # Errors
    ///
    /// If hashes cannot be read.
    fn head(&self) -> Result<Head, StoreError> {
        let size = self.size();
        Ok(Head {
            size,
            root: self.root_of(size)?,
        })
    }

    /// A proof that the tree over the first `size` records holds the one at a position.
    ///
    /// # Errors
    ///
    /// If there is no such record among them, or hashes cannot be read.
    fn prove_inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError>;

    /// A proof that the first `old` of `new` records are what they were when there were `old`.
    ///
    /// # Errors
    ///
    /// If there are fewer, or hashes cannot be read.
    fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError>;
}
