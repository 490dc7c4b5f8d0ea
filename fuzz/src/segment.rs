//! A store whose files were changed: exact records, or an error.
//!
//! Each four bytes are one change: which file, where in two bytes, and the byte that stands there
//! from then on.  With the highest bit of the first, the file ends there instead; with the second
//! highest, the rest of the bytes is put in there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use longstop::ledger::{
    Access, Directory, Disk, DiskFile, Reader, Record, Status, Store, StoreError,
};

use super::said::assert_presentable;

/// Where the store is, in memory.
const PLACE: &str = "/ledger";

/// How many records are in it.
const RECORDS: u8 = 24;

/// The store as it was written.
static WRITTEN: LazyLock<Memory> = LazyLock::new(|| {
    let memory = Memory::default();
    memory.folders.lock().expect("one thread").push("/".into());
    let store = Directory::init_on(
        Arc::new(memory.clone()),
        Path::new(PLACE),
        b"genesis",
        "nobody",
    );
    let mut store = store
        .expect("nothing is there")
        .with_segment_length(1 << 10);
    for batch in records().chunks(5) {
        store.append(batch).expect("there is room");
    }
    store.close().expect("it closes");
    memory
});

fn records() -> Vec<Record> {
    let record = |number: u8| Record {
        id: [number; 32],
        bytes: vec![number ^ 0x5a; 10 * usize::from(number)],
    };
    (1..=RECORDS).map(record).collect()
}

/// The laws: what is read are the records that were written, from the first on and each as it was,
/// until an error or the end; and whatever is said about it can be shown.
pub fn laws(bytes: &[u8]) {
    let memory = WRITTEN.copied();
    memory.change(bytes);
    match judge(memory) {
        Ok(count) => assert!(count <= usize::from(RECORDS)),
        Err(error) => assert_presentable(&error.to_string()),
    }
}

/// How many records there are, all of which are right.
fn judge(memory: Memory) -> Result<usize, StoreError> {
    let reader = Reader::open_on(Arc::new(memory), Path::new(PLACE), None)?;
    for remark in reader.remarks() {
        assert_presentable(&remark.to_string());
    }
    let mut read = Vec::new();
    let mut failure = None;
    for record in reader.records(0) {
        assert!(failure.is_none(), "after an error nothing more comes");
        match record {
            Ok(record) => read.push(record),
            Err(error) => failure = Some(error),
        }
    }
    assert!(records().starts_with(&read), "records as they were written");
    let verified = reader.snapshot().verify(|position, record| {
        let place = usize::try_from(position).expect("few");
        assert_eq!(records().get(place), Some(record));
        Ok::<(), StoreError>(())
    });
    match failure {
        Some(error) => {
            assert!(verified.is_err(), "verifying notices what reading does");
            Err(error)
        }
        None => {
            assert_eq!(
                reader.size(),
                read.len() as u64,
                "all that it says there are"
            );
            verified.map(|_| read.len())
        }
    }
}

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Files in memory.
#[derive(Clone, Debug, Default)]
struct Memory {
    files: Arc<Mutex<BTreeMap<PathBuf, Bytes>>>,
    folders: Arc<Mutex<Vec<PathBuf>>>,
}

impl Memory {
    /// The same files, to be changed by themselves.
    fn copied(&self) -> Self {
        let files = self.files.lock().expect("one thread");
        let copy = |bytes: &Bytes| Arc::new(Mutex::new(bytes.lock().expect("one thread").clone()));
        let files = files
            .iter()
            .map(|(path, bytes)| (path.clone(), copy(bytes)));
        let folders = self.folders.lock().expect("one thread").clone();
        Self {
            files: Arc::new(Mutex::new(files.collect())),
            folders: Arc::new(Mutex::new(folders)),
        }
    }

    fn change(&self, mut changes: &[u8]) {
        let files = self.files.lock().expect("one thread");
        let files: Vec<&Bytes> = files.values().collect();
        while let Some(([which, high, low, value], rest)) = changes.split_first_chunk() {
            let at = usize::from(u16::from_be_bytes([*high, *low]));
            let file = files.get(usize::from(which & 0x3f) % files.len());
            let mut bytes = file.expect("one of them").lock().expect("one thread");
            if which & 0x80 != 0 {
                bytes.truncate(at);
            } else if which & 0x40 != 0 {
                bytes.truncate(at);
                bytes.extend_from_slice(rest);
                return;
            } else if let Some(byte) = bytes.get_mut(at) {
                *byte = *value;
            }
            changes = rest;
        }
    }

    fn file(&self, path: &Path) -> io::Result<Bytes> {
        let files = self.files.lock().expect("one thread");
        files
            .get(path)
            .cloned()
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Disk for Memory {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.folders
            .lock()
            .expect("one thread")
            .push(path.to_owned());
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut files = self.files.lock().expect("one thread");
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let bytes = Bytes::default();
        files.insert(path.to_owned(), Arc::clone(&bytes));
        Ok(Box::new(MemoryFile(bytes)))
    }

    fn open(&self, path: &Path, _: Access) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(MemoryFile(self.file(path)?)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let files = self.files.lock().expect("one thread");
        let folders = self.folders.lock().expect("one thread");
        let all = files.keys().chain(folders.iter());
        let inside = all.filter(|inner| inner.parent() == Some(path));
        let names = inside.filter_map(|inner| inner.file_name());
        let mut names: Vec<String> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        if self
            .folders
            .lock()
            .expect("one thread")
            .iter()
            .any(|folder| folder == path)
        {
            return Ok(Status {
                mode: 0o700,
                length: 0,
                is_directory: true,
            });
        }
        let length = self.file(path)?.lock().expect("one thread").len() as u64;
        Ok(Status {
            mode: 0o600,
            length,
            is_directory: false,
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files.lock().expect("one thread");
        let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files
            .lock()
            .expect("one thread")
            .retain(|file, _| !file.starts_with(path));
        self.folders
            .lock()
            .expect("one thread")
            .retain(|folder| !folder.starts_with(path));
        Ok(())
    }

    fn restrict(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile(Bytes);

impl DiskFile for MemoryFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.lock().expect("one thread");
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let found = bytes.get(from..).unwrap_or_default();
        let count = found.len().min(buffer.len());
        for (into, byte) in buffer.iter_mut().zip(found) {
            *into = *byte;
        }
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, written: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.lock().expect("one thread");
        let from = usize::try_from(offset).expect("it fits");
        let end = from + written.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        for (into, byte) in bytes.iter_mut().skip(from).zip(written) {
            *into = *byte;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).expect("it fits");
        self.0.lock().expect("one thread").resize(length, 0);
        Ok(())
    }

    fn length(&mut self) -> io::Result<u64> {
        Ok(self.0.lock().expect("one thread").len() as u64)
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}
