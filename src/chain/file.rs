//! An embedded chain that lives in a file, where several processes meet.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use thiserror::Error;

use super::disk::{self, Stamp};
use super::embedded::FrozenError;
use super::{BackendError, Chain, ChainTip, EmbeddedChain, Freshness, SeenOutput, Verdict};
use crate::units::{BlockHeight, Blocks, CoinBirth};

/// Most bytes of a file: a million empty blocks.
const LIMIT: u64 = 1 << 30;

/// A regtest chain in a file.
///
/// Every question looks whether another process has changed the file, and every change is on the
/// device before the answer comes.
#[derive(Debug)]
pub struct ChainFile {
    path: PathBuf,
    held: RefCell<Held>,
}

/// The chain as it was when the file had this stamp.
#[derive(Debug)]
struct Held {
    stamp: Stamp,
    chain: EmbeddedChain,
}

/// Why the file of a chain cannot be used.
#[derive(Debug, Error)]
pub enum ChainFileError {
    /// It cannot be read.
    #[error("cannot read the chain `{file}`: {source}{}", advice(.source))]
    Read {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the chain `{file}`: {source}")]
    Write {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("`{file}` holds no chain: {source}")]
    Format {
        /// Its path.
        file: String,
        /// Why.
        source: FrozenError,
    },
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; `longstop chain mine` makes one",
        _ => "",
    }
}

impl ChainFile {
    /// Opens a chain that is there.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, ChainFileError> {
        let held = load(path)?;
        Ok(Self {
            path: path.to_owned(),
            held: RefCell::new(held),
        })
    }

    /// Writes a chain to a file that is not there yet.
    ///
    /// # Errors
    ///
    /// If the file is there, or cannot be written.
    pub fn create(path: &Path, chain: &EmbeddedChain) -> Result<Self, ChainFileError> {
        let failed = |source| ChainFileError::Write {
            file: path.display().to_string(),
            source,
        };
        let _lock = disk::lock(path).map_err(failed)?;
        if disk::stamp(path).is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        disk::replace(path, &chain.to_text()).map_err(failed)?;
        Self::open(path)
    }

    /// Changes the chain, while no other process does, and writes it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written; then the chain is as it was.
    pub fn change<T>(
        &mut self,
        change: impl FnOnce(&mut EmbeddedChain) -> T,
    ) -> Result<T, ChainFileError> {
        let failed = |source| ChainFileError::Write {
            file: self.path.display().to_string(),
            source,
        };
        let _lock = disk::lock(&self.path).map_err(failed)?;
        self.refresh()?;
        let held = self.held.get_mut();
        let mut chain = held.chain.fork();
        let result = change(&mut chain);
        disk::replace(&self.path, &chain.to_text()).map_err(failed)?;
        let stamp = disk::stamp(&self.path).map_err(failed)?;
        *held = Held { stamp, chain };
        Ok(result)
    }

    /// Asks the chain as the file holds it now.
    ///
    /// # Errors
    ///
    /// If the file cannot be read any more.
    pub fn ask<T>(&self, ask: impl FnOnce(&EmbeddedChain) -> T) -> Result<T, ChainFileError> {
        self.refresh()?;
        Ok(ask(&self.held.borrow().chain))
    }

    fn refresh(&self) -> Result<(), ChainFileError> {
        let unread = |source| ChainFileError::Read {
            file: self.path.display().to_string(),
            source,
        };
        if disk::stamp(&self.path).map_err(unread)? != self.held.borrow().stamp {
            self.held.replace(load(&self.path)?);
        }
        Ok(())
    }

    fn answer<T>(&self, ask: impl FnOnce(&EmbeddedChain) -> T) -> Result<T, BackendError> {
        self.ask(ask).map_err(BackendError::new)
    }
}

fn load(path: &Path) -> Result<Held, ChainFileError> {
    let file = || path.display().to_string();
    let unread = |source| ChainFileError::Read {
        file: file(),
        source,
    };
    // Before the content: what is written in between is then read once more.
    let stamp = disk::stamp(path).map_err(unread)?;
    let text = disk::read(path, LIMIT).map_err(unread)?;
    let chain = EmbeddedChain::from_text(&text).map_err(|source| ChainFileError::Format {
        file: file(),
        source,
    })?;
    Ok(Held { stamp, chain })
}

impl Chain for ChainFile {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        self.answer(EmbeddedChain::tip)
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        self.answer(|chain| chain.block_hash(height))
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        self.answer(Chain::freshness)?
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.change(|chain| chain.submit(transaction))
            .map_err(BackendError::new)
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        self.change(|chain| chain.submit_package(parent, child))
            .map_err(BackendError::new)
    }

    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.answer(|chain| chain.test_accept(transaction))
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        self.answer(|chain| chain.outputs(scripts))
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        self.answer(|chain| chain.confirmation(txid))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        self.answer(|chain| Chain::transaction(chain, txid))?
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        self.answer(|chain| chain.in_mempool(txid))
    }

    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        self.answer(|chain| chain.feerate(target))?
    }
}
