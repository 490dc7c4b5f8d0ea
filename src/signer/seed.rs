//! A seed in a file: the secret from which all keys of a party are derived.

use std::fmt;
use std::io;

use bitcoin::NetworkKind;
use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::{All, Secp256k1};
use thiserror::Error;
use zeroize::Zeroizing;

use super::SoftwareSigner;
use crate::identity::{
    MAX_PLAIN, NameError, Passphrase, SealError, Work, hex_bytes, open, push_hex, seal,
};
use crate::policy::is_name;

/// The first line of what is encrypted.
const TITLE: &str = "longstop seed 1";

/// The secret of a party, from which BIP-32 derives its keys.
///
/// It is erased when this is dropped, and is not shown by `Debug`.
pub struct Seed {
    name: String,
    network: NetworkKind,
    secret: Zeroizing<[u8; 32]>,
}

impl Seed {
    /// The seed of a party, from 32 random bytes.
    ///
    /// # Errors
    ///
    /// If no party can have this name.
    pub fn new(name: &str, network: NetworkKind, secret: &[u8; 32]) -> Result<Self, NameError> {
        if !is_name(name) {
            return Err(NameError(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            network,
            secret: Zeroizing::new(*secret),
        })
    }

    /// The name of its party.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its keys are for the main network or for test networks.
    #[must_use]
    pub const fn network(&self) -> NetworkKind {
        self.network
    }

    /// What signs with its keys.
    #[must_use]
    pub fn signer(&self, secp: &Secp256k1<All>) -> SoftwareSigner {
        SoftwareSigner::of_secret(self.network, &self.secret, secp)
    }

    /// The file that holds it, encrypted.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn encrypt(&self, passphrase: &Passphrase, work: Work) -> io::Result<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_PLAIN));
        text.push_str(TITLE);
        text.push_str("\nname ");
        text.push_str(&self.name);
        text.push_str("\nnetwork ");
        text.push_str(word(self.network));
        text.push_str("\nfingerprint ");
        text.push_str(&self.fingerprint().to_string());
        text.push_str("\nsecret ");
        push_hex(&mut text, &self.secret);
        text.push('\n');
        seal(&text, passphrase, work)
    }

    /// Reads the file that holds it.
    ///
    /// # Errors
    ///
    /// If it cannot be decrypted, or holds something else.
    pub fn decrypt(file: &[u8], passphrase: &Passphrase) -> Result<Self, SeedFileError> {
        read(&open(file, passphrase)?)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.signer(&Secp256k1::new()).fingerprint()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

const fn word(network: NetworkKind) -> &'static str {
    match network {
        NetworkKind::Main => "main",
        NetworkKind::Test => "test",
    }
}

fn read(plain: &[u8]) -> Result<Seed, SeedFileError> {
    let other = SeedFileError::NotASeed;
    let text = str::from_utf8(plain).map_err(|_| other)?;
    let mut lines = text.strip_suffix('\n').ok_or(other)?.split('\n');
    let mut field = |label: &str| lines.next()?.strip_prefix(label);
    if field(TITLE) != Some("") {
        return Err(other);
    }
    let name = field("name ").ok_or(other)?;
    let network = match field("network ") {
        Some("main") => NetworkKind::Main,
        Some("test") => NetworkKind::Test,
        _ => return Err(other),
    };
    let fingerprint = field("fingerprint ").ok_or(other)?;
    let secret = field("secret ").and_then(hex_bytes).ok_or(other)?;
    if lines.next().is_some() {
        return Err(other);
    }
    let seed = Seed::new(name, network, &secret).map_err(|_| other)?;
    if seed.fingerprint().to_string() != fingerprint {
        return Err(SeedFileError::OtherKey);
    }
    Ok(seed)
}

/// Why a file holds no seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SeedFileError {
    /// It cannot be decrypted.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// What is encrypted in it is something else.
    #[error("it holds something else than a seed, as `longstop signer new` writes it")]
    NotASeed,
    /// The fingerprint in it belongs to another secret.
    #[error("its fingerprint is not that of its secret; take your copy of it")]
    OtherKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::of(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn what_is_encrypted_is_read_with_its_passphrase_alone() {
        let secp = Secp256k1::new();
        for network in [NetworkKind::Main, NetworkKind::Test] {
            let seed = Seed::new("alice", network, &[7; 32]).expect("a name");
            let right = passphrase("correct horse");
            let file = seed
                .encrypt(&right, Work::ForTests)
                .expect("random numbers");
            assert!(!file.contains("0707"));
            let read = Seed::decrypt(file.as_bytes(), &right).expect("a seed");
            assert_eq!((read.name(), read.network()), ("alice", network));
            let fingerprint = |seed: &Seed| seed.signer(&secp).fingerprint();
            assert_eq!(fingerprint(&read), fingerprint(&seed));
            let wrong = Seed::decrypt(file.as_bytes(), &passphrase("correct hors"));
            let sealed = SeedFileError::Sealed(SealError::WrongPassphrase);
            assert_eq!(wrong.err(), Some(sealed));
        }
        assert!(Seed::new("al ice", NetworkKind::Test, &[7; 32]).is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        let secret = "07".repeat(32);
        let seed = Seed::new("alice", NetworkKind::Test, &[7; 32]).expect("a name");
        let right = format!(
            "longstop seed 1\nname alice\nnetwork test\nfingerprint {}\nsecret {secret}\n",
            seed.fingerprint()
        );
        assert!(read(right.as_bytes()).is_ok());
        for (from, to) in [
            ("seed 1", "seed 2"),
            ("seed", "identity"),
            ("alice", "al ice"),
            ("network test", "network regtest"),
            ("secret 07", "secret 0"),
            ("secret", "hidden"),
            ("fingerprint", "finger"),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_eq!(
                read(wrong.as_bytes()).err(),
                Some(SeedFileError::NotASeed),
                "{to}"
            );
        }
        assert!(read(right.trim_end().as_bytes()).is_err());
        let other = right.replacen("secret 07", "secret 08", 1);
        assert_eq!(read(other.as_bytes()).err(), Some(SeedFileError::OtherKey));
    }
}
