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

mod address;
mod backup;
mod coins;
mod document;
mod entry;
mod error;
mod folder;
mod journal;
mod open;
mod pieces;
mod remember;
mod shelf;
mod stage;
mod status;
mod sync;
mod view;
mod watching;

use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{OutPoint, Txid};
use serde::{Deserialize, Serialize};

use self::journal::Journal;
use self::stage::StageWallet;
use self::view::{Place, View};
use crate::arming::{ArmedCoin, ArmingFile};
use crate::chain::{Chain, ChainTip};
use crate::compile::Compiled;
use crate::engine::{Engine, Watched};
use crate::ledger::{Directory, Store, StoreError};
use crate::units::{BlockHeight, ChainTime};

pub use self::address::NextAddress;
pub use self::backup::{Backup, BackupError, Opener, Recipients};
pub use self::coins::{
    Alert, ArmedOn, Balance, CoinStatus, KnownOutput, Opening, StageBalance, StaleArming,
    UnarmedReason,
};
pub use self::document::{Document, DocumentError, StageText};
pub use self::entry::Entry;
pub use self::error::VaultError;
pub use self::open::{exposed, is_vault};
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
    /// Why the last reading of the chain could not be written down there.
    unwritten: Option<VaultError>,
}

/// Where the chain stood when it was last read, as working state.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct KeptTip {
    hash: bitcoin::BlockHash,
    time: ChainTime,
}

/// Under which it is kept what the backend at an address remembers.
fn memory_of(address: &str) -> String {
    format!("backend/{address}")
}

impl<S: Store> Vault<S> {
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
