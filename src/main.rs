//! The `longstop` program.  All of it is in the library, so that tests can see it.

use std::process::ExitCode;

use clap::Parser;
use longstop::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
