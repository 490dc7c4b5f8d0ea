//! A store in a directory: segment files that are synced before anything is acknowledged, and
//! beside them what makes them quick to use and can be made anew from them.

pub(super) mod lock;
mod lookup;
mod recover;
mod write;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcoin::hashes::{Hash, sha256};

use self::lock::hold;
use self::lookup::Lookup;
use self::write::replace;
use super::disk::{Access, Disk, DiskFile, System};
use super::error::StoreError;
use super::examine::{GENESIS, LOCK, Look, MAX_GENESIS, TIP};
use super::hashes::{HASHES, Hashes};
use super::memory::measure;
use super::pin::{Pin, Remark};
use super::segment::{HEADER, Header, PREFIX};
use super::snapshot::{SEGMENTS, Segment, Snapshot, segment_name, segment_path};
use super::store::{Head, Placed, Record, Store};
use super::tree::{ConsistencyProof, Edge, InclusionProof, Stored, TreeHash};

/// How long a segment gets before the next one is begun, unless one batch is longer.
const SEGMENT_LENGTH: u64 = 64 << 20;

/// A store in a directory, open for writing: there is one at a time.
///
/// Dropping it closes it; [`close`](Self::close) says what went wrong with that.
#[derive(Debug)]
pub struct Directory {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    genesis: Arc<[u8]>,
    genesis_digest: [u8; 32],
    /// Locked for as long as it is open.
    _lock: Box<dyn DiskFile>,
    segments: Arc<Vec<Segment>>,
    /// The newest segment, and how long its file is.
    writer: Box<dyn DiskFile>,
    allocated: u64,
    tip: Box<dyn DiskFile>,
    edge: Edge,
    hashes: Hashes,
    lookup: Lookup,
    /// What failed, after which nothing more is written.
    stopped: Option<String>,
    /// Whether there is anything that closing has to write.
    is_dirty: bool,
    is_closed: bool,
    since_mark: u64,
    segment_length: u64,
    buffer: Vec<u8>,
    remarks: RefCell<Vec<Remark>>,
}

impl Directory {
    /// Makes a store in a directory that is not there or is empty.
    ///
    /// `genesis` is what it is founded on, and `holder` who will have the lock, in words for
    /// somebody who comes second.
    ///
    /// # Errors
    ///
    /// If something is there already, or it cannot be written.
    pub fn init(path: &Path, genesis: &[u8], holder: &str) -> Result<Self, StoreError> {
        Self::init_on(Arc::new(System), path, genesis, holder)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    pub fn init_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        genesis: &[u8],
        holder: &str,
    ) -> Result<Self, StoreError> {
        let exists = || StoreError::Exists {
            path: path.to_owned(),
        };
        let system = StoreError::system;
        if genesis.len() as u64 > MAX_GENESIS {
            return Err(StoreError::TooLarge {
                length: genesis.len(),
                most: usize::try_from(MAX_GENESIS).unwrap_or(usize::MAX),
            });
        }
        if disk.status(path).is_ok() {
            let names = disk.list(path).map_err(|_| exists())?;
            if !names.is_empty() {
                return Err(exists());
            }
            disk.restrict(path).map_err(system("restrict", "."))?;
        } else {
            disk.create_directory(path).map_err(system("create", "."))?;
        }
        let lock = disk
            .create(&path.join(LOCK))
            .map_err(system("create", LOCK))?;
        let lock = hold(lock, holder)?;
        disk.create_directory(&path.join(SEGMENTS))
            .map_err(system("create", SEGMENTS))?;
        let genesis_digest = sha256::Hash::hash(genesis).to_byte_array();
        let edge = Edge::default();
        let header = Header {
            number: 0,
            previous: 0,
            first: 0,
            root: edge.root(),
            genesis: genesis_digest,
        };
        let name = segment_path(0);
        let mut writer = disk
            .create(&path.join(SEGMENTS).join(segment_name(0)))
            .map_err(StoreError::system("create", name.clone()))?;
        writer
            .write_at(0, &header.encode())
            .and_then(|()| writer.sync())
            .map_err(StoreError::system("write", name))?;
        disk.sync_directory(&path.join(SEGMENTS))
            .map_err(system("sync", SEGMENTS))?;
        let hashes = disk
            .create(&path.join(HASHES))
            .map_err(system("create", HASHES))?;
        let tip = disk
            .create(&path.join(TIP))
            .map_err(system("create", TIP))?;
        let mut store = Self {
            disk: Arc::clone(&disk),
            path: path.to_owned(),
            genesis: genesis.into(),
            genesis_digest,
            _lock: lock,
            segments: Arc::new(vec![Segment {
                first: 0,
                length: HEADER,
            }]),
            writer,
            allocated: HEADER,
            tip,
            edge,
            hashes: Hashes::new(Some(hashes), 0),
            lookup: Lookup::new(0),
            stopped: None,
            is_dirty: false,
            is_closed: false,
            since_mark: 0,
            segment_length: SEGMENT_LENGTH,
            buffer: Vec::new(),
            remarks: RefCell::new(Vec::new()),
        };
        store.write_tip()?;
        store.write_mark(true)?;
        // From here on it is a store: what is before it is nothing.
        replace(&*disk, path, GENESIS, genesis, true)?;
        if let Some(parent) = path.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            disk.sync_directory(parent).map_err(system("sync", ".."))?;
        }
        Ok(store)
    }

    /// Opens a store that is there, for writing.
    ///
    /// What lies behind the last record and was never acknowledged is moved to a file of its own
    /// under `torn`, and remarked; see [`remarks`](Self::remarks).  `pin` is what is known of the
    /// store.
    ///
    /// # Errors
    ///
    /// If there is no store (none is made); if others may read it; if somebody else has it open
    /// for writing; if it is not the one that the pin is about, or has fewer records, or others;
    /// if it is damaged where opening has to read it.
    pub fn open(path: &Path, pin: Option<&Pin>, holder: &str) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(System), path, pin, holder)
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
        holder: &str,
    ) -> Result<Self, StoreError> {
        Self::start(disk, path, pin, holder, Look::Write)
    }

    /// What the reader of messages should know about how it was found, so far.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        self.remarks.borrow().clone()
    }

    /// What a caller may keep elsewhere, so that a store that is replaced or shortened is noticed.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin {
            genesis: self.genesis_digest,
            head: Some(self.own_head()),
        }
    }

    /// What it holds now, to be read while it grows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            disk: Arc::clone(&self.disk),
            path: self.path.clone(),
            genesis: Arc::clone(&self.genesis),
            genesis_digest: self.genesis_digest,
            segments: Arc::clone(&self.segments),
            head: self.own_head(),
        }
    }

    /// Makes further segments begin after so many bytes.
    #[must_use]
    pub const fn with_segment_length(mut self, bytes: u64) -> Self {
        self.segment_length = bytes;
        self
    }

    /// Writes down how far it has come, so that it opens quickly, and lets go of the lock.
    ///
    /// # Errors
    ///
    /// If a write fails; what was acknowledged is kept all the same.
    pub fn close(mut self) -> Result<Head, StoreError> {
        let head = self.own_head();
        self.shut()?;
        Ok(head)
    }

    fn shut(&mut self) -> Result<(), StoreError> {
        if self.is_closed {
            return Ok(());
        }
        self.is_closed = true;
        let indexed = self.close_index();
        if let Some(reason) = &self.stopped {
            return Err(StoreError::Stopped {
                reason: reason.clone(),
            });
        }
        if self.is_dirty {
            self.finish_segment()?;
            self.hashes.close()?;
            self.write_tip()?;
            self.write_mark(true)?;
        }
        indexed
    }

    fn own_head(&self) -> Head {
        Head {
            size: self.edge.size(),
            root: self.edge.root(),
        }
    }

    fn stored<T>(
        &self,
        size: u64,
        ask: impl FnOnce(Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if size > self.edge.size() {
            return Err(StoreError::NoSuchRecord {
                position: size - 1,
                size: self.edge.size(),
            });
        }
        ask(Stored::new(&|index| self.hashes.get(index)))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`; nothing that was acknowledged depends on it.
        let _ = self.shut();
    }
}

impl Store for Directory {
    fn genesis(&self) -> &[u8] {
        &self.genesis
    }

    fn size(&self) -> u64 {
        self.edge.size()
    }

    fn append(&mut self, records: &[Record]) -> Result<Vec<Placed>, StoreError> {
        if let Some(reason) = &self.stopped {
            return Err(StoreError::Stopped {
                reason: reason.clone(),
            });
        }
        measure(records)?;
        let kept = self.keep_house();
        kept.inspect_err(|error| self.stopped = Some(error.to_string()))?;
        let (first, segments) = (self.edge.size(), self.segments.len());
        let mut new = Vec::with_capacity(records.len());
        let placed = self.place_all(records, &mut new);
        if new.is_empty() {
            return placed;
        }
        let appended = placed.and_then(|placed| match self.write_batch(&new) {
            Ok(()) => Ok(placed),
            Err(error) => {
                self.stopped = Some(error.to_string());
                // Nothing is acknowledged of a segment that was begun for it.
                Arc::make_mut(&mut self.segments).truncate(segments);
                Err(error)
            }
        });
        if appended.is_err() {
            self.lookup
                .forget(first, new.iter().map(|record| &record.id));
        }
        appended
    }

    fn read(&self, position: u64) -> Result<Record, StoreError> {
        let size = self.edge.size();
        if position >= size {
            return Err(StoreError::NoSuchRecord { position, size });
        }
        let mut records = match self.place(position)? {
            Some(place) => self.snapshot().records_at(place, position),
            None => self.snapshot().records(position),
        };
        let missing = || StoreError::NoSuchRecord { position, size };
        records.next().ok_or_else(missing)?
    }

    fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        self.position(id)
    }

    fn records(&self, from: u64) -> Box<dyn Iterator<Item = Result<Record, StoreError>> + '_> {
        Box::new(self.snapshot().records(from))
    }

    fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.with_index(|index| index.state(name))
    }

    fn set_state(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.with_index(|index| index.set_state(name, bytes))
    }

    fn root_of(&self, size: u64) -> Result<TreeHash, StoreError> {
        self.stored(size, |stored| stored.root(size))
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.own_head())
    }

    fn prove_inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError> {
        self.stored(size, |stored| stored.inclusion(position, size))
    }

    fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        self.stored(new, |stored| stored.consistency(old, new))
    }
}

/// Opens the file with the tip, or makes one.
fn open_tip(disk: &dyn Disk, path: &Path) -> Result<Box<dyn DiskFile>, StoreError> {
    let path = path.join(TIP);
    let file = if disk.status(&path).is_ok() {
        disk.open(&path, Access::Write)
    } else {
        disk.create(&path)
    };
    file.map_err(StoreError::system("open", TIP))
}

/// Most bytes that a batch of one record adds to a segment.
const _: () = assert!(PREFIX + super::store::MAX_RECORD < SEGMENT_LENGTH as usize);
