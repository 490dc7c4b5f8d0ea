//! When a lock opens: the one place where coin age is compared with a lock.
//!
//! Written after `CalculateSequenceLocks`, `EvaluateSequenceLocks` and `IsFinalTx` in Bitcoin
//! Core's `src/consensus/tx_verify.cpp`.

use serde::{Deserialize, Serialize};

use super::{AbsoluteLock, BlockHeight, Blocks, ChainTime, RelativeLock, UnixTime};

/// When a coin was confirmed, as relative locks count it.
///
/// An unconfirmed coin has no birth and does not mature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CoinBirth {
    /// Height of the block that holds the coin.
    pub height: BlockHeight,
    /// Median time past of the block *before* it, from which relative time locks count.
    pub median_time_past_before: UnixTime,
}

/// The moment from which a spend can be mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maturity {
    /// The lowest height of a block that can hold the spend.
    Height(BlockHeight),
    /// The least median time past, of the block before the spend's, that allows it.
    MedianTime(UnixTime),
}

impl Maturity {
    /// When a coin of this birth passes a relative lock.
    #[must_use]
    pub fn relative(lock: RelativeLock, birth: CoinBirth) -> Self {
        match lock {
            RelativeLock::Blocks(count) => {
                Self::Height(birth.height.after(Blocks(u32::from(count.get()))))
            }
            RelativeLock::Units512(count) => Self::MedianTime(
                birth
                    .median_time_past_before
                    .after_seconds(u32::from(count.get()) * 512),
            ),
        }
    }

    /// When an absolute lock opens.
    #[must_use]
    pub const fn absolute(lock: AbsoluteLock) -> Self {
        match lock {
            AbsoluteLock::Height(height) => Self::Height(height.next()),
            AbsoluteLock::Time(time) => Self::MedianTime(time.after_seconds(1)),
        }
    }

    /// Whether the block after this tip can hold the spend.
    #[must_use]
    pub fn is_reached(self, tip: ChainTime) -> bool {
        match self {
            Self::Height(height) => tip.height.next() >= height,
            Self::MedianTime(time) => tip.median_time_past >= time,
        }
    }

    /// The blocks still to be mined, at the expected rate, before the spend can enter the next.
    #[must_use]
    pub fn remaining(self, tip: ChainTime) -> Blocks {
        match self {
            Self::Height(height) => height - tip.height.next(),
            Self::MedianTime(time) => {
                let seconds = time.0.saturating_sub(tip.median_time_past.0);
                Blocks(seconds.div_ceil(super::SECONDS_PER_BLOCK))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(height: u32, median_time_past: u32) -> ChainTime {
        ChainTime {
            height: BlockHeight(height),
            median_time_past: UnixTime(median_time_past),
        }
    }

    #[test]
    fn relative_height_lock() {
        let birth = CoinBirth {
            height: BlockHeight(100),
            median_time_past_before: UnixTime(0),
        };
        let lock = RelativeLock::from_blocks(Blocks(10)).expect("in range");
        let maturity = Maturity::relative(lock, birth);
        assert_eq!(maturity, Maturity::Height(BlockHeight(110)));
        assert!(
            !maturity.is_reached(tip(108, 0)),
            "the next block would be 109"
        );
        assert!(maturity.is_reached(tip(109, 0)), "the next block is 110");
        assert_eq!(maturity.remaining(tip(100, 0)), Blocks(9));
        assert_eq!(maturity.remaining(tip(500, 0)), Blocks(0));
    }

    #[test]
    fn relative_time_lock() {
        let birth = CoinBirth {
            height: BlockHeight(100),
            median_time_past_before: UnixTime(1_000_000),
        };
        let lock = RelativeLock::from_seconds(1024).expect("in range");
        let maturity = Maturity::relative(lock, birth);
        assert!(!maturity.is_reached(tip(9999, 1_001_023)));
        assert!(maturity.is_reached(tip(101, 1_001_024)));
    }

    #[test]
    fn absolute_locks() {
        let height = AbsoluteLock::from_height(BlockHeight(200)).expect("in range");
        assert!(
            !Maturity::absolute(height).is_reached(tip(199, 0)),
            "block 200 is too early"
        );
        assert!(
            Maturity::absolute(height).is_reached(tip(200, 0)),
            "block 201 is not"
        );
        let time = AbsoluteLock::from_time(UnixTime(1_700_000_000)).expect("in range");
        assert!(!Maturity::absolute(time).is_reached(tip(0, 1_700_000_000)));
        assert!(Maturity::absolute(time).is_reached(tip(0, 1_700_000_001)));
    }
}
