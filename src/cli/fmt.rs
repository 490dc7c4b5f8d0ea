//! `longstop fmt`: put policies into the one layout.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::input::Text;
use super::render::{self, Screen};
use super::{Exit, Failure, input, output};
use crate::policy::{Code, FormatError, check, format};

/// Put policies into one layout, with every comment in its place
///
/// Tables and fields come into the order of the book, and signs of equality under one another;
/// comments stay with what they belong to, and what the policy says stays the same. A policy with
/// errors is formatted as well, as long as it is TOML. Nothing is written unless all files can be
/// formatted.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: changed, the number of files, and files [file, changed, diff (with --check), text\n(of `-`)]."
)]
pub(super) struct Fmt {
    /// The policy files; `-` reads the standard input and writes the standard output
    #[arg(required = true)]
    policies: Vec<PathBuf>,
    /// Write nothing; show what would change, and end with exit code 1 if anything would
    #[arg(long)]
    check: bool,
}

/// What came of all files.
#[derive(Debug, Serialize)]
pub(super) struct Formatted {
    pub changed: usize,
    #[serde(skip)]
    pub check: bool,
    pub files: Vec<FormattedFile>,
}

/// What came of one file.
#[derive(Debug, Serialize)]
pub(super) struct FormattedFile {
    pub file: String,
    pub changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Fmt {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut files = Vec::new();
        for path in &self.policies {
            if input::is_script(path) {
                return Err(Failure::FormatScript {
                    file: input::file_name(path),
                });
            }
            let text = if is_stdin(path) {
                input::standard_input()?
            } else {
                input::policy_text(path)?
            };
            let formatted = formatted(&text)?;
            files.push((path, text, formatted));
        }
        let mut results = Vec::new();
        for (path, text, formatted) in files {
            let changed = text.text != formatted;
            if changed && !self.check && !is_stdin(path) {
                output::replace(path, |writer| writer.write_all(formatted.as_bytes())).map_err(
                    |source| Failure::Write {
                        file: text.file.clone(),
                        source,
                    },
                )?;
            }
            results.push(FormattedFile {
                diff: match self.check {
                    true => render::diff(&text.text, &formatted),
                    false => Vec::new(),
                },
                text: (is_stdin(path) && !self.check).then_some(formatted),
                file: text.file,
                changed,
            });
        }
        let result = Formatted {
            changed: results.iter().filter(|file| file.changed).count(),
            check: self.check,
            files: results,
        };
        screen.show(&result, |_| render::formatted(&result))?;
        Ok(if self.check && result.changed > 0 {
            Exit::Unmet
        } else {
            Exit::Ok
        })
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The text in the one layout, unless it is no TOML or holds a private key, which must not come
/// out again on any way.
fn formatted(text: &Text) -> Result<String, Failure> {
    let mut checked = check(&text.text);
    let file = || text.file.clone();
    if let Some(secret) = checked.diagnostics.iter().find(|it| it.is_concealed()) {
        let at = secret.labels().first().map_or(0, |label| label.span.start);
        let before = text.text.bytes().take(at);
        return Err(Failure::Secret {
            file: file(),
            line: 1 + before.filter(|byte| *byte == b'\n').count(),
        });
    }
    format(&text.text).map_err(|source| {
        let not_toml = |code| matches!(code, Code::Syntax | Code::DuplicateField | Code::TooLarge);
        checked
            .diagnostics
            .retain(|problem| not_toml(problem.code()));
        match source {
            FormatError::NotToml(_) if !checked.diagnostics.is_empty() => Failure::Policy {
                file: file(),
                checked: Box::new(checked),
            },
            source => Failure::Format {
                file: file(),
                source,
            },
        }
    })
}
