//! From when on a way is open.

use std::cmp::Ordering;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::policy::{Direct, Period};
use crate::units::{AbsoluteLock, RelativeLock};

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

    /// Whether what is open at `self` includes what opens at `other`.
    ///
    /// Blocks and seconds of age are compared at ten minutes to a block, and so are heights and
    /// dates, the former counted from the first block of the network's main chain.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.seconds() <= self.seconds() && other.unlock_seconds() <= self.unlock_seconds()
    }

    /// Whether this opens before the other whenever a coin came in, as [`includes`](Self::includes)
    /// compares them: certain for locks of one kind, and an estimate between blocks and time.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        other.includes(self) && !self.includes(other)
    }

    /// In the order of a time line: by dates, then by ages.
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
                GENESIS + u64::from(height.0) * u64::from(crate::units::SECONDS_PER_BLOCK)
            }
        }
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
