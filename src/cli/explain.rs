//! `longstop explain`: what does this policy mean?

use clap::Args;

use super::input::PolicyArgs;
use super::render::Screen;
use super::{Exit, Failure, input};
use crate::explain::explain;

/// Explain in plain English who can do what and when
///
/// The margin says what stands behind each sentence: consensus, which every node enforces, or
/// software, which holds while people keep to it.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, network, script and sections [title, sentences [text, guarantee,\nabout]]."
)]
pub(super) struct Explain {
    #[command(flatten)]
    policy: PolicyArgs,
}

impl Explain {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let explanation = explain(&file.compiled);
        screen.show(&explanation, |width| explanation.to_text(width))?;
        Ok(Exit::Ok)
    }
}
