//! Periods: a duration as it was written, and the lock it becomes.

use std::fmt;

use serde::Serialize;

use crate::units::RelativeLock;

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
