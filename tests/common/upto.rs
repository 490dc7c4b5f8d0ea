//! A chain as it was when a block was its tip.

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use longstop::chain::{
    BackendError, Chain, ChainTip, EmbeddedChain, Freshness, SeenOutput, Verdict,
};
use longstop::units::{BlockHeight, Blocks, CoinBirth};

/// What of a chain is up to a tip; the mempool of that moment is empty.
pub struct UpTo<'a> {
    pub chain: &'a EmbeddedChain,
    pub tip: ChainTip,
}

impl UpTo<'_> {
    fn has(&self, height: BlockHeight) -> bool {
        height <= self.tip.time.height
    }
}

impl Chain for UpTo<'_> {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.tip)
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        match self.has(height) {
            true => Chain::block_hash(self.chain, height),
            false => Ok(None),
        }
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        Chain::freshness(self.chain)
    }

    fn submit(&mut self, _: &Transaction) -> Result<Verdict, BackendError> {
        Err(BackendError::new("what was cannot be changed"))
    }

    fn submit_package(
        &mut self,
        _: &Transaction,
        _: &Transaction,
    ) -> Result<Verdict, BackendError> {
        Err(BackendError::new("what was cannot be changed"))
    }

    fn test_accept(&self, _: &Transaction) -> Result<Verdict, BackendError> {
        Err(BackendError::new("what was cannot be changed"))
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        let mut outputs = self.chain.outputs(scripts);
        outputs.retain(|seen| seen.birth.is_some_and(|birth| self.has(birth.height)));
        for seen in &mut outputs {
            seen.spend = seen
                .spend
                .take()
                .filter(|spend| spend.height.is_some_and(|height| self.has(height)));
        }
        Ok(outputs)
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        let birth = self.chain.confirmation(txid);
        Ok(birth.filter(|birth| self.has(birth.height)))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        let is_there = Chain::confirmation(self, txid)?.is_some();
        Ok(self.chain.transaction(txid).filter(|_| is_there).cloned())
    }

    fn in_mempool(&self, _: Txid) -> Result<bool, BackendError> {
        Ok(false)
    }

    fn feerate(&self, _: Blocks) -> Result<Option<FeeRate>, BackendError> {
        Ok(None)
    }
}
