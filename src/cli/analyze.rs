//! `longstop analyze`: who can do what, when, and who can stop it?

use clap::Args;
use serde::Serialize;

use super::claims::ClaimArgs;
use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::analysis::{Analysis, analyze};
use crate::compile::PolicyId;

/// Say exactly who can do what, when, and who can stop it
///
/// Coalitions and losses are minimal ones, all of them counted and none sampled. What a defender
/// can do supposes that he watches the chain, has fees, and broadcasts what the files let him.
///
/// With claims, only these are judged: each is proved, or answered by a counterexample and exit code
/// 1.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, parties, stages [stage, path, moments [at, powers [power, path, leads, opens,\nwho, unarmed]]], thefts, controls, losses and rescue; who: count, sizes, groups, sets with --all."
)]
pub(super) struct Analyze {
    #[command(flatten)]
    policy: PolicyArgs,
    /// List minimal sets one by one, so many of each
    #[arg(long, value_name = "LIMIT", num_args = 0..=1, default_missing_value = "1000")]
    all: Option<usize>,
    #[command(flatten)]
    claims: ClaimArgs,
}

/// The result as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    pub id: PolicyId,
    #[serde(flatten)]
    pub analysis: Analysis,
}

impl Analyze {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let read = input::policy(&self.policy)?;
        let file = input::compiled(&read)?;
        screen.warnings(&file.checked);
        if self.claims.are_given() {
            return self.claims.judge(&read.file, &file.compiled, screen);
        }
        let mut analysis = analyze(file.compiled.policy()).map_err(|source| Failure::Analysis {
            file: read.file,
            source,
        })?;
        if let Some(limit) = self.all {
            analysis.list(limit);
        }
        let shown = Shown {
            id: file.compiled.id(),
            analysis,
        };
        screen.show(&shown, |width| render::analysis(&shown, width))?;
        Ok(Exit::Ok)
    }
}
