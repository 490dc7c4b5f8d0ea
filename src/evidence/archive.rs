//! Evidence as a zip archive, of which there is one form.
//!
//! Files are stored as they are, in the order of their names, with one date and one mode, and
//! nothing else is in the archive.  What is read is written again and compared, so that nothing can
//! hide between the files, and no two programs unpack the same archive to different files.

use std::io::{Cursor, Read, Write};

use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::{Files, FilesError, MAX_BYTES, MAX_FILES, MAX_NAME};

/// Bytes of the record at the end, without a comment.
const END: usize = 22;

/// How that record begins.
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";

/// How the record before it begins in archives with more than 65,535 files or 4 GiB.
const LARGE_SIGNATURE: [u8; 4] = *b"PK\x06\x07";

/// Bytes of that record.
const LARGE: usize = 20;

/// Most bytes that the archive has for each file beside its content.
const AROUND: usize = 100 + 2 * MAX_NAME;

/// The archive of some files.
///
/// # Panics
///
/// Never: names are checked, and sizes bounded, by [`Files`], and memory can be written to.
#[must_use]
pub fn to_zip(files: &Files) -> Vec<u8> {
    write(files).expect("files within their limits can be written to memory")
}

fn write(files: &Files) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files.iter() {
        writer.start_file(name, options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The files of an archive.
///
/// # Errors
///
/// If it is none, is beyond the limits, or is not in the form in which [`to_zip`] writes it: packed
/// by another program, it is to be unpacked and read as a folder.
pub fn of_zip(bytes: &[u8]) -> Result<Files, ArchiveError> {
    // The count is known before anything is believed that stands in the archive.
    let count = count(bytes)?;
    if bytes.len() > MAX_BYTES + AROUND * count {
        return Err(FilesError::TooLarge.into());
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ArchiveError::NotOne)?;
    let mut files = Files::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index);
        let mut file = file.map_err(|_| ArchiveError::OtherForm("a file in it is packed"))?;
        let name = str::from_utf8(file.name_raw())
            .unwrap_or_default()
            .to_owned();
        super::files::check_name(&name)?;
        if file.encrypted() || file.compression() != CompressionMethod::Stored {
            return Err(ArchiveError::OtherForm(
                "a file in it is packed or encrypted",
            ));
        }
        if file.is_symlink() || !file.is_file() {
            return Err(ArchiveError::OtherForm("it holds links or folders"));
        }
        let room = files.room() as u64;
        let mut content = Vec::new();
        let read = file.by_ref().take(room + 1).read_to_end(&mut content);
        read.map_err(|_| ArchiveError::Damaged(name.clone()))?;
        files.insert(&name, content)?;
    }
    if files.count() != count {
        return Err(ArchiveError::OtherForm("names stand in it twice"));
    }
    match to_zip(&files) == bytes {
        true => Ok(files),
        false => Err(ArchiveError::OtherForm(
            "it holds more than its files, or in another order",
        )),
    }
}

/// How many files the end of an archive speaks of.
fn count(bytes: &[u8]) -> Result<usize, ArchiveError> {
    let (before, end) = bytes
        .split_last_chunk::<END>()
        .ok_or(ArchiveError::NotOne)?;
    if !end.starts_with(&END_SIGNATURE) {
        return Err(match bytes.starts_with(b"PK\x03\x04") {
            true => ArchiveError::OtherForm("its end is missing, or more stands behind it"),
            false => ArchiveError::NotOne,
        });
    }
    let large = before.last_chunk::<LARGE>();
    if large.is_some_and(|large| large.starts_with(&LARGE_SIGNATURE)) {
        return Err(FilesError::TooMany.into());
    }
    let [.., low, high, _, _, _, _, _, _, _, _, _, _] = end;
    let count = usize::from(u16::from_le_bytes([*low, *high]));
    match count <= MAX_FILES {
        true => Ok(count),
        false => Err(FilesError::TooMany.into()),
    }
}

/// Why an archive is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// It is something else.
    #[error("this is no zip archive")]
    NotOne,
    /// It is one, and not in the one form.
    #[error(
        "the archive is not in the form in which evidence is written: {0}; unpack it with care, and verify the folder"
    )]
    OtherForm(&'static str),
    /// A file in it is not as it was written.
    #[error("`{0}` in the archive is damaged")]
    Damaged(String),
    /// Its files are beyond the limits.
    #[error(transparent)]
    Files(#[from] FilesError),
}
