//! Named files, within limits.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// Most files of one evidence.
pub const MAX_FILES: usize = 10_000;

/// Most bytes of all its files together.  They are held in memory.
pub const MAX_BYTES: usize = 256 << 20;

/// Most characters of a name, with its folder.
pub const MAX_NAME: usize = 120;

/// The files of one evidence by their names, `NAME` or `FOLDER/NAME`.
///
/// Names have letters, digits, dots, dashes and underscores alone, begin with none of the last
/// three, and are different without regard to case, so that they mean the same on every system and
/// lead nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    files: BTreeMap<String, Vec<u8>>,
    /// All names without regard to case.
    folded: BTreeSet<String>,
    bytes: usize,
}

impl Files {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// If its name is no name, or taken, or if it is one too many, or too large.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), FilesError> {
        check_name(name)?;
        if self.files.len() >= MAX_FILES {
            return Err(FilesError::TooMany);
        }
        // Neither sum can be more than what is in memory.
        if self.bytes + bytes.len() > MAX_BYTES {
            return Err(FilesError::TooLarge);
        }
        if !self.folded.insert(name.to_ascii_lowercase()) {
            return Err(FilesError::Twice(name.to_owned()));
        }
        self.bytes += bytes.len();
        self.files.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// How many more bytes it can take.
    #[must_use]
    pub const fn room(&self) -> usize {
        MAX_BYTES - self.bytes
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// All files in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter();
        files.map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The files of a folder, without its name.
    pub(super) fn inside<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.iter().filter_map(move |(name, bytes)| {
            let (found, name) = name.split_once('/')?;
            (found == folder).then_some((name, bytes))
        })
    }
}

/// Refuses what could lead out of a folder, or mean something else on another system.
pub(super) fn check_name(name: &str) -> Result<(), FilesError> {
    let is_part = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !part.ends_with('.')
            && part.chars().all(is_plain)
    };
    let mut parts = name.split('/');
    let is_name = parts.next().is_some_and(is_part) && parts.next().is_none_or(is_part);
    match is_name && parts.next().is_none() && name.len() <= MAX_NAME {
        true => Ok(()),
        false => Err(FilesError::BadName(name.to_owned())),
    }
}

/// Why files are no evidence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilesError {
    /// A name that is none.
    #[error(
        "`{}` is no name of a file in evidence: letters, digits, dots, dashes and underscores, in at most one folder, and at most {MAX_NAME} of them",
        .0.escape_default()
    )]
    BadName(String),
    /// A name that is there already.
    #[error("`{0}` is there twice, without regard to case")]
    Twice(String),
    /// Too many files.
    #[error("there are more than {MAX_FILES} files")]
    TooMany,
    /// Too many bytes.
    #[error("the files have more than {MAX_BYTES} bytes together")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        let longest = "a".repeat(MAX_NAME);
        for name in ["README.txt", "proofs/0a.txt", "a", "A-b_c.d/0", &longest] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(MAX_NAME + 1);
        let wrong = [
            "",
            "/",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/..",
            "a/./b",
            ".",
            "..",
            ".hidden",
            "a/.b",
            "a/b/c",
            "a//b",
            "a/",
            "a\\b",
            "C:x",
            "a b",
            "a\nb",
            "a\0",
            "é",
            "a.",
            "con./x",
            "-rf",
            "_x",
            &too_long,
        ];
        for name in wrong {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_stands_once_and_the_sizes_are_bounded() {
        let mut files = Files::new();
        assert_eq!(files.insert("a/b", vec![1]), Ok(()));
        let twice = Err(FilesError::Twice("A/B".to_owned()));
        assert_eq!(files.insert("A/B", vec![2]), twice);
        assert_eq!((files.count(), files.room()), (1, MAX_BYTES - 1));
        let one_too_many = vec![0; MAX_BYTES];
        assert_eq!(files.insert("c", one_too_many), Err(FilesError::TooLarge));
        for number in 1..MAX_FILES {
            assert_eq!(files.insert(&format!("f{number}"), Vec::new()), Ok(()));
        }
        assert_eq!(files.insert("d", Vec::new()), Err(FilesError::TooMany));
    }
}
