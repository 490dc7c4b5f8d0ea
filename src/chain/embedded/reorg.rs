//! Reorgs, and the end of a record.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::consensus::encode::serialize;
use bitcoin::{Transaction, Txid};

use super::accept::Arrival;
use super::record::{FOLLOWS_ANOTHER_BRANCH, Record, RelayCase};
use super::{EmbeddedChain, PREMINED, Reorg, ReorgTooDeep};
use crate::units::{BlockHeight, Blocks};

impl EmbeddedChain {
    /// Disconnects the highest blocks and puts their transactions back into the mempool, except
    /// those to `forget`.
    ///
    /// The tip is then lower than before, as a node sees it for a moment.  To make it a reorg as
    /// the network sees it, mine at least one block more than were disconnected: they differ from
    /// the old ones.
    ///
    /// What the mempool takes back pays for its size already, so the limits on fees and on
    /// version-3 topology do not apply to it, as in Bitcoin Core.
    ///
    /// # Errors
    ///
    /// If so many blocks were not mined since the start; then nothing changes.
    pub fn reorg(&mut self, depth: Blocks, forget: &[Txid]) -> Result<Reorg, ReorgTooDeep> {
        let mined = self.tip().time.height - BlockHeight(PREMINED);
        if depth > mined {
            return Err(ReorgTooDeep { depth, mined });
        }
        self.record_waiting();
        self.reorgs += 1;
        if let Some(recorder) = &mut self.recorder {
            recorder.reorg(depth, forget);
        }
        let branch = Arc::make_mut(&mut self.branch);
        let mut disconnected = Vec::new();
        let mut blocks = Vec::new();
        for _ in 0..depth.0 {
            disconnected.push(branch.tip().hash);
            blocks.extend(branch.disconnect());
        }
        let returning = blocks
            .iter()
            .rev()
            .flat_map(|block| block.transactions.iter());
        let returning: Vec<_> = returning.cloned().collect();
        let from_blocks: BTreeSet<_> = returning.iter().map(|own| own.compute_txid()).collect();
        let old_pool = std::mem::take(&mut self.pool);
        let waiting = old_pool
            .in_order()
            .map(|(_, entry)| Arc::clone(&entry.transaction));
        let mut reorg = Reorg {
            disconnected,
            returned: Vec::new(),
            dropped: Vec::new(),
        };
        for transaction in returning.into_iter().chain(waiting) {
            self.take_back(&transaction, forget, &from_blocks, &mut reorg);
        }
        self.record_pool();
        Ok(reorg)
    }

    fn take_back(
        &mut self,
        transaction: &Transaction,
        forget: &[Txid],
        from_blocks: &BTreeSet<Txid>,
        reorg: &mut Reorg,
    ) {
        let txid = transaction.compute_txid();
        if forget.contains(&txid) {
            return;
        }
        let judged = self
            .gate()
            .judge(&self.pool, transaction, Arrival::FromBlock);
        match judged {
            Ok(change) => {
                change.apply(&mut self.pool);
                if from_blocks.contains(&txid) {
                    reorg.returned.push(txid);
                }
            }
            Err(refused) => reorg.dropped.push((txid, refused.refusal)),
        }
    }

    /// Ends the record and hands it out; nothing if the chain records nothing.
    ///
    /// Mines empty blocks until a full node that reads the record has the tip of this chain.
    pub fn finish_record(&mut self) -> Option<Record> {
        self.record_waiting();
        while let Some(recorder) = &self.recorder
            && recorder.node_tip() != self.tip().hash
        {
            self.mine_empty();
        }
        self.recorder.take().map(|recorder| recorder.into_record())
    }

    /// Records the transactions that relay policy alone refused on this tip, in one block.
    pub(super) fn record_waiting(&mut self) {
        let Some(mut recorder) = self.recorder.take() else {
            return;
        };
        let cases = recorder.take_waiting();
        let height = self.branch.next_height();
        if recorder.would_judge(self.tip()) {
            let mut classes = Vec::new();
            let mut together = Vec::new();
            for case in cases {
                let more = joined(&together, &case);
                if self.test_block(&more).is_ok() {
                    together = more;
                    classes.push(case.class);
                } else {
                    recorder.unjudged(&case.class, "it conflicts with another on the same tip");
                }
            }
            if let Ok(fees) = self.test_block(&together)
                && !classes.is_empty()
            {
                let block = self.build(together, fees);
                let bytes = serialize(&block).into_boxed_slice();
                recorder.relay(classes.join("+"), bytes, (block.block_hash(), height));
            }
        } else {
            for case in cases {
                recorder.unjudged(&case.class, FOLLOWS_ANOTHER_BRANCH);
            }
        }
        self.recorder = Some(recorder);
    }
}

/// The transactions of a case after those that are there already, each once.
fn joined(together: &[Transaction], case: &RelayCase) -> Vec<Transaction> {
    let mut joined = together.to_vec();
    for transaction in &case.transactions {
        if !joined.contains(transaction) {
            joined.push(transaction.clone());
        }
    }
    joined
}
