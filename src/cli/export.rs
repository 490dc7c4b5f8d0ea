//! `longstop export`: the policy in the formats of other programs.

use chrono::{DateTime, NaiveDate};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::input::PolicyArgs;
use super::render::Screen;
use super::{Exit, Failure, input};
use crate::compile::{PolicyId, Stage};
use crate::export::{Content, Exported, Format, Request, export};
use crate::units::UnixTime;

/// Most addresses of each keychain that are listed.
const MAX_ADDRESSES: i64 = 1000;

/// The last index that a node can be told to watch, and still answer in good time.
const MAX_INDEX: i64 = 100_000;

/// Write the policy for other programs: nodes, wallets, signing devices, pictures
///
/// core: the array for Bitcoin Core's importdescriptors. bip388: wallet policies as signing devices
/// register them. bsms: descriptor records of a multisig setup (BIP-129). liana: the descriptor for
/// the Liana wallet. labels: labels of keys and addresses (BIP-329). json: all there is. mermaid,
/// dot, svg: a picture of stages and transactions.
///
/// A format that cannot hold a stage refuses it, with the name of the path and the reason.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, format and pieces [stage, path, content]; stage and path are there where\na piece holds one stage."
)]
pub(super) struct Export {
    #[command(flatten)]
    policy: PolicyArgs,
    /// The format
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Format,
    /// The stage: vault, escrow PATH, lockup PATH, or all
    #[arg(long, num_args = 1..=2, value_names = ["STAGE", "PATH"], default_value = "all")]
    stage: Vec<String>,
    /// From when on a node looks for coins; from now on if left out (core)
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<UnixTime>,
    /// The last index that a node watches (core)
    #[arg(
        long,
        value_name = "INDEX",
        default_value_t = 999,
        value_parser = clap::value_parser!(u32).range(0..=MAX_INDEX)
    )]
    last_index: u32,
    /// How many addresses of each keychain to list, at most 1000 (labels, json)
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(0..=MAX_ADDRESSES)
    )]
    addresses: u32,
}

#[derive(Serialize)]
struct Shown<'a> {
    policy: &'a str,
    id: PolicyId,
    format: Format,
    pieces: Vec<Exported>,
}

impl Export {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let request = Request {
            stage: stage(&self.stage)?,
            since: self.since,
            last_index: self.last_index,
            addresses: self.addresses,
        };
        let text = input::policy(&self.policy)?;
        let file = input::compiled(&text)?;
        screen.warnings(&file.checked);
        let pieces =
            export(&file.compiled, self.format, &request).map_err(|source| Failure::Export {
                file: text.file.clone(),
                source,
            })?;
        let shown = Shown {
            policy: file.compiled.policy().name(),
            id: file.compiled.id(),
            format: self.format,
            pieces,
        };
        screen.show(&shown, |_| plain(&shown.pieces))?;
        Ok(Exit::Ok)
    }
}

/// The pieces as the other program wants them: JSON values of one stage each in an array, texts
/// with an empty line between.
fn plain(pieces: &[Exported]) -> String {
    let pretty = |value: &Value| format!("{value:#}\n");
    let mut values = Vec::new();
    let mut texts = Vec::new();
    for piece in pieces {
        match &piece.content {
            Content::Json(value) if piece.stage.is_none() => return pretty(value),
            Content::Json(value) => values.push(value.clone()),
            Content::Text(text) => texts.push(text.as_str()),
        }
    }
    if values.is_empty() {
        return texts.join("\n");
    }
    pretty(&Value::Array(values))
}

fn format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, format)| *format).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
        format!("the formats are {}", names.join(", "))
    })
}

/// The stage, also where its two words come as one argument.
fn stage(words: &[String]) -> Result<Option<Stage>, Failure> {
    let words: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split_whitespace())
        .collect();
    match words.as_slice() {
        ["all"] => Ok(None),
        ["vault"] => Ok(Some(Stage::Vault)),
        ["escrow", path] => Ok(Some(Stage::Escrow((*path).to_owned()))),
        ["lockup", path] => Ok(Some(Stage::Lockup((*path).to_owned()))),
        _ => Err(Failure::BadStage {
            given: words.join(" "),
        }),
    }
}

/// A day, which begins at midnight UTC, or a moment.
pub(super) fn date(text: &str) -> Result<UnixTime, String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let day = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    let moment = day.map(|day| day.and_utc().timestamp()).or_else(|| {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        Some(moment.timestamp())
    });
    moment
        .and_then(|seconds| u32::try_from(seconds).ok())
        .map(UnixTime)
        .ok_or_else(|| "write a date such as 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_or_moments() {
        assert_eq!(date("1970-01-02"), Ok(UnixTime(86_400)));
        assert_eq!(date("1970-01-01T01:00:00+01:00"), Ok(UnixTime(0)));
        assert_eq!(date("2106-02-07T06:28:15Z"), Ok(UnixTime(u32::MAX)));
        for bad in [
            "2106-02-07T06:28:16Z",
            "1969-12-31",
            "now",
            "2026-13-01",
            "",
        ] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stage_is_one_word_or_two() {
        let parsed = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            stage(&words).ok()
        };
        let sos = Some(Some(Stage::Escrow("sos".to_owned())));
        assert_eq!(parsed(&["all"]), Some(None));
        assert_eq!(parsed(&["vault"]), Some(Some(Stage::Vault)));
        assert_eq!(parsed(&["escrow", "sos"]), sos);
        assert_eq!(parsed(&["escrow sos"]), sos);
        for bad in [
            &["escrow"][..],
            &["vault", "sos"],
            &["all", "sos"],
            &["attic"],
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
