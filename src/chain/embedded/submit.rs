//! Offering transactions to the chain, and asking what it would say.

use bitcoin::consensus::encode::serialize;
use bitcoin::{Amount, Transaction, Txid};

use super::EmbeddedChain;
use super::accept::{Arrival, Gate};
use super::judge::check_block_transactions;
use crate::chain::{Judge, Refusal, Verdict};

impl EmbeddedChain {
    /// Offers a transaction to the mempool.
    ///
    /// # Errors
    ///
    /// With the first rule that refuses it.
    pub fn submit(&mut self, transaction: &Transaction) -> Verdict {
        let verdict = self.take(transaction);
        self.record_offer(&[transaction], &verdict);
        verdict
    }

    fn take(&mut self, transaction: &Transaction) -> Verdict {
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
        let verdict = gate
            .take_package(&mut self.pool, parent, child)
            .map_err(|refusal| {
                let holding = self.with_unconfirmed_ancestors(&[parent, child]);
                self.judge_again(refusal, holding)
            });
        self.record_offer(&[parent, child], &verdict);
        verdict
    }

    /// Records what was offered, and what the mempool holds then.
    fn record_offer(&mut self, transactions: &[&Transaction], verdict: &Verdict) {
        if let Some(recorder) = &mut self.recorder {
            recorder.offered(transactions, verdict);
        }
        self.record_pool();
    }

    /// Records what the mempool holds, if that is something else than before.
    pub(super) fn record_pool(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.waits(self.pool.in_order().map(|(txid, _)| txid).collect());
        }
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

    pub(super) fn gate(&self) -> Gate<'_> {
        Gate {
            branch: &self.branch,
            policy: &self.policy,
            scripts: &self.scripts,
        }
    }

    /// The fees of a block on the present tip with these transactions, if it is valid.
    pub(super) fn test_block(&self, transactions: &[Transaction]) -> Result<Amount, Refusal> {
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
                    recorder.refused(&block_refusal.class, bytes, self.branch.tip());
                }
            }
        }
        self.recorder = Some(recorder);
        refusal
    }
}
