//! What waits in the mempool of a node.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{OutPoint, Transaction, Txid};
use serde_json::json;

use super::client::{Client, is_unknown};
use super::index::Index;
use crate::chain::BackendError;
use crate::chain::rpc::{self, Call};
use crate::chain::sighting::{Sighting, parents_first};

/// Transactions in one request.
const AT_ONCE: usize = 200;

/// The mempool, of which only what matters is kept.
#[derive(Debug, Default)]
pub struct Pool {
    /// Looked at, and nothing to us.
    other: HashSet<Txid>,
    relevant: HashMap<Txid, Arc<Transaction>>,
}

impl Pool {
    /// Forgets everything, so that all is looked at anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Looks at a transaction anew, because it matters now.
    pub fn look_again(&mut self, txid: &Txid) {
        self.other.remove(txid);
    }

    /// Looks at what is new, and forgets what is gone.
    pub fn sync(&mut self, client: &Client, index: &Index) -> Result<(), BackendError> {
        let there: Vec<Txid> = client.get("getrawmempool", json!([]))?;
        let ids: HashSet<&Txid> = there.iter().collect();
        self.other.retain(|txid| ids.contains(txid));
        self.relevant.retain(|txid, _| ids.contains(txid));
        let is_new = |txid: &Txid| !self.other.contains(txid) && !self.relevant.contains_key(txid);
        let new: Vec<Txid> = there.into_iter().filter(is_new).collect();
        let mut arrived = HashMap::new();
        for some in new.chunks(AT_ONCE) {
            let calls: Vec<_> = some
                .iter()
                .map(|txid| Call::new("getrawtransaction", json!([txid, 0])))
                .collect();
            for (txid, answer) in some.iter().zip(client.batch(&calls)?) {
                let hex: String = match answer {
                    Ok(hex) => rpc::read(hex)?,
                    // It left the mempool in between.
                    Err(error) if is_unknown(&error) => continue,
                    Err(error) => return Err(BackendError::new(error)),
                };
                let transaction = deserialize_hex(&hex).map_err(BackendError::nonsense)?;
                arrived.insert(*txid, Arc::new(transaction));
            }
        }
        for sighting in parents_first(&arrived) {
            let Sighting {
                txid, transaction, ..
            } = sighting;
            if self.matters(txid, &transaction, index) {
                self.relevant.insert(txid, transaction);
            } else {
                self.other.insert(txid);
            }
        }
        Ok(())
    }

    fn matters(&self, txid: Txid, transaction: &Transaction, index: &Index) -> bool {
        let pays = transaction
            .output
            .iter()
            .any(|output| index.is_watched(&output.script_pubkey));
        let is_ours = |outpoint: &OutPoint| {
            let parent = self.relevant.get(&outpoint.txid);
            let output = parent.and_then(|parent| {
                let vout = usize::try_from(outpoint.vout).ok()?;
                parent.output.get(vout)
            });
            index.is_owned(outpoint)
                || output.is_some_and(|output| index.is_watched(&output.script_pubkey))
        };
        let mut inputs = transaction.input.iter();
        pays || index.was_sent(&txid) || inputs.any(|input| is_ours(&input.previous_output))
    }

    /// What matters, parents before children.
    pub fn sightings(&self) -> Vec<Sighting> {
        parents_first(&self.relevant)
    }
}
