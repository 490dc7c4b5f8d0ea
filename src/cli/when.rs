//! Where the chain is, as somebody says it or as the chain is asked.

use clap::Args;

use super::backend::{BackendArgs, now};
use super::render::Screen;
use super::replica::LedgerArgs;
use super::{Failure, export};
use crate::policy::Network;
use crate::units::{BlockHeight, ChainTime, UnixTime, format_date_time};

/// How far a block may be dated ahead of a node's clock (`MAX_FUTURE_BLOCK_TIME` in Bitcoin Core's
/// `src/chain.h`); a median time is never further.
const MAX_AHEAD: u32 = 2 * 60 * 60;

/// Where the chain is.
///
/// What is signed has the time of the chain, and never that of this machine's clock.
#[derive(Clone, Debug, Args)]
pub(super) struct WhenArgs {
    /// The height of the chain; without it the chain is asked
    #[arg(long, value_name = "N", requires = "median_time")]
    height: Option<u32>,
    /// The median time of the chain, which a node calls mediantime
    #[arg(long, value_name = "DATE", value_parser = export::date, requires = "height")]
    median_time: Option<UnixTime>,
    #[command(flatten)]
    backend: BackendArgs,
}

impl WhenArgs {
    /// The time of the chain: what is said, or else what the chain answers that is named or that
    /// the vault of the ledger goes by.
    pub(super) fn chain_time(
        &self,
        screen: &Screen,
        ledger: &LedgerArgs,
        network: Network,
    ) -> Result<ChainTime, Failure> {
        if let (Some(height), Some(median_time_past)) = (self.height, self.median_time) {
            return Ok(ChainTime {
                height: BlockHeight(height),
                median_time_past,
            });
        }
        let address = match ledger.vault() {
            Some(vault) => vault.address(&self.backend)?,
            None => self.backend.address()?,
        };
        let address = address.ok_or(Failure::NoChainTime)?;
        let birth = BlockHeight::GENESIS;
        let reached = (self.backend).open_at(&address, network.to_bitcoin(), birth, None)?;
        let tip = reached.chain.tip().map_err(|error| reached.failed(error))?;
        // What is dated far ahead would wait with everything that its author says later.
        let median = tip.time.median_time_past;
        if !is_possible(network, median, now()) {
            return Err(Failure::FutureTip {
                address: reached.address,
                median: format_date_time(median),
            });
        }
        if let (_, Err(stale)) = reached.freshness()? {
            screen.note(&format!("{}: {stale}", reached.address));
        }
        Ok(tip.time)
    }
}

/// Whether a chain can have this median time when a clock shows that.  Chains for practice have
/// clocks of their own.
fn is_possible(network: Network, median: UnixTime, clock: UnixTime) -> bool {
    network == Network::Regtest || median.0 <= clock.0.saturating_add(MAX_AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_median_time_is_two_hours_ahead() {
        let clock = UnixTime(1_767_225_600);
        for (ahead, is_so) in [(7_199, true), (7_200, true), (7_201, false)] {
            let median = UnixTime(clock.0 + ahead);
            assert_eq!(is_possible(Network::Bitcoin, median, clock), is_so);
            assert!(is_possible(Network::Regtest, median, clock));
        }
        assert!(is_possible(Network::Bitcoin, UnixTime(0), clock));
    }
}
