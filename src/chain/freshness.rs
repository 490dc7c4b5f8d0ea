//! Whether what a backend says is new enough to act on.

use thiserror::Error;

use super::ChainTip;
use crate::units::{BlockHeight, SECONDS_PER_BLOCK, UnixTime};

/// How far the timestamp of a block may lie ahead of true clocks (Bitcoin Core's
/// `MAX_FUTURE_BLOCK_TIME`).
const MAX_AHEAD: u32 = 2 * 60 * 60;

/// How new the view of a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Its tip.
    pub tip: ChainTip,
    /// The timestamp of the tip.
    pub stamped: UnixTime,
    /// The height up to which it knows headers, while it still fetches their blocks.
    pub syncing_to: Option<BlockHeight>,
    /// What its own clock shows, where it has one: an embedded chain lives in a time of its own.
    pub clock: Option<UnixTime>,
}

impl Freshness {
    /// The age from which a tip counts as stale, in seconds: with true clocks and all miners at
    /// work, one in 160,000 waits for a block is as long as two hours (e⁻¹²).
    pub const STALE_AFTER: u32 = 12 * SECONDS_PER_BLOCK;

    /// Judges the view by a clock, or by the backend's own if it has one.
    ///
    /// # Errors
    ///
    /// With the first reason not to act on it.
    pub fn judge(&self, now: UnixTime, stale_after: u32) -> Result<(), Stale> {
        let now = self.clock.unwrap_or(now);
        if let Some(headers) = self.syncing_to {
            let at = self.tip.time.height;
            return Err(Stale::Syncing { at, headers });
        }
        if self.stamped > now.after_seconds(MAX_AHEAD) {
            let stamped = self.stamped;
            return Err(Stale::Ahead { stamped, now });
        }
        let age = now.0.saturating_sub(self.stamped.0);
        if age > stale_after {
            let height = self.tip.time.height;
            return Err(Stale::Old {
                height,
                minutes: age / 60,
                most: stale_after / 60,
            });
        }
        Ok(())
    }
}

/// Why a view is not to be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Stale {
    /// The backend is in its initial sync.
    #[error(
        "the node is still fetching blocks: it is at {at} and knows of {headers}; wait until it has caught up"
    )]
    Syncing {
        /// The height of its tip.
        at: BlockHeight,
        /// The height of the best header that it knows.
        headers: BlockHeight,
    },
    /// The tip is older than it may be.
    #[error(
        "the newest block, {height}, is {minutes} minutes old, and more than {most} are not believed: the backend has lost its peers, or no block was found; look at another one"
    )]
    Old {
        /// The height of the tip.
        height: BlockHeight,
        /// Its age.
        minutes: u32,
        /// The age that is still believed.
        most: u32,
    },
    /// The tip comes from the future.
    #[error("the newest block says {stamped}, and the clock of this machine {now}: set the clock")]
    Ahead {
        /// The timestamp of the tip.
        stamped: UnixTime,
        /// What the clock showed.
        now: UnixTime,
    },
}

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;
    use bitcoin::hashes::Hash;

    use super::*;
    use crate::units::ChainTime;

    fn view(stamped: u32) -> Freshness {
        Freshness {
            tip: ChainTip {
                hash: BlockHash::all_zeros(),
                time: ChainTime {
                    height: BlockHeight(100),
                    median_time_past: UnixTime(stamped - 3_000),
                },
            },
            stamped: UnixTime(stamped),
            syncing_to: None,
            clock: None,
        }
    }

    #[test]
    fn a_tip_is_stale_one_second_after_its_time() {
        let view = view(1_000_000);
        let at = |age: u32| view.judge(UnixTime(1_000_000 + age), 7_200);
        assert_eq!(at(7_199), Ok(()));
        assert_eq!(at(7_200), Ok(()));
        let old = Stale::Old {
            height: BlockHeight(100),
            minutes: 120,
            most: 120,
        };
        assert_eq!(at(7_201), Err(old));
    }

    #[test]
    fn a_tip_may_run_ahead_as_far_as_nodes_allow() {
        let view = view(1_000_000);
        let at = |ahead: u32| view.judge(UnixTime(1_000_000 - ahead), 7_200);
        assert_eq!(at(7_200), Ok(()));
        assert!(matches!(at(7_201), Err(Stale::Ahead { .. })));
    }

    #[test]
    fn a_node_in_its_first_sync_is_not_believed_however_new_its_tip_is() {
        let headers = BlockHeight(200);
        let view = Freshness {
            syncing_to: Some(headers),
            ..view(1_000_000)
        };
        let at = BlockHeight(100);
        let syncing = Err(Stale::Syncing { at, headers });
        assert_eq!(view.judge(UnixTime(1_000_000), 7_200), syncing);
    }

    #[test]
    fn a_clock_of_its_own_counts_instead() {
        let view = Freshness {
            clock: Some(UnixTime(1_000_600)),
            ..view(1_000_000)
        };
        assert_eq!(view.judge(UnixTime(4_000_000), 7_200), Ok(()));
        assert!(view.judge(UnixTime(4_000_000), 599).is_err());
    }
}
