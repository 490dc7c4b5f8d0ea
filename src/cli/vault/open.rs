//! `longstop vault open`: what a vault is about, verified.

use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::compile::Stage;
use crate::units::{BlockHeight, ChainTime};

/// Open a vault, verify it, and say what it is about
///
/// The policy is compiled again and compared with the descriptors that are stored; the journal is
/// read. A difference is an error, and nothing is made anew in its place.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, policy, policy_id, network, birth, stages [stage, path, checksum], next_receive,\nnext_change, entries and synced_to {height, median_time_past}."
)]
pub(super) struct Open {
    #[command(flatten)]
    vault: VaultArgs,
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
        let held = self.vault.open(screen)?;
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
        };
        held.close()?;
        screen.show(&opened, |width| render::opened_vault(&opened, width))?;
        Ok(Exit::Ok)
    }
}
