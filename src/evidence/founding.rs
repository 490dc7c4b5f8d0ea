//! What a ledger about a policy is founded on, as the compiler has it.

use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;

use crate::compile::{Compiled, Keychain};
use crate::governance::{Charter, Digest};
use crate::ledger::Genesis;

/// The beginning of a ledger about a compiled policy.
///
/// # Panics
///
/// Never: every compiled descriptor has a first address.
#[must_use]
pub fn genesis_of(compiled: &Compiled) -> Genesis {
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

/// The first thing in which what a ledger is founded on differs from what its policy compiles to.
#[must_use]
pub fn difference(founded: &Genesis, fresh: &Genesis) -> Option<String> {
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
