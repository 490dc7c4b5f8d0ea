//! The virtual clock that stamps blocks.

use crate::units::{SECONDS_PER_BLOCK, UnixTime};

/// The time of the simulation.  It advances when blocks are mined or when it is told to.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What every true clock shows.
    pub now: UnixTime,
    /// Seconds from one block to the next.
    pub spacing: u32,
    /// Seconds by which miners' clocks are fast.
    pub skew: i32,
}

impl Clock {
    pub const fn new(now: UnixTime) -> Self {
        Self {
            now,
            spacing: SECONDS_PER_BLOCK,
            skew: 0,
        }
    }

    /// Advances to the moment of the next block.
    pub const fn tick(&mut self) {
        self.now = self.now.after_seconds(self.spacing);
    }

    /// What a block that is mined now carries after one with this median time past: the miner's
    /// time, and at least one second more than the median, as consensus demands.
    pub fn stamp(self, median_time_past: UnixTime) -> UnixTime {
        let miners_time = UnixTime(self.now.0.saturating_add_signed(self.skew));
        miners_time.max(median_time_past.after_seconds(1))
    }
}
