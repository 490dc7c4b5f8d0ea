//! One account in several places of a descriptor.

use std::collections::BTreeMap;

use bitcoin::bip32::{ChildNumber, Xpub};
use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

use super::party::Holder;
use crate::compile::{Piece, pieces};

/// A descriptor in which every place has an account of its own.
pub(super) struct Apart {
    pub descriptor: Descriptor<DescriptorPublicKey>,
    /// The accounts that stood in several places, each with their number.
    pub reused: Vec<(Holder, usize)>,
}

/// The same descriptor with another account wherever one stands a second time, or nothing if none
/// does.
pub(super) fn apart(
    descriptor: &Descriptor<DescriptorPublicKey>,
    holders: &[Holder],
) -> Option<Apart> {
    let secp = Secp256k1::verification_only();
    let text = format!("{descriptor:#}");
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut written = String::with_capacity(text.len());
    for piece in pieces(&text) {
        match piece {
            Piece::Other(text) => written.push_str(text),
            Piece::Key(text, key) => {
                let holder = holders.iter().position(|holder| holder.holds(&key));
                // An unspendable key is nobody's.
                let count = holder.map_or(1, |number| {
                    let count = places.entry(number).or_default();
                    *count += 1;
                    *count
                });
                match count {
                    1 => written.push_str(text),
                    // Children that no descriptor uses: its own branches are below the account.
                    count => {
                        let child = u32::try_from(count).ok()?.checked_add(1 << 30)?;
                        let other = other(*key, |xpub| {
                            let step = ChildNumber::from_normal_idx(child).ok()?;
                            xpub.ckd_pub(&secp, step).ok()
                        })?;
                        written.push_str(&other.to_string());
                    }
                }
            }
        }
    }
    let reused = places.into_iter().filter(|(_, count)| *count > 1);
    let reused = reused.filter_map(|(number, count)| Some((holders.get(number)?.clone(), count)));
    let reused: Vec<(Holder, usize)> = reused.collect();
    if reused.is_empty() {
        return None;
    }
    let descriptor = written.parse().ok()?;
    Some(Apart { descriptor, reused })
}

/// The same steps after another account, of which nothing is known but the key.
fn other(
    key: DescriptorPublicKey,
    account: impl Fn(Xpub) -> Option<Xpub>,
) -> Option<DescriptorPublicKey> {
    Some(match key {
        DescriptorPublicKey::Single(_) => return None,
        DescriptorPublicKey::XPub(mut key) => {
            key.xkey = account(key.xkey)?;
            key.origin = None;
            DescriptorPublicKey::XPub(key)
        }
        DescriptorPublicKey::MultiXPub(mut key) => {
            key.xkey = account(key.xkey)?;
            key.origin = None;
            DescriptorPublicKey::MultiXPub(key)
        }
    })
}
