//! `longstop schema`: what editors need to complete and check a policy or an incident.

use clap::{Args, ValueEnum};

use super::render::{self, Screen};
use super::{Exit, Failure};
use crate::policy::schema;
use crate::simulate::incident_schema;

/// Print the JSON Schema of policies, or of incidents, for editors
///
/// Editors that know TOML schemas complete and check a policy whose first line is
/// `#:schema policy.schema.json`, with the path of the schema beside it, and an incident in the
/// same way. What a schema cannot say, such as whether a name is declared, is said by `check` and
/// by `simulate`.
#[derive(Debug, Args)]
#[command(after_help = "The result is JSON (draft-07), with --json or without.")]
pub(super) struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = Of::Policy)]
    of: Of,
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// Policies
    Policy,
    /// Incidents, as `simulate` and `test` play them
    Incident,
}

impl Schema {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let schema = match self.of {
            Of::Policy => schema(),
            Of::Incident => incident_schema(),
        };
        screen.show(&schema, |_| render::pretty(&schema))?;
        Ok(Exit::Ok)
    }
}
