//! `longstop vault fees`: the wallets that pay for fee children.

use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Address, Amount, OutPoint};
use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::backend::BackendArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::engine::FeeCoins;
use crate::wallet::VaultError;

/// Show fee wallets: where to pay fee coins to, and which there are
///
/// Whoever broadcasts pays fee children from a small wallet of his own, which the policy names with
/// `fees`. Each move takes one confirmed coin there; `longstop vault status` says how many, and of
/// what size, all coins of the vault would take at once.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, backend and wallets [party, address (the next to pay to), coins [outpoint, sats],\nsats]."
)]
pub(super) struct Fees {
    #[command(flatten)]
    vault: VaultArgs,
    /// Show the wallet of this party alone; can be given several times
    #[arg(long, value_name = "PARTY")]
    of: Vec<String>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// The fee wallets of a policy, as the chain shows them.
#[derive(Serialize)]
pub(in crate::cli) struct ListedFees {
    pub vault: String,
    pub backend: String,
    pub wallets: Vec<ListedWallet>,
}

/// The fee wallet of a party.
#[derive(Serialize)]
pub(in crate::cli) struct ListedWallet {
    pub party: String,
    /// The first that nothing was paid to.
    pub address: String,
    /// Confirmed, and spent by nothing.
    pub coins: Vec<ListedCoin>,
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub sats: Amount,
}

/// A coin that can pay for a fee child.
#[derive(Serialize)]
pub(in crate::cli) struct ListedCoin {
    pub outpoint: OutPoint,
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub sats: Amount,
}

impl Fees {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut held = self.vault.look(screen)?;
        let compiled = Arc::clone(held.vault.compiled());
        let policy = compiled.policy();
        if let Some(name) = self.of.iter().find(|name| policy.party(name).is_none()) {
            return Err(held.failed(VaultError::NoParty(name.clone())));
        }
        let parties = policy.parties().map(|party| party.name());
        let asked =
            parties.filter(|name| self.of.is_empty() || self.of.iter().any(|asked| asked == name));
        let at = self.vault.address(&self.backend)?;
        let at = at.ok_or(Failure::NoBackend)?;
        let reached = held.reach(&self.backend, &at)?;
        let found = FeeCoins::read(&*reached.chain, &compiled, asked, &Secp256k1::new());
        let found = found.map_err(|error| reached.failed(error))?;
        held.keep_memory(&at, &reached)?;
        let network = policy.network().to_bitcoin();
        let wallets = found.into_iter().map(|(party, wallet)| {
            let address = Address::from_script(wallet.next_script(), network);
            let coins = wallet.unspent().map(|seen| ListedCoin {
                outpoint: seen.outpoint,
                sats: seen.output.value,
            });
            let coins: Vec<ListedCoin> = coins.collect();
            ListedWallet {
                party,
                address: address.expect("a fee wallet is P2WPKH").to_string(),
                sats: coins.iter().map(|coin| coin.sats).sum(),
                coins,
            }
        });
        let listed = ListedFees {
            vault: held.directory.clone(),
            backend: reached.address.clone(),
            wallets: wallets.collect(),
        };
        held.close()?;
        screen.show(&listed, |width| render::fee_wallets(&listed, width))?;
        Ok(Exit::Ok)
    }
}
