//! The key with which a party signs, and the file that holds it.
//!
//! An [`Identity`] is an ed25519 key with the name of its party.  At rest it is encrypted with a
//! passphrase, as an [age](https://age-encryption.org/v1) file in its armored form: whoever has the
//! file and the passphrase gets at the key with any program that reads age files, and whoever has
//! only one of the two gets at nothing.
//!
//! Nothing here knows files; random numbers for the secret come from the caller, those for the
//! encryption from the operating system.

mod error;
mod plain;
mod sealed;

use std::fmt;
use std::io;

use age::scrypt;
use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

pub use self::error::{IdentityFileError, NameError, PassphraseError, SealError};
pub(crate) use self::plain::{hex_bytes, push_hex};
pub(crate) use self::sealed::{open, seal};
use crate::policy::is_name;

/// Most bytes of a file with an identity, three times those of one with the longest name.
pub const MAX_FILE: usize = 4 << 10;

/// Most bytes that are encrypted in it.
pub(crate) const MAX_PLAIN: usize = 1 << 10;

/// Fewest characters of a new passphrase.
///
/// Whoever has the file tries about one passphrase a second on each core ([`Work::Usual`]).  Even
/// so a short one is found.
pub const MIN_PASSPHRASE: usize = 12;

/// The most work that reading a file may take, as the logarithm of scrypt's N: four times the
/// usual, some seconds and a gigabyte of memory.  A file that demands more would keep a machine
/// busy for as long as its author likes.
const MAX_WORK: u8 = Work::Usual.log_n() + 2;

/// The secret key of a party, with its name.
///
/// The secret is erased when this is dropped, and is not shown by `Debug`.
#[derive(Clone)]
pub struct Identity {
    name: String,
    key: SigningKey,
}

impl Identity {
    /// The identity of a party, from 32 random bytes.
    ///
    /// # Errors
    ///
    /// If no party can have this name.
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Self, NameError> {
        if !is_name(name) {
            return Err(NameError(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(secret),
        })
    }

    /// The name of its party.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that signs.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The public key, for the field `identity` of a policy.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The file that holds it, encrypted.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn encrypt(&self, passphrase: &Passphrase, work: Work) -> io::Result<String> {
        sealed::seal(&plain::write(self), passphrase, work)
    }

    /// Reads the file that holds it.
    ///
    /// # Errors
    ///
    /// If it is encrypted in another way than with a passphrase, if that takes more than
    /// four times the usual work, if the passphrase is another one, or if it holds something else.
    pub fn decrypt(file: &[u8], passphrase: &Passphrase) -> Result<Self, IdentityFileError> {
        let plain = sealed::open(file, passphrase)?;
        plain::read(&plain)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a file is encrypted with.  It is erased when this is dropped, and is not shown by `Debug`.
#[derive(Clone, Debug)]
pub struct Passphrase(age::secrecy::SecretString);

impl Passphrase {
    /// Takes a passphrase for a file that is there.
    #[must_use]
    pub fn of(text: Zeroizing<String>) -> Self {
        Self(text.as_str().into())
    }

    /// Takes a passphrase for a new file.
    ///
    /// # Errors
    ///
    /// If it is so short that it would be found.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        let count = text.chars().count();
        if count < MIN_PASSPHRASE {
            return Err(PassphraseError::Short { count });
        }
        Ok(Self::of(text))
    }

    /// To whom a file is encrypted that this opens.
    pub(crate) fn recipient(&self, work: Work) -> scrypt::Recipient {
        let mut recipient = scrypt::Recipient::new(self.0.clone());
        recipient.set_work_factor(work.log_n());
        recipient
    }

    /// What opens a file that was encrypted with it, if that takes no more than four times the
    /// usual work.
    pub(crate) fn opener(&self) -> scrypt::Identity {
        let mut identity = scrypt::Identity::new(self.0.clone());
        identity.set_max_work_factor(MAX_WORK);
        identity
    }

    /// Reads a passphrase from the one line of a file.
    ///
    /// # Errors
    ///
    /// If there is no line in it, or more than one, or it is no text.
    pub fn line(file: &[u8]) -> Result<Zeroizing<String>, PassphraseError> {
        let text = str::from_utf8(file).map_err(|_| PassphraseError::NotText)?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if line.contains(['\n', '\r']) {
            return Err(PassphraseError::SeveralLines);
        }
        Ok(Zeroizing::new(line.to_owned()))
    }
}

/// How long each try of a passphrase takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// About a second, and 256 MiB of memory.
    Usual,
    /// A few milliseconds.  This is for keys of tests and demonstrations that protect nothing:
    /// whoever has such a file tries hundreds of passphrases a second.
    ForTests,
}

impl Work {
    /// The logarithm of scrypt's N.
    const fn log_n(self) -> u8 {
        match self {
            Self::Usual => 18,
            Self::ForTests => 10,
        }
    }
}
