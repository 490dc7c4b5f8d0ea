//! `longstop man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;
use serde::Serialize;

use super::render::{Screen, shown};
use super::{Cli, Exit, Failure, input, output};

/// Print a manual page, or write all of them into a folder
///
/// `longstop man check | man -l -` shows one; `longstop man --output DIR` writes `longstop.1`,
/// `longstop-check.1` and so on into a folder that is there.
#[derive(Debug, Args)]
#[command(after_help = "With --json: pages [name, text (without --output), file (with it)].")]
pub(super) struct Man {
    /// The command whose page is printed, such as `check` or `rule eval`; longstop itself if left out
    #[arg(conflicts_with = "output")]
    command: Vec<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Pages {
    pages: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Man {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut all = Vec::new();
        let mut command = Cli::command();
        // Gives the commands under it their whole names, and the options that all have.
        command.build();
        collect(&command, &mut all);
        let mut pages = Vec::new();
        match &self.output {
            Some(folder) => {
                for (name, text) in all {
                    let path = folder.join(format!("{name}.1"));
                    let file = input::file_name(&path);
                    output::replace(&path, |writer| writer.write_all(text.as_bytes())).map_err(
                        |source| Failure::Write {
                            file: file.clone(),
                            source,
                        },
                    )?;
                    pages.push(Written {
                        name,
                        text: None,
                        file: Some(file),
                    });
                }
            }
            None => {
                let wanted = ["longstop".to_owned()];
                let wanted: Vec<String> = wanted.iter().chain(&self.command).cloned().collect();
                let wanted = wanted.join("-");
                let Some((name, text)) = all.into_iter().find(|(name, _)| *name == wanted) else {
                    return Err(Failure::UnknownCommand {
                        typed: shown(&self.command.join(" ")),
                    });
                };
                pages.push(Written {
                    name,
                    text: Some(text),
                    file: None,
                });
            }
        }
        let pages = Pages { pages };
        screen.show(&pages, |_| plain(&pages.pages))?;
        Ok(Exit::Ok)
    }
}

/// The page of a command and of those under it, each with its name.
fn collect(command: &Command, pages: &mut Vec<(String, String)>) {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    if Page::new(command.clone()).render(&mut bytes).is_ok() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        pages.push((name.to_owned(), text));
    }
    for inner in command.get_subcommands() {
        if inner.get_name() != "help" {
            collect(inner, pages);
        }
    }
}

fn plain(pages: &[Written]) -> String {
    let mut out = String::new();
    for page in pages {
        if let Some(text) = &page.text {
            out.push_str(text);
        }
        if let Some(file) = &page.file {
            out.push_str(&format!("wrote {file}\n"));
        }
    }
    out
}
