//! What parties say about cases.

use clap::{Args, ValueEnum};

use super::{Spoken, is_open, pick, status, statuses};
use crate::cli::failure::LedgerFailure;
use crate::cli::render::{self, Screen};
use crate::cli::replica::only;
use crate::cli::say::{Said, SayArgs, Speaking, cases};
use crate::cli::{Exit, Failure};
use crate::governance::{self as said, Body, CaseOutcome, Cases, Docket, EventId, Status};

/// What all of these print with --json.
const FIELDS: &str = "With --json: ledger, event, author, kind, position, height, median_time_past, envelope, file (with\n--out) and cases [case, path, phase, terms, veto, due, statements], those that it bears on.";

/// Propose to activate a path, which opens a case
///
/// The case has the id of the event that this writes. Where the path has a vote, it opens now.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Open {
    #[command(flatten)]
    say: SayArgs,
    /// The staged path to activate
    #[arg(long)]
    path: String,
    /// What for
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// Vote on a case
///
/// The last ballot of a party before the close counts.
#[derive(Debug, Args)]
#[command(after_help = FIELDS, allow_missing_positional = true)]
pub(super) struct Vote {
    #[command(flatten)]
    say: SayArgs,
    /// The case, by the beginning of its id
    case: Option<String>,
    /// Whether to activate the path
    #[arg(value_enum)]
    vote: Answer,
}

/// A ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    Yes,
    No,
}

/// Object to a case
///
/// Once the veto quorum of the path has objected, the software of everybody who is honest sends the
/// cancel of whatever was triggered for the case, and signs no trigger. Only a cancel that is buried
/// is a cancelled coin.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Veto {
    #[command(flatten)]
    say: SayArgs,
    /// The case, by the beginning of its id
    case: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// Say that a case is over
///
/// It is over once the quorum of its path, or root, has said so.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Close {
    #[command(flatten)]
    say: SayArgs,
    /// The case, by the beginning of its id
    case: Option<String>,
    /// How it ended
    #[arg(long, value_enum)]
    outcome: Ending,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ending {
    /// What it was for has been done
    Completed,
    /// Nothing came of it
    Abandoned,
}

/// Give a sign of life
///
/// Every event is one; this says nothing else.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Heartbeat {
    #[command(flatten)]
    say: SayArgs,
}

/// Raise the alarm
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Alarm {
    #[command(flatten)]
    say: SayArgs,
    /// The path that should be activated for it; any that asks for an alarm of this party if left out
    #[arg(long)]
    path: Option<String>,
    /// What is wrong
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// Withdraw an alarm of one's own
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(super) struct Withdraw {
    #[command(flatten)]
    say: SayArgs,
    /// The alarm, by the beginning of its id; the only one of the party if left out
    alarm: Option<String>,
}

impl Open {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let body = Body::Proposal(said::Proposal {
            path: self.path.clone(),
            why: self.why.clone(),
        });
        let said = self.say.say(&mut speaking, |_| Ok(body))?;
        let case = said.event;
        finish(screen, speaking, said, |cases, policy| {
            status(cases, policy, case)
        })
    }
}

impl Vote {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let approve = self.vote == Answer::Yes;
        about(&self.say, screen, self.case.as_deref(), |case, _| {
            Body::Ballot(said::Ballot { case, approve })
        })
    }
}

impl Veto {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let why = self.why.clone();
        about(&self.say, screen, self.case.as_deref(), |case, standing| {
            if let Some(standing) = standing {
                screen.note(&format!(
                    "a veto of the {} makes honest software of everybody send the cancel of whatever was triggered for this case, and sign no trigger; it cannot be withdrawn",
                    standing.veto.quorum
                ));
            }
            Body::Veto(said::Veto { case, why })
        })
    }
}

impl Close {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let why = self.why.clone();
        let outcome = match self.outcome {
            Ending::Completed => CaseOutcome::Completed,
            Ending::Abandoned => CaseOutcome::Abandoned,
        };
        about(&self.say, screen, self.case.as_deref(), |case, _| {
            screen.note(
                "once enough have said so, honest software signs no trigger for this case any more",
            );
            Body::Decision(said::Decision { case, outcome, why })
        })
    }
}

impl Heartbeat {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let body = Body::Heartbeat(said::Heartbeat {});
        let said = self.say.say(&mut speaking, |_| Ok(body))?;
        finish(screen, speaking, said, all_open)
    }
}

impl Alarm {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let body = Body::Alarm(said::Alarm {
            path: self.path.clone(),
            why: self.why.clone(),
        });
        let said = self.say.say(&mut speaking, |_| Ok(body))?;
        finish(screen, speaking, said, all_open)
    }
}

impl Withdraw {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let replica = &speaking.replica;
        let standing = cases(&replica.ledger, speaking.at);
        let standing = standing.map_err(|error| replica.failed(error))?;
        let said = self.say.say(&mut speaking, |author| {
            let alarm = self.alarm(&standing, author)?;
            Ok(Body::Withdrawal(said::Withdrawal { alarm }))
        })?;
        finish(screen, speaking, said, all_open)
    }

    /// The alarm that is meant.
    fn alarm(&self, cases: &Cases, author: &str) -> Result<EventId, Failure> {
        let dockets = cases.dockets().iter();
        let alarms = dockets.flat_map(Docket::alarms);
        let mut own: Vec<EventId> = alarms
            .filter(|(_, alarm)| alarm.party == author)
            .map(|(id, _)| *id)
            .collect();
        own.sort_unstable();
        own.dedup();
        let party = author.to_owned();
        let failure = match (&self.alarm, own.as_slice()) {
            (Some(prefix), _) => {
                own.retain(|id| id.to_string().starts_with(prefix));
                return only(prefix, "alarm", own);
            }
            (None, [alarm]) => return Ok(*alarm),
            (None, []) => LedgerFailure::NoAlarm { party },
            (None, alarms) => LedgerFailure::SeveralAlarms {
                party,
                count: alarms.len(),
            },
        };
        Err(failure.into())
    }
}

/// Says something about a case.
fn about(
    say: &SayArgs,
    screen: &Screen,
    prefix: Option<&str>,
    body: impl FnOnce(EventId, Option<&Status>) -> Body,
) -> Result<Exit, Failure> {
    let mut speaking = say.open(screen)?;
    let replica = &speaking.replica;
    let standing = cases(&replica.ledger, speaking.at);
    let standing = standing.map_err(|error| replica.failed(error))?;
    let (docket, case) = pick(&standing, prefix)?;
    let case = case.id;
    let status_before = docket.status(case, replica.ledger.charter().policy());
    let body = body(case, status_before.as_ref());
    let said = say.say(&mut speaking, |_| Ok(body))?;
    finish(screen, speaking, said, |cases, policy| {
        status(cases, policy, case)
    })
}

fn all_open(cases: &Cases, policy: &crate::policy::Policy) -> Vec<Status> {
    statuses(cases, policy, is_open)
}

/// Says how the cases stand now, once everything is kept.
pub(super) fn finish(
    screen: &Screen,
    speaking: Speaking,
    said: Said,
    concerned: impl FnOnce(&Cases, &crate::policy::Policy) -> Vec<Status>,
) -> Result<Exit, Failure> {
    let Speaking { replica, at } = speaking;
    let now = cases(&replica.ledger, at);
    let now = now.map_err(|error| replica.failed(error))?;
    let spoken = Spoken {
        cases: concerned(&now, replica.ledger.charter().policy()),
        said,
    };
    replica.close()?;
    screen.show(&spoken, |width| render::spoken(&spoken, width))?;
    Ok(Exit::Ok)
}
