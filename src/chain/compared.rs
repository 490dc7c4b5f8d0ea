//! Several backends at once, held against each other.

use std::collections::BTreeMap;
use std::fmt;

use bitcoin::{BlockHash, FeeRate, OutPoint, ScriptBuf, Transaction, Txid};
use thiserror::Error;

use super::{BackendError, Chain, ChainTip, Freshness, Judge, SeenOutput, Verdict};
use crate::units::{BlockHeight, Blocks, CoinBirth};

/// The most blocks by which a backend may be behind another: what a slow one needs minutes for, and
/// far fewer than a window has.
const MAX_BEHIND: Blocks = Blocks(3);

/// A backend under the name by which disagreements call it.
type Named = (String, Box<dyn Chain + Send>);

/// Several backends.  The first one answers, and the others are asked whether they see the same.
///
/// What is compared is what is confirmed: the mempools of two nodes differ at every moment.  A
/// transaction is offered to all.
pub struct Compared {
    first: Named,
    others: Vec<Named>,
}

impl fmt::Debug for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [&self.first].into_iter().chain(&self.others);
        f.debug_list().entries(names.map(|(name, _)| name)).finish()
    }
}

/// Two backends say different things.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{one}` and `{other}` disagree: {about}; nothing was done, find out which of them is wrong"
)]
pub struct Disagreement {
    /// The backend that answers.
    pub one: String,
    /// One of those that it is held against.
    pub other: String,
    /// What about.
    pub about: Difference,
}

/// What two backends see differently.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Difference {
    /// They follow different branches.
    #[error("at height {height} one has block {one}, the other {other}")]
    Branch {
        /// The height.
        height: BlockHeight,
        /// The block of the one.
        one: BlockHash,
        /// The block of the other.
        other: BlockHash,
    },
    /// One is further behind than it may be.
    #[error(
        "one is at height {one}, the other at {other}, and more than {MAX_BEHIND} apart are not believed"
    )]
    Behind {
        /// The height of the one.
        one: BlockHeight,
        /// The height of the other.
        other: BlockHeight,
    },
    /// One knows of an output that the other does not have, or sees it otherwise.
    #[error("they see the output {outpoint} differently: one as {one}, the other as {other}")]
    Output {
        /// The output.
        outpoint: OutPoint,
        /// How the one sees it.
        one: String,
        /// How the other does.
        other: String,
    },
    /// They place the confirmation of a transaction differently.
    #[error("one says that transaction {txid} is {one}, the other that it is {other}")]
    Confirmation {
        /// The transaction.
        txid: Txid,
        /// What the one says.
        one: String,
        /// What the other says.
        other: String,
    },
    /// One takes a transaction that the other holds to be invalid.
    #[error(
        "one takes transaction {txid}, and the other says that it breaks a rule of consensus: {refusal}"
    )]
    Verdict {
        /// The transaction.
        txid: Txid,
        /// Why the other refuses it.
        refusal: String,
    },
}

impl Compared {
    /// The first of these backends answers, and the others are asked as well.
    #[must_use]
    pub fn new(
        first: (String, Box<dyn Chain + Send>),
        others: Vec<(String, Box<dyn Chain + Send>)>,
    ) -> Self {
        Self { first, others }
    }

    fn differ(&self, other: &str, about: Difference) -> BackendError {
        BackendError::Disagreement(Box::new(Disagreement {
            one: self.first.0.clone(),
            other: other.to_owned(),
            about,
        }))
    }

    /// The height up to which another backend sees the same blocks.
    fn common_height(&self, other: &Named) -> Result<BlockHeight, BackendError> {
        let (ours, theirs) = (self.first.1.tip()?, other.1.tip()?);
        let (one, two) = (ours.time.height, theirs.time.height);
        let common = one.min(two);
        if one.max(two) - common > MAX_BEHIND {
            return Err(self.differ(&other.0, Difference::Behind { one, other: two }));
        }
        let at = |named: &Named, tip: ChainTip| {
            if tip.time.height == common {
                return Ok(Some(tip.hash));
            }
            named.1.block_hash(common)
        };
        match (at(&self.first, ours)?, at(other, theirs)?) {
            (Some(one), Some(two)) if one != two => {
                let about = Difference::Branch {
                    height: common,
                    one,
                    other: two,
                };
                Err(self.differ(&other.0, about))
            }
            _ => Ok(common),
        }
    }

    /// Asks whether the others see this as well.
    fn compare<T: PartialEq>(
        &self,
        ours: &T,
        ask: impl Fn(&dyn Chain) -> Result<T, BackendError>,
        up_to: impl Fn(&T, BlockHeight) -> T,
        name: impl Fn(&T, &T) -> Difference,
    ) -> Result<(), BackendError> {
        for other in &self.others {
            let common = self.common_height(other)?;
            let theirs = up_to(&ask(&*other.1)?, common);
            let ours = up_to(ours, common);
            if ours != theirs {
                // A block that came in between makes honest backends differ for a moment.
                self.common_height(other)?;
                let again = up_to(&ask(&*self.first.1)?, common);
                let theirs = up_to(&ask(&*other.1)?, common);
                if again != theirs {
                    return Err(self.differ(&other.0, name(&again, &theirs)));
                }
            }
        }
        Ok(())
    }

    /// Offers something to all, and lets the first one answer.
    fn offer(
        &mut self,
        txid: Txid,
        offer: impl Fn(&mut dyn Chain) -> Result<Verdict, BackendError>,
    ) -> Result<Verdict, BackendError> {
        let verdict = offer(&mut *self.first.1);
        let mut contradiction = None;
        let mut taken = false;
        for (name, other) in &mut self.others {
            // One that does not answer keeps nobody from sending.
            let Ok(theirs) = offer(&mut **other) else {
                continue;
            };
            taken |= theirs.is_ok();
            let refusal = match (&verdict, &theirs) {
                (Ok(Ok(())), Err(refusal)) | (Ok(Err(refusal)), Ok(())) => refusal,
                _ => continue,
            };
            // Who is further ahead has it in a block; and fees and forms are every node's own.
            if refusal.by == Judge::Consensus && refusal.class != "txn-already-known" {
                let refusal = refusal.to_string();
                contradiction = Some((name.clone(), Difference::Verdict { txid, refusal }));
            }
        }
        match (contradiction, verdict) {
            (Some((name, about)), _) => Err(self.differ(&name, about)),
            // It is on its way, whatever keeps the first one from it.
            (None, Err(_)) if taken => Ok(Ok(())),
            (None, verdict) => verdict,
        }
    }
}

/// An output by what is confirmed of it: its birth, and the spend with its height.
type Confirmed = BTreeMap<OutPoint, (u64, CoinBirth, Option<(Txid, BlockHeight)>)>;

fn confirmed(outputs: &[SeenOutput], up_to: BlockHeight) -> Confirmed {
    let outputs = outputs.iter().filter_map(|seen| {
        let birth = seen.birth.filter(|birth| birth.height <= up_to)?;
        let spend = seen.spend.as_ref().and_then(|spend| {
            let height = spend.height.filter(|height| *height <= up_to)?;
            Some((spend.txid, height))
        });
        Some((seen.outpoint, (seen.output.value.to_sat(), birth, spend)))
    });
    outputs.collect()
}

fn output_difference(ours: &Confirmed, theirs: &Confirmed) -> Difference {
    let either = ours.keys().chain(theirs.keys());
    let mut different = either.filter(|outpoint| ours.get(outpoint) != theirs.get(outpoint));
    let outpoint = different.next().copied().unwrap_or_default();
    let told = |all: &Confirmed| match all.get(&outpoint) {
        None => "not there".to_owned(),
        Some((sats, birth, None)) => {
            let since = birth.median_time_past_before;
            format!("{sats} sat from block {} ({since}), unspent", birth.height)
        }
        Some((sats, birth, Some((txid, height)))) => {
            let since = birth.median_time_past_before;
            let born = birth.height;
            format!("{sats} sat from block {born} ({since}), spent by {txid} in block {height}")
        }
    };
    Difference::Output {
        outpoint,
        one: told(ours),
        other: told(theirs),
    }
}

impl Chain for Compared {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        for other in &self.others {
            self.common_height(other)?;
        }
        self.first.1.tip()
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        let ours = self.first.1.block_hash(height)?;
        for (name, other) in &self.others {
            if let (Some(one), Some(two)) = (ours, other.block_hash(height)?)
                && one != two
            {
                let about = Difference::Branch {
                    height,
                    one,
                    other: two,
                };
                return Err(self.differ(name, about));
            }
        }
        Ok(ours)
    }

    /// The oldest view: what is stale for one is stale for all.
    fn freshness(&self) -> Result<Freshness, BackendError> {
        let mut oldest = self.first.1.freshness()?;
        for (_, other) in &self.others {
            let theirs = other.freshness()?;
            if theirs.syncing_to.is_some() || theirs.stamped < oldest.stamped {
                oldest = theirs;
            }
        }
        Ok(oldest)
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.offer(transaction.compute_txid(), |chain| {
            chain.submit(transaction)
        })
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        self.offer(child.compute_txid(), |chain| {
            chain.submit_package(parent, child)
        })
    }

    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        let all = [&self.first].into_iter().chain(&self.others);
        let mut answer = Err(BackendError::nonsense("no backend was asked"));
        for (_, chain) in all {
            answer = chain.test_accept(transaction);
            // The next one may be able to.
            if !matches!(answer, Err(BackendError::Unsupported { .. })) {
                break;
            }
        }
        answer
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        let ours = self.first.1.outputs(scripts)?;
        let whole = confirmed(&ours, BlockHeight(u32::MAX));
        let cut = |all: &Confirmed, up_to: BlockHeight| {
            let kept = all
                .iter()
                .filter(|(_, (_, birth, _))| birth.height <= up_to);
            kept.map(|(outpoint, (sats, birth, spend))| {
                let spend = spend.filter(|(_, height)| *height <= up_to);
                (*outpoint, (*sats, *birth, spend))
            })
            .collect()
        };
        self.compare(
            &whole,
            |chain| {
                let theirs = chain.outputs(scripts)?;
                Ok(confirmed(&theirs, BlockHeight(u32::MAX)))
            },
            cut,
            output_difference,
        )?;
        Ok(ours)
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        let ours = self.first.1.confirmation(txid)?;
        for other in &self.others {
            let common = self.common_height(other)?;
            let theirs = other.1.confirmation(txid)?;
            // One without an index of transactions need not know it.
            if let (Some(one), Some(two)) = (ours, theirs)
                && one != two
                && one.height.min(two.height) <= common
            {
                let told = |birth: CoinBirth| {
                    let since = birth.median_time_past_before;
                    format!("in block {} ({since})", birth.height)
                };
                let about = Difference::Confirmation {
                    txid,
                    one: told(one),
                    other: told(two),
                };
                return Err(self.differ(&other.0, about));
            }
        }
        Ok(ours)
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        for (_, chain) in [&self.first].into_iter().chain(&self.others) {
            if let Some(found) = chain.transaction(txid)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        self.first.1.in_mempool(txid)
    }

    /// The highest of what they say: estimates of honest backends differ, and what is late can be
    /// lost, while what is too dear is bounded by whoever pays.  One that does not answer keeps
    /// nobody from an estimate of another.
    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        let mut highest = None;
        let mut failed = None;
        for (_, chain) in [&self.first].into_iter().chain(&self.others) {
            match chain.feerate(target) {
                Ok(told) => highest = highest.max(told),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (highest, failed) {
            (None, Some(error)) => Err(error),
            (highest, _) => Ok(highest),
        }
    }

    fn memory(&self) -> Option<Vec<u8>> {
        self.first.1.memory()
    }
}
