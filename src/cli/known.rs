//! What this machine remembers of ledgers, outside of them.
//!
//! A ledger that was deleted, replaced by another or shortened looks like any other: nothing in
//! it tells.  So what it was founded on, and the most that was ever seen in it, is kept beside, in
//! a folder of the user.  Losing that folder loses this comparison and nothing else.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use bitcoin::hashes::{Hash, sha256};
use clap::Args;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::failure::LedgerFailure;
use super::{Failure, input, output};
use crate::governance::Digest;
use crate::ledger::{Head, Pin};

/// The variable that names the folder.
const VARIABLE: &str = "LONGSTOP_STATE";

/// Most bytes of a file with what is known of one ledger.
const MAX_FILE: u64 = 1 << 16;

/// Where it is remembered which ledgers there are.
#[derive(Clone, Debug, Args)]
pub(super) struct StateArgs {
    /// Remember in this folder which ledgers there are [default: LONGSTOP_STATE, or the user's folder for state]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
}

/// What is known of the ledger in one directory.
#[derive(Debug)]
pub(super) struct Known {
    /// The directory, from the root of the file system on.
    ledger: PathBuf,
    /// The file that remembers it.
    file: PathBuf,
    pin: Option<Pin>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// For whoever looks into the folder; the name of the file is made from it.
    ledger: String,
    pin: Pin,
}

impl StateArgs {
    /// What is known of the ledger in a directory.
    pub(super) fn known(&self, ledger: &Path) -> Result<Known, Failure> {
        let folder = match &self.state {
            Some(folder) => folder.clone(),
            None => usual_folder()?,
        };
        let ledger = resolved(ledger).map_err(|source| Failure::Read {
            file: input::file_name(ledger),
            source,
        })?;
        let name = sha256::Hash::hash(ledger.as_os_str().as_encoded_bytes());
        let file = folder.join("ledgers").join(format!("{name}.json"));
        let pin = read(&file)?;
        Ok(Known { ledger, file, pin })
    }
}

impl Known {
    /// What was seen in the directory before, if anything was.
    pub(super) const fn pin(&self) -> Option<&Pin> {
        self.pin.as_ref()
    }

    /// The same in words.
    pub(super) fn in_words(&self) -> String {
        let Some(pin) = &self.pin else {
            return "nothing".to_owned();
        };
        let genesis = Digest(pin.genesis);
        match pin.head {
            Some(Head { size: 1, root }) => {
                format!("1 event with the root {root}, founded on {genesis}")
            }
            Some(Head { size, root }) => {
                format!("{size} events with the root {root}, founded on {genesis}")
            }
            None => format!("a ledger founded on {genesis}"),
        }
    }

    /// Remembers what was seen now.
    pub(super) fn remember(&mut self, pin: Pin) -> Result<(), Failure> {
        if self.pin == Some(pin) {
            return Ok(());
        }
        let remembered = Remembered {
            ledger: self.ledger.to_string_lossy().into_owned(),
            pin,
        };
        self.write(&remembered).map_err(|source| Failure::Write {
            file: input::file_name(&self.file),
            source,
        })?;
        self.pin = Some(pin);
        Ok(())
    }

    /// Remembers what a reader has seen, unless more was seen before.
    pub(super) fn remember_more(&mut self, pin: Pin) -> Result<(), Failure> {
        let size = |pin: &Pin| pin.head.map_or(0, |head: Head| head.size);
        match &self.pin {
            Some(known) if size(known) >= size(&pin) => Ok(()),
            _ => self.remember(pin),
        }
    }

    fn write(&self, remembered: &Remembered) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            create_folder(folder)?;
        }
        output::replace(&self.file, |writer| {
            serde_json::to_writer(&mut *writer, remembered)?;
            writer.write_all(b"\n")
        })
    }
}

/// The folder of the variable, or of the user.
fn usual_folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let folders = etcetera::choose_base_strategy();
    let folder = folders.ok().map(|folders| {
        let state = folders.state_dir();
        state.unwrap_or_else(|| folders.data_dir())
    });
    match folder {
        Some(folder) => Ok(folder.join("longstop")),
        None => Err(LedgerFailure::NoState.into()),
    }
}

/// The directory without links and dots, as far as it is there.
fn resolved(ledger: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = fs::canonicalize(ledger) {
        return Ok(path);
    }
    let path = std::path::absolute(ledger)?;
    let name = path.file_name().map(OsStr::to_owned);
    match (path.parent().map(fs::canonicalize), name) {
        (Some(Ok(folder)), Some(name)) => Ok(folder.join(name)),
        _ => Ok(path),
    }
}

fn read(file: &Path) -> Result<Option<Pin>, Failure> {
    let bytes = match input::some_bytes(file, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Failure::Read {
                file: input::file_name(file),
                source,
            });
        }
    };
    match serde_json::from_slice::<Remembered>(&bytes) {
        Ok(remembered) => Ok(Some(remembered.pin)),
        Err(_) => Err(LedgerFailure::BadState {
            file: input::file_name(file),
        }
        .into()),
    }
}

/// Makes a folder that only its owner can look into, with those above it.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
