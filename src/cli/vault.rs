//! `longstop vault`: the coins of one policy, on one machine.

mod address;
mod backup;
mod coins;
mod create;
mod doctor;
mod fees;
mod open;
mod restore;
mod status;
mod sync;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::backend::{BackendArgs, Reached};
use super::failure::VaultFailure;
use super::known::{Known, StateArgs};
use super::render::Screen;
use super::replica::{LedgerArgs, holder};
use super::{Exit, Failure, input, output};
use crate::chain::backend::{Address, AddressError};
use crate::compile::Compiled;
use crate::ledger::{Directory, Store};
use crate::wallet::{Shelf, Synced, Vault, VaultError};

pub(super) use self::address::{Given, same_policy};
pub(super) use self::backup::BackedUp;
pub(super) use self::coins::{ListedBalance, ListedCoins};
pub(super) use self::create::Created;
pub(super) use self::doctor::{Check, Examined, Outcome};
pub(super) use self::fees::ListedFees;
pub(super) use self::open::Opened;
pub(super) use self::restore::Restored;
pub(super) use self::status::Standing as VaultStanding;
pub(super) use self::sync::Read;

/// The file in the directory of a vault that says where its chain is.
const BACKEND: &str = "backend.toml";

/// The file in the directory of a vault that says which ledger it goes by, if not by its own.
const REMEMBERED_LEDGER: &str = "ledger.toml";

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
    Sync(sync::Sync),
    Coins(coins::Coins),
    Balance(coins::BalanceOf),
    Status(status::Status),
    Fees(fees::Fees),
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
            Command::Sync(sync) => sync.run(screen),
            Command::Coins(coins) => coins.run(screen),
            Command::Balance(balance) => balance.run(screen),
            Command::Status(status) => status.run(screen),
            Command::Fees(fees) => fees.run(screen),
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
pub(super) struct Held<S = Directory> {
    pub vault: Vault<S>,
    /// The name of its directory, ready to be shown.
    pub directory: String,
    known: Known,
}

impl VaultArgs {
    /// A vault that is not named on the command line by itself.
    pub(super) fn of(directory: PathBuf, state: &StateArgs) -> Self {
        Self {
            directory,
            state: state.clone(),
        }
    }

    /// Another vault, remembered in the same place.
    pub(super) fn beside(&self, directory: &std::path::Path) -> Self {
        Self {
            directory: directory.to_owned(),
            state: self.state.clone(),
        }
    }

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

    /// The ledger of the vault: one that is named, or that is remembered in the vault, or its own.
    ///
    /// Every command that goes by the ledger of a vault asks here.
    pub(super) fn ledger(&self, named: Option<&PathBuf>) -> Result<LedgerArgs, Failure> {
        let directory = match named {
            Some(directory) => directory.clone(),
            None => match self.remembered::<NamedLedger>(REMEMBERED_LEDGER)? {
                Some(named) => named.directory,
                None => self.directory.join(LEDGER),
            },
        };
        Ok(LedgerArgs::of_vault(
            directory,
            &self.directory,
            &self.state,
        ))
    }

    /// The same; none where no other ledger is named or remembered, and the vault has none.
    pub(super) fn ledger_if_any(
        &self,
        named: Option<&PathBuf>,
    ) -> Result<Option<LedgerArgs>, Failure> {
        let args = self.ledger(named)?;
        let is_own = *args.path() == self.directory.join(LEDGER);
        let is_there = args.path().symlink_metadata().is_ok();
        Ok((is_there || !is_own).then_some(args))
    }

    /// Remembers in the vault which chain and which ledger it goes by, where they are named.
    fn remember(&self, backend: Option<&Address>, ledger: Option<&PathBuf>) -> Result<(), Failure> {
        if let Some(address) = backend {
            let address = address.absolute().map_err(|source| Failure::Read {
                file: address.to_string(),
                source,
            })?;
            let address = address.to_string();
            self.write_named(BACKEND, &Named { address })?;
        }
        if let Some(directory) = ledger {
            let directory = std::path::absolute(directory).map_err(|source| Failure::Read {
                file: input::file_name(directory),
                source,
            })?;
            self.write_named(REMEMBERED_LEDGER, &NamedLedger { directory })?;
        }
        Ok(())
    }

    fn write_named(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let path = self.directory.join(name);
        let failed = |source| Failure::Write {
            file: input::file_name(&path),
            source,
        };
        let text = toml::to_string(value).map_err(|error| failed(std::io::Error::other(error)))?;
        output::replace_private(&path, &text).map_err(failed)
    }

    /// What a file in the directory says, if it is there.
    fn remembered<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.directory.join(name);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let file = input::backend(&path)?;
        let read = toml::from_str(&file.text).map_err(|error| VaultFailure::BadRemembered {
            file: file.file.clone(),
            why: error.to_string(),
        });
        Ok(Some(read?))
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
        held.tell_if_new(screen);
        Ok(held)
    }

    /// Opens the vault to look at it, beside another process if one has it.
    pub(super) fn look(&self, screen: &Screen) -> Result<Held<Shelf>, Failure> {
        let known = self.known()?;
        let vault = Vault::look(&self.directory, known.pin(), &holder());
        let vault = vault.map_err(|error| self.failed(error))?;
        let held = Held {
            vault,
            directory: self.name(),
            known,
        };
        let shelf = held.vault.store();
        screen.remarks(&held.directory, &shelf.remarks());
        held.tell_if_new(screen);
        if let Some(holder) = shelf.holder() {
            screen.note(&format!(
                "the vault is in use by {holder}; it is read beside that, and nothing that is found now is kept"
            ));
        }
        Ok(held)
    }

    /// Where the chain of the vault is: what the command line or the environment says, or else what
    /// is remembered in the vault.
    ///
    /// Every command that takes a vault and a chain asks here.
    pub(super) fn address(&self, backend: &BackendArgs) -> Result<Option<Address>, Failure> {
        if let Some(address) = backend.address()? {
            return Ok(Some(address));
        }
        let Some(named) = self.remembered::<Named>(BACKEND)? else {
            return Ok(None);
        };
        let address = named.address.parse();
        let address = address.map_err(|error: AddressError| VaultFailure::BadRemembered {
            file: input::file_name(&self.directory.join(BACKEND)),
            why: error.to_string(),
        })?;
        Ok(Some(address))
    }

    /// The address of the chain that is remembered in the vault, ready to be shown.
    fn remembered_backend(&self) -> Result<Option<String>, Failure> {
        let named = self.remembered::<Named>(BACKEND)?;
        Ok(named.map(|named| super::render::shown(&named.address)))
    }

    /// Refuses a vault of another policy.
    pub(super) fn same_policy(&self, held: &Held, compiled: &Compiled) -> Result<(), Failure> {
        let found = held.vault.compiled().id();
        if found == compiled.id() {
            return Ok(());
        }
        Err(VaultFailure::OtherVault {
            directory: self.name(),
            found: found.to_string(),
            expected: compiled.id().to_string(),
        }
        .into())
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

/// The file that says where the chain of a vault is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    address: String,
}

/// The file that says which ledger a vault goes by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedLedger {
    directory: PathBuf,
}

impl<S: Store> Held<S> {
    fn tell_if_new(&self, screen: &Screen) {
        if self.known.pin().is_none() {
            screen.note(&format!(
                "nothing was known here of the vault in `{}`; what its journal holds now is remembered",
                self.directory
            ));
        }
    }

    /// Reaches the chain of the vault, and makes sure that it is of its network.
    pub(super) fn reach(&self, backend: &BackendArgs, at: &Address) -> Result<Reached, Failure> {
        let network = self.vault.compiled().policy().network().to_bitcoin();
        let memory = self.vault.backend_memory(&at.to_string());
        let memory = memory.map_err(|error| self.failed(error))?;
        backend.open_at(at, network, self.vault.document().birth, memory)
    }

    /// Reads the chain, and says so where its newest block is too old to be believed.
    pub(super) fn sync(
        &mut self,
        screen: &Screen,
        at: &Address,
        reached: &Reached,
    ) -> Result<Synced, Failure> {
        let (_, fresh) = reached.freshness()?;
        if let Err(stale) = fresh {
            screen.note(&format!("{stale}; what is told may be out of date"));
        }
        let synced = self.vault.sync(&*reached.chain);
        let synced = synced.map_err(|error| self.failed(error))?;
        if let Some(error) = self.vault.unwritten() {
            screen.note(&format!(
                "what was read of the chain could not be written down: {error}; whoever looks at the vault beside another command is shown an older reading"
            ));
        }
        self.keep_memory(at, reached)?;
        Ok(synced)
    }

    /// Keeps what the backend wants to be given again, so that it need not be asked anew about the
    /// same scripts.
    pub(super) fn keep_memory(&mut self, at: &Address, reached: &Reached) -> Result<(), Failure> {
        let Some(memory) = reached.chain.memory() else {
            return Ok(());
        };
        let kept = self.vault.keep_backend_memory(&at.to_string(), &memory);
        kept.map_err(|error| self.failed(error))
    }

    /// Reads the chain first, if somebody says where it is.
    pub(super) fn sync_if_named(
        &mut self,
        screen: &Screen,
        args: &VaultArgs,
        backend: &BackendArgs,
    ) -> Result<Option<(Address, Reached)>, Failure> {
        let Some(at) = args.address(backend)? else {
            return Ok(None);
        };
        let reached = self.reach(backend, &at)?;
        self.sync(screen, &at, &reached)?;
        Ok(Some((at, reached)))
    }

    /// Why the vault cannot do something.
    pub(super) fn failed(&self, source: VaultError) -> Failure {
        VaultFailure::Vault {
            directory: self.directory.clone(),
            source,
        }
        .into()
    }
}

impl Held<Shelf> {
    /// Closes it, and remembers what its journal holds, unless more was seen of it.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        let shelf = self.vault.store();
        match shelf.holder() {
            None => self.known.remember(shelf.pin())?,
            Some(_) => self.known.remember_more(shelf.pin())?,
        }
        let directory = self.directory;
        self.vault
            .close()
            .map_err(|source| VaultFailure::Vault { directory, source }.into())
    }
}

impl Held {
    /// Closes it, and remembers what its journal holds.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.known.remember(self.vault.pin())?;
        let directory = self.directory;
        self.vault
            .close()
            .map_err(|source| VaultFailure::Vault { directory, source }.into())
    }
}
