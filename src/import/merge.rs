//! Receive and change descriptors that differ in one step, as one descriptor with both branches.

use std::str::FromStr;

use bitcoin::bip32::DerivationPath;
use miniscript::descriptor::{DerivPaths, Descriptor, DescriptorMultiXKey, DescriptorPublicKey};

use super::source::{Checksum, Found};
use crate::compile::{Piece, pieces};

/// Joins each descriptor with the next that is the same wallet's.
pub(super) fn pairs(found: Vec<Found>) -> Vec<Found> {
    let mut joined: Vec<Found> = Vec::new();
    // Whether the last of them still waits for its other half.
    let mut open = false;
    for next in found {
        let last = joined.last_mut().filter(|_| open);
        let both = last.as_ref().and_then(|last| both(last, &next));
        match (last, both) {
            (Some(last), Some(both)) => {
                last.descriptor = both;
                if last.checksum == Checksum::Right {
                    last.checksum = next.checksum;
                }
                open = false;
            }
            _ => {
                open = !next.descriptor.is_multipath();
                joined.push(next);
            }
        }
    }
    joined
}

/// The descriptor with both branches, if the two differ in one step of every key.
fn both(receive: &Found, change: &Found) -> Option<Descriptor<DescriptorPublicKey>> {
    if change.descriptor.is_multipath() {
        return None;
    }
    let (receive, change) = (
        format!("{:#}", receive.descriptor),
        format!("{:#}", change.descriptor),
    );
    let (receive, change) = (pieces(&receive), pieces(&change));
    if receive.len() != change.len() {
        return None;
    }
    let mut text = String::new();
    let mut any = false;
    for pair in receive.iter().zip(&change) {
        match pair {
            (Piece::Other(one), Piece::Other(two)) if one == two => text.push_str(one),
            // A key that is fixed, such as an unspendable one, is the same in both.
            (Piece::Key(_, one), Piece::Key(_, two)) if one == two => {
                text.push_str(&one.to_string());
            }
            (Piece::Key(_, one), Piece::Key(_, two)) => {
                text.push_str(&multipath(one, two)?.to_string());
                any = true;
            }
            _ => return None,
        }
    }
    if !any {
        return None;
    }
    Descriptor::from_str(&text).ok()
}

fn multipath(one: &DescriptorPublicKey, two: &DescriptorPublicKey) -> Option<DescriptorPublicKey> {
    let (DescriptorPublicKey::XPub(one), DescriptorPublicKey::XPub(two)) = (one, two) else {
        return None;
    };
    let same = one.origin == two.origin && one.xkey == two.xkey && one.wildcard == two.wildcard;
    let paths = [&one.derivation_path, &two.derivation_path];
    if !same || !differ_in_one_step(paths) {
        return None;
    }
    Some(DescriptorPublicKey::MultiXPub(DescriptorMultiXKey {
        origin: one.origin.clone(),
        xkey: one.xkey,
        derivation_paths: DerivPaths::new(paths.map(Clone::clone).to_vec())?,
        wildcard: one.wildcard,
    }))
}

fn differ_in_one_step(paths: [&DerivationPath; 2]) -> bool {
    let [one, two] = paths;
    let different = one.into_iter().zip(two).filter(|(one, two)| one != two);
    one.len() == two.len() && different.count() == 1
}
