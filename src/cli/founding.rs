//! What a ledger is founded on, compared with what its policy compiles to.

use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;

use super::Failure;
use super::failure::LedgerFailure;
use crate::compile::{Compiled, Keychain, compile};
use crate::governance::{Charter, Digest};
use crate::ledger::Genesis;

/// The beginning of a ledger about a compiled policy.
pub(super) fn genesis(compiled: &Compiled) -> Genesis {
    let policy = compiled.policy();
    let charter = Charter::new(Arc::clone(policy), Digest(compiled.id().to_bytes()));
    let descriptors = compiled.stages().map(|stage| stage.text().to_owned());
    let first = compiled
        .vault()
        .derive(Keychain::Receive, 0, &Secp256k1::new())
        .expect("a descriptor that was compiled has a first address");
    let address = first.address(policy.network()).to_string();
    Genesis::new(&charter, descriptors.collect(), address)
}

/// What the policy of a ledger compiles to now, if that is what the ledger is founded on.
pub(super) fn compiled(directory: &str, founded: &Genesis) -> Result<Compiled, Failure> {
    let different = |difference: String| LedgerFailure::Founding {
        directory: directory.to_owned(),
        difference,
    };
    let charter = founded
        .charter()
        .map_err(|error| different(error.to_string()))?;
    let compiled = compile(Arc::clone(charter.policy()));
    let compiled = compiled.map_err(|error| different(error.to_string()))?;
    match difference(founded, &genesis(&compiled)) {
        None => Ok(compiled),
        Some(difference) => Err(different(difference).into()),
    }
}

/// The first thing in which two beginnings differ.
fn difference(founded: &Genesis, fresh: &Genesis) -> Option<String> {
    if founded.policy_id != fresh.policy_id {
        return Some(format!(
            "the policy id is {}, and should be {}",
            founded.policy_id, fresh.policy_id
        ));
    }
    if founded.descriptors != fresh.descriptors {
        let mut pairs = founded.descriptors.iter().zip(&fresh.descriptors);
        let other = pairs.position(|(one, other)| one != other);
        let number = other.unwrap_or(founded.descriptors.len().min(fresh.descriptors.len()));
        return Some(format!("descriptor {} is another one", number + 1));
    }
    if founded.first_address != fresh.first_address {
        return Some(format!(
            "the first address is {}, and should be {}",
            founded.first_address, fresh.first_address
        ));
    }
    None
}
