//! The incident: a policy, a seed, a start, events, and what is expected of them.

pub(super) mod document;
mod parse;
mod said;

use std::fmt;

use bitcoin::{Amount, FeeRate};
use serde::Deserialize;
use thiserror::Error;

pub use self::said::{CaseState, Said, Saying, Wrong};
use crate::compile::Stage;
use crate::policy::Domain;
use crate::report::btc;
use crate::units::{Blocks, UnixTime};

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

/// A name, or another word of the author's, with the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: String,
    /// The line, counted from one.
    pub line: usize,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
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
    Lose(Vec<Name>),
    /// The files that were signed in advance for these coins are lost, every copy of them.
    LoseFiles(Vec<Name>),
    /// Keys are in the hands of a thief as well.
    Compromise(Vec<Name>),
    /// Something happens to all who share a custody fact.
    Seize(Seize),
    /// Veto holders sign their objection.
    Veto(Step),
    /// A step of the protocol.
    Step(Word, Step),
    /// A transaction that the chain must refuse.
    Attempt(Attempt),
    /// Somebody spends the anchor of what waits in the mempool.
    Child(Child),
    /// Blocks are mined.
    Mine(Blocks),
    /// Blocks are mined until the clock shows this.
    MineUntil(UnixTime),
    /// The chain loses its last blocks and takes another branch.
    Reorg {
        /// How many blocks.
        depth: u32,
        /// Whether their transactions are forgotten rather than returned to the mempool.
        forget: bool,
    },
    /// From now on it takes this to be relayed and mined.
    Fees(FeeRate),
    /// Parties say something and sign it.
    Say(Said),
    /// Nothing happens: this is how it must be by now.
    Expect(Expectations),
    /// Nothing: a remark.
    Note,
}

/// Coins come in.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// A name for the coin, by which later events follow it from stage to stage.
    pub coin: Name,
    /// How much.
    pub amount: Amount,
}

/// A step of the protocol.
#[derive(Clone, Debug)]
pub struct Step {
    /// The coins, wherever they are by now: one, or several for a spend or a refresh.
    pub coins: Vec<Name>,
    /// The path, for an arming, a trigger, or a recovery by a direct path.
    pub path: Option<Name>,
    /// Who signs; by default everybody in the quorum who still can.
    pub by: Option<Vec<Name>>,
    /// Who broadcasts and pays the fee child; by default the first of those who sign.
    pub broadcaster: Option<Name>,
    /// Who is paid.
    pub pay: Vec<Pay>,
    /// Leave the transaction in the mempool instead of mining a block.
    pub unconfirmed: bool,
    /// Send it without a fee child, whatever it pays.
    pub bare: bool,
    /// Spend the coin as the last block has it, in place of what waits in the mempool.
    pub replace: bool,
    /// Whether those who sign do so whatever has come of a case.
    pub regardless: bool,
}

/// Somebody outside the policy is paid.
#[derive(Clone, Debug)]
pub struct Pay {
    /// Who.
    pub to: Name,
    /// How much; nothing where the step pays out all there is.
    pub amount: Option<Amount>,
}

/// The word for a step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Vault to escrow.
    Trigger,
    /// Escrow to vault, by veto.
    Cancel,
    /// Escrow to lock-up, or to payees.
    Settle,
    /// Lock-up to a destination.
    Release,
    /// Lock-up to vault, by root.
    Clawback,
    /// Escrow to vault, by root.
    Override,
    /// Vault to vault, by root.
    Refresh,
    /// Vault to payees, by root.
    Spend,
    /// Vault to a destination by a direct path, or escrow to one by the backstop.
    Recover,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Trigger,
        Self::Cancel,
        Self::Settle,
        Self::Release,
        Self::Clawback,
        Self::Override,
        Self::Refresh,
        Self::Spend,
        Self::Recover,
    ];

    /// The word as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Cancel => "cancel",
            Self::Settle => "settle",
            Self::Release => "release",
            Self::Clawback => "clawback",
            Self::Override => "override",
            Self::Refresh => "refresh",
            Self::Spend => "spend",
            Self::Recover => "recover",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody hands the chain a transaction that the engine would not.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The step.
    pub word: Word,
    /// The one thing that is wrong with it.
    pub defect: Defect,
    /// Its terms.
    pub step: Step,
}

/// Somebody spends the anchor of the transaction that waits for a coin, past all our own checks.
#[derive(Clone, Debug)]
pub struct Child {
    /// The coin whose last move waits in the mempool.
    pub coin: Name,
    /// The party whose fee wallet pays; nobody for somebody outside the policy.
    pub by: Option<Name>,
    /// What the child pays.
    pub fee: Amount,
    /// How many vbytes it has at least; nothing for as few as it takes.
    pub vbytes: Option<u32>,
    /// Its version.
    pub version: i32,
}

/// What is wrong with an attempt.
///
/// Whoever signs live signs the transaction with its defect; what was signed in advance stays as
/// it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// A lock is still closed.  The twin waits until it opens.
    TooEarly,
    /// One signature of those who sign live is left out of the witness.
    MissingSignature,
    /// The first output pays somebody else.
    Redirected,
    /// The sequence number promises to wait for one unit less.
    SequenceLowered,
}

/// Something happens to every party with the same custody fact.
#[derive(Clone, Debug)]
pub struct Seize {
    /// Which fact.
    pub domain: Domain,
    /// Its value.
    pub value: Name,
    /// Whether the keys are lost, or in the wrong hands as well.
    pub effect: Effect,
    /// Parties who were in the domain as well, although the policy says otherwise of them.
    pub also: Vec<Name>,
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

/// What is expected, at the end or at some moment before.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Where coins are.
    pub coins: Vec<(Name, Whereabouts)>,
    /// What payees hold.
    pub holds: Vec<(Name, Holding)>,
    /// How cases stand.
    pub cases: Vec<(Name, CaseState)>,
    /// Whose word is asked for, so that cases go on.
    pub missing: Vec<(Name, Vec<Name>)>,
    /// Everybody who has told two stories.
    pub forks: Option<Vec<Name>>,
}

impl Expectations {
    /// Whether nothing is expected.
    fn is_empty(&self) -> bool {
        self.coins.is_empty() && self.holds.is_empty() && !self.speak_of_cases()
    }

    fn speak_of_cases(&self) -> bool {
        !self.cases.is_empty() || !self.missing.is_empty() || self.forks.is_some()
    }
}

/// Where a coin is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// In a stage of the policy, confirmed or not.
    In(Stage),
    /// Spent to somebody else.
    Gone,
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(stage) => stage.fmt(f),
            Self::Gone => f.write_str("gone"),
        }
    }
}

/// What a payee is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Not a satoshi.
    Nothing,
    /// So much or more.
    AtLeast(Amount),
    /// So much or less.
    AtMost(Amount),
    /// Just this.
    Exactly(Amount),
}

impl Holding {
    /// Whether an amount is as expected.
    #[must_use]
    pub fn is_met_by(self, held: Amount) -> bool {
        match self {
            Self::Nothing => held == Amount::ZERO,
            Self::AtLeast(least) => held >= least,
            Self::AtMost(most) => held <= most,
            Self::Exactly(amount) => held == amount,
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::AtLeast(least) => write!(f, "at least {}", btc(*least)),
            Self::AtMost(most) => write!(f, "at most {}", btc(*most)),
            Self::Exactly(amount) => f.write_str(&btc(*amount)),
        }
    }
}

impl EventKind {
    /// The word of the incident file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Deposit(_) => "deposit",
            Self::Arm(_) => "arm",
            Self::Lose(_) => "lose",
            Self::LoseFiles(_) => "lose_files",
            Self::Compromise(_) => "compromise",
            Self::Seize(_) => "seize",
            Self::Veto(_) => "veto",
            Self::Step(word, _) => word.as_str(),
            Self::Attempt(_) => "attempt",
            Self::Child(_) => "child",
            Self::Mine(_) | Self::MineUntil(_) => "mine",
            Self::Reorg { .. } => "reorg",
            Self::Fees(_) => "fees",
            Self::Say(said) => said.word(),
            Self::Expect(_) => "expect",
            Self::Note => "note",
        }
    }
}

impl Scenario {
    /// Whether the outcome depends on anything at all.
    pub(super) fn expects_anything(&self) -> bool {
        let of_moment = |expect: &Expectations| !expect.is_empty();
        of_moment(&self.expect)
            || self.events.iter().any(|event| match &event.kind {
                EventKind::Attempt(_) => true,
                EventKind::Expect(expect) => of_moment(expect),
                _ => event.refused.is_some(),
            })
    }

    /// Whether anybody outside the policy spends an anchor.
    pub(super) fn has_outsiders(&self) -> bool {
        self.events.iter().any(|event| match &event.kind {
            EventKind::Child(child) => child.by.is_none(),
            _ => false,
        })
    }

    /// Whether anything is said or expected about cases.
    pub(super) fn speaks_of_cases(&self) -> bool {
        self.expect.speak_of_cases()
            || self.events.iter().any(|event| match &event.kind {
                EventKind::Say(_) => true,
                EventKind::Expect(expect) => expect.speak_of_cases(),
                _ => false,
            })
    }

    /// Reads an incident file.
    ///
    /// # Errors
    ///
    /// If it is no TOML, has an unknown field, or an event that says nothing or several things.
    /// All faults of all events are found together.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        parse::parse(text)
    }
}

/// What is wrong with an incident file: everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", join(.faults))]
pub struct ScenarioError {
    /// The faults in the order of their lines, at least one.
    pub faults: Vec<ScenarioFault>,
}

/// One thing that is wrong with an incident file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct ScenarioFault {
    /// Where, counted from one.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl ScenarioError {
    /// An error of these faults, if there are any.
    pub(super) fn of(mut faults: Vec<ScenarioFault>) -> Result<(), Self> {
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by_key(|fault| fault.line);
        Err(Self { faults })
    }
}

fn join(faults: &[ScenarioFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
