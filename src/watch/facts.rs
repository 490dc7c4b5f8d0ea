//! What a watcher looks at: plain data, put together by whoever asks the chain.

use std::sync::Arc;

use bitcoin::{Amount, OutPoint, Txid};

use crate::chain::ChainTip;
use crate::compile::{LeafKind, Stage};
use crate::governance::{Action, ChainPoint};
use crate::units::{AbsoluteLock, BlockHeight, CoinBirth, RelativeLock, UnixTime};

/// Everything that is known at a moment.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the chain says; none while it does not answer, or must not be believed.
    pub chain: Option<ChainFacts>,
    /// What is wrong with the chain.
    pub trouble: Vec<Trouble>,
    /// Why what was read of the chain could not be written down for other commands, if it could not.
    pub unwritten: Option<String>,
    /// What the ledger says, if there is one.
    pub ledger: Option<LedgerFacts>,
    /// Fee wallets that are looked after.
    pub reserves: Vec<Reserve>,
    /// Parties whose keys were not shown in time.
    pub overdue: Vec<OverdueKeys>,
}

/// What the chain says.
#[derive(Clone, Debug)]
pub struct ChainFacts {
    /// Its tip.
    pub tip: ChainTip,
    /// Every output ever paid to a script of the vault, spent or not.
    pub coins: Vec<WatchedCoin>,
}

/// An output at a script of a vault.
#[derive(Clone, Debug)]
pub struct WatchedCoin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// Its stage.
    pub stage: Stage,
    /// What it is worth.
    pub amount: Amount,
    /// When it was confirmed, if it is.
    pub birth: Option<CoinBirth>,
    /// Whether a transaction that spends coins of ours made it, and nobody's deposit.
    pub is_ours: bool,
    /// What spends it.
    pub spend: Option<Spend>,
    /// How it can be spent after a delay.
    pub delays: Arc<[Delay]>,
    /// The staged paths on which it is not armed.
    pub unarmed: Vec<String>,
    /// The staged paths on which it is, if what spends it is not the trigger that was armed.
    pub armed_and_moved: Vec<String>,
}

/// A way out of a stage that opens by waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The leaf.
    pub leaf: LeafKind,
    /// The path.
    pub path: String,
    /// From the coin's own confirmation.
    pub relative: Option<RelativeLock>,
    /// For all coins.
    pub absolute: Option<AbsoluteLock>,
}

/// What spends a coin.
#[derive(Clone, Debug)]
pub struct Spend {
    /// The transaction.
    pub txid: Txid,
    /// The height of its block, if one holds it.
    pub height: Option<BlockHeight>,
    /// The same with the median time of the block before, if that is known.
    pub birth: Option<CoinBirth>,
    /// What it does.
    pub way: Way,
}

/// What a transaction does with a coin, as its outputs, sequence number and lock time say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through this leaf.
    Leaf(LeafKind),
    /// Through the leaf of root, and all of it comes back to the vault.
    Refresh,
}

/// Why the chain is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Of which kind.
    pub what: TroubleKind,
    /// What exactly, in a sentence.
    pub text: String,
}

/// A kind of trouble with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// It does not answer.
    Silent,
    /// What it says is old.
    Stale,
    /// It contradicts itself or another backend.
    Disagrees,
}

/// What the ledger says.
#[derive(Clone, Debug, Default)]
pub struct LedgerFacts {
    /// All cases.
    pub cases: Vec<CaseFact>,
    /// What honest software does now.
    pub due: Vec<(Action, Option<ChainPoint>)>,
    /// The silence terms of the policy.
    pub silences: Vec<SilenceFact>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct CaseFact {
    /// Its name.
    pub id: String,
    /// Its path.
    pub path: String,
    /// What it is for.
    pub why: String,
    /// The word for its phase.
    pub phase: &'static str,
}

/// A silence term of a path.
#[derive(Clone, Debug)]
pub struct SilenceFact {
    /// The path.
    pub path: String,
    /// The quorum that is to be heard of.
    pub quorum: String,
    /// Fewer than so many parties is silence.
    pub fewer_than: usize,
    /// For how long, as the policy writes it.
    pub period: String,
    /// Members that were heard of, each with the dates of its silence.
    pub members: Vec<Member>,
    /// Members that were not.
    pub silent: Vec<String>,
    /// From when on the term holds, if nobody more is heard of.
    pub from: ChainPoint,
}

/// A party that is to be heard of.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub party: String,
    /// When three quarters of the term have passed since it was heard of.
    pub due: ChainPoint,
    /// When the whole term has.
    pub until: ChainPoint,
}

/// What a fee wallet has, and should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Whose it is.
    pub party: String,
    /// How many confirmed and unspent coins it has that are large enough.
    pub coins: u64,
    /// How many it should have: one for each coin that could be on its way at once.
    pub wanted: u64,
    /// What each of them should be worth.
    pub each: Amount,
}

/// A party whose keys were not shown in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverdueKeys {
    /// The party.
    pub party: String,
    /// When they were shown last, if ever.
    pub on: Option<UnixTime>,
    /// How many were, of how many.
    pub shown: (usize, usize),
}
