//! `longstop chain mine`: a chain for rehearsals goes on.

use std::path::PathBuf;
use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, BlockHash, FeeRate, Network, OutPoint, Txid};
use clap::Args;
use serde::Serialize;

use crate::chain::{ChainFile, ChainFileError, EmbeddedChain};
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure, export, input};
use crate::units::{BlockHeight, Blocks, UnixTime};

/// 2026-01-01, the day on which a new chain begins unless told otherwise.
const START: UnixTime = UnixTime(1_767_225_600);

/// The most blocks at once: ten years of them.
const MAX_BLOCKS: i64 = 525_600;

/// Mine blocks on a regtest chain that lives in a file
///
/// The chain is for rehearsals: it has a clock of its own, blocks come ten minutes apart, and a
/// faucet pays whoever asks. Where the file is not there, the chain begins with 150 blocks. Other
/// commands reach it as embedded:FILE.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: chain, height, hash, median_time, paid [address, sats, outpoint], abandoned [block] and\nmined [height, hash, confirmed [txid], evicted [txid]]."
)]
pub(super) struct Mine {
    /// The file of the chain
    file: PathBuf,
    /// Mine so many blocks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=MAX_BLOCKS))]
    blocks: u32,
    /// Have the faucet pay an address first
    #[arg(long, value_name = "ADDRESS:SATS")]
    pay: Vec<Payment>,
    /// Abandon the newest blocks before anything else; their transactions wait again
    #[arg(long, value_name = "N", default_value_t = 0)]
    reorg: u32,
    /// Have the miners ask this from now on, in sat/vB; 0 for nothing
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u64).range(0..=10_000))]
    feerate: Option<u64>,
    /// The day on which a new chain begins
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    start: Option<UnixTime>,
}

/// Somebody to be paid.
#[derive(Clone, Debug)]
struct Payment {
    address: Address,
    amount: Amount,
}

impl FromStr for Payment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write an address and an amount in satoshi, such as bcrt1q...:250000";
        let (address, sats) = text.split_once(':').ok_or(form)?;
        let address: Address<NetworkUnchecked> = address
            .parse()
            .map_err(|error| format!("no address stands before the colon: {error}"))?;
        let address = address
            .require_network(Network::Regtest)
            .map_err(|_| "the address is of another network; the chain is a regtest chain")?;
        let sats: u64 = sats.parse().map_err(|_| form)?;
        let amount = Amount::from_sat(sats);
        Ok(Self { address, amount })
    }
}

/// What happened to a chain.
#[derive(Serialize)]
pub(in crate::cli) struct MinedBlocks {
    pub chain: String,
    pub height: BlockHeight,
    pub hash: BlockHash,
    pub median_time: UnixTime,
    pub paid: Vec<Paid>,
    pub abandoned: Vec<BlockHash>,
    pub mined: Vec<MinedBlock>,
}

/// A payment of the faucet.
#[derive(Serialize)]
pub(in crate::cli) struct Paid {
    pub address: String,
    pub sats: u64,
    pub outpoint: OutPoint,
}

/// A block that was mined.
#[derive(Serialize)]
pub(in crate::cli) struct MinedBlock {
    height: BlockHeight,
    hash: BlockHash,
    confirmed: Vec<Txid>,
    evicted: Vec<Txid>,
}

impl Mine {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut chain = match ChainFile::open(&self.file) {
            Err(ChainFileError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                let new = EmbeddedChain::new(self.start.unwrap_or(START));
                ChainFile::create(&self.file, &new)
            }
            opened => opened,
        }
        .map_err(Failure::Chain)?;
        let asks = self.feerate.is_some();
        if self.blocks == 0 && self.pay.is_empty() && self.reorg == 0 && !asks {
            let shown = chain
                .ask(|chain| self.shown(chain))
                .map_err(Failure::Chain)?;
            screen.show(&shown, |width| render::mined(&shown, width))?;
            return Ok(Exit::Ok);
        }
        let result = chain.change(|chain| {
            // A copy first: what fails halfway must not be written.
            let mut next = chain.fork();
            let shown = self.act(&mut next)?;
            *chain = next;
            Ok::<_, Failure>(shown)
        });
        let shown = result.map_err(Failure::Chain)??;
        screen.show(&shown, |width| render::mined(&shown, width))?;
        Ok(Exit::Ok)
    }

    fn act(&self, chain: &mut EmbeddedChain) -> Result<MinedBlocks, Failure> {
        let failed = |reason: String| Failure::Mine {
            file: input::file_name(&self.file),
            reason,
        };
        if let Some(feerate) = self.feerate.and_then(FeeRate::from_sat_per_vb) {
            chain.set_going_rate(feerate);
        }
        let mut abandoned = Vec::new();
        if self.reorg > 0 {
            let reorg = chain.reorg(Blocks(self.reorg), &[]);
            abandoned = reorg
                .map_err(|error| failed(error.to_string()))?
                .disconnected;
        }
        let mut paid = Vec::new();
        for Payment { address, amount } in &self.pay {
            let outpoint = chain
                .fund(address.script_pubkey(), *amount)
                .map_err(|error| failed(error.to_string()))?;
            paid.push(Paid {
                address: address.to_string(),
                sats: amount.to_sat(),
                outpoint,
            });
        }
        let mined = chain.mine(self.blocks).into_iter().map(|block| MinedBlock {
            height: block.height,
            hash: block.hash,
            confirmed: block.confirmed,
            evicted: block.evicted,
        });
        let mined = mined.collect();
        Ok(MinedBlocks {
            paid,
            abandoned,
            mined,
            ..self.shown(chain)
        })
    }

    fn shown(&self, chain: &EmbeddedChain) -> MinedBlocks {
        let tip = chain.tip();
        MinedBlocks {
            chain: input::file_name(&self.file),
            height: tip.time.height,
            hash: tip.hash,
            median_time: tip.time.median_time_past,
            paid: Vec::new(),
            abandoned: Vec::new(),
            mined: Vec::new(),
        }
    }
}
