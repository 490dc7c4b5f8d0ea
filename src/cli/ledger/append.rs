//! `longstop ledger append`: signed events, one to a line.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::{Exit, Failure, input};
use crate::governance::{Envelope, EventError, EventId, Refusal, SignedEvent};
use crate::ledger::{Genesis, Head, Taken};

/// Append signed events, one envelope to a line
///
/// All of them are on the device when this ends, and what became of each line is said. An event
/// comes after those it knows of. One that is refused keeps no other back.
///
/// Exit code 0: all were taken or were there already; 1: a line was refused; 6: one has to wait
/// for events that are not here.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, size, root and lines [line, became (new, known, waiting, refused), event,\nposition, why]."
)]
pub(super) struct Append {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The file with the envelopes, or - for the standard input
    #[arg(default_value = "-")]
    events: PathBuf,
}

/// What became of the lines.
#[derive(Serialize)]
pub(in crate::cli) struct Appended {
    pub ledger: String,
    #[serde(flatten)]
    pub head: Head,
    pub lines: Vec<Line>,
}

/// What became of a line.
#[derive(Serialize)]
pub(in crate::cli) struct Line {
    pub line: usize,
    pub became: Became,
    pub event: Option<EventId>,
    pub position: Option<u64>,
    pub why: Option<String>,
}

/// What can become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Became {
    New,
    Known,
    Waiting,
    Refused,
}

impl Line {
    fn new(line: usize, read: &Result<SignedEvent, EventError>) -> Self {
        let event = read.as_ref().ok().map(SignedEvent::id);
        let why = read.as_ref().err().map(ToString::to_string);
        Self {
            line,
            became: Became::Refused,
            event,
            position: None,
            why,
        }
    }

    fn take(&mut self, taken: &Taken) {
        (self.became, self.position, self.why) = match taken {
            Taken::New(position) => (Became::New, Some(*position), None),
            Taken::Known(position) => (Became::Known, Some(*position), None),
            Taken::Refused(refusal @ Refusal::Missing { .. }) => {
                (Became::Waiting, None, Some(refusal.to_string()))
            }
            Taken::Refused(refusal) => (Became::Refused, None, Some(refusal.to_string())),
        };
    }
}

impl Append {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let text = input::events(&self.events)?;
        let rows: Vec<(usize, &str)> = (1..)
            .zip(text.text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
            .collect();
        let mut lines = Vec::new();
        let mut events = Vec::new();
        for chunk in rows.chunks(input::LINES_AT_ONCE) {
            let envelopes = Envelope::open_all(chunk.iter().map(|(_, line)| *line));
            for ((number, text), envelope) in chunk.iter().zip(envelopes) {
                let read = envelope
                    .map_err(EventError::from)
                    .and_then(SignedEvent::of_envelope);
                let mut line = Line::new(*number, &read);
                if read.is_err() && Genesis::from_bytes(text.as_bytes()).is_ok() {
                    let why =
                        "it is the first line of a bundle; `longstop ledger import` takes those";
                    line.why = Some(why.to_owned());
                }
                lines.push(line);
                events.extend(read.ok());
            }
        }
        let mut replica = self.ledger.write(screen)?;
        let taken = replica.ledger.append(&events);
        let taken = taken.map_err(|error| replica.failed(error))?;
        let read = lines.iter_mut().filter(|line| line.event.is_some());
        for (line, taken) in read.zip(&taken) {
            line.take(taken);
        }
        let directory = replica.directory.clone();
        let appended = Appended {
            ledger: directory,
            head: replica.close()?,
            lines,
        };
        screen.show(&appended, |width| render::appended(&appended, width))?;
        Ok(appended.exit())
    }
}

impl Appended {
    fn exit(&self) -> Exit {
        let some = |became| self.lines.iter().any(|line| line.became == became);
        match (some(Became::Refused), some(Became::Waiting)) {
            (true, _) => Exit::Unmet,
            (false, true) => Exit::Pending,
            (false, false) => Exit::Ok,
        }
    }
}
