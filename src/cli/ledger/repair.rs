//! `longstop ledger repair`: what can be made anew is, and what cannot is named.

use clap::Args;
use serde::Serialize;

use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, holder};
use crate::cli::{Exit, Failure};
use crate::ledger::{Directory, Head, Remark};

/// Read everything, and make anew whatever is not the events themselves
///
/// The index, the hashes of the tree and the mark of the end are made anew from the segments. What
/// was never acknowledged is cut off and kept beside. A damaged event is named with its place, and
/// nothing is changed: an export or another party's ledger has it.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, size, root, segments, bytes and remarks [remark, and what it is about]."
)]
pub(super) struct Repair {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Accept what is there in the place of what was known of the ledger
    #[arg(long)]
    forget: bool,
}

/// A ledger that was repaired.
#[derive(Serialize)]
pub(in crate::cli) struct Repaired {
    pub ledger: String,
    #[serde(flatten)]
    pub head: Head,
    pub segments: usize,
    pub bytes: u64,
    pub remarks: Vec<Remark>,
}

impl Repair {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let ledger = self.ledger.itself()?;
        let mut known = ledger.known()?;
        let pin = known.pin().filter(|_| !self.forget).copied();
        let opened = Directory::repair(ledger.path(), pin.as_ref(), &holder());
        let (store, verified) = opened.map_err(|error| ledger.failed(&known, error))?;
        let remarks = store.remarks();
        known.remember(store.pin())?;
        let replica = ledger.replica(known, store)?;
        let repaired = Repaired {
            ledger: ledger.name(),
            head: replica.close()?,
            segments: verified.segments,
            bytes: verified.bytes,
            remarks,
        };
        screen.show(&repaired, |width| render::repaired(&repaired, width))?;
        Ok(Exit::Ok)
    }
}
