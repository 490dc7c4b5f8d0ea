//! `longstop new`: begin a policy.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::render::{self, Prompt, Screen, shown};
use super::{Exit, Failure, input, output};
use crate::author::{Template, interview};
use crate::policy::check;

/// Begin a policy, from a template or with questions
///
/// A template is a whole policy with comments, to be changed. Without one, questions are asked on
/// the terminal, and each answer is checked at once. Keys that are not there yet are stand-ins,
/// marked as such: nothing may be sent to them.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: template (null after questions), file (null without --output) and text; with --list:\ntemplates [name, about]."
)]
pub(super) struct New {
    /// Start from this template, without questions
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// List the templates
    #[arg(long, conflicts_with_all = ["template", "output"])]
    list: bool,
    /// Write to this file, which must not be there yet, instead of the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    force: bool,
}

/// A new policy.
#[derive(Debug, Serialize)]
pub(super) struct Begun {
    pub template: Option<&'static str>,
    pub file: Option<String>,
    pub text: String,
}

/// All templates.
#[derive(Debug, Serialize)]
pub(super) struct Templates {
    pub templates: Vec<Listed>,
}

/// A template in the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub name: &'static str,
    pub about: &'static str,
}

impl New {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        if self.list {
            let templates = Template::ALL.map(|template| Listed {
                name: template.name,
                about: template.about,
            });
            let templates = Templates {
                templates: templates.into(),
            };
            screen.show(&templates, |width| render::templates(&templates, width))?;
            return Ok(Exit::Ok);
        }
        // Nobody wants to answer questions for nothing.
        if let Some(path) = &self.output {
            self.refuse_to_overwrite(path)?;
        }
        let (template, text) = match &self.template {
            Some(name) => {
                let template = Template::named(name).ok_or_else(|| Failure::UnknownTemplate {
                    typed: shown(name),
                    known: Template::ALL.map(|template| template.name).join("`, `"),
                })?;
                (Some(template.name), template.policy())
            }
            None => {
                let mut prompt = Prompt::open().ok_or(Failure::NoTerminal)?;
                let text = interview(&mut prompt).map_err(Failure::Unanswered)?;
                (None, text)
            }
        };
        if template.is_none() {
            screen.warnings(&check(&text));
        }
        if let Some(path) = &self.output {
            self.write(path, &text)?;
        }
        let begun = Begun {
            template,
            file: self.output.as_deref().map(input::file_name),
            text,
        };
        screen.show(&begun, |_| render::begun(&begun))?;
        Ok(Exit::Ok)
    }

    fn refuse_to_overwrite(&self, path: &Path) -> Result<(), Failure> {
        // A link that leads nowhere is there as well.
        if !self.force && path.symlink_metadata().is_ok() {
            return Err(Failure::Exists {
                file: input::file_name(path),
            });
        }
        Ok(())
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let written = if self.force {
            output::replace(path, |writer| writer.write_all(text.as_bytes()))
        } else {
            output::create(path, text)
        };
        written.map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => Failure::Exists {
                file: input::file_name(path),
            },
            _ => Failure::Write {
                file: input::file_name(path),
                source,
            },
        })
    }
}
