//! Bitcoin Core: the array that `importdescriptors` takes.

use serde_json::{Value, json};

use super::{ExportError, Format, Request, halves};
use crate::compile::{Keychain, Stage, StageDescriptor};

/// One entry for each keychain of each stage.
///
/// Receive and change are entries of their own, each with its checksum: nodes before version 29
/// take no multipath descriptor there, and later ones take these as well.  Only the vault is
/// active, so that the wallet never gives out the address of an escrow or a lock-up.
pub(super) fn import(stages: &[&StageDescriptor], request: &Request) -> Result<Value, ExportError> {
    let timestamp = request
        .since
        .map_or_else(|| json!("now"), |time| json!(time.0));
    let mut entries = Vec::new();
    for stage in stages {
        let is_vault = *stage.stage() == Stage::Vault;
        for (keychain, half) in Keychain::BOTH.iter().zip(halves(Format::Core, stage)?) {
            let mut entry = json!({
                "desc": half.to_string(),
                "timestamp": timestamp,
                "active": is_vault && half.has_wildcard(),
                "internal": *keychain == Keychain::Change,
            });
            if let (true, Some(fields)) = (half.has_wildcard(), entry.as_object_mut()) {
                fields.insert("range".to_owned(), json!([0, request.last_index]));
                fields.insert("next_index".to_owned(), json!(0));
            }
            entries.push(entry);
        }
    }
    Ok(Value::Array(entries))
}
