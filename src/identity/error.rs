//! Why there is no identity.

use thiserror::Error;

use super::{MAX_WORK, MIN_PASSPHRASE};
use crate::policy::quote;

/// A text that is no name of a party.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{} is no name of a party; names have 1 to 64 characters: letters, digits, `-` and `_`",
    quote(.0)
)]
pub struct NameError(pub String);

/// Why a text is no passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PassphraseError {
    /// There is none.
    #[error("it holds no passphrase; write one into its only line")]
    Empty,
    /// A new one would be found by trying.
    #[error("the passphrase has {count} characters, and a new one needs {MIN_PASSPHRASE}")]
    Short {
        /// Its length, in characters.
        count: usize,
    },
    /// There could be several.
    #[error("it has several lines, and a passphrase is one")]
    SeveralLines,
    /// It is not UTF-8.
    #[error("it is no text in UTF-8")]
    NotText,
}

/// Why a file cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// It is no age file.
    #[error("it is not encrypted")]
    NotEncrypted,
    /// It is encrypted to keys, or by a plugin.
    #[error("it is encrypted in another way than with a passphrase, and is not opened")]
    NotByPassphrase,
    /// Trying the passphrase would take too long.
    #[error("to try a passphrase takes 2^{required} steps, and only up to 2^{MAX_WORK} are done")]
    TooMuchWork {
        /// The logarithm of the steps that it takes.
        required: u8,
    },
    /// The passphrase does not open it, which is all that anybody can tell.
    #[error("the passphrase is wrong, or the file is damaged")]
    WrongPassphrase,
    /// The passphrase is right, or could be, and what is encrypted was changed.
    #[error("it is damaged; take your copy of it")]
    Damaged,
}

impl From<SealError> for IdentityFileError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NotEncrypted => Self::NotEncrypted,
            SealError::NotByPassphrase => Self::NotByPassphrase,
            SealError::TooMuchWork { required } => Self::TooMuchWork { required },
            SealError::WrongPassphrase => Self::WrongPassphrase,
            SealError::Damaged => Self::Damaged,
        }
    }
}

/// Why a file holds no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityFileError {
    /// It is no age file.
    #[error(
        "it is no identity: an identity is an encrypted file as `longstop identity new` writes it"
    )]
    NotEncrypted,
    /// It is encrypted to keys, or by a plugin.
    #[error("it is encrypted in another way than with a passphrase, and is not opened")]
    NotByPassphrase,
    /// Trying the passphrase would take too long.
    #[error("to try a passphrase takes 2^{required} steps, and only up to 2^{MAX_WORK} are done")]
    TooMuchWork {
        /// The logarithm of the steps that it takes.
        required: u8,
    },
    /// The passphrase does not open it, which is all that anybody can tell.
    #[error("the passphrase is wrong, or the file is damaged")]
    WrongPassphrase,
    /// The passphrase is right, or could be, and what is encrypted was changed.
    #[error("it is damaged; take your copy of it")]
    Damaged,
    /// What is encrypted in it is something else.
    #[error("it holds something else than an identity")]
    NotAnIdentity,
    /// The public key in it belongs to another secret.
    #[error("its public key is not that of its secret; take your copy of it")]
    OtherKey,
}
