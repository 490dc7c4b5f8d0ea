//! Mining on the active branch.

use std::sync::Arc;

use bitcoin::consensus::encode::serialize;
use bitcoin::{Amount, Block, Script, Transaction, Txid};

use super::block::{BlockPlan, build_block};
use super::clock::Clock;
use super::{EmbeddedChain, Mined, faucet, template};
use crate::chain::{ChainTip, Refusal};

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

    /// Mines a block whose reward goes to this script, with what the mempool holds at the going rate
    /// or above.
    pub fn mine_to(&mut self, script: &Script) -> Mined {
        let chosen = template::choose(&self.pool, self.going_rate, &[]);
        self.extend_to(chosen, script)
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
        self.extend_to(transactions, &faucet::witness_script().to_p2wsh())
    }

    fn extend_to(
        &mut self,
        transactions: Vec<Transaction>,
        reward: &Script,
    ) -> Result<Mined, Refusal> {
        let fees = self.test_block(&transactions)?;
        self.record_waiting();
        self.clock.tick();
        let block = self.build_at(self.clock, transactions, fees, reward);
        Arc::make_mut(&mut self.branch).connect(&block);
        let ChainTip { hash, time } = self.branch.tip();
        if let Some(recorder) = &mut self.recorder {
            recorder.mined(serialize(&block).into_boxed_slice(), self.branch.tip());
        }
        let mined = block.txdata.get(1..).unwrap_or_default();
        let confirmed: Vec<_> = mined.iter().map(Transaction::compute_txid).collect();
        let evicted = self.clear_from_pool(mined, &confirmed);
        self.record_pool();
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
    pub(super) fn build(&self, transactions: Vec<Transaction>, fees: Amount) -> Block {
        let mut clock = self.clock;
        clock.tick();
        let reward = faucet::witness_script().to_p2wsh();
        self.build_at(clock, transactions, fees, &reward)
    }

    fn build_at(
        &self,
        clock: Clock,
        transactions: Vec<Transaction>,
        fees: Amount,
        reward: &Script,
    ) -> Block {
        let before = self.branch.tip();
        build_block(BlockPlan {
            before,
            time: clock.stamp(before.time.median_time_past),
            transactions,
            fees,
            reward_script: &reward.to_owned(),
            extra_nonce: self.reorgs,
        })
    }
}
