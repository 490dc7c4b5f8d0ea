//! `longstop vault sync`: reading the chain.

use bitcoin::OutPoint;
use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::backend::BackendArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::compile::Keychain;
use crate::units::{BlockHeight, ChainTime};

/// Read the chain: find every coin, and forget what a reorg took
///
/// Every script of every stage is asked about: those of all indexes in use, and of twenty beyond.
/// Without --backend or LONGSTOP_BACKEND, the file `backend.toml` in the directory says where the
/// chain is: address = "bitcoind+cookie:///var/lib/bitcoind/.cookie".
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, backend, at {height, median_time_past}, hash, coins, found, lost, revealed [[keychain,\nindex]] and rolled_back."
)]
pub(super) struct Sync {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What reading the chain has brought.
#[derive(Serialize)]
pub(in crate::cli) struct Read {
    pub vault: String,
    pub backend: String,
    pub at: ChainTime,
    pub hash: bitcoin::BlockHash,
    /// How many coins are there, or could come back by a reorg.
    pub coins: u64,
    pub found: Vec<OutPoint>,
    pub lost: Vec<OutPoint>,
    pub revealed: Vec<(Keychain, u32)>,
    pub rolled_back: Option<BlockHeight>,
}

impl Sync {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut held = self.vault.open(screen)?;
        let at = self.vault.address(&self.backend)?;
        let at = at.ok_or(Failure::NoBackend)?;
        let reached = held.reach(&self.backend, &at)?;
        let synced = held.sync(screen, &at, &reached)?;
        let coins = held.vault.coins().map_err(|error| held.failed(error))?;
        let read = Read {
            vault: held.directory.clone(),
            backend: reached.address.clone(),
            at: synced.tip.time,
            hash: synced.tip.hash,
            coins: coins.len() as u64,
            found: synced.found,
            lost: synced.lost,
            revealed: synced.revealed,
            rolled_back: synced.rolled_back,
        };
        held.close()?;
        screen.show(&read, |width| render::synced(&read, width))?;
        Ok(Exit::Ok)
    }
}
