//! An Esplora server: documents about scripts, transactions and blocks, over HTTP.
//!
//! What hangs on a block is kept under its hash, and so is never untrue.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bitcoin::consensus::encode::{deserialize, serialize_hex};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::backend::Options;
use super::feerate::{self, Told};
use super::http::{Http, StatusError};
use super::sighting::{self, Sighting, parents_first};
use super::tls::Tls;
use super::{
    Ability, BackendError, Chain, ChainTip, Freshness, Refusal, SeenOutput, Verdict, words,
};
use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth, UnixTime};

const NAME: &str = "an Esplora server";

/// How often the tip may change while the server is read.
const ATTEMPTS: u32 = 10;

/// A server.
#[derive(Debug)]
pub struct Esplora {
    http: Http,
    url: String,
    seen: RefCell<Seen>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Seen {
    births: HashMap<BlockHash, CoinBirth>,
    transactions: HashMap<Txid, Arc<Transaction>>,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Status {
    confirmed: bool,
    block_hash: Option<BlockHash>,
}

impl Status {
    fn block(self) -> Option<BlockHash> {
        self.block_hash.filter(|_| self.confirmed)
    }
}

#[derive(Debug, Deserialize)]
struct Listed {
    txid: Txid,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct BlockInfo {
    id: BlockHash,
    height: BlockHeight,
    timestamp: u32,
    mediantime: u32,
    previousblockhash: Option<BlockHash>,
}

impl Esplora {
    /// A server at this address.  Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// If the certificate that is named cannot be read.
    pub fn new(url: &str, options: &Options) -> Result<Self, BackendError> {
        let is_encrypted = url.starts_with("https:");
        let tls = is_encrypted.then(|| Tls::new(options.certificate.as_deref()));
        let tls = tls.transpose().map_err(BackendError::new)?;
        Ok(Self {
            http: Http::new(options.timeout, options.retries, tls),
            url: url.trim_end_matches('/').to_owned(),
            seen: RefCell::default(),
        })
    }

    /// Asks for a document; nothing if there is none.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, BackendError> {
        match self.http.get(&format!("{}{path}", self.url))? {
            Ok(body) => Ok(Some(body)),
            Err(StatusError { status: 404, .. }) => Ok(None),
            Err(refused) if says_not_found(&refused) => Ok(None),
            Err(refused) => Err(BackendError::new(refused)),
        }
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, BackendError> {
        let body = self.get(path)?;
        body.map(|body| serde_json::from_slice(&body).map_err(BackendError::nonsense))
            .transpose()
    }

    fn needed<T>(found: Option<T>, what: &str) -> Result<T, BackendError> {
        found.ok_or_else(|| BackendError::nonsense(format!("there is no {what}")))
    }

    fn text(&self, path: &str) -> Result<Option<String>, BackendError> {
        let body = self.get(path)?;
        let text = |body| String::from_utf8(body).map_err(BackendError::nonsense);
        Ok(body
            .map(text)
            .transpose()?
            .map(|text| text.trim().to_owned()))
    }

    fn best(&self) -> Result<BlockInfo, BackendError> {
        let hash = Self::needed(self.text("/blocks/tip/hash")?, "tip")?;
        let hash: BlockHash = hash.parse().map_err(BackendError::nonsense)?;
        self.block(hash)
    }

    fn block(&self, hash: BlockHash) -> Result<BlockInfo, BackendError> {
        let info: BlockInfo = Self::needed(self.json(&format!("/block/{hash}"))?, "such block")?;
        if info.id == hash {
            return Ok(info);
        }
        Err(BackendError::nonsense(format!(
            "it gives another block for {hash}"
        )))
    }

    /// The birth of coins that a block confirms.
    fn birth_in(&self, hash: BlockHash) -> Result<CoinBirth, BackendError> {
        if let Some(birth) = self.seen.borrow().births.get(&hash) {
            return Ok(*birth);
        }
        let block = self.block(hash)?;
        let before = Self::needed(block.previousblockhash, "block before the first")?;
        let before = self.block(before)?;
        let birth = CoinBirth {
            height: block.height,
            median_time_past_before: UnixTime(before.mediantime),
        };
        self.seen.borrow_mut().births.insert(hash, birth);
        Ok(birth)
    }

    /// What a script has to do with.
    fn history(&self, script: &ScriptBuf) -> Result<Vec<Listed>, BackendError> {
        let hash = sha256::Hash::hash(script.as_bytes());
        let path = format!("/scripthash/{hash:x}/txs");
        let mut listed: Vec<Listed> = self.json(&path)?.unwrap_or_default();
        let mut last = listed.iter().rfind(|entry| entry.status.confirmed);
        // Confirmed ones come in pages, the newest first.
        while let Some(oldest) = last.map(|entry| entry.txid) {
            let path = format!("/scripthash/{hash:x}/txs/chain/{oldest}");
            let page: Vec<Listed> = self.json(&path)?.unwrap_or_default();
            let is_last = page.is_empty() || page.iter().any(|entry| entry.txid == oldest);
            if is_last {
                break;
            }
            listed.extend(page);
            last = listed.last();
        }
        Ok(listed)
    }

    fn fetch(&self, txid: Txid) -> Result<Option<Arc<Transaction>>, BackendError> {
        if let Some(found) = self.seen.borrow().transactions.get(&txid) {
            return Ok(Some(Arc::clone(found)));
        }
        let Some(bytes) = self.get(&format!("/tx/{txid}/raw"))? else {
            return Ok(None);
        };
        let transaction: Transaction = deserialize(&bytes).map_err(BackendError::nonsense)?;
        if transaction.compute_txid() != txid {
            let text = format!("it gives another transaction for {txid}");
            return Err(BackendError::nonsense(text));
        }
        let transaction = Arc::new(transaction);
        let mut seen = self.seen.borrow_mut();
        seen.transactions.insert(txid, Arc::clone(&transaction));
        Ok(Some(transaction))
    }

    fn sightings(&self, scripts: &[ScriptBuf]) -> Result<Vec<Sighting>, BackendError> {
        for _ in 0..ATTEMPTS {
            let best = self.best()?.id;
            let mut entries = BTreeMap::new();
            for script in scripts {
                let listed = self.history(script)?;
                entries.extend(listed.into_iter().map(|entry| (entry.txid, entry.status)));
            }
            let mut sightings = Vec::with_capacity(entries.len());
            let mut waiting = HashMap::new();
            for (txid, status) in entries {
                let Some(transaction) = self.fetch(txid)? else {
                    continue;
                };
                match status.block() {
                    Some(block) => sightings.push(Sighting {
                        txid,
                        transaction,
                        birth: Some(self.birth_in(block)?),
                    }),
                    None => {
                        waiting.insert(txid, transaction);
                    }
                }
            }
            if self.best()?.id != best {
                continue;
            }
            sightings.sort_by_key(|sighting| sighting.birth.map(|birth| birth.height));
            sightings.extend(parents_first(&waiting));
            return Ok(sightings);
        }
        Err(BackendError::new(format!(
            "its chain changed {ATTEMPTS} times while it was read"
        )))
    }

    fn status(&self, txid: Txid) -> Result<Option<Status>, BackendError> {
        // A server that does not know a transaction says that it is not confirmed.
        if self.get(&format!("/tx/{txid}/raw"))?.is_none() {
            return Ok(None);
        }
        self.json(&format!("/tx/{txid}/status"))
    }

    fn broadcast(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        let url = format!("{}/tx", self.url);
        match self.http.post(&url, None, &serialize_hex(transaction))? {
            Ok(_) => Ok(Ok(())),
            Err(refused) => words::refusal_inside(&refused.text)
                .map(Err)
                .ok_or_else(|| BackendError::new(refused)),
        }
    }
}

/// Some servers say with a status of 400 that there is no such thing.
fn says_not_found(refused: &StatusError) -> bool {
    refused.status == 400 && refused.text.to_lowercase().contains("not found")
}

impl Chain for Esplora {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.freshness()?.tip)
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        let hash = self.text(&format!("/block-height/{height}"))?;
        hash.map(|hash| hash.parse().map_err(BackendError::nonsense))
            .transpose()
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        let best = self.best()?;
        Ok(Freshness {
            tip: ChainTip {
                hash: best.id,
                time: ChainTime {
                    height: best.height,
                    median_time_past: UnixTime(best.mediantime),
                },
            },
            stamped: UnixTime(best.timestamp),
            // The interface does not say; a server that is behind has an old tip.
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
        let url = format!("{}/txs/package", self.url);
        let body = json!([serialize_hex(parent), serialize_hex(child)]).to_string();
        match self.http.post(&url, None, &body)? {
            Ok(answer) => {
                let answer = serde_json::from_slice(&answer).map_err(BackendError::nonsense)?;
                super::bitcoind::package_verdict(&answer, [parent, child])
            }
            // Servers from before packages do not know the path.
            Err(StatusError {
                status: 404 | 405 | 501,
                ..
            }) => super::one_by_one(NAME, parent, child, |transaction| {
                self.broadcast(transaction)
            }),
            Err(refused) => words::refusal_inside(&refused.text)
                .map(Err)
                .ok_or_else(|| BackendError::new(refused)),
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
        let block = self.status(txid)?.and_then(Status::block);
        block.map(|block| self.birth_in(block)).transpose()
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        // It may have been evicted, or reorganised away, since it was kept.
        self.seen.borrow_mut().transactions.remove(&txid);
        Ok(self.fetch(txid)?.map(Arc::unwrap_or_clone))
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        let status = self.status(txid)?;
        Ok(status.is_some_and(|status| status.block().is_none()))
    }

    /// The highest of what the server lists for the target and for later ones: who wants it sooner
    /// never pays less.  The interface has no word for what the mempool takes at the least.
    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        let listed: Option<BTreeMap<String, f64>> = self.json("/fee-estimates")?;
        let mut listed = (listed.unwrap_or_default().iter())
            .map(|(blocks, feerate)| {
                let blocks: u32 = blocks.parse().map_err(BackendError::nonsense)?;
                Ok((blocks, feerate::sats_per_vb(*feerate)?))
            })
            .collect::<Result<Vec<_>, BackendError>>()?;
        listed.sort_unstable();
        // The last that is not later than asked for, or else the soonest there is.
        let asked = feerate::asked(target).0;
        let sooner = listed.iter().rposition(|(blocks, _)| *blocks <= asked);
        let later = listed.iter().skip(sooner.unwrap_or(0));
        let told = Told {
            estimate: later.map(|(_, feerate)| *feerate).max(),
            ..Told::default()
        };
        told.answer()
    }
}
