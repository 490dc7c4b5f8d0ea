//! Records, directories, and a file system that counts and fails on demand.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bitcoin::hashes::{Hash, sha256};
use longstop::ledger::{Access, Directory, Disk, DiskFile, Record, Status, Store, System};
use tempfile::TempDir;

pub const GENESIS: &[u8] = b"what the store is founded on";
pub const HOLDER: &str = "process 1 on a test machine, since 2026-01-01";

/// A record of some length that depends on its number alone.
pub fn record(number: u64) -> Record {
    let length = 20 + usize::try_from(number * 37 % 400).expect("small");
    let seed = sha256::Hash::hash(&number.to_be_bytes()).to_byte_array();
    let bytes: Vec<u8> = seed.iter().copied().cycle().take(length).collect();
    Record {
        id: sha256::Hash::hash(&bytes).to_byte_array(),
        bytes,
    }
}

pub fn records(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

/// A directory to make a store in.
pub struct Place {
    _folder: TempDir,
    pub path: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a directory");
        let path = folder.path().join("ledger");
        Self {
            _folder: folder,
            path,
        }
    }

    pub fn init(&self) -> Directory {
        Directory::init(&self.path, GENESIS, HOLDER).expect("nothing is there")
    }

    pub fn open(&self) -> Directory {
        Directory::open(&self.path, None, HOLDER).expect("a store is there")
    }

    /// A closed store with so many records, appended in batches of some, in short segments.
    pub fn filled(size: u64, batch: u64) -> Self {
        let place = Self::new();
        let mut store = place.init().with_segment_length(3 << 10);
        append(&mut store, size, batch);
        store.close().expect("it closes");
        place
    }

    /// All files of the store, the index aside.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }
}

pub fn append(store: &mut impl Store, size: u64, batch: u64) {
    let mut first = store.size();
    while first < size {
        let last = (first + batch).min(size);
        store.append(&records(first..last)).expect("there is room");
        first = last;
    }
}

/// All bytes of all files below a directory.
pub fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                files.insert(path, bytes);
            }
        }
    }
    files
}

/// What a file system was asked for, and at what it fails.
#[derive(Debug, Default)]
pub struct Script {
    /// Every operation that changes something, in order, with the name of its file.
    pub log: Vec<(&'static str, String)>,
    /// At the so many-th further such operation, this error; of a write, half is written.
    pub fail: Option<(usize, io::ErrorKind)>,
}

/// The machine's file system, watched.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    pub script: Arc<Mutex<Script>>,
}

impl Watched {
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails the operation that comes after so many others.
    pub fn fail_after(&self, operations: usize, error: io::ErrorKind) {
        self.script.lock().expect("one thread").fail = Some((operations, error));
    }

    /// What was done since this was last asked.
    pub fn take(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.script.lock().expect("one thread").log)
    }

    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn step(&self, operation: &'static str, path: &Path) -> io::Result<()> {
        let mut script = self.script.lock().expect("one thread");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        script.log.push((operation, name.into_owned()));
        match &mut script.fail {
            Some((0, error)) => Err(io::Error::from(*error)),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn watch(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(WatchedFile {
            disk: self.clone(),
            path: path.to_owned(),
            file,
        })
    }
}

impl Disk for Watched {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.step("create", path)?;
        System.create_directory(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step("create", path)?;
        Ok(self.watch(path, System.create(path)?))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.watch(path, System.open(path, access)?))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        System.list(path)
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        System.status(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", to)?;
        System.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path)?;
        System.remove(path)
    }

    fn restrict(&self, path: &Path) -> io::Result<()> {
        System.restrict(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step("sync directory", path)?;
        System.sync_directory(path)
    }
}

#[derive(Debug)]
struct WatchedFile {
    disk: Watched,
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

impl DiskFile for WatchedFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.step("write", &self.path) {
            self.file.write_at(offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.step("sync", &self.path)?;
        self.file.sync()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.disk.step("truncate", &self.path)?;
        self.file.truncate(length)
    }

    fn length(&mut self) -> io::Result<u64> {
        self.file.length()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        self.file.try_lock()
    }
}
