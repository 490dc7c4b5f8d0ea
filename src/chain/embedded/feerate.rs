//! What transactions pay for the room they take, alone and in groups.
//!
//! Bitcoin Core 31 orders a cluster of transactions into chunks that are mined as wholes
//! (`src/cluster_linearize.h`).  Here a chunk is the set of unconfirmed ancestors with the highest
//! feerate, again and again; for clusters of one or two transactions that is the same.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bitcoin::{Amount, FeeRate, Txid};

use super::mempool::Mempool;

/// A fee and the room that it pays for.
///
/// Bitcoin Core measures this room in two ways: what a transaction has to pay, by virtual size, which
/// is rounded up for each (`MemPoolAccept` in `src/validation.cpp`), and what miners prefer, by weight
/// (`ChangeSet::StageAddition` in `src/txmempool.cpp`, `src/txgraph.cpp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fraction {
    pub fee: Amount,
    /// In vbytes.
    pub vsize: u64,
    /// In weight units, adjusted for signature operations.
    pub weight: u64,
}

impl Fraction {
    /// The sum over a set of transactions.
    pub fn of<'a>(pool: &Mempool, txids: impl IntoIterator<Item = &'a Txid>) -> Self {
        let entries = txids.into_iter().filter_map(|txid| pool.get(txid));
        entries.fold(Self::default(), |sum, entry| {
            sum.plus(Self {
                fee: entry.fee,
                vsize: entry.vsize,
                weight: entry.weight,
            })
        })
    }

    pub fn plus(self, other: Self) -> Self {
        // Fees in a mempool are parts of the 21 million that exist, so no sum overflows.
        Self {
            fee: Amount::from_sat(self.fee.to_sat().saturating_add(other.fee.to_sat())),
            vsize: self.vsize.saturating_add(other.vsize),
            weight: self.weight.saturating_add(other.weight),
        }
    }

    /// Compares what miners earn by weight, without rounding.
    pub fn cmp_rate(self, other: Self) -> Ordering {
        let left = u128::from(self.fee.to_sat()) * u128::from(other.weight);
        let right = u128::from(other.fee.to_sat()) * u128::from(self.weight);
        left.cmp(&right)
    }

    /// Compares what is paid by virtual size, without rounding.
    pub fn cmp_rate_by_vsize(self, other: Self) -> Ordering {
        let left = u128::from(self.fee.to_sat()) * u128::from(other.vsize);
        let right = u128::from(other.fee.to_sat()) * u128::from(self.vsize);
        left.cmp(&right)
    }

    /// Whether the fee is at least what this rate asks, rounded up to a whole satoshi.
    pub fn meets(self, rate: FeeRate) -> bool {
        fee_at(rate, self.vsize) <= self.fee
    }
}

/// The fee at a rate, rounded up to a whole satoshi.
pub fn fee_at(rate: FeeRate, vsize: u64) -> Amount {
    rate.fee_vb(vsize).unwrap_or(Amount::MAX)
}

/// Transactions that are mined together, parents first.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub txids: Vec<Txid>,
    pub fraction: Fraction,
}

/// The whole set in chunks, the best feerate first, and ancestors never after descendants.
pub fn chunks(pool: &Mempool, txids: &BTreeSet<Txid>) -> Vec<Chunk> {
    let mut all = Vec::new();
    let mut left = txids.clone();
    while let Some(first) = left.pop_first() {
        let cluster: BTreeSet<_> = pool.cluster([first]).intersection(txids).copied().collect();
        left.retain(|txid| !cluster.contains(txid));
        all.extend(cluster_chunks(pool, cluster));
    }
    // The sort is stable: chunks of one cluster stay in their order.
    all.sort_by(|a, b| b.fraction.cmp_rate(a.fraction));
    all
}

fn cluster_chunks(pool: &Mempool, mut left: BTreeSet<Txid>) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    while !left.is_empty() {
        let best = left
            .iter()
            .map(|txid| {
                let with_ancestors = pool.with_ancestors([*txid]);
                let set: BTreeSet<_> = with_ancestors.intersection(&left).copied().collect();
                let fraction = Fraction::of(pool, &set);
                (set, fraction)
            })
            .max_by(|(_, a), (_, b)| a.cmp_rate(*b));
        let Some((set, fraction)) = best else { break };
        left.retain(|txid| !set.contains(txid));
        let mut chunk = Chunk {
            txids: pool.sorted(&set),
            fraction,
        };
        // A chunk that pays better than the one before it is mined together with it.
        while let Some(last) = chunks.pop_if(|last| last.fraction.cmp_rate(chunk.fraction).is_lt())
        {
            chunk = Chunk {
                txids: [last.txids, chunk.txids].concat(),
                fraction: last.fraction.plus(chunk.fraction),
            };
        }
        chunks.push(chunk);
    }
    chunks
}

/// Whether miners earn more from `new` than from `old`, however much room is left in their block.
///
/// Both lists have the best feerate first.  Drawn as fee over weight, the new curve must nowhere lie
/// below the old one, and somewhere above it.
pub fn improves_diagram(old: &[Chunk], new: &[Chunk]) -> bool {
    let mut above = false;
    for size in corners(old).chain(corners(new)) {
        match compare_at(size, new, old) {
            Ordering::Less => return false,
            Ordering::Equal => {}
            Ordering::Greater => above = true,
        }
    }
    above
}

/// The weights at which the curve bends; between them it is straight.
fn corners(chunks: &[Chunk]) -> impl Iterator<Item = u64> + '_ {
    chunks.iter().scan(0u64, |size, chunk| {
        *size = size.saturating_add(chunk.fraction.weight);
        Some(*size)
    })
}

fn compare_at(size: u64, a: &[Chunk], b: &[Chunk]) -> Ordering {
    let (a_fee, a_unit) = earned_at(size, a);
    let (b_fee, b_unit) = earned_at(size, b);
    (a_fee * b_unit).cmp(&(b_fee * a_unit))
}

/// The fee that `size` weight units earn, as numerator and denominator.
fn earned_at(size: u64, chunks: &[Chunk]) -> (u128, u128) {
    let mut earned = 0u128;
    let mut left = size;
    for chunk in chunks {
        let Fraction { fee, weight, .. } = chunk.fraction;
        let more = u128::from(fee.to_sat());
        if left < weight {
            let unit = u128::from(weight);
            return (earned * unit + more * u128::from(left), unit);
        }
        earned += more;
        left -= weight;
    }
    (earned, 1)
}
