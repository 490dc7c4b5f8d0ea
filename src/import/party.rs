//! Who holds the keys of a descriptor.

use std::collections::BTreeSet;

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpub};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey, SinglePubKey, Wildcard};

use super::family::{Family, Refusal};
use super::{ImportError, MAX_KEYS};
use crate::compile::{Piece, is_unspendable, pieces};
use crate::policy::AccountKey;

/// One signer of a descriptor: an account, or a single key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    origin: Option<(Fingerprint, DerivationPath)>,
    key: HolderKey,
}

/// What a signer is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HolderKey {
    Account(Xpub),
    Single(SinglePubKey),
}

impl Holder {
    fn of(key: &DescriptorPublicKey) -> Self {
        match key {
            DescriptorPublicKey::Single(single) => Self {
                origin: single.origin.clone(),
                key: HolderKey::Single(single.key.clone()),
            },
            DescriptorPublicKey::XPub(key) => Self {
                origin: key.origin.clone(),
                key: HolderKey::Account(key.xkey),
            },
            DescriptorPublicKey::MultiXPub(key) => Self {
                origin: key.origin.clone(),
                key: HolderKey::Account(key.xkey),
            },
        }
    }

    /// Whether a key of the descriptor is this signer's.
    #[must_use]
    pub fn holds(&self, key: &DescriptorPublicKey) -> bool {
        Self::of(key).key == self.key
    }

    /// The fingerprint of the master key, if the descriptor says it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.origin.as_ref().map(|(fingerprint, _)| *fingerprint)
    }

    /// The key expression of a policy, without steps after the key.
    #[must_use]
    pub fn expression(&self) -> String {
        let mut text = String::new();
        if let Some((fingerprint, path)) = &self.origin {
            text = format!("[{fingerprint}");
            for step in path {
                text.push_str(&format!("/{step:#}"));
            }
            text.push(']');
        }
        match &self.key {
            HolderKey::Account(xpub) => text.push_str(&xpub.to_string()),
            HolderKey::Single(SinglePubKey::FullKey(key)) => text.push_str(&key.to_string()),
            HolderKey::Single(SinglePubKey::XOnly(key)) => text.push_str(&key.to_string()),
        }
        text
    }

    /// Main or test network, which an extended key says.
    #[must_use]
    pub const fn network(&self) -> Option<NetworkKind> {
        match &self.key {
            HolderKey::Account(xpub) => Some(xpub.network),
            HolderKey::Single(_) => None,
        }
    }
}

/// All signers, each once, in the order of the text; and every key is one that a policy can have.
pub(super) fn holders(
    descriptor: &Descriptor<DescriptorPublicKey>,
) -> Result<Vec<Holder>, ImportError> {
    // In the order of the text, which for a tree is not that in which miniscript visits it.
    let text = format!("{descriptor:#}");
    let keys: Vec<Box<DescriptorPublicKey>> = pieces(&text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Key(_, key) => Some(key),
            Piece::Other(_) => None,
        })
        .collect();
    if keys.len() > MAX_KEYS {
        return Err(ImportError::TooLarge {
            what: "the number of keys",
            limit: MAX_KEYS,
        });
    }
    let mut holders: Vec<Holder> = Vec::new();
    let mut branches = BTreeSet::new();
    for key in &keys {
        let unspendable = is_unspendable(key);
        if let Some(count) = check_steps(key)? {
            branches.insert(count);
        }
        let holder = Holder::of(key);
        if let Err(error) = AccountKey::of_descriptor(&holder.expression()) {
            return Err(Family::BadOrigin
                .refuse(format!("the key `{key}`: {error}"))
                .into());
        }
        if !unspendable && !holders.iter().any(|known| known.key == holder.key) {
            holders.push(holder);
        }
    }
    if branches.len() > 1 {
        return Err(Family::Branches
            .refuse("some keys have two branches and others have not")
            .into());
    }
    let kinds: Vec<NetworkKind> = holders.iter().filter_map(Holder::network).collect();
    if kinds
        .windows(2)
        .any(|pair| matches!(pair, [one, two] if one != two))
    {
        return Err(Family::MixedNetworks.refuse("`xpub` and `tpub`").into());
    }
    Ok(holders)
}

/// How many branches an extended key has; none for a single key.
fn check_steps(key: &DescriptorPublicKey) -> Result<Option<usize>, Refusal> {
    let hardened = |path: &DerivationPath| path.into_iter().any(ChildNumber::is_hardened);
    let (any_hardened, wildcard, branches) = match key {
        DescriptorPublicKey::Single(_) => return Ok(None),
        DescriptorPublicKey::XPub(key) => (hardened(&key.derivation_path), key.wildcard, 1),
        DescriptorPublicKey::MultiXPub(key) => {
            let paths = key.derivation_paths.paths();
            (paths.iter().any(hardened), key.wildcard, paths.len())
        }
    };
    let detail = || format!("the key `{key}`");
    if any_hardened || wildcard == Wildcard::Hardened {
        return Err(Family::HardenedSteps.refuse(detail()));
    }
    if wildcard == Wildcard::None {
        return Err(Family::NoWildcard.refuse(detail()));
    }
    if branches > 2 {
        return Err(Family::Branches.refuse(detail()));
    }
    Ok(Some(branches))
}
