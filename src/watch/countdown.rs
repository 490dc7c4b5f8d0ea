//! What opens next, coin by coin.

use bitcoin::{Amount, OutPoint};

use super::facts::{ChainFacts, WatchedCoin};
use super::milestone::{about, point};
use crate::compile::{LeafKind, Stage};
use crate::governance::ChainPoint;
use crate::units::{Blocks, ChainTime, Maturity, UnixTime};

/// A coin, and what opens next for it by waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// The coin.
    pub coin: OutPoint,
    /// Where it is.
    pub stage: Stage,
    /// What it is worth.
    pub amount: Amount,
    /// What opens; none if nothing does, or nothing is confirmed.
    pub next: Option<Next>,
}

/// Something that opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The leaf.
    pub leaf: LeafKind,
    /// From when.
    pub at: ChainPoint,
    /// How many blocks that takes at the expected rate; none if it is open.
    pub remaining: Blocks,
    /// About when.
    pub about: UnixTime,
}

/// All unspent coins, those first for which something opens soonest.
#[must_use]
pub fn countdowns(facts: &ChainFacts) -> Vec<Countdown> {
    let tip = facts.tip.time;
    let coins = facts.coins.iter().filter(|coin| coin.spend.is_none());
    let mut all: Vec<Countdown> = coins
        .map(|coin| Countdown {
            coin: coin.outpoint,
            stage: coin.stage.clone(),
            amount: coin.amount,
            next: next(coin, tip),
        })
        .collect();
    all.sort_by_key(|coin| {
        let remaining = coin.next.as_ref().map(|next| next.remaining);
        (remaining.is_none(), remaining, coin.coin)
    });
    all
}

/// What opens next; of what is open already, the last.
fn next(coin: &WatchedCoin, tip: ChainTime) -> Option<Next> {
    let birth = coin.birth?;
    let waits = coin.delays.iter().filter_map(|delay| {
        let relative = delay.relative.map(|lock| Maturity::relative(lock, birth));
        let absolute = delay.absolute.map(Maturity::absolute);
        let both = relative.into_iter().chain(absolute);
        let last = both.max_by_key(|maturity| maturity.remaining(tip))?;
        let at = point(last);
        Some(Next {
            leaf: delay.leaf.clone(),
            at,
            remaining: last.remaining(tip),
            about: about(at, tip),
        })
    });
    let waits: Vec<Next> = waits.collect();
    let ahead = waits.iter().filter(|next| next.remaining > Blocks(0));
    let first = ahead.min_by_key(|next| next.remaining);
    first.or(waits.last()).cloned()
}
