//! `longstop vault backup`: what no chain gives back, in one encrypted file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::failure::VaultFailure;
use crate::cli::identity::PassphraseArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure, input, output};
use crate::governance::Digest;
use crate::identity::Work;
use crate::wallet::{Entry, Recipients};

/// Write what no chain gives back into one encrypted file
///
/// It holds the policy with its descriptors, the journal, and the export of the ledger, and no
/// private key. Any party of the policy opens it, with the account key that its device shows;
/// with --passphrase whoever knows the passphrase does, and nobody else.
#[derive(Debug, Args)]
#[command(after_help = "With --json: vault, file, digest, entries, events and opened_by.")]
pub(super) struct MakeBackup {
    #[command(flatten)]
    vault: VaultArgs,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Encrypt it with a passphrase, and not to the parties
    #[arg(long)]
    passphrase: bool,
    #[command(flatten)]
    file: PassphraseArgs,
    /// Take this ledger instead of the one in the directory
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

/// A backup that was written.
#[derive(Serialize)]
pub(in crate::cli) struct BackedUp {
    pub vault: String,
    pub file: String,
    pub digest: String,
    pub entries: u64,
    /// How many events of the ledger are in it; none if there is no ledger.
    pub events: Option<u64>,
    /// The parties that can open it, or `passphrase`.
    pub opened_by: BTreeSet<String>,
}

impl MakeBackup {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        // Nobody wants to think of a passphrase for nothing.
        if self.output.symlink_metadata().is_ok() {
            return Err(Failure::There {
                file: input::file_name(&self.output),
            });
        }
        let mut held = self.vault.open(screen)?;
        let (ledger, events) = match self.export(screen, &held)? {
            Some((export, events)) => (Some(export), Some(events)),
            None => (None, None),
        };
        let by_passphrase = self.passphrase || self.file.is_in_a_file();
        let passphrase = match by_passphrase {
            true => Some(self.file.choose()?),
            false => None,
        };
        let (to, opened_by) = match &passphrase {
            Some(passphrase) => (
                Recipients::Passphrase(passphrase, Work::Usual),
                BTreeSet::from(["passphrase".to_owned()]),
            ),
            None => (Recipients::Parties, held.vault.backup_parties()),
        };
        let text = held.vault.backup(ledger.as_deref(), &to);
        let text = text.map_err(|source| VaultFailure::Backup {
            file: input::file_name(&self.output),
            source,
        })?;
        let entries = held.vault.entries().count() as u64;
        output::create_private(&self.output, &text).map_err(|source| Failure::Write {
            file: input::file_name(&self.output),
            source,
        })?;
        let digest = Digest::sha256(text.as_bytes()).to_string();
        let exported = Entry::Exported {
            digest: digest.clone(),
            to: opened_by.clone(),
        };
        let remembered = held.vault.remember(exported);
        remembered.map_err(|error| held.failed(error))?;
        let written = BackedUp {
            vault: held.directory.clone(),
            file: input::file_name(&self.output),
            digest,
            entries,
            events,
            opened_by,
        };
        held.close()?;
        screen.show(&written, |width| render::backed_up(&written, width))?;
        Ok(Exit::Ok)
    }

    /// The export of the ledger, if the vault has one, with how many events are in it.
    fn export(
        &self,
        screen: &Screen,
        held: &super::Held,
    ) -> Result<Option<(String, u64)>, Failure> {
        let Some(args) = self.vault.ledger_if_any(self.ledger.as_ref())? else {
            screen.note(&format!(
                "there is no ledger in `{}`, and none is in the backup; --ledger names another one",
                self.vault.ledger(None)?.name()
            ));
            return Ok(None);
        };
        super::address::same_policy(&args, screen, held.vault.compiled())?;
        let replica = args.read(screen)?;
        let mut text = Vec::new();
        let written = replica.ledger.export(0, &mut text);
        let events = written.map_err(|error| match error {
            crate::ledger::BundleError::Ledger(error) => replica.failed(error),
            other => Failure::Output(std::io::Error::other(other)),
        })?;
        let text = String::from_utf8(text)
            .map_err(|error| Failure::Output(std::io::Error::other(error)))?;
        Ok(Some((text, events)))
    }
}
