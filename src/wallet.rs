//! A vault: the coins of one policy, followed on a chain over years and machines.
//!
//! A [`Vault`] lives in a directory of its own.  `vault.json` says which policy it is and what that
//! was compiled to; the journal keeps what no chain can give back: which addresses were given out,
//! what was signed in advance, which fee coins are spoken for.  Both are on the device before
//! anything is acknowledged.  Everything else is working state: one wallet of the wallet library
//! for each stage descriptor, which is made anew from the journal and the chain when it is lost.
//!
//! What a chain said is never an entry of the journal, and nothing here decides what a coin may do:
//! that is for [`lifecycle`](crate::lifecycle) to say.

mod backup;
mod coins;
mod document;
mod entry;
mod error;
mod folder;
mod journal;
mod pieces;
mod shelf;
mod stage;
mod status;
mod sync;
mod view;
mod watching;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{OutPoint, Txid};
use serde::{Deserialize, Serialize};

use self::entry::Line;
use self::journal::{Journal, at};
use self::stage::StageWallet;
use self::view::{Place, View};
use crate::arming::{ArmedCoin, Arming, ArmingError, ArmingFile, ArmingFileError, ArmingState};
use crate::chain::{Chain, ChainTip};
use crate::compile::{Compiled, Derived, Keychain, Stage};
use crate::engine::{Engine, Watched};
use crate::ledger::{Directory, Disk, Pin, Reader, Remark, Snapshot, Store, StoreError, System};
use crate::transaction::Builder;
use crate::units::{BlockHeight, ChainTime};

pub use self::backup::{Backup, BackupError, Opener, Recipients};
pub use self::coins::{
    Alert, ArmedOn, Balance, CoinStatus, KnownOutput, Opening, StageBalance, StaleArming,
    UnarmedReason,
};
pub use self::document::{Document, DocumentError, StageText};
pub use self::entry::Entry;
pub use self::error::VaultError;
pub use self::shelf::Shelf;
pub use self::stage::GAP;
pub use self::status::{
    CoinDay, Consolidation, DelayRestart, Due, FeeReserve, FeeRow, FeeWallet, MANY_COINS, Rates,
    VaultStatus,
};
pub use self::sync::Synced;

/// Under which it is kept where the chain stood when it was last read.
const TIP: &str = "wallet";

/// The coins of one policy, with what must be remembered of them.
#[derive(Debug)]
pub struct Vault<S = Directory> {
    document: Document,
    compiled: Arc<Compiled>,
    secp: Secp256k1<All>,
    journal: Journal<S>,
    stages: Vec<StageWallet>,
    tip: Option<ChainTip>,
    /// What another process has read of the chain, until this one reads it itself.
    view: Option<View>,
    /// Where its files are, if it is kept in files and this process may write them.
    place: Option<Place>,
}

/// Where the chain stood when it was last read, as working state.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct KeptTip {
    hash: bitcoin::BlockHash,
    time: ChainTime,
}

/// An address that is given out for a deposit.
#[derive(Clone, Debug)]
pub struct NextAddress {
    /// Its keychain and index, and the keys behind it.
    pub derived: Arc<Derived>,
    /// The address.
    pub address: bitcoin::Address,
    /// Whether it counts as used up now, or was only looked at.
    pub is_revealed: bool,
    /// The parties that have seen it on a device of their own.
    pub confirmed_by: BTreeSet<String>,
}

/// Under which it is kept what the backend at an address remembers.
fn memory_of(address: &str) -> String {
    format!("backend/{address}")
}

/// Every file and folder of a vault that somebody else could read or write, with its mode.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn exposed(path: &Path) -> std::io::Result<Vec<(PathBuf, u32)>> {
    folder::exposed(&System, path)
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

    fn with(document: Document, compiled: Arc<Compiled>, store: S) -> Result<Self, VaultError> {
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
        };
        vault.reveal_wallets();
        vault.tip = vault.kept_tip()?;
        Ok(vault)
    }

    /// What the vault is founded on.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The policy and its descriptors.
    #[must_use]
    pub const fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    /// Where the chain stood when it was last read, if it is known.
    #[must_use]
    pub const fn tip(&self) -> Option<ChainTip> {
        self.tip
    }

    /// Where its journal is kept.
    #[must_use]
    pub const fn store(&self) -> &S {
        self.journal.store()
    }

    /// The next unused index of each keychain, receive first.
    #[must_use]
    pub fn next(&self) -> [u32; 2] {
        self.journal.kept().next
    }

    /// All entries of the journal, in their order.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, VaultError>> + '_ {
        self.journal.entries()
    }

    /// Remembers something, and returns once it is on the device.
    ///
    /// # Errors
    ///
    /// If it does not hold, or cannot be kept.
    pub fn remember(&mut self, entry: Entry) -> Result<(), VaultError> {
        self.remember_all(vec![entry])
    }

    /// Remembers several things at once: all of them, or none.
    ///
    /// # Errors
    ///
    /// As [`remember`](Self::remember).
    pub fn remember_all(&mut self, entries: Vec<Entry>) -> Result<(), VaultError> {
        for entry in &entries {
            self.holds(entry)?;
        }
        self.journal.append(entries)?;
        self.reveal_wallets();
        self.keep_wallets()
    }

    /// Whether an entry is worth remembering.
    fn holds(&self, entry: &Entry) -> Result<(), VaultError> {
        match entry {
            Entry::Revealed { index, .. } => match index {
                0x8000_0000.. => Err(VaultError::Index { index: *index }),
                _ => Ok(()),
            },
            Entry::Confirmed { party, .. } | Entry::Acknowledged { party, .. } => {
                match self.compiled.policy().party(party) {
                    Some(_) => Ok(()),
                    None => Err(VaultError::NoParty(party.clone())),
                }
            }
            Entry::Protected { file } => {
                let arming = file.read_arming(&self.compiled, &self.secp)?;
                match arming.state() {
                    ArmingState::Unarmed => Err(ArmingFileError::Incomplete.into()),
                    _ => Ok(()),
                }
            }
            Entry::Armed { file } => {
                file.read(&self.compiled, &self.secp)?;
                Ok(())
            }
            Entry::Reserved { coin, parent, .. } => match self.journal.kept().reserved.get(coin) {
                Some((other, _)) if other != parent => Err(VaultError::Reserved {
                    coin: *coin,
                    parent: *other,
                }),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Keeps what an arming has come to, as far as it is new here: the files once every cancel and
    /// every settle is signed, who acknowledges to hold them, and the triggers once they are signed.
    ///
    /// Says how many entries that is.
    ///
    /// # Errors
    ///
    /// If it is for another policy, or cannot be kept.
    pub fn keep_arming(&mut self, arming: &Arming) -> Result<u64, VaultError> {
        let kept = self.journal.kept();
        let coin = arming.coin().outpoint();
        let key = (arming.path().name().to_owned(), coin);
        let is_armed = kept.armed.contains_key(&key);
        let mut entries = Vec::new();
        if arming.state() > ArmingState::Unarmed && !is_armed {
            let file = || {
                let file = ArmingFile::of(arming, &self.compiled);
                let file = file.map_err(|error| ArmingFileError::from(ArmingError::from(error)))?;
                Ok::<_, VaultError>(Box::new(file))
            };
            match arming.state() {
                ArmingState::Armed => entries.push(Entry::Armed { file: file()? }),
                _ if kept.protected.contains_key(&key) => {}
                _ => entries.push(Entry::Protected { file: file()? }),
            }
            let said = kept.acknowledged.get(&key);
            let news = arming.acknowledged().iter();
            let news = news.filter(|party| said.is_none_or(|said| !said.contains(*party)));
            entries.extend(news.map(|party| Entry::Acknowledged {
                coin,
                path: key.0.clone(),
                party: party.clone(),
            }));
        }
        let count = entries.len() as u64;
        self.remember_all(entries)?;
        Ok(count)
    }

    /// Looks at the next unused address of the vault, without using it up.
    ///
    /// # Errors
    ///
    /// If all indexes are used up.
    pub fn peek_address(&self) -> Result<NextAddress, VaultError> {
        let index = at(self.next(), Keychain::Receive);
        self.address_at(index, false)
    }

    /// Gives out the next unused address of the vault.  The escrows and lock-ups at its index, and
    /// the change address beside it, are watched from now on.
    ///
    /// It is used up before this returns, whatever happens then: nobody is given it again.
    ///
    /// # Errors
    ///
    /// If all indexes are used up, or it cannot be kept.
    pub fn next_address(&mut self) -> Result<NextAddress, VaultError> {
        let index = at(self.next(), Keychain::Receive);
        let next = self.address_at(index, true)?;
        self.remember(Entry::Revealed {
            keychain: Keychain::Receive,
            index,
        })?;
        Ok(next)
    }

    /// The address that was given out last, or the first one if none was.
    ///
    /// # Errors
    ///
    /// If all indexes are used up.
    pub fn last_address(&self) -> Result<NextAddress, VaultError> {
        let next = at(self.next(), Keychain::Receive);
        self.address_at(next.saturating_sub(1), next > 0)
    }

    fn address_at(&self, index: u32, is_revealed: bool) -> Result<NextAddress, VaultError> {
        let derived = self.derive(&Stage::Vault, Keychain::Receive, index)?;
        let confirmed = &self.journal.kept().confirmed;
        let confirmed = confirmed.get(&(Keychain::Receive, index));
        Ok(NextAddress {
            address: derived.address(self.compiled.policy().network()),
            derived,
            is_revealed,
            confirmed_by: confirmed.cloned().unwrap_or_default(),
        })
    }

    /// A stage at a place.
    ///
    /// # Errors
    ///
    /// If the index is beyond what addresses are derived for.
    pub fn derive(
        &self,
        stage: &Stage,
        keychain: Keychain,
        index: u32,
    ) -> Result<Arc<Derived>, VaultError> {
        let builder = Builder::new(&self.compiled, &self.secp);
        let derived = builder.derive(stage, keychain, index);
        derived.map_err(|_| VaultError::Index { index })
    }

    /// An engine for this vault on a chain: with its scripts, its next indexes and its armed coins.
    ///
    /// Signatures in advance are verified again.  The armings of coins that are gone for good are
    /// left out.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or holds an arming that does not hold.
    pub fn engine<C: Chain>(&self, chain: C) -> Result<Engine<C>, VaultError> {
        let mut engine = Engine::new(Arc::clone(&self.compiled), chain);
        engine.restore(self.watched(), self.next(), self.armed()?);
        Ok(engine)
    }

    /// Every script that is watched, with its place.
    pub fn watched(&self) -> impl Iterator<Item = (bitcoin::ScriptBuf, Watched)> + '_ {
        self.stages.iter().flat_map(|wallet| {
            wallet.scripts().map(|(place, script)| {
                let watched = Watched::new(wallet.stage().clone(), place.keychain, place.index);
                (script.clone(), watched)
            })
        })
    }

    /// The coins that are armed and not gone for good, with what root signed in advance, and with
    /// the signatures of veto holders that were left here.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or holds an arming that does not hold.
    pub fn armed(&self) -> Result<Vec<ArmedCoin>, VaultError> {
        let kept = self.journal.kept();
        let gone = self.gone_for_good();
        let mut armed = Vec::new();
        for arming in kept.armed.values() {
            if gone.is_over(arming) {
                continue;
            }
            let file: Box<ArmingFile> = self.journal.arming_file(arming)?;
            let mut coin = file.read(&self.compiled, &self.secp)?;
            for (escrow, psbts) in &kept.vetoes {
                for psbt in psbts {
                    let Ok(psbt) = psbt.parse() else { continue };
                    // It can be for the escrow of another coin.
                    let _ = coin.receive_veto(*escrow, &psbt, &self.secp);
                }
            }
            armed.push(coin);
        }
        Ok(armed)
    }

    /// Fee coins that are kept for a child, with its parent, and the height from which they are
    /// free again.
    #[must_use]
    pub fn reserved(&self) -> Vec<(OutPoint, Txid, BlockHeight)> {
        let reserved = self.journal.kept().reserved.iter();
        reserved
            .map(|(coin, (parent, until))| (*coin, *parent, *until))
            .collect()
    }

    /// How many entries the journal has that no backup holds; none if there never was one.
    #[must_use]
    pub fn since_backup(&self) -> Option<u64> {
        let kept = self.journal.kept();
        kept.is_exported.then_some(kept.unsaved)
    }

    /// Whether a backup was ever restored as a drill.
    #[must_use]
    pub fn is_drilled(&self) -> bool {
        self.journal.kept().is_drilled
    }

    /// What a backend was given to remember when it was last asked, if that is still there.
    ///
    /// # Errors
    ///
    /// If the store cannot be used.
    pub fn backend_memory(&self, address: &str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.journal.store().state(&memory_of(address))?)
    }

    /// Keeps what a backend wants to be given again: working state, which may be lost.
    ///
    /// # Errors
    ///
    /// If the store cannot be used.
    pub fn keep_backend_memory(&mut self, address: &str, memory: &[u8]) -> Result<(), VaultError> {
        let store = self.journal.store_mut();
        match store.set_state(&memory_of(address), memory) {
            Err(StoreError::ReadOnly) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Reveals in the wallets of all stages what the journal says is used up: a coin goes through
    /// its stages at its own index, and returns to the change keychain there.
    fn reveal_wallets(&mut self) {
        let most = self.next().into_iter().max().unwrap_or(0);
        if let Some(last) = most.checked_sub(1) {
            self.stages
                .iter_mut()
                .for_each(|stage| stage.reveal_to(last));
        }
    }

    fn keep_wallets(&mut self) -> Result<(), VaultError> {
        for stage in &mut self.stages {
            stage.keep(self.journal.store_mut())?;
        }
        Ok(())
    }

    fn keep_tip(&mut self, tip: ChainTip) -> Result<(), VaultError> {
        self.tip = Some(tip);
        let kept = KeptTip {
            hash: tip.hash,
            time: tip.time,
        };
        let bytes = serde_json::to_vec(&kept).expect("numbers and texts are JSON");
        match self.journal.store_mut().set_state(TIP, &bytes) {
            Err(StoreError::ReadOnly) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The tip of the last reading, if the wallets of all stages are from that very reading.
    fn kept_tip(&self) -> Result<Option<ChainTip>, VaultError> {
        let bytes = self.journal.store().state(TIP)?;
        let kept = bytes.and_then(|bytes| serde_json::from_slice::<KeptTip>(&bytes).ok());
        let Some(KeptTip { hash, time }) = kept else {
            return Ok(None);
        };
        let same = self.stages.iter().all(|stage| {
            let tip = stage.tip();
            tip.hash == hash && tip.height == time.height.0
        });
        Ok(same.then_some(ChainTip { hash, time }))
    }
}
