//! Keys from outside: extended public keys with their origin, and fee wallets.

use std::fmt;
use std::str::FromStr;

use bitcoin::NetworkKind;
use bitcoin::bip32::{DerivationPath, Fingerprint, Xpub};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey, DescriptorXKey};
use thiserror::Error;

/// An account: an extended public key with the origin that lets its signing device find it.
///
/// Written `[73c5da0a/48h/1h/0h/3h]tpub…` as a key expression of
/// [BIP-380](https://github.com/bitcoin/bips/blob/master/bip-0380.mediawiki), without any step
/// after the key: the steps after it are assigned by the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    fingerprint: Fingerprint,
    path: DerivationPath,
    xpub: Xpub,
}

impl AccountKey {
    /// An account with its origin.
    #[must_use]
    pub const fn new(fingerprint: Fingerprint, path: DerivationPath, xpub: Xpub) -> Self {
        Self { fingerprint, path, xpub }
    }

    /// The fingerprint of the master key.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The path from the master key to the account.
    #[must_use]
    pub const fn path(&self) -> &DerivationPath {
        &self.path
    }

    /// The account's extended public key.
    #[must_use]
    pub const fn xpub(&self) -> &Xpub {
        &self.xpub
    }

    /// Whether the key is for a main or a test network.
    #[must_use]
    pub const fn network_kind(&self) -> NetworkKind {
        self.xpub.network
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.fingerprint)?;
        for step in &self.path {
            match *step {
                bitcoin::bip32::ChildNumber::Normal { index } => write!(f, "/{index}")?,
                bitcoin::bip32::ChildNumber::Hardened { index } => write!(f, "/{index}h")?,
            }
        }
        write!(f, "]{}", self.xpub)
    }
}

impl FromStr for AccountKey {
    type Err = AccountKeyError;

    fn from_str(text: &str) -> Result<Self, AccountKeyError> {
        // A secret must be refused before anything could repeat it in a message.
        if text.contains("prv") {
            return Err(AccountKeyError::Secret);
        }
        let key = DescriptorPublicKey::from_str(text)
            .map_err(|error| AccountKeyError::Malformed(error.to_string()))?;
        let (origin, xpub, steps) = match key {
            DescriptorPublicKey::XPub(DescriptorXKey { origin, xkey, derivation_path, wildcard }) => {
                let ranged = wildcard != miniscript::descriptor::Wildcard::None;
                (origin, xkey, ranged || !derivation_path.is_empty())
            }
            DescriptorPublicKey::MultiXPub(multi) => (multi.origin, multi.xkey, true),
            DescriptorPublicKey::Single(_) => return Err(AccountKeyError::Single),
        };
        if steps {
            return Err(AccountKeyError::Steps);
        }
        let (fingerprint, path) = origin.ok_or(AccountKeyError::NoOrigin)?;
        if path.len() != usize::from(xpub.depth) {
            return Err(AccountKeyError::Depth { origin: path.len(), xpub: xpub.depth });
        }
        Ok(Self { fingerprint, path, xpub })
    }
}

/// Why a text is no account key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccountKeyError {
    /// An extended private key: its text is not repeated.
    #[error("this is a private key; a policy holds public keys only")]
    Secret,
    /// Not a key expression at all.
    #[error("not a key expression: {0}")]
    Malformed(String),
    /// A single public key, from which nothing can be derived.
    #[error("a single public key cannot be derived from; an extended public key is needed")]
    Single,
    /// Derivation steps, hardened ones or a wildcard among them, after the key.
    #[error("there are derivation steps after the key; the compiler assigns those")]
    Steps,
    /// No `[fingerprint/path]` before the key.
    #[error("the key has no origin, so no signing device can find it")]
    NoOrigin,
    /// The origin's path and the key's own depth disagree.
    #[error("the origin has {origin} steps, but the key says it is {xpub} steps below its master key")]
    Depth {
        /// Steps in the origin.
        origin: usize,
        /// Depth inside the key.
        xpub: u8,
    },
}

/// The single-key wallet from which a broadcaster pays fee children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeWallet {
    pub(in crate::policy) descriptor: Descriptor<DescriptorPublicKey>,
}

impl FeeWallet {
    /// Its descriptor.
    #[must_use]
    pub const fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }
}
