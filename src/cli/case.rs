//! `longstop case`: whether a path is to be activated.

mod activate;
mod speak;
mod status;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::LedgerFailure;
use super::render::Screen;
use super::replica::only;
use super::say::Said;
use super::{Exit, Failure};
use crate::governance::{Case, Cases, Docket, EventId, Phase, Status};
use crate::policy::Policy;

pub(super) use self::activate::Denied;
pub(super) use self::status::Overview;

/// Propose, vote on, activate and veto cases, and see how they stand
///
/// A case is one emergency: a proposal to activate a staged path, and what is said about it. It has
/// the id of its proposal, and goes by the beginning of it; where one case is open, it need not be
/// named.
///
/// Cases hold honest software and nothing else: the chain knows nothing of them. Each command that
/// signs keeps its event in the ledger, on the device, before it says so, and appends it to a
/// bundle for others with --out FILE.
#[derive(Debug, Args)]
pub(super) struct CaseCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Open(speak::Open),
    Status(status::StatusOf),
    Vote(speak::Vote),
    Activate(activate::Activate),
    Veto(speak::Veto),
    Close(speak::Close),
    Heartbeat(speak::Heartbeat),
    Alarm(speak::Alarm),
    Withdraw(speak::Withdraw),
}

/// What was said, and how the cases stand that it bears on.
#[derive(Serialize)]
pub(super) struct Spoken {
    #[serde(flatten)]
    pub said: Said,
    pub cases: Vec<Status>,
}

impl CaseCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Open(open) => open.run(screen),
            Command::Status(status) => status.run(screen),
            Command::Vote(vote) => vote.run(screen),
            Command::Activate(activate) => activate.run(screen),
            Command::Veto(veto) => veto.run(screen),
            Command::Close(close) => close.run(screen),
            Command::Heartbeat(heartbeat) => heartbeat.run(screen),
            Command::Alarm(alarm) => alarm.run(screen),
            Command::Withdraw(withdraw) => withdraw.run(screen),
        }
    }
}

/// Whether something can still come of a case.
const fn is_open(case: &Case) -> bool {
    matches!(case.phase, Phase::Proposed | Phase::Activated)
}

/// The case whose id begins so, or the only one that is open.
pub(super) fn pick<'a>(
    cases: &'a Cases,
    prefix: Option<&str>,
) -> Result<(&'a Docket, &'a Case), Failure> {
    let all = cases.all();
    if let Some(prefix) = prefix {
        let named = all.iter().map(|(_, case)| case.id);
        let named = named.filter(|id| id.to_string().starts_with(prefix));
        let id = only(prefix, "case", named.collect())?;
        let found = all.into_iter().find(|(_, case)| case.id == id);
        return found.ok_or_else(|| LedgerFailure::NoCase.into());
    }
    let mut open: Vec<_> = all.into_iter().filter(|(_, case)| is_open(case)).collect();
    match (open.pop(), open.len()) {
        (Some(case), 0) => Ok(case),
        (None, _) => Err(LedgerFailure::NoCase.into()),
        (Some(_), more) => Err(LedgerFailure::SeveralCases { count: more + 1 }.into()),
    }
}

/// How some cases stand.
fn statuses(cases: &Cases, policy: &Policy, wanted: impl Fn(&Case) -> bool) -> Vec<Status> {
    let all = cases.all().into_iter().filter(|(_, case)| wanted(case));
    all.filter_map(|(docket, case)| docket.status(case.id, policy))
        .collect()
}

/// How a case stands.
fn status(cases: &Cases, policy: &Policy, id: EventId) -> Vec<Status> {
    statuses(cases, policy, |case| case.id == id)
}
