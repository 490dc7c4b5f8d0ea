//! `longstop simulate`: what happens in this incident?

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::input::{self, PolicyFile, Settings, Text};
use super::render::{self, Screen};
use super::{Exit, Failure, output};
use crate::report::Report;
use crate::simulate::{Rehearsal, RehearsalError, Script, rehearse};

/// Rehearse an incident with real transactions on a chain in memory
///
/// All keys are stand-ins computed from the seed of the incident; the same incident gives the same
/// bytes every time. Expectations that are not met give exit code 1.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: passed, incident, about, provenance, warnings, timeline [date, height, event, line,\nwho, what, verdict, notes, money], money and expectations [expected, actual, met, line]."
)]
pub(super) struct Simulate {
    /// The incident file, or - for the standard input
    incident: PathBuf,
    /// Take this policy instead of the one that the incident names; - for the standard input
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Write the raw chain and every refused transaction, for any full node to judge again
    #[arg(long, value_name = "FILE")]
    blocks: Option<PathBuf>,
}

/// A report, and whether everything came as expected.
#[derive(Serialize)]
pub(super) struct Judged<'a> {
    passed: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a> Judged<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self {
            passed: report.passed(),
            report,
        }
    }
}

impl Simulate {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let rehearsal = play(
            &self.incident,
            self.policy.as_deref(),
            &self.settings,
            self.blocks.is_some(),
        )?;
        if let (Some(path), Some(record)) = (&self.blocks, &rehearsal.record) {
            output::replace(path, |writer| record.write_to(writer)).map_err(|source| {
                Failure::Write {
                    file: input::file_name(path),
                    source,
                }
            })?;
        }
        let report = &rehearsal.report;
        screen.show(&Judged::new(report), |width| render::report(report, width))?;
        Ok(if report.passed() {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}

/// Rehearses an incident file with the policy it names, or with another.
pub(super) fn play(
    path: &Path,
    policy: Option<&Path>,
    settings: &Settings,
    record: bool,
) -> Result<Rehearsal, Failure> {
    let (incident, scenario) = input::incident(path)?;
    let named = path
        .parent()
        .unwrap_or(Path::new(""))
        .join(&scenario.policy);
    let policy = input::policy_file(policy.unwrap_or(&named), settings)?;
    rehearsed(&incident, &policy, record)
}

/// Rehearses an incident with a policy.
pub(super) fn rehearsed(
    incident: &Text,
    policy: &PolicyFile,
    record: bool,
) -> Result<Rehearsal, Failure> {
    // Here its problems can be shown with their places.
    let mut checked = input::sound(policy)?;
    let script = Script {
        incident: &incident.text,
        policy: &policy.text,
        record,
    };
    rehearse(script).map_err(|source| {
        let refusal = match &source {
            RehearsalError::Compile(error) => error.refusal(),
            _ => None,
        };
        if let Some(refusal) = refusal {
            checked.refuse(&refusal);
            return Failure::Policy {
                file: policy.file.clone(),
                checked: Box::new(checked),
            };
        }
        Failure::Rehearsal {
            file: incident.file.clone(),
            source,
        }
    })
}
