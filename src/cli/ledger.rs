//! `longstop ledger`: what was signed about a policy, kept and verified.

mod append;
mod checkpoint;
mod export;
mod import;
mod init;
mod prove;
mod repair;
mod show;
mod verify;

use clap::{Args, Subcommand};

use super::render::Screen;
use super::{Exit, Failure};

pub(super) use self::append::{Appended, Became, Line};
pub(super) use self::checkpoint::{Signed, check_identity};
pub(super) use self::export::Exported;
pub(super) use self::import::{Imported, Source};
pub(super) use self::init::{Begun, create};
pub(super) use self::prove::Proof;
pub(super) use self::repair::Repaired;
pub(super) use self::show::{Listed, ShownEvent, WholeEvent};
pub(super) use self::verify::{Compared, Finding, Verification};

/// Keep what parties sign about a policy, and verify it
///
/// A ledger is a directory of append-only files, and each party keeps one of its own. An event is
/// acknowledged when it is on the device. Ledgers exchange events as bundles: files in any order,
/// and as often as one likes.
#[derive(Debug, Args)]
pub(super) struct LedgerCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Append(append::Append),
    Show(show::Show),
    Verify(verify::Verify),
    Prove(prove::Prove),
    Checkpoint(checkpoint::MakeCheckpoint),
    Export(export::Export),
    Import(import::Import),
    Repair(repair::Repair),
}

impl LedgerCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Init(init) => init.run(screen),
            Command::Append(append) => append.run(screen),
            Command::Show(show) => show.run(screen),
            Command::Verify(verify) => verify.run(screen),
            Command::Prove(prove) => prove.run(screen),
            Command::Checkpoint(checkpoint) => checkpoint.run(screen),
            Command::Export(export) => export.run(screen),
            Command::Import(import) => import.run(screen),
            Command::Repair(repair) => repair.run(screen),
        }
    }
}
