//! `longstop demo`: the whole of it, once.

use clap::Args;
use serde::Serialize;

use super::input::{self, PolicyFile, Text};
use super::render::{self, Screen};
use super::simulate::{Judged, rehearsed};
use super::{Exit, Failure};
use crate::compile::PolicyId;

const POLICY: &str = include_str!("../../policies/dao-treasury/policy.toml");
const INCIDENT: &str = include_str!("../../policies/dao-treasury/incidents/council-vanishes.toml");

/// Play an incident from beginning to end, without any file
///
/// A treasury is funded and armed, its council falls silent, the agents trigger, a veto cancels
/// the first attempt, and the second one goes through escrow and lock-up to the release. Policy
/// and incident are built in; they are `policies/dao-treasury` of the source.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, policy_id, and report, which is what `simulate --json` prints."
)]
pub(super) struct Demo {}

#[derive(Serialize)]
struct Played<'a> {
    policy: &'a str,
    policy_id: PolicyId,
    report: Judged<'a>,
}

impl Demo {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = PolicyFile::built_in("policies/dao-treasury/policy.toml", POLICY);
        let incident = Text {
            file: "policies/dao-treasury/incidents/council-vanishes.toml".to_owned(),
            text: INCIDENT.to_owned(),
        };
        let compiled = input::compiled(&policy)?.compiled;
        let rehearsal = rehearsed(&incident, &policy, false)?;
        let report = &rehearsal.report;
        let played = Played {
            policy: compiled.policy().name(),
            policy_id: compiled.id(),
            report: Judged::new(report),
        };
        screen.show(&played, |width| render::demo(&compiled, report, width))?;
        Ok(if report.passed() {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}
