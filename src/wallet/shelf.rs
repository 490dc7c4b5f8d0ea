//! Where the journal of a vault is for whoever wants to look: this process's own, or another's,
//! which is read beside it.

use crate::ledger::{
    ConsistencyProof, Directory, InclusionProof, Pin, Placed, Reader, Record, Remark, Snapshot,
    Store, StoreError, TreeHash,
};

/// The journal of a vault that somebody looks at.
#[derive(Debug)]
pub enum Shelf {
    /// No other process has it: what is found is kept.
    Own(Box<Directory>),
    /// Another process writes: what it has acknowledged is read, and nothing is kept.
    Beside {
        /// What was acknowledged when it was opened.
        reader: Box<Reader>,
        /// What the other process says of itself.
        holder: String,
    },
}

impl Shelf {
    /// Who has it, if it is another process.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        match self {
            Self::Own(_) => None,
            Self::Beside { holder, .. } => Some(holder),
        }
    }

    /// What was acknowledged.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match self {
            Self::Own(directory) => directory.snapshot(),
            Self::Beside { reader, .. } => reader.snapshot(),
        }
    }

    /// What a caller may keep elsewhere.
    #[must_use]
    pub fn pin(&self) -> Pin {
        match self {
            Self::Own(directory) => directory.pin(),
            Self::Beside { reader, .. } => reader.pin(),
        }
    }

    /// What somebody should know about how it was found.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        match self {
            Self::Own(directory) => directory.remarks(),
            Self::Beside { reader, .. } => reader.remarks().to_vec(),
        }
    }

    /// Closes it; a reader has nothing to close.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Own(directory) => directory.close().map(drop),
            Self::Beside { .. } => Ok(()),
        }
    }

    fn store(&self) -> &dyn Store {
        match self {
            Self::Own(directory) => &**directory,
            Self::Beside { reader, .. } => &**reader,
        }
    }

    fn store_mut(&mut self) -> &mut dyn Store {
        match self {
            Self::Own(directory) => &mut **directory,
            Self::Beside { reader, .. } => &mut **reader,
        }
    }
}

impl Store for Shelf {
    fn genesis(&self) -> &[u8] {
        self.store().genesis()
    }

    fn size(&self) -> u64 {
        self.store().size()
    }

    fn append(&mut self, records: &[Record]) -> Result<Vec<Placed>, StoreError> {
        self.store_mut().append(records)
    }

    fn read(&self, position: u64) -> Result<Record, StoreError> {
        self.store().read(position)
    }

    fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        self.store().find(id)
    }

    fn records(&self, from: u64) -> Box<dyn Iterator<Item = Result<Record, StoreError>> + '_> {
        self.store().records(from)
    }

    fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().state(name)
    }

    fn set_state(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.store_mut().set_state(name, bytes)
    }

    fn root_of(&self, size: u64) -> Result<TreeHash, StoreError> {
        self.store().root_of(size)
    }

    fn prove_inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError> {
        self.store().prove_inclusion(position, size)
    }

    fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        self.store().prove_consistency(old, new)
    }
}
