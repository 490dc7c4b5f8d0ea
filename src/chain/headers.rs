//! The branch as a backend showed it: hashes and timestamps from some height on.

use bitcoin::BlockHash;
use bitcoin::block::Header;
use serde::{Deserialize, Serialize};

use super::BackendError;
use crate::units::{BlockHeight, CoinBirth, UnixTime};

/// Blocks whose timestamps count for the median time past (BIP-113).
pub const MEDIAN_TIME_SPAN: u32 = 11;

/// The median of the timestamps of a block and the ten before it, or as many as there are.
pub fn median_time(mut times: Vec<u32>) -> Option<UnixTime> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().map(UnixTime)
}

/// A block of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub hash: BlockHash,
    pub time: u32,
}

/// Consecutive blocks of one branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// The height of the first.
    base: u32,
    links: Vec<Link>,
}

impl Headers {
    /// No blocks yet; the first will be the one that is needed for births from this height on.
    pub fn for_births_from(height: BlockHeight) -> Self {
        Self {
            // The block before it, and the ten before that.
            base: height.0.saturating_sub(MEDIAN_TIME_SPAN),
            links: Vec::new(),
        }
    }

    pub const fn base(&self) -> BlockHeight {
        BlockHeight(self.base)
    }

    /// The height after the last.
    pub fn next_height(&self) -> BlockHeight {
        let count = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        BlockHeight(self.base.saturating_add(count))
    }

    pub fn last(&self) -> Option<BlockHash> {
        self.links.last().map(|link| link.hash)
    }

    pub fn hash(&self, height: BlockHeight) -> Option<BlockHash> {
        self.link(height.0).map(|link| link.hash)
    }

    fn link(&self, height: u32) -> Option<&Link> {
        let index = usize::try_from(height.checked_sub(self.base)?).ok()?;
        self.links.get(index)
    }

    /// Adds a block, if it stands on the last one; whether it does.
    pub fn push(&mut self, header: &Header) -> bool {
        let stands = self.last().is_none_or(|last| last == header.prev_blockhash);
        if stands {
            self.links.push(Link {
                hash: header.block_hash(),
                time: header.time,
            });
        }
        stands
    }

    /// Forgets the blocks from this height on.
    pub fn forget_from(&mut self, height: BlockHeight) {
        let keep = usize::try_from(height.0.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.links.truncate(keep);
    }

    /// The birth of coins that the block at this height confirmed.
    pub fn birth_at(&self, height: BlockHeight) -> Option<CoinBirth> {
        // Nothing was ever confirmed by the genesis block.
        let before = height.0.checked_sub(1)?;
        let first = before.saturating_sub(MEDIAN_TIME_SPAN - 1).max(self.base);
        let is_whole = first == 0 || before - first == MEDIAN_TIME_SPAN - 1;
        let times: Option<Vec<u32>> = (first..=before)
            .map(|height| self.link(height).map(|link| link.time))
            .collect();
        Some(CoinBirth {
            height,
            median_time_past_before: times.filter(|_| is_whole).and_then(median_time)?,
        })
    }
}

/// Where headers come from.
pub trait HeaderSource {
    /// The headers of the active branch from this height on, so many or as many as there are.
    ///
    /// # Errors
    ///
    /// If the backend does not answer.
    fn headers(&self, from: BlockHeight, count: u32) -> Result<Vec<Header>, BackendError>;
}

/// How many headers are fetched at once to find where a branch forks off.
const FORK_STEP: u32 = 64;

/// How many headers are fetched at once to catch up.
const CATCH_UP_STEP: u32 = 2_000;

/// How often the branch may change while it is read.
const ATTEMPTS: u32 = 10;

impl Headers {
    /// Follows the active branch up to this height at least, and forgets what is no longer on it.
    ///
    /// Returns the lowest height whose block is another one now, if any is.
    ///
    /// # Errors
    ///
    /// If the source does not answer, or does not stand still.
    pub fn follow(
        &mut self,
        up_to: BlockHeight,
        source: &impl HeaderSource,
    ) -> Result<Option<BlockHeight>, BackendError> {
        let mut changed: Option<BlockHeight> = None;
        for _ in 0..ATTEMPTS {
            if let Some(fork) = self.forget_abandoned(source)? {
                changed = Some(changed.map_or(fork, |lowest| lowest.min(fork)));
            }
            if self.catch_up(up_to, source)? {
                return Ok(changed);
            }
        }
        Err(BackendError::new(format!(
            "its chain changed {ATTEMPTS} times while it was read"
        )))
    }

    /// Forgets the blocks that are not on the active branch, and returns the lowest of them.
    fn forget_abandoned(
        &mut self,
        source: &impl HeaderSource,
    ) -> Result<Option<BlockHeight>, BackendError> {
        let top = self.next_height().previous();
        let mut step = 1;
        let mut changed = None;
        while !self.links.is_empty() {
            let last = self.next_height().previous();
            let first = BlockHeight(last.0.saturating_sub(step - 1).max(self.base));
            let found = source.headers(first, last.0 - first.0 + 1)?;
            let same = (first.0..)
                .zip(&found)
                .filter(|(height, header)| {
                    self.hash(BlockHeight(*height)) == Some(header.block_hash())
                })
                .last();
            match same {
                Some((height, _)) if height == top.0 => break,
                Some((height, _)) => {
                    self.forget_from(BlockHeight(height).next());
                    changed = Some(BlockHeight(height).next());
                    break;
                }
                None => {
                    self.forget_from(first);
                    changed = Some(first);
                    step = FORK_STEP;
                }
            }
        }
        Ok(changed)
    }

    /// Adds what is missing; whether all of it stood on what was there.
    fn catch_up(
        &mut self,
        up_to: BlockHeight,
        source: &impl HeaderSource,
    ) -> Result<bool, BackendError> {
        while self.next_height() <= up_to {
            let next = self.next_height();
            let count = (up_to.0 - next.0 + 1).min(CATCH_UP_STEP);
            let found = source.headers(next, count)?;
            if found.is_empty() || !found.iter().all(|header| self.push(header)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::constants::genesis_block;
    use bitcoin::{CompactTarget, Network};

    use super::*;

    /// A branch of so many blocks after the genesis block with these timestamps.
    fn branch(times: &[u32]) -> Vec<Header> {
        let mut headers = vec![genesis_block(Network::Regtest).header];
        for time in times {
            let last = *headers.last().expect("it begins with one");
            headers.push(Header {
                prev_blockhash: last.block_hash(),
                time: *time,
                bits: CompactTarget::from_consensus(0x207f_ffff),
                ..last
            });
        }
        headers
    }

    #[test]
    fn a_birth_needs_the_eleven_blocks_before_it() {
        let times: Vec<u32> = (1..40).map(|n| 1_600_000_000 + n * 600).collect();
        let branch = branch(&times);
        for born in [1, 5, 10, 11, 12, 13, 30] {
            let mut all = Headers::for_births_from(BlockHeight(1));
            assert!(branch.iter().all(|header| all.push(header)));
            let mut late = Headers::for_births_from(BlockHeight(born));
            let from = usize::try_from(late.base().0).expect("small");
            assert!(branch[from..].iter().all(|header| late.push(header)));
            let birth = all.birth_at(BlockHeight(born)).expect("known");
            assert_eq!(late.birth_at(BlockHeight(born)), Some(birth));
            if born > 12 {
                let before = late.birth_at(BlockHeight(born - 1));
                assert_eq!(before, None, "one block is missing for it");
                let median = branch[usize::try_from(born).expect("small") - 6].time;
                assert_eq!(birth.median_time_past_before, UnixTime(median));
            }
        }
    }

    #[test]
    fn a_block_on_another_branch_is_not_taken() {
        let one = branch(&[1_600_000_000, 1_600_000_600]);
        let other = branch(&[1_600_000_001, 1_600_000_601]);
        let mut headers = Headers::for_births_from(BlockHeight(1));
        assert!(headers.push(&one[0]) && headers.push(&one[1]));
        assert!(!headers.push(&other[2]));
        headers.forget_from(BlockHeight(1));
        assert!(headers.push(&other[1]) && headers.push(&other[2]));
        assert_eq!(headers.next_height(), BlockHeight(3));
        assert_eq!(headers.hash(BlockHeight(2)), Some(other[2].block_hash()));
    }

    struct Served(Vec<Header>);

    impl HeaderSource for Served {
        fn headers(&self, from: BlockHeight, count: u32) -> Result<Vec<Header>, BackendError> {
            let from = usize::try_from(from.0).expect("small");
            let count = usize::try_from(count).expect("small");
            Ok(self.0.iter().skip(from).take(count).copied().collect())
        }
    }

    #[test]
    fn a_reorg_of_any_depth_is_followed_to_its_fork() {
        let times: Vec<u32> = (1..=200).map(|n| 1_600_000_000 + n * 600).collect();
        let old = Served(branch(&times));
        for depth in [1, 2, 6, 50, 63, 64, 65, 130, 200] {
            let mut other = times.clone();
            let fork = times.len() - depth;
            other[fork..].iter_mut().for_each(|time| *time += 1);
            other.push(1_700_000_000);
            let new = Served(branch(&other));
            for base in [1, 100] {
                let mut headers = Headers::for_births_from(BlockHeight(base));
                assert_eq!(
                    headers.follow(BlockHeight(200), &old).expect("served"),
                    None
                );
                assert_eq!(
                    headers.follow(BlockHeight(200), &old).expect("served"),
                    None
                );
                let changed = headers.follow(BlockHeight(201), &new).expect("served");
                let lowest = u32::try_from(fork + 1)
                    .expect("small")
                    .max(headers.base().0);
                assert_eq!(changed, Some(BlockHeight(lowest)), "{depth} from {base}");
                for height in headers.base().0..=201 {
                    let there = new.0[usize::try_from(height).expect("small")].block_hash();
                    assert_eq!(headers.hash(BlockHeight(height)), Some(there));
                }
            }
        }
    }

    #[test]
    fn a_source_that_never_stands_still_is_given_up() {
        struct Restless(std::cell::Cell<u32>);
        impl HeaderSource for Restless {
            fn headers(&self, from: BlockHeight, _: u32) -> Result<Vec<Header>, BackendError> {
                self.0.set(self.0.get() + 1);
                let branch = branch(&[1_600_000_000 + self.0.get(), 1_600_001_000]);
                let from = usize::try_from(from.0).expect("small");
                Ok(branch.get(from..=from).unwrap_or_default().to_vec())
            }
        }
        let mut headers = Headers::for_births_from(BlockHeight(1));
        let restless = Restless(std::cell::Cell::new(0));
        assert!(headers.follow(BlockHeight(2), &restless).is_err());
    }
}
