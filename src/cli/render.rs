//! What is shown, and the only place that writes to the terminal.
//!
//! Everything is put together as text with styles first; the streams leave the styles out where
//! they are no terminals or are told so by the environment.  Whatever comes from a document goes
//! through [`shown`], so that it cannot act on the terminal.

mod analysis;
mod arm;
mod begun;
mod case;
mod chain;
mod claims;
mod codes;
mod compiled;
mod devices;
mod diagnostics;
mod difference;
mod evidence;
mod formatted;
mod frames;
mod identity;
mod junit;
mod keys;
mod ledger;
mod outcomes;
mod parameters;
mod policy;
mod prompt;
mod psbt;
mod recovery;
mod report;
mod sarif;
mod signer;
mod vault;
mod verdict;
mod verification;
mod watch;
mod words;

use std::io::{self, ErrorKind, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use super::Failure;
use super::custody::ShownProblem;
use crate::ledger::Remark;
use crate::policy::{Checked, Severity, is_invisible};

pub(super) use self::analysis::analysis;
pub(super) use self::arm::round;
pub(super) use self::begun::{begun, templates};
pub(super) use self::case::{denied, overview, spoken, standing};
pub(super) use self::chain::{mined, tip};
pub(super) use self::claims::claims;
pub(super) use self::codes::{code, codes};
pub(super) use self::compiled::{compiled, given_up};
pub(super) use self::devices::devices;
pub(super) use self::difference::difference;
pub(super) use self::evidence::{evidence_created, evidence_verified};
pub(super) use self::formatted::{diff, formatted};
pub(super) use self::frames::{CodeShow, codes_page, room_for_codes};
pub(super) use self::identity::{identity, new_identity};
pub(super) use self::junit::junit;
pub(super) use self::keys::{attested, challenged, countersigned, shown_keys};
pub(super) use self::ledger::{
    appended, begun_ledger, checkpoint, event, events, imported, ledger_exported,
    ledger_verification, proof, repaired, when,
};
pub(super) use self::outcomes::outcomes;
pub(super) use self::parameters::parameters;
pub(super) use self::policy::{summaries, summary};
pub(super) use self::prompt::Prompt;
pub(super) use self::psbt::{address, psbt, psbt_judged, psbt_merged, psbt_word};
pub(super) use self::recovery::{planned_step, recovery_run};
pub(super) use self::report::{demo, report};
pub(super) use self::sarif::sarif;
pub(super) use self::signer::{new_seed, seed};
pub(super) use self::vault::{
    CONFIRM_FIRST, backed_up, balance, coins, created_vault, examined, fee_wallets, given_address,
    missing_ratifications, opened_vault, restored, synced, vault_status,
};
pub(super) use self::verdict::verdict;
pub(super) use self::verification::verification;
pub(super) use self::watch::{Live, json_line};

/// The width of lines where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// The width of what is said beside the result.
pub(super) const ASIDE: usize = DEFAULT_WIDTH;

/// The narrowest and widest lines.  Longer ones are hard to read.
const WIDTHS: [usize; 2] = [60, 110];

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// The terminal.
pub(super) struct Screen {
    json: bool,
}

impl Screen {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// The result: as text of a width, or as JSON.
    pub(super) fn show<T: Serialize>(
        &self,
        result: &T,
        text: impl FnOnce(usize) -> String,
    ) -> Result<(), Failure> {
        match print(&self.text(result, text, width())?) {
            Ok(()) => Ok(()),
            // Whoever reads it has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::Output(error)),
        }
    }

    /// The result as it is shown, for a file: without styles, and of one width everywhere.
    pub(super) fn plain<T: Serialize>(
        &self,
        result: &T,
        text: impl FnOnce(usize) -> String,
    ) -> Result<String, Failure> {
        let text = self.text(result, text, DEFAULT_WIDTH)?;
        Ok(anstream::adapter::strip_str(&text).to_string())
    }

    fn text<T: Serialize>(
        &self,
        result: &T,
        text: impl FnOnce(usize) -> String,
        width: usize,
    ) -> Result<String, Failure> {
        if self.json {
            json_text(result)
        } else {
            Ok(text(width))
        }
    }

    /// All problems of a policy with their places.  JSON results hold them instead.
    pub(super) fn diagnostics(&self, file: &str, checked: &Checked) {
        if !self.json {
            say(&diagnostics::graphical(file, checked, width_aside()));
        }
    }

    /// The warnings of a sound policy, each in a line.
    pub(super) fn warnings(&self, checked: &Checked) {
        let problems = checked.diagnostics.iter();
        for warning in problems.filter(|problem| problem.severity() == Severity::Warning) {
            let label = paint(YELLOW, &format!("warning[{}]", warning.code()));
            say(&format!("{label}: {warning}\n"));
        }
    }

    /// Something that somebody should know beside the result.
    #[expect(clippy::unused_self, reason = "the screen says it")]
    pub(super) fn note(&self, text: &str) {
        say(&format!("{}: {}\n", paint(YELLOW, "note"), shown(text)));
    }

    /// A longer text that somebody should read beside the result.
    #[expect(clippy::unused_self, reason = "the screen says it")]
    pub(super) fn aside(&self, text: &str) {
        say(text);
    }

    /// How a ledger was found.
    pub(super) fn remarks(&self, ledger: &str, remarks: &[Remark]) {
        for remark in remarks {
            self.note(&format!("`{ledger}`: {remark}"));
        }
    }

    /// Whether the result is JSON.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// A result that is written as it comes, because it may be long.
    #[expect(clippy::unused_self, reason = "the screen writes it")]
    pub(super) fn stream(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        let written = write(&mut stdout).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// What is wrong with a file of attestations, line by line.
    pub(super) fn attestations(&self, problems: &[ShownProblem]) {
        for problem in problems {
            let label = paint(YELLOW, "warning");
            let (file, line) = (&problem.file, problem.line);
            let (message, counts) = (shown(&problem.message), problem.consequence());
            say(&format!(
                "{label}: `{file}`, line {line}{counts}: {message}\n"
            ));
        }
    }

    /// Why there is no result about one of several things.
    #[expect(clippy::unused_self, reason = "the screen says it")]
    pub(super) fn remark(&self, failure: &Failure) {
        say(&format!(
            "{}: {}\n",
            paint(RED, "error"),
            shown(&failure.to_string())
        ));
    }

    /// Why there is no result.
    pub(super) fn failure(&self, failure: &Failure) {
        let checked = failure.checked();
        if let Some((file, checked)) = checked {
            self.diagnostics(file, checked);
        }
        match failure.bad_claims() {
            [] => self.remark(failure),
            bad => bad.iter().for_each(|bad| say(&claims::bad_claim(bad))),
        }
        if self.json {
            let diagnostics = checked.map(|(_, checked)| diagnostics::located(checked));
            let error = json!({
                "error": {
                    "kind": failure.kind(),
                    "message": failure.to_string(),
                    "exit": failure.exit().code(),
                    "diagnostics": diagnostics.unwrap_or_default(),
                }
            });
            // If this cannot be written either, the exit code says it.
            let _ = json_text(&error).map(|text| print(&text));
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// What is said beside the result.  Nothing can be done if nobody hears it.
fn say(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// JSON as it is shown without `--json` as well.
pub(super) fn pretty<T: Serialize>(value: &T) -> String {
    // What is serialised here has string keys only, with which nothing can fail.
    json_text(value).unwrap_or_default()
}

fn json_text<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Output(io::Error::other(error)))?;
    Ok(safe_json(&text))
}

/// JSON without invisible characters, and with a line break at its end.
fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    let mut units = [0; 2];
    for c in text.chars() {
        // Such characters stand inside strings only, where JSON can spell them out.
        if c != '\n' && is_invisible(c) {
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

/// The width of the terminal, within bounds.
fn width() -> usize {
    let [least, most] = WIDTHS;
    let terminal = terminal_size::terminal_size_of(io::stdout());
    terminal.map_or(DEFAULT_WIDTH, |(width, _)| {
        usize::from(width.0).clamp(least, most)
    })
}

/// The width of the terminal for what is said beside the result, which may be another one.
fn width_aside() -> usize {
    let [least, _] = WIDTHS;
    let terminal = terminal_size::terminal_size_of(io::stderr());
    terminal.map_or(ASIDE, |(width, _)| usize::from(width.0).clamp(least, ASIDE))
}

/// A number of things.
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// Foreign text as it may be shown in a line: characters that are not drawn, or that act on the
/// text around them, are spelled out.
pub(super) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text in lines of at most so many characters, as far as words allow it.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let long = line.chars().count() + 1 + word.chars().count() > width;
        if long && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// A text after a label, with its further lines indented as far.
fn hanging(label: &str, style: Style, text: &str, width: usize) -> String {
    let indent = label.chars().count();
    let lines = wrap(text, width.saturating_sub(indent));
    let mut written = String::new();
    for (number, line) in lines.iter().enumerate() {
        match number {
            0 => written.push_str(&paint(style, label)),
            _ => written.push_str(&" ".repeat(indent)),
        }
        written.push_str(line);
        written.push('\n');
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_labels_do_nothing_to_the_terminal() {
        let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}b\r\nc\u{e0041}\u{7}";
        let safe = shown(hostile);
        assert!(!safe.chars().any(is_invisible), "{safe:?}");
        assert!(safe.starts_with("a\\u{1b}[31m"), "{safe:?}");
        let json = json_text(&hostile).expect("a string");
        assert!(!json.trim_end().chars().any(is_invisible), "{json:?}");
        let read: String = serde_json::from_str(&json).expect("still JSON");
        assert_eq!(read, hostile);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aa bb cc", 4), ["aa", "bb", "cc"]);
        assert_eq!(wrap("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
