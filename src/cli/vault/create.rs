//! `longstop vault create`: a new vault about a policy.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::{Held, VaultArgs};
use crate::chain::backend::Address;
use crate::cli::input::PolicyArgs;
use crate::cli::render::{self, Screen};
use crate::cli::replica::holder;
use crate::cli::{Exit, Failure, input, ledger};
use crate::evidence::genesis_of;
use crate::units::BlockHeight;
use crate::wallet::Vault;

/// Make a vault about a policy
///
/// The policy is compiled, and stored with its descriptors: whenever the vault is opened it is
/// compiled again, and the two are compared. A ledger about the policy is made in the directory as
/// well, unless another one is named.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, policy, policy_id, network, birth, first_address, ledger and descriptors [stage,\ndescriptor]."
)]
pub(super) struct Create {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// No coin of the vault is older than this height: a backend need not look before it
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    birth: u32,
    /// Go by this ledger, now and later, and make none in the directory
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Remember where the chain is, for all commands about this vault
    #[arg(long, value_name = "ADDRESS")]
    backend: Option<Address>,
}

/// A vault that was made.
#[derive(Serialize)]
pub(in crate::cli) struct Created<'a> {
    pub vault: String,
    pub policy: &'a str,
    pub policy_id: String,
    pub network: crate::policy::Network,
    pub birth: BlockHeight,
    pub first_address: String,
    pub ledger: String,
    pub descriptors: &'a [crate::wallet::StageText],
}

impl Create {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let genesis = genesis_of(&file.compiled);
        let compiled = Arc::new(file.compiled);
        let known = self.vault.known()?;
        let birth = BlockHeight(self.birth);
        let args = self.vault.ledger(self.ledger.as_ref())?;
        if self.ledger.is_some() {
            super::address::same_policy(&args, screen, &compiled)?;
        }
        let vault = Vault::create(self.vault.path(), Arc::clone(&compiled), birth, &holder());
        let vault = vault.map_err(|error| self.vault.failed(error))?;
        self.vault
            .remember(self.backend.as_ref(), self.ledger.as_ref())?;
        if self.ledger.is_none() {
            ledger::create(&args, &genesis, true)?;
        }
        let document = vault.document().clone();
        let held = Held {
            vault,
            directory: self.vault.name(),
            known,
        };
        let name = held.directory.clone();
        held.close()?;
        let created = Created {
            vault: name,
            policy: compiled.policy().name(),
            policy_id: document.policy_id.clone(),
            network: document.network,
            birth,
            first_address: genesis.first_address,
            ledger: args.name(),
            descriptors: &document.descriptors,
        };
        screen.show(&created, |width| render::created_vault(&created, width))?;
        Ok(Exit::Ok)
    }
}
