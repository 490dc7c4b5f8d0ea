//! Writing files: whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

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

/// Writes a file that must not exist yet.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file is worse than none, and what cannot be removed cannot be mended here.
        let _ = fs::remove_file(path);
    }
    written
}
