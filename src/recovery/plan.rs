//! What is about to be done, for a person to look at before anybody signs.

use std::fmt;

use bitcoin::{Address, Amount, OutPoint, ScriptBuf, TxOut, Txid};
use serde::Serialize;

use super::{Choice, RecoveryError};
use crate::compile::{Compiled, LeafKind, Stage};
use crate::engine::{Action, Draft};
use crate::lifecycle::{NextStep, next_steps};
use crate::transaction::Coin;
use crate::units::{Blocks, ChainTime, CoinBirth, RelativeLock};

/// How many blocks a trigger and its cancel take at the least.
const THERE_AND_BACK: Blocks = Blocks(2);

/// Something that could be done: its transaction, and what speaks against it.
#[derive(Debug)]
pub struct Plan {
    /// What it is.
    pub action: Action,
    /// The transaction.
    pub draft: Draft,
    /// The feerate that it aims at, and why.
    pub choice: Choice,
    /// The index of the change keychain that it pays to, if it does.
    pub change: u32,
    /// The case that it is done for, by its id.
    pub case: Option<String>,
    /// What forbids it.
    pub problems: Vec<RecoveryError>,
    /// What somebody should think of before.
    pub warnings: Vec<Warning>,
    /// The dates that it moves.
    pub restarts: Vec<Restart>,
    /// Whether it is under way already.
    pub is_joined: bool,
    /// Who is paid, with his address or his script in hexadecimal, in the order of the outputs.
    pub pays: Vec<Pays>,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pays {
    /// The address, or the script in hexadecimal.
    pub to: String,
    /// The amount in satoshis.
    #[serde(rename = "sats", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
    /// The stage of the policy that it belongs to; none if somebody outside is paid.
    #[serde(flatten)]
    pub stage: Option<Stage>,
}

/// Something that somebody should think of before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "warning")]
pub enum Warning {
    /// A direct path opens sooner than the staged one would end.
    DirectIsSooner {
        /// The direct path.
        path: String,
        /// The blocks until it opens.
        remaining: Blocks,
        /// The blocks until the staged path would end.
        staged: Blocks,
    },
    /// Something else spends the coin, and no block holds it yet.
    Rival {
        /// The coin.
        coin: OutPoint,
        /// What spends it.
        by: Txid,
    },
    /// Nobody is there to raise the fee.
    BaseFeeOnly,
    /// No rung pays what it takes to be mined soon.
    HighestRung {
        /// What the highest rung pays, in sat/vB.
        pays: u64,
        /// What it takes, in sat/vB.
        asked: u64,
    },
    /// It takes the place of one of ours that pays less.
    Replaces {
        /// That one.
        txid: Txid,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectIsSooner {
                path,
                remaining,
                staged,
            } => write!(
                f,
                "the direct path `{path}` opens in about {remaining}, and window and lock-up of this path take {staged}: whoever waits is there sooner, and a trigger that is cancelled makes `{path}` wait anew"
            ),
            Self::Rival { coin, by } => write!(
                f,
                "{by} spends the coin {coin} as well, and waits for a block: the one that pays more is likely to win"
            ),
            Self::BaseFeeOnly => f.write_str(
                "no fee wallet stands by: if the base fee is not enough, it waits until fees fall",
            ),
            Self::HighestRung { pays, asked } => write!(
                f,
                "it takes {asked} sat/vB to be mined soon, and the highest rung pays {pays}; nobody can add to that, so it waits until fees fall"
            ),
            Self::Replaces { txid } => write!(
                f,
                "it takes the place of {txid}, which does the same and pays less"
            ),
        }
    }
}

/// A date that a trigger moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restart {
    /// What opens then.
    pub leaf: LeafKind,
    /// When, as the coin is.
    pub before: NextStep,
    /// When at the earliest, if it is triggered now and cancelled at once.
    pub after: NextStep,
}

impl Plan {
    /// What somebody has to type: every amount that leaves the coin with its destination.
    ///
    /// Where somebody outside the policy is paid, only what he gets: the rest stays where it was.
    #[must_use]
    pub fn confirmation(&self) -> String {
        let leaves = self.pays.iter().any(|pays| pays.stage.is_none());
        let named = self
            .pays
            .iter()
            .filter(|pays| !leaves || pays.stage.is_none());
        let named: Vec<String> = named
            .map(|pays| format!("{} to {}", in_bitcoins(pays.amount), pays.to))
            .collect();
        named.join(", ")
    }

    /// Whether this is what somebody has to type; spaces around it do not matter.
    ///
    /// # Errors
    ///
    /// With what he should have typed.
    pub fn confirm(&self, typed: &str) -> Result<(), RecoveryError> {
        let expected = self.confirmation();
        match typed.trim() == expected {
            true => Ok(()),
            false => Err(RecoveryError::NotConfirmed { expected }),
        }
    }
}

/// An amount as a person writes it: `1.5 BTC`.
#[must_use]
pub fn in_bitcoins(amount: Amount) -> String {
    let sats = amount.to_sat();
    let (whole, rest) = (sats / 100_000_000, sats % 100_000_000);
    let digits = format!("{rest:08}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole} BTC"),
        digits => format!("{whole}.{digits} BTC"),
    }
}

/// What a transaction pays, its anchor aside.
pub(super) fn pays(draft: &Draft, compiled: &Compiled) -> Vec<Pays> {
    let own = draft.creates();
    let stage = |output: &TxOut| {
        let mut own = own.iter().map(Coin::derived);
        let derived = own.find(|derived| *derived.script_pubkey() == output.script_pubkey)?;
        Some(derived.stage().clone())
    };
    let network = compiled.policy().network().to_bitcoin();
    let anchor = ScriptBuf::new_p2a();
    let outputs = draft.outputs().iter();
    let outputs = outputs.filter(|output| output.script_pubkey != anchor);
    outputs
        .map(|output| Pays {
            to: match Address::from_script(&output.script_pubkey, network) {
                Ok(address) => address.to_string(),
                Err(_) => output.script_pubkey.to_hex_string(),
            },
            amount: output.value,
            stage: stage(output),
        })
        .collect()
}

/// The dates that a trigger of a coin moves: those of the paths that wait by its age.
pub(super) fn restarts(
    compiled: &Compiled,
    draft: &Draft,
    birth: Option<CoinBirth>,
    tip: ChainTime,
) -> Vec<Restart> {
    let Some((coin, _)) = draft.spends().next() else {
        return Vec::new();
    };
    let stage = coin.derived().stage();
    let reborn = CoinBirth {
        height: tip.height.after(THERE_AND_BACK),
        median_time_past_before: tip.median_time_past,
    };
    let before = next_steps(compiled, stage, birth, tip);
    let after = next_steps(compiled, stage, Some(reborn), tip);
    let pairs = before.into_iter().zip(after);
    pairs
        .filter(|(before, after)| {
            matches!(before.leaf, LeafKind::Direct(_)) && before.from != after.from
        })
        .map(|(before, after)| Restart {
            leaf: before.leaf.clone(),
            before,
            after,
        })
        .collect()
}

/// Whether a direct path opens before the staged one would end.
pub(super) fn direct_is_sooner(
    compiled: &Compiled,
    path: &str,
    draft: &Draft,
    birth: Option<CoinBirth>,
    tip: ChainTime,
) -> Vec<Warning> {
    let staged = compiled.policy().path(path).and_then(|path| path.staged());
    let (Some(staged), Some((coin, _))) = (staged, draft.spends().next()) else {
        return Vec::new();
    };
    let window = staged.window().lock().expected_blocks();
    let period = staged.lockup().map(|lockup| lockup.period().lock());
    let period = period.map_or(Blocks(0), RelativeLock::expected_blocks);
    let needed = window.plus(period);
    let steps = next_steps(compiled, coin.derived().stage(), birth, tip).into_iter();
    steps
        .filter_map(|step| match (step.leaf, step.remaining) {
            (LeafKind::Direct(path), Some(remaining)) if remaining < needed => {
                Some(Warning::DirectIsSooner {
                    path,
                    remaining,
                    staged: needed,
                })
            }
            _ => None,
        })
        .collect()
}
