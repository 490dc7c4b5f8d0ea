//! Periods: a duration as it was written, and the lock it becomes.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::units::{Blocks, RelativeLock, RelativeLockError, SECONDS_PER_BLOCK};

/// Which clock a relative lock counts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Blocks: days become 144 blocks each.  A miner cannot forward-date a height.
    #[default]
    Blocks,
    /// Median time past in units of 512 seconds.
    Time,
}

impl Clock {
    /// All clocks with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 2] = [("blocks", Self::Blocks), ("time", Self::Time)];
}

/// A duration that fits a relative lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    pub(in crate::policy) text: String,
    pub(in crate::policy) lock: RelativeLock,
}

impl Period {
    /// The duration as the policy writes it, such as `14 days`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lock it becomes.
    #[must_use]
    pub const fn lock(&self) -> RelativeLock {
        self.lock
    }
}

impl fmt::Display for Period {
    /// As written, with the blocks or seconds it stands for: `14 days (2016 blocks)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock = self.lock.to_string();
        if lock == self.text {
            f.write_str(&lock)
        } else {
            write!(f, "{} ({lock})", self.text)
        }
    }
}

/// A duration as it was written, such as `30 days`: a whole number of some unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    count: u64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Blocks,
    Minutes,
    Hours,
    Days,
    Weeks,
}

impl Unit {
    const ALL: [(&'static str, &'static str, Self); 5] = [
        ("block", "blocks", Self::Blocks),
        ("minute", "minutes", Self::Minutes),
        ("hour", "hours", Self::Hours),
        ("day", "days", Self::Days),
        ("week", "weeks", Self::Weeks),
    ];

    /// None for blocks.
    const fn minutes(self) -> Option<u64> {
        match self {
            Self::Blocks => None,
            Self::Minutes => Some(1),
            Self::Hours => Some(60),
            Self::Days => Some(24 * 60),
            Self::Weeks => Some(7 * 24 * 60),
        }
    }
}

impl Duration {
    /// Whether its number is beyond 64 bits, so that it cannot be told exactly.
    pub(in crate::policy) const fn is_beyond_counting(self) -> bool {
        self.count == u64::MAX
    }

    /// The blocks that are expected in it, at most [`u32::MAX`].
    #[must_use]
    pub fn expected_blocks(self) -> Blocks {
        Blocks(u32::try_from(self.blocks()).unwrap_or(u32::MAX))
    }

    /// The same, not bounded; minutes that are no whole block count as one.
    fn blocks(self) -> u64 {
        let minutes_per_block = u64::from(SECONDS_PER_BLOCK / 60);
        match self.unit.minutes() {
            None => self.count,
            Some(minutes) => self
                .count
                .saturating_mul(minutes)
                .div_ceil(minutes_per_block),
        }
    }

    /// The lock of this duration on a clock, rounded up to what the clock can count.
    pub(in crate::policy) fn period(self, clock: Clock) -> Result<Period, PeriodError> {
        let lock = match (clock, self.unit.minutes()) {
            (Clock::Blocks, _) => RelativeLock::from_blocks(self.expected_blocks())?,
            (Clock::Time, None) => return Err(PeriodError::BlocksOnTimeClock),
            (Clock::Time, Some(minutes)) => {
                RelativeLock::from_seconds(self.count.saturating_mul(minutes * 60))?
            }
        };
        Ok(Period {
            text: self.to_string(),
            lock,
        })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::ALL.iter().find(|(_, _, unit)| *unit == self.unit);
        let unit = unit.map_or(
            "",
            |(one, many, _)| if self.count == 1 { one } else { many },
        );
        write!(f, "{} {unit}", self.count)
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(DurationError::Malformed);
        }
        let unit = unit.trim();
        if unit.is_empty() {
            return Err(DurationError::NoUnit);
        }
        let unit = Unit::ALL
            .iter()
            .find(|(one, many, _)| unit == *one || unit == *many)
            .map(|(_, _, unit)| *unit)
            .ok_or(DurationError::UnknownUnit)?;
        // Whatever does not fit is too long for every lock, and is reported as that.
        let count = number.parse().unwrap_or(u64::MAX);
        Ok(Self { count, unit })
    }
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// A bare number.
    #[error("the duration has no unit: `blocks`, `minutes`, `hours`, `days` or `weeks`")]
    NoUnit,
    /// Does not begin with a whole number.
    #[error("this is no duration; write such as `14 days`")]
    Malformed,
    /// A whole number of something else.
    #[error("the duration needs a whole number of `blocks`, `minutes`, `hours`, `days` or `weeks`")]
    UnknownUnit,
}

/// Why a duration is no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(in crate::policy) enum PeriodError {
    #[error(transparent)]
    Lock(#[from] RelativeLockError),
    #[error("a path on the time clock cannot count blocks")]
    BlocksOnTimeClock,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(text: &str, clock: Clock) -> Result<u32, PeriodError> {
        let duration: Duration = text.parse().expect("a duration");
        duration
            .period(clock)
            .map(|period| period.lock.to_consensus())
    }

    #[test]
    fn units_become_blocks_or_seconds() {
        assert_eq!(period("1 hour", Clock::Blocks), Ok(6));
        assert_eq!(period("14 days", Clock::Blocks), Ok(2016));
        assert_eq!(period("2 weeks", Clock::Blocks), Ok(2016));
        assert_eq!(period("2016 blocks", Clock::Blocks), Ok(2016));
        // 86,400 s are 168.75 units, and a delay rounds up.
        assert_eq!(period("1 day", Clock::Time), Ok(0x40_0000 | 169));
        assert_eq!(
            period("1 block", Clock::Time),
            Err(PeriodError::BlocksOnTimeClock)
        );
    }

    #[test]
    fn the_longest_lock_and_one_more() {
        assert_eq!(period("65535 blocks", Clock::Blocks), Ok(65_535));
        assert!(period("65536 blocks", Clock::Blocks).is_err());
        assert_eq!(period("455 days", Clock::Blocks), Ok(65_520));
        assert!(period("456 days", Clock::Blocks).is_err());
        assert!(period("388 days", Clock::Time).is_ok());
        assert!(period("389 days", Clock::Time).is_err());
        for huge in ["4294967297 blocks", "99999999999999999999999 weeks"] {
            assert!(period(huge, Clock::Blocks).is_err(), "{huge}");
        }
        assert!(period("99999999999999999999999 weeks", Clock::Time).is_err());
    }

    #[test]
    fn what_is_no_duration() {
        let parse = |text: &str| {
            text.parse::<Duration>()
                .map(|duration| duration.to_string())
        };
        assert_eq!(parse("14"), Err(DurationError::NoUnit));
        assert_eq!(parse("14 fortnights"), Err(DurationError::UnknownUnit));
        assert_eq!(parse("1.5 days"), Err(DurationError::UnknownUnit));
        for bad in ["", "days", "-1 days", "fourteen days", "٣ days"] {
            assert_eq!(parse(bad), Err(DurationError::Malformed), "{bad}");
        }
        assert_eq!(parse(" 1days "), Ok("1 day".to_owned()));
    }

    proptest! {
        #[test]
        fn written_again_it_means_the_same(count in 0u64..100_000, unit in 0usize..4) {
            let text = format!("{count} {}", Unit::ALL[unit].1);
            let once: Duration = text.parse().expect("a duration");
            let twice: Duration = once.to_string().parse().expect("its own form");
            prop_assert_eq!(once, twice);
        }
    }
}
