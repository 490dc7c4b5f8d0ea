//! The door to the two files that a backend lives on: the cookie of a node, and the file of an
//! embedded chain.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of a cookie file.
const COOKIE_LIMIT: u64 = 1 << 10;

/// Reads the first line of a small file.
///
/// # Errors
///
/// If it cannot be read, or is no text.
pub fn read_line(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(COOKIE_LIMIT)
        .read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What tells one version of a file from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    /// When it was written, as the file system puts it; nobody compares it with a clock.
    modified: String,
    inode: u64,
}

/// Which version of a file is there.
///
/// # Errors
///
/// If none is, or it cannot be asked.
pub fn stamp(path: &Path) -> io::Result<Stamp> {
    let status = fs::metadata(path)?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&status);
    #[cfg(not(unix))]
    let inode = 0;
    Ok(Stamp {
        length: status.len(),
        modified: format!("{:?}", status.modified().ok()),
        inode,
    })
}

/// Reads a file of at most so many bytes.
///
/// # Errors
///
/// If it is not there, larger, or no text.
pub fn read(path: &Path, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(limit + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= limit) {
        Ok(text)
    } else {
        let message = format!("it has more than the {limit} bytes that are read");
        Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
    }
}

/// Puts a file in the place of another at once and as a whole, on the device when this returns.
///
/// Only whoever holds the [lock](lock) of the file may do this.
///
/// # Errors
///
/// If the operating system does not; then what was there before still is.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = beside(path, "partial");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        // What cannot be removed was most likely never there.
        let _ = fs::remove_file(&partial);
    })
}

/// Waits until no other process holds the file, and holds it until the result is dropped.
///
/// # Errors
///
/// If the file system has no locks, or the folder takes no files.
pub fn lock(path: &Path) -> io::Result<File> {
    // The file itself is replaced by renaming, so the lock is on one that stays.
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, "lock"))?;
    file.lock()?;
    Ok(file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    path.with_file_name(name)
}
