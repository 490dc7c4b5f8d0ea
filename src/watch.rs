//! Watching a vault: what happened to its coins, and what is due.
//!
//! [`step`] is a pure function of what was told before and of what is known now.  It asks no chain
//! and no clock: `look` puts the facts together, and the command line tells the notices, runs
//! hooks and waits.
//!
//! Whatever happens on the chain is a milestone with the height or the median time at which it came
//! true, so somebody who was away for a month is told the same as somebody who looked at every
//! block, in the order in which it happened.  Only what waits in the mempool and is gone before
//! anybody looks is never told.

mod coins;
mod countdown;
mod facts;
mod ledger;
mod look;
mod memory;
mod metrics;
mod milestone;
mod notice;
mod veto;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;

use self::memory::{Source, Told};
use self::milestone::{Milestone, about};
use crate::lifecycle::REORG_DEPTH;
use crate::units::{BlockHeight, Blocks, ChainTime};

pub use self::countdown::{Countdown, Next, countdowns};
pub use self::facts::{
    CaseFact, ChainFacts, Delay, Facts, LedgerFacts, Member, OverdueKeys, Reserve, SilenceFact,
    Spend, Trouble, TroubleKind, WatchedCoin, Way,
};
pub use self::look::{chain_facts, ledger_facts, reserves};
pub use self::memory::Memory;
pub use self::metrics::Metrics;
pub use self::notice::{Due, Kind, Notice, Severity};
pub use self::veto::{Outcome, Rule, Tried, veto};

/// How long a spent coin is remembered: no reorg of two weeks is to be expected.
const FORGET: Blocks = Blocks(2_016);

/// Compares what is known with what was told, and says what is new.
///
/// Notices come in the order in which things happened, save that triggers come first whose window
/// was over before they could be told.  Somebody without memory is told what holds now, and not
/// what led to it.
#[must_use]
pub fn step(mut memory: Memory, facts: &Facts) -> (Memory, Vec<Notice>) {
    let first_look = memory.tip.is_none();
    let tip = facts.chain.as_ref().map(|chain| chain.tip.time);
    let now = tip.or(memory.tip.map(|tip| tip.time)).unwrap_or_default();
    if let (true, Some(tip)) = (first_look, tip) {
        // Whatever is buried already is history.
        memory.floor = tip
            .height
            .next()
            .0
            .checked_sub(REORG_DEPTH.0)
            .map(BlockHeight);
    }
    let mut found = gather(facts, &memory, now);
    let new: BTreeSet<String> = found
        .iter()
        .filter(|milestone| !memory.told.contains_key(&milestone.key))
        .map(|milestone| milestone.key.clone())
        .collect();
    mark_missed(&mut found, &new);
    let was_in_trouble = memory.is_in_trouble();
    let gone = gone(&memory, &found, facts);
    let mut notices = undone(&memory, &gone, facts, now);
    for key in &gone {
        memory.told.remove(key);
    }
    notices.extend(back(was_in_trouble, facts));
    let ranks = ranks(&found);
    let mut fresh: Vec<&Milestone> = found
        .iter()
        .filter(|milestone| new.contains(&milestone.key))
        .filter(|milestone| !(first_look && is_history(milestone, &ranks)))
        .collect();
    fresh.sort_by_key(|milestone| (!milestone.missed, milestone.order(now), milestone.kind));
    let told = fresh
        .into_iter()
        .map(|milestone| tell(milestone, now, first_look));
    notices.extend(told);
    for milestone in found {
        memory.told.insert(
            milestone.key,
            Told {
                source: milestone.source,
                subject: milestone.subject,
                coin: milestone.coin,
                over: milestone.over,
            },
        );
    }
    if let Some(chain) = &facts.chain {
        memory.at(chain.tip);
        let floor = chain
            .tip
            .time
            .height
            .0
            .checked_sub(FORGET.0)
            .map(BlockHeight);
        memory.floor = memory.floor.max(floor);
        let floor = memory.floor;
        memory.told.retain(|_, told| {
            let over = told.over.zip(floor);
            over.is_none_or(|(over, floor)| over > floor)
        });
    }
    (memory, notices)
}

/// All milestones that hold.
fn gather(facts: &Facts, memory: &Memory, now: ChainTime) -> Vec<Milestone> {
    let mut found = Vec::new();
    if let Some(chain) = &facts.chain {
        found.extend(coins::milestones(chain, memory.floor));
        found.extend(ledger::reserves(&facts.reserves));
        found.extend(ledger::unwritten(facts.unwritten.as_ref()));
    }
    if let Some(said) = &facts.ledger {
        found.extend(ledger::said(said, now));
    }
    found.extend(ledger::overdue(&facts.overdue));
    found.extend(ledger::trouble(&facts.trouble));
    let mut seen = BTreeSet::new();
    found.retain(|milestone| seen.insert(milestone.key.clone()));
    found
}

/// Marks the triggers that are new and whose window is over already.
fn mark_missed(found: &mut [Milestone], new: &BTreeSet<String>) {
    let over: BTreeSet<bitcoin::Txid> = found
        .iter()
        .filter(|milestone| milestone.kind == Kind::SettleDue && new.contains(&milestone.key))
        .filter_map(|milestone| Some(milestone.coin?.txid))
        .collect();
    for milestone in found {
        let is_new = milestone.kind == Kind::Trigger && new.contains(&milestone.key);
        milestone.missed = is_new && milestone.txid.is_some_and(|txid| over.contains(&txid));
    }
}

/// What was told and does not hold any more, as far as that can be known now.
fn gone(memory: &Memory, found: &[Milestone], facts: &Facts) -> Vec<String> {
    let holds: BTreeSet<&str> = found
        .iter()
        .map(|milestone| milestone.key.as_str())
        .collect();
    let told = memory.told.iter().filter(|(key, told)| {
        let is_asked = match told.source {
            // It is written with each reading of the chain, and not without one.
            Source::Chain | Source::Vault => facts.chain.is_some(),
            Source::Ledger => facts.ledger.is_some(),
            Source::Keys | Source::Trouble => true,
        };
        is_asked && !holds.contains(key.as_str())
    });
    told.map(|(key, _)| key.clone()).collect()
}

/// What is to be said of what is gone, one notice to a coin.
fn undone(memory: &Memory, gone: &[String], facts: &Facts, now: ChainTime) -> Vec<Notice> {
    let mut by_coin: BTreeMap<Option<OutPoint>, Vec<&str>> = BTreeMap::new();
    let told = gone.iter().filter_map(|key| memory.told.get(key));
    for told in told {
        if let Some(subject) = &told.subject {
            by_coin.entry(told.coin).or_default().push(subject);
        }
    }
    let hash = facts.chain.as_ref().map(|chain| chain.tip.hash.to_string());
    let hash = hash.unwrap_or_default();
    by_coin
        .into_iter()
        .map(|(coin, subjects)| {
            let name = coin.map_or_else(String::new, |coin| coin.to_string());
            let text = format!("not so any more: {}", subjects.join("; "));
            let key = format!("{name}:{hash}");
            let mut milestone = Milestone::new(Kind::Undone, Source::Chain, key, text);
            milestone.coin = coin;
            tell(&milestone, now, false)
        })
        .collect()
}

/// That the chain can be believed again.
fn back(was_in_trouble: bool, facts: &Facts) -> Option<Notice> {
    let is_over = was_in_trouble && facts.trouble.is_empty();
    let chain = facts.chain.as_ref().filter(|_| is_over)?;
    let height = chain.tip.time.height;
    let text = format!("the chain can be believed again; it is at block {height}");
    let key = chain.tip.hash.to_string();
    let milestone = Milestone::new(Kind::ChainBack, Source::Trouble, key, text);
    Some(tell(&milestone, chain.tip.time, false))
}

/// By group, the highest rank.
fn ranks(found: &[Milestone]) -> BTreeMap<String, u8> {
    let mut ranks = BTreeMap::new();
    for (group, rank) in found.iter().filter_map(|milestone| milestone.group.clone()) {
        let highest: &mut u8 = ranks.entry(group).or_default();
        *highest = rank.max(*highest);
    }
    ranks
}

/// Whether somebody who comes late need not be told, since more has come of it.
fn is_history(milestone: &Milestone, ranks: &BTreeMap<String, u8>) -> bool {
    let Some((group, rank)) = &milestone.group else {
        return milestone.is_past;
    };
    milestone.is_past || ranks.get(group).is_some_and(|highest| highest > rank)
}

fn tell(milestone: &Milestone, now: ChainTime, first_look: bool) -> Notice {
    Notice {
        kind: milestone.kind,
        severity: milestone.kind.severity(),
        coin: milestone.coin,
        txid: milestone.txid,
        path: milestone.path.clone(),
        text: milestone.text.clone(),
        at: milestone.at,
        due: milestone.due.map(|at| Due {
            at,
            about: about(at, now),
        }),
        first_look,
        missed: milestone.missed,
        key: milestone.key.clone(),
    }
}
