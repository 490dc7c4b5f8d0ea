//! Locks that consensus enforces, and the only door by which a duration becomes one.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BlockHeight, Blocks, SECONDS_PER_BLOCK, UnixTime};

/// Bit 22 of a sequence number: the lock counts units of 512 seconds (BIP-68).
const SEQUENCE_TIME_FLAG: u32 = 1 << 22;

/// Seconds in one unit of a relative time lock (BIP-68).
const SECONDS_PER_UNIT: u32 = 512;

/// From this value on an absolute lock is a time, below it is a height (BIP-65).
const LOCK_TIME_THRESHOLD: u32 = 500_000_000;

/// A relative lock: how long a coin must have been confirmed before it can be spent.
///
/// The script operand has 16 bits for the count.  Larger numbers do not fail: their excess bits
/// are ignored or change the unit, so that `older(65536)` waits for nothing.  This type cannot
/// hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelativeLock {
    /// Blocks since the confirmation, 1 to 65,535.
    Blocks(NonZeroU16),
    /// Units of 512 seconds of median time past since the block before the confirmation.
    Units512(NonZeroU16),
}

impl RelativeLock {
    /// The shortest lock there is: a coin under it can be spent in the block after its own.
    pub const ONE_BLOCK: Self = Self::Blocks(NonZeroU16::MIN);

    /// A lock of so many blocks.
    ///
    /// # Errors
    ///
    /// If there are none, or more than the 65,535 that a relative lock can hold.
    pub fn from_blocks(blocks: Blocks) -> Result<Self, RelativeLockError> {
        match u16::try_from(blocks.0).map(NonZeroU16::new) {
            Ok(Some(count)) => Ok(Self::Blocks(count)),
            Ok(None) => Err(RelativeLockError::Zero),
            Err(_) => Err(RelativeLockError::TooManyBlocks(blocks)),
        }
    }

    /// A lock of so many seconds of median time past, rounded up to whole units of 512 seconds.
    ///
    /// # Errors
    ///
    /// If there are none, or more than the 65,535 units that a relative lock can hold.
    pub fn from_seconds(seconds: u64) -> Result<Self, RelativeLockError> {
        let units = seconds.div_ceil(u64::from(SECONDS_PER_UNIT));
        match u16::try_from(units).map(NonZeroU16::new) {
            Ok(Some(count)) => Ok(Self::Units512(count)),
            Ok(None) => Err(RelativeLockError::Zero),
            Err(_) => Err(RelativeLockError::TooManySeconds(seconds)),
        }
    }

    /// The lock that an operand of `older` means, if it means just what it says: no bit that
    /// consensus ignores, no flag that turns it off, and not zero.
    #[must_use]
    pub fn from_consensus(operand: u32) -> Option<Self> {
        let lock = match operand.checked_sub(SEQUENCE_TIME_FLAG) {
            Some(count) => Self::Units512(NonZeroU16::new(u16::try_from(count).ok()?)?),
            None => Self::Blocks(NonZeroU16::new(u16::try_from(operand).ok()?)?),
        };
        Some(lock)
    }

    /// The operand of `older`, which is also the least sequence number that satisfies it.
    #[must_use]
    pub const fn to_consensus(self) -> u32 {
        match self {
            Self::Blocks(count) => count.get() as u32,
            Self::Units512(count) => SEQUENCE_TIME_FLAG | count.get() as u32,
        }
    }

    /// Whether whoever has waited for this lock has waited for the other too: they count the same
    /// way, and this one as far.
    #[must_use]
    pub const fn implies(self, other: Self) -> bool {
        match (self, other) {
            (Self::Blocks(own), Self::Blocks(other))
            | (Self::Units512(own), Self::Units512(other)) => own.get() >= other.get(),
            _ => false,
        }
    }

    /// The sequence number for an input that waits for this lock.
    #[must_use]
    pub const fn to_sequence(self) -> bitcoin::Sequence {
        bitcoin::Sequence(self.to_consensus())
    }

    /// The expected duration in seconds: exact for a time lock, ten minutes to a block otherwise.
    #[must_use]
    pub const fn expected_seconds(self) -> u64 {
        match self {
            Self::Blocks(count) => count.get() as u64 * SECONDS_PER_BLOCK as u64,
            Self::Units512(count) => count.get() as u64 * SECONDS_PER_UNIT as u64,
        }
    }

    /// The expected duration in blocks, rounded down.
    #[must_use]
    pub const fn expected_blocks(self) -> Blocks {
        match self {
            Self::Blocks(count) => Blocks(count.get() as u32),
            Self::Units512(count) => {
                Blocks(count.get() as u32 * SECONDS_PER_UNIT / SECONDS_PER_BLOCK)
            }
        }
    }
}

impl fmt::Display for RelativeLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(count) => Blocks(u32::from(count.get())).fmt(f),
            Self::Units512(count) => {
                let seconds = u64::from(count.get()) * u64::from(SECONDS_PER_UNIT);
                write!(f, "{seconds} seconds of median time")
            }
        }
    }
}

/// Why a duration is no relative lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RelativeLockError {
    /// A lock of nothing would never hold anything.
    #[error("a lock of zero waits for nothing")]
    Zero,
    /// Over 65,535 blocks.
    #[error("{0} is longer than a relative lock can hold, which is 65,535 blocks (about 455 days)")]
    TooManyBlocks(Blocks),
    /// Over 65,535 units of 512 seconds.
    #[error(
        "{0} seconds is longer than a relative time lock can hold, which is 65,535 units of 512 seconds (about 388 days)"
    )]
    TooManySeconds(u64),
}

/// An absolute lock: the height or the median time past from which a coin can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsoluteLock {
    /// A height, 1 to 499,999,999: the transaction can stand in the blocks after it.
    Height(BlockHeight),
    /// A time, 500,000,000 to 2³¹ − 1: it must lie before the median time past of the block
    /// before the transaction's.
    Time(UnixTime),
}

impl AbsoluteLock {
    /// A lock until after a height.
    ///
    /// # Errors
    ///
    /// If the height is zero, or so large that consensus would read it as a time.
    pub const fn from_height(height: BlockHeight) -> Result<Self, AbsoluteLockError> {
        if height.0 == 0 || height.0 >= LOCK_TIME_THRESHOLD {
            return Err(AbsoluteLockError::Height(height));
        }
        Ok(Self::Height(height))
    }

    /// A lock until after a time.
    ///
    /// # Errors
    ///
    /// If the time is so early that consensus would read it as a height, or does not fit the 31
    /// bits that miniscript allows.
    pub const fn from_time(time: UnixTime) -> Result<Self, AbsoluteLockError> {
        if time.0 < LOCK_TIME_THRESHOLD || time.0 > i32::MAX as u32 {
            return Err(AbsoluteLockError::Time(time));
        }
        Ok(Self::Time(time))
    }

    /// The lock that an operand of `after` means, if miniscript allows it.
    #[must_use]
    pub fn from_consensus(operand: u32) -> Option<Self> {
        let height = Self::from_height(BlockHeight(operand)).ok();
        height.or_else(|| Self::from_time(UnixTime(operand)).ok())
    }

    /// The operand of `after`, which is also the least lock time that satisfies it.
    #[must_use]
    pub const fn to_consensus(self) -> u32 {
        match self {
            Self::Height(height) => height.0,
            Self::Time(time) => time.0,
        }
    }

    /// Whether whoever has waited for this lock has waited for the other too: both are heights or
    /// both are times, and this one is no earlier.
    #[must_use]
    pub const fn implies(self, other: Self) -> bool {
        match (self, other) {
            (Self::Height(own), Self::Height(other)) => own.0 >= other.0,
            (Self::Time(own), Self::Time(other)) => own.0 >= other.0,
            _ => false,
        }
    }

    /// The lock time for a transaction that waits for this lock.
    #[must_use]
    pub fn to_lock_time(self) -> bitcoin::absolute::LockTime {
        bitcoin::absolute::LockTime::from_consensus(self.to_consensus())
    }
}

impl fmt::Display for AbsoluteLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Height(height) => write!(f, "block {height}"),
            Self::Time(time) => write!(f, "{time} UTC"),
        }
    }
}

/// Why a height or a date is no absolute lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AbsoluteLockError {
    /// Not a height that `after` can hold.
    #[error("block {0} is no height that a lock can hold, which is 1 to 499,999,999")]
    Height(BlockHeight),
    /// Not a time that `after` can hold.
    #[error("{0} is no date that a lock can hold, which is 1985-11-05 to 2038-01-19")]
    Time(UnixTime),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn block_lock_boundaries() {
        assert_eq!(
            RelativeLock::from_blocks(Blocks(0)),
            Err(RelativeLockError::Zero)
        );
        assert_eq!(
            RelativeLock::from_blocks(Blocks(1)),
            Ok(RelativeLock::ONE_BLOCK)
        );
        assert!(RelativeLock::from_blocks(Blocks(65_535)).is_ok());
        for too_long in [65_536, 70_000, 4_194_304, 4_259_840, 1 << 31, u32::MAX] {
            assert_eq!(
                RelativeLock::from_blocks(Blocks(too_long)),
                Err(RelativeLockError::TooManyBlocks(Blocks(too_long)))
            );
        }
    }

    #[test]
    fn time_lock_boundaries() {
        let longest = 65_535 * 512;
        assert_eq!(RelativeLock::from_seconds(0), Err(RelativeLockError::Zero));
        for shortest in [1, 511, 512] {
            let lock = RelativeLock::from_seconds(shortest).map(RelativeLock::to_consensus);
            assert_eq!(lock, Ok(0x40_0001), "delays round up");
        }
        assert_eq!(
            RelativeLock::from_seconds(513).map(RelativeLock::to_consensus),
            Ok(0x40_0002)
        );
        assert!(RelativeLock::from_seconds(longest).is_ok());
        assert!(RelativeLock::from_seconds(longest + 1).is_err());
    }

    #[test]
    fn an_operand_is_read_only_if_it_means_what_it_says() {
        for operand in [1, 65_535, 0x40_0001, 0x40_ffff] {
            let lock = RelativeLock::from_consensus(operand);
            assert_eq!(lock.map(RelativeLock::to_consensus), Some(operand));
        }
        for operand in [
            0,
            65_536,
            70_000,
            0x40_0000,
            0x41_0000,
            0x80_0001,
            1 << 31,
            u32::MAX,
        ] {
            assert_eq!(RelativeLock::from_consensus(operand), None, "{operand}");
        }
        for operand in [1, 499_999_999, 500_000_000, 0x7fff_ffff] {
            let lock = AbsoluteLock::from_consensus(operand);
            assert_eq!(lock.map(AbsoluteLock::to_consensus), Some(operand));
        }
        for operand in [0, 1 << 31, u32::MAX] {
            assert_eq!(AbsoluteLock::from_consensus(operand), None, "{operand}");
        }
    }

    #[test]
    fn absolute_lock_boundaries() {
        for (height, good) in [
            (0, false),
            (1, true),
            (499_999_999, true),
            (500_000_000, false),
        ] {
            assert_eq!(
                AbsoluteLock::from_height(BlockHeight(height)).is_ok(),
                good,
                "{height}"
            );
        }
        let times = [
            (499_999_999, false),
            (500_000_000, true),
            (0x7fff_ffff, true),
            (1 << 31, false),
        ];
        for (time, good) in times {
            assert_eq!(
                AbsoluteLock::from_time(UnixTime(time)).is_ok(),
                good,
                "{time}"
            );
        }
    }

    /// A lock implies those of its own kind that are no longer than it, and of the other kind none:
    /// who has waited in time has not waited in blocks.
    #[test]
    fn a_longer_lock_implies_a_shorter_one_of_its_kind() {
        let blocks = |count| RelativeLock::from_blocks(Blocks(count)).expect("in range");
        let units = |count: u64| RelativeLock::from_seconds(count * 512).expect("in range");
        let height = |height| AbsoluteLock::from_height(BlockHeight(height)).expect("in range");
        let time = |time| AbsoluteLock::from_time(UnixTime(time)).expect("in range");
        for (own, other, implied) in [(9, 10, false), (10, 10, true), (11, 10, true)] {
            assert_eq!(blocks(own).implies(blocks(other)), implied);
            assert_eq!(units(own.into()).implies(units(other.into())), implied);
            assert_eq!(height(own).implies(height(other)), implied);
            let from = 500_000_000;
            assert_eq!(time(from + own).implies(time(from + other)), implied);
        }
        assert!(!blocks(65_535).implies(units(1)) && !units(65_535).implies(blocks(1)));
        assert!(!height(499_999_999).implies(time(500_000_000)));
        assert!(!time(i32::MAX as u32).implies(height(1)));
    }

    #[test]
    fn an_input_waits_with_the_number_of_its_lock() {
        for operand in [1, 65_535, 0x40_0001, 0x40_ffff] {
            let lock = RelativeLock::from_consensus(operand).expect("a lock");
            assert_eq!(lock.to_sequence(), bitcoin::Sequence(operand));
        }
    }

    #[test]
    fn locks_say_how_long_they_take() {
        let day = RelativeLock::from_blocks(Blocks(144)).expect("in range");
        assert_eq!(day.expected_seconds(), 86_400);
        assert_eq!(day.expected_blocks(), Blocks(144));
        assert_eq!(day.to_string(), "144 blocks");
        let hour = RelativeLock::from_seconds(3_600).expect("in range");
        assert_eq!(
            hour.to_consensus(),
            0x40_0008,
            "7 units are 16 seconds short"
        );
        assert_eq!(hour.expected_seconds(), 4_096);
        assert_eq!(hour.expected_blocks(), Blocks(6), "rounded down");
        assert_eq!(hour.to_string(), "4096 seconds of median time");
        let height = AbsoluteLock::from_height(BlockHeight(200)).expect("in range");
        assert_eq!(height.to_string(), "block 200");
        let time = AbsoluteLock::from_time(UnixTime(1_700_000_000)).expect("in range");
        assert_eq!(time.to_string(), "2023-11-14 22:13 UTC");
    }

    proptest! {
        /// Whatever number comes in, a lock that comes out means that number and no other to
        /// consensus: none of the bits that BIP-68 ignores is set, nor the one that disables it.
        #[test]
        fn a_lock_means_its_number(blocks in any::<u32>()) {
            if let Ok(lock) = RelativeLock::from_blocks(Blocks(blocks)) {
                prop_assert_eq!(lock.to_consensus(), blocks);
                prop_assert_eq!(lock.to_consensus() & !0xffff, 0);
                prop_assert!(lock.to_consensus() > 0);
            } else {
                prop_assert!(blocks == 0 || blocks > 65_535);
            }
        }

        #[test]
        fn a_time_lock_never_opens_early(seconds in 1u64..=65_535 * 512) {
            let lock = RelativeLock::from_seconds(seconds).expect("in range");
            prop_assert!(lock.expected_seconds() >= seconds);
            prop_assert!(lock.expected_seconds() < seconds + 512);
            prop_assert_eq!(lock.to_consensus() & !0x40_ffff, 0);
        }
    }
}
