//! Reading a store beside the process that writes it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, System};
use super::error::StoreError;
use super::examine::{Look, check_modes, examine};
use super::hashes::Hashes;
use super::pin::{Pin, Remark};
use super::snapshot::Snapshot;
use super::store::{Head, Placed, Record, Store};
use super::tree::{ConsistencyProof, InclusionProof, Stored, TreeHash};

/// What a store held when it was opened for reading.
///
/// It needs no lock and changes nothing, and so it does without the index: the first search for an
/// id reads all records, and keeps their ids in memory.
#[derive(Debug)]
pub struct Reader {
    snapshot: Snapshot,
    hashes: Hashes,
    remarks: Vec<Remark>,
    ids: RefCell<Option<HashMap<[u8; 32], u64>>>,
}

impl Reader {
    /// Opens a store for reading, with what was acknowledged by now.
    ///
    /// # Errors
    ///
    /// If there is no store, others may read it, it is not the one that the pin is about, or it is
    /// damaged where opening has to read it.
    pub fn open(path: &Path, pin: Option<&Pin>) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(System), path, pin)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        pin: Option<&Pin>,
    ) -> Result<Self, StoreError> {
        check_modes(&*disk, path)?;
        let found = examine(&*disk, path, Look::Read)?;
        if let Some(pin) = pin {
            found.check(pin)?;
        }
        Ok(Self {
            snapshot: found.snapshot(&disk, path),
            hashes: found.hashes,
            remarks: found.remarks,
            ids: RefCell::new(None),
        })
    }

    /// What somebody should know about how the store was found.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// What was acknowledged.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// What a caller may keep elsewhere.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin {
            genesis: self.snapshot.genesis_digest,
            head: Some(self.snapshot.head),
        }
    }

    fn stored<T>(
        &self,
        size: u64,
        ask: impl FnOnce(Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if size > self.snapshot.head.size {
            return Err(StoreError::NoSuchRecord {
                position: size - 1,
                size: self.snapshot.head.size,
            });
        }
        ask(Stored::new(&|index| self.hashes.get(index)))
    }
}

impl Store for Reader {
    fn genesis(&self) -> &[u8] {
        self.snapshot.genesis()
    }

    fn size(&self) -> u64 {
        self.snapshot.head.size
    }

    fn append(&mut self, _: &[Record]) -> Result<Vec<Placed>, StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn read(&self, position: u64) -> Result<Record, StoreError> {
        let missing = || StoreError::NoSuchRecord {
            position,
            size: self.size(),
        };
        self.snapshot.records(position).next().ok_or_else(missing)?
    }

    fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        let mut slot = self.ids.borrow_mut();
        let ids = match &mut *slot {
            Some(ids) => ids,
            none => {
                let records = self.snapshot.records(0);
                let ids = (0..).zip(records);
                let ids = ids.map(|(position, record)| Ok((record?.id, position)));
                none.insert(ids.collect::<Result<_, StoreError>>()?)
            }
        };
        Ok(ids.get(id).copied())
    }

    fn records(&self, from: u64) -> Box<dyn Iterator<Item = Result<Record, StoreError>> + '_> {
        Box::new(self.snapshot.records(from))
    }

    fn state(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn set_state(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn root_of(&self, size: u64) -> Result<TreeHash, StoreError> {
        self.stored(size, |stored| stored.root(size))
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.snapshot.head)
    }

    fn prove_inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError> {
        self.stored(size, |stored| stored.inclusion(position, size))
    }

    fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        self.stored(new, |stored| stored.consistency(old, new))
    }
}
