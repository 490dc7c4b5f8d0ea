//! `longstop ledger export`: a ledger as lines of text.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::{Exit, Failure, input, output};
use crate::ledger::{BundleError, Head};

/// Write a ledger, or what came after a position, as lines of JSON
///
/// The first line is what the ledger is founded on, and each other line the envelope of an event.
/// All of it imports again to the same root; what came after a position is a bundle for those who
/// have the rest.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, size, root, from, count, and file (with --output) or text."
)]
pub(super) struct Export {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Write to this file, instead of the standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the first so many events
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
}

/// What was written.
#[derive(Serialize)]
pub(in crate::cli) struct Exported {
    pub ledger: String,
    #[serde(flatten)]
    pub head: Head,
    pub from: u64,
    pub count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Export {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let head = replica.head()?;
        let from = self.from.min(head.size);
        let mut exported = Exported {
            ledger: replica.directory.clone(),
            head,
            from,
            count: head.size - from,
            file: None,
            text: None,
        };
        let ledger = &replica.ledger;
        let write = |writer: &mut dyn io::Write| {
            let mut writer = writer;
            let written = ledger.export(from, &mut writer);
            written.map(drop).map_err(|error| match error {
                BundleError::System(error) => error,
                error => io::Error::other(error),
            })
        };
        match &self.output {
            Some(path) => {
                output::replace(path, write).map_err(|error| output::failure(path, error))?;
                exported.file = Some(input::file_name(path));
            }
            None if screen.is_json() => {
                let mut text = Vec::new();
                write(&mut text).map_err(Failure::Output)?;
                exported.text = Some(String::from_utf8_lossy(&text).into_owned());
            }
            None => {
                screen.stream(write)?;
                return Ok(Exit::Ok);
            }
        }
        screen.show(&exported, |_| render::ledger_exported(&exported))?;
        Ok(Exit::Ok)
    }
}
