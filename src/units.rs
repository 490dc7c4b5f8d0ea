//! Numbers that have a meaning: heights, spans of blocks, points in chain time, and locks.
//!
//! Bitcoin measures time in two ways at once, the height of a block and the median time past of
//! the chain ([BIP-113]), and locks coins relative to their confirmation ([BIP-68]) or absolutely
//! ([BIP-65]).  A bare integer says nothing about which of these it is, and several of the bare
//! integers that miniscript accepts in `older` lock nothing at all.  So every such number gets a
//! type here, and a duration becomes a lock through one fallible door only:
//! [`RelativeLock::from_blocks`] and [`RelativeLock::from_seconds`].
//!
//! [BIP-65]: https://github.com/bitcoin/bips/blob/master/bip-0065.mediawiki
//! [BIP-68]: https://github.com/bitcoin/bips/blob/master/bip-0068.mediawiki
//! [BIP-113]: https://github.com/bitcoin/bips/blob/master/bip-0113.mediawiki

mod date;
mod lock;
mod maturity;

use std::fmt;
use std::ops::Sub;

use serde::{Deserialize, Serialize};

pub use self::date::{format_date, format_date_time};
pub use self::lock::{AbsoluteLock, AbsoluteLockError, RelativeLock, RelativeLockError};
pub use self::maturity::{CoinBirth, Maturity};

/// Blocks in a day at the expected rate of one in ten minutes.
pub const BLOCKS_PER_DAY: u32 = 144;

/// Expected seconds between two blocks.
pub const SECONDS_PER_BLOCK: u32 = 600;

/// The height of a block: the genesis block has height 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BlockHeight(pub u32);

impl BlockHeight {
    /// The height of the genesis block.
    pub const GENESIS: Self = Self(0);

    /// The height of the block that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The height of the block before, the genesis block being its own.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The height `span` blocks later.
    #[must_use]
    pub const fn after(self, span: Blocks) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl fmt::Display for BlockHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Sub for BlockHeight {
    type Output = Blocks;

    /// The blocks from `rhs` up to `self`, none if `rhs` is the later one.
    fn sub(self, rhs: Self) -> Blocks {
        Blocks(self.0.saturating_sub(rhs.0))
    }
}

/// A number of blocks: the distance of two heights.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Blocks(pub u32);

impl Blocks {
    /// The expected duration in seconds.
    #[must_use]
    pub const fn expected_seconds(self) -> u64 {
        self.0 as u64 * SECONDS_PER_BLOCK as u64
    }

    /// The sum, at most [`u32::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 block"),
            n => write!(f, "{n} blocks"),
        }
    }
}

/// A time in seconds since the Unix epoch, as block headers count it.
///
/// Only chains produce these.  The clock of the machine is never one of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(pub u32);

impl UnixTime {
    /// The time `seconds` later.
    #[must_use]
    pub const fn after_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_date_time(*self))
    }
}

/// Where a chain stands: the height of its tip and the median time past at its tip.
///
/// The median time past is the median of the timestamps of the tip and the ten blocks before it
/// ([BIP-113](https://github.com/bitcoin/bips/blob/master/bip-0113.mediawiki)); it is what the
/// consensus rules compare with locks that count time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ChainTime {
    /// Height of the tip.
    pub height: BlockHeight,
    /// Median time past at the tip.
    pub median_time_past: UnixTime,
}
