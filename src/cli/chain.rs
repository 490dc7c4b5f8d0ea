//! `longstop chain`: looking at a chain, and moving one that lives in a file.

mod mine;
mod tip;

use clap::{Args, Subcommand};

use super::render::Screen;
use super::{Exit, Failure};

pub(super) use self::mine::{MinedBlocks, Paid};
pub(super) use self::tip::Tip;

/// Look at a chain, or mine on one that lives in a file
#[derive(Debug, Args)]
pub(super) struct ChainCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Mine(mine::Mine),
    Tip(tip::ShowTip),
}

impl ChainCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Mine(mine) => mine.run(screen),
            Command::Tip(tip) => tip.run(screen),
        }
    }
}
