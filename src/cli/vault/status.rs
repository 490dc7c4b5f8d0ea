//! `longstop vault status`: what is due.

use std::num::NonZeroU32;

use bitcoin::FeeRate;
use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::chain::Chain;
use crate::cli::backend::BackendArgs;
use crate::cli::custody::CustodyArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::governance::KeysShown;
use crate::wallet::{Rates, VaultStatus};

/// Say what is due: coins that grow old or are unarmed, backups, keys, and what fees would take
///
/// Fees are reckoned for the worst case: all coins are triggered at once, then cancelled or settled
/// at once, and each of these transactions has a fee child that spends a confirmed coin of its own.
///
/// Where there are many coins, or one is too small to be armed alone, a consolidation is proposed:
/// what it costs and saves, which coins it unarms, and which delays it begins anew.
///
/// The chain is read first if somebody says where it is, and fee wallets are looked at then. With
/// attestations, keys are listed that were not shown alive in time.
///
/// Exit code 6: something is due.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, at {height, median_time_past}, balance, due [due, …], fees {base_sat_per_vb,\nstress_sat_per_vb, rows [path, what, by, fee_coins, each, together, there], wallets [party, broadcasts,\nis_known, fee_coins, each, together, there, holds]}, consolidation {coins, too_small, unarms, restarts\n[leaf, path, before, after], feerate_sat_per_vb, cost, reserve_saved}, days [outpoint, leaf, path, about], since_backup, is_drilled and keys_overdue [party,\nkeys, shown, on, attests]."
)]
pub(super) struct Status {
    #[command(flatten)]
    vault: VaultArgs,
    /// Reckon fees for this feerate
    #[arg(long, value_name = "SAT/VB", default_value = "100")]
    stress: NonZeroU32,
    /// Reckon what a consolidation costs for this feerate, instead of the base fee of the policy
    #[arg(long, value_name = "SAT/VB")]
    feerate: Option<NonZeroU32>,
    /// Keys have to be shown again after so many days
    #[arg(long, value_name = "DAYS", default_value = "180")]
    keys_every: NonZeroU32,
    #[command(flatten)]
    custody: CustodyArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What is due with a vault.
#[derive(Serialize)]
pub(in crate::cli) struct Standing {
    pub vault: String,
    #[serde(flatten)]
    pub status: VaultStatus,
    /// None where no attestations were given.
    pub keys_overdue: Option<Vec<KeysShown>>,
}

impl Status {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut held = self.vault.look(screen)?;
        let reached = held.sync_if_named(screen, &self.vault, &self.backend)?;
        let chain = reached
            .as_ref()
            .map(|(_, reached)| -> &dyn Chain { &*reached.chain });
        let rate = |rate: NonZeroU32| {
            let rate = FeeRate::from_sat_per_vb(u64::from(rate.get()));
            rate.unwrap_or(crate::transaction::MAX_FEERATE)
        };
        let rates = Rates {
            stress: rate(self.stress),
            refresh: self.feerate.map(rate),
        };
        let status = held.vault.status(rates, chain);
        let status = status.map_err(|error| held.failed(error))?;
        // Fee wallets were asked about as well.
        if let Some((at, reached)) = &reached {
            held.keep_memory(at, reached)?;
        }
        let keys_overdue = self.keys_overdue(screen, held.vault.compiled())?;
        let standing = Standing {
            vault: held.directory.clone(),
            status,
            keys_overdue,
        };
        held.close()?;
        screen.show(&standing, |width| render::vault_status(&standing, width))?;
        let is_due = !standing.status.due.is_empty()
            || standing
                .keys_overdue
                .as_ref()
                .is_some_and(|keys| !keys.is_empty());
        Ok(match is_due {
            true => Exit::Pending,
            false => Exit::Ok,
        })
    }

    /// The parties whose keys were not all shown in time, and those who never showed any.
    fn keys_overdue(
        &self,
        screen: &Screen,
        compiled: &crate::compile::Compiled,
    ) -> Result<Option<Vec<KeysShown>>, Failure> {
        if !self.custody.are_given() {
            return Ok(None);
        }
        let (attestations, problems) = self.custody.attestations(compiled)?;
        screen.attestations(&problems);
        let now = self.custody.moment();
        let age = self.keys_every.get().saturating_mul(86_400);
        let secp = bitcoin::secp256k1::Secp256k1::new();
        let judge = crate::keys::Judge::new(compiled, &secp);
        let overdue = compiled.policy().parties().filter_map(|party| {
            let name = party.name();
            let mut shown = attestations.keys().iter();
            let shown = shown.find(|shown| shown.party == name);
            let is_fresh = shown.is_some_and(|shown| {
                shown.is_complete() && shown.on.is_some_and(|on| on.after_seconds(age) >= now)
            });
            let never = || KeysShown {
                party: name.to_owned(),
                keys: crate::governance::KeyJudge::keys(&judge, name),
                shown: 0,
                on: None,
                attests: false,
            };
            (!is_fresh).then(|| shown.cloned().unwrap_or_else(never))
        });
        Ok(Some(overdue.filter(|keys| keys.keys > 0).collect()))
    }
}
