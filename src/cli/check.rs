//! `longstop check`: is this a sound policy?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::input::{PolicyFile, Settings};
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::compile::{Compiled, PolicyId};
use crate::policy::{Checked, Located, Severity, secrets};

/// Check policies and say everything that is wrong with them
///
/// Problems are shown with their places on standard error; the summary is the result. Warnings
/// and notes do not make a policy unsound. Of several policies each is checked, and the exit code
/// is the highest of them.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, policy, policy_id, network, script (null where there are errors), errors,\nwarnings, notes, diagnostics [code, severity, message, help, labels] and silenced [code,\nmessage, reason]; of several policies: policies, the list of these."
)]
pub(super) struct Check {
    /// The policy files: TOML, or scripts that end in `.rhai`; - for the standard input
    #[arg(required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// How to write the result; sarif is for tools that show problems in code review
    #[arg(long, value_name = "FORMAT")]
    format: Option<CheckFormat>,
}

/// How the result of a check is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people.
    Human,
    /// One JSON document, as with `--json`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// What came of one of several files.
pub(super) enum Judgement {
    Judged(Box<Judged>),
    /// It could not be read.
    Failed {
        file: String,
        failure: Failure,
    },
}

/// A policy that was read and checked.
pub(super) struct Judged {
    pub file: PolicyFile,
    pub checked: Checked,
    /// The text that the places of its problems point into, as it may be shown.
    pub source: String,
    compiled: Option<Compiled>,
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
    /// Whether the result is JSON.
    pub(super) fn wants_json(&self, json: bool) -> Result<bool, Failure> {
        match self.format {
            None => Ok(json),
            Some(CheckFormat::Json) => Ok(true),
            Some(_) if json => Err(Failure::TwoFormats),
            Some(_) => Ok(false),
        }
    }

    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let quiet = self.format == Some(CheckFormat::Sarif);
        if let ([path], false) = (self.policies.as_slice(), quiet) {
            let file = input::policy_file(path, &self.settings)?;
            let judged = judge(file)?;
            screen.diagnostics(&judged.file.file, &judged.checked);
            let summary = judged.summary();
            screen.show(&summary, |width| render::summary(&summary, width))?;
            return Ok(judged.exit());
        }
        let mut judgements = Vec::new();
        let mut exit = Exit::Ok;
        for path in &self.policies {
            let judged = input::policy_file(path, &self.settings).and_then(|file| {
                let judged = judge(file)?;
                if !quiet {
                    screen.diagnostics(&judged.file.file, &judged.checked);
                }
                Ok(judged)
            });
            let (judgement, code) = match judged {
                Ok(judged) => {
                    let code = judged.exit();
                    (Judgement::Judged(Box::new(judged)), code)
                }
                // What is wrong with the command line is so for all of them.
                Err(failure) if failure.exit() == Exit::Usage => return Err(failure),
                Err(failure) => {
                    screen.remark(&failure);
                    let code = failure.exit();
                    let file = input::file_name(path);
                    (Judgement::Failed { file, failure }, code)
                }
            };
            if code.code() > exit.code() {
                exit = code;
            }
            judgements.push(judgement);
        }
        if quiet {
            let log = render::sarif(&judgements);
            screen.show(&log, |_| render::pretty(&log))?;
        } else {
            let entries: Vec<_> = judgements.iter().map(Judgement::json).collect();
            let all = json!({ "policies": entries });
            screen.show(&all, |width| render::summaries(&judgements, width))?;
        }
        Ok(exit)
    }
}

/// What its script type cannot hold is wrong with a policy too.
fn judge(file: PolicyFile) -> Result<Judged, Failure> {
    let (checked, compiled) = input::judged(&file)?;
    Ok(Judged {
        source: checked.source(),
        file,
        checked,
        compiled,
    })
}

impl Judgement {
    fn json(&self) -> serde_json::Value {
        match self {
            Self::Judged(judged) => {
                // A summary has string keys only, with which nothing can fail.
                serde_json::to_value(judged.summary()).unwrap_or_default()
            }
            Self::Failed { file, failure } => json!({
                "file": file,
                "error": {
                    "kind": failure.kind(),
                    "message": failure.to_string(),
                    "exit": failure.exit().code(),
                },
            }),
        }
    }
}

impl Judged {
    fn exit(&self) -> Exit {
        if self.checked.has_errors() {
            Exit::Document
        } else {
            Exit::Ok
        }
    }

    pub(super) fn summary(&self) -> Summary<'_> {
        let checked = &self.checked;
        let count = |severity| {
            let problems = checked.diagnostics.iter();
            problems
                .filter(|problem| problem.severity() == severity)
                .count()
        };
        let compiled = self.compiled.as_ref();
        let policy = compiled.map(Compiled::policy);
        Summary {
            file: &self.file.file,
            policy: policy.map(|policy| policy.name()),
            policy_id: compiled.map(Compiled::id),
            network: policy.map(|policy| policy.network().to_string()),
            script: policy.map(|policy| policy.script().to_string()),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            diagnostics: checked
                .diagnostics
                .iter()
                .map(|problem| problem.located(&self.source))
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
        }
    }
}
