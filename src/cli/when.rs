//! Where the chain is, as somebody says it.

use clap::Args;

use super::export;
use crate::units::{BlockHeight, ChainTime, UnixTime};

/// Where the chain is.
///
/// No clock of this machine is asked: what is signed has the time of the chain.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct WhenArgs {
    /// The height of the chain
    #[arg(long, value_name = "N")]
    height: u32,
    /// The median time of the chain, which a node calls mediantime
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    median_time: UnixTime,
}

impl WhenArgs {
    /// As a command with arguments of its own has them.
    pub(super) const fn of(height: u32, median_time: UnixTime) -> Self {
        Self {
            height,
            median_time,
        }
    }

    /// The time of the chain.
    pub(super) const fn chain_time(self) -> ChainTime {
        ChainTime {
            height: BlockHeight(self.height),
            median_time_past: self.median_time,
        }
    }
}
