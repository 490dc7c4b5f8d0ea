//! `longstop vault coins` and `longstop vault balance`: what is there.

use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::backend::BackendArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::units::ChainTime;
use crate::wallet::{Balance, CoinStatus, StaleArming};

/// List the coins: where each is, how old, who can take it from when, and whether it is armed
///
/// The chain is read first if somebody says where it is; else this is what it said when it was last
/// read. Dates are estimates, at ten minutes
/// to a block.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, at {height, median_time_past} and coins [outpoint, stage, path, keychain, index,\nsats, birth, standing, confidence, depth, age_seconds, openings [leaf, from, open, remaining, about],\narmed [path, arming, state or reason], unarmed [path, is_buried, state], alone, alert, reused_with,\nis_incident, mature_from], and stale [coin, path, reason]."
)]
pub(super) struct Coins {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Show what the coins are worth, stage by stage
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, at {height, median_time_past}, confirmed, unconfirmed and stages [[stage, path],\n{coins, confirmed, unconfirmed, maturing, armed, unarmed, leaving}], all in satoshis."
)]
pub(super) struct BalanceOf {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// The coins of a vault.
#[derive(Serialize)]
pub(in crate::cli) struct ListedCoins {
    pub vault: String,
    pub at: ChainTime,
    pub coins: Vec<CoinStatus>,
    /// What was signed in advance for coins that are gone for good.
    pub stale: Vec<StaleArming>,
}

/// What the coins of a vault are worth.
#[derive(Serialize)]
pub(in crate::cli) struct ListedBalance {
    pub vault: String,
    #[serde(flatten)]
    pub balance: Balance,
}

impl Coins {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut held = self.vault.look(screen)?;
        held.sync_if_named(screen, &self.vault, &self.backend)?;
        let coins = held.vault.coins().map_err(|error| held.failed(error))?;
        let stale = held.vault.stale_armings();
        let stale = stale.map_err(|error| held.failed(error))?;
        let listed = ListedCoins {
            vault: held.directory.clone(),
            at: held.vault.tip().map(|tip| tip.time).unwrap_or_default(),
            coins,
            stale,
        };
        held.close()?;
        screen.show(&listed, |width| render::coins(&listed, width))?;
        Ok(Exit::Ok)
    }
}

impl BalanceOf {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut held = self.vault.look(screen)?;
        held.sync_if_named(screen, &self.vault, &self.backend)?;
        let balance = held.vault.balance().map_err(|error| held.failed(error))?;
        let listed = ListedBalance {
            vault: held.directory.clone(),
            balance,
        };
        held.close()?;
        screen.show(&listed, |width| render::balance(&listed, width))?;
        Ok(Exit::Ok)
    }
}
