//! Evidence as a folder.

use std::fs;
use std::io;
use std::path::Path;

use crate::cli::failure::LedgerFailure;
use crate::cli::{Failure, input, output};
use crate::evidence::{Files, FilesError, MAX_FILES};

/// Writes files to a folder that must not be there yet: all of them, or none.
pub(super) fn write(path: &Path, files: &Files) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    fs::create_dir(&partial)?;
    let written = write_into(&partial, files).and_then(|()| {
        // Takes the name; a rename replaces an empty folder, and nothing else.
        fs::create_dir(path)?;
        fs::rename(&partial, path)
    });
    if written.is_err() {
        // What cannot be removed here cannot be mended here either.
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

fn write_into(folder: &Path, files: &Files) -> io::Result<()> {
    for (name, bytes) in files.iter() {
        if let Some((inside, _)) = name.split_once('/') {
            fs::create_dir_all(folder.join(inside))?;
        }
        output::create_bytes(&folder.join(name), bytes)?;
    }
    Ok(())
}

/// Reads the files of a folder, and of the folders in it.
///
/// Links are not followed, and neither they nor anything else that is no file are taken.
pub(super) fn read(path: &Path) -> Result<Files, Failure> {
    let mut files = Files::new();
    read_into(&mut files, path, "", &mut 0).map_err(|error| match error {
        NotRead::Files(source) => LedgerFailure::Folder {
            file: input::file_name(path),
            source,
        }
        .into(),
        NotRead::Odd(name) => LedgerFailure::OddFile {
            file: input::file_name(&path.join(name)),
        }
        .into(),
        NotRead::System(name, source) => Failure::Read {
            file: input::file_name(&path.join(name)),
            source,
        },
    })?;
    Ok(files)
}

/// Why a folder is not read.
enum NotRead {
    Files(FilesError),
    /// Something that is neither a file nor a folder, by its name.
    Odd(String),
    System(String, io::Error),
}

impl From<FilesError> for NotRead {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

/// Reads a folder, whose names are within another where the prefix is not empty.
fn read_into(
    files: &mut Files,
    path: &Path,
    prefix: &str,
    entries: &mut usize,
) -> Result<(), NotRead> {
    let failed = |error| NotRead::System(prefix.to_owned(), error);
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        *entries += 1;
        // Folders count as well: a great many empty ones are none of evidence.
        if *entries > 2 * MAX_FILES {
            return Err(FilesError::TooMany.into());
        }
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type();
        let kind = kind.map_err(|error| NotRead::System(name.clone(), error))?;
        if kind.is_dir() && prefix.is_empty() {
            read_into(files, &entry.path(), &format!("{name}/"), entries)?;
        } else if kind.is_file() {
            let room = files.room() as u64;
            let bytes = input::at_most(&entry.path(), room + 1);
            let bytes = bytes.map_err(|error| NotRead::System(name.clone(), error))?;
            files.insert(&name, bytes)?;
        } else {
            return Err(NotRead::Odd(name));
        }
    }
    Ok(())
}
