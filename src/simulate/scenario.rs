//! The incident file: a policy, a seed, a start, events, and what is expected of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use bitcoin::{Amount, FeeRate};
use chrono::DateTime;
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::policy::Duration;
use crate::units::{Blocks, UnixTime};

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    incident: Head,
    #[serde(default)]
    event: Vec<Spanned<EventDocument>>,
    #[serde(default)]
    expect: Expectations,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    about: String,
    #[serde(default = "default_policy")]
    policy: String,
    #[serde(default)]
    seed: u64,
    start: Spanned<String>,
    #[serde(default = "default_fee_coins")]
    fee_coins: u32,
}

fn default_policy() -> String {
    "../policy.toml".to_owned()
}

const fn default_fee_coins() -> u32 {
    4
}

/// One `[[event]]`: what happens, and what is said and expected of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventDocument {
    note: Option<String>,
    refused: Option<String>,
    deposit: Option<Deposit>,
    arm: Option<Step>,
    lose: Option<Vec<String>>,
    compromise: Option<Vec<String>>,
    seize: Option<Seize>,
    trigger: Option<Step>,
    veto: Option<Step>,
    cancel: Option<Step>,
    settle: Option<Step>,
    release: Option<Step>,
    clawback: Option<Step>,
    #[serde(rename = "override")]
    override_: Option<Step>,
    refresh: Option<Step>,
    spend: Option<Step>,
    recover: Option<Step>,
    attempt: Option<Attempt>,
    mine: Option<u32>,
    wait: Option<Spanned<String>>,
    reorg: Option<ReorgDocument>,
    fees: Option<Spanned<String>>,
}

/// Coins come in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// A name for the coin, by which later events follow it from stage to stage.
    pub coin: String,
    /// How much, such as `2.5 BTC`.
    #[serde(deserialize_with = "amount")]
    pub amount: Amount,
}

/// A step of the protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The coin, wherever it is by now.
    pub coin: String,
    /// The path, for an arming, a trigger, or a recovery by a direct path.
    pub path: Option<String>,
    /// Who signs; by default everybody in the quorum who still can.
    pub by: Option<Vec<String>>,
    /// Who broadcasts and pays the fee child; by default the first of those who sign.
    pub broadcaster: Option<String>,
    /// Who is paid.
    pub to: Option<String>,
    /// How much is paid; by default everything, where the step allows it.
    #[serde(default, deserialize_with = "optional_amount")]
    pub amount: Option<Amount>,
    /// Leave the transaction in the mempool instead of mining a block.
    #[serde(default)]
    pub unconfirmed: bool,
}

/// Somebody hands the chain a transaction that the engine would not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The step: `trigger`, `cancel`, `settle`, `release`, `clawback`, `override`, `spend`,
    /// `refresh` or `recover`.
    pub step: String,
    /// The one thing that is wrong with it.
    pub defect: Defect,
    /// The coin.
    pub coin: String,
    /// The path, as in a [`Step`].
    pub path: Option<String>,
    /// Who signs.
    pub by: Option<Vec<String>>,
    /// Who is paid.
    pub to: Option<String>,
    /// How much is paid.
    #[serde(default, deserialize_with = "optional_amount")]
    pub amount: Option<Amount>,
}

/// What is wrong with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// A lock is still closed.  The twin waits until it opens.
    TooEarly,
    /// One signature of those who sign live is left out of the witness.
    MissingSignature,
    /// The first output pays somebody else, after everybody has signed.
    Redirected,
    /// The sequence number promises to wait for one unit less, after everybody has signed.
    SequenceLowered,
}

/// Something happens to every party with the same custody fact.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seize {
    /// Which fact: `operator`, `host`, `cloud`, `vendor`, `jurisdiction` or `site`.
    pub domain: String,
    /// Its value.
    pub value: String,
    /// Whether the keys are lost, or in the wrong hands as well.
    #[serde(default)]
    pub effect: Effect,
}

/// What a seizure does to keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nobody can sign with them any more.
    #[default]
    Lose,
    /// A thief can sign with them too.
    Compromise,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReorgDocument {
    depth: u32,
    #[serde(default)]
    forget: bool,
}

/// What is expected at the end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// Coin by name: `vault`, `escrow of PATH`, `lock-up of PATH`, or `gone`.
    #[serde(default)]
    pub coins: BTreeMap<String, String>,
    /// Payee by name: `nothing`, or `at least AMOUNT`.
    #[serde(default)]
    pub holds: BTreeMap<String, String>,
}

/// An incident that can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// The policy file, relative to the incident's.
    pub policy: String,
    /// The seed of all stand-in keys.
    pub seed: u64,
    /// When the chain starts.
    pub start: UnixTime,
    /// How many confirmed fee coins each broadcaster has at the start.
    pub fee_coins: u32,
    /// What happens.
    pub events: Vec<Event>,
    /// What is expected at the end.
    pub expect: Expectations,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// The line it stands in, counted from one.
    pub line: usize,
    /// What the author says of it.
    pub note: Option<String>,
    /// The class of the refusal, if the step is expected to be refused.
    pub refused: Option<String>,
    /// What happens.
    pub kind: EventKind,
}

/// What happens in an event.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// Coins come in.
    Deposit(Deposit),
    /// Root arms a coin.
    Arm(Step),
    /// Keys are lost: nobody signs with them any more.
    Lose(Vec<String>),
    /// Keys are in the hands of a thief as well.
    Compromise(Vec<String>),
    /// Something happens to all who share a custody fact.
    Seize(Seize),
    /// Veto holders sign their objection.
    Veto(Step),
    /// A step of the protocol, by its word.
    Step(&'static str, Step),
    /// A transaction that the chain must refuse.
    Attempt(Attempt),
    /// Blocks are mined.
    Mine(Blocks),
    /// The chain loses its last blocks and takes another branch.
    Reorg {
        /// How many blocks.
        depth: u32,
        /// Whether their transactions are forgotten rather than returned to the mempool.
        forget: bool,
    },
    /// From now on it takes this to be mined.
    Fees(FeeRate),
    /// Nothing: a remark.
    Note,
}

impl EventKind {
    /// The word for it in an incident file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Deposit(_) => "deposit",
            Self::Arm(_) => "arm",
            Self::Lose(_) => "lose",
            Self::Compromise(_) => "compromise",
            Self::Seize(_) => "seize",
            Self::Veto(_) => "veto",
            Self::Step(word, _) => word,
            Self::Attempt(_) => "attempt",
            Self::Mine(_) => "mine",
            Self::Reorg { .. } => "reorg",
            Self::Fees(_) => "fees",
            Self::Note => "note",
        }
    }
}

impl Scenario {
    /// Reads an incident file.
    ///
    /// # Errors
    ///
    /// If it is no TOML, has an unknown field, or an event that says nothing or several things.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let document: Document = toml::from_str(text).map_err(|error| ScenarioError {
            message: error.message().to_owned(),
            line: line_of(text, error.span()),
        })?;
        let head = document.incident;
        let at = |message: String, span: Range<usize>| ScenarioError {
            message,
            line: line_of(text, Some(span)),
        };
        let start = DateTime::parse_from_rfc3339(head.start.get_ref())
            .ok()
            .and_then(|date| u32::try_from(date.timestamp()).ok())
            .ok_or_else(|| {
                let message = format!(
                    "`{}` is no start; write a date such as `2022-03-01T00:00:00Z`",
                    head.start.get_ref()
                );
                at(message, head.start.span())
            })?;
        let events = document
            .event
            .into_iter()
            .map(|event| {
                let span = event.span();
                let line = line_of(text, Some(span.clone()));
                event_of(event.into_inner(), line).map_err(|message| at(message, span))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: head.name,
            about: head.about,
            policy: head.policy,
            seed: head.seed,
            start: UnixTime(start),
            fee_coins: head.fee_coins,
            events,
            expect: document.expect,
        })
    }
}

fn event_of(event: EventDocument, line: usize) -> Result<Event, String> {
    let steps = [
        ("trigger", event.trigger),
        ("cancel", event.cancel),
        ("settle", event.settle),
        ("release", event.release),
        ("clawback", event.clawback),
        ("override", event.override_),
        ("refresh", event.refresh),
        ("spend", event.spend),
        ("recover", event.recover),
    ];
    let mut kinds: Vec<EventKind> = steps
        .into_iter()
        .filter_map(|(word, step)| Some(EventKind::Step(word, step?)))
        .collect();
    kinds.extend(event.deposit.map(EventKind::Deposit));
    kinds.extend(event.arm.map(EventKind::Arm));
    kinds.extend(event.lose.map(EventKind::Lose));
    kinds.extend(event.compromise.map(EventKind::Compromise));
    kinds.extend(event.seize.map(EventKind::Seize));
    kinds.extend(event.veto.map(EventKind::Veto));
    kinds.extend(event.attempt.map(EventKind::Attempt));
    kinds.extend(event.mine.map(|blocks| EventKind::Mine(Blocks(blocks))));
    if let Some(wait) = event.wait {
        let duration = Duration::from_str(wait.get_ref()).map_err(|error| error.to_string())?;
        kinds.push(EventKind::Mine(duration.expected_blocks()));
    }
    kinds.extend(event.reorg.map(|reorg| EventKind::Reorg {
        depth: reorg.depth,
        forget: reorg.forget,
    }));
    if let Some(fees) = event.fees {
        kinds.push(EventKind::Fees(feerate(fees.get_ref())?));
    }
    let mut kinds = kinds.into_iter();
    let kind = match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        (None, _) if event.note.is_some() => EventKind::Note,
        (None, _) => return Err("this event says nothing; write what happens".to_owned()),
        (Some(_), Some(_)) => {
            return Err(
                "this event says several things; write one `[[event]]` for each".to_owned(),
            );
        }
    };
    Ok(Event {
        line,
        note: event.note,
        refused: event.refused,
        kind,
    })
}

/// A feerate such as `25 sat/vB`, whole or with a decimal fraction.
fn feerate(text: &str) -> Result<FeeRate, String> {
    let number = text.trim().strip_suffix("sat/vB").map(str::trim);
    let rate = number.and_then(|number| {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().ok()?;
        // Three places of a satoshi per virtual byte are a satoshi per thousand.
        let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let per_kvb = whole.checked_mul(1000)?.checked_add(thousandths)?;
        Some(FeeRate::from_sat_per_kwu(per_kvb.div_ceil(4)))
    });
    rate.ok_or_else(|| format!("`{text}` is no feerate; write such as `25 sat/vB`"))
}

fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    let text = String::deserialize(deserializer)?;
    Amount::from_str(&text).map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is no amount; write such as `2.5 BTC` or `5000 sat`"
        ))
    })
}

fn optional_amount<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Amount>, D::Error> {
    amount(deserializer).map(Some)
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start);
    1 + text
        .bytes()
        .take(start)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// What is wrong with an incident file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct ScenarioError {
    /// What is wrong and what would be right.
    pub message: String,
    /// Where.
    pub line: usize,
}
