//! The file of stored hashes of the tree, which can be made anew from the segments at any time.

use std::cell::RefCell;

use super::disk::DiskFile;
use super::error::StoreError;
use super::tree::{TreeHash, stored_hashes};

/// The name of the file.
pub(super) const HASHES: &str = "hashes";

/// How many hashes are kept back before they are written.
const KEPT_BACK: usize = 1 << 12;

/// The stored hashes of a tree: those in the file, and behind them those that are not yet.
#[derive(Debug)]
pub(super) struct Hashes {
    /// None where the tree is read only, and nothing of it is in a file.
    file: RefCell<Option<Box<dyn DiskFile>>>,
    /// How many are in the file.
    written: u64,
    pending: Vec<TreeHash>,
}

impl Hashes {
    /// The hashes of a tree over so many records, out of a file that holds them.
    pub(super) fn new(file: Option<Box<dyn DiskFile>>, size: u64) -> Self {
        Self {
            file: RefCell::new(file),
            written: stored_hashes(size),
            pending: Vec::new(),
        }
    }

    /// The hash at an index in the order of storage.
    pub(super) fn get(&self, index: u64) -> Result<TreeHash, StoreError> {
        let missing = || StoreError::Hashes {
            what: format!("hash {index} is missing"),
        };
        if let Some(ahead) = index.checked_sub(self.written) {
            let found = usize::try_from(ahead)
                .ok()
                .and_then(|at| self.pending.get(at));
            return found.copied().ok_or_else(missing);
        }
        let mut file = self.file.borrow_mut();
        let file = file.as_mut().ok_or_else(missing)?;
        let mut bytes = [0; 32];
        let read = file
            .read_at(index * 32, &mut bytes)
            .map_err(StoreError::system("read", HASHES))?;
        if read < bytes.len() {
            return Err(missing());
        }
        Ok(TreeHash::from_bytes(bytes))
    }

    /// Adds hashes; they are not written by that.
    pub(super) fn extend(&mut self, hashes: Vec<TreeHash>) {
        self.pending.extend(hashes);
    }

    /// Writes those that are kept back, if they are many.
    pub(super) fn relieve(&mut self) -> Result<(), StoreError> {
        if self.pending.len() >= KEPT_BACK {
            self.write()?;
        }
        Ok(())
    }

    /// Writes those that are kept back.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        let mut file = self.file.borrow_mut();
        let Some(file) = file.as_mut().filter(|_| !self.pending.is_empty()) else {
            return Ok(());
        };
        let bytes: Vec<u8> = self
            .pending
            .iter()
            .flat_map(|hash| hash.to_bytes())
            .collect();
        file.write_at(self.written * 32, &bytes)
            .map_err(StoreError::system("write", HASHES))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Writes what is kept back, makes the file end there, and returns once it is on the device.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.write()?;
        if let Some(file) = self.file.borrow_mut().as_mut() {
            file.truncate(self.written * 32)
                .map_err(StoreError::system("truncate", HASHES))?;
            file.sync().map_err(StoreError::system("sync", HASHES))?;
        }
        Ok(())
    }
}
