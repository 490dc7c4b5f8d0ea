//! `longstop render`: this policy as TOML, from its canonical form.

use clap::Args;
use serde::Serialize;

use super::input::{self, PolicyArgs};
use super::render::Screen;
use super::{Exit, Failure};
use crate::compile::PolicyId;
use crate::policy::format;

/// Print a policy as TOML, from its canonical form
///
/// This is what a script built, and what is published, in the layout of `longstop fmt`. It reads as
/// the same policy and has the same id, whoever wrote the policy as a script or in another order.
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
    toml: String,
}

impl Render {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let policy = file.compiled.policy();
        let canonical = policy.canonical();
        let rendered = Rendered {
            policy: policy.name(),
            policy_id: file.compiled.id(),
            toml: format(canonical).unwrap_or_else(|_| canonical.to_owned()),
        };
        screen.show(&rendered, |_| rendered.toml.clone())?;
        Ok(Exit::Ok)
    }
}
