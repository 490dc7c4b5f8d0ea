//! The seam to the file system: the few things that a store does with files.
//!
//! Everything that the segments promise goes through it, so tests can count syncs and make any
//! operation fail.  [`System`] is the real one.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file system, as far as a store needs one.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory that is open to its owner alone; its parent has to be there.
    ///
    /// # Errors
    ///
    /// If the operating system does not.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes a file, open to its owner alone, to read and write; it must not be there.
    ///
    /// # Errors
    ///
    /// If it is there, or the operating system does not.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there.
    ///
    /// # Errors
    ///
    /// If it is not there, or the operating system does not.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// What is at a path, links not followed.
    ///
    /// # Errors
    ///
    /// If nothing is, or it cannot be asked.
    fn status(&self, path: &Path) -> io::Result<Status>;

    /// Puts a file in the place of another, at once and as a whole.
    ///
    /// # Errors
    ///
    /// If the operating system does not.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a directory with everything in it.
    ///
    /// # Errors
    ///
    /// If the operating system does not.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Closes a file or a directory to everybody but its owner.
    ///
    /// # Errors
    ///
    /// If the operating system does not.
    fn restrict(&self, path: &Path) -> io::Result<()>;

    /// Returns once the names in a directory are on the device.
    ///
    /// # Errors
    ///
    /// If the device does not take them.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send {
    /// Reads from an offset until the buffer is full or the file ends, and returns how many bytes.
    ///
    /// # Errors
    ///
    /// If the device does not give them.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of these bytes at an offset.
    ///
    /// # Errors
    ///
    /// If the device does not take them; some may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns once the content of the file is on the device, and its length.
    ///
    /// # Errors
    ///
    /// If the device does not take it.
    fn sync(&mut self) -> io::Result<()>;

    /// Makes the file end at an offset.
    ///
    /// # Errors
    ///
    /// If the operating system does not.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// If the operating system does not tell.
    fn length(&mut self) -> io::Result<u64>;

    /// Locks it until it is closed, unless another process has; whether it did.
    ///
    /// # Errors
    ///
    /// If the file system has no locks.
    fn try_lock(&mut self) -> io::Result<bool>;
}

/// What an opened file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its permissions; on systems without them, those that a store asks for.
    pub mode: u32,
    /// Its length in bytes.
    pub length: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Disk for System {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(SystemFile(options.open(path)?)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let is_write = access == Access::Write;
        let file = OpenOptions::new().read(true).write(is_write).open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        let metadata = fs::symlink_metadata(path)?;
        let is_directory = metadata.is_dir();
        #[cfg(unix)]
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        #[cfg(not(unix))]
        let mode = if is_directory { 0o700 } else { 0o600 };
        Ok(Status {
            mode,
            length: metadata.len(),
            is_directory,
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path)?.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
    }

    fn restrict(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            let mode = if fs::symlink_metadata(path)?.is_dir() {
                0o700
            } else {
                0o600
            };
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(path, permissions)
        }
        #[cfg(not(unix))]
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        // Elsewhere directories cannot be opened, and names are as durable as the system has it.
        #[cfg(unix)]
        File::open(path)?.sync_all()?;
        Ok(())
    }
}

/// A file of the machine.
#[derive(Debug)]
struct SystemFile(File);

impl DiskFile for SystemFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(offset))?;
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // `sync_data` writes the length as well where it changed.
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&mut self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
