//! `longstop ledger show`: what was said, by whom and when.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, Replica};
use crate::cli::{Exit, Failure};
use crate::governance::{Body, EventId, Fork, Identity, Kind, MemoryHistory, SignedEvent};
use crate::ledger::{Head, Reader};
use crate::policy::Network;
use crate::units::{ChainTime, UnixTime};

/// List what a ledger holds, or show one event whole
///
/// Events are listed in the order in which they arrived here, which is another one in every
/// ledger. Whatever is told from them goes by what their authors had seen, and is the same.
///
/// Events are marked whose authors have told two stories: where such a fork begins, and what comes
/// after it.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, policy_id, network, size, root, forks [author, after, children] and events\n[position, event, author, kind, height, median_time_past, case, fork, after_fork, body]; of one event:\nthe same, and signer, previous, seen, expires and envelope."
)]
pub(super) struct Show {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The event to show, by the beginning of its id
    event: Option<String>,
    /// Only events of this party
    #[arg(long, value_name = "PARTY")]
    author: Option<String>,
    /// Only events of this kind
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// Only events about this case, by the beginning of its id
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// Only the last so many of them
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// A list of events.
#[derive(Serialize)]
pub(in crate::cli) struct Listed<'a> {
    pub ledger: &'a str,
    pub policy_id: String,
    pub network: Network,
    #[serde(flatten)]
    pub head: Head,
    pub forks: Vec<Fork>,
    pub events: Vec<ShownEvent<'a>>,
}

/// One event of a list.
#[derive(Serialize)]
pub(in crate::cli) struct ShownEvent<'a> {
    pub position: u64,
    pub event: EventId,
    pub author: &'a str,
    pub kind: &'static str,
    #[serde(flatten)]
    pub at: ChainTime,
    /// The case it is about: of a proposal its own.
    pub case: Option<EventId>,
    /// Whether it and another one of its author each claim to be the next.
    pub fork: bool,
    /// Whether its author had told two stories by then.
    pub after_fork: bool,
    pub body: &'a Body,
}

/// One event with all there is in it.
#[derive(Serialize)]
pub(in crate::cli) struct WholeEvent<'a> {
    #[serde(flatten)]
    pub shown: ShownEvent<'a>,
    pub policy_id: String,
    pub network: Network,
    pub signer: Identity,
    pub previous: Option<EventId>,
    pub seen: &'a [EventId],
    pub expires: Option<UnixTime>,
    pub envelope: String,
}

impl Show {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let memory = replica.ledger.in_memory();
        let memory = memory.map_err(|error| replica.failed(error))?;
        match &self.event {
            Some(prefix) => self.whole(screen, &replica, &memory, prefix),
            None => self.list(screen, &replica, &memory),
        }
    }

    fn list(
        &self,
        screen: &Screen,
        replica: &Replica<Reader>,
        memory: &MemoryHistory,
    ) -> Result<Exit, Failure> {
        let case = self.case.as_ref();
        let case = case.map(|prefix| replica.event_named(prefix)).transpose()?;
        let all = Events::of(replica, memory)?;
        let mut events: Vec<ShownEvent<'_>> = all
            .shown()
            .filter(|event| self.author.as_ref().is_none_or(|name| event.author == name))
            .filter(|event| self.kind.is_none_or(|kind| event.body.kind() == kind))
            .filter(|event| case.is_none() || event.case == case)
            .collect();
        if let Some(last) = self.last {
            events.drain(..events.len().saturating_sub(last));
        }
        let genesis = replica.ledger.genesis();
        let listed = Listed {
            ledger: &replica.directory,
            policy_id: genesis.policy_id.to_string(),
            network: genesis.network,
            head: replica.head()?,
            forks: memory.history().forks(),
            events,
        };
        screen.show(&listed, |width| render::events(&listed, width))?;
        Ok(Exit::Ok)
    }

    fn whole(
        &self,
        screen: &Screen,
        replica: &Replica<Reader>,
        memory: &MemoryHistory,
        prefix: &str,
    ) -> Result<Exit, Failure> {
        let id = replica.event_named(prefix)?;
        let all = Events::of(replica, memory)?;
        let found = all.shown().zip(&all.events);
        let mut found = found.filter(|(shown, _)| shown.event == id);
        let Some((shown, (_, signed))) = found.next() else {
            return Ok(Exit::Internal);
        };
        let event = signed.event();
        let whole = WholeEvent {
            shown,
            policy_id: event.policy_id.to_string(),
            network: event.network,
            signer: Identity::from(*signed.signer()),
            previous: event.previous,
            seen: &event.seen,
            expires: event.expires,
            envelope: signed.envelope().to_line(),
        };
        screen.show(&whole, |width| render::event(&whole, width))?;
        Ok(Exit::Ok)
    }
}

/// All events of a ledger in the order of their arrival.
struct Events<'a> {
    events: Vec<(u64, &'a SignedEvent)>,
    children: BTreeSet<EventId>,
    after_fork: BTreeSet<EventId>,
}

impl<'a> Events<'a> {
    fn of(replica: &Replica<Reader>, memory: &'a MemoryHistory) -> Result<Self, Failure> {
        let mut events = Vec::new();
        for (position, record) in
            (0..).zip(crate::ledger::Store::records(replica.ledger.store(), 0))
        {
            let record = record.map_err(|error| replica.failed(error))?;
            let id = EventId(crate::governance::Digest(record.id));
            events.extend(memory.event(id).map(|signed| (position, signed)));
        }
        let forks = memory.history().forks();
        let told = memory.told();
        let after_fork = told.iter().filter(|entry| entry.after_fork);
        Ok(Self {
            events,
            children: forks.into_iter().flat_map(|fork| fork.children).collect(),
            after_fork: after_fork.map(|entry| entry.signed.id()).collect(),
        })
    }

    fn shown(&self) -> impl Iterator<Item = ShownEvent<'a>> + '_ {
        self.events.iter().map(|(position, signed)| {
            let event = signed.event();
            let kind = event.body.kind();
            ShownEvent {
                position: *position,
                event: signed.id(),
                author: &event.author,
                kind: kind.name(),
                at: event.at,
                case: match kind {
                    Kind::Proposal => Some(signed.id()),
                    _ => event.body.case(),
                },
                fork: self.children.contains(&signed.id()),
                after_fork: self.after_fork.contains(&signed.id()),
                body: &event.body,
            }
        })
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
        format!("the kinds are {}", names.join(", "))
    })
}
