//! The consensus rules about transactions.
//!
//! Written after `CheckTransaction`, `IsFinalTx`, `CalculateSequenceLocks` and `CheckTxInputs` in
//! Bitcoin Core 31 (`src/consensus/tx_check.cpp`, `src/consensus/tx_verify.cpp`), with its order
//! of checks, so that a transaction with several faults is refused for the same one.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, Sequence, Transaction, TxOut};

use super::branch::Coin;
use super::script::ScriptJudge;
use crate::chain::Refusal;
use crate::units::{BlockHeight, CoinBirth, Maturity, RelativeLock, UnixTime};

/// A coinbase output can be spent in the block this much higher.
pub const COINBASE_MATURITY: u32 = 100;

/// The weight that no block may exceed (BIP-141).
pub const MAX_BLOCK_WEIGHT: u64 = 4_000_000;

/// The cost of signature operations that no block may exceed (BIP-141).
pub const MAX_BLOCK_SIGOPS_COST: usize = 80_000;

/// Bytes without witness count four times (BIP-141).
const WITNESS_SCALE_FACTOR: u64 = 4;

/// Where coins are looked up.
pub trait CoinView {
    /// The coin, if there is one and it is unspent.
    fn coin(&self, outpoint: &OutPoint) -> Option<&Coin>;
}

/// The place in the chain that a transaction is to have, as locks see it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The height of the block.
    pub height: BlockHeight,
    /// The median time past of the block before it (BIP-113).
    pub median_time_past: UnixTime,
}

impl From<CoinBirth> for Place {
    fn from(birth: CoinBirth) -> Self {
        Self {
            height: birth.height,
            median_time_past: birth.median_time_past_before,
        }
    }
}

/// What a transaction spends, found and added up.
#[derive(Clone, Debug)]
pub struct Spending {
    /// The outputs that it spends, in the order of its inputs.
    pub outputs: Vec<TxOut>,
    /// Amount in minus amount out.
    pub fee: Amount,
    /// Cost of its signature operations.
    pub sigop_cost: usize,
}

/// The rules that a transaction keeps or breaks by itself.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_transaction(transaction: &Transaction) -> Result<(), Refusal> {
    if transaction.input.is_empty() {
        return Err(Refusal::consensus("bad-txns-vin-empty"));
    }
    if transaction.output.is_empty() {
        return Err(Refusal::consensus("bad-txns-vout-empty"));
    }
    let size = u64::try_from(transaction.base_size()).unwrap_or(u64::MAX);
    if size.saturating_mul(WITNESS_SCALE_FACTOR) > MAX_BLOCK_WEIGHT {
        return Err(Refusal::consensus("bad-txns-oversize"));
    }
    let mut total = Amount::ZERO;
    for output in &transaction.output {
        if i64::try_from(output.value.to_sat()).is_err() {
            // Consensus reads the eight bytes as a signed number.
            return Err(Refusal::consensus("bad-txns-vout-negative"));
        }
        if output.value > Amount::MAX_MONEY {
            return Err(Refusal::consensus("bad-txns-vout-toolarge"));
        }
        total = match total.checked_add(output.value) {
            Some(sum) if sum <= Amount::MAX_MONEY => sum,
            _ => return Err(Refusal::consensus("bad-txns-txouttotal-toolarge")),
        };
    }
    let mut seen = BTreeSet::new();
    if !(transaction.input.iter()).all(|input| seen.insert(input.previous_output)) {
        return Err(Refusal::consensus("bad-txns-inputs-duplicate"));
    }
    if transaction.is_coinbase() {
        let length = transaction
            .input
            .first()
            .map(|input| input.script_sig.len());
        if !length.is_some_and(|length| (2..=100).contains(&length)) {
            return Err(Refusal::consensus("bad-cb-length"));
        }
    } else if (transaction.input.iter()).any(|input| input.previous_output.is_null()) {
        return Err(Refusal::consensus("bad-txns-prevout-null"));
    }
    Ok(())
}

/// Whether the lock time of a transaction lets it stand in this place (BIP-113).
pub fn is_final(transaction: &Transaction, place: Place) -> bool {
    let lock_time = transaction.lock_time.to_consensus_u32();
    let reached = match transaction.lock_time {
        bitcoin::absolute::LockTime::Blocks(_) => lock_time < place.height.0,
        bitcoin::absolute::LockTime::Seconds(_) => lock_time < place.median_time_past.0,
    };
    lock_time == 0
        || reached
        || (transaction.input.iter()).all(|input| input.sequence == Sequence::MAX)
}

/// Whether the relative locks of a transaction let it stand in this place (BIP-68).
///
/// An input without coin is left to [`check_inputs`].
pub fn is_sequence_final(transaction: &Transaction, view: &impl CoinView, place: Place) -> bool {
    // The version is unsigned to this rule: a negative one enforces the locks as well.
    if transaction.version.0.cast_unsigned() < 2 {
        return true;
    }
    transaction.input.iter().all(|input| {
        let (Some(lock), Some(coin)) = (
            sequence_lock(input.sequence),
            view.coin(&input.previous_output),
        ) else {
            return true;
        };
        match Maturity::relative(lock, coin.birth) {
            Maturity::Height(height) => place.height >= height,
            Maturity::MedianTime(time) => place.median_time_past >= time,
        }
    })
}

/// The lock in a sequence number; none if it is disabled or waits for nothing.
fn sequence_lock(sequence: Sequence) -> Option<RelativeLock> {
    use bitcoin::relative::LockTime;
    match sequence.to_relative_lock_time()? {
        LockTime::Blocks(height) => {
            std::num::NonZeroU16::new(height.value()).map(RelativeLock::Blocks)
        }
        LockTime::Time(time) => std::num::NonZeroU16::new(time.value()).map(RelativeLock::Units512),
    }
}

/// Finds what a transaction spends, and checks that it may: the coins exist, are mature, and are
/// worth what it pays out.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_inputs(
    transaction: &Transaction,
    view: &impl CoinView,
    place: Place,
) -> Result<Spending, Refusal> {
    let coins = (transaction.input.iter())
        .map(|input| view.coin(&input.previous_output))
        .collect::<Option<Vec<_>>>()
        .ok_or(Refusal::consensus("bad-txns-inputs-missingorspent"))?;
    let mut total = Amount::ZERO;
    for coin in &coins {
        let depth = place.height - coin.birth.height;
        if coin.is_coinbase && depth.0 < COINBASE_MATURITY {
            return Err(Refusal::consensus("bad-txns-premature-spend-of-coinbase"));
        }
        total = match total.checked_add(coin.output.value) {
            Some(sum) if sum <= Amount::MAX_MONEY => sum,
            _ => return Err(Refusal::consensus("bad-txns-inputvalues-outofrange")),
        };
    }
    let paid = transaction.output.iter().map(|output| output.value).sum();
    let fee = (total.checked_sub(paid)).ok_or(Refusal::consensus("bad-txns-in-belowout"))?;
    let sigop_cost = transaction
        .total_sigop_cost(|outpoint| view.coin(outpoint).map(|coin| coin.output.clone()));
    let outputs = coins.into_iter().map(|coin| coin.output.clone()).collect();
    Ok(Spending {
        outputs,
        fee,
        sigop_cost,
    })
}

/// A view with the coins of a block that is being judged laid over those before it.
struct BlockView<'a, V> {
    below: &'a V,
    created: BTreeMap<OutPoint, Coin>,
    spent: BTreeSet<OutPoint>,
}

impl<V: CoinView> CoinView for BlockView<'_, V> {
    fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        if self.spent.contains(outpoint) {
            return None;
        }
        (self.created.get(outpoint)).or_else(|| self.below.coin(outpoint))
    }
}

/// Whether a block may hold these transactions, in this order, besides its coinbase transaction;
/// and the sum of their fees if so.
///
/// The words are those of blocks: a lock that is still closed is `bad-txns-nonfinal`, whichever
/// kind it is.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_block_transactions(
    transactions: &[Transaction],
    view: &impl CoinView,
    birth: CoinBirth,
    scripts: &ScriptJudge,
) -> Result<Amount, Refusal> {
    let place = Place::from(birth);
    for transaction in transactions {
        check_transaction(transaction)?;
        if transaction.is_coinbase() {
            return Err(Refusal::consensus("bad-cb-multiple"));
        }
    }
    if !(transactions.iter()).all(|transaction| is_final(transaction, place)) {
        return Err(Refusal::consensus("bad-txns-nonfinal"));
    }
    let mut view = BlockView {
        below: view,
        created: BTreeMap::new(),
        spent: BTreeSet::new(),
    };
    let mut fees = Amount::ZERO;
    let mut sigop_cost = 0usize;
    for transaction in transactions {
        let spending = check_inputs(transaction, &view, place)?;
        if !is_sequence_final(transaction, &view, place) {
            return Err(Refusal::consensus("bad-txns-nonfinal"));
        }
        sigop_cost = sigop_cost.saturating_add(spending.sigop_cost);
        if sigop_cost > MAX_BLOCK_SIGOPS_COST {
            return Err(Refusal::consensus("bad-blk-sigops"));
        }
        scripts
            .verify(transaction, &spending.outputs)
            .map_err(|_| Refusal::consensus("block-script-verify-flag-failed"))?;
        fees = fees
            .checked_add(spending.fee)
            .filter(|sum| *sum <= Amount::MAX_MONEY)
            .ok_or(Refusal::consensus("bad-txns-accumulated-fee-outofrange"))?;
        let txid = transaction.compute_txid();
        let spent = transaction.input.iter().map(|input| input.previous_output);
        view.spent.extend(spent);
        view.created
            .extend(created_coins(transaction, txid, birth, false));
    }
    Ok(fees)
}

/// The coins that a transaction creates.
pub fn created_coins(
    transaction: &Transaction,
    txid: bitcoin::Txid,
    birth: CoinBirth,
    is_coinbase: bool,
) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
    (0u32..)
        .zip(&transaction.output)
        .filter(|(_, output)| !output.script_pubkey.is_op_return())
        .map(move |(vout, output)| {
            let coin = Coin {
                output: output.clone(),
                birth,
                is_coinbase,
            };
            (OutPoint { txid, vout }, coin)
        })
}
