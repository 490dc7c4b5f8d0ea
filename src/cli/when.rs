//! Where the chain is, as somebody says it or as the chain is asked.

use clap::Args;

use super::backend::BackendArgs;
use super::render::Screen;
use super::replica::LedgerArgs;
use super::{Failure, export};
use crate::policy::Network;
use crate::units::{BlockHeight, ChainTime, UnixTime};

/// Where the chain is.
///
/// No clock of this machine is asked: what is signed has the time of the chain.
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
        let network = network.to_bitcoin();
        let reached = (self.backend).open_at(&address, network, BlockHeight::GENESIS, None)?;
        let tip = reached.chain.tip().map_err(|error| reached.failed(error))?;
        if let (_, Err(stale)) = reached.freshness()? {
            screen.note(&format!("{}: {stale}", reached.address));
        }
        Ok(tip.time)
    }
}
