//! A stage at one derivation index: script, address, and the keys that sign.

use std::fmt;

use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::{Address, ScriptBuf};
use miniscript::DefiniteDescriptorKey;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use serde::{Deserialize, Serialize};

use super::leaf::{Leaf, LeafKind, Role};
use super::script::{Place, ScriptLeaf};
use super::stage::{Stage, StageDescriptor};
use crate::policy::Network;

/// Which half of each branch pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keychain {
    /// Addresses that are given out for deposits.
    Receive,
    /// Addresses that our own transactions pay to.
    Change,
}

impl Keychain {
    /// Both, in the order of a branch pair.
    pub const BOTH: [Self; 2] = [Self::Receive, Self::Change];
}

impl fmt::Display for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Receive => "receive",
            Self::Change => "change",
        })
    }
}

/// A stage at one keychain and index.
#[derive(Clone, Debug)]
pub struct Derived {
    stage: Stage,
    keychain: Keychain,
    index: u32,
    script_pubkey: ScriptBuf,
    definite: Descriptor<DefiniteDescriptorKey>,
    concrete: Descriptor<bitcoin::PublicKey>,
    leaves: Vec<DerivedLeaf>,
}

/// A leaf at one keychain and index.
#[derive(Clone, Debug)]
pub struct DerivedLeaf {
    /// The leaf.
    pub leaf: Leaf,
    /// The scripts through which it can be spent.
    pub scripts: Vec<DerivedScript>,
    /// Who signs with what, seat by seat.
    pub keys: Vec<KeyUse>,
}

/// A script leaf at one keychain and index.
#[derive(Clone, Debug)]
pub struct DerivedScript {
    /// The script leaf, with the numbers of the seats whose keys stand in it.
    pub script: ScriptLeaf,
    /// The hash by which signatures commit to it, for a taproot script leaf (BIP-341).
    pub hash: Option<TapLeafHash>,
}

impl DerivedLeaf {
    /// The hash of its only script leaf; none where it has several, or where no signature commits
    /// to a script leaf: in P2WSH and on the key path.
    #[must_use]
    pub fn hash(&self) -> Option<TapLeafHash> {
        match self.scripts.as_slice() {
            [only] => only.hash,
            _ => None,
        }
    }

    /// The script leaf with this hash; without a hash, the one no signature commits to.
    #[must_use]
    pub fn script(&self, hash: Option<TapLeafHash>) -> Option<&DerivedScript> {
        self.scripts.iter().find(|script| script.hash == hash)
    }

    /// The seat with this key.
    #[must_use]
    pub fn seat(&self, key: &bitcoin::PublicKey) -> Option<usize> {
        self.keys.iter().position(|used| used.public_key == *key)
    }
}

/// One seat's key in one leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The name of the party.
    pub party: String,
    /// The capacity in which it signs.
    pub role: Role,
    /// The key.
    pub public_key: bitcoin::PublicKey,
    /// Fingerprint of the master key.
    pub fingerprint: Fingerprint,
    /// Path from the master key to the key.
    pub path: DerivationPath,
}

impl StageDescriptor {
    /// The stage at a keychain and an index below 2³¹.
    ///
    /// # Errors
    ///
    /// If the index is 2³¹ or more, which no wildcard holds.
    pub fn derive(
        &self,
        keychain: Keychain,
        index: u32,
        secp: &Secp256k1<All>,
    ) -> Result<Derived, miniscript::descriptor::ConversionError> {
        let [receive, change] = self.halves();
        let half = match keychain {
            Keychain::Receive => receive,
            Keychain::Change => change,
        };
        let definite = half.at_derivation_index(index)?;
        let concrete = definite.derived_descriptor(secp)?;
        let mut hashes = Vec::new();
        if let Descriptor::Tr(tr) = &concrete {
            hashes.extend(
                tr.tap_tree()
                    .iter()
                    .flat_map(|tree| tree.iter())
                    .map(|(_, script)| {
                        TapLeafHash::from_script(&script.encode(), LeafVersion::TapScript)
                    }),
            );
        }
        let leaves = self
            .leaves()
            .iter()
            .map(|leaf| DerivedLeaf {
                leaf: leaf.clone(),
                scripts: self
                    .scripts(leaf.kind())
                    .iter()
                    .map(|script| DerivedScript {
                        script: script.clone(),
                        hash: match script.place() {
                            Place::Tapleaf(number) => hashes.get(number).copied(),
                            Place::KeyPath | Place::Script => None,
                        },
                    })
                    .collect(),
                keys: key_uses(leaf, keychain, index, secp),
            })
            .collect();
        Ok(Derived {
            stage: self.stage().clone(),
            keychain,
            index,
            script_pubkey: concrete.script_pubkey(),
            definite,
            concrete,
            leaves,
        })
    }
}

impl Derived {
    /// The stage.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The keychain.
    #[must_use]
    pub const fn keychain(&self) -> Keychain {
        self.keychain
    }

    /// The index.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The script a coin of this stage is locked by.
    #[must_use]
    pub const fn script_pubkey(&self) -> &ScriptBuf {
        &self.script_pubkey
    }

    /// The address of that script.
    ///
    /// # Panics
    ///
    /// Never: both script types have addresses.
    #[must_use]
    pub fn address(&self, network: Network) -> Address {
        Address::from_script(&self.script_pubkey, network.to_bitcoin())
            .expect("P2TR and P2WSH scripts have addresses")
    }

    /// The descriptor with definite keys, as PSBT fields are filled from.
    #[must_use]
    pub const fn definite(&self) -> &Descriptor<DefiniteDescriptorKey> {
        &self.definite
    }

    /// The descriptor with plain public keys, as witnesses are built from.
    #[must_use]
    pub const fn concrete(&self) -> &Descriptor<bitcoin::PublicKey> {
        &self.concrete
    }

    /// The leaves, in the order of the stage's.
    #[must_use]
    pub fn leaves(&self) -> &[DerivedLeaf] {
        &self.leaves
    }

    /// The leaf of this kind.
    #[must_use]
    pub fn leaf(&self, kind: &LeafKind) -> Option<&DerivedLeaf> {
        self.leaves
            .iter()
            .find(|derived| derived.leaf.kind() == kind)
    }
}

fn key_uses(leaf: &Leaf, keychain: Keychain, index: u32, secp: &Secp256k1<All>) -> Vec<KeyUse> {
    let mut uses = Vec::new();
    for group in leaf.groups() {
        for (party, key) in group.seats() {
            if let Some((public_key, fingerprint, path)) = derive_key(key, keychain, index, secp) {
                uses.push(KeyUse {
                    party: party.to_owned(),
                    role: group.role(),
                    public_key,
                    fingerprint,
                    path,
                });
            }
        }
    }
    uses
}

/// A key at a keychain and index, with the fingerprint of its master key and the path from there.
fn derive_key(
    key: &DescriptorPublicKey,
    keychain: Keychain,
    index: u32,
    secp: &Secp256k1<All>,
) -> Option<(bitcoin::PublicKey, Fingerprint, DerivationPath)> {
    let DescriptorPublicKey::MultiXPub(multi) = key else {
        // A key from elsewhere, with one branch or none.
        let definite = key.clone().at_derivation_index(index).ok()?;
        let public_key = definite.derive_public_key(secp).ok()?;
        let path = definite.full_derivation_path().unwrap_or_default();
        return Some((public_key, definite.master_fingerprint(), path));
    };
    let branches = multi.derivation_paths.paths();
    let branch = match keychain {
        Keychain::Receive => branches.first(),
        Keychain::Change => branches.last(),
    }?;
    let steps = branch.child(ChildNumber::Normal { index });
    let derived = multi.xkey.derive_pub(secp, &steps).ok()?;
    let (fingerprint, path) = match &multi.origin {
        Some((fingerprint, account)) => (*fingerprint, account.extend(&steps)),
        // Without an origin, the key counts as its own master key.
        None => (multi.xkey.fingerprint(), steps),
    };
    Some((
        bitcoin::PublicKey::new(derived.public_key),
        fingerprint,
        path,
    ))
}
