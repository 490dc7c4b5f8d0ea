//! `longstop render`: this policy as TOML, in its canonical form.

use clap::Args;
use serde::Serialize;

use super::input::{self, PolicyArgs};
use super::render::Screen;
use super::{Exit, Failure};
use crate::compile::PolicyId;

/// Print a policy as TOML in its canonical form
///
/// This is what a script built, and what is published: the policy id is computed from it. It reads
/// as the same policy and has the same id, whoever wrote the policy as a script or in another order.
#[derive(Debug, Args)]
#[command(after_help = "With --json: policy, policy_id and toml.")]
pub(super) struct Render {
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Serialize)]
struct Rendered<'a> {
    policy: &'a str,
    policy_id: PolicyId,
    toml: &'a str,
}

impl Render {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let policy = file.compiled.policy();
        let rendered = Rendered {
            policy: policy.name(),
            policy_id: file.compiled.id(),
            toml: policy.canonical(),
        };
        screen.show(&rendered, |_| rendered.toml.to_owned())?;
        Ok(Exit::Ok)
    }
}
