//! Making, opening and closing a vault: its directory, its journal and its lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;

use super::backup::Backup;
use super::document::Document;
use super::entry::{Entry, Line};
use super::error::VaultError;
use super::journal::Journal;
use super::shelf::Shelf;
use super::stage::StageWallet;
use super::view::{Place, View};
use super::{Vault, folder};
use crate::compile::Compiled;
use crate::ledger::{Directory, Disk, Pin, Reader, Remark, Snapshot, Store, StoreError, System};
use crate::units::BlockHeight;

/// Every file and folder of a vault that somebody else could read or write, with its mode.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn exposed(path: &Path) -> std::io::Result<Vec<(PathBuf, u32)>> {
    folder::exposed(&System, path)
}

/// Whether the directory is that of a vault.
#[must_use]
pub fn is_vault(path: &Path) -> bool {
    path.join(folder::DOCUMENT).is_file()
}

impl Vault<Directory> {
    /// Makes the directory of a vault about a policy.
    ///
    /// No coin of it is older than `birth`; `holder` is who has its lock, in words for somebody who
    /// comes second.  The directory is a vault once `vault.json` is in it, which is written last.
    ///
    /// # Errors
    ///
    /// If something is there already, or it cannot be written.
    pub fn create(
        path: &Path,
        compiled: Arc<Compiled>,
        birth: BlockHeight,
        holder: &str,
    ) -> Result<Self, VaultError> {
        let document = Document::new(&compiled, birth);
        Self::create_on(Arc::new(System), path, document, Vec::new(), holder)
    }

    /// Brings a vault back from a backup, into a directory that is not there or is empty.
    ///
    /// It is the same vault, with the same entries; its coins are found by reading the chain.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), or if what the backup holds does not hold any more.
    pub fn restore(path: &Path, backup: &Backup, holder: &str) -> Result<Self, VaultError> {
        let (document, entries) = (backup.document.clone(), backup.entries.clone());
        Self::create_on(Arc::new(System), path, document, entries, holder)
    }

    /// The same from a document and entries, on any file system.
    ///
    /// # Errors
    ///
    /// As [`restore`](Self::restore).
    pub fn create_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        document: Document,
        entries: Vec<Entry>,
        holder: &str,
    ) -> Result<Self, VaultError> {
        let compiled = Arc::new(document.compile()?);
        let bytes = document.to_bytes();
        folder::make(&*disk, path)?;
        let journal = path.join(folder::JOURNAL);
        let store = Directory::init_on(Arc::clone(&disk), &journal, &bytes, holder)?;
        let mut vault = Self::with(document, compiled, store)?;
        vault.remember_all(entries)?;
        // From here on it is a vault: with fewer entries, addresses would be given out again.
        folder::write(&*disk, path, folder::DOCUMENT, &bytes)?;
        let path = path.to_owned();
        vault.place = Some(Place { disk, path });
        Ok(vault)
    }

    /// Opens the vault in a directory, for this process alone.
    ///
    /// Its policy is compiled again, and compared with what is stored.  `pin` is what is known of
    /// its journal.
    ///
    /// # Errors
    ///
    /// If there is none (none is made); if somebody else could read it; if another process has it;
    /// if the policy comes to something else than what is stored; if the journal is another's, is
    /// not what is known of it, or is damaged.
    pub fn open(path: &Path, pin: Option<&Pin>, holder: &str) -> Result<Self, VaultError> {
        Self::open_on(Arc::new(System), path, pin, holder)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        pin: Option<&Pin>,
        holder: &str,
    ) -> Result<Self, VaultError> {
        Self::found(disk, path, |disk, journal| {
            Directory::open_on(Arc::clone(disk), journal, pin, holder)
        })
    }

    /// Reads the whole journal again: digests, tree, and that every entry is one.  Returns how many
    /// there are.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it was written.
    pub fn verify(&self) -> Result<u64, VaultError> {
        verify(&self.journal.store().snapshot())
    }

    /// What a caller may keep elsewhere, so that a journal that is replaced or shortened is noticed.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.journal.store().pin()
    }

    /// What the reader of messages should know about how the journal was found.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        self.journal.store().remarks()
    }

    /// Closes it; what was acknowledged is kept in any case.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn close(self) -> Result<(), VaultError> {
        self.journal.into_store().close()?;
        Ok(())
    }
}

impl Vault<Shelf> {
    /// Opens the vault in a directory to look at it: for this process alone if it is free, and
    /// beside the process that has it otherwise.
    ///
    /// Beside another process nothing is kept: entries are those that were acknowledged by now,
    /// coins are what that process read of the chain last, and what is read of the chain here is
    /// forgotten with the vault.
    ///
    /// # Errors
    ///
    /// As [`open`](Vault::open), but for the other process.
    pub fn look(path: &Path, pin: Option<&Pin>, holder: &str) -> Result<Self, VaultError> {
        Self::look_on(Arc::new(System), path, pin, holder)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`look`](Self::look).
    pub fn look_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        pin: Option<&Pin>,
        holder: &str,
    ) -> Result<Self, VaultError> {
        let mut vault = Self::found(disk, path, |disk, journal| {
            match Directory::open_on(Arc::clone(disk), journal, pin, holder) {
                Ok(directory) => Ok(Shelf::Own(Box::new(directory))),
                Err(StoreError::Locked { holder }) => {
                    let reader = Reader::open_on(Arc::clone(disk), journal, pin)?;
                    let reader = Box::new(reader);
                    Ok(Shelf::Beside { reader, holder })
                }
                Err(error) => Err(error),
            }
        })?;
        if vault.store().holder().is_some() {
            let place = vault.place.take();
            vault.view = place.and_then(|place| View::read(&place, &vault.compiled));
            vault.tip = vault.view.as_ref().map(|view| view.tip);
        }
        Ok(vault)
    }

    /// As [`verify`](Vault::verify) of a vault that was opened.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it was written.
    pub fn verify(&self) -> Result<u64, VaultError> {
        verify(&self.store().snapshot())
    }

    /// As [`close`](Vault::close) of a vault that was opened.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn close(self) -> Result<(), VaultError> {
        Ok(self.journal.into_store().close()?)
    }
}

/// Reads a whole journal again, and says how many entries it has.
fn verify(snapshot: &Snapshot) -> Result<u64, VaultError> {
    let verified = snapshot.verify(|number, record| -> Result<(), VaultError> {
        let line = Line::from_bytes(number, &record.bytes);
        line.map(drop)
            .map_err(|what| VaultError::Entry { number, what })
    })?;
    Ok(verified.head.size)
}

impl<S: Store> Vault<S> {
    /// The vault in a directory, with its journal as somebody opens it.
    fn found(
        disk: Arc<dyn Disk>,
        path: &Path,
        open: impl FnOnce(&Arc<dyn Disk>, &Path) -> Result<S, StoreError>,
    ) -> Result<Self, VaultError> {
        let bytes = folder::read_document(&*disk, path)?;
        let document = Document::from_bytes(&bytes)?;
        let compiled = Arc::new(document.compile()?);
        let store = open(&disk, &path.join(folder::JOURNAL))?;
        if store.genesis() != bytes {
            return Err(VaultError::OtherJournal);
        }
        let mut vault = Self::with(document, compiled, store)?;
        let path = path.to_owned();
        vault.place = Some(Place { disk, path });
        Ok(vault)
    }

    /// The vault that is kept in a store, whose genesis is a [`Document`].
    ///
    /// # Errors
    ///
    /// If the document does not hold, or the store cannot be read.
    pub fn over(store: S) -> Result<Self, VaultError> {
        let document = Document::from_bytes(store.genesis())?;
        let compiled = Arc::new(document.compile()?);
        Self::with(document, compiled, store)
    }

    pub(super) fn with(
        document: Document,
        compiled: Arc<Compiled>,
        store: S,
    ) -> Result<Self, VaultError> {
        let journal = Journal::open(store)?;
        let network = compiled.policy().network();
        let stages = compiled
            .stages()
            .map(|descriptor| StageWallet::open(descriptor, network, journal.store()));
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        let mut vault = Self {
            document,
            compiled,
            secp: Secp256k1::new(),
            journal,
            stages,
            tip: None,
            view: None,
            place: None,
            unwritten: None,
        };
        vault.reveal_wallets();
        vault.tip = vault.kept_tip()?;
        Ok(vault)
    }
}
