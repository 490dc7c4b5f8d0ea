//! Labels (BIP-329): who holds which key, and what each address is for.

use std::collections::BTreeMap;

use bip329::{AddressRecord, ExtendedPublicKeyRecord, Label, PublicKeyRecord};
use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::SinglePubKey;

use super::{ExportError, Format, Request};
use crate::compile::{Compiled, Keychain, Leaf, Stage, StageDescriptor};
use crate::policy::AccountKey;

/// One JSON object to a line: first the extended keys, by party and role, then the first addresses
/// of each stage.
///
/// An address of an escrow or a lock-up is labelled so that a coin that arrives there is
/// understood; its label says that nobody deposits there.
pub(super) fn lines(
    compiled: &Compiled,
    stages: &[&StageDescriptor],
    request: &Request,
) -> Result<String, ExportError> {
    let name = compiled.policy().name();
    let mut labels: Vec<Label> = key_labels(compiled)
        .into_iter()
        .map(|(key, uses)| {
            let label = Some(format!("{name}: {}", uses.join(", ")));
            match key.single() {
                Some(SinglePubKey::FullKey(key)) => Label::PublicKey(PublicKeyRecord {
                    ref_: key.to_string(),
                    label,
                }),
                Some(SinglePubKey::XOnly(key)) => Label::PublicKey(PublicKeyRecord {
                    ref_: key.to_string(),
                    label,
                }),
                None => Label::ExtendedPublicKey(ExtendedPublicKeyRecord {
                    ref_: key.xpub().to_string(),
                    label,
                }),
            }
        })
        .collect();
    let secp = Secp256k1::new();
    for stage in stages {
        for keychain in Keychain::BOTH {
            for index in 0..request.addresses {
                let refused =
                    |error: miniscript::descriptor::ConversionError| ExportError::Refused {
                        format: Format::Labels,
                        stage: stage.stage().clone(),
                        reason: error.to_string(),
                    };
                let derived = stage.derive(keychain, index, &secp).map_err(refused)?;
                let purpose = match (stage.stage(), keychain) {
                    (Stage::Vault, Keychain::Receive) => "deposits",
                    (Stage::Vault, Keychain::Change) => "our own transactions only",
                    _ => "pre-signed transactions only, never deposit",
                };
                let address = derived.address(compiled.policy().network());
                labels.push(Label::Address(AddressRecord {
                    ref_: address.into_unchecked(),
                    label: Some(format!(
                        "{name}: {}, {keychain} {index}, {purpose}",
                        stage.stage()
                    )),
                }));
            }
        }
    }
    let lines = labels.iter().map(serde_json::to_string);
    let lines: Vec<String> = lines
        .collect::<Result<_, _>>()
        .expect("texts and addresses have a form in JSON");
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// What each extended key is used for, in the order of the parties.
fn key_labels(compiled: &Compiled) -> Vec<(&AccountKey, Vec<String>)> {
    let mut labels: Vec<(&AccountKey, Vec<String>)> = Vec::new();
    let mut add = |key, what| match labels.iter_mut().find(|(known, _)| *known == key) {
        Some((_, uses)) => uses.push(what),
        None => labels.push((key, vec![what])),
    };
    let mut roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let leaves = compiled.stages().flat_map(StageDescriptor::leaves);
    for group in leaves.flat_map(Leaf::groups) {
        for (party, _) in group.seats() {
            let roles = roles.entry(party).or_default();
            let role = group.role().to_string();
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    for party in compiled.policy().parties() {
        let mut roles = roles.remove(party.name()).unwrap_or_default();
        if let Some(veto) = party.veto() {
            roles.retain(|role| role != "veto");
            add(veto, format!("{} (veto)", party.name()));
        }
        let roles = match roles.as_slice() {
            [] => "no role".to_owned(),
            roles => roles.join(", "),
        };
        add(party.key(), format!("{} ({roles})", party.name()));
        if let Some(fees) = party.fees() {
            add(fees.account(), format!("{} (fee wallet)", party.name()));
        }
    }
    labels
}
