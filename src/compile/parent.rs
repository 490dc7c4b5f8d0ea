//! What the keys of all addresses of a keychain have in common.
//!
//! A key at an index is a child of the same extended key at every index, and deriving that parent
//! takes as long as deriving the child.  So a descriptor derives the parents of its keys once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bitcoin::bip32::{self, ChildNumber, KeySource, Xpub};
use bitcoin::secp256k1::{Secp256k1, Verification};
use miniscript::descriptor::{
    ConversionError, Descriptor, DescriptorPublicKey, SinglePubKey, Wildcard,
};
use miniscript::{ForEachKey, ToPublicKey};

use super::derive::Keychain;

/// The parents of the keys of a descriptor on one keychain.
#[derive(Clone, Debug)]
pub(crate) struct Parents(HashMap<DescriptorPublicKey, Parent>);

/// Where the keys come from that stand in one place of a descriptor, index by index.
#[derive(Clone, Debug)]
enum Parent {
    /// A child for each index, of the extended key with this origin.
    Extended { key: Xpub, source: KeySource },
    /// One key at every index.
    Same {
        key: bitcoin::PublicKey,
        source: KeySource,
    },
}

/// A key at an index.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub key: bitcoin::PublicKey,
    /// Without an origin, the key in the descriptor counts as its own master key.
    pub source: KeySource,
}

impl Parents {
    /// The parents of all keys of a descriptor, each derived now.
    pub(crate) fn new<C: Verification>(
        descriptor: &Descriptor<DescriptorPublicKey>,
        keychain: Keychain,
        secp: &Secp256k1<C>,
    ) -> Result<Self, ConversionError> {
        let mut keys = Vec::new();
        descriptor.for_each_key(|key| {
            keys.push(key.clone());
            true
        });
        let mut parents = HashMap::new();
        for key in keys {
            if let Entry::Vacant(vacant) = parents.entry(key) {
                let parent = Parent::new(vacant.key(), keychain, secp)?;
                vacant.insert(parent);
            }
        }
        Ok(Self(parents))
    }

    /// All keys at an index, by the key that stands for them in the descriptor.
    pub(crate) fn children<C: Verification>(
        &self,
        index: u32,
        secp: &Secp256k1<C>,
    ) -> Result<HashMap<&DescriptorPublicKey, Child>, ConversionError> {
        let number =
            ChildNumber::from_normal_idx(index).map_err(|_| ConversionError::HardenedChild)?;
        let children = self.0.iter();
        let children = children.map(|(key, parent)| Ok((key, parent.child(number, secp)?)));
        children.collect()
    }
}

impl Parent {
    fn new<C: Verification>(
        key: &DescriptorPublicKey,
        keychain: Keychain,
        secp: &Secp256k1<C>,
    ) -> Result<Self, ConversionError> {
        // A key from elsewhere may have one branch or none.
        let mut branches = key.clone().into_single_keys().into_iter();
        let branch = match keychain {
            Keychain::Receive => branches.next(),
            Keychain::Change => branches.last(),
        };
        let branch = branch.unwrap_or_else(|| key.clone());
        let path = branch.full_derivation_path();
        let source = (
            branch.master_fingerprint(),
            path.ok_or(ConversionError::MultiKey)?,
        );
        match branch {
            DescriptorPublicKey::Single(single) => Ok(Self::Same {
                key: match single.key {
                    SinglePubKey::FullKey(key) => key,
                    SinglePubKey::XOnly(key) => key.to_public_key(),
                },
                source,
            }),
            DescriptorPublicKey::XPub(extended) => {
                let key = extended.xkey.derive_pub(secp, &extended.derivation_path);
                let key = key.map_err(|_| ConversionError::HardenedChild)?;
                match extended.wildcard {
                    Wildcard::Unhardened => Ok(Self::Extended { key, source }),
                    Wildcard::None => Ok(Self::Same {
                        key: bitcoin::PublicKey::new(key.public_key),
                        source,
                    }),
                    Wildcard::Hardened => Err(ConversionError::HardenedChild),
                }
            }
            DescriptorPublicKey::MultiXPub(_) => Err(ConversionError::MultiKey),
        }
    }

    fn child<C: Verification>(
        &self,
        number: ChildNumber,
        secp: &Secp256k1<C>,
    ) -> Result<Child, ConversionError> {
        match self {
            Self::Same { key, source } => Ok(Child {
                key: *key,
                source: source.clone(),
            }),
            Self::Extended { key, source } => {
                let (fingerprint, path) = source;
                let public = public_child(key, number, secp);
                Ok(Child {
                    key: bitcoin::PublicKey::new(
                        public.map_err(|_| ConversionError::HardenedChild)?,
                    ),
                    source: (*fingerprint, path.child(number)),
                })
            }
        }
    }
}

/// The public key of a child, without what only its own children would need (BIP-32).
fn public_child<C: Verification>(
    parent: &Xpub,
    number: ChildNumber,
    secp: &Secp256k1<C>,
) -> Result<bitcoin::secp256k1::PublicKey, bip32::Error> {
    let (tweak, _) = parent.ckd_pub_tweak(number)?;
    let child = parent.public_key.add_exp_tweak(secp, &tweak.into());
    child.map_err(bip32::Error::Secp256k1)
}
