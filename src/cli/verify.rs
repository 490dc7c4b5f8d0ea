//! `longstop verify`: are these descriptors that policy?

use clap::Args;
use serde::Serialize;

use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::compile::PolicyId;
use crate::import::{find, stated_id};
use crate::verify::{Verification, verify};

/// Check that descriptors from elsewhere are those of a policy
///
/// Compiles the policy and compares stage by stage: text, meaning, checksum and first addresses.
/// Takes the descriptors in every form that `import` takes and `export` writes. Exit code 1 says
/// that something differs.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, matches, stages [stage, path, first_address, given, differences],\nforeign (descriptors that are of no stage) and other_id."
)]
pub(super) struct Verify {
    #[command(flatten)]
    policy: PolicyArgs,
    /// A file with descriptors, - for the standard input, or one descriptor
    #[arg(value_name = "DESCRIPTORS")]
    descriptors: String,
}

/// The result as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    pub policy: &'a str,
    pub id: PolicyId,
    #[serde(flatten)]
    pub verification: Verification,
}

impl Verify {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        let given = input::foreign(&self.descriptors)?;
        let failure = |source| Failure::Import {
            file: given.file.clone(),
            source,
        };
        let found = find(&given.text).map_err(failure)?;
        let id = stated_id(&given.text).map_err(failure)?;
        screen.warnings(&file.checked);
        let shown = Shown {
            policy: file.compiled.policy().name(),
            id: file.compiled.id(),
            verification: verify(&file.compiled, &found, id.as_deref()),
        };
        screen.show(&shown, |width| render::verification(&shown, width))?;
        Ok(if shown.verification.matches {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}
