//! The taproot internal key that nobody can sign with.

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChainCode, ChildNumber, Fingerprint, Xpub};
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::{Parity, PublicKey};
use miniscript::descriptor::{DescriptorPublicKey, SinglePubKey};

use super::branch::multipath;

/// The point without a known discrete logarithm that BIP-341 names: the hash of the generator
/// taken as an x coordinate, with an even y.
pub const NUMS_POINT: [u8; 33] = [
    0x02, 0x50, 0x92, 0x9b, 0x74, 0xc1, 0xa0, 0x49, 0x54, 0xb7, 0x8b, 0x4b, 0x60, 0x35, 0xe9, 0x7a,
    0x5e, 0x07, 0x8a, 0x5a, 0x0f, 0x28, 0xec, 0x96, 0xd5, 0x47, 0xbf, 0xee, 0x9a, 0xce, 0x80, 0x3a,
    0xc0,
];

/// The internal key for a tree with these keys, from left to right.
///
/// It is an extended key made of [`NUMS_POINT`] and a chain code, so that its children cannot be
/// signed with either and no two wallets share one.  The chain code is the SHA-256 of the public
/// keys of the tree's extended keys, in the order in which they stand in it: a convention by
/// which signing devices and other wallets can recompute the key and show it as unspendable.
pub(super) fn unspendable_internal_key<'a>(
    keys: impl Iterator<Item = &'a DescriptorPublicKey>,
    network: NetworkKind,
) -> DescriptorPublicKey {
    let mut engine = sha256::Hash::engine();
    for key in keys {
        if let DescriptorPublicKey::MultiXPub(multi) = key {
            engine.input(&multi.xkey.public_key.serialize());
        }
    }
    let chain_code = sha256::Hash::from_engine(engine);
    let xpub = Xpub {
        network,
        depth: 0,
        parent_fingerprint: Fingerprint::default(),
        child_number: ChildNumber::Normal { index: 0 },
        public_key: PublicKey::from_slice(&NUMS_POINT)
            .expect("the point that BIP-341 prints is on the curve"),
        chain_code: ChainCode::from(chain_code.to_byte_array()),
    };
    multipath(None, xpub, 0)
}

/// Whether a key is the point nobody can sign for, or derived from it.
#[must_use]
pub fn is_unspendable(key: &DescriptorPublicKey) -> bool {
    let public_key = match key {
        DescriptorPublicKey::XPub(xpub) => xpub.xkey.public_key,
        DescriptorPublicKey::MultiXPub(multi) => multi.xkey.public_key,
        DescriptorPublicKey::Single(single) => match single.key {
            SinglePubKey::XOnly(x) => x.public_key(Parity::Even),
            SinglePubKey::FullKey(key) => key.inner,
        },
    };
    // Taproot takes the x coordinate alone.
    public_key.x_only_public_key().0.serialize() == NUMS_POINT[1..]
}
