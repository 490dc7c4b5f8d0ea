//! `longstop params`: what can be set in this policy?

use clap::Args;
use serde::Serialize;

use super::input::{self, PolicyArgs};
use super::render::{self, Screen};
use super::{Exit, Failure};
use crate::policy::{Parameter, Value, secrets};

/// List the parameters of a policy script, with their values
///
/// The script is run, but what it builds need not be a sound policy. A policy in TOML has no
/// parameters.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file and parameters [name, type, default, value, allowed [min, max, choices],\ndescription]."
)]
pub(super) struct Params {
    #[command(flatten)]
    policy: PolicyArgs,
}

/// The parameters of a policy.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub file: String,
    pub parameters: Vec<ListedParameter>,
}

/// A parameter, without any private key in it.
#[derive(Debug, Serialize)]
pub(super) struct ListedParameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub default: Value,
    pub value: Value,
    pub allowed: crate::policy::Allowed,
    pub description: String,
}

impl Params {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = input::policy(&self.policy)?;
        let mut checked = policy.document.check();
        // Whether the policy is sound is not asked here, only whether the script ran.
        checked
            .diagnostics
            .retain(|problem| problem.code().is_of_scripts());
        let listed = Listed {
            parameters: policy.parameters.into_iter().map(listed).collect(),
            file: policy.file,
        };
        screen.diagnostics(&listed.file, &checked);
        screen.show(&listed, |width| render::parameters(&listed, width))?;
        Ok(if checked.has_errors() {
            Exit::Document
        } else {
            Exit::Ok
        })
    }
}

fn listed(parameter: Parameter) -> ListedParameter {
    let mut allowed = parameter.allowed;
    allowed.choices = allowed.choices.into_iter().map(safe).collect();
    ListedParameter {
        name: parameter.name,
        kind: parameter.default.kind(),
        default: safe(parameter.default),
        value: safe(parameter.value),
        allowed,
        description: hidden(parameter.description),
    }
}

fn safe(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(hidden(text)),
        other => other,
    }
}

/// A text, unless a private key stands in it.
fn hidden(text: String) -> String {
    if secrets(&text).is_empty() {
        text
    } else {
        "not shown".to_owned()
    }
}
