//! Transactions as a backend saw them, and what follows from them for scripts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bitcoin::{OutPoint, Script, ScriptBuf, Transaction, Txid};

use super::{SeenOutput, SeenSpend};
use crate::units::CoinBirth;

/// A transaction, and when it was confirmed.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub txid: Txid,
    pub transaction: Arc<Transaction>,
    pub birth: Option<CoinBirth>,
}

/// The outputs that these transactions pay to scripts, and what spends them.
///
/// The transactions come in the order of the chain, the unconfirmed ones last, and so do the
/// outputs.
pub fn outputs(sightings: &[Sighting], scripts: &[ScriptBuf]) -> Vec<SeenOutput> {
    let wanted: HashSet<&Script> = scripts.iter().map(ScriptBuf::as_script).collect();
    let mut seen = Vec::new();
    let mut places = HashMap::new();
    for sighting in sightings {
        for (vout, output) in (0u32..).zip(&sighting.transaction.output) {
            if wanted.contains(output.script_pubkey.as_script()) {
                let txid = sighting.txid;
                let outpoint = OutPoint { txid, vout };
                places.insert(outpoint, seen.len());
                seen.push(SeenOutput {
                    outpoint,
                    output: output.clone(),
                    birth: sighting.birth,
                    spend: None,
                });
            }
        }
    }
    for sighting in sightings {
        for input in &sighting.transaction.input {
            let place = places.get(&input.previous_output);
            if let Some(output) = place.and_then(|place| seen.get_mut(*place))
                && output.spend.is_none()
            {
                output.spend = Some(SeenSpend {
                    txid: sighting.txid,
                    transaction: Arc::clone(&sighting.transaction),
                    height: sighting.birth.map(|birth| birth.height),
                });
            }
        }
    }
    seen
}

/// Unconfirmed transactions with parents before children.
pub fn parents_first(unconfirmed: &HashMap<Txid, Arc<Transaction>>) -> Vec<Sighting> {
    let mut order: Vec<Txid> = unconfirmed.keys().copied().collect();
    // The same order at every call, whatever the map does.
    order.sort_unstable();
    let mut placed = HashSet::new();
    let mut sorted = Vec::with_capacity(order.len());
    // Each round places at least one: unconfirmed transactions do not spend each other in circles.
    while !order.is_empty() {
        let before = order.len();
        order.retain(|txid| {
            let Some(transaction) = unconfirmed.get(txid) else {
                return false;
            };
            let waits = transaction.input.iter().any(|input| {
                let parent = input.previous_output.txid;
                unconfirmed.contains_key(&parent) && !placed.contains(&parent)
            });
            if !waits {
                placed.insert(*txid);
                sorted.push(Sighting {
                    txid: *txid,
                    transaction: Arc::clone(transaction),
                    birth: None,
                });
            }
            waits
        });
        if order.len() == before {
            break;
        }
    }
    sorted
}
