//! The files of a vault beside its journal, through the one door to files.

use std::io;
use std::path::{Path, PathBuf};

use super::VaultError;
use crate::ledger::{Access, Disk};

/// The file with the policy and the descriptors.
pub(super) const DOCUMENT: &str = "vault.json";

/// The folder of the journal.
pub(super) const JOURNAL: &str = "journal";

/// The file with what the last reading of the chain has brought.
const VIEW: &str = "seen.json";

/// Most bytes of that file: outputs of ten years.
const MAX_VIEW: u64 = 1 << 30;

/// Most bytes of the document: four times the longest policy, with its descriptors.
const MAX_DOCUMENT: u64 = 8 << 20;

fn system(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError + use<> {
    let path = path.to_owned();
    move |source| VaultError::System {
        operation,
        path,
        source,
    }
}

/// Makes the folder of a vault, which must not be there or be empty.
pub(super) fn make(disk: &dyn Disk, path: &Path) -> Result<(), VaultError> {
    if disk.status(path).is_err() {
        return disk.create_directory(path).map_err(system("create", path));
    }
    let exists = || VaultError::Exists {
        path: path.to_owned(),
    };
    let names = disk.list(path).map_err(|_| exists())?;
    if !names.is_empty() {
        return Err(exists());
    }
    disk.restrict(path).map_err(system("restrict", path))
}

/// Writes a file that is not there yet: whole or not at all, and on the device when this returns.
pub(super) fn write(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), VaultError> {
    let path = folder.join(name);
    if disk.status(&path).is_ok() {
        return Err(VaultError::Exists { path });
    }
    let next = folder.join(format!("{name}.next"));
    if disk.status(&next).is_ok() {
        disk.remove(&next).map_err(system("remove", &next))?;
    }
    let mut file = disk.create(&next).map_err(system("create", &next))?;
    file.write_at(0, bytes).map_err(system("write", &next))?;
    file.sync().map_err(system("sync", &next))?;
    drop(file);
    disk.rename(&next, &path).map_err(system("rename", &path))?;
    disk.sync_directory(folder).map_err(system("sync", folder))
}

/// Reads what the last reading of the chain has brought, as far as it can be read.
pub(super) fn read_view(disk: &dyn Disk, folder: &Path) -> Option<Vec<u8>> {
    let path = folder.join(VIEW);
    let found = disk.status(&path).ok()?;
    if found.mode & 0o077 != 0 || found.length > MAX_VIEW {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(found.length).ok()?];
    let mut file = disk.open(&path, Access::Read).ok()?;
    let read = file.read_at(0, &mut bytes).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// Puts it in the place of what was there: whole or not at all.  It is not synced, since it may be
/// lost.
pub(super) fn write_view(disk: &dyn Disk, folder: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    if read_view(disk, folder).as_deref() == Some(bytes) {
        return Ok(());
    }
    let path = folder.join(VIEW);
    let next = folder.join(format!("{VIEW}.next"));
    if disk.status(&next).is_ok() {
        disk.remove(&next).map_err(system("remove", &next))?;
    }
    let mut file = disk.create(&next).map_err(system("create", &next))?;
    file.write_at(0, bytes).map_err(system("write", &next))?;
    drop(file);
    disk.rename(&next, &path).map_err(system("rename", &path))
}

/// Reads the document of a vault, which nobody but its owner may have access to.
pub(super) fn read_document(disk: &dyn Disk, folder: &Path) -> Result<Vec<u8>, VaultError> {
    let path = folder.join(DOCUMENT);
    let status = disk.status(folder).map_err(|_| VaultError::Missing {
        path: folder.to_owned(),
    })?;
    if !status.is_directory {
        return Err(VaultError::Missing {
            path: folder.to_owned(),
        });
    }
    let found = disk.status(&path).map_err(|_| {
        let has_journal = disk.status(&folder.join(JOURNAL)).is_ok();
        let path = folder.to_owned();
        match has_journal {
            true => VaultError::Unfinished { path },
            false => VaultError::Missing { path },
        }
    })?;
    closed(folder, status.mode, true)?;
    closed(&path, found.mode, false)?;
    if found.length > MAX_DOCUMENT {
        return Err(VaultError::System {
            operation: "read",
            path,
            source: io::Error::other("it is too large"),
        });
    }
    let mut file = disk
        .open(&path, Access::Read)
        .map_err(system("read", &path))?;
    let mut bytes = vec![0; usize::try_from(found.length).unwrap_or(0)];
    let read = file.read_at(0, &mut bytes).map_err(system("read", &path))?;
    bytes.truncate(read);
    Ok(bytes)
}

fn closed(path: &Path, mode: u32, is_directory: bool) -> Result<(), VaultError> {
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(VaultError::Exposed {
            path: path.to_owned(),
            mode,
            is_directory,
        }),
    }
}
/// Every file and folder that somebody else could read or write, with its mode.
pub(super) fn exposed(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<(PathBuf, u32)>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let status = disk.status(&path)?;
        if status.mode & 0o077 != 0 {
            found.push((path.clone(), status.mode));
        }
        if status.is_directory {
            let names = disk.list(&path)?;
            open.extend(names.into_iter().map(|name| path.join(name)));
        }
    }
    found.sort();
    Ok(found)
}
