//! Which scripts are ours: derived here, at the revealed indexes and a gap, and never believed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Psbt, Script, ScriptBuf};

use crate::compile::{Compiled, Derived, Keychain};

/// How many indexes beyond the last revealed one are looked at: the gap limit of BIP-44.
pub const GAP: u32 = 20;

/// How many indexes that a file names are tried before all others.
const MAX_HINTS: usize = 8;

/// The scripts of a policy at all indexes that are looked at.
#[derive(Debug)]
pub(super) struct OwnScripts<'a> {
    compiled: &'a Compiled,
    secp: &'a Secp256k1<All>,
    /// The next unused index of each keychain.
    next: [u32; 2],
    found: HashMap<ScriptBuf, Arc<Derived>>,
    derived: BTreeSet<(Keychain, u32)>,
    all: bool,
}

impl<'a> OwnScripts<'a> {
    pub(super) fn new(compiled: &'a Compiled, secp: &'a Secp256k1<All>, next: [u32; 2]) -> Self {
        Self {
            compiled,
            secp,
            next,
            found: HashMap::new(),
            derived: BTreeSet::new(),
            all: false,
        }
    }

    /// The first index of a keychain that is not looked at.
    fn bound(&self, keychain: Keychain) -> u32 {
        let [receive, change] = self.next;
        let next = match keychain {
            Keychain::Receive => receive,
            // A cancel pays the coin's own index on the change keychain.
            Keychain::Change => receive.max(change),
        };
        next.saturating_add(GAP)
    }

    /// The stage, keychain and index of a script, if it is ours.
    ///
    /// The indexes that a file names are tried first, which spares deriving all the others; where
    /// one of them is beyond the bound it is not tried.
    pub(super) fn find(&mut self, script: &Script, hints: &BTreeSet<u32>) -> Option<Arc<Derived>> {
        if let Some(known) = self.found.get(script) {
            return Some(Arc::clone(known));
        }
        // Deriving takes time, and a script of another form cannot be ours.
        if !self.could_be_own(script) {
            return None;
        }
        for keychain in Keychain::BOTH {
            let bound = self.bound(keychain);
            for index in hints.iter().take(MAX_HINTS).filter(|index| **index < bound) {
                self.derive(keychain, *index);
            }
        }
        if let Some(known) = self.found.get(script) {
            return Some(Arc::clone(known));
        }
        if !self.all {
            for keychain in Keychain::BOTH {
                for index in 0..self.bound(keychain) {
                    self.derive(keychain, index);
                }
            }
            self.all = true;
        }
        self.found.get(script).map(Arc::clone)
    }

    /// The stage, keychain and index of a script that is ours at an index that a file names and
    /// that is not looked at.
    pub(super) fn find_beyond(&self, script: &Script, hints: &BTreeSet<u32>) -> Option<Derived> {
        if !self.could_be_own(script) {
            return None;
        }
        for keychain in Keychain::BOTH {
            let bound = self.bound(keychain);
            let beyond = hints
                .iter()
                .take(MAX_HINTS)
                .filter(|index| **index >= bound);
            for index in beyond {
                for stage in self.compiled.stages() {
                    if let Ok(derived) = stage.derive(keychain, *index, self.secp)
                        && **derived.script_pubkey() == *script
                    {
                        return Some(derived);
                    }
                }
            }
        }
        None
    }

    fn could_be_own(&self, script: &Script) -> bool {
        if self.compiled.vault().is_taproot() {
            script.is_p2tr()
        } else {
            script.is_p2wsh()
        }
    }

    fn derive(&mut self, keychain: Keychain, index: u32) {
        if !self.derived.insert((keychain, index)) {
            return;
        }
        for stage in self.compiled.stages() {
            if let Ok(derived) = stage.derive(keychain, index, self.secp) {
                let script = derived.script_pubkey().clone();
                self.found.insert(script, Arc::new(derived));
            }
        }
    }
}

/// The indexes that a file names, as the last steps of its key origins.
pub(super) fn hints(psbt: &Psbt) -> BTreeSet<u32> {
    let inputs = psbt.inputs.iter().flat_map(|input| {
        let ecdsa = input.bip32_derivation.values().map(|(_, path)| path);
        let taproot = input.tap_key_origins.values().map(|(_, (_, path))| path);
        ecdsa.chain(taproot)
    });
    let outputs = psbt.outputs.iter().flat_map(|output| {
        let ecdsa = output.bip32_derivation.values().map(|(_, path)| path);
        let taproot = output.tap_key_origins.values().map(|(_, (_, path))| path);
        ecdsa.chain(taproot)
    });
    let last = |path: &bitcoin::bip32::DerivationPath| match path[..].last() {
        Some(bitcoin::bip32::ChildNumber::Normal { index }) => Some(*index),
        _ => None,
    };
    inputs.chain(outputs).filter_map(last).collect()
}
