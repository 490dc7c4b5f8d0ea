//! Writing files: whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Failure, input};

/// Puts a text in the place of a file that only its owner may read: whole or not at all, and on the
/// device when this returns.
pub(super) fn replace_private(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = write_private(&partial, text)
        .and_then(|()| fs::rename(&partial, path))
        .and_then(|()| sync_folder_of(path));
    if written.is_err() {
        // What cannot be removed was most likely never there.
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Writes to a file beside and renames it, so that nobody ever reads half of it.
///
/// A file that was there keeps its permissions; where the path is a link, what it leads to is
/// written.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        // There is nothing yet that could be a link.
        Err(_) => path.to_owned(),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = write_new(&partial, &path, write).and_then(|()| fs::rename(&partial, &path));
    if written.is_err() {
        // What cannot be removed was most likely never there.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_new(
    path: &Path,
    like: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create_new(path)?);
    if let Ok(before) = fs::metadata(like) {
        writer.get_ref().set_permissions(before.permissions())?;
    }
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

/// Writes a text to a file that must not exist yet.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
    create_bytes(path, text.as_bytes())
}

/// Writes a file that must not exist yet.
pub(super) fn create_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file is worse than none, and what cannot be removed cannot be mended here.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file that must not exist yet and that only its owner may read: whole or not at all,
/// and on the device when this returns.
pub(super) fn create_private(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = write_private(&partial, text).and_then(|()| {
        // Takes the name, so that nothing that is there is ever written over.
        private(path)?;
        fs::rename(&partial, path).and_then(|()| sync_folder_of(path))
    });
    if written.is_err() {
        // What cannot be removed was most likely never there.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A new file of this name.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file has its name for good once the folder is written.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Why a file cannot be written.
pub(super) fn failure(path: &Path, source: io::Error) -> Failure {
    let file = input::file_name(path);
    match source.kind() {
        io::ErrorKind::AlreadyExists => Failure::Taken { file },
        _ => Failure::Write { file, source },
    }
}
