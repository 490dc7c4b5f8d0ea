//! The taproot internal key is nobody's, and everybody can see that by computing it again.

use std::str::FromStr;

use bitcoin::base58;
use bitcoin::bip32::Xpub;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1::constants::{GENERATOR_X, GENERATOR_Y};
use longstop::compile::{Leaf, is_unspendable};
use proptest::prelude::*;

use crate::full::policies;
use crate::reference::Reference;
use crate::triples::compiled;

/// The point of BIP-341: the hash of the uncompressed generator as x coordinate, with an even y.
fn nobody() -> Vec<u8> {
    let generator = [&[4][..], &GENERATOR_X, &GENERATOR_Y].concat();
    let hash = sha256::Hash::hash(&generator).to_byte_array();
    [&[2][..], &hash].concat()
}

/// The extended public keys of a text, from left to right.
fn extended_keys(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with("tpub")).collect()
}

/// A key without a parent whose chain code is the hash of the public keys of the tree.
fn recomputed(tree: &[&str]) -> String {
    let mut keys = Vec::new();
    for key in tree {
        let key = Xpub::from_str(key).expect("an extended key");
        keys.extend(key.public_key.serialize());
    }
    let chain_code = sha256::Hash::hash(&keys).to_byte_array();
    // Version of a public test key, depth, fingerprint of the parent and number of the child.
    let head = [0x04, 0x35, 0x87, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    base58::encode_check(&[&head[..], &chain_code, &nobody()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_what_anybody_can_compute(text in policies()) {
        let reference = Reference::read(&text);
        for stage in compiled(&text).stages() {
            let descriptor = stage.descriptor().to_string();
            let keys = extended_keys(&descriptor);
            // The keys of the tree are somebody's, and the descriptor says which one is not.
            let marked = stage.internal_key().is_some_and(is_unspendable);
            prop_assert_eq!(usize::from(marked), reference.strangers(&stage.stage().to_string()));
            let held = stage.leaves().iter().flat_map(Leaf::keys);
            prop_assert_eq!(held.filter(|key| is_unspendable(key)).count(), 0);
            if reference.strangers(&stage.stage().to_string()) == 0 {
                // P2WSH has none, and the one key of a root is somebody's.
                prop_assert!(!descriptor.contains(&recomputed(&keys)));
                prop_assert!(!descriptor.contains(&recomputed(&keys[1..])));
                continue;
            }
            let (internal, tree) = keys.split_first().expect("an internal key");
            let head = format!("tr({internal}/<0;1>/*,");
            prop_assert!(descriptor.starts_with(&head), "{}", descriptor);
            prop_assert_eq!(*internal, recomputed(tree));
            // Another wallet with the same tree but for one key has another internal key.
            prop_assert!(tree.len() < 2 || recomputed(tree) != recomputed(&tree[1..]));
        }
    }
}
