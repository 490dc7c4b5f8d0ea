//! `longstop vault restore`: a vault out of its backup.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Held, VaultArgs};
use crate::cli::backend::BackendArgs;
use crate::cli::failure::{LedgerFailure, VaultFailure};
use crate::cli::identity::PassphraseArgs;
use crate::cli::render::{self, Screen};
use crate::cli::replica::holder;
use crate::cli::{Exit, Failure, input, ledger};
use crate::ledger::read_genesis;
use crate::policy::AccountKey;
use crate::wallet::{Backup, Entry, KnownOutput, Opener, Vault, VaultError};

/// Bring a vault back from its backup
///
/// It is the same vault: its policy compiles to the same descriptors, and every address that was
/// given out, every signature that was kept and every event of its ledger is there again. Its coins
/// are found at once if somebody says where the chain is, and else by the next `longstop vault
/// sync`.
///
/// A backup that was never restored is a hope. --drill-for names the vault that it was made of:
/// both read the chain, and if every coin and every address that was given out is found in both,
/// that vault remembers the drill.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, policy_id, network, entries, events, next_receive, next_change, coins, drilled and\ndigest."
)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    #[command(flatten)]
    vault: VaultArgs,
    /// Open it with the account key of a party, which is in this file as a policy has it
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    account: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Bring it back where a vault is known to have been
    #[arg(long)]
    forget: bool,
    /// Compare it with this vault, of which the backup was made, and remember the drill there
    #[arg(long, value_name = "DIR")]
    drill_for: Option<PathBuf>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// A vault that was brought back.
#[derive(Serialize)]
pub(in crate::cli) struct Restored {
    pub vault: String,
    pub policy_id: String,
    pub network: crate::policy::Network,
    pub entries: u64,
    pub events: Option<u64>,
    pub next_receive: u32,
    pub next_change: u32,
    /// How many coins were found; none where no chain was asked.
    pub coins: Option<u64>,
    /// Whether everything that the other vault has was found.
    pub drilled: bool,
    pub digest: String,
}

impl Restore {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let backup = self.open()?;
        let known = self.vault.known()?;
        if known.pin().is_some() && !self.forget && self.vault.path().symlink_metadata().is_err() {
            return Err(LedgerFailure::WasThere {
                directory: self.vault.name(),
                known: known.in_words(),
            }
            .into());
        }
        let vault = Vault::restore(self.vault.path(), &backup, &holder());
        let vault = vault.map_err(|error| self.vault.failed(error))?;
        let events = match &backup.ledger {
            Some(export) => Some(self.ledger(screen, export)?),
            None => None,
        };
        let mut held = Held {
            vault,
            directory: self.vault.name(),
            known,
        };
        let coins = match &self.drill_for {
            Some(original) => Some(self.drill(screen, &mut held, &backup, original)?),
            None => held
                .sync_if_named(screen, &self.vault, &self.backend)?
                .map(|_| held.vault.coins().map(|coins| coins.len() as u64))
                .transpose()
                .map_err(|error| held.failed(error))?,
        };
        let vault = &held.vault;
        let [next_receive, next_change] = vault.next();
        let restored = Restored {
            vault: self.vault.name(),
            policy_id: vault.document().policy_id.clone(),
            network: vault.document().network,
            coins,
            drilled: self.drill_for.is_some(),
            entries: backup.entries.len() as u64,
            events,
            next_receive,
            next_change,
            digest: backup.digest().to_owned(),
        };
        held.close()?;
        screen.show(&restored, |width| render::restored(&restored, width))?;
        Ok(Exit::Ok)
    }

    fn open(&self) -> Result<Backup, Failure> {
        let file = input::backup(&self.backup)?;
        let failed = |source| VaultFailure::Backup {
            file: input::file_name(&self.backup),
            source,
        };
        let opened = if let Some(path) = &self.account {
            let text = input::account(path)?;
            let account = AccountKey::of_descriptor(text.text.trim());
            let account = account.map_err(|error| VaultFailure::NoAccount {
                file: text.file,
                why: error.to_string(),
            })?;
            Backup::open(&file, &Opener::Account(account.xpub()))
        } else {
            let passphrase = self.passphrase.give(&self.backup)?;
            Backup::open(&file, &Opener::Passphrase(&passphrase))
        };
        Ok(opened.map_err(failed)?)
    }

    /// Has both vaults read the chain, and compares what they find.
    fn drill(
        &self,
        screen: &Screen,
        held: &mut Held,
        backup: &Backup,
        original: &Path,
    ) -> Result<u64, Failure> {
        let args = self.vault.beside(original);
        let at = args.address(&self.backend)?.ok_or(Failure::NoBackend)?;
        let mut other = args.open(screen)?;
        let reached = held.reach(&self.backend, &at)?;
        other.sync(screen, &at, &reached)?;
        held.sync(screen, &at, &reached)?;
        let found = told(&held.vault).map_err(|error| held.failed(error))?;
        let expected = told(&other.vault).map_err(|error| other.failed(error))?;
        if found != expected {
            return Err(VaultFailure::Drill {
                found: found.in_words(),
                expected: expected.in_words(),
            }
            .into());
        }
        let coins = found.outputs.len() as u64;
        let drilled = other.vault.remember(Entry::Drilled {
            digest: backup.digest().to_owned(),
            coins,
        });
        drilled.map_err(|error| other.failed(error))?;
        other.close()?;
        Ok(coins)
    }

    /// Makes the ledger anew out of its export.
    fn ledger(&self, screen: &Screen, export: &str) -> Result<u64, Failure> {
        let file = || input::file_name(&self.backup);
        let bundle = |source| LedgerFailure::Bundle {
            file: file(),
            source,
        };
        let genesis = read_genesis(&mut export.as_bytes()).map_err(bundle)?;
        let args = self.vault.ledger(None)?;
        ledger::create(&args, &genesis, true)?;
        let mut replica = args.write(screen)?;
        let taken = replica.ledger.import(&mut export.as_bytes());
        let taken = taken.map_err(bundle)?;
        replica.close()?;
        Ok(taken.new)
    }
}

/// What a vault brings back: every output that was ever paid to it, the indexes that are used up,
/// and what is armed.
#[derive(PartialEq)]
struct Told {
    policy_id: String,
    outputs: Vec<KnownOutput>,
    next: [u32; 2],
    armed: usize,
}

impl Told {
    fn in_words(&self) -> String {
        let [receive, change] = self.next;
        format!(
            "{} outputs, {} armed coins, next indexes {receive} and {change}, of policy {}",
            self.outputs.len(),
            self.armed,
            self.policy_id
        )
    }
}

fn told(vault: &Vault) -> Result<Told, VaultError> {
    Ok(Told {
        policy_id: vault.document().policy_id.clone(),
        outputs: vault.outputs()?,
        next: vault.next(),
        armed: vault.armed()?.len(),
    })
}
