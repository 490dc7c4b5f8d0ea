//! A Bitcoin Core node, asked over its RPC interface.
//!
//! A node without a wallet has no index of addresses.  So the blocks are read from a birth height
//! on, for the scripts that were asked about, and what was found is kept in memory; it can be
//! [written down](Chain::memory) and given again at the next start.  A script that was not asked
//! about before makes the blocks be read again: all of them, or, where the node has
//! `-blockfilterindex=1`, those that its filters point to.

mod client;
mod index;
mod pool;

use std::cell::RefCell;
use std::collections::HashSet;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Block, BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use serde::Deserialize;
use serde_json::{Value, json};

use self::client::{Client, is_unknown};
use self::index::Index;
use self::pool::Pool;
use super::feerate::{self, Told};
use super::headers::HeaderSource;
use super::rpc::{self, Call, CallError};
use super::sighting::{self, Sighting};
use super::{BackendError, Chain, ChainTip, Freshness, Refusal, SeenOutput, Verdict, words};
use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth, UnixTime};

pub use self::client::{Login, LoginError};
use super::backend::Options;

/// Blocks in one request: in hex they have up to 8 MB each.
const BLOCKS_AT_ONCE: usize = 16;

/// Headers in one request.
const HEADERS_AT_ONCE: u32 = 500;

/// From so many blocks on it pays to ask the filters of the node first.
const WORTH_FILTERING: u32 = 64;

/// How often the tip may change while the node is read.
const ATTEMPTS: u32 = 10;

/// `RPC_VERIFY_ALREADY_IN_UTXO_SET` (`src/rpc/protocol.h`).
const ALREADY_CONFIRMED: i64 = -27;

/// `RPC_METHOD_NOT_FOUND`: the node is older than the question.
const METHOD_NOT_FOUND: i64 = -32601;

/// `RPC_INTERNAL_ERROR`, with these words: the node was told to estimate nothing
/// (`EnsureAnyFeeEstimator` in `src/rpc/server_util.cpp`).
const NO_ESTIMATES: (i64, &str) = (-32603, "Fee estimation disabled");

/// `RPC_VERIFY_ERROR` and `RPC_VERIFY_REJECTED`: the node refuses the transaction.
const REJECTED: [i64; 2] = [-25, -26];

/// A node.
#[derive(Debug)]
pub struct Bitcoind {
    client: Client,
    seen: RefCell<Seen>,
}

/// What was read from the node so far.
#[derive(Debug)]
struct Seen {
    index: Index,
    pool: Pool,
}

/// What `getblockchaininfo` says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Info {
    blocks: BlockHeight,
    headers: BlockHeight,
    bestblockhash: BlockHash,
    time: u32,
    mediantime: u32,
    initialblockdownload: bool,
    #[serde(default)]
    pruned: bool,
    #[serde(default)]
    pruneheight: Option<BlockHeight>,
}

impl Info {
    const fn tip(&self) -> ChainTip {
        ChainTip {
            hash: self.bestblockhash,
            time: ChainTime {
                height: self.blocks,
                median_time_past: UnixTime(self.mediantime),
            },
        }
    }
}

/// What `testmempoolaccept` says of one transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Tested {
    #[serde(default)]
    allowed: Option<bool>,
    #[serde(default)]
    reject_reason: Option<String>,
    #[serde(default)]
    reject_details: Option<String>,
    #[serde(default)]
    package_error: Option<String>,
}

impl Bitcoind {
    /// A node at this host and port.  Nothing is asked yet.
    #[must_use]
    pub fn new(host: &str, port: u16, options: &Options) -> Self {
        let remembered = options.memory.as_deref();
        let index = remembered.and_then(|bytes| Index::from_memory(bytes, options.birth));
        let login = options.login.clone();
        Self {
            client: Client::new(host, port, login, options.timeout, options.retries),
            seen: RefCell::new(Seen {
                index: index.unwrap_or_else(|| Index::new(options.birth)),
                pool: Pool::default(),
            }),
        }
    }

    /// Refuses a node that has thrown away blocks that have to be read.
    ///
    /// # Errors
    ///
    /// If it has, or does not answer.
    pub fn check_blocks(&self) -> Result<(), BackendError> {
        let info = self.info()?;
        let needed = self.seen.borrow().index.next();
        match info.pruneheight {
            Some(first_kept) if info.pruned && first_kept > needed => {
                Err(BackendError::Pruned { first_kept, needed })
            }
            _ => Ok(()),
        }
    }

    fn info(&self) -> Result<Info, BackendError> {
        self.client.get("getblockchaininfo", json!([]))
    }

    /// Reads what is new, for scripts watched so far and for these.
    fn sync(&self, scripts: &[ScriptBuf]) -> Result<(), BackendError> {
        let mut seen = self.seen.borrow_mut();
        let Seen { index, pool } = &mut *seen;
        for _ in 0..ATTEMPTS {
            let info = self.info()?;
            index.follow(info.blocks, self)?;
            let new = index.new_scripts(scripts);
            if !new.is_empty() {
                let upto = index.next();
                self.read_blocks(index, index.birth(), upto, &new)?;
                index.watch(new);
                // What was irrelevant may pay to these.
                pool.forget();
            }
            let (from, end) = (index.next(), info.blocks.next());
            if !self.read_blocks(index, from, end, &HashSet::new())? {
                continue;
            }
            index.read_up_to(end.max(from));
            if index.scripts().next().is_some() {
                pool.sync(&self.client, index)?;
            }
            // What left the mempool meanwhile for a block is in neither.
            let best: BlockHash = self.client.get("getbestblockhash", json!([]))?;
            if index.headers.last().is_none_or(|last| last == best) {
                return Ok(());
            }
        }
        Err(BackendError::new(format!(
            "its chain changed {ATTEMPTS} times while it was read"
        )))
    }

    /// Reads the blocks from one height up to before another; whether all are still there.
    fn read_blocks(
        &self,
        index: &mut Index,
        from: BlockHeight,
        end: BlockHeight,
        new: &HashSet<ScriptBuf>,
    ) -> Result<bool, BackendError> {
        let is_rescan = !new.is_empty();
        if from >= end || (!is_rescan && index.scripts().next().is_none()) {
            return Ok(true);
        }
        let heights = match self.filtered(index, from, end, new)? {
            Some(heights) => heights,
            None => (from.0..end.0).map(BlockHeight).collect(),
        };
        for some in heights.chunks(BLOCKS_AT_ONCE) {
            let hashes = some.iter().map(|height| index.headers.hash(*height));
            let Some(hashes) = hashes.collect::<Option<Vec<_>>>() else {
                return Ok(false);
            };
            let calls: Vec<_> = (hashes.iter())
                .map(|hash| Call::new("getblock", json!([hash, 0])))
                .collect();
            for (height, answer) in some.iter().zip(self.client.batch(&calls)?) {
                let hex: String =
                    rpc::read(answer.map_err(|error| self.missing_block(*height, error))?)?;
                let block: Block = deserialize_hex(&hex).map_err(BackendError::nonsense)?;
                index.read(*height, &block, new);
            }
        }
        Ok(true)
    }

    /// The heights of the blocks that matter, as the filters of the node say; nothing if it has
    /// none, or it does not pay.
    fn filtered(
        &self,
        index: &Index,
        from: BlockHeight,
        end: BlockHeight,
        new: &HashSet<ScriptBuf>,
    ) -> Result<Option<Vec<BlockHeight>>, BackendError> {
        const FILTERS: &str = "basic block filter index";
        if (end - from).0 < WORTH_FILTERING {
            return Ok(None);
        }
        let Ok(indexes) = self.client.ask("getindexinfo", json!([FILTERS]))? else {
            return Ok(None);
        };
        let last = end.previous();
        let reaches = indexes.get(FILTERS).and_then(|index| {
            let height = index.get("best_block_height")?.as_u64()?;
            Some(height >= u64::from(last.0))
        });
        if reaches != Some(true) {
            return Ok(None);
        }
        let scripts: Vec<String> = if new.is_empty() {
            index.scripts().map(descriptor).collect()
        } else {
            new.iter().map(descriptor).collect()
        };
        let params = json!(["start", scripts, from, last, "basic"]);
        // Another scan can be running; then there is nothing to wait for.
        let Ok(scanned) = self.client.tell("scanblocks", params)? else {
            return Ok(None);
        };
        #[derive(Deserialize)]
        struct Scanned {
            relevant_blocks: Vec<BlockHash>,
            #[serde(default)]
            completed: bool,
        }
        let scanned: Scanned = rpc::read(scanned)?;
        if !scanned.completed {
            return Ok(None);
        }
        let relevant: HashSet<BlockHash> = scanned.relevant_blocks.into_iter().collect();
        let heights = (from.0..end.0).map(BlockHeight).filter(|height| {
            let hash = index.headers.hash(*height);
            hash.is_some_and(|hash| relevant.contains(&hash))
        });
        Ok(Some(heights.collect()))
    }

    /// Why a block cannot be read.
    fn missing_block(&self, needed: BlockHeight, error: CallError) -> BackendError {
        match self.info() {
            Ok(Info {
                pruned: true,
                pruneheight: Some(first_kept),
                ..
            }) if first_kept > needed => BackendError::Pruned { first_kept, needed },
            _ => BackendError::new(error),
        }
    }

    fn sightings(&self) -> Vec<Sighting> {
        let seen = self.seen.borrow();
        let mut sightings = seen.index.sightings();
        sightings.extend(seen.pool.sightings());
        sightings
    }

    fn test(&self, transactions: &[&Transaction]) -> Result<Verdict, BackendError> {
        if transactions.iter().any(|own| own.input.is_empty()) {
            // Without inputs a transaction has no encoding that a node could read.
            return Ok(Err(Refusal::consensus("bad-txns-vin-empty")));
        }
        let hex: Vec<_> = transactions.iter().map(|own| serialize_hex(*own)).collect();
        // No fee is too high here: whoever signs has checked it.
        let answer = self.client.ask("testmempoolaccept", json!([hex, 0]))?;
        let tested: Vec<Tested> = rpc::read(answer.map_err(BackendError::new)?)?;
        for tested in tested {
            if let Some(error) = tested.package_error {
                return Ok(Err(words::refusal(&error, None)));
            }
            if tested.allowed != Some(true) {
                let reason = tested.reject_reason.unwrap_or_default();
                return Ok(Err(words::refusal(
                    &reason,
                    tested.reject_details.as_deref(),
                )));
            }
        }
        Ok(Ok(()))
    }

    fn note_sent(&self, transaction: &Transaction) {
        let mut seen = self.seen.borrow_mut();
        let txid = transaction.compute_txid();
        seen.index.note_sent(txid, transaction);
        seen.pool.look_again(&txid);
    }
}

/// A script as `scanblocks` takes it.
fn descriptor(script: &ScriptBuf) -> String {
    format!("raw({script:x})")
}

impl HeaderSource for Bitcoind {
    fn headers(&self, from: BlockHeight, count: u32) -> Result<Vec<Header>, BackendError> {
        let mut headers = Vec::new();
        let end = from.0.saturating_add(count);
        let mut next = from.0;
        while next < end {
            let until = end.min(next.saturating_add(HEADERS_AT_ONCE));
            let calls: Vec<_> = (next..until)
                .map(|height| Call::new("getblockhash", json!([height])))
                .collect();
            let known = self.client.batch(&calls)?.into_iter().map_while(Result::ok);
            let calls: Vec<_> = known
                .map(|hash| Call::new("getblockheader", json!([hash, false])))
                .collect();
            if calls.is_empty() {
                break;
            }
            let is_last = calls.len() < usize::try_from(until - next).unwrap_or(usize::MAX);
            for answer in self.client.batch(&calls)? {
                let hex: String = rpc::read(answer.map_err(BackendError::new)?)?;
                headers.push(deserialize_hex(&hex).map_err(BackendError::nonsense)?);
            }
            if is_last {
                break;
            }
            next = until;
        }
        Ok(headers)
    }
}

impl Bitcoind {
    /// Offers a transaction alone.
    fn offer(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        let verdict = self.test(&[transaction])?;
        let is_there =
            matches!(&verdict, Err(refusal) if refusal.class == "txn-already-in-mempool");
        if verdict.is_err() && !is_there {
            return Ok(verdict);
        }
        self.note_sent(transaction);
        // What is in the mempool already is offered again all the same: the node then tells its
        // peers once more.
        let params = json!([serialize_hex(transaction), 0]);
        match self.client.tell("sendrawtransaction", params)? {
            Ok(_) => Ok(verdict),
            Err(error) if error.code == ALREADY_CONFIRMED => {
                Ok(Err(Refusal::consensus("txn-already-known")))
            }
            Err(error) if REJECTED.contains(&error.code) => {
                Ok(Err(words::refusal(&error.message, None)))
            }
            Err(error) => Err(BackendError::new(error)),
        }
    }
}

impl Chain for Bitcoind {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.info()?.tip())
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        match self.client.ask("getblockhash", json!([height]))? {
            Ok(hash) => rpc::read(hash).map(Some),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(BackendError::new(error)),
        }
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        let info = self.info()?;
        // On regtest a node that was just started calls itself syncing until a block is new.
        let is_behind = info.headers > info.blocks || info.initialblockdownload;
        Ok(Freshness {
            tip: info.tip(),
            stamped: UnixTime(info.time),
            syncing_to: (info.initialblockdownload && is_behind).then_some(info.headers),
            clock: None,
        })
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.offer(transaction)
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        for transaction in [parent, child] {
            if transaction.input.is_empty() {
                return Ok(Err(Refusal::consensus("bad-txns-vin-empty")));
            }
        }
        let hex = [serialize_hex(parent), serialize_hex(child)];
        let answer = match self.client.tell("submitpackage", json!([hex, 0]))? {
            Ok(answer) => answer,
            // Nodes from before packages do not know the method.
            Err(error) if error.code == METHOD_NOT_FOUND => {
                return super::one_by_one("this node", parent, child, |transaction| {
                    self.offer(transaction)
                });
            }
            Err(error) => {
                return words::refusal_inside(&error.message)
                    .map(Err)
                    .ok_or_else(|| BackendError::new(error));
            }
        };
        let verdict = package_verdict(&answer, [parent, child]);
        for transaction in [parent, child] {
            self.note_sent(transaction);
        }
        verdict
    }

    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.test(&[transaction])
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        self.sync(scripts)?;
        Ok(sighting::outputs(&self.sightings(), scripts))
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        self.sync(&[])?;
        let seen = self.seen.borrow();
        if let Some((height, _)) = seen.index.transaction(&txid) {
            return Ok(seen.index.headers.birth_at(height));
        }
        // A node with an index of transactions knows every one.
        #[derive(Deserialize)]
        struct Found {
            blockhash: Option<BlockHash>,
        }
        let Ok(found) = self.client.ask("getrawtransaction", json!([txid, 1]))? else {
            return Ok(None);
        };
        let found: Found = rpc::read(found)?;
        match found.blockhash {
            Some(block) => self.birth_in(block),
            None => Ok(None),
        }
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        self.sync(&[])?;
        if let Some((_, found)) = self.seen.borrow().index.transaction(&txid) {
            return Ok(Some(Transaction::clone(found)));
        }
        match self.client.ask("getrawtransaction", json!([txid, 0]))? {
            Ok(hex) => {
                let hex: String = rpc::read(hex)?;
                deserialize_hex(&hex)
                    .map(Some)
                    .map_err(BackendError::nonsense)
            }
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(BackendError::new(error)),
        }
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        match self.client.ask("getmempoolentry", json!([txid]))? {
            Ok(_) => Ok(true),
            Err(error) if is_unknown(&error) => Ok(false),
            Err(error) => Err(BackendError::new(error)),
        }
    }

    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        struct Pool {
            mempoolminfee: f64,
            minrelaytxfee: Option<f64>,
        }
        let pool: Pool = self.client.get("getmempoolinfo", json!([]))?;
        let relay_min = pool.minrelaytxfee.map(feerate::bitcoins_per_kvb);
        let told = Told {
            estimate: self.estimate(feerate::asked(target))?,
            mempool_min: Some(feerate::bitcoins_per_kvb(pool.mempoolminfee)?),
            relay_min: relay_min.transpose()?,
        };
        told.answer()
    }

    fn memory(&self) -> Option<Vec<u8>> {
        Some(self.seen.borrow().index.to_memory())
    }
}

impl Bitcoind {
    /// What the node has learnt from its mempool and its blocks, if it has seen enough.
    fn estimate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        #[derive(Deserialize)]
        struct Estimated {
            feerate: Option<f64>,
        }
        // The conservative mode follows a fall of fees later, and is the dearer one: what is late
        // here can be lost.
        let params = json!([target.0, "conservative"]);
        let estimated: Estimated = match self.client.ask("estimatesmartfee", params)? {
            Ok(answer) => rpc::read(answer)?,
            Err(error) if error.code == METHOD_NOT_FOUND => return Ok(None),
            Err(error) if (error.code, &*error.message) == NO_ESTIMATES => return Ok(None),
            Err(error) => return Err(BackendError::new(error)),
        };
        let feerate = estimated.feerate.map(feerate::bitcoins_per_kvb);
        feerate.transpose()
    }

    /// The birth of coins that a block of the active branch confirmed.
    fn birth_in(&self, block: BlockHash) -> Result<Option<CoinBirth>, BackendError> {
        #[derive(Deserialize)]
        struct Placed {
            height: BlockHeight,
            confirmations: i64,
            previousblockhash: Option<BlockHash>,
        }
        #[derive(Deserialize)]
        struct Timed {
            mediantime: u32,
        }
        let placed: Placed = self.client.get("getblockheader", json!([block, true]))?;
        let Some(before) = placed
            .previousblockhash
            .filter(|_| placed.confirmations > 0)
        else {
            return Ok(None);
        };
        let timed: Timed = self.client.get("getblockheader", json!([before, true]))?;
        Ok(Some(CoinBirth {
            height: placed.height,
            median_time_past_before: UnixTime(timed.mediantime),
        }))
    }
}

/// The verdict about a child that came with its parent.
///
/// Where both were refused, the parent's refusal is the reason, unless it was only for want of the
/// child's fee and the child has a fault of its own.
pub(super) fn package_verdict(
    answer: &Value,
    transactions: [&Transaction; 2],
) -> Result<Verdict, BackendError> {
    let said = |transaction: &Transaction| {
        let wtxid = transaction.compute_wtxid().to_string();
        let result = answer.get("tx-results").and_then(|all| all.get(wtxid));
        let error = result.and_then(|result| result.get("error"))?.as_str()?;
        Some(words::refusal(error, None))
    };
    let [parent, child] = transactions.map(said);
    let whole = answer.get("package_msg").and_then(Value::as_str);
    match (parent, child, whole) {
        (Some(parent), _, _) => Ok(Err(parent)),
        (None, Some(child), _) => Ok(Err(child)),
        (None, None, Some("success")) => Ok(Ok(())),
        (None, None, Some(other)) => Ok(Err(words::refusal(other, None))),
        (None, None, None) => Err(BackendError::nonsense("no word about the package")),
    }
}
