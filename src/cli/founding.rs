//! What a ledger is founded on, compared with what its policy compiles to.

use std::sync::Arc;

use super::Failure;
use super::failure::LedgerFailure;
use crate::compile::{Compiled, compile};
use crate::evidence::{difference, genesis_of};
use crate::ledger::Genesis;

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
    match difference(founded, &genesis_of(&compiled)) {
        None => Ok(compiled),
        Some(difference) => Err(different(difference).into()),
    }
}
