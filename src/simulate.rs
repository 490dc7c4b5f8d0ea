//! Rehearsals: an incident, told as a list of events, runs on a chain of its own.
//!
//! The engine, the compiler and the transactions are the ones that move real coins; the chain is
//! the [embedded](crate::chain::EmbeddedChain) one, and the keys are stand-ins from a seed.
//! Nothing here knows what a coin may do: that is asked of the engine, and judged by the chain.
//! The same incident gives the same bytes every time.

mod attempt;
mod cast;
mod check;
mod child;
mod copies;
mod expect;
mod run;
mod scenario;
mod schema;
mod seizure;
mod steps;
#[cfg(test)]
mod tests;
mod voices;
mod words;

use bitcoin::hashes::{Hash, sha256};
use thiserror::Error;

use crate::chain::Record;
use crate::compile::CompileError;
use crate::engine::StepError;
use crate::policy::Diagnostic;
use crate::report::Report;

pub use self::scenario::{
    Attempt, CaseState, Defect, Deposit, Effect, Event, EventKind, Expectations, Holding, Name,
    Pay, Said, Saying, Scenario, ScenarioError, ScenarioFault, Seize, Step, Whereabouts, Word,
    Wrong,
};
pub use self::schema::incident_schema;

/// What came of a rehearsal.
#[derive(Debug)]
pub struct Rehearsal {
    /// The timeline, the money and the expectations.
    pub report: Report,
    /// The chain as consensus bytes, if it was recorded.
    pub record: Option<Record>,
}

/// What is rehearsed: the texts, as they were read from files.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// The incident.
    pub incident: &'a str,
    /// The policy it is about.
    pub policy: &'a str,
    /// Whether to keep the chain for other judges.
    pub record: bool,
}

/// Runs an incident.
///
/// # Errors
///
/// If a document has errors.  An event that fails is no error: it stands in the report, and is an
/// unmet expectation unless the incident says that it fails.
pub fn rehearse(script: Script<'_>) -> Result<Rehearsal, RehearsalError> {
    let scenario = Scenario::parse(script.incident)?;
    let stage = run::Rehearsed::new(&scenario, script)?;
    stage.play()
}

fn digest(text: &str) -> String {
    sha256::Hash::hash(text.as_bytes()).to_string()
}

/// Why an incident cannot be run at all.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// The incident itself has errors.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The policy has errors.
    #[error("the policy has errors, so there is nothing to rehearse")]
    Policy(Vec<Diagnostic>),
    /// The policy cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The stage could not be set.
    #[error("the rehearsal could not be prepared: {0}")]
    Preparation(#[from] StepError),
}
