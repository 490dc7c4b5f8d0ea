//! The Liana wallet: a primary path without lock, and recovery paths each after a delay of its own.

use std::collections::BTreeMap;

use miniscript::descriptor::DescriptorPublicKey;

use crate::compile::{Compiled, Leaf, LeafKind, Stage, StageDescriptor};
use crate::policy::Member;
use crate::units::RelativeLock;

/// Fewest and most keys of a path of several.
const KEYS: std::ops::RangeInclusive<usize> = 2..=20;

/// The vault's descriptor, if the policy is one that Liana can hold.
///
/// Otherwise the reason, which names the path that it cannot hold.
pub(super) fn descriptor(compiled: &Compiled, stage: &StageDescriptor) -> Result<String, String> {
    if let Stage::Escrow(path) | Stage::Lockup(path) = stage.stage() {
        return Err(format!(
            "Liana has no stages, and path `{path}` is a staged one"
        ));
    }
    let policy = compiled.policy();
    if let Some(path) = policy.paths().iter().find(|path| path.staged().is_some()) {
        return Err(format!(
            "path `{}` is staged, and Liana has no stages",
            path.name()
        ));
    }
    let mut delays: BTreeMap<u32, &str> = BTreeMap::new();
    for leaf in stage.leaves() {
        check_keys(leaf)?;
        match leaf.kind() {
            LeafKind::Direct(path) => {
                let blocks = delay(leaf, path)?;
                if let Some(other) = delays.insert(blocks, path) {
                    return Err(format!(
                        "paths `{other}` and `{path}` have the same delay, and in Liana each recovery path has its own"
                    ));
                }
            }
            _ => {
                if let Some(lock) = leaf.relative() {
                    return Err(format!(
                        "the path of root waits for {lock}, and the primary path of Liana has no lock"
                    ));
                }
            }
        }
    }
    if policy.paths().is_empty() {
        return Err("Liana needs at least one recovery path, and this policy has none".to_owned());
    }
    Ok(format!("{}\n", stage.text()))
}

/// The delay in blocks, which is the only lock that Liana knows.
fn delay(leaf: &Leaf, path: &str) -> Result<u32, String> {
    if let Some(lock) = leaf.absolute() {
        return Err(format!(
            "path `{path}` opens at {lock}, and Liana has only delays"
        ));
    }
    match leaf.relative() {
        Some(lock @ RelativeLock::Blocks(_)) => Ok(lock.to_consensus()),
        Some(lock) => Err(format!(
            "path `{path}` waits for {lock}, and Liana counts in blocks"
        )),
        None => Err(format!(
            "path `{path}` has no delay, and a recovery path of Liana has one"
        )),
    }
}

/// One key, or one threshold over keys, each with an origin and a branch pair.
fn check_keys(leaf: &Leaf) -> Result<(), String> {
    let title = match leaf.kind() {
        LeafKind::Direct(path) | LeafKind::Trigger(path) => format!("path `{path}`"),
        _ => "the path of root".to_owned(),
    };
    for group in leaf.groups() {
        let members = group.quorum().members();
        if members
            .iter()
            .any(|member| matches!(member, Member::Quorum(_)))
        {
            return Err(format!(
                "{title} has a threshold of thresholds, and a path of Liana is one threshold over keys"
            ));
        }
        if members.len() > 1 && !KEYS.contains(&members.len()) {
            return Err(format!(
                "{title} has {} keys, and a path of Liana has at most {}",
                members.len(),
                KEYS.end()
            ));
        }
    }
    for key in leaf.keys() {
        let held = match key {
            DescriptorPublicKey::MultiXPub(multi) => {
                multi.origin.is_some() && multi.derivation_paths.paths().len() == 2
            }
            _ => false,
        };
        if !held {
            return Err(format!(
                "{title} has the key `{key}`, and Liana wants an origin and a branch pair, such as `[…]xpub…/<0;1>/*`"
            ));
        }
    }
    Ok(())
}
