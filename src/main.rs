//! The `longstop` program.  All of it is in the library, so that tests can see it.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use longstop::cli::{Cli, Exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A panic is a fault of this program; the panic hook has said where by now.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| cli.run()));
    outcome.unwrap_or(Exit::Internal).into()
}
