//! Which transactions a miner takes from the mempool.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, Transaction, Txid};

use super::feerate::chunks;
use super::judge::{MAX_BLOCK_SIGOPS_COST, MAX_BLOCK_WEIGHT};
use super::mempool::Mempool;

/// Weight kept for the header and the coinbase transaction.
const RESERVED_WEIGHT: u64 = 8_000;

/// Cost of signature operations kept for the coinbase transaction.
const RESERVED_SIGOPS_COST: usize = 400;

/// Transactions for one block, parents first: the chunks that pay at least `going_rate`, the best
/// paying first, as long as there is room.
///
/// The transactions in `unseen` and their descendants stay out: this miner does not know them.
pub fn choose(pool: &Mempool, going_rate: FeeRate, unseen: &[Txid]) -> Vec<Transaction> {
    let out = pool.with_descendants(unseen.iter().copied());
    let known: BTreeSet<_> = (pool.in_order())
        .map(|(txid, _)| txid)
        .filter(|txid| !out.contains(txid))
        .collect();
    let mut weight = RESERVED_WEIGHT;
    let mut sigop_cost = RESERVED_SIGOPS_COST;
    let mut left_out = BTreeSet::new();
    let mut chosen = Vec::new();
    for chunk in chunks(pool, &known) {
        let entries: Vec<_> = chunk
            .txids
            .iter()
            .filter_map(|txid| pool.get(txid))
            .collect();
        let more_weight: u64 = entries
            .iter()
            .map(|entry| entry.transaction.weight().to_wu())
            .sum();
        let more_sigops: usize = entries.iter().map(|entry| entry.sigop_cost).sum();
        let ancestors = pool.with_ancestors(chunk.txids.iter().copied());
        let fits = weight + more_weight <= MAX_BLOCK_WEIGHT
            && sigop_cost + more_sigops <= MAX_BLOCK_SIGOPS_COST;
        if !fits || !chunk.fraction.meets(going_rate) || !ancestors.is_disjoint(&left_out) {
            left_out.extend(chunk.txids);
            continue;
        }
        weight += more_weight;
        sigop_cost += more_sigops;
        chosen.extend(
            entries
                .iter()
                .map(|entry| Transaction::clone(&entry.transaction)),
        );
    }
    chosen
}
