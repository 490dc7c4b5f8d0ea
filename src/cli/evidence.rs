//! `longstop evidence`: a case for outsiders.

mod create;
mod folder;
mod verify;

use clap::{Args, Subcommand};

use super::render::Screen;
use super::{Exit, Failure};

pub(super) use self::create::Created;
pub(super) use self::verify::Verified;

/// Put a case together for outsiders, and verify what others put together
///
/// Evidence is a folder or a zip archive with the policy, its descriptors, the whole ledger,
/// proofs for the events of the case, how it stands, and whatever is attached. A page in it says
/// how to check all of it without this program.
#[derive(Debug, Args)]
pub(super) struct EvidenceCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    Verify(verify::Verify),
}

impl EvidenceCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Create(create) => create.run(screen),
            Command::Verify(verify) => verify.run(screen),
        }
    }
}
