//! What a PSBT says about the scripts of our own coins and outputs (BIP-174, BIP-371).
//!
//! The keys are known already, so nothing is derived here.

use std::collections::BTreeMap;

use bitcoin::bip32::KeySource;
use bitcoin::psbt;
use bitcoin::secp256k1::PublicKey;
use bitcoin::taproot::{LeafVersion, TapLeafHash, TapTree, TaprootBuilder};
use bitcoin::{PublicKey as FullKey, XOnlyPublicKey};
use miniscript::descriptor::{Descriptor, Tr};

use crate::compile::Derived;

/// The taproot keys of a script, each with the script leaves it stands in.
type TapKeys = BTreeMap<XOnlyPublicKey, (Vec<TapLeafHash>, KeySource)>;

/// Says of an input which script it spends and whose keys stand in it.
pub(super) fn describe_input(derived: &Derived, fields: &mut psbt::Input) {
    match derived.concrete() {
        Descriptor::Tr(tr) => {
            let info = tr.spend_info();
            fields.tap_internal_key = Some(info.internal_key());
            fields.tap_merkle_root = info.merkle_root();
            fields.tap_key_origins = tap_keys(derived, tr);
            for (_, script) in tr.iter_scripts() {
                let script = (script.encode(), LeafVersion::TapScript);
                if let Some(control) = info.control_block(&script) {
                    fields.tap_scripts.insert(control, script);
                }
            }
        }
        Descriptor::Wsh(wsh) => {
            fields.witness_script = Some(wsh.inner_script());
            fields.bip32_derivation = keys(derived);
        }
        _ => {}
    }
}

/// Says of an output which script it pays to and whose keys stand in it, so that a signing device
/// sees that it is the vault's.
pub(super) fn describe_output(derived: &Derived, fields: &mut psbt::Output) {
    match derived.concrete() {
        Descriptor::Tr(tr) => {
            fields.tap_internal_key = Some(tr.spend_info().internal_key());
            fields.tap_key_origins = tap_keys(derived, tr);
            fields.tap_tree = tap_tree(tr);
        }
        Descriptor::Wsh(wsh) => {
            fields.witness_script = Some(wsh.inner_script());
            fields.bip32_derivation = keys(derived);
        }
        _ => {}
    }
}

fn keys(derived: &Derived) -> BTreeMap<PublicKey, KeySource> {
    let keys = derived.leaves().iter().flat_map(|leaf| &leaf.keys);
    keys.map(|used| {
        let source = (used.fingerprint, used.path.clone());
        (used.public_key.inner, source)
    })
    .collect()
}

fn tap_keys(derived: &Derived, tr: &Tr<FullKey>) -> TapKeys {
    let mut keys = TapKeys::new();
    if let Some(source) = derived.internal_source() {
        let internal = tr.spend_info().internal_key();
        keys.insert(internal, (Vec::new(), source.clone()));
    }
    for leaf in derived.leaves() {
        for (seat, used) in leaf.keys.iter().enumerate() {
            let key = used.public_key.inner.x_only_public_key().0;
            let source = || (Vec::new(), (used.fingerprint, used.path.clone()));
            let (hashes, _) = keys.entry(key).or_insert_with(source);
            let scripts = leaf.scripts.iter();
            let scripts = scripts.filter(|script| script.script.seats().contains(&seat));
            hashes.extend(scripts.filter_map(|script| script.hash));
        }
    }
    for (hashes, _) in keys.values_mut() {
        hashes.sort_unstable();
        hashes.dedup();
    }
    keys
}

fn tap_tree(tr: &Tr<FullKey>) -> Option<TapTree> {
    tr.tap_tree().as_ref()?;
    let mut builder = TaprootBuilder::new();
    for (depth, script) in tr.iter_scripts() {
        builder = builder.add_leaf(depth, script.encode()).ok()?;
    }
    TapTree::try_from(builder).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bitcoin::absolute::LockTime;
    use bitcoin::secp256k1::Secp256k1;
    use bitcoin::transaction::Version;
    use bitcoin::{Amount, Psbt, Transaction, TxIn, TxOut};
    use miniscript::psbt::PsbtExt;

    use super::*;
    use crate::compile::{Keychain, compile};
    use crate::policy::check;

    /// The library derives every key anew from the definite descriptor; it must come to the same.
    #[test]
    fn fields_are_those_that_the_library_fills_in() {
        let secp = Secp256k1::new();
        let mut stages = 0;
        for folder in std::fs::read_dir("policies").expect("they are here") {
            let path = folder.expect("a folder").path().join("policy.toml");
            let Ok(text) = std::fs::read_to_string(path) else {
                continue;
            };
            let policy = check(&text).policy.expect("it is sound");
            let compiled = compile(Arc::new(policy)).expect("it compiles");
            for stage in compiled.stages() {
                for keychain in Keychain::BOTH {
                    let derived = stage.derive(keychain, 5, &secp).expect("an index");
                    let definite = derived.definite().expect("it was derived");
                    let mut known = psbt_of(&derived);
                    known
                        .update_input_with_descriptor(0, &definite)
                        .expect("it fits");
                    known
                        .update_output_with_descriptor(0, &definite)
                        .expect("it fits");
                    let mut own = psbt_of(&derived);
                    describe_input(&derived, &mut own.inputs[0]);
                    describe_output(&derived, &mut own.outputs[0]);
                    assert_eq!(
                        own,
                        known,
                        "{} of {}",
                        stage.stage(),
                        folder_name(&compiled)
                    );
                    stages += 1;
                }
            }
        }
        assert!(stages > 40, "only {stages}");
    }

    fn folder_name(compiled: &crate::compile::Compiled) -> String {
        compiled.policy().name().to_owned()
    }

    /// A transaction that spends such a coin and pays to the same script.
    fn psbt_of(derived: &Derived) -> Psbt {
        let output = TxOut {
            value: Amount::from_sat(1_000),
            script_pubkey: derived.script_pubkey().clone(),
        };
        let source = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: Vec::new(),
            output: vec![output.clone()],
        };
        let mut input = TxIn::default();
        input.previous_output.txid = source.compute_txid();
        input.previous_output.vout = 0;
        let spending = Transaction {
            input: vec![input],
            ..source.clone()
        };
        let mut psbt = Psbt::from_unsigned_tx(spending).expect("it is unsigned");
        psbt.inputs[0].witness_utxo = Some(output);
        psbt.inputs[0].non_witness_utxo = Some(source);
        psbt
    }
}
