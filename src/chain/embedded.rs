//! A regtest chain in memory: real blocks, real scripts, a virtual clock.
//!
//! [`EmbeddedChain`] mines blocks in consensus encoding that any node on regtest accepts, and runs
//! every input through the script interpreter of Bitcoin Core.  It is deterministic: the same calls
//! give the same bytes, as there is no randomness, no clock of the machine and no thread in it.
//!
//! The consensus rules here are written again after Bitcoin Core, except for scripts, and so are
//! those of relay policy, which follow Bitcoin Core 31 with default settings.  That they agree is
//! not a matter of belief: [`EmbeddedChain::recorded`] writes everything down for a real node.
//!
//! Not modelled: the network (every transaction reaches everybody at once), expiry and size limit
//! of the mempool (set [`EmbeddedChain::set_mempool_min`] instead), and the stricter script flags
//! of relay policy (such as minimal `OP_IF` arguments in P2WSH).

mod accept;
mod backend;
mod block;
mod branch;
mod candidate;
mod clock;
mod faucet;
mod feerate;
mod frozen;
mod judge;
mod mempool;
mod mine;
mod package;
mod record;
mod reorg;
mod replace;
mod script;
mod standard;
mod submit;
mod template;
#[cfg(test)]
mod tests;
mod truc;

use std::sync::Arc;

use bitcoin::{
    Amount, BlockHash, FeeRate, Network, OutPoint, ScriptBuf, Transaction, Txid, constants,
};
use thiserror::Error;

pub use self::candidate::RelayPolicy;
pub use self::faucet::FaucetError;
pub use self::frozen::FrozenError;
pub use self::record::{Record, RecordLine, RecordLineError};

use self::branch::Branch;
use self::clock::Clock;
use self::mempool::Mempool;
use self::record::Recorder;
use self::script::ScriptJudge;
use crate::chain::{ChainTip, Refusal, SeenOutput, SeenSpend};
use crate::units::{BlockHeight, Blocks, CoinBirth, SECONDS_PER_BLOCK, UnixTime};

/// Blocks mined before the start.  Their rewards are what the faucet has: 50 BTC each but for the
/// last, 2,550 BTC of it mature from the start and the others soon after.
const PREMINED: u32 = 150;

/// The least that the faucet pays for its own transactions: one satoshi per vbyte.
const FAUCET_RATE: FeeRate = FeeRate::from_sat_per_kwu(250);

/// A block was mined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: BlockHeight,
    /// The transactions that it confirmed, the coinbase transaction apart.
    pub confirmed: Vec<Txid>,
    /// The transactions that left the mempool because they conflict with a confirmed one, or
    /// depend on one that does.
    pub evicted: Vec<Txid>,
}

/// Blocks were disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorg {
    /// The blocks that are no longer on the active branch, the highest first.
    pub disconnected: Vec<BlockHash>,
    /// The transactions that went from those blocks back to the mempool.
    pub returned: Vec<Txid>,
    /// The transactions, from those blocks or from the mempool, that the mempool does not hold any
    /// more, and why.
    pub dropped: Vec<(Txid, Refusal)>,
}

/// More blocks were to be disconnected than were mined since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{depth} cannot be disconnected: only {mined} were mined since the start")]
pub struct ReorgTooDeep {
    /// How many were to be disconnected.
    pub depth: Blocks,
    /// How many there are.
    pub mined: Blocks,
}

/// A regtest chain with its mempool, its miners, a faucet and a virtual clock.
#[derive(Debug)]
pub struct EmbeddedChain {
    branch: Arc<Branch>,
    pool: Mempool,
    policy: RelayPolicy,
    going_rate: FeeRate,
    clock: Clock,
    /// Reorgs so far.  It stands in coinbase transactions, so that no two branches share one.
    reorgs: u32,
    scripts: ScriptJudge,
    recorder: Option<Box<Recorder>>,
}

impl EmbeddedChain {
    /// A chain whose clock shows `start`.  The faucet's blocks were mined before.
    ///
    /// The genesis block of regtest has a timestamp of 2011; with an earlier start the timestamps
    /// of blocks run ahead of the clock until it has caught up.
    #[must_use]
    pub fn new(start: UnixTime) -> Self {
        Self::begin(start, None)
    }

    /// The same chain, which also records everything from the first block on.
    ///
    /// A record needs memory: about 300 bytes for an empty block.
    #[must_use]
    pub fn recorded(start: UnixTime) -> Self {
        let genesis = constants::genesis_block(Network::Regtest);
        Self::begin(start, Some(Recorder::new(genesis.block_hash())))
    }

    fn begin(start: UnixTime, recorder: Option<Recorder>) -> Self {
        let premine_time = UnixTime(start.0.saturating_sub(PREMINED * SECONDS_PER_BLOCK));
        let mut chain = Self {
            branch: Arc::new(Branch::new(&constants::genesis_block(Network::Regtest))),
            pool: Mempool::default(),
            policy: RelayPolicy::default(),
            going_rate: FeeRate::ZERO,
            clock: Clock::new(premine_time),
            reorgs: 0,
            scripts: ScriptJudge::default(),
            recorder: recorder.map(Box::new),
        };
        chain.mine(PREMINED);
        chain.clock.now = start;
        chain
    }

    /// A copy that goes its own way from here, for trying things out.  It records nothing.
    ///
    /// The copy shares the blocks and coins with the original until one of them mines.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            branch: Arc::clone(&self.branch),
            pool: self.pool.clone(),
            scripts: self.scripts.clone(),
            recorder: None,
            ..*self
        }
    }

    /// The tip of the active branch.
    #[must_use]
    pub fn tip(&self) -> ChainTip {
        self.branch.tip()
    }

    /// A block of the active branch in consensus encoding.
    #[must_use]
    pub fn block(&self, height: BlockHeight) -> Option<&[u8]> {
        self.branch.block(height).map(|block| &*block.bytes)
    }

    /// The hash of a block of the active branch.
    #[must_use]
    pub fn block_hash(&self, height: BlockHeight) -> Option<BlockHash> {
        self.branch.block_hash(height)
    }

    /// A transaction of the active branch or the mempool, but for [coinbase](Self::coinbase)
    /// transactions.
    #[must_use]
    pub fn transaction(&self, txid: Txid) -> Option<&Transaction> {
        let confirmed = || self.branch.transaction(txid).map(|(found, _)| &**found);
        (self.pool.get(&txid))
            .map(|entry| &*entry.transaction)
            .or_else(confirmed)
    }

    /// A coinbase transaction of the active branch, if it has paid anybody.
    #[must_use]
    pub fn coinbase(&self, txid: Txid) -> Option<Transaction> {
        self.branch.coinbase(txid).map(|(coinbase, _)| coinbase)
    }

    /// The transactions in the mempool, parents before children, with their fees.
    pub fn mempool(&self) -> impl Iterator<Item = (&Transaction, Amount)> {
        self.pool
            .in_order()
            .map(|(_, entry)| (&*entry.transaction, entry.fee))
    }

    /// Whether a transaction waits in the mempool.
    #[must_use]
    pub fn in_mempool(&self, txid: Txid) -> bool {
        self.pool.contains(&txid)
    }

    /// When a transaction was confirmed on the active branch, if it was.
    #[must_use]
    pub fn confirmation(&self, txid: Txid) -> Option<CoinBirth> {
        let height = match self.branch.transaction(txid) {
            Some((_, height)) => height,
            None => self.branch.coinbase(txid)?.1,
        };
        self.branch.birth_at(height)
    }

    /// Every output ever paid to one of these scripts, spent or not: confirmed ones by the height
    /// of their block, then unconfirmed ones.
    #[must_use]
    pub fn outputs(&self, scripts: &[ScriptBuf]) -> Vec<SeenOutput> {
        let confirmed = scripts
            .iter()
            .flat_map(|script| self.branch.outputs(script));
        let mut seen: Vec<_> = confirmed.collect();
        seen.sort_by_key(|output| output.birth.map(|birth| birth.height));
        for (txid, entry) in self.pool.in_order() {
            let outputs = (0u32..).zip(&entry.transaction.output);
            let ours = outputs.filter(|(_, output)| scripts.contains(&output.script_pubkey));
            seen.extend(ours.map(|(vout, output)| SeenOutput {
                outpoint: OutPoint { txid, vout },
                output: output.clone(),
                birth: None,
                spend: None,
            }));
        }
        for output in &mut seen {
            if output.spend.is_none() {
                output.spend = self.unconfirmed_spend(&output.outpoint);
            }
        }
        seen
    }

    fn unconfirmed_spend(&self, outpoint: &OutPoint) -> Option<SeenSpend> {
        let txid = self.pool.spender(outpoint)?;
        let entry = self.pool.get(&txid)?;
        Some(SeenSpend {
            txid,
            transaction: Arc::clone(&entry.transaction),
            height: None,
        })
    }
}

/// Time, and what miners and nodes ask for.
impl EmbeddedChain {
    /// What the virtual clock shows.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        self.clock.now
    }

    /// Lets time pass without a block.
    pub const fn advance_clock(&mut self, seconds: u32) {
        self.clock.now = self.clock.now.after_seconds(seconds);
    }

    /// Sets the seconds between blocks, 600 unless told.
    pub const fn set_block_spacing(&mut self, seconds: u32) {
        self.clock.spacing = seconds;
    }

    /// Sets by how many seconds the timestamps of miners run ahead of the clock, or behind it.
    pub const fn set_skew(&mut self, seconds: i32) {
        self.clock.skew = seconds;
    }

    /// The feerates that relay policy asks for.
    #[must_use]
    pub const fn relay_policy(&self) -> RelayPolicy {
        self.policy
    }

    /// Sets the minimum feerate of the mempool, as a node whose mempool runs full does.
    ///
    /// Transactions below it that are already in the mempool stay.
    pub fn set_mempool_min(&mut self, rate: FeeRate) {
        self.policy.mempool_min = rate;
        if let Some(recorder) = &mut self.recorder {
            recorder.floor(rate);
        }
    }

    /// The feerate that it takes to be mined in the next block, zero unless told.
    #[must_use]
    pub const fn going_rate(&self) -> FeeRate {
        self.going_rate
    }

    /// Sets the feerate that it takes to be mined in the next block.  What pays less stays in the
    /// mempool.
    pub const fn set_going_rate(&mut self, rate: FeeRate) {
        self.going_rate = rate;
    }

    /// Puts a payment of the faucet into the mempool and returns its output.  The next block that
    /// is mined at the going rate of now confirms it.
    ///
    /// # Errors
    ///
    /// If the faucet has too few confirmed coins, or the mempool refuses the payment, for example
    /// because the amount is dust.
    pub fn fund(&mut self, script: ScriptBuf, amount: Amount) -> Result<OutPoint, FaucetError> {
        let rate = FAUCET_RATE
            .max(self.policy.mempool_min)
            .max(self.going_rate);
        let payment = faucet::build_payment(&self.branch, &self.pool, script, amount, rate)?;
        self.submit(&payment)?;
        Ok(OutPoint::new(payment.compute_txid(), 0))
    }
}
