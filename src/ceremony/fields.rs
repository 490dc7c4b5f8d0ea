//! What a file says of its inputs and outputs, compared with what the policy says of them.

use std::collections::BTreeSet;

use bitcoin::bip32::Fingerprint;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Psbt, psbt};

use super::fault::{FaultCode, Place};
use super::recognise::named_keys;
use super::recognised::{Destination, Recognised};
use crate::compile::Derived;
use crate::transaction::AnyTransaction;

/// What can be said of the fields of an input without knowing the whole transaction.
pub(super) fn plain(
    to: &mut Recognised,
    number: usize,
    fields: &psbt::Input,
    derived: Option<&Derived>,
) {
    let place = Place::Input(number);
    if let Some(kind) = fields.sighash_type {
        let is_taproot = derived.is_some_and(|derived| derived.script_pubkey().is_p2tr());
        let allowed = match kind.to_u32() {
            0 => is_taproot,
            1 => true,
            _ => false,
        };
        if !allowed {
            let message = format!("it asks for the sighash type 0x{:02x}", kind.to_u32());
            to.fault(FaultCode::SighashType, place, message);
        }
    }
    if fields.final_script_sig.is_some() || fields.final_script_witness.is_some() {
        let message = "it has a finished witness in place of signatures";
        to.fault(FaultCode::Finalized, place, message);
    }
}

/// Compares the fields of the inputs with our own.
pub(super) fn inputs(to: &mut Recognised, transaction: &AnyTransaction) {
    let Ok(own) = transaction.unsigned_psbt() else {
        return;
    };
    let file = to.psbt.clone();
    for (number, (said, own)) in file.inputs.iter().zip(&own.inputs).enumerate() {
        let place = Place::Input(number);
        let mut script = |differs: bool, what: &str| {
            if differs {
                let message = format!("its {what} is not that of the coin");
                to.fault(FaultCode::CoinScript, place, message);
            }
        };
        script(said.redeem_script.is_some(), "redeem script");
        script(
            said.witness_script.is_some() && said.witness_script != own.witness_script,
            "witness script",
        );
        script(
            said.tap_internal_key.is_some() && said.tap_internal_key != own.tap_internal_key,
            "internal key",
        );
        script(
            said.tap_merkle_root.is_some() && said.tap_merkle_root != own.tap_merkle_root,
            "tree of scripts",
        );
        let foreign = said
            .tap_scripts
            .iter()
            .any(|(control, leaf)| own.tap_scripts.get(control) != Some(leaf));
        script(foreign, "leaf script");
        let ecdsa = said
            .bip32_derivation
            .iter()
            .any(|(key, source)| own.bip32_derivation.get(key) != Some(source));
        let taproot = said.tap_key_origins.iter().any(|(key, (hashes, source))| {
            own.tap_key_origins.get(key).is_none_or(|(known, origin)| {
                origin != source || hashes.iter().any(|hash| !known.contains(hash))
            })
        });
        if ecdsa || taproot {
            let message = "it names a key, or says where a key comes from, as the policy does not";
            to.fault(FaultCode::KeyOrigin, place, message);
        } else {
            more_than_asked(to, number, said);
        }
    }
}

/// Keys or scripts of leaves that are not spent.
fn more_than_asked(to: &mut Recognised, number: usize, said: &psbt::Input) {
    let Some(Some(derived)) = to.spent.get(number) else {
        return;
    };
    let Some(leaf) = to.leaf.as_ref().and_then(|leaf| derived.leaf(leaf)) else {
        return;
    };
    let keys: BTreeSet<_> = leaf
        .keys
        .iter()
        .map(|used| used.public_key.inner.x_only_public_key().0)
        .collect();
    let internal = said.tap_internal_key;
    let more_keys = named_keys(&to.psbt, number)
        .iter()
        .any(|key| !keys.contains(key) && Some(*key) != internal);
    let more_scripts = said.tap_scripts.values().any(|(script, version)| {
        leaf.script(Some(TapLeafHash::from_script(script, *version)))
            .is_none()
    });
    if more_keys || more_scripts {
        let message = format!(
            "it names keys or scripts of other leaves than `{}`, for which a device could sign as well",
            leaf.leaf.kind()
        );
        to.fault(FaultCode::MoreThanAsked, Place::Input(number), message);
    }
}

/// Compares the fields of the outputs with our own.
pub(super) fn outputs(to: &mut Recognised, transaction: &AnyTransaction) {
    let Ok(own) = transaction.unsigned_psbt() else {
        return;
    };
    let parties = fingerprints(&own);
    let file = to.psbt.clone();
    for (number, (said, own)) in file.outputs.iter().zip(&own.outputs).enumerate() {
        let place = Place::Output(number);
        let is_own = matches!(
            to.outputs.get(number).map(|output| &output.to),
            Some(Destination::Own { .. })
        );
        if !is_own {
            let ecdsa = said.bip32_derivation.values().map(|(known, _)| *known);
            let taproot = said.tap_key_origins.values();
            let taproot = taproot.map(|(_, (known, _))| *known);
            if ecdsa.chain(taproot).any(|known| parties.contains(&known)) {
                let message =
                    "it has key origins of parties of this policy, and pays none of its scripts";
                to.fault(FaultCode::FakeChange, place, message);
            }
            continue;
        }
        let mut origins = said
            .bip32_derivation
            .iter()
            .any(|(key, source)| own.bip32_derivation.get(key) != Some(source));
        origins |= said.tap_key_origins.iter().any(|(key, (hashes, source))| {
            own.tap_key_origins.get(key).is_none_or(|(known, origin)| {
                origin != source || hashes.iter().any(|hash| !known.contains(hash))
            })
        });
        if origins {
            let message = "it says where a key comes from as the policy does not";
            to.fault(FaultCode::KeyOrigin, place, message);
        }
        let differs = said.redeem_script.is_some()
            || said.witness_script.is_some() && said.witness_script != own.witness_script
            || said.tap_internal_key.is_some() && said.tap_internal_key != own.tap_internal_key
            || said.tap_tree.is_some() && said.tap_tree != own.tap_tree;
        if differs {
            let message = "its script in the file is not that of the stage";
            to.fault(FaultCode::CoinScript, place, message);
        }
    }
}

/// The fingerprints of everybody who has a key in the coins that are spent.
fn fingerprints(own: &Psbt) -> BTreeSet<Fingerprint> {
    let inputs = own.inputs.iter();
    inputs
        .flat_map(|input| {
            let ecdsa = input.bip32_derivation.values().map(|(known, _)| *known);
            let taproot = input.tap_key_origins.values();
            ecdsa.chain(taproot.map(|(_, (known, _))| *known))
        })
        .collect()
}
