//! A stage at one derivation index: script, address, and the keys that sign.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bitcoin::bip32::{DerivationPath, Fingerprint, KeySource};
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::{Address, ScriptBuf};
use miniscript::descriptor::{ConversionError, Descriptor, DescriptorPublicKey};
use miniscript::{DefiniteDescriptorKey, TranslatePk, Translator};
use serde::{Deserialize, Serialize};

use super::leaf::{Leaf, LeafKind, Role};
use super::parent::Child;
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
    /// The descriptor it was derived from.
    origin: Arc<Descriptor<DescriptorPublicKey>>,
    concrete: Descriptor<bitcoin::PublicKey>,
    /// Where the taproot internal key comes from.
    internal_source: Option<KeySource>,
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
    ) -> Result<Derived, ConversionError> {
        let mut keys = Keys(self.parents(keychain, secp)?.children(index, secp)?);
        let concrete = self
            .descriptor()
            .translate_pk(&mut keys)
            .map_err(|error| error.expect_translator_err(SAME_CONTEXT))?;
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
        let internal = self.internal_key().and_then(|key| keys.0.get(key));
        let internal_source = internal.map(|child| child.source.clone());
        let mut leaves = Vec::new();
        for leaf in self.leaves() {
            let scripts = self.scripts(leaf.kind()).iter();
            let scripts = scripts.map(|script| DerivedScript {
                script: script.clone(),
                hash: match script.place() {
                    Place::Tapleaf(number) => hashes.get(number).copied(),
                    Place::KeyPath | Place::Script => None,
                },
            });
            leaves.push(DerivedLeaf {
                leaf: leaf.clone(),
                scripts: scripts.collect(),
                keys: keys.uses(leaf)?,
            });
        }
        Ok(Derived {
            stage: self.stage().clone(),
            keychain,
            index,
            script_pubkey: concrete.script_pubkey(),
            origin: self.shared_descriptor(),
            concrete,
            internal_source,
            leaves,
        })
    }

    /// Whether a script was derived from this descriptor, and not from that of another policy.
    #[must_use]
    pub fn is_origin_of(&self, derived: &Derived) -> bool {
        let own = self.shared_descriptor();
        let same = Arc::ptr_eq(&own, &derived.origin) || own == derived.origin;
        same && *self.stage() == derived.stage
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

    /// Where the taproot internal key comes from: the key of root, or the one that nobody has.
    pub(crate) const fn internal_source(&self) -> Option<&KeySource> {
        self.internal_source.as_ref()
    }

    /// The descriptor with the keys of this keychain and index in it, as other programs take it.
    ///
    /// # Errors
    ///
    /// None for what was derived.
    pub fn definite(&self) -> Result<Descriptor<DefiniteDescriptorKey>, ConversionError> {
        let halves = self.origin.as_ref().clone().into_single_descriptors();
        let mut halves = halves.into_iter().flatten();
        let half = match self.keychain {
            Keychain::Receive => halves.next(),
            Keychain::Change => halves.last(),
        };
        let half = half.ok_or(ConversionError::MultiKey)?;
        half.at_derivation_index(self.index)
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

/// Why no key is out of place in a derived descriptor.
const SAME_CONTEXT: &str = "a key stands where the key stood from which it is derived";

/// The keys of a descriptor at a keychain and index.
struct Keys<'a>(HashMap<&'a DescriptorPublicKey, Child>);

impl Keys<'_> {
    fn child(&self, key: &DescriptorPublicKey) -> Result<&Child, ConversionError> {
        // Every key of a leaf is one of the descriptor's.
        self.0.get(key).ok_or(ConversionError::MultiKey)
    }

    /// Who signs a leaf with what.
    fn uses(&self, leaf: &Leaf) -> Result<Vec<KeyUse>, ConversionError> {
        let mut uses = Vec::new();
        for group in leaf.groups() {
            for (party, key) in group.seats() {
                let child = self.child(key)?;
                let (fingerprint, path) = &child.source;
                uses.push(KeyUse {
                    party: party.to_owned(),
                    role: group.role(),
                    public_key: child.key,
                    fingerprint: *fingerprint,
                    path: path.clone(),
                });
            }
        }
        Ok(uses)
    }
}

impl Translator<DescriptorPublicKey, bitcoin::PublicKey, ConversionError> for Keys<'_> {
    fn pk(&mut self, key: &DescriptorPublicKey) -> Result<bitcoin::PublicKey, ConversionError> {
        Ok(self.child(key)?.key)
    }

    miniscript::translate_hash_clone!(DescriptorPublicKey, bitcoin::PublicKey, ConversionError);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::compile::compile;
    use crate::policy::check;

    /// A derived stage says where it was derived, and finds whose key it is that signs.
    #[test]
    fn what_is_derived_knows_its_place_and_its_seats() {
        let text = include_str!("../../policies/dao-treasury/policy.toml");
        let policy = check(text).policy.expect("the policy is sound");
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        let secp = Secp256k1::new();
        for stage in compiled.stages() {
            let derive = |keychain, index| stage.derive(keychain, index, &secp).expect("an index");
            let derived = derive(Keychain::Change, 7);
            assert_eq!(derived.stage(), stage.stage());
            assert_eq!((derived.keychain(), derived.index()), (Keychain::Change, 7));
            let elsewhere = derive(Keychain::Receive, 7);
            for (leaf, other) in derived.leaves().iter().zip(elsewhere.leaves()) {
                for (seat, used) in leaf.keys.iter().enumerate() {
                    assert_eq!(leaf.seat(&used.public_key), Some(seat));
                    assert_eq!(other.seat(&used.public_key), None);
                }
            }
        }
    }
}
