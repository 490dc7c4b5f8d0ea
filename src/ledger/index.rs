//! The index of a directory, and the only file that knows sled.
//!
//! It can be made anew from the segments at any time.  sled never gets to see files that are not
//! exactly those that it left when it was closed: their digest is kept beside them.  That is how
//! its ways with damaged files (opening them all the same, and then the same error for ever) are
//! kept out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bitcoin::hashes::{Hash, HashEngine, sha256};

use super::directory::lock::{LOCK_PAUSE, LOCK_TRIES};
use super::disk::{Access, Disk};
use super::error::StoreError;
use super::segment::Fields;
use super::snapshot::Place;
use super::tree::TreeHash;

/// The directory of the index.
pub(super) const INDEX: &str = "index";

/// The file with the digest of the directory.
const SEAL: &str = "index.seal";

const SEAL_BEGIN: [u8; 8] = *b"lsindex\x01";

/// The place of each so many-th record is kept; from there on records are read one by one.
pub(super) const STRIDE: u64 = 32;

/// Entries of a bucket, on average, from which on there are more buckets.
const FULL: u64 = 128;

/// Bytes of an entry: an id, and its position.
const ENTRY: usize = 40;

/// Memory that sled may use for its cache.
const CACHE: u64 = 32 << 20;

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    db: sled::Db,
    /// Bucket → entries, one behind the other.
    ids: sled::Tree,
    /// Position over [`STRIDE`] → segment and offset.
    places: sled::Tree,
    /// Name → working state.
    state: sled::Tree,
    /// How many records it knows.
    size: u64,
    /// How many bits of an id choose its bucket.
    bits: u32,
}

impl Index {
    /// Opens the index that was closed here, if it is there, exactly as it was left, and about the
    /// first records of this store (whose tree has the hash that `root_of` says); otherwise why
    /// not.
    pub(super) fn open(
        disk: &dyn Disk,
        directory: &Path,
        root_of: impl Fn(u64) -> Result<TreeHash, StoreError>,
    ) -> Result<Self, String> {
        let seal = read(disk, &directory.join(SEAL)).map_err(|_| "it was not closed".to_owned())?;
        let mut fields = Fields(&seal);
        let is_seal = seal.len() == 80 && fields.take() == SEAL_BEGIN;
        let size = u64::from_be_bytes(fields.take());
        let root = TreeHash::from_bytes(fields.take());
        let digest: [u8; 32] = fields.take();
        if !is_seal || root_of(size).ok() != Some(root) {
            return Err("it is not about these records".to_owned());
        }
        let found = digest_of(disk, &directory.join(INDEX)).map_err(|error| error.to_string())?;
        if found != digest {
            return Err("its files are not as they were left".to_owned());
        }
        let index = Self::start(directory)?;
        if index.size != size {
            return Err("it does not know what it knew".to_owned());
        }
        Ok(index)
    }

    /// An empty index in the place of whatever is here.
    pub(super) fn create(disk: &dyn Disk, directory: &Path) -> Result<Self, StoreError> {
        remove(disk, directory)?;
        disk.create_directory(&directory.join(INDEX))
            .map_err(StoreError::system("create", INDEX))?;
        Self::start(directory).map_err(|what| StoreError::Index { what })
    }

    fn start(directory: &Path) -> Result<Self, String> {
        let text = |error: sled::Error| error.to_string();
        let config = sled::Config::new()
            .path(directory.join(INDEX))
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(CACHE)
            // Nothing has to be durable before it is closed.
            .flush_every_ms(None);
        let mut db = config.open();
        // A child of whoever had it open last has its lock as well, for the moment until it
        // becomes another program.
        for _ in 0..LOCK_TRIES {
            let is_locked = |error: &std::io::Error| error.to_string().contains("lock");
            if !matches!(&db, Err(sled::Error::Io(error)) if is_locked(error)) {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
            db = config.open();
        }
        let db = db.map_err(text)?;
        let number = |key: &str| -> Result<u64, String> {
            let bytes = db.get(key).map_err(text)?;
            Ok(bytes.map_or(0, |bytes| u64::from_be_bytes(Fields(&bytes).take())))
        };
        Ok(Self {
            size: number("size")?,
            bits: u32::try_from(number("bits")?).map_err(|_| "it has too many buckets")?,
            ids: db.open_tree("ids").map_err(text)?,
            places: db.open_tree("places").map_err(text)?,
            state: db.open_tree("state").map_err(text)?,
            db,
        })
    }

    /// How many records it knows: the first ones of the store.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the records that follow: their ids, and the places of those that begin a stride.
    pub(super) fn extend(
        &mut self,
        ids: &[([u8; 32], u64)],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let size = self.size + ids.len() as u64;
        while size > FULL << self.bits {
            self.widen()?;
        }
        let mut buckets: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for (id, position) in ids {
            let bucket = buckets.entry(bucket(id, self.bits)).or_default();
            bucket.extend(id);
            bucket.extend(position.to_be_bytes());
        }
        for (bucket, entries) in buckets {
            let key = bucket.to_be_bytes();
            let old = self.ids.get(key).map_err(failed)?;
            let all = [old.as_deref().unwrap_or_default(), &entries].concat();
            self.ids.insert(key, all).map_err(failed)?;
        }
        for place in places {
            let mut value = place.segment.to_be_bytes().to_vec();
            value.extend(place.offset.to_be_bytes());
            let key = (place.position / STRIDE).to_be_bytes();
            self.places.insert(key, value).map_err(failed)?;
        }
        self.size = size;
        Ok(())
    }

    /// Four times as many buckets.
    fn widen(&mut self) -> Result<(), StoreError> {
        let wider = self.bits + 2;
        for old in (0..1_u32 << self.bits).rev() {
            let Some(entries) = self.ids.remove(old.to_be_bytes()).map_err(failed)? else {
                continue;
            };
            let mut buckets: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
            for entry in entries.chunks_exact(ENTRY) {
                let id = Fields(entry).take();
                buckets.entry(bucket(&id, wider)).or_default().extend(entry);
            }
            for (bucket, entries) in buckets {
                self.ids
                    .insert(bucket.to_be_bytes(), entries)
                    .map_err(failed)?;
            }
        }
        self.bits = wider;
        Ok(())
    }

    /// The position of the record with an id.
    pub(super) fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        let key = bucket(id, self.bits).to_be_bytes();
        let Some(entries) = self.ids.get(key).map_err(failed)? else {
            return Ok(None);
        };
        let found = entries
            .chunks_exact(ENTRY)
            .find(|entry| entry.starts_with(id));
        Ok(found.map(|entry| {
            let mut fields = Fields(entry);
            let _: [u8; 32] = fields.take();
            u64::from_be_bytes(fields.take())
        }))
    }

    /// The nearest known place at or before a position.
    pub(super) fn place(&self, position: u64) -> Result<Option<Place>, StoreError> {
        let stride = position / STRIDE;
        let value = self.places.get(stride.to_be_bytes()).map_err(failed)?;
        Ok(value.map(|value| {
            let mut fields = Fields(&value);
            Place {
                position: stride * STRIDE,
                segment: u32::from_be_bytes(fields.take()),
                offset: u64::from_be_bytes(fields.take()),
            }
        }))
    }

    /// Working state under a name.
    pub(super) fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.state.get(name).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// Keeps working state under a name.
    pub(super) fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.state.insert(name, bytes).map_err(failed)?;
        Ok(())
    }

    /// Writes everything, closes the files, and seals them.
    ///
    /// `root` is the hash of the tree over the records that it knows.
    pub(super) fn close(
        self,
        disk: &dyn Disk,
        directory: &Path,
        root: TreeHash,
    ) -> Result<(), StoreError> {
        let size = self.size;
        self.db
            .insert("size", &size.to_be_bytes())
            .map_err(failed)?;
        let bits = u64::from(self.bits).to_be_bytes();
        self.db.insert("bits", &bits).map_err(failed)?;
        self.db.flush().map_err(failed)?;
        drop(self);
        let system = StoreError::system;
        for path in files(disk, &directory.join(INDEX)).map_err(system("list", INDEX))? {
            disk.restrict(&path).map_err(system("restrict", INDEX))?;
        }
        let digest = digest_of(disk, &directory.join(INDEX)).map_err(system("read", INDEX))?;
        let mut seal = SEAL_BEGIN.to_vec();
        seal.extend(size.to_be_bytes());
        seal.extend(root.to_bytes());
        seal.extend(digest);
        let path = directory.join(SEAL);
        if disk.status(&path).is_ok() {
            disk.remove(&path).map_err(system("remove", SEAL))?;
        }
        let mut file = disk.create(&path).map_err(system("create", SEAL))?;
        file.write_at(0, &seal).map_err(system("write", SEAL))
    }
}

/// Removes the index, wherever it stands.
pub(super) fn remove(disk: &dyn Disk, directory: &Path) -> Result<(), StoreError> {
    for name in [SEAL, INDEX] {
        let path = directory.join(name);
        if disk.status(&path).is_ok() {
            disk.remove(&path)
                .map_err(StoreError::system("remove", name))?;
        }
    }
    Ok(())
}

fn failed(error: sled::Error) -> StoreError {
    StoreError::Index {
        what: error.to_string(),
    }
}

/// The bucket of an id: its first bits.
fn bucket(id: &[u8; 32], bits: u32) -> u32 {
    let first = u32::from_be_bytes(Fields(id).take());
    first.checked_shr(u32::BITS - bits).unwrap_or(0)
}

fn read(disk: &dyn Disk, path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = disk.open(path, Access::Read)?;
    let mut bytes = vec![0; 1 << 10];
    let length = file.read_at(0, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// All files below a directory, sorted.
fn files(disk: &dyn Disk, directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in disk.list(directory)? {
        let path = directory.join(name);
        if disk.status(&path)?.is_directory {
            disk.restrict(&path)?;
            files.extend(self::files(disk, &path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// A digest of the names, lengths and contents of all files below a directory.
fn digest_of(disk: &dyn Disk, directory: &Path) -> std::io::Result<[u8; 32]> {
    let mut engine = sha256::Hash::engine();
    let mut buffer = vec![0; 1 << 18];
    for path in files(disk, directory)? {
        let name = path.strip_prefix(directory).unwrap_or(&path);
        engine.input(&sha256::Hash::hash(name.as_os_str().as_encoded_bytes()).to_byte_array());
        let mut file = disk.open(&path, Access::Read)?;
        let mut offset = 0;
        loop {
            let read = file.read_at(offset, &mut buffer)?;
            engine.input(buffer.get(..read).unwrap_or_default());
            offset += read as u64;
            if read < buffer.len() {
                break;
            }
        }
        engine.input(&offset.to_be_bytes());
    }
    Ok(sha256::Hash::from_engine(engine).to_byte_array())
}
