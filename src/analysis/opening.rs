//! From when on a way is open, and which of two ways certainly opens first.
//!
//! Consensus counts in two clocks, blocks and median time past, and promises nothing of how they
//! go together.  So that answers do not rest on a guess, a wait in blocks is a range of time here,
//! and a wait in time a range of blocks: between half and twice what ten minutes to a block make of
//! it, and a day more or less.  Two waits are in order only if that holds throughout the range.
//!
//! The range is wider than anything the main network has seen for long: the difficulty follows the
//! miners every 2,016 blocks, and over so many blocks the pace has stayed between six and fifteen
//! minutes since 2012.  The day is for luck, for clocks that are wrong, and for the median, which
//! lags behind.  Of test networks, where blocks come as somebody likes, it says nothing.

use std::cmp::Ordering;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::policy::{Direct, Period};
use crate::units::{AbsoluteLock, RelativeLock, SECONDS_PER_BLOCK};

/// The fewest seconds to a block, over long spans: half of what is aimed at.
const QUICK_BLOCK: u64 = SECONDS_PER_BLOCK as u64 / 2;

/// The most seconds to a block, over long spans: twice what is aimed at.
const SLOW_BLOCK: u64 = SECONDS_PER_BLOCK as u64 * 2;

/// The seconds by which any span of blocks can be quicker or slower than that.
///
/// If it were too small, a defender would be told that he is in time who is not.
const SLACK: u64 = 86_400;

/// The locks before a way: how old the coin must be in its stage, and what height or date it must
/// be for every coin.  Without either it is open from the first confirmation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opening {
    /// How long the coin must have rested in the stage.
    pub age: Option<RelativeLock>,
    /// The height or date before which it is closed for every coin.
    pub unlock: Option<AbsoluteLock>,
}

impl Opening {
    /// Open at once.
    #[must_use]
    pub const fn at_once() -> Self {
        Self {
            age: None,
            unlock: None,
        }
    }

    /// Open once the coin has rested so long.
    #[must_use]
    pub const fn after(age: RelativeLock) -> Self {
        Self {
            age: Some(age),
            unlock: None,
        }
    }

    pub(super) fn direct(terms: &Direct) -> Self {
        Self {
            // No leaf is without a lock of at least one block.
            age: Some(terms.delay().map_or(RelativeLock::ONE_BLOCK, Period::lock)),
            unlock: terms.unlock(),
        }
    }

    /// Whether the coin's age hardly matters: no wait, or that of one block.
    pub(super) fn is_ageless(&self) -> bool {
        self.age.is_none_or(|age| age == RelativeLock::ONE_BLOCK)
    }

    /// The age in seconds, ten minutes to a block.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.age.map_or(0, RelativeLock::expected_seconds)
    }

    /// Whether what is open at `self` certainly includes what opens at `other`: whenever the coin
    /// came in, and however fast blocks come.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        let is_dated = || match (other.unlock, self.unlock) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(first), Some(second)) => dates_are_in_order(first, second),
        };
        ages_are_in_order(other.age, self.age) && is_dated()
    }

    /// Whether this certainly opens in an earlier block than the other: whenever the coin came in,
    /// and however fast blocks come.
    ///
    /// A date by itself makes nothing certain: for a coin that comes in after it only ages count,
    /// and for one that came in long before it only dates do.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        let is_dated = || match (self.unlock, other.unlock) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(first), Some(second)) => date_is_before(first, second),
        };
        age_is_before(self.age, other.age) && is_dated()
    }

    /// In the order of a time line: by dates, then by ages, both as they are expected.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |opening: &Self| (opening.unlock_seconds(), opening.seconds());
        key(self).cmp(&key(other))
    }

    /// The absolute lock as seconds since 1970, an estimate for heights; zero without one.
    #[must_use]
    pub fn unlock_seconds(&self) -> u64 {
        /// The timestamp of the first block of the main network.
        const GENESIS: u64 = 1_231_006_505;
        match self.unlock {
            None => 0,
            Some(AbsoluteLock::Time(time)) => u64::from(time.0),
            Some(AbsoluteLock::Height(height)) => {
                GENESIS + u64::from(height.0) * u64::from(SECONDS_PER_BLOCK)
            }
        }
    }
}

/// The fewest seconds that so many blocks take.
const fn shortest(blocks: u64) -> u64 {
    (blocks * QUICK_BLOCK).saturating_sub(SLACK)
}

/// The most seconds that so many blocks take.
const fn longest(blocks: u64) -> u64 {
    blocks * SLOW_BLOCK + SLACK
}

/// Whether a wait is certainly over no later than another.
fn ages_are_in_order(first: Option<RelativeLock>, second: Option<RelativeLock>) -> bool {
    let (Some(first), Some(second)) = (first, second) else {
        return first.is_none();
    };
    match (counted(first), counted(second)) {
        (Span::Blocks(first), Span::Blocks(second))
        | (Span::Seconds(first), Span::Seconds(second)) => first <= second,
        // However long it takes, the first of the blocks comes first.
        (Span::Blocks(1), Span::Seconds(_)) => true,
        (Span::Blocks(blocks), Span::Seconds(seconds)) => longest(blocks - 1) < seconds,
        (Span::Seconds(seconds), Span::Blocks(blocks)) => seconds <= shortest(blocks),
    }
}

/// Whether a wait is certainly over in an earlier block than another.
fn age_is_before(first: Option<RelativeLock>, second: Option<RelativeLock>) -> bool {
    let (Some(first), Some(second)) = (first, second) else {
        return first.is_none() && second.is_some();
    };
    match (counted(first), counted(second)) {
        (Span::Blocks(first), Span::Blocks(second)) => first < second,
        (Span::Seconds(first), Span::Seconds(second)) => second > first + longest(1),
        (Span::Blocks(blocks), Span::Seconds(seconds)) => longest(blocks) < seconds,
        (Span::Seconds(seconds), Span::Blocks(blocks)) => seconds <= shortest(blocks - 1),
    }
}

/// Whether a date has certainly come when another has.  A height and a date say nothing of each
/// other.
const fn dates_are_in_order(first: AbsoluteLock, second: AbsoluteLock) -> bool {
    match (first, second) {
        (AbsoluteLock::Height(first), AbsoluteLock::Height(second)) => first.0 <= second.0,
        (AbsoluteLock::Time(first), AbsoluteLock::Time(second)) => first.0 <= second.0,
        _ => false,
    }
}

/// Whether a date has certainly come in an earlier block than another.
fn date_is_before(first: AbsoluteLock, second: AbsoluteLock) -> bool {
    match (first, second) {
        (AbsoluteLock::Height(first), AbsoluteLock::Height(second)) => first < second,
        (AbsoluteLock::Time(first), AbsoluteLock::Time(second)) => {
            u64::from(second.0) > u64::from(first.0) + longest(1)
        }
        _ => false,
    }
}

/// What a relative lock counts, one at least.
enum Span {
    Blocks(u64),
    /// Of median time past.
    Seconds(u64),
}

fn counted(lock: RelativeLock) -> Span {
    match lock {
        RelativeLock::Blocks(blocks) => Span::Blocks(u64::from(blocks.get())),
        RelativeLock::Units512(_) => Span::Seconds(lock.expected_seconds()),
    }
}

impl fmt::Display for Opening {
    /// Such as `2016 blocks`, `after height 900000`, or `at once`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.age, self.unlock) {
            (None, None) => f.write_str("at once"),
            (Some(age), None) => write!(f, "{age}"),
            (None, Some(unlock)) => write!(f, "after {unlock}"),
            (Some(age), Some(unlock)) => write!(f, "{age}, after {unlock}"),
        }
    }
}

impl Serialize for Opening {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut opening = serializer.serialize_struct("Opening", 4)?;
        opening.serialize_field("text", &self.to_string())?;
        opening.serialize_field("age", &self.age)?;
        opening.serialize_field("age_seconds", &self.seconds())?;
        opening.serialize_field("unlock", &self.unlock)?;
        opening.end()
    }
}
