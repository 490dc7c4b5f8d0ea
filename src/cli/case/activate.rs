//! `longstop case activate`: the word that lets agents sign.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::speak::finish;
use super::{pick, status};
use crate::cli::render::{self, Screen};
use crate::cli::say::{SayArgs, cases};
use crate::cli::{Exit, Failure, input};
use crate::governance::{Activation, Body, EventId, Judgement, ask_rule, facts_of};
use crate::policy::{Sats, Vault};

/// Say that a path is to be activated
///
/// Consent where the path asks for a decision of its quorum, and otherwise the record that its
/// terms hold. With it, and once the terms hold, honest software of the path's quorum signs the
/// trigger; that signature never expires.
///
/// With --rule a rule of one's own is asked first, about the facts of the ledger and the coins that
/// are given. If it denies, nothing is signed and the exit code is 1; if it allows, the verdict,
/// the rule and the facts are recorded, and others ask it again.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: as the others; where the rule denies, case, allow (false), why, rule_sha256,\nfacts_sha256, interpreter and facts."
)]
pub(super) struct Activate {
    #[command(flatten)]
    say: SayArgs,
    /// The case, by the beginning of its id
    case: Option<String>,
    /// Ask this rule first
    #[arg(long, value_name = "FILE", requires_all = ["coins", "sats"])]
    rule: Option<PathBuf>,
    /// How many coins the vault has, for the rule
    #[arg(long, value_name = "N", requires = "rule")]
    coins: Option<u32>,
    /// What they come to, for the rule
    #[arg(long, value_name = "SATS", requires = "rule", value_parser = sats)]
    sats: Option<Sats>,
}

/// A denial of a rule, after which nothing was signed.
#[derive(Serialize)]
pub(in crate::cli) struct Denied {
    pub case: EventId,
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Activate {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let (replica, at) = (&speaking.replica, speaking.at);
        let standing = cases(&replica.ledger, at);
        let standing = standing.map_err(|error| replica.failed(error))?;
        let (docket, case) = pick(&standing, self.case.as_deref())?;
        let policy = replica.ledger.charter().policy();
        let judgement = match (&self.rule, self.coins, self.sats) {
            (Some(path), Some(coins), Some(sats)) => {
                let rule = input::rule_text(path)?;
                let vault = Vault { coins, sats };
                let facts = facts_of(docket, case, at, vault, policy);
                Some(ask_rule(&rule.text, facts))
            }
            _ => None,
        };
        let case_id = case.id;
        if let Some(judgement) = judgement.clone().filter(|judgement| !judgement.allow) {
            let denied = Denied {
                case: case_id,
                judgement,
            };
            screen.show(&denied, |width| render::denied(&denied, width))?;
            return Ok(Exit::Unmet);
        }
        screen.note(&format!(
            "with this word, and once the terms of the path `{}` hold, honest software of its quorum signs the trigger; a signature on a trigger never expires",
            case.path
        ));
        let body = Body::Activation(Activation {
            case: case_id,
            judgement,
        });
        let said = self.say.say(&mut speaking, |_| Ok(body))?;
        finish(screen, speaking, said, |cases, policy| {
            status(cases, policy, case_id)
        })
    }
}

/// An amount in satoshis.
fn sats(text: &str) -> Result<Sats, String> {
    let sats = text
        .parse::<i64>()
        .ok()
        .and_then(|sats| Sats::try_from(sats).ok());
    sats.ok_or_else(|| "write an amount in satoshis, such as 250000000".to_owned())
}
