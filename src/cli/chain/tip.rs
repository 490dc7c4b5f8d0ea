//! `longstop chain tip`: where a chain stands.

use clap::Args;
use serde::Serialize;

use crate::cli::backend::BackendArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::policy::Network;
use crate::units::{BlockHeight, UnixTime};

/// Show where a chain stands, and whether it may be believed
///
/// A backend on another network is refused. One that is behind, or whose newest block is old, gives
/// exit code 6. With --also, so are backends that are on different branches.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: backend, network, height, hash, median_time, stamped (the timestamp of the newest block),\nfresh and stale (why it is not, or null)."
)]
pub(super) struct ShowTip {
    #[command(flatten)]
    backend: BackendArgs,
    /// The network that the backend must be on
    #[arg(long, value_name = "NETWORK", default_value = "regtest", value_parser = network)]
    network: Network,
}

fn network(text: &str) -> Result<Network, String> {
    let found = Network::ALL.iter().find(|(word, _)| *word == text);
    found.map(|(_, network)| *network).ok_or_else(|| {
        let words: Vec<_> = Network::ALL.iter().map(|(word, _)| *word).collect();
        format!("it is one of {}", words.join(", "))
    })
}

/// Where a chain stands.
#[derive(Serialize)]
pub(in crate::cli) struct Tip {
    pub backend: String,
    pub network: Network,
    pub height: BlockHeight,
    pub hash: bitcoin::BlockHash,
    pub median_time: UnixTime,
    pub stamped: UnixTime,
    pub fresh: bool,
    pub stale: Option<String>,
}

impl ShowTip {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let network = self.network;
        let birth = BlockHeight(u32::MAX);
        let reached = self.backend.open(network.to_bitcoin(), birth, None)?;
        let tip = reached.chain.tip();
        let tip = tip.map_err(|source| reached.failed(source))?;
        let (freshness, verdict) = reached.freshness()?;
        let shown = Tip {
            backend: reached.address.clone(),
            network,
            height: tip.time.height,
            hash: tip.hash,
            median_time: tip.time.median_time_past,
            stamped: freshness.stamped,
            fresh: verdict.is_ok(),
            stale: verdict.err().map(|stale| stale.to_string()),
        };
        screen.show(&shown, |width| render::tip(&shown, width))?;
        Ok(if shown.fresh { Exit::Ok } else { Exit::Pending })
    }
}
