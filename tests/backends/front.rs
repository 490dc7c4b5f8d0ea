//! What servers tell of a chain, looked up in the bytes of an embedded one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitcoin::consensus::deserialize;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Block, BlockHash, ScriptBuf, Transaction, Txid};
use longstop::chain::{Chain, EmbeddedChain, Verdict};
use longstop::units::BlockHeight;
use serde_json::{Value, json};

use super::rig::{Follower, START};

/// Whether a server can judge packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    Known,
    Unknown,
}

/// A chain that a server and a test share.
#[derive(Clone)]
pub struct World {
    chain: Arc<Mutex<EmbeddedChain>>,
    /// What the server says about fees in the place of what the chain does.
    fees: Arc<Mutex<Option<Value>>>,
}

/// A transaction about a script, and the block that holds it.
pub struct Found {
    pub transaction: Transaction,
    pub block: Option<(u32, BlockHash)>,
}

impl World {
    pub fn new() -> Self {
        Self {
            chain: Arc::new(Mutex::new(EmbeddedChain::new(START))),
            fees: Arc::default(),
        }
    }

    /// Has the server say this about fees.
    pub fn say(&self, fees: Value) {
        *self.fees.lock().unwrap_or_else(PoisonError::into_inner) = Some(fees);
    }

    /// What the server says about fees, or makes of what the chain knows.
    pub fn fees(&self, made: impl FnOnce(&EmbeddedChain) -> Value) -> Value {
        let said = self.fees.lock().unwrap_or_else(PoisonError::into_inner);
        match &*said {
            Some(said) => said.clone(),
            None => made(&self.lock()),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, EmbeddedChain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every transaction, in the order of the chain.
    fn all(&self) -> Vec<Found> {
        let chain = self.lock();
        let mut all = Vec::new();
        for height in 0..=chain.tip().time.height.0 {
            let block: Block = block_at(&chain, height);
            let hash = block.block_hash();
            all.extend(block.txdata.into_iter().map(|transaction| Found {
                transaction,
                block: Some((height, hash)),
            }));
        }
        all.extend(chain.mempool().map(|(transaction, _)| Found {
            transaction: transaction.clone(),
            block: None,
        }));
        all
    }

    /// Everything about the script with this hash.
    pub fn about(&self, is_it: impl Fn(&ScriptBuf) -> bool) -> Vec<Found> {
        let mut owned = std::collections::BTreeSet::new();
        let mut about = self.all();
        about.retain(|found| {
            let txid = found.transaction.compute_txid();
            let mut inputs = found.transaction.input.iter();
            let mut is_about = inputs.any(|input| owned.contains(&input.previous_output));
            for (vout, output) in (0u32..).zip(&found.transaction.output) {
                if is_it(&output.script_pubkey) {
                    owned.insert(bitcoin::OutPoint { txid, vout });
                    is_about = true;
                }
            }
            is_about
        });
        about
    }

    pub fn find(&self, txid: Txid) -> Option<Found> {
        let mut all = self.all().into_iter();
        all.find(|found| found.transaction.compute_txid() == txid)
    }

    pub fn blocks(&self) -> Vec<Block> {
        let chain = self.lock();
        let tip = chain.tip().time.height.0;
        (0..=tip).map(|height| block_at(&chain, height)).collect()
    }

    /// Takes a transaction in hex, or says what a server says.
    pub fn broadcast(&self, hex: &str) -> Result<Txid, String> {
        let transaction: Transaction = deserialize_hex(hex).map_err(|error| error.to_string())?;
        let verdict = self.lock().submit(&transaction);
        match verdict {
            Ok(()) => Ok(transaction.compute_txid()),
            Err(refusal) => Err(format!(
                "sendrawtransaction RPC error: {{\"code\":-26,\"message\":\"{}, and more\"}}",
                refusal.class
            )),
        }
    }

    /// Takes a package, and says what `submitpackage` says.
    pub fn package(&self, hex: &[String]) -> Value {
        let transactions: Vec<Transaction> = hex
            .iter()
            .map(|hex| deserialize_hex(hex).expect("a transaction"))
            .collect();
        let [parent, child] = transactions.as_slice() else {
            panic!("a package of two");
        };
        let verdict: Verdict = self.lock().submit_package(parent, child);
        let Err(refusal) = verdict else {
            return json!({ "package_msg": "success", "tx-results": {} });
        };
        let wtxid = child.compute_wtxid().to_string();
        let error = json!({ "txid": child.compute_txid(), "error": refusal.class });
        json!({ "package_msg": "transaction failed", "tx-results": { wtxid: error } })
    }
}

fn block_at(chain: &EmbeddedChain, height: u32) -> Block {
    let bytes = chain.block(BlockHeight(height)).expect("it is there");
    deserialize(bytes).expect("it is a block")
}

/// The hash of a script, as bytes in the order of the digest.
pub fn script_digest(script: &ScriptBuf) -> [u8; 32] {
    sha256::Hash::hash(script.as_bytes()).to_byte_array()
}

/// A backend that asks a front.
pub struct Behind {
    pub world: World,
    pub chain: Box<dyn Chain + Send>,
}

impl Follower for Behind {
    fn follow(&mut self, leader: &EmbeddedChain) {
        *self.world.lock() = leader.fork();
    }

    fn chain(&mut self) -> &mut dyn Chain {
        &mut *self.chain
    }
}
