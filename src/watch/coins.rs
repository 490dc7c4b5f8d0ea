//! Milestones of coins: deposits, moves, and what opens by waiting.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Txid};

use super::facts::{ChainFacts, Delay, Spend, WatchedCoin, Way};
use super::memory::Source;
use super::milestone::{Milestone, point, since};
use super::notice::Kind;
use crate::compile::{LeafKind, Stage};
use crate::governance::ChainPoint;
use crate::lifecycle::REORG_DEPTH;
use crate::units::{BlockHeight, ChainTime, CoinBirth, Maturity, RelativeLock, UnixTime};

/// All milestones of the coins that were not spent up to a height.
pub(super) fn milestones(facts: &ChainFacts, floor: Option<BlockHeight>) -> Vec<Milestone> {
    let tip = facts.tip.time;
    let mut found = Vec::new();
    let mut moves: BTreeMap<Txid, Vec<(&WatchedCoin, &Spend)>> = BTreeMap::new();
    for coin in &facts.coins {
        let over = over(coin, &facts.coins, MOST_STAGES);
        if over.zip(floor).is_some_and(|(over, floor)| over <= floor) {
            continue;
        }
        let before = found.len();
        paid(coin, tip, &mut found);
        files(coin, tip, &mut found);
        delays(coin, tip, &mut found);
        let is_spent = coin
            .spend
            .as_ref()
            .is_some_and(|spend| spend.height.is_some());
        for milestone in found.iter_mut().skip(before) {
            milestone.over = over;
            milestone.is_past = is_spent && milestone.kind != Kind::StaleArming;
        }
        if let Some(spend) = &coin.spend {
            moves.entry(spend.txid).or_default().push((coin, spend));
        }
    }
    for moved in moves.values() {
        let before = found.len();
        go(moved, &facts.coins, &mut found, tip);
        let overs = moved
            .iter()
            .map(|(coin, _)| over(coin, &facts.coins, MOST_STAGES));
        let over = overs
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max());
        for milestone in found.iter_mut().skip(before) {
            milestone.over = over;
        }
    }
    found
}

/// From a vault a coin goes to an escrow, from there to a lock-up, and from there away.
const MOST_STAGES: u32 = 4;

/// The height at which a coin was spent, and so was whatever went on from it to an escrow or a
/// lock-up; none if it goes on.
fn over(coin: &WatchedCoin, all: &[WatchedCoin], most: u32) -> Option<BlockHeight> {
    let spend = coin.spend.as_ref()?;
    let mut over = spend.height?;
    for made in made_by(all, spend.txid) {
        over = over.max(self::over(made, all, most.checked_sub(1)?)?);
    }
    Some(over)
}

/// What somebody paid to a script of ours, and how sure it is.
fn paid(coin: &WatchedCoin, tip: ChainTime, found: &mut Vec<Milestone>) {
    if coin.is_ours {
        return;
    }
    let outpoint = coin.outpoint;
    let sats = coin.amount.to_sat();
    let (kind, what, text) = match &coin.stage {
        Stage::Vault => (
            Kind::Deposit,
            "deposit",
            format!("{sats} sat were paid to the vault: {outpoint}"),
        ),
        stage => (
            Kind::Incident,
            "direct deposit",
            format!(
                "{sats} sat were paid straight to the {stage}, which is nobody's address: {outpoint}; root takes them out"
            ),
        ),
    };
    let group = format!("paid {outpoint}");
    let mut first = of(
        coin,
        Milestone::new(kind, Source::Chain, outpoint.to_string(), text),
    );
    first.at = coin.birth.map(|birth| ChainPoint::Height(birth.height));
    first.subject = Some(format!("the {what} {outpoint}"));
    if kind == Kind::Deposit {
        first.group = Some((group.clone(), 0));
    }
    found.push(first);
    let stages = sure(coin.birth.map(|birth| birth.height), tip);
    for (rank, kind, height, at) in stages {
        let mut more = of(
            coin,
            Milestone::new(
                kind,
                Source::Chain,
                format!("{outpoint}:{height}"),
                sure_text(
                    kind,
                    &format!("the {what} {outpoint} of {sats} sat"),
                    height,
                ),
            ),
        );
        more.at = Some(ChainPoint::Height(at));
        more.subject = Some(format!("that block {height} holds the {what} {outpoint}"))
            .filter(|_| kind == Kind::Confirmed);
        more.group = Some((group.clone(), rank));
        found.push(more);
    }
}

/// A block holds it, and then six do: with the height at which each came true.
fn sure(
    height: Option<BlockHeight>,
    tip: ChainTime,
) -> impl Iterator<Item = (u8, Kind, BlockHeight, BlockHeight)> {
    let height = height.filter(|height| *height <= tip.height);
    let buried = height.map(buried_at);
    let first = height.map(|height| (1, Kind::Confirmed, height, height));
    let second = height
        .zip(buried)
        .filter(|(_, buried)| *buried <= tip.height)
        .map(|(height, buried)| (2, Kind::Buried, height, buried));
    first.into_iter().chain(second)
}

/// The tip at which a block of this height lies deep enough.
fn buried_at(height: BlockHeight) -> BlockHeight {
    height.after(REORG_DEPTH).previous()
}

fn sure_text(kind: Kind, what: &str, height: BlockHeight) -> String {
    match kind {
        Kind::Confirmed => format!("block {height} holds {what}"),
        _ => format!("{what}, in block {height}, is buried"),
    }
}

/// What of a coin a milestone always has.
fn of(coin: &WatchedCoin, mut milestone: Milestone) -> Milestone {
    milestone.coin = Some(coin.outpoint);
    milestone.path = coin.stage.path().map(str::to_owned);
    milestone
}

/// Coins without files, and files without a coin.
fn files(coin: &WatchedCoin, tip: ChainTime, found: &mut Vec<Milestone>) {
    let outpoint = coin.outpoint;
    if let Some(birth) = coin.birth {
        // As soon as it can be armed.
        let buried = Maturity::Height(buried_at(birth.height).next());
        for path in coin.unarmed.iter().filter(|_| holds(buried, coin, tip)) {
            let mut milestone = of(
                coin,
                Milestone::new(
                    Kind::Unarmed,
                    Source::Chain,
                    format!("{outpoint}:{path}"),
                    format!(
                        "the coin {outpoint} of {} sat is buried and not armed on `{path}`: nobody can trigger it",
                        coin.amount.to_sat()
                    ),
                ),
            );
            milestone.path = Some(path.clone());
            milestone.at = Some(since(buried));
            found.push(milestone);
        }
    }
    let gone = coin.spend.as_ref().and_then(|spend| spend.height);
    let Some(gone) = gone.map(buried_at).filter(|gone| *gone <= tip.height) else {
        return;
    };
    for path in &coin.armed_and_moved {
        let mut milestone = of(
            coin,
            Milestone::new(
                Kind::StaleArming,
                Source::Chain,
                format!("{outpoint}:{path}"),
                format!(
                    "the coin {outpoint} has moved, so its files for `{path}` are worth nothing any more: what it became is to be armed anew"
                ),
            ),
        );
        milestone.path = Some(path.clone());
        milestone.at = Some(ChainPoint::Height(gone));
        found.push(milestone);
    }
}

/// Whether a coin was still unspent when a maturity was reached, and it is reached.
fn holds(maturity: Maturity, coin: &WatchedCoin, tip: ChainTime) -> bool {
    if !maturity.is_reached(tip) {
        return false;
    }
    let Some(spend) = &coin.spend else {
        return true;
    };
    match (spend.height, spend.birth, maturity) {
        (None, ..) => true,
        (Some(height), _, Maturity::Height(from)) => height >= from,
        (_, Some(birth), Maturity::MedianTime(from)) => birth.median_time_past_before >= from,
        // Nobody knows whether it was.
        (Some(_), None, Maturity::MedianTime(_)) => false,
    }
}

/// When a share of a relative lock has passed, in percent.
fn share(lock: RelativeLock, birth: CoinBirth, percent: u32) -> Maturity {
    match lock {
        RelativeLock::Blocks(count) => {
            let blocks = (u32::from(count.get()) * percent).div_ceil(100);
            Maturity::Height(BlockHeight(birth.height.0.saturating_add(blocks)))
        }
        RelativeLock::Units512(count) => {
            let seconds = (u64::from(count.get()) * 512 * u64::from(percent)).div_ceil(100);
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            Maturity::MedianTime(birth.median_time_past_before.after_seconds(seconds))
        }
    }
}

/// How much of its delays a coin has waited.
fn delays(coin: &WatchedCoin, tip: ChainTime, found: &mut Vec<Milestone>) {
    let Some(birth) = coin.birth else { return };
    for delay in coin.delays.iter() {
        let absolute = delay.absolute.map(Maturity::absolute);
        let whole = delay
            .relative
            .map(|lock| Maturity::relative(lock, birth))
            .or(absolute);
        let Some(whole) = whole else { continue };
        let (kind, text) = open(coin, delay);
        let shares = [(Kind::Age75, 75), (Kind::Age90, 90)];
        let shares = shares.into_iter().filter_map(|(kind, percent)| {
            let at = share(delay.relative?, birth, percent);
            Some((kind, at, passed(coin, delay, percent)))
        });
        let all = shares.chain([(kind, whole, text)]);
        for (rank, (kind, at, text)) in (0..).zip(all) {
            let is_open = kind.is_share() || absolute.is_none_or(|at| holds(at, coin, tip));
            if !is_open || !holds(at, coin, tip) {
                continue;
            }
            let leaf = &delay.leaf;
            let key = format!("{}:{}:{leaf}", coin.outpoint, birth.height);
            let mut milestone = of(coin, Milestone::new(kind, Source::Chain, key, text));
            milestone.path = Some(delay.path.clone());
            milestone.at = Some(since(at));
            milestone.due = Some(point(whole));
            milestone.group = Some((format!("age {} {leaf}", coin.outpoint), rank));
            found.push(milestone);
        }
    }
}

impl Kind {
    const fn is_share(self) -> bool {
        matches!(self, Self::Age75 | Self::Age90)
    }
}

fn passed(coin: &WatchedCoin, delay: &Delay, percent: u32) -> String {
    let (outpoint, path) = (coin.outpoint, &delay.path);
    match &delay.leaf {
        LeafKind::Settle => format!(
            "{percent} % of the window of `{path}` have passed for {outpoint}: a cancel has to be buried before it ends"
        ),
        LeafKind::Backstop => {
            format!("{percent} % of the backstop of `{path}` have passed for {outpoint}")
        }
        LeafKind::Release => format!(
            "{percent} % of the lock-up period of `{path}` have passed for {outpoint}: a clawback has to be buried before it ends"
        ),
        _ => format!(
            "{percent} % of the delay of `{path}` have passed for {outpoint}: a refresh makes it young again"
        ),
    }
}

fn open(coin: &WatchedCoin, delay: &Delay) -> (Kind, String) {
    let (outpoint, path) = (coin.outpoint, &delay.path);
    match &delay.leaf {
        LeafKind::Settle => (
            Kind::SettleDue,
            format!(
                "the window of `{path}` is over for {outpoint}: settle now, or lose to a cancel"
            ),
        ),
        LeafKind::Backstop => (
            Kind::BackstopDue,
            format!("the backstop of `{path}` is open for {outpoint}"),
        ),
        LeafKind::Release => (
            Kind::ReleaseDue,
            format!("the lock-up period of `{path}` is over for {outpoint}: release now"),
        ),
        _ => (
            Kind::Age100,
            format!("the delay of `{path}` is over for {outpoint}: its quorum can take it alone"),
        ),
    }
}

/// A transaction that spends coins of ours.
fn go(
    moved: &[(&WatchedCoin, &Spend)],
    all: &[WatchedCoin],
    found: &mut Vec<Milestone>,
    tip: ChainTime,
) {
    let Some((coin, spend)) = moved.iter().min_by_key(|(coin, _)| coin.outpoint) else {
        return;
    };
    let txid = spend.txid;
    let kind = spend.way.kind();
    let sats: u64 = moved.iter().map(|(coin, _)| coin.amount.to_sat()).sum();
    let path = match &spend.way {
        Way::Leaf(LeafKind::Trigger(path) | LeafKind::Direct(path)) => Some(path.clone()),
        _ => coin.stage.path().map(str::to_owned),
    };
    let on = path
        .as_ref()
        .map_or_else(String::new, |path| format!(" on `{path}`"));
    let many = match moved.len() {
        1 => format!("the coin {}", coin.outpoint),
        more => format!("{more} coins, {} among them,", coin.outpoint),
    };
    let what = format!("the {kind}{on} {txid} of {sats} sat");
    // Of what a trigger or a settle makes, the first date on which something is due.
    let due = made_by(all, txid).filter_map(first_due).min_by_key(order);
    let mut seen = of(
        coin,
        Milestone::new(
            kind,
            Source::Chain,
            txid.to_string(),
            format!("{txid} takes {many} with {sats} sat: {}", spend.way.story()),
        ),
    );
    seen.txid = Some(txid);
    seen.path.clone_from(&path);
    seen.at = spend.height.map(ChainPoint::Height);
    seen.due = due;
    seen.subject = Some(format!("the {kind}{on} {txid}"));
    found.push(seen);
    for (rank, sure, height, at) in sure(spend.height, tip) {
        let mut more = of(
            coin,
            Milestone::new(
                sure,
                Source::Chain,
                format!("{txid}:{height}"),
                sure_text(sure, &what, height),
            ),
        );
        more.txid = Some(txid);
        more.path.clone_from(&path);
        more.at = Some(ChainPoint::Height(at));
        more.due = due;
        more.subject = Some(format!("that block {height} holds the {kind} {txid}"))
            .filter(|_| sure == Kind::Confirmed);
        more.group = Some((format!("move {txid}"), rank));
        found.push(more);
    }
}

/// The coins of an escrow or a lock-up that a transaction makes.
fn made_by(all: &[WatchedCoin], txid: Txid) -> impl Iterator<Item = &WatchedCoin> {
    let from = all.partition_point(|coin| coin.outpoint < OutPoint::new(txid, 0));
    let rest = all.get(from..).unwrap_or_default().iter();
    rest.take_while(move |coin| coin.outpoint.txid == txid)
        .filter(|coin| coin.stage != Stage::Vault)
}

fn first_due(coin: &WatchedCoin) -> Option<ChainPoint> {
    let birth = coin.birth?;
    let waits = coin.delays.iter().filter_map(|delay| delay.relative);
    waits
        .map(|lock| point(Maturity::relative(lock, birth)))
        .min_by_key(order)
}

/// Points of one clock in their order.
fn order(point: &ChainPoint) -> (bool, u32) {
    match point {
        ChainPoint::Height(BlockHeight(height)) => (false, *height),
        ChainPoint::MedianTime(UnixTime(time)) => (true, *time),
    }
}

impl Way {
    /// The kind of notice that tells it.
    const fn kind(&self) -> Kind {
        match self {
            Self::Refresh => Kind::Refresh,
            Self::Leaf(leaf) => match leaf {
                LeafKind::Spend => Kind::Spend,
                LeafKind::Trigger(_) => Kind::Trigger,
                LeafKind::Direct(_) => Kind::Recover,
                LeafKind::Override => Kind::Override,
                LeafKind::Cancel => Kind::Cancel,
                LeafKind::Settle => Kind::Settle,
                LeafKind::Backstop => Kind::Backstop,
                LeafKind::Clawback => Kind::Clawback,
                LeafKind::Release => Kind::Release,
            },
        }
    }

    const fn story(&self) -> &'static str {
        match self {
            Self::Refresh => "root moves it within the vault",
            Self::Leaf(leaf) => match leaf {
                LeafKind::Spend => "root spends it",
                LeafKind::Trigger(_) => {
                    "it goes to an escrow, and whoever objects has until its window ends"
                }
                LeafKind::Direct(_) => "the quorum of a direct path takes it",
                LeafKind::Override => "root takes it out of the escrow",
                LeafKind::Cancel => "it goes back from the escrow to the vault",
                LeafKind::Settle => "it leaves the escrow, whose window is over",
                LeafKind::Backstop => "the quorum of the path takes it without the settle",
                LeafKind::Clawback => "root takes it out of the lock-up",
                LeafKind::Release => "the quorum of the path pays it out of the lock-up",
            },
        }
    }
}
