//! What a node without an index of addresses was seen to confirm.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bitcoin::{Block, OutPoint, ScriptBuf, Transaction, Txid};
use serde::{Deserialize, Serialize};

use crate::chain::BackendError;
use crate::chain::headers::{HeaderSource, Headers};
use crate::chain::sighting::Sighting;
use crate::units::BlockHeight;

/// Blocks that were read, and the transactions in them that matter: those that pay to watched
/// scripts, those that spend from there, and those that were sent by this program.
#[derive(Clone, Debug)]
pub struct Index {
    pub headers: Headers,
    /// The lowest block that is read.
    birth: BlockHeight,
    /// The block that is read next.
    next: BlockHeight,
    scripts: HashSet<ScriptBuf>,
    /// Transactions that were sent, with a script that each pays to.
    sent: HashMap<Txid, ScriptBuf>,
    /// By height and place in the block.
    found: BTreeMap<(u32, u32), (Txid, Arc<Transaction>)>,
    places: HashMap<Txid, (u32, u32)>,
    owned: HashSet<OutPoint>,
}

impl Index {
    /// Nothing is known yet of blocks from this height on.
    pub fn new(birth: BlockHeight) -> Self {
        // Nobody can be paid by the genesis block.
        let birth = birth.max(BlockHeight(1));
        Self {
            headers: Headers::for_births_from(birth),
            birth,
            next: birth,
            scripts: HashSet::new(),
            sent: HashMap::new(),
            found: BTreeMap::new(),
            places: HashMap::new(),
            owned: HashSet::new(),
        }
    }

    pub const fn birth(&self) -> BlockHeight {
        self.birth
    }

    /// The lowest block that was not read for all scripts yet.
    pub const fn next(&self) -> BlockHeight {
        self.next
    }

    /// The scripts among these that blocks were not read for.
    pub fn new_scripts(&self, scripts: &[ScriptBuf]) -> HashSet<ScriptBuf> {
        scripts
            .iter()
            .filter(|script| !self.scripts.contains(*script))
            .cloned()
            .collect()
    }

    /// The scripts that blocks are read for, and one of each transaction that was sent.
    pub fn scripts(&self) -> impl Iterator<Item = &ScriptBuf> {
        self.scripts.iter().chain(self.sent.values())
    }

    /// Notes that these scripts are watched and that the blocks so far were read for them.
    pub fn watch(&mut self, scripts: HashSet<ScriptBuf>) {
        self.scripts.extend(scripts);
    }

    /// Notes a transaction that was sent, so that its confirmation is noticed whatever it pays to.
    pub fn note_sent(&mut self, txid: Txid, transaction: &Transaction) {
        let outputs = transaction
            .output
            .iter()
            .map(|output| &output.script_pubkey);
        let script = outputs.into_iter().find(|script| !script.is_op_return());
        self.sent.insert(txid, script.cloned().unwrap_or_default());
    }

    pub fn was_sent(&self, txid: &Txid) -> bool {
        self.sent.contains_key(txid)
    }

    /// Whether an output pays to a watched script.
    pub fn is_owned(&self, outpoint: &OutPoint) -> bool {
        self.owned.contains(outpoint)
    }

    pub fn is_watched(&self, script: &ScriptBuf) -> bool {
        self.scripts.contains(script)
    }

    /// Takes in a block for watched scripts and for `more`.
    pub fn read(&mut self, height: BlockHeight, block: &Block, more: &HashSet<ScriptBuf>) {
        for (place, transaction) in (0u32..).zip(&block.txdata) {
            let pays = |script: &ScriptBuf| self.scripts.contains(script) || more.contains(script);
            let spends = transaction
                .input
                .iter()
                .any(|input| self.owned.contains(&input.previous_output));
            let paid: Vec<u32> = (0u32..)
                .zip(&transaction.output)
                .filter(|(_, output)| pays(&output.script_pubkey))
                .map(|(vout, _)| vout)
                .collect();
            if !spends && paid.is_empty() && self.sent.is_empty() {
                continue;
            }
            let txid = transaction.compute_txid();
            if !spends && paid.is_empty() && !self.sent.contains_key(&txid) {
                continue;
            }
            let outpoints = paid.into_iter().map(|vout| OutPoint { txid, vout });
            self.owned.extend(outpoints);
            let key = (height.0, place);
            self.places.insert(txid, key);
            self.found
                .insert(key, (txid, Arc::new(transaction.clone())));
        }
    }

    /// Notes that all blocks below this one were read.
    pub const fn read_up_to(&mut self, next: BlockHeight) {
        self.next = next;
    }

    /// Follows the active branch, and forgets what stood in blocks that are no longer on it.
    pub fn follow(
        &mut self,
        up_to: BlockHeight,
        source: &impl HeaderSource,
    ) -> Result<(), BackendError> {
        if let Some(changed) = self.headers.follow(up_to, source)? {
            self.forget_from(changed);
        }
        Ok(())
    }

    /// Forgets what stood in the blocks from this height on.
    fn forget_from(&mut self, height: BlockHeight) {
        self.next = self.next.min(height).max(self.birth);
        for (_, (txid, transaction)) in self.found.split_off(&(height.0, 0)) {
            self.places.remove(&txid);
            for (vout, _) in (0u32..).zip(&transaction.output) {
                self.owned.remove(&OutPoint { txid, vout });
            }
        }
    }

    /// What was found, in the order of the chain.
    pub fn sightings(&self) -> Vec<Sighting> {
        let found = self.found.iter();
        found
            .filter_map(|((height, _), (txid, transaction))| {
                Some(Sighting {
                    txid: *txid,
                    transaction: Arc::clone(transaction),
                    birth: Some(self.headers.birth_at(BlockHeight(*height))?),
                })
            })
            .collect()
    }

    /// A transaction that was found, and the height of its block.
    pub fn transaction(&self, txid: &Txid) -> Option<(BlockHeight, &Arc<Transaction>)> {
        let key = self.places.get(txid)?;
        let (_, transaction) = self.found.get(key)?;
        Some((BlockHeight(key.0), transaction))
    }
}

/// The format of [`Memory`]; what has another is not read.
const FORMAT: &str = "longstop-node-memory-1";

/// An index as it is written down.
#[derive(Serialize, Deserialize)]
struct Memory {
    format: String,
    birth: BlockHeight,
    next: BlockHeight,
    headers: Headers,
    scripts: Vec<ScriptBuf>,
    sent: Vec<(Txid, ScriptBuf)>,
    found: Vec<(u32, u32, String)>,
}

impl Index {
    /// Writes the index down.
    pub fn to_memory(&self) -> Vec<u8> {
        let mut scripts: Vec<_> = self.scripts.iter().cloned().collect();
        scripts.sort_unstable();
        let mut sent: Vec<_> = (self.sent.iter())
            .map(|(txid, script)| (*txid, script.clone()))
            .collect();
        sent.sort_unstable();
        let found = self.found.iter().map(|((height, place), (_, found))| {
            (
                *height,
                *place,
                bitcoin::consensus::encode::serialize_hex(&**found),
            )
        });
        let memory = Memory {
            format: FORMAT.to_owned(),
            birth: self.birth,
            next: self.next,
            headers: self.headers.clone(),
            scripts,
            sent,
            found: found.collect(),
        };
        serde_json::to_vec(&memory).unwrap_or_default()
    }

    /// Reads an index that was written down for blocks from this height on; nothing if it is none.
    pub fn from_memory(bytes: &[u8], birth: BlockHeight) -> Option<Self> {
        let memory: Memory = serde_json::from_slice(bytes).ok()?;
        let mut index = Self::new(birth);
        let fits = memory.format == FORMAT
            && memory.birth == index.birth
            && memory.headers.base() == index.headers.base()
            && memory.next >= index.birth
            && memory.next <= memory.headers.next_height().max(index.birth);
        if !fits {
            return None;
        }
        index.headers = memory.headers;
        index.next = memory.next;
        index.scripts.extend(memory.scripts);
        index.sent.extend(memory.sent);
        for (height, place, hex) in memory.found {
            let transaction: Transaction =
                bitcoin::consensus::encode::deserialize_hex(&hex).ok()?;
            let txid = transaction.compute_txid();
            for (vout, output) in (0u32..).zip(&transaction.output) {
                if index.scripts.contains(&output.script_pubkey) {
                    index.owned.insert(OutPoint { txid, vout });
                }
            }
            let key = (height, place);
            index.places.insert(txid, key);
            index.found.insert(key, (txid, Arc::new(transaction)));
        }
        Some(index)
    }
}
