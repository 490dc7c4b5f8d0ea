//! What holds by now, and since when.
//!
//! A milestone is told once, when it is first found to hold.  On a chain that only grows a
//! milestone never stops to hold, so it does not matter how often somebody looks.

use bitcoin::{OutPoint, Txid};

use super::memory::Source;
use super::notice::Kind;
use crate::governance::ChainPoint;
use crate::units::{BlockHeight, ChainTime, Maturity, SECONDS_PER_BLOCK, UnixTime};

/// Something that holds.
#[derive(Clone, Debug)]
pub(super) struct Milestone {
    pub key: String,
    pub kind: Kind,
    pub source: Source,
    pub coin: Option<OutPoint>,
    pub txid: Option<Txid>,
    pub path: Option<String>,
    pub text: String,
    pub at: Option<ChainPoint>,
    pub due: Option<ChainPoint>,
    /// What to call it when it is gone; none if it ends quietly.
    pub subject: Option<String>,
    /// The height at which all that came of it was over; none if it is not.
    pub over: Option<BlockHeight>,
    /// Whether it is about a coin that is not there any more.
    pub is_past: bool,
    /// Of milestones with one group, only the one of the highest rank is worth telling to somebody
    /// who comes late.
    pub group: Option<(String, u8)>,
    /// Whether its time to act on it is over.
    pub missed: bool,
}

impl Milestone {
    pub(super) fn new(kind: Kind, source: Source, key: String, text: String) -> Self {
        Self {
            key: format!("{kind}:{key}"),
            kind,
            source,
            coin: None,
            txid: None,
            path: None,
            text,
            at: None,
            due: None,
            subject: None,
            over: None,
            is_past: false,
            group: None,
            missed: false,
        }
    }

    /// Where it comes among others on the chain, in seconds as far as they are known.
    pub(super) fn order(&self, tip: ChainTime) -> u64 {
        let here = u64::from(tip.height.0) * u64::from(SECONDS_PER_BLOCK);
        match self.at {
            None => u64::MAX,
            Some(ChainPoint::Height(height)) => u64::from(height.0) * u64::from(SECONDS_PER_BLOCK),
            Some(ChainPoint::MedianTime(time)) => {
                let ago = tip.median_time_past.0.saturating_sub(time.0);
                here.saturating_sub(u64::from(ago))
            }
        }
    }
}

/// The date from which a block can hold what waits for a maturity.
pub(super) const fn point(maturity: Maturity) -> ChainPoint {
    match maturity {
        Maturity::Height(height) => ChainPoint::Height(height),
        Maturity::MedianTime(time) => ChainPoint::MedianTime(time),
    }
}

/// When a maturity was reached: with the block before the first that can hold the spend.
pub(super) const fn since(maturity: Maturity) -> ChainPoint {
    match maturity {
        Maturity::Height(height) => ChainPoint::Height(height.previous()),
        Maturity::MedianTime(time) => ChainPoint::MedianTime(time),
    }
}

/// Whether the chain has come to a point.
pub(super) fn has_come(point: ChainPoint, now: ChainTime) -> bool {
    match point {
        ChainPoint::Height(height) => now.height >= height,
        ChainPoint::MedianTime(time) => now.median_time_past >= time,
    }
}

/// About when a point is, at ten minutes to a block.
pub(super) fn about(point: ChainPoint, now: ChainTime) -> UnixTime {
    match point {
        ChainPoint::MedianTime(time) => time,
        ChainPoint::Height(height) => {
            let seconds = |blocks: u32| blocks.saturating_mul(SECONDS_PER_BLOCK);
            let ahead = seconds((height - now.height).0);
            let ago = seconds((now.height - height).0);
            UnixTime(
                now.median_time_past
                    .after_seconds(ahead)
                    .0
                    .saturating_sub(ago),
            )
        }
    }
}
