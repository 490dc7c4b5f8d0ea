//! A leading chain, and a backend over a chain that follows it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use bitcoin::consensus::deserialize;
use bitcoin::{Amount, Block, ScriptBuf, Transaction};
use longstop::chain::{BackendError, Chain, EmbeddedChain, SeenOutput, Verdict};
use longstop::units::{BlockHeight, Blocks, CoinBirth, UnixTime};

use super::coins::{Coin, open};

/// 2026-01-01.
pub const START: UnixTime = UnixTime(1_767_225_600);

/// How long a server may take to see what its node sees.
const PATIENCE: Duration = Duration::from_secs(60);

/// What follows the leader.
pub trait Follower {
    /// Has the same blocks and the same mempool as the leader, if it can be brought about.
    fn follow(&mut self, leader: &EmbeddedChain);

    /// The backend.
    fn chain(&mut self) -> &mut dyn Chain;

    /// Whether the backend sees with some delay what its chain has.
    fn lags(&self) -> bool {
        false
    }
}

pub struct Rig {
    pub leader: EmbeddedChain,
    follower: Box<dyn Follower>,
}

/// What a test compares of an output: everything, in an order of its own.
pub type Shown = Vec<(
    bitcoin::OutPoint,
    TxOutShown,
    Option<CoinBirth>,
    Option<Spend>,
)>;
type TxOutShown = (u64, ScriptBuf);
type Spend = (Transaction, Option<BlockHeight>);

pub fn shown(outputs: &[SeenOutput]) -> Shown {
    let mut shown: Shown = outputs
        .iter()
        .map(|seen| {
            let spend = seen.spend.as_ref().map(|spend| {
                assert_eq!(spend.txid, spend.transaction.compute_txid());
                ((*spend.transaction).clone(), spend.height)
            });
            let output = (
                seen.output.value.to_sat(),
                seen.output.script_pubkey.clone(),
            );
            (seen.outpoint, output, seen.birth, spend)
        })
        .collect();
    shown.sort_by_key(|(outpoint, ..)| *outpoint);
    shown
}

impl Rig {
    pub fn new(follower: Box<dyn Follower>) -> Self {
        let mut rig = Self {
            leader: EmbeddedChain::new(START),
            follower,
        };
        rig.settle();
        rig
    }

    pub fn chain(&mut self) -> &mut dyn Chain {
        self.follower.chain()
    }

    /// Brings the follower to where the leader is, and waits until its backend sees it.
    pub fn settle(&mut self) {
        self.follower.follow(&self.leader);
        let tip = self.leader.tip();
        let waiting: Vec<_> = self
            .leader
            .mempool()
            .map(|(own, _)| own.compute_txid())
            .collect();
        let began = Instant::now();
        loop {
            let chain = self.follower.chain();
            let is_there = chain.tip().is_ok_and(|own| own == tip)
                && waiting
                    .iter()
                    .all(|txid| chain.in_mempool(*txid).is_ok_and(|is_in| is_in));
            if is_there {
                return;
            }
            assert!(
                self.follower.lags() && began.elapsed() < PATIENCE,
                "the backend is at {:?} with {:?}, and should be at {tip:?} with {waiting:?}",
                self.follower.chain().tip(),
                waiting
                    .iter()
                    .map(|txid| self.follower.chain().in_mempool(*txid))
                    .collect::<Vec<_>>()
            );
            sleep(Duration::from_millis(100));
        }
    }

    /// Hands the follower what the leader has, without waiting until its backend sees it.
    pub fn hand_over(&mut self) {
        self.follower.follow(&self.leader);
    }

    /// Puts a coin under the open script with this number into the mempool.
    pub fn fund(&mut self, number: i64, sat: u64) -> Coin {
        let outpoint = self
            .leader
            .fund(open(number), Amount::from_sat(sat))
            .expect("the faucet has coins");
        self.settle();
        Coin { outpoint, number }
    }

    pub fn mine(&mut self, blocks: u32) {
        self.leader.mine(blocks);
        self.settle();
    }

    /// Disconnects blocks and leaves it at that.
    pub fn disconnect(&mut self, depth: u32) {
        self.leader
            .reorg(Blocks(depth), &[])
            .expect("so many were mined");
        self.settle();
    }

    /// Sends a transaction through the backend, and returns its verdict and the leader's.
    pub fn submit(&mut self, transaction: &Transaction) -> (Verdict, Verdict) {
        let theirs = self.follower.chain().submit(transaction);
        let theirs = theirs.expect("the backend answers");
        let ours = self.leader.submit(transaction);
        self.settle();
        (theirs, ours)
    }

    /// The same with a parent and a child.
    pub fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> (Result<Verdict, BackendError>, Verdict) {
        let theirs = self.follower.chain().submit_package(parent, child);
        let ours = match &theirs {
            // Then nothing was sent.
            Err(_) => self.leader.fork().submit_package(parent, child),
            Ok(_) => self.leader.submit_package(parent, child),
        };
        self.settle();
        (theirs, ours)
    }

    /// Asks the backend and the leader about scripts, and returns what both say.
    #[track_caller]
    pub fn outputs(&mut self, scripts: &[ScriptBuf]) -> Vec<SeenOutput> {
        // A server can see a spend a moment after the transaction.
        let began = Instant::now();
        let ours = shown(&self.leader.outputs(scripts));
        loop {
            let theirs = self.follower.chain().outputs(scripts);
            let theirs = theirs.expect("the backend answers");
            if shown(&theirs) == ours {
                assert_in_order(&theirs);
                return theirs;
            }
            if !self.follower.lags() || began.elapsed() > PATIENCE {
                assert_eq!(shown(&theirs), ours);
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// The header timestamps of the leader's blocks.
    fn times(&self) -> Vec<u32> {
        (0..=self.leader.tip().time.height.0)
            .map(|height| self.block(height).header.time)
            .collect()
    }

    pub fn block(&self, height: u32) -> Block {
        let bytes = self.leader.block(BlockHeight(height)).expect("it is there");
        deserialize(bytes).expect("it is a block")
    }

    /// The birth of what the block at this height confirmed, computed from the bytes of the blocks.
    pub fn birth_at(&self, height: u32) -> CoinBirth {
        let times = self.times();
        let end = usize::try_from(height).expect("small");
        let mut before = times[end.saturating_sub(11)..end].to_vec();
        before.sort_unstable();
        CoinBirth {
            height: BlockHeight(height),
            median_time_past_before: UnixTime(before[before.len() / 2]),
        }
    }
}

/// Outputs come by the height of their block, and unconfirmed ones last.
#[track_caller]
fn assert_in_order(outputs: &[SeenOutput]) {
    let heights: Vec<_> = outputs
        .iter()
        .map(|seen| seen.birth.map_or(u32::MAX, |birth| birth.height.0))
        .collect();
    assert!(heights.is_sorted(), "{heights:?}");
}
