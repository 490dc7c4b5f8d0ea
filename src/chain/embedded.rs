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
mod clock;
mod faucet;
mod feerate;
mod judge;
mod mempool;
mod record;
mod reorg;
mod script;
mod standard;
mod template;
#[cfg(test)]
mod tests;
mod truc;

use std::sync::Arc;

use bitcoin::consensus::encode::serialize;
use bitcoin::{
    Amount, Block, BlockHash, FeeRate, Network, OutPoint, ScriptBuf, Transaction, Txid, constants,
};
use thiserror::Error;

pub use self::accept::RelayPolicy;
pub use self::faucet::FaucetError;
pub use self::record::{Record, RecordLine, RecordLineError};

use self::accept::{Arrival, Gate};
use self::block::{BlockPlan, build_block};
use self::branch::Branch;
use self::clock::Clock;
use self::judge::check_block_transactions;
use self::mempool::Mempool;
use self::record::Recorder;
use self::script::ScriptJudge;
use crate::chain::{ChainTip, Judge, Refusal, SeenOutput, SeenSpend, Verdict};
use crate::units::{BlockHeight, Blocks, CoinBirth, SECONDS_PER_BLOCK, UnixTime};

/// Blocks mined before the start.  Their rewards, 50 BTC each, are what the faucet has: 51 of them
/// are mature from the start, so 2,550 BTC, and the others soon after.
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

    /// A transaction of the active branch or the mempool.  Coinbase transactions are not kept.
    #[must_use]
    pub fn transaction(&self, txid: Txid) -> Option<&Transaction> {
        let confirmed = || self.branch.transaction(txid).map(|(found, _)| &**found);
        (self.pool.get(&txid))
            .map(|entry| &*entry.transaction)
            .or_else(confirmed)
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
        let (_, height) = self.branch.transaction(txid)?;
        self.branch.birth_at(height)
    }

    /// Every output ever paid to one of these scripts, spent or not: confirmed ones in the order of
    /// the branch, script by script, then unconfirmed ones.
    #[must_use]
    pub fn outputs(&self, scripts: &[ScriptBuf]) -> Vec<SeenOutput> {
        let confirmed = scripts
            .iter()
            .flat_map(|script| self.branch.outputs(script));
        let mut seen: Vec<_> = confirmed.collect();
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
    pub const fn set_mempool_min(&mut self, rate: FeeRate) {
        self.policy.mempool_min = rate;
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

/// Judging transactions.
impl EmbeddedChain {
    /// Offers a transaction to the mempool.
    ///
    /// # Errors
    ///
    /// With the first rule that refuses it.
    pub fn submit(&mut self, transaction: &Transaction) -> Verdict {
        match self.gate().judge(&self.pool, transaction, Arrival::Alone) {
            Ok(change) => {
                change.apply(&mut self.pool);
                Ok(())
            }
            Err(refused) => {
                let holding = self.with_unconfirmed_ancestors(&[transaction]);
                Err(self.judge_again(refused.refusal, holding))
            }
        }
    }

    /// Offers a transaction and a child that spends it; they are judged together if the parent is
    /// not good enough alone.
    ///
    /// # Errors
    ///
    /// With the rule that keeps the child out.  The parent can be in the mempool all the same.
    pub fn submit_package(&mut self, parent: &Transaction, child: &Transaction) -> Verdict {
        let gate = Gate {
            branch: &self.branch,
            policy: &self.policy,
            scripts: &self.scripts,
        };
        gate.take_package(&mut self.pool, parent, child)
            .map_err(|refusal| {
                let holding = self.with_unconfirmed_ancestors(&[parent, child]);
                self.judge_again(refusal, holding)
            })
    }

    /// What [`submit`](Self::submit) would say now, changing nothing.
    ///
    /// # Errors
    ///
    /// With the first rule that refuses it.
    pub fn test_accept(&self, transaction: &Transaction) -> Verdict {
        match self.gate().judge(&self.pool, transaction, Arrival::Alone) {
            Ok(_) => Ok(()),
            Err(refused) => {
                let holding = self.with_unconfirmed_ancestors(&[transaction]);
                let by = self.judge_of(&holding);
                let refusal = refused.refusal;
                Err(Refusal { by, ..refusal })
            }
        }
    }

    /// Whether a block on the present tip that holds this transaction alone would be valid.
    ///
    /// # Errors
    ///
    /// With the first rule of consensus that is broken, in the words for blocks.
    pub fn test_block_with(&self, transaction: &Transaction) -> Verdict {
        self.test_block(std::slice::from_ref(transaction)).map(drop)
    }

    fn gate(&self) -> Gate<'_> {
        Gate {
            branch: &self.branch,
            policy: &self.policy,
            scripts: &self.scripts,
        }
    }

    /// The fees of a block on the present tip with these transactions, if it is valid.
    fn test_block(&self, transactions: &[Transaction]) -> Result<Amount, Refusal> {
        let birth = self.branch.next_birth();
        check_block_transactions(transactions, &*self.branch, birth, &self.scripts)
    }

    fn judge_of(&self, holding: &[Transaction]) -> Judge {
        match self.test_block(holding) {
            Ok(_) => Judge::Relay,
            Err(_) => Judge::Consensus,
        }
    }

    /// These transactions and what they need from the mempool, parents first.
    fn with_unconfirmed_ancestors(&self, transactions: &[&Transaction]) -> Vec<Transaction> {
        let own: Vec<Txid> = transactions.iter().map(|own| own.compute_txid()).collect();
        let parents = (transactions.iter()).flat_map(|own| self.pool.parents(own));
        let mut ancestors = self.pool.with_ancestors(parents);
        ancestors.retain(|txid| !own.contains(txid));
        let sorted = self.pool.sorted(&ancestors);
        let ancestors = sorted.iter().filter_map(|txid| self.pool.get(txid));
        ancestors
            .map(|entry| &*entry.transaction)
            .chain(transactions.iter().copied())
            .cloned()
            .collect()
    }

    /// Finds out whether a block may hold what the mempool refused, and records that.
    fn judge_again(&mut self, refusal: Refusal, holding: Vec<Transaction>) -> Refusal {
        let verdict = self.test_block(&holding);
        let by = match verdict {
            Ok(_) => Judge::Relay,
            Err(_) => Judge::Consensus,
        };
        let is_known = matches!(
            &*refusal.class,
            "txn-already-in-mempool" | "txn-already-known"
        );
        let refusal = Refusal { by, ..refusal };
        let Some(mut recorder) = self.recorder.take() else {
            return refusal;
        };
        let last = holding.last().map(Transaction::compute_wtxid);
        // Without inputs a transaction has no encoding that a node could read.
        let has_inputs = holding.iter().all(|held| !held.input.is_empty());
        if !is_known && has_inputs && last.is_some_and(|wtxid| recorder.is_new(wtxid)) {
            match verdict {
                Ok(_) => recorder.wait(&refusal.class, holding),
                Err(block_refusal) => {
                    let block = self.build(holding, Amount::ZERO);
                    let bytes = serialize(&block).into_boxed_slice();
                    recorder.refused(&block_refusal.class, bytes, self.branch.next_height());
                }
            }
        }
        self.recorder = Some(recorder);
        refusal
    }
}

/// Mining.
impl EmbeddedChain {
    /// Mines a block with what the mempool holds at the going rate or above.
    pub fn mine_one(&mut self) -> Mined {
        self.mine_without(&[])
    }

    /// Mines so many blocks.
    pub fn mine(&mut self, blocks: u32) -> Vec<Mined> {
        (0..blocks).map(|_| self.mine_one()).collect()
    }

    /// Mines a block whose miner did not see these transactions.
    pub fn mine_without(&mut self, unseen: &[Txid]) -> Mined {
        let chosen = template::choose(&self.pool, self.going_rate, unseen);
        self.extend(chosen)
            .expect("the mempool holds only transactions that the next block may hold")
    }

    /// Mines a block without transactions.
    pub fn mine_empty(&mut self) -> Mined {
        self.extend(Vec::new())
            .expect("a block without transactions breaks no rule")
    }

    /// Mines a block with just these transactions, parents first, whatever relay policy and the
    /// mempool say of them.
    ///
    /// # Errors
    ///
    /// With the first rule of consensus that is broken; then nothing is mined.
    pub fn mine_with(&mut self, transactions: &[Transaction]) -> Result<Mined, Refusal> {
        self.extend(transactions.to_vec())
    }

    fn extend(&mut self, transactions: Vec<Transaction>) -> Result<Mined, Refusal> {
        let fees = self.test_block(&transactions)?;
        self.record_waiting();
        self.clock.tick();
        let block = self.build_now(transactions, fees);
        Arc::make_mut(&mut self.branch).connect(&block);
        let ChainTip { hash, time } = self.branch.tip();
        if let Some(recorder) = &mut self.recorder {
            recorder.mined(serialize(&block).into_boxed_slice(), hash, time.height);
        }
        let mined = block.txdata.get(1..).unwrap_or_default();
        let confirmed: Vec<_> = mined.iter().map(Transaction::compute_txid).collect();
        let evicted = self.clear_from_pool(mined, &confirmed);
        Ok(Mined {
            hash,
            height: time.height,
            confirmed,
            evicted,
        })
    }

    /// Removes what a block confirmed, and returns what had to leave because of it.
    fn clear_from_pool(&mut self, mined: &[Transaction], confirmed: &[Txid]) -> Vec<Txid> {
        confirmed.iter().for_each(|txid| self.pool.remove(txid));
        let spent = mined.iter().flat_map(|transaction| &transaction.input);
        let conflicts = spent.filter_map(|input| self.pool.spender(&input.previous_output));
        let leaving = self.pool.with_descendants(conflicts);
        let evicted = self.pool.sorted(&leaving);
        evicted.iter().for_each(|txid| self.pool.remove(txid));
        evicted
    }

    /// The block that would be mined next.
    fn build(&self, transactions: Vec<Transaction>, fees: Amount) -> Block {
        let mut clock = self.clock;
        clock.tick();
        self.build_at(clock, transactions, fees)
    }

    fn build_now(&self, transactions: Vec<Transaction>, fees: Amount) -> Block {
        self.build_at(self.clock, transactions, fees)
    }

    fn build_at(&self, clock: Clock, transactions: Vec<Transaction>, fees: Amount) -> Block {
        let before = self.branch.tip();
        build_block(BlockPlan {
            before,
            time: clock.stamp(before.time.median_time_past),
            transactions,
            fees,
            reward_script: &faucet::witness_script().to_p2wsh(),
            extra_nonce: self.reorgs,
        })
    }
}
