//! Software signers: stand-ins for rehearsals and tests, and seeds of small groups.
//!
//! The keys of stand-ins come from a number and a name, so anybody can compute them: never put
//! money on them.  A rehearsal gives every party of a policy such a stand-in, because the real keys
//! are with their holders and stay there.
//!
//! A [`Seed`] is a secret of its own, encrypted at rest with a passphrase.

mod seed;
mod sign;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpriv, Xpub};
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::psbt::{GetKey, GetKeyError, KeyRequest};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey, Signing};
use ed25519_dalek::SigningKey;

use crate::policy::AccountKey;

pub use self::seed::{Seed, SeedFileError};

/// A master key in memory that signs what a party would sign.
///
/// It prints as its fingerprint only, and its key is erased when it is dropped.
pub struct SoftwareSigner {
    master: Xpriv,
    fingerprint: Fingerprint,
    /// The parents of keys that have signed: one of them signs for every address of its branch.
    parents: Mutex<HashMap<Vec<ChildNumber>, Parent>>,
}

/// A private key with what its children are tweaked by.
struct Parent {
    private: Xpriv,
    public: Xpub,
}

impl SoftwareSigner {
    /// The stand-in of a party in the rehearsal with this seed, on a test network.
    ///
    /// The key is worthless: whoever knows the seed and the name has it too.
    #[must_use]
    pub fn stand_in(seed: u64, name: &str, secp: &Secp256k1<All>) -> Self {
        let bytes = tagged(b"longstop/stand-in", seed, name);
        Self::of_secret(NetworkKind::Test, bytes.as_byte_array(), secp)
    }

    /// The secret from which a stand-in is made, as worthless as all of it.
    #[must_use]
    pub fn stand_in_secret(seed: u64, name: &str) -> [u8; 32] {
        tagged(b"longstop/stand-in", seed, name).to_byte_array()
    }

    /// The signer with the master key that BIP-32 makes of a secret.
    fn of_secret(network: NetworkKind, secret: &[u8; 32], secp: &Secp256k1<All>) -> Self {
        let master = Xpriv::new_master(network, secret)
            .expect("one hash in 2^127 is no private key, and none of those is known");
        let fingerprint = master.fingerprint(secp);
        Self {
            master,
            fingerprint,
            parents: Mutex::default(),
        }
    }

    /// The stand-in of a party's identity, which signs governance events.
    ///
    /// As worthless as the keys of [`stand_in`](Self::stand_in).
    #[must_use]
    pub fn stand_in_identity(seed: u64, name: &str) -> SigningKey {
        let bytes = tagged(b"longstop/stand-in-identity", seed, name);
        SigningKey::from_bytes(bytes.as_byte_array())
    }

    /// The fingerprint of the master key.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The public account at a path.
    #[must_use]
    pub fn account(&self, path: &DerivationPath, secp: &Secp256k1<All>) -> AccountKey {
        let account = self
            .master
            .derive_priv(secp, path)
            .expect("one derivation in 2^127 fails, and none of those is known");
        AccountKey::new(
            self.fingerprint,
            path.clone(),
            Xpub::from_priv(secp, &account),
        )
    }
}

impl SoftwareSigner {
    /// The private key at the end of a path from the master key (BIP-32).
    fn private_key(&self, path: &DerivationPath, secp: &Secp256k1<All>) -> Option<SecretKey> {
        let Some((last, branch)) = path.as_ref().split_last() else {
            return Some(self.master.private_key);
        };
        if last.is_hardened() {
            let key = self.master.derive_priv(secp, path).ok()?;
            return Some(key.private_key);
        }
        // Whoever panicked with the lock in hand has left a map that is right.
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = match parents.get(branch) {
            Some(parent) => parent,
            None => {
                let private = self.master.derive_priv(secp, &branch).ok()?;
                let public = Xpub::from_priv(secp, &private);
                let parent = Parent { private, public };
                parents.entry(branch.to_vec()).or_insert(parent)
            }
        };
        // The tweak is the one of the public child, which is quicker to come by.
        let (tweak, _) = parent.public.ckd_pub_tweak(*last).ok()?;
        parent.private.private_key.add_tweak(&tweak.into()).ok()
    }
}

impl GetKey for SoftwareSigner {
    type Error = GetKeyError;

    fn get_key<C: Signing>(
        &self,
        request: KeyRequest,
        secp: &Secp256k1<C>,
    ) -> Result<Option<bitcoin::PrivateKey>, GetKeyError> {
        self.master.get_key(request, secp)
    }
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareSigner({})", self.fingerprint)
    }
}

impl Drop for SoftwareSigner {
    fn drop(&mut self) {
        self.master.private_key.non_secure_erase();
        let parents = self.parents.get_mut();
        for parent in parents.unwrap_or_else(PoisonError::into_inner).values_mut() {
            parent.private.private_key.non_secure_erase();
        }
    }
}

/// A hash of a seed and a name, tagged as in BIP-340, so that it can be no other hash of ours.
fn tagged(tag: &[u8], seed: u64, name: &str) -> sha256::Hash {
    let tag = sha256::Hash::hash(tag);
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    engine.input(&seed.to_le_bytes());
    engine.input(name.as_bytes());
    sha256::Hash::from_engine(engine)
}
