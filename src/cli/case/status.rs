//! `longstop case status`: how cases stand.

use clap::Args;
use serde::Serialize;

use super::{pick, statuses};
use crate::cli::failure::LedgerFailure;
use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::say::cases;
use crate::cli::when::WhenArgs;
use crate::cli::{Exit, Failure};
use crate::governance::{EventId, Fork, Status};
use crate::units::ChainTime;

/// Show how cases stand: what is missing, from whom, and by when
///
/// Without a case all are listed, and the only one that is open is shown whole. Nothing is asked but
/// the ledger and the given time of the chain, so whoever has the same events is told the same.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, now, cases [case, path, why, proposer, opened, phase, activated, terms,\nby_waiting, veto, intents, disregarded, due, statements], held [event, author, kind, height,\nmedian_time_past] (events dated ahead of the chain) and forks [author, after, children]."
)]
pub(super) struct StatusOf {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The case, by the beginning of its id
    case: Option<String>,
    #[command(flatten)]
    when: WhenArgs,
}

/// How cases stand.
#[derive(Serialize)]
pub(in crate::cli) struct Overview {
    pub ledger: String,
    pub now: ChainTime,
    pub cases: Vec<Status>,
    pub held: Vec<Held>,
    pub forks: Vec<Fork>,
    /// Which is shown whole.
    #[serde(skip)]
    pub whole: Option<EventId>,
}

/// An event that is dated ahead of the chain, and does not count yet.
#[derive(Serialize)]
pub(in crate::cli) struct Held {
    pub event: EventId,
    pub author: String,
    pub kind: &'static str,
    #[serde(flatten)]
    pub at: ChainTime,
}

impl StatusOf {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let now = self.when.chain_time(
            screen,
            &self.ledger,
            replica.ledger.charter().policy().network(),
        )?;
        let standing = cases(&replica.ledger, now);
        let standing = standing.map_err(|error| replica.failed(error))?;
        let whole = match (&self.case, pick(&standing, self.case.as_deref())) {
            (_, Ok((_, case))) => Some(case.id),
            (None, Err(Failure::Ledger(failure)))
                if matches!(
                    *failure,
                    LedgerFailure::NoCase | LedgerFailure::SeveralCases { .. }
                ) =>
            {
                None
            }
            (_, Err(failure)) => return Err(failure),
        };
        let named = self.case.as_ref().and(whole);
        let policy = replica.ledger.charter().policy();
        let held = standing.held().into_iter().map(|word| Held {
            event: word.id,
            author: word.event.author.clone(),
            kind: word.event.body.kind().name(),
            at: word.event.at,
        });
        let overview = Overview {
            ledger: replica.directory.clone(),
            now,
            cases: statuses(&standing, policy, |case| {
                named.is_none_or(|id| case.id == id)
            }),
            held: held.collect(),
            forks: replica.ledger.history().forks(),
            whole,
        };
        screen.show(&overview, |width| render::overview(&overview, width))?;
        Ok(Exit::Ok)
    }
}
