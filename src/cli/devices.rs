//! `longstop devices`: who can register and sign this with what?

use clap::Args;
use serde::Serialize;

use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::compile::PolicyId;
use crate::devices::{Devices, StageDevices};

/// Say which signing devices can register and sign each stage
///
/// Every answer rests on statements with a source and a date; `unknown` means that nobody has
/// written it down, and not that it does not work. Try it with a policy of a test network first.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id and stages [stage, path, keys, key_uses, template, leaves, depth, devices\n[device, software, register, sign]], each finding with an answer and the facts behind it."
)]
pub(super) struct DevicesOf {
    #[command(flatten)]
    policy: PolicyArgs,
}

/// The result as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    pub policy: &'a str,
    pub id: PolicyId,
    pub stages: Vec<StageDevices>,
}

impl DevicesOf {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let shown = Shown {
            policy: file.compiled.policy().name(),
            id: file.compiled.id(),
            stages: Devices::known().preflight(&file.compiled),
        };
        screen.show(&shown, |width| render::devices(&shown, width))?;
        Ok(Exit::Ok)
    }
}
