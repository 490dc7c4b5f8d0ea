//! `longstop vault open`: what a vault is about, verified.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use super::address::same_policy;
use crate::chain::backend::Address;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::compile::Stage;
use crate::units::{BlockHeight, ChainTime};

/// Open a vault, verify it, and say what it is about
///
/// The policy is compiled again and compared with the descriptors that are stored; the journal is
/// read. A difference is an error, and nothing is made anew in its place.
///
/// With --backend and --ledger the vault remembers what it goes by from now on.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, policy, policy_id, network, birth, stages [stage, path, checksum], next_receive,\nnext_change, entries, synced_to {height, median_time_past}, backend and ledger."
)]
pub(super) struct Open {
    #[command(flatten)]
    vault: VaultArgs,
    /// Remember where the chain is, for all commands about this vault
    #[arg(long, value_name = "ADDRESS")]
    backend: Option<Address>,
    /// Remember that the vault goes by this ledger
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

/// What a vault is about.
#[derive(Serialize)]
pub(in crate::cli) struct Opened {
    pub vault: String,
    pub policy: String,
    pub policy_id: String,
    pub network: crate::policy::Network,
    pub birth: BlockHeight,
    pub stages: Vec<StageOf>,
    pub next_receive: u32,
    pub next_change: u32,
    pub entries: u64,
    pub synced_to: Option<ChainTime>,
    /// Where its chain is, as far as that is said or remembered.
    pub backend: Option<String>,
    /// The directory of its ledger.
    pub ledger: String,
}

/// A stage with the checksum of its descriptor.
#[derive(Serialize)]
pub(in crate::cli) struct StageOf {
    #[serde(flatten)]
    pub stage: Stage,
    pub checksum: String,
}

impl Open {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let held = self.vault.look(screen)?;
        if self.ledger.is_some() {
            let args = self.vault.ledger(self.ledger.as_ref())?;
            same_policy(&args, screen, held.vault.compiled())?;
        }
        self.vault
            .remember(self.backend.as_ref(), self.ledger.as_ref())?;
        let vault = &held.vault;
        let compiled = vault.compiled();
        let [next_receive, next_change] = vault.next();
        let stages = compiled.stages().map(|descriptor| StageOf {
            stage: descriptor.stage().clone(),
            checksum: (descriptor.text().rsplit_once('#'))
                .map_or_else(String::new, |(_, sum)| sum.to_owned()),
        });
        let opened = Opened {
            vault: held.directory.clone(),
            policy: compiled.policy().name().to_owned(),
            policy_id: compiled.id().to_string(),
            network: compiled.policy().network(),
            birth: vault.document().birth,
            stages: stages.collect(),
            next_receive,
            next_change,
            entries: crate::ledger::Store::size(vault.store()),
            synced_to: vault.tip().map(|tip| tip.time),
            backend: self.vault.remembered_backend()?,
            ledger: self.vault.ledger(None)?.name(),
        };
        held.close()?;
        screen.show(&opened, |width| render::opened_vault(&opened, width))?;
        Ok(Exit::Ok)
    }
}
