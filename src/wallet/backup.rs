//! Backups: the document, the journal and the ledger of a vault in one encrypted file.
//!
//! A backup is an [age](https://age-encryption.org/v1) file in its armored form, encrypted either
//! with a passphrase or to the parties.  To each party it is encrypted with a key that is derived
//! from the public account key of the party, after the idea of the draft BIP-138: whoever holds a
//! device of the policy can read its account key from it, and needs nothing else to be kept.  Such
//! a key is public as far as the policy is: it keeps a backup from strangers, and not from those
//! who have the policy or its descriptors, who learn from it which addresses are in use and what
//! was signed in advance.  No private key is ever in a backup.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, x25519};
use bitcoin::bech32::{self, Bech32, Hrp};
use bitcoin::bip32::Xpub;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::document::{Document, DocumentError};
use super::entry::{Entry, Line};
use super::{Vault, VaultError};
use crate::identity::{Passphrase, Work};
use crate::ledger::Store;
use crate::policy::quote;

/// The format this crate writes.
const FORMAT: &str = "longstop-vault-backup-1";

/// What the name of every format of a backup begins with.
const FAMILY: &str = "longstop-vault-backup-";

/// What keys of parties are derived under.
const DOMAIN: &[u8] = b"longstop vault backup 1: account key";

/// Most bytes that are encrypted in a backup.
const MAX_PLAIN: u64 = 1 << 30;

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What the vault is founded on.
    pub document: Document,
    /// The entries of its journal, in their order.
    pub entries: Vec<Entry>,
    /// The export of its ledger, if it had one.
    pub ledger: Option<String>,
    digest: String,
}

/// To whom a backup is encrypted.
#[derive(Debug)]
pub enum Recipients<'a> {
    /// To whoever has the passphrase.
    Passphrase(&'a Passphrase, Work),
    /// To every party of the policy, by its account keys.
    Parties,
}

/// What opens a backup.
#[derive(Debug)]
pub enum Opener<'a> {
    /// A passphrase.
    Passphrase(&'a Passphrase),
    /// The account key of a party, for its keys or for its vetoes.
    Account(&'a Xpub),
}

/// The first line of what is encrypted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    entries: u64,
    /// Lines of the export of the ledger, which come last.
    ledger_lines: Option<u64>,
}

impl Backup {
    /// The SHA-256 digest of the encrypted file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Opens a backup.
    ///
    /// # Errors
    ///
    /// If it is none, is of a later format, was damaged, or is encrypted to somebody else.
    pub fn open(file: &[u8], opener: &Opener<'_>) -> Result<Self, BackupError> {
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(file))
            .map_err(|_| BackupError::NotEncrypted)?;
        let failed = |error| match error {
            DecryptError::ExcessiveWork { .. } => BackupError::TooMuchWork,
            DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys => BackupError::WrongKey,
            _ => BackupError::Damaged("it cannot be decrypted".to_owned()),
        };
        let reader = match (opener, decryptor.is_scrypt()) {
            (Opener::Passphrase(passphrase), true) => {
                let identity = passphrase.opener();
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
            (Opener::Account(xpub), false) => {
                let identity = key_of(xpub);
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
            (Opener::Passphrase(_), false) => return Err(BackupError::ByParties),
            (Opener::Account(_), true) => return Err(BackupError::ByPassphrase),
        };
        let mut plain = Vec::new();
        let reader = reader.map_err(failed)?;
        let read = reader.take(MAX_PLAIN + 1).read_to_end(&mut plain);
        let damaged = |what: &str| BackupError::Damaged(what.to_owned());
        if read.map_err(|_| damaged("it ends early, or was changed"))? as u64 > MAX_PLAIN {
            return Err(damaged("it is too large"));
        }
        let text = String::from_utf8(plain).map_err(|_| damaged("it holds no text"))?;
        let digest = sha256::Hash::hash(file).to_string();
        Self::read(&text, digest)
    }

    fn read(text: &str, digest: String) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
        }
        let damaged = |what: String| BackupError::Damaged(what);
        let mut lines = text.split_inclusive('\n');
        let mut next = |what: &str| {
            let line = lines.next().and_then(|line| line.strip_suffix('\n'));
            line.ok_or_else(|| damaged(format!("its {what} is missing")))
        };
        let first = next("first line")?;
        let version: Version =
            serde_json::from_str(first).map_err(|error| damaged(quote(&error.to_string())))?;
        if version.format != FORMAT {
            return Err(match version.format.starts_with(FAMILY) {
                true => BackupError::OtherFormat(quote(&version.format)),
                false => damaged(format!("it holds a {}", quote(&version.format))),
            });
        }
        let header: Header =
            serde_json::from_str(first).map_err(|error| damaged(quote(&error.to_string())))?;
        let document = Document::from_bytes(next("document")?.as_bytes())?;
        let mut entries = Vec::new();
        for number in 0..header.entries {
            let line = next("journal")?;
            let line = Line::from_bytes(number, line.as_bytes())
                .map_err(|what| damaged(format!("entry {number}: {what}")))?;
            entries.push(line.entry);
        }
        let ledger = match header.ledger_lines {
            None => None,
            Some(count) => {
                let mut ledger = String::new();
                for _ in 0..count {
                    ledger.push_str(next("ledger")?);
                    ledger.push('\n');
                }
                Some(ledger)
            }
        };
        if lines.next().is_some() {
            return Err(damaged("it holds more than it says".to_owned()));
        }
        Ok(Self {
            document,
            entries,
            ledger,
            digest,
        })
    }
}

impl<S: Store> Vault<S> {
    /// Everything that no chain gives back in one encrypted file, with the export of the vault's
    /// ledger, if it has one.
    ///
    /// Once the file is where it should be, [`Entry::Exported`] remembers that.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or the system has no random numbers.
    pub fn backup(&self, ledger: Option<&str>, to: &Recipients<'_>) -> Result<String, BackupError> {
        let mut entries = Vec::new();
        for (number, entry) in (0..).zip(self.entries()) {
            let entry = entry.map_err(|error| BackupError::Vault(Box::new(error)))?;
            entries.extend(Line::new(number, entry).to_bytes());
            entries.push(b'\n');
        }
        let header = Header {
            format: FORMAT.to_owned(),
            entries: self.journal.store().size(),
            ledger_lines: ledger.map(|ledger| ledger.lines().count() as u64),
        };
        let header = serde_json::to_vec(&header).expect("numbers and texts are JSON");
        let document = self.document.to_bytes();
        let parts: [&[u8]; 6] = [
            &header,
            b"\n",
            &document,
            b"\n",
            &entries,
            ledger.unwrap_or_default().as_bytes(),
        ];
        let parties;
        let recipients: Vec<&dyn age::Recipient> = match to {
            Recipients::Passphrase(passphrase, work) => {
                let recipient = passphrase.recipient(*work);
                return Ok(encrypted(&[&recipient as &dyn age::Recipient], &parts)?);
            }
            Recipients::Parties => {
                parties = self.recipients();
                parties
                    .iter()
                    .map(|each| each as &dyn age::Recipient)
                    .collect()
            }
        };
        Ok(encrypted(&recipients, &parts)?)
    }

    /// The parties to whom a backup is encrypted.
    #[must_use]
    pub fn backup_parties(&self) -> BTreeSet<String> {
        let parties = self.compiled.policy().parties();
        parties.map(|party| party.name().to_owned()).collect()
    }

    /// One recipient for each account key of the policy.
    fn recipients(&self) -> Vec<x25519::Recipient> {
        let parties = self.compiled.policy().parties();
        let accounts = parties.flat_map(|party| std::iter::once(party.key()).chain(party.veto()));
        accounts
            .map(|account| key_of(account.xpub()).to_public())
            .collect()
    }
}

fn encrypted(recipients: &[&dyn age::Recipient], parts: &[&[u8]]) -> io::Result<String> {
    let encryptor =
        Encryptor::with_recipients(recipients.iter().copied()).map_err(io::Error::other)?;
    let mut file = Vec::new();
    let armor = ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    for part in parts {
        writer.write_all(part)?;
    }
    writer.finish()?.finish()?;
    String::from_utf8(file).map_err(io::Error::other)
}

/// The key that opens what is encrypted to an account.
///
/// It depends on the public key and the chain code alone: what a device or a program says beside
/// them (depth, fingerprints, network) makes no other key.
fn key_of(account: &Xpub) -> x25519::Identity {
    let mut engine = sha256::Hash::engine();
    engine.input(&sha256::Hash::hash(DOMAIN).to_byte_array());
    engine.input(&account.public_key.serialize());
    engine.input(account.chain_code.as_bytes());
    let secret = Zeroizing::new(sha256::Hash::from_engine(engine).to_byte_array());
    let prefix = Hrp::parse("AGE-SECRET-KEY-").expect("the prefix of the specification");
    let text = bech32::encode_upper::<Bech32>(prefix, &*secret).map(Zeroizing::new);
    let text = text.expect("32 bytes are no more than fit");
    text.parse()
        .expect("it is of the form of the specification")
}

/// Why a backup cannot be made or opened.
#[derive(Debug, Error)]
pub enum BackupError {
    /// It is no age file.
    #[error("this is no backup: it is not encrypted in the age format")]
    NotEncrypted,
    /// It was encrypted with a passphrase.
    #[error("the backup is encrypted with a passphrase, and not to the parties")]
    ByPassphrase,
    /// It was encrypted to the parties.
    #[error(
        "the backup is encrypted to the parties, and not with a passphrase: name a file with an account key of one of them"
    )]
    ByParties,
    /// It is encrypted to somebody else.
    #[error("this passphrase or key does not open the backup")]
    WrongKey,
    /// Opening it would keep the machine busy.
    #[error("opening it takes far more work than any backup of this program")]
    TooMuchWork,
    /// A later version of the program wrote it.
    #[error(
        "the backup has the format {0}, and this program knows `{FORMAT}`: use the program that wrote it"
    )]
    OtherFormat(String),
    /// It is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The document in it is refused.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The vault cannot be read.
    #[error(transparent)]
    Vault(Box<VaultError>),
    /// The system has no random numbers, or no memory.
    #[error("cannot encrypt: {0}")]
    System(#[from] io::Error),
}
