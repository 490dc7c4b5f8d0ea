//! Keys from outside: extended public keys with their origin, and fee wallets.

use std::fmt;
use std::str::FromStr;

use bitcoin::NetworkKind;
use bitcoin::base58;
use bitcoin::bip32::{ChainCode, ChildNumber, DerivationPath, Fingerprint, Xpub};
use bitcoin::secp256k1::Parity;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey, SinglePubKey, Wildcard};
use thiserror::Error;

use super::shown::is_secret;

/// Longest key expression that is read at all, in bytes: twice what a deep account needs.
const MAX_KEY_BYTES: usize = 512;

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
    form: Form,
}

/// How much of an account a key expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// An extended key with its origin.
    Account,
    /// An extended key without origin, which counts as its own master key (BIP-380).
    Bare,
    /// One public key, from which nothing is derived; the extended key stands in for it.
    Single { key: SinglePubKey, has_origin: bool },
}

impl AccountKey {
    /// An account with its origin.
    #[must_use]
    pub const fn new(fingerprint: Fingerprint, path: DerivationPath, xpub: Xpub) -> Self {
        Self {
            fingerprint,
            path,
            xpub,
            form: Form::Account,
        }
    }

    /// Reads the key of a party of a policy whose vault has a descriptor from elsewhere.
    ///
    /// The compiler derives nothing from such a key, so it may also be an extended key without
    /// origin, or a single public key with or without one.
    ///
    /// # Errors
    ///
    /// If it is neither of these nor an account.
    pub fn of_descriptor(text: &str) -> Result<Self, AccountKeyError> {
        match text.parse::<Self>() {
            Err(AccountKeyError::NoOrigin(xpub)) => Ok(Self {
                fingerprint: xpub.fingerprint(),
                path: DerivationPath::master(),
                xpub: *xpub,
                form: Form::Bare,
            }),
            Err(AccountKeyError::Single) => {
                let key = DescriptorPublicKey::from_str(text);
                let Ok(DescriptorPublicKey::Single(single)) = key else {
                    return Err(AccountKeyError::Single);
                };
                let public_key = match &single.key {
                    SinglePubKey::FullKey(key) if !key.compressed => {
                        return Err(AccountKeyError::Single);
                    }
                    SinglePubKey::FullKey(key) => key.inner,
                    SinglePubKey::XOnly(x) => x.public_key(Parity::Even),
                };
                let xpub = Xpub {
                    network: NetworkKind::Main,
                    depth: 0,
                    parent_fingerprint: Fingerprint::default(),
                    child_number: ChildNumber::Normal { index: 0 },
                    public_key,
                    chain_code: ChainCode::from([0; 32]),
                };
                let has_origin = single.origin.is_some();
                let (fingerprint, path) = single
                    .origin
                    .unwrap_or_else(|| (xpub.fingerprint(), DerivationPath::master()));
                Ok(Self {
                    fingerprint,
                    path,
                    xpub,
                    form: Form::Single {
                        key: single.key,
                        has_origin,
                    },
                })
            }
            other => other,
        }
    }

    /// The text of a descriptor, without its checksum, in which another account stands wherever
    /// this one did, with the same steps after it; a single key becomes a chain of keys.
    pub(in crate::policy) fn replaced_in(&self, descriptor: &str, other: &Self) -> String {
        let (own, steps) = match &self.form {
            Form::Account | Form::Bare => (self.xpub.to_string(), ""),
            Form::Single {
                key: SinglePubKey::FullKey(key),
                ..
            } => (key.to_string(), "/0/*"),
            Form::Single {
                key: SinglePubKey::XOnly(key),
                ..
            } => (key.to_string(), "/0/*"),
        };
        let body = descriptor.split('#').next().unwrap_or_default();
        let mut parts = body.split(own.as_str());
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // The origin, if there is one, is in brackets right before the key.
            if text.ends_with(']')
                && let Some(start) = text.rfind('[')
            {
                text.truncate(start);
            }
            text.push_str(&format!("{other}{steps}{part}"));
        }
        text
    }

    /// Whether a key expression of a descriptor is this account's, whatever steps follow it.
    #[must_use]
    pub fn holds(&self, key: &DescriptorPublicKey) -> bool {
        match (key, &self.form) {
            (DescriptorPublicKey::Single(single), Form::Single { key, .. }) => single.key == *key,
            (DescriptorPublicKey::Single(_), _) | (_, Form::Single { .. }) => false,
            (DescriptorPublicKey::XPub(key), _) => key.xkey == self.xpub,
            (DescriptorPublicKey::MultiXPub(key), _) => key.xkey == self.xpub,
        }
    }

    /// The public key, where it is a single one from which nothing is derived.
    #[must_use]
    pub const fn single(&self) -> Option<&SinglePubKey> {
        match &self.form {
            Form::Single { key, .. } => Some(key),
            Form::Account | Form::Bare => None,
        }
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

    /// The account's extended public key; for a single public key one that has it and derives
    /// nothing that anybody could sign for.
    #[must_use]
    pub const fn xpub(&self) -> &Xpub {
        &self.xpub
    }

    fn last_step(&self) -> Option<ChildNumber> {
        self.path.into_iter().last().copied()
    }

    /// Whether the key is for a main or a test network.
    #[must_use]
    pub const fn network_kind(&self) -> NetworkKind {
        self.xpub.network
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_origin = match &self.form {
            Form::Account => true,
            Form::Bare => false,
            Form::Single { has_origin, .. } => *has_origin,
        };
        if has_origin {
            write!(f, "[{}", self.fingerprint)?;
            if !self.path.is_master() {
                write!(f, "/{}", steps(&self.path))?;
            }
            f.write_str("]")?;
        }
        match &self.form {
            Form::Account | Form::Bare => self.xpub.fmt(f),
            Form::Single {
                key: SinglePubKey::FullKey(key),
                ..
            } => key.fmt(f),
            Form::Single {
                key: SinglePubKey::XOnly(key),
                ..
            } => key.fmt(f),
        }
    }
}

impl FromStr for AccountKey {
    type Err = AccountKeyError;

    fn from_str(text: &str) -> Result<Self, AccountKeyError> {
        // A secret must be refused before anything could repeat it in a message.
        if is_secret(text) {
            return Err(AccountKeyError::Secret);
        }
        if text.len() > MAX_KEY_BYTES || !text.is_ascii() {
            return Err(AccountKeyError::Malformed(
                "it is too long or has characters that no key has".to_owned(),
            ));
        }
        let key = DescriptorPublicKey::from_str(text)
            .map_err(|error| AccountKeyError::Malformed(malformed(text, &error.to_string())))?;
        let (origin, xpub, steps) = match key {
            DescriptorPublicKey::XPub(key) => {
                let hardened =
                    key.wildcard == Wildcard::Hardened || has_hardened(&key.derivation_path);
                let any = key.wildcard != Wildcard::None || !key.derivation_path.is_empty();
                (key.origin, key.xkey, any.then_some(hardened))
            }
            DescriptorPublicKey::MultiXPub(key) => {
                let hardened = key.wildcard == Wildcard::Hardened
                    || key.derivation_paths.paths().iter().any(has_hardened);
                (key.origin, key.xkey, Some(hardened))
            }
            DescriptorPublicKey::Single(_) => return Err(AccountKeyError::Single),
        };
        match steps {
            Some(true) => return Err(AccountKeyError::HardenedSteps),
            Some(false) => return Err(AccountKeyError::Steps),
            None => {}
        }
        let Some((fingerprint, path)) = origin else {
            return Err(AccountKeyError::NoOrigin(Box::new(xpub)));
        };
        if path.len() != usize::from(xpub.depth) {
            return Err(AccountKeyError::Depth {
                origin: path.len(),
                xpub: xpub.depth,
            });
        }
        let key = Self {
            fingerprint,
            path,
            xpub,
            form: Form::Account,
        };
        match key.last_step() {
            Some(step) if step != xpub.child_number => Err(AccountKeyError::Child {
                origin: step,
                xpub: xpub.child_number,
            }),
            // The key tells its parent, which for the first step is the master key, and a master
            // key tells itself.
            Some(_) if xpub.depth == 1 && fingerprint != xpub.parent_fingerprint => {
                Err(AccountKeyError::Fingerprint(xpub.parent_fingerprint))
            }
            None if fingerprint != xpub.fingerprint() => {
                Err(AccountKeyError::Fingerprint(xpub.fingerprint()))
            }
            _ => Ok(key),
        }
    }
}

/// Why a text is no key expression: what can be said of its extended key, or else what its reader
/// said.
fn malformed(text: &str, foreign: &str) -> String {
    if text.trim().contains(char::is_whitespace) {
        return "there is white space in it".to_owned();
    }
    if text.trim_start().starts_with("musig(") {
        return "`musig` joins the keys of several signers, and a party has one of its own"
            .to_owned();
    }
    let origin = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let mut steps = origin.unwrap_or_default().split('/').skip(1);
    if let Some(step) = steps.find(|step| step.ends_with('H')) {
        let number = step.trim_end_matches('H');
        return format!(
            "the hardened step `{step}` of the origin is written `{number}h` or `{number}'`"
        );
    }
    let key = text.rsplit(']').next().unwrap_or_default();
    let key = key.split('/').next().unwrap_or_default();
    // A longer text is no extended key, and decoding takes time with the square of its length.
    if key.len() > 120 || key.get(1..4) != Some("pub") {
        return foreign.to_owned();
    }
    if base58::decode_check(key).is_err() {
        return "a character of the extended key is wrong or missing, since its checksum does not hold"
            .to_owned();
    }
    if key.starts_with("xpub") || key.starts_with("tpub") {
        return foreign.to_owned();
    }
    "the extended key begins with neither `xpub` nor `tpub`".to_owned()
}

/// Why a text is no account key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccountKeyError {
    /// An extended private key: its text is not repeated.
    #[error("this is a private key; a policy holds public keys only")]
    Secret,
    /// Not a key expression at all.
    #[error("this is no key expression: {0}")]
    Malformed(String),
    /// A single public key, from which nothing can be derived.
    #[error("a single public key cannot be derived from; an extended public key is needed")]
    Single,
    /// Derivation steps or a wildcard after the key.
    #[error("there are derivation steps after the key; the compiler assigns those")]
    Steps,
    /// Hardened steps after the key.
    #[error("there are hardened steps after the key, which only its private key could take")]
    HardenedSteps,
    /// No `[fingerprint/path]` before the key.
    #[error("the key has no origin, so no signing device can find it")]
    NoOrigin(Box<Xpub>),
    /// The origin's path and the key's own depth disagree.
    #[error(
        "the origin has {origin} steps, but the key says it is {xpub} steps below its master key"
    )]
    Depth {
        /// Steps in the origin.
        origin: usize,
        /// Depth inside the key.
        xpub: u8,
    },
    /// The last step of the origin is not the one the key says it is.
    #[error("the origin ends in {}, but the key says it is {}", step(*.origin), step(*.xpub))]
    Child {
        /// Last step of the origin.
        origin: ChildNumber,
        /// Child number inside the key.
        xpub: ChildNumber,
    },
    /// The master key is another one, as far as the key tells.
    #[error("the origin names another master key than the key does, which is {0}")]
    Fingerprint(Fingerprint),
}

/// A derivation path as policies and people write it: hardened steps end in `h`.
///
/// Both `h` and `'` are read everywhere.  Inside descriptors, and what is made of them for other
/// programs (wallet policies, BSMS records, JSON for Bitcoin Core), miniscript writes `'`.  That
/// stays as it is: the checksum of a descriptor covers the spelling and the policy id the
/// checksum, so that another spelling would give every policy another id.
#[must_use]
pub fn steps(path: &DerivationPath) -> String {
    let steps: Vec<String> = path.into_iter().map(|number| step(*number)).collect();
    steps.join("/")
}

fn step(number: ChildNumber) -> String {
    match number {
        ChildNumber::Normal { index } => index.to_string(),
        ChildNumber::Hardened { index } => format!("{index}h"),
    }
}

fn has_hardened(path: &DerivationPath) -> bool {
    path.into_iter().any(ChildNumber::is_hardened)
}

/// The single-key wallet from which a broadcaster pays fee children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeWallet {
    pub(in crate::policy) account: AccountKey,
    pub(in crate::policy) descriptor: Descriptor<DescriptorPublicKey>,
}

impl FeeWallet {
    /// The account the wallet is made of.
    #[must_use]
    pub const fn account(&self) -> &AccountKey {
        &self.account
    }

    /// Its descriptor.
    #[must_use]
    pub const fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }
}

/// The key expression inside `wpkh(…/<0;1>/*)`, with or without a checksum after it.
pub(in crate::policy) fn fee_wallet_key(text: &str) -> Option<&str> {
    let descriptor = text.split('#').next()?;
    descriptor.strip_prefix("wpkh(")?.strip_suffix("/<0;1>/*)")
}
