//! The embedded chain as a [`Chain`], which always answers.

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};

use super::EmbeddedChain;
use crate::chain::feerate::Told;
use crate::chain::{BackendError, Chain, ChainTip, Freshness, SeenOutput, Verdict};
use crate::units::{BlockHeight, Blocks, CoinBirth};

impl Chain for EmbeddedChain {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.tip())
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        Ok(self.block_hash(height))
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        Ok(Freshness {
            tip: self.tip(),
            stamped: self.branch.stamped(),
            syncing_to: None,
            clock: Some(self.now()),
        })
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        Ok(self.submit(transaction))
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        Ok(self.submit_package(parent, child))
    }

    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        Ok(self.test_accept(transaction))
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        Ok(self.outputs(scripts))
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        Ok(self.confirmation(txid))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        let known = self.transaction(txid).cloned();
        Ok(known.or_else(|| self.coinbase(txid)))
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        Ok(self.in_mempool(txid))
    }

    /// What its miners ask, where somebody has told them to ask for anything.
    ///
    /// It has no history of fees from which it could guess, and needs none: what they ask for the
    /// next block they ask for every other one, until somebody tells them otherwise.
    fn feerate(&self, _: Blocks) -> Result<Option<FeeRate>, BackendError> {
        let policy = self.relay_policy();
        let going = self.going_rate();
        let told = Told {
            estimate: (going > FeeRate::ZERO).then_some(going),
            mempool_min: Some(policy.mempool_min),
            relay_min: Some(policy.min_relay),
        };
        told.answer()
    }
}
