//! The journal of a vault: entries in a store, synced before they are acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{OutPoint, Psbt, Txid};

use super::VaultError;
use super::entry::{Entry, Line};
use crate::arming::ArmingFile;
use crate::compile::Keychain;
use crate::ledger::{Record, Store};
use crate::units::BlockHeight;

/// The entries of a vault, with what they come to.
#[derive(Debug)]
pub(super) struct Journal<S> {
    store: S,
    kept: Kept,
}

/// What the entries come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// The next unused index of each keychain.
    pub next: [u32; 2],
    /// By path and coin: the last arming, by its place in the store.
    pub armed: BTreeMap<(String, OutPoint), Arming>,
    /// The same of those that have come so far that a trigger may be signed.
    pub protected: BTreeMap<(String, OutPoint), Arming>,
    pub acknowledged: BTreeMap<(String, OutPoint), BTreeSet<String>>,
    /// By escrow coin: cancels with signatures of veto holders.
    pub vetoes: BTreeMap<OutPoint, Vec<String>>,
    pub reserved: BTreeMap<OutPoint, (Txid, BlockHeight)>,
    pub confirmed: BTreeMap<(Keychain, u32), BTreeSet<String>>,
    /// Whether there was ever a backup.
    pub is_exported: bool,
    /// How many entries are in no backup, but for those that say that one was restored.
    pub unsaved: u64,
    pub is_drilled: bool,
}

/// An arming in the journal.
#[derive(Clone, Debug)]
pub(super) struct Arming {
    position: u64,
    /// The coins that its triggers spend, the armed one first.
    pub coins: Vec<OutPoint>,
    /// Who had acknowledged to hold the files.
    pub acknowledged: BTreeSet<String>,
}

impl Arming {
    fn new(position: u64, file: &ArmingFile) -> Self {
        Self {
            position,
            coins: armed_coins(file),
            acknowledged: file.acknowledged.clone(),
        }
    }
}

/// What a pair holds for a keychain.
pub(super) const fn at(pair: [u32; 2], keychain: Keychain) -> u32 {
    let [receive, change] = pair;
    match keychain {
        Keychain::Receive => receive,
        Keychain::Change => change,
    }
}

/// The same, to be changed.
pub(super) const fn at_mut(pair: &mut [u32; 2], keychain: Keychain) -> &mut u32 {
    let [receive, change] = pair;
    match keychain {
        Keychain::Receive => receive,
        Keychain::Change => change,
    }
}

impl<S: Store> Journal<S> {
    /// Reads all entries of a store.
    pub(super) fn open(store: S) -> Result<Self, VaultError> {
        let mut kept = Kept::default();
        for (number, record) in (0..).zip(store.records(0)) {
            let line = Line::from_bytes(number, &record?.bytes)
                .map_err(|what| VaultError::Entry { number, what })?;
            kept.take(number, &line.entry);
        }
        Ok(Self { store, kept })
    }

    pub(super) const fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) const fn store(&self) -> &S {
        &self.store
    }

    pub(super) const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    pub(super) fn into_store(self) -> S {
        self.store
    }

    /// Appends entries, and returns once they are on the device.
    pub(super) fn append(&mut self, entries: Vec<Entry>) -> Result<(), VaultError> {
        if entries.is_empty() {
            return Ok(());
        }
        let lines: Vec<Line> = (self.store.size()..)
            .zip(entries)
            .map(|(number, entry)| Line::new(number, entry))
            .collect();
        let records = lines.iter().map(|line| {
            let bytes = line.to_bytes();
            let id = sha256::Hash::hash(&bytes).to_byte_array();
            Record { id, bytes }
        });
        let records: Vec<Record> = records.collect();
        let placed = self.store.append(&records)?;
        for (line, placed) in lines.iter().zip(placed) {
            self.kept.take(placed.position(), &line.entry);
        }
        Ok(())
    }

    /// Goes on as if these entries were there, which nobody keeps.
    pub(super) fn suppose(&mut self, entries: &[Entry]) {
        let end = self.store.size();
        entries.iter().for_each(|entry| self.kept.take(end, entry));
    }

    /// All entries, in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry, VaultError>> + '_ {
        (0..).zip(self.store.records(0)).map(|(number, record)| {
            let line = Line::from_bytes(number, &record?.bytes);
            let line = line.map_err(|what| VaultError::Entry { number, what })?;
            Ok(line.entry)
        })
    }

    /// The file of an arming.
    pub(super) fn arming_file(&self, arming: &Arming) -> Result<Box<ArmingFile>, VaultError> {
        let number = arming.position;
        let record = self.store.read(number)?;
        match Line::from_bytes(number, &record.bytes).map(|line| line.entry) {
            Ok(Entry::Armed { file }) => Ok(file),
            Ok(_) => Err(VaultError::Entry {
                number,
                what: "it is no arming".to_owned(),
            }),
            Err(what) => Err(VaultError::Entry { number, what }),
        }
    }
}

impl Kept {
    fn take(&mut self, position: u64, entry: &Entry) {
        self.unsaved += u64::from(!matches!(entry, Entry::Drilled { .. }));
        match entry {
            Entry::Revealed { keychain, index } => {
                let next = at_mut(&mut self.next, *keychain);
                *next = (*next).max(index.saturating_add(1));
            }
            Entry::Confirmed {
                keychain,
                index,
                party,
            } => {
                let by = self.confirmed.entry((*keychain, *index)).or_default();
                by.insert(party.clone());
            }
            Entry::Protected { file } => {
                let key = (file.path.clone(), file.coin.outpoint);
                self.protected.insert(key, Arming::new(position, file));
            }
            Entry::Armed { file } => {
                let key = (file.path.clone(), file.coin.outpoint);
                self.armed.insert(key, Arming::new(position, file));
            }
            Entry::Acknowledged { coin, path, party } => {
                let by = self.acknowledged.entry((path.clone(), *coin)).or_default();
                by.insert(party.clone());
            }
            Entry::Veto { escrow, psbt } => {
                self.vetoes.entry(*escrow).or_default().push(psbt.clone());
            }
            Entry::Reserved {
                coin,
                parent,
                until,
            } => drop(self.reserved.insert(*coin, (*parent, *until))),
            Entry::Freed { coin } => drop(self.reserved.remove(coin)),
            Entry::Intended { .. }
            | Entry::Approved { .. }
            | Entry::Signed { .. }
            | Entry::Child { .. }
            | Entry::Refused { .. }
            | Entry::Closed { .. }
            | Entry::Prepared { .. }
            | Entry::Broadcast { .. } => {}
            Entry::Exported { .. } => {
                self.is_exported = true;
                self.unsaved = 0;
            }
            Entry::Drilled { .. } => self.is_drilled = true,
        }
    }
}

/// The coins that the triggers of an arming spend, first to last: the armed one, and what each
/// cancel but the last makes of it.
fn armed_coins(file: &ArmingFile) -> Vec<OutPoint> {
    let mut coins = vec![file.coin.outpoint];
    let before_the_last = file.courses.iter().rev().skip(1).rev();
    for course in before_the_last {
        // With several rungs all courses are for the same coin, and nothing follows their cancels.
        let [cancel] = course.cancels.as_slice() else {
            continue;
        };
        let cancel = cancel.parse::<Psbt>().ok();
        coins.extend(cancel.map(|cancel| OutPoint::new(cancel.unsigned_tx.compute_txid(), 0)));
    }
    coins
}
