//! The active branch: its blocks, and every output that they created.
//!
//! Spent outputs are kept and marked.  So a block can be disconnected with what is at hand, and
//! the whole history of a script can be shown.

use std::collections::HashMap;
use std::sync::Arc;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::{Block, BlockHash, OutPoint, ScriptBuf, Transaction, TxOut, Txid};

use super::judge::CoinView;
use crate::chain::{ChainTip, SeenOutput, SeenSpend};
use crate::units::{BlockHeight, ChainTime, CoinBirth, UnixTime};

/// Blocks whose timestamps count for the median time past (BIP-113).
const MEDIAN_TIME_SPAN: usize = 11;

/// An output with all that the consensus rules ask of it.
#[derive(Clone, Debug)]
pub struct Coin {
    /// Amount and script.
    pub output: TxOut,
    /// When it was confirmed.
    pub birth: CoinBirth,
    /// Whether a coinbase transaction created it.
    pub is_coinbase: bool,
}

/// A block of the branch.
#[derive(Debug)]
pub struct StoredBlock {
    /// The block as it goes over the wire.
    pub bytes: Box<[u8]>,
    /// Its transactions without the coinbase transaction.
    pub transactions: Box<[Arc<Transaction>]>,
    hash: BlockHash,
    coinbase: Txid,
    time: UnixTime,
    median_time_past: UnixTime,
}

#[derive(Clone, Debug)]
struct KeptCoin {
    coin: Coin,
    spent_by: Option<Txid>,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    height: BlockHeight,
    /// Index in [`StoredBlock::transactions`].
    index: usize,
}

/// The branch from the genesis block to the tip.
#[derive(Clone, Debug)]
pub struct Branch {
    tip: ChainTip,
    blocks: Vec<Arc<StoredBlock>>,
    coins: HashMap<OutPoint, KeptCoin>,
    paid_to: HashMap<ScriptBuf, Vec<OutPoint>>,
    positions: HashMap<Txid, Position>,
}

impl Branch {
    /// The branch that holds the genesis block alone.  Its coinbase output is no coin, as nobody
    /// can spend it.
    pub fn new(genesis: &Block) -> Self {
        let mut branch = Self {
            tip: tip_at(genesis, BlockHeight::GENESIS, UnixTime(genesis.header.time)),
            blocks: Vec::new(),
            coins: HashMap::new(),
            paid_to: HashMap::new(),
            positions: HashMap::new(),
        };
        branch.push_block(genesis, Box::default());
        branch
    }

    pub const fn tip(&self) -> ChainTip {
        self.tip
    }

    /// The timestamp of the tip.
    pub fn stamped(&self) -> UnixTime {
        self.blocks.last().map_or(UnixTime(0), |block| block.time)
    }

    pub const fn next_height(&self) -> BlockHeight {
        self.tip.time.height.next()
    }

    /// The birth of coins that the next block confirms.
    pub const fn next_birth(&self) -> CoinBirth {
        CoinBirth {
            height: self.next_height(),
            median_time_past_before: self.tip.time.median_time_past,
        }
    }

    pub fn block(&self, height: BlockHeight) -> Option<&Arc<StoredBlock>> {
        self.blocks.get(usize::try_from(height.0).ok()?)
    }

    pub fn block_hash(&self, height: BlockHeight) -> Option<BlockHash> {
        self.block(height).map(|block| block.hash)
    }

    pub fn transaction(&self, txid: Txid) -> Option<(&Arc<Transaction>, BlockHeight)> {
        let position = self.positions.get(&txid)?;
        let block = self.block(position.height)?;
        Some((block.transactions.get(position.index)?, position.height))
    }

    /// A coinbase transaction with the height of its block, as long as it has an output that is no
    /// commitment.
    ///
    /// It is read from its block each time: nobody asks often, and every block has one.
    pub fn coinbase(&self, txid: Txid) -> Option<(Transaction, BlockHeight)> {
        let mut coins = (0..2).filter_map(|vout| self.coins.get(&OutPoint { txid, vout }));
        let kept = coins.find(|kept| kept.coin.is_coinbase)?;
        let height = kept.coin.birth.height;
        let block: Block = deserialize(&self.block(height)?.bytes).ok()?;
        Some((block.txdata.into_iter().next()?, height))
    }

    pub fn birth_at(&self, height: BlockHeight) -> Option<CoinBirth> {
        let before = self.block(height.previous())?;
        Some(CoinBirth {
            height,
            median_time_past_before: before.median_time_past,
        })
    }

    /// Everything the branch paid to a script, in the order of the branch.
    pub fn outputs<'a>(
        &'a self,
        script: &bitcoin::Script,
    ) -> impl Iterator<Item = SeenOutput> + 'a {
        let paid = self.paid_to.get(script).map_or(&[][..], Vec::as_slice);
        paid.iter().filter_map(|outpoint| {
            let kept = self.coins.get(outpoint)?;
            let spend = kept.spent_by.and_then(|txid| {
                let (transaction, height) = self.transaction(txid)?;
                Some(SeenSpend {
                    txid,
                    transaction: Arc::clone(transaction),
                    height: Some(height),
                })
            });
            Some(SeenOutput {
                outpoint: *outpoint,
                output: kept.coin.output.clone(),
                birth: Some(kept.coin.birth),
                spend,
            })
        })
    }

    /// The unspent coins of a script, in the order of the branch.
    pub fn unspent<'a>(
        &'a self,
        script: &bitcoin::Script,
    ) -> impl Iterator<Item = (OutPoint, &'a Coin)> + 'a {
        let paid = self.paid_to.get(script).map_or(&[][..], Vec::as_slice);
        paid.iter()
            .filter_map(|outpoint| Some((*outpoint, self.coin(outpoint)?)))
    }

    /// Makes a block the tip.  The block must have been judged valid on the present tip.
    pub fn connect(&mut self, block: &Block) {
        let birth = self.next_birth();
        let mut transactions = Vec::with_capacity(block.txdata.len().saturating_sub(1));
        for (number, transaction) in block.txdata.iter().enumerate() {
            let txid = transaction.compute_txid();
            if let Some(index) = number.checked_sub(1) {
                for input in &transaction.input {
                    if let Some(kept) = self.coins.get_mut(&input.previous_output) {
                        kept.spent_by = Some(txid);
                    }
                }
                let height = birth.height;
                self.positions.insert(txid, Position { height, index });
                transactions.push(Arc::new(transaction.clone()));
            }
            self.create_coins(transaction, txid, birth, number == 0);
        }
        self.push_block(block, transactions.into_boxed_slice());
    }

    /// Takes the tip off and makes the block before it the tip.  The genesis block stays.
    pub fn disconnect(&mut self) -> Option<Arc<StoredBlock>> {
        if self.blocks.len() < 2 {
            return None;
        }
        let block = self.blocks.pop()?;
        for transaction in block.transactions.iter().rev() {
            let txid = transaction.compute_txid();
            self.remove_coins(txid, transaction.output.len());
            self.positions.remove(&txid);
            for input in &transaction.input {
                if let Some(kept) = self.coins.get_mut(&input.previous_output) {
                    kept.spent_by = None;
                }
            }
        }
        // The reward and the witness commitment: no coinbase of this chain has more outputs.
        self.remove_coins(block.coinbase, 2);
        let before = self.blocks.last()?;
        self.tip = ChainTip {
            hash: before.hash,
            time: ChainTime {
                height: self.tip.time.height.previous(),
                median_time_past: before.median_time_past,
            },
        };
        Some(block)
    }

    fn push_block(&mut self, block: &Block, transactions: Box<[Arc<Transaction>]>) {
        let time = UnixTime(block.header.time);
        let median_time_past = self.median_time_with(time);
        let height = BlockHeight(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX));
        let coinbase = block
            .coinbase()
            .map_or_else(bitcoin::hashes::Hash::all_zeros, Transaction::compute_txid);
        self.tip = tip_at(block, height, median_time_past);
        self.blocks.push(Arc::new(StoredBlock {
            bytes: serialize(block).into_boxed_slice(),
            transactions,
            hash: self.tip.hash,
            coinbase,
            time,
            median_time_past,
        }));
    }

    fn median_time_with(&self, newest: UnixTime) -> UnixTime {
        let earlier = self.blocks.iter().rev().take(MEDIAN_TIME_SPAN - 1);
        let mut times: Vec<_> = earlier.map(|block| block.time).chain([newest]).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(newest)
    }

    fn create_coins(
        &mut self,
        transaction: &Transaction,
        txid: Txid,
        birth: CoinBirth,
        is_coinbase: bool,
    ) {
        for (vout, output) in (0u32..).zip(&transaction.output) {
            if output.script_pubkey.is_op_return() {
                continue;
            }
            let outpoint = OutPoint { txid, vout };
            let script = output.script_pubkey.clone();
            self.paid_to.entry(script).or_default().push(outpoint);
            let coin = Coin {
                output: output.clone(),
                birth,
                is_coinbase,
            };
            let spent_by = None;
            self.coins.insert(outpoint, KeptCoin { coin, spent_by });
        }
    }

    /// Removes the coins of the newest transaction that has any.
    fn remove_coins(&mut self, txid: Txid, outputs: usize) {
        for vout in (0..u32::try_from(outputs).unwrap_or(u32::MAX)).rev() {
            if let Some(kept) = self.coins.remove(&OutPoint { txid, vout })
                && let Some(paid) = self.paid_to.get_mut(&kept.coin.output.script_pubkey)
            {
                paid.pop();
            }
        }
    }
}

impl CoinView for Branch {
    fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        let kept = self.coins.get(outpoint)?;
        kept.spent_by.is_none().then_some(&kept.coin)
    }
}

fn tip_at(block: &Block, height: BlockHeight, median_time_past: UnixTime) -> ChainTip {
    ChainTip {
        hash: Header::block_hash(&block.header),
        time: ChainTime {
            height,
            median_time_past,
        },
    }
}
