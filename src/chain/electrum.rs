//! An Electrum server.
//!
//! It has an index of scripts, so nothing is read twice; but it says of a confirmed transaction
//! only at which height it is.  Headers are fetched from the lowest such height on and kept, each
//! checked to stand on the one before, and the median time past follows from them.

mod line;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize, deserialize_hex, serialize_hex};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use serde::Deserialize;
use serde_json::{Value, json};

use self::line::Connection;
use super::backend::Options;
use super::feerate::{self, Told};
use super::headers::{HeaderSource, Headers, MEDIAN_TIME_SPAN, median_time};
use super::rpc::{self, Answer, Call, CallError};
use super::sighting::{self, Sighting, parents_first};
use super::tls::Tls;
use super::{
    Ability, BackendError, Chain, ChainTip, Freshness, Refusal, SeenOutput, Verdict, words,
};
use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth, UnixTime};

const NAME: &str = "an Electrum server";

/// Questions that are sent before the first answer is read.
const AT_ONCE: usize = 100;

/// Headers in one request: no server gives more than a difficulty period.
const HEADERS_AT_ONCE: u32 = 2_016;

/// How often the tip may change while the server is read.
const ATTEMPTS: u32 = 10;

/// A server.
#[derive(Debug)]
pub struct Electrum {
    connection: RefCell<Connection>,
    seen: RefCell<Seen>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Seen {
    headers: Option<Headers>,
    transactions: HashMap<Txid, Arc<Transaction>>,
}

/// One transaction of a script: where it is, or that it waits (a height of 0 or less).
#[derive(Debug, Deserialize)]
struct Entry {
    tx_hash: Txid,
    height: i64,
}

impl Entry {
    fn height(&self) -> Option<BlockHeight> {
        let height = u32::try_from(self.height).ok()?;
        (height > 0).then_some(BlockHeight(height))
    }
}

#[derive(Debug, Deserialize)]
struct Best {
    height: BlockHeight,
    hex: String,
}

impl Electrum {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// If it does not answer, is not who it should be, or speaks no version of the protocol that is
    /// understood here.
    pub fn connect(
        host: &str,
        port: u16,
        tls: bool,
        options: &Options,
    ) -> Result<Self, BackendError> {
        let tls = tls.then(|| Tls::new(options.certificate.as_deref()));
        let tls = tls.transpose().map_err(BackendError::new)?;
        let connection = Connection::new(host, port, tls, options.timeout, options.retries);
        let server = Self {
            connection: RefCell::new(connection),
            seen: RefCell::default(),
        };
        server.best()?;
        Ok(server)
    }

    fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, BackendError> {
        let mut answers = Vec::with_capacity(calls.len());
        for some in calls.chunks(AT_ONCE) {
            answers.extend(self.connection.borrow_mut().ask(some)?);
        }
        Ok(answers)
    }

    fn ask(&self, method: &'static str, params: Value) -> Result<Answer, BackendError> {
        let mut answers = self.batch(&[Call::new(method, params)])?;
        answers
            .pop()
            .ok_or_else(|| BackendError::nonsense("no answer"))
    }

    fn tell(&self, method: &'static str, params: Value) -> Result<Answer, BackendError> {
        let call = Call::new(method, params);
        self.connection.borrow_mut().tell(call)
    }

    /// The tip with its header.
    fn best(&self) -> Result<(BlockHeight, Header), BackendError> {
        let answer = self.ask("blockchain.headers.subscribe", json!([]))?;
        let best: Best = rpc::read(answer.map_err(BackendError::new)?)?;
        let header = deserialize_hex(&best.hex).map_err(BackendError::nonsense)?;
        Ok((best.height, header))
    }

    /// The tip with its header and its median time past.
    fn timed_best(&self) -> Result<(ChainTip, Header), BackendError> {
        for _ in 0..ATTEMPTS {
            let (height, header) = self.best()?;
            let first = height.0.saturating_sub(MEDIAN_TIME_SPAN - 1);
            let headers = self.headers(BlockHeight(first), height.0 - first + 1)?;
            // Between the two questions the branch may have changed.
            if headers.last() != Some(&header) {
                continue;
            }
            let times = headers.iter().map(|header| header.time).collect();
            let median_time_past = median_time(times).unwrap_or(UnixTime(header.time));
            let tip = ChainTip {
                hash: header.block_hash(),
                time: ChainTime {
                    height,
                    median_time_past,
                },
            };
            return Ok((tip, header));
        }
        Err(BackendError::new(format!(
            "its chain changed {ATTEMPTS} times while it was read"
        )))
    }

    /// What each of these scripts has to do with.
    fn histories(&self, scripts: &[ScriptBuf]) -> Result<BTreeMap<Txid, Entry>, BackendError> {
        let calls: Vec<_> = (scripts.iter())
            .map(|script| {
                let params = json!([script_hash(script)]);
                Call::new("blockchain.scripthash.get_history", params)
            })
            .collect();
        let mut entries = BTreeMap::new();
        for answer in self.batch(&calls)? {
            let some: Vec<Entry> = rpc::read(answer.map_err(BackendError::new)?)?;
            entries.extend(some.into_iter().map(|entry| (entry.tx_hash, entry)));
        }
        Ok(entries)
    }

    /// Transactions by their ids.
    fn fetch(&self, txids: &[Txid]) -> Result<(), BackendError> {
        let known = |txid: &&Txid| self.seen.borrow().transactions.contains_key(*txid);
        let missing: Vec<_> = txids.iter().filter(|txid| !known(txid)).copied().collect();
        let calls: Vec<_> = (missing.iter())
            .map(|txid| Call::new("blockchain.transaction.get", json!([txid])))
            .collect();
        for (txid, answer) in missing.into_iter().zip(self.batch(&calls)?) {
            let hex: String = rpc::read(answer.map_err(BackendError::new)?)?;
            let transaction = transaction_of(txid, &hex)?;
            let mut seen = self.seen.borrow_mut();
            seen.transactions.insert(txid, Arc::new(transaction));
        }
        Ok(())
    }

    /// Everything about these scripts, in the order of the chain.
    fn sightings(&self, scripts: &[ScriptBuf]) -> Result<Vec<Sighting>, BackendError> {
        for _ in 0..ATTEMPTS {
            let (height, header) = self.best()?;
            let entries = self.histories(scripts)?;
            let confirmed = entries.values().filter_map(Entry::height);
            if let Some(lowest) = confirmed.clone().min() {
                self.follow(lowest, height.max(confirmed.max().unwrap_or(height)))?;
            }
            let txids: Vec<_> = entries.keys().copied().collect();
            self.fetch(&txids)?;
            if self.best()?.1 != header {
                continue;
            }
            let seen = self.seen.borrow();
            let mut sightings = Vec::with_capacity(entries.len());
            let mut waiting = HashMap::new();
            for (txid, entry) in &entries {
                let Some(transaction) = seen.transactions.get(txid) else {
                    continue;
                };
                let Some(height) = entry.height() else {
                    waiting.insert(*txid, Arc::clone(transaction));
                    continue;
                };
                let birth = seen.headers.as_ref();
                let birth = birth.and_then(|headers| headers.birth_at(height));
                sightings.push(Sighting {
                    txid: *txid,
                    transaction: Arc::clone(transaction),
                    birth: Some(birth.ok_or_else(|| {
                        BackendError::nonsense(format!("it has no header at height {height}"))
                    })?),
                });
            }
            sightings.sort_by_key(|sighting| sighting.birth.map(|birth| birth.height));
            sightings.extend(parents_first(&waiting));
            return Ok(sightings);
        }
        Err(BackendError::new(format!(
            "its chain changed {ATTEMPTS} times while it was read"
        )))
    }

    /// Follows the branch so that births from a height on are known.
    fn follow(&self, lowest: BlockHeight, up_to: BlockHeight) -> Result<(), BackendError> {
        let mut seen = self.seen.borrow_mut();
        let fresh = Headers::for_births_from(lowest);
        let mut headers = seen
            .headers
            .take()
            .filter(|headers| headers.base() <= fresh.base())
            .unwrap_or(fresh);
        let followed = headers.follow(up_to, self);
        seen.headers = Some(headers);
        followed.map(drop)
    }

    /// Where a transaction is, by the history of a script that it pays to.
    fn entry_of(&self, txid: Txid) -> Result<Option<Entry>, BackendError> {
        let Some(transaction) = self.transaction(txid)? else {
            return Ok(None);
        };
        let mut outputs = transaction.output.iter();
        let Some(paid) = outputs.find(|output| !output.script_pubkey.is_op_return()) else {
            return Ok(None);
        };
        let mut entries = self.histories(std::slice::from_ref(&paid.script_pubkey))?;
        Ok(entries.remove(&txid))
    }

    /// What the node behind the server takes at the least: the mempool now, and at all times.
    ///
    /// Servers of version 1.6 of the protocol say both, and older ones the latter.  One that says
    /// neither has no floor that could be known.
    fn least(&self) -> Result<[Option<FeeRate>; 2], BackendError> {
        #[derive(Deserialize)]
        struct Info {
            mempoolminfee: f64,
            minrelaytxfee: f64,
        }
        if let Ok(info) = self.ask("mempool.get_info", json!([]))? {
            let info: Info = rpc::read(info)?;
            let mempool = feerate::bitcoins_per_kvb(info.mempoolminfee)?;
            let relay = feerate::bitcoins_per_kvb(info.minrelaytxfee)?;
            return Ok([Some(mempool), Some(relay)]);
        }
        match self.ask("blockchain.relayfee", json!([]))? {
            Ok(fee) => Ok([None, Some(feerate::bitcoins_per_kvb(rpc::read(fee)?)?)]),
            Err(_) => Ok([None, None]),
        }
    }

    fn broadcast(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        let params = json!([serialize_hex(transaction)]);
        match self.tell("blockchain.transaction.broadcast", params)? {
            Ok(_) => Ok(Ok(())),
            Err(error) => refusal_or_error(error),
        }
    }
}

/// The name that the protocol has for a script: its hash, in display order.
fn script_hash(script: &ScriptBuf) -> String {
    let mut hash = sha256::Hash::hash(script.as_bytes()).to_byte_array();
    hash.reverse();
    hash.to_lower_hex_string()
}

fn transaction_of(txid: Txid, hex: &str) -> Result<Transaction, BackendError> {
    let transaction: Transaction = deserialize_hex(hex).map_err(BackendError::nonsense)?;
    if transaction.compute_txid() == txid {
        return Ok(transaction);
    }
    Err(BackendError::nonsense(format!(
        "it gives another transaction for {txid}"
    )))
}

/// What a server says of a transaction that its node does not take.
fn refusal_or_error(error: CallError) -> Result<Verdict, BackendError> {
    words::refusal_inside(&error.message)
        .map(Err)
        .ok_or_else(|| BackendError::new(error))
}

/// Whether a server says that it has no such method.
fn is_no_method(error: &CallError) -> bool {
    /// JSON-RPC 2.0.
    const METHOD_NOT_FOUND: i64 = -32601;
    let message = error.message.to_lowercase();
    error.code == METHOD_NOT_FOUND
        || message.contains("unknown method")
        || message.contains("unsupported")
        // A node that is too old for packages says so in these words.
        || message.contains("method not found")
}

impl HeaderSource for Electrum {
    fn headers(&self, from: BlockHeight, count: u32) -> Result<Vec<Header>, BackendError> {
        /// Newer servers give a list, older ones one string.
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            hex: String,
            #[serde(default)]
            headers: Vec<String>,
        }
        const HEADER: usize = 80;
        let mut headers: Vec<Header> = Vec::new();
        let end = from.0.saturating_add(count);
        let mut next = from.0;
        while next < end {
            let params = json!([next, HEADERS_AT_ONCE.min(end - next)]);
            let answer = self.ask("blockchain.block.headers", params)?;
            let Ok(found) = answer else {
                // Servers differ in what they say beyond the tip.
                break;
            };
            let found: Found = rpc::read(found)?;
            let hex = found.hex + &found.headers.concat();
            let bytes = Vec::from_hex(&hex).map_err(BackendError::nonsense)?;
            let before = headers.len();
            for header in bytes.chunks(HEADER) {
                headers.push(deserialize(header).map_err(BackendError::nonsense)?);
            }
            let new = u32::try_from(headers.len() - before).unwrap_or(u32::MAX);
            if new == 0 {
                break;
            }
            next = next.saturating_add(new);
        }
        Ok(headers)
    }
}

impl Chain for Electrum {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.timed_best()?.0)
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        let headers = self.headers(height, 1)?;
        Ok(headers.first().map(Header::block_hash))
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        let (tip, header) = self.timed_best()?;
        Ok(Freshness {
            tip,
            stamped: UnixTime(header.time),
            // The protocol does not say; a server that is behind has an old tip.
            syncing_to: None,
            clock: None,
        })
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        if transaction.input.is_empty() {
            return Ok(Err(Refusal::consensus("bad-txns-vin-empty")));
        }
        self.broadcast(transaction)
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        #[derive(Deserialize)]
        struct Failed {
            txid: Option<Txid>,
            error: String,
        }
        #[derive(Deserialize)]
        struct Judged {
            success: bool,
            #[serde(default)]
            errors: Vec<Failed>,
        }
        let params = json!([[serialize_hex(parent), serialize_hex(child)]]);
        match self.tell("blockchain.transaction.broadcast_package", params)? {
            Ok(answer) => {
                let judged: Judged = rpc::read(answer)?;
                if judged.success {
                    return Ok(Ok(()));
                }
                let parent = Some(parent.compute_txid());
                let errors = judged.errors.iter();
                // The parent's refusal is the reason for the child's.
                let first = errors.min_by_key(|failed| failed.txid != parent);
                let said = first.map(|failed| words::refusal(&failed.error, None));
                said.map(Err)
                    .ok_or_else(|| BackendError::nonsense("no reason for the refusal of a package"))
            }
            Err(error) if is_no_method(&error) => {
                super::one_by_one(NAME, parent, child, |transaction| {
                    self.broadcast(transaction)
                })
            }
            Err(error) => refusal_or_error(error),
        }
    }

    fn test_accept(&self, _: &Transaction) -> Result<Verdict, BackendError> {
        Err(BackendError::Unsupported {
            backend: NAME,
            ability: Ability::TestAccept,
            detail: None,
        })
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        Ok(sighting::outputs(&self.sightings(scripts)?, scripts))
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        let entry = self.entry_of(txid)?;
        let Some(height) = entry.and_then(|entry| entry.height()) else {
            return Ok(None);
        };
        self.follow(height, height)?;
        let seen = self.seen.borrow();
        let headers = seen.headers.as_ref();
        Ok(headers.and_then(|headers| headers.birth_at(height)))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        // It may have been evicted, or reorganised away, since it was kept.
        match self.ask("blockchain.transaction.get", json!([txid]))? {
            Ok(hex) => {
                let hex: String = rpc::read(hex)?;
                transaction_of(txid, &hex).map(Some)
            }
            // Servers have no common code for this.
            Err(_) => Ok(None),
        }
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        let entry = self.entry_of(txid)?;
        Ok(entry.is_some_and(|entry| entry.height().is_none()))
    }

    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        /// So the protocol writes that there is no estimate.
        const UNKNOWN: f64 = -1.0;
        let params = json!([feerate::asked(target).0]);
        let told: Option<f64> = match self.ask("blockchain.estimatefee", params)? {
            Ok(answer) => rpc::read(answer)?,
            Err(error) if is_no_method(&error) => None,
            Err(error) => return Err(BackendError::new(error)),
        };
        let told = told.filter(|told| *told != UNKNOWN);
        let [mempool_min, relay_min] = self.least()?;
        let told = Told {
            estimate: told.map(feerate::bitcoins_per_kvb).transpose()?,
            mempool_min,
            relay_min,
        };
        told.answer()
    }
}
