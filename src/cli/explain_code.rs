//! `longstop explain-code`: what does this code mean?

use clap::Args;
use serde::Serialize;

use super::render::{self, Screen, shown};
use super::{Exit, Failure};
use crate::policy::{Code, Severity};

/// Explain a code such as LS0104, or list all codes
///
/// Every problem that `check` reports has a code, which never changes its meaning.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: code, severity, can_be_silenced, title, explanation, remedy, example [wrong, right]\n(null where there is none) and book, the place in the book; without a code: codes, the list of\nthese."
)]
pub(super) struct ExplainCode {
    /// The code; without it, all are listed
    code: Option<String>,
}

/// Everything about a code.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub code: Code,
    pub severity: Severity,
    pub can_be_silenced: bool,
    pub title: &'static str,
    pub explanation: &'static str,
    pub remedy: &'static str,
    pub example: Option<Lines>,
    pub book: String,
}

/// An example, as other programs read it.
#[derive(Debug, Serialize)]
pub(super) struct Lines {
    pub wrong: &'static str,
    pub right: &'static str,
}

/// All codes.
#[derive(Debug, Serialize)]
struct All {
    codes: Vec<Explained>,
}

impl ExplainCode {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let Some(typed) = &self.code else {
            let codes = Code::ALL.iter().copied().map(explained).collect();
            let all = All { codes };
            screen.show(&all, |width| render::codes(&all.codes, width))?;
            return Ok(Exit::Ok);
        };
        let Some(code) = Code::from_written(&typed.trim().to_uppercase()) else {
            return Err(Failure::UnknownCode {
                typed: shown(typed),
                similar: Code::similar_to(typed),
            });
        };
        let code = explained(code);
        screen.show(&code, |width| render::code(&code, width))?;
        Ok(Exit::Ok)
    }
}

fn explained(code: Code) -> Explained {
    Explained {
        code,
        severity: code.severity(),
        can_be_silenced: code.can_be_silenced(),
        title: code.title(),
        explanation: code.explanation(),
        remedy: code.remedy(),
        example: code.example().map(|example| Lines {
            wrong: example.wrong,
            right: example.right,
        }),
        book: code.place_in_book(),
    }
}
