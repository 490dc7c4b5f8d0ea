//! All there is to a compiled policy, as one JSON document.

use bitcoin::secp256k1::Secp256k1;
use serde::Serialize;
use serde_json::Value;

use super::{ExportError, Format, Request, halves};
use crate::compile::{
    BranchUse, Compiled, Keychain, LeafKind, PolicyId, Role, Stage, StageDescriptor, is_unspendable,
};
use crate::policy::{Network, ScriptType};
use crate::units::{AbsoluteLock, RelativeLock};

#[derive(Serialize)]
struct Whole<'a> {
    policy: &'a str,
    id: PolicyId,
    network: Network,
    script: ScriptType,
    /// The document in its canonical form, from which everything else follows.
    canonical: &'a str,
    stages: Vec<WholeStage<'a>>,
    branches: &'a [BranchUse],
}

#[derive(Serialize)]
struct WholeStage<'a> {
    #[serde(flatten)]
    stage: &'a Stage,
    descriptor: String,
    receive: Option<String>,
    change: Option<String>,
    unspendable_internal_key: Option<String>,
    leaves: Vec<WholeLeaf<'a>>,
    addresses: Vec<WholeAddress>,
}

#[derive(Serialize)]
struct WholeLeaf<'a> {
    #[serde(flatten)]
    kind: &'a LeafKind,
    signers: Vec<WholeGroup<'a>>,
    relative_lock: Option<RelativeLock>,
    absolute_lock: Option<AbsoluteLock>,
    file_needed: bool,
    key_path: bool,
}

#[derive(Serialize)]
struct WholeGroup<'a> {
    role: Role,
    quorum: &'a str,
    threshold: usize,
    keys: Vec<WholeKey<'a>>,
}

#[derive(Serialize)]
struct WholeKey<'a> {
    party: &'a str,
    key: String,
}

#[derive(Serialize)]
struct WholeAddress {
    keychain: Keychain,
    index: u32,
    /// Of the vault alone: nobody must deposit to an escrow or a lock-up, which are only watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    script: String,
}

pub(super) fn document(
    compiled: &Compiled,
    stages: &[&StageDescriptor],
    request: &Request,
) -> Result<Value, ExportError> {
    let policy = compiled.policy();
    let whole = Whole {
        policy: policy.name(),
        id: compiled.id(),
        network: policy.network(),
        script: policy.script(),
        canonical: policy.canonical(),
        stages: stages
            .iter()
            .map(|descriptor| stage(compiled, descriptor, request))
            .collect::<Result<_, _>>()?,
        branches: compiled.branches().uses(),
    };
    Ok(serde_json::to_value(&whole).expect("plain data has a form in JSON"))
}

fn stage<'a>(
    compiled: &Compiled,
    stage: &'a StageDescriptor,
    request: &Request,
) -> Result<WholeStage<'a>, ExportError> {
    let secp = Secp256k1::new();
    let is_vault = *stage.stage() == Stage::Vault;
    let mut addresses = Vec::new();
    for keychain in Keychain::BOTH {
        for index in 0..request.addresses {
            let derived = stage.derive(keychain, index, &secp);
            let derived = derived.map_err(|error| ExportError::Refused {
                format: Format::Json,
                stage: stage.stage().clone(),
                reason: error.to_string(),
            })?;
            addresses.push(WholeAddress {
                keychain,
                index,
                address: is_vault.then(|| derived.address(compiled.policy().network()).to_string()),
                script: derived.script_pubkey().to_hex_string(),
            });
        }
    }
    let mut halves = halves(Format::Json, stage)?.into_iter();
    Ok(WholeStage {
        stage: stage.stage(),
        descriptor: stage.text().to_owned(),
        receive: halves.next().map(|half| half.to_string()),
        change: halves.next().map(|half| half.to_string()),
        unspendable_internal_key: stage
            .internal_key()
            .filter(|key| is_unspendable(key))
            .map(ToString::to_string),
        leaves: stage
            .leaves()
            .iter()
            .map(|leaf| WholeLeaf {
                kind: leaf.kind(),
                signers: leaf
                    .groups()
                    .iter()
                    .map(|group| WholeGroup {
                        role: group.role(),
                        quorum: group.quorum().name(),
                        threshold: group.quorum().threshold(),
                        keys: group
                            .seats()
                            .map(|(party, key)| WholeKey {
                                party,
                                key: key.to_string(),
                            })
                            .collect(),
                    })
                    .collect(),
                relative_lock: leaf.relative(),
                absolute_lock: leaf.absolute(),
                file_needed: leaf.is_presigned(),
                key_path: leaf.is_key_path(),
            })
            .collect(),
        addresses,
    })
}
