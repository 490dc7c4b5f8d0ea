//! `longstop schema`: what editors need to complete and check a policy.

use clap::Args;

use super::render::{self, Screen};
use super::{Exit, Failure};
use crate::policy::schema;

/// Print the JSON Schema of policies, for editors
///
/// Editors that know TOML schemas complete and check a policy whose first line is
/// `#:schema policy.schema.json`, with the path of the schema beside it. What a schema cannot say,
/// such as whether a name is declared, is said by `check`.
#[derive(Debug, Args)]
#[command(after_help = "The result is JSON (draft-07), with --json or without.")]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "commands are run alike")]
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let schema = schema();
        screen.show(&schema, |_| render::pretty(&schema))?;
        Ok(Exit::Ok)
    }
}
