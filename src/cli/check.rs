//! `longstop check`: is this a sound policy?

use clap::Args;
use serde::Serialize;

use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::compile::PolicyId;
use crate::policy::{Located, Policy, Severity, secrets};

/// Check a policy and say everything that is wrong with it
///
/// Problems are shown with their places on standard error; the summary is the result. Warnings
/// and notes do not make a policy unsound.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, policy, policy_id, network, script (null where there are errors), errors,\nwarnings, notes, diagnostics [code, severity, message, help, labels] and silenced [code,\nmessage, reason]."
)]
pub(super) struct Check {
    #[command(flatten)]
    policy: PolicyArgs,
}

/// What came of a check.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    pub file: &'a str,
    pub policy: Option<&'a str>,
    pub policy_id: Option<PolicyId>,
    pub network: Option<String>,
    pub script: Option<String>,
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
    pub diagnostics: Vec<Located<'a>>,
    pub silenced: Vec<SilencedProblem<'a>>,
}

/// A problem that the policy silences.
#[derive(Debug, Serialize)]
pub(super) struct SilencedProblem<'a> {
    pub code: &'static str,
    pub message: &'a str,
    pub reason: &'a str,
}

impl Check {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::policy(&self.policy)?;
        let checked = file.document.check();
        screen.diagnostics(&file.file, &checked);
        let source = checked.source();
        // What its script type cannot hold is wrong with a policy too.
        let compiled = match checked.policy {
            Some(_) => Some(input::compiled(&file)?.compiled),
            None => None,
        };
        let count = |severity| {
            let problems = checked.diagnostics.iter();
            problems
                .filter(|problem| problem.severity() == severity)
                .count()
        };
        let policy = checked.policy.as_ref();
        let summary = Summary {
            file: &file.file,
            policy: policy.map(Policy::name),
            policy_id: compiled.map(|compiled| compiled.id()),
            network: policy.map(|policy| policy.network().to_string()),
            script: policy.map(|policy| policy.script().to_string()),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            diagnostics: checked
                .diagnostics
                .iter()
                .map(|problem| problem.located(&source))
                .collect(),
            silenced: checked
                .silenced
                .iter()
                .map(|silenced| SilencedProblem {
                    code: silenced.diagnostic.code().as_str(),
                    message: silenced.diagnostic.message(),
                    // Such a policy is refused, and still nothing of a key is shown.
                    reason: if secrets(&silenced.reason).is_empty() {
                        &silenced.reason
                    } else {
                        "not shown"
                    },
                })
                .collect(),
        };
        screen.show(&summary, |width| render::summary(&summary, width))?;
        Ok(if checked.has_errors() {
            Exit::Document
        } else {
            Exit::Ok
        })
    }
}
