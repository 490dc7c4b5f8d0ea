//! One clock for everything about a path.

use std::fmt;

use serde::Serialize;

use crate::policy::{Clock, SpendingPath};
use crate::units::{
    BlockHeight, Blocks, ChainTime, RelativeLock, SECONDS_PER_BLOCK, UnixTime, format_date_time,
};

/// A point of the chain by one of its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainPoint {
    /// When the chain has this height.
    Height(BlockHeight),
    /// When its median time has come to this.
    MedianTime(UnixTime),
}

impl fmt::Display for ChainPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Height(height) => write!(f, "block {height}"),
            Self::MedianTime(time) => write!(f, "{} UTC", format_date_time(*time)),
        }
    }
}

/// What a clock shows: a height, or seconds of median time.
///
/// It is wider than either, so that adding a period never comes to an end.
pub(super) const fn reading(clock: Clock, at: ChainTime) -> u64 {
    match clock {
        Clock::Blocks => at.height.0 as u64,
        Clock::Time => at.median_time_past.0 as u64,
    }
}

/// A reading as a point of the chain, the last there is if it lies beyond.
pub(super) fn point(clock: Clock, reading: u64) -> ChainPoint {
    let reading = u32::try_from(reading).unwrap_or(u32::MAX);
    match clock {
        Clock::Blocks => ChainPoint::Height(BlockHeight(reading)),
        Clock::Time => ChainPoint::MedianTime(UnixTime(reading)),
    }
}

/// How far a clock goes on in a period.  The periods of a path are all of its own clock.
pub(super) const fn span(period: RelativeLock) -> u64 {
    match period {
        RelativeLock::Blocks(count) => count.get() as u64,
        RelativeLock::Units512(_) => period.expected_seconds(),
    }
}

/// The clock of a path.
pub(super) fn clock_of(path: &SpendingPath) -> Clock {
    let window = path.staged().map(|staged| staged.window().lock());
    match window {
        Some(RelativeLock::Units512(_)) => Clock::Time,
        Some(RelativeLock::Blocks(_)) | None => Clock::Blocks,
    }
}

/// From which reading on a word counts no more that was written and expires at these times.
///
/// The end is a median time.  Where blocks count, the blocks that are expected until then are
/// counted from when the word was written: a later word that pairs a height of today with an old
/// median time does not bring it back.
pub(super) fn end(clock: Clock, written: ChainTime, expires: UnixTime) -> u64 {
    match clock {
        Clock::Blocks => {
            let seconds = expires.0.saturating_sub(written.median_time_past.0);
            let blocks = Blocks(seconds / SECONDS_PER_BLOCK);
            u64::from(written.height.0) + u64::from(blocks.0)
        }
        Clock::Time => u64::from(expires.0),
    }
}
