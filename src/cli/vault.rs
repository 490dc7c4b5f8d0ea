//! `longstop vault`: the coins of one policy, on one machine.

mod address;
mod backup;
mod coins;
mod create;
mod doctor;
mod open;
mod restore;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::failure::VaultFailure;
use super::known::{Known, StateArgs};
use super::render::Screen;
use super::replica::{LedgerArgs, holder};
use super::{Exit, Failure, input};
use crate::wallet::{Vault, VaultError};

pub(super) use self::address::Given;
pub(super) use self::backup::BackedUp;
pub(super) use self::coins::{ListedBalance, ListedCoins};
pub(super) use self::create::Created;
pub(super) use self::doctor::{Check, Examined, Outcome};
pub(super) use self::open::Opened;
pub(super) use self::restore::Restored;
pub(super) use self::status::Standing as VaultStanding;

/// The folder of the ledger in the directory of a vault.
const LEDGER: &str = "ledger";

/// Keep the coins of a policy: addresses, what is there, and what can become of it
///
/// A vault is a directory that only its owner can read. It holds the policy with its descriptors,
/// a journal of what no chain gives back (which addresses were given out, what was signed in
/// advance), and a ledger of what the parties say. It never holds a private key.
#[derive(Debug, Args)]
pub(super) struct VaultCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    Open(open::Open),
    Address(address::Address),
    Coins(coins::Coins),
    Balance(coins::BalanceOf),
    Status(status::Status),
    Backup(backup::MakeBackup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
}

impl VaultCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Create(create) => create.run(screen),
            Command::Open(open) => open.run(screen),
            Command::Address(address) => address.run(screen),
            Command::Coins(coins) => coins.run(screen),
            Command::Balance(balance) => balance.run(screen),
            Command::Status(status) => status.run(screen),
            Command::Backup(backup) => backup.run(screen),
            Command::Restore(restore) => restore.run(screen),
            Command::Doctor(doctor) => doctor.run(screen),
        }
    }
}

/// A vault on the command line.
#[derive(Clone, Debug, Args)]
pub(super) struct VaultArgs {
    /// The directory of the vault
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    state: StateArgs,
}

/// A vault that a command has opened, for this process alone.
pub(super) struct Held {
    pub vault: Vault,
    /// The name of its directory, ready to be shown.
    pub directory: String,
    known: Known,
}

impl VaultArgs {
    /// The directory, as it was given.
    pub(super) const fn path(&self) -> &PathBuf {
        &self.directory
    }

    /// The name of the directory, ready to be shown.
    pub(super) fn name(&self) -> String {
        input::file_name(&self.directory)
    }

    /// What is known of its journal.
    fn known(&self) -> Result<Known, Failure> {
        self.state.known(&self.directory.join("journal"))
    }

    /// The ledger of the vault: its own, or another one that is named.
    pub(super) fn ledger(&self, named: Option<&PathBuf>) -> LedgerArgs {
        let directory = match named {
            Some(directory) => directory.clone(),
            None => self.directory.join(LEDGER),
        };
        LedgerArgs::of(directory, &self.state)
    }

    /// Opens the vault.
    pub(super) fn open(&self, screen: &Screen) -> Result<Held, Failure> {
        let known = self.known()?;
        let vault = Vault::open(&self.directory, known.pin(), &holder());
        let vault = vault.map_err(|error| self.failed(error))?;
        let held = Held {
            vault,
            directory: self.name(),
            known,
        };
        screen.remarks(&held.directory, &held.vault.remarks());
        if held.known.pin().is_none() {
            screen.note(&format!(
                "nothing was known here of the vault in `{}`; what its journal holds now is remembered",
                held.directory
            ));
        }
        Ok(held)
    }

    /// Why the vault cannot do something.
    pub(super) fn failed(&self, source: VaultError) -> Failure {
        VaultFailure::Vault {
            directory: self.name(),
            source,
        }
        .into()
    }
}

impl Held {
    /// Why the vault cannot do something.
    pub(super) fn failed(&self, source: VaultError) -> Failure {
        VaultFailure::Vault {
            directory: self.directory.clone(),
            source,
        }
        .into()
    }

    /// Closes it, and remembers what its journal holds.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.known.remember(self.vault.pin())?;
        let directory = self.directory;
        self.vault
            .close()
            .map_err(|source| VaultFailure::Vault { directory, source }.into())
    }
}
