//! `longstop completions`: what a shell needs to complete a command line.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use serde::Serialize;

use super::render::Screen;
use super::{Cli, Exit, Failure};

/// Print what a shell needs to complete command lines of longstop
///
/// For bash: `longstop completions bash > ~/.local/share/bash-completion/completions/longstop`.
#[derive(Debug, Args)]
#[command(after_help = "With --json: shell and text.")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Serialize)]
struct Script {
    shell: String,
    text: String,
}

impl Completions {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut bytes = Vec::new();
        generate(self.shell, &mut Cli::command(), "longstop", &mut bytes);
        let script = Script {
            shell: self.shell.to_string(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        };
        screen.show(&script, |_| script.text.clone())?;
        Ok(Exit::Ok)
    }
}
