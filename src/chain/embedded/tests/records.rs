//! A record, read by a checker that shares no code with the chain: it parses the bytes and follows
//! the longest branch, as a node does.

use std::collections::BTreeMap;

use bitcoin::consensus::deserialize;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::{Block, BlockHash, FeeRate, ScriptBuf, Transaction};

use super::support::{START, coin, first, open, pay, spend};
use crate::chain::{EmbeddedChain, Record, RecordLine, RecordLineError};
use crate::units::{BlockHeight, Blocks};

/// What the checker knows of a block.
struct Known {
    height: u32,
    times: Vec<u32>,
}

struct Checker {
    known: BTreeMap<BlockHash, Known>,
    tip: (BlockHash, u32),
    /// The tip as it would be if `relay` blocks were not there.
    mined_tip: (BlockHash, u32),
    judged: Vec<(String, String)>,
    /// What was offered and how it was taken, floors, reorgs, and what waits.
    offered: Vec<String>,
}

impl Checker {
    fn new() -> Self {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
        let hash = genesis.block_hash();
        let times = vec![genesis.header.time];
        Self {
            known: BTreeMap::from([(hash, Known { height: 0, times })]),
            tip: (hash, 0),
            mined_tip: (hash, 0),
            judged: Vec::new(),
            offered: Vec::new(),
        }
    }

    fn read(record: &Record) -> Self {
        let mut checker = Self::new();
        let mut text = Vec::new();
        record.write_to(&mut text).expect("memory");
        let text = String::from_utf8(text).expect("text");
        for (line, written) in record.lines().iter().zip(text.lines()) {
            assert_eq!(written.parse::<RecordLine>().as_ref(), Ok(line));
            checker.follow(line);
        }
        assert_eq!(text.lines().count(), record.lines().len());
        checker
    }

    fn follow(&mut self, line: &RecordLine) {
        match line {
            RecordLine::Block(bytes) => {
                let hash = self.connect(bytes);
                let height = self.known[&hash].height;
                if height > self.mined_tip.1 {
                    self.mined_tip = (hash, height);
                }
            }
            RecordLine::Tip(hash) => {
                assert_eq!(self.tip.0, *hash);
                assert_eq!(self.mined_tip.0, *hash, "either way of reading");
            }
            RecordLine::Refused { class, block } => {
                assert!(!class.contains(' '));
                let parent = self.check(block).header.prev_blockhash;
                assert!(
                    self.known[&parent].height + 1 > self.tip.1,
                    "a node judges it"
                );
                self.judged.push(("refused".into(), class.clone()));
            }
            RecordLine::Relay { class, block } => {
                assert!(!class.contains(' '));
                let hash = self.connect(block);
                assert_eq!(self.tip.0, hash, "a node judges it");
                self.judged.push(("relay".into(), class.clone()));
            }
            RecordLine::Offer {
                refused,
                transactions,
            } => {
                let class = refused.as_deref().unwrap_or("accepted");
                assert!(!class.contains(' '));
                for bytes in transactions {
                    deserialize::<Transaction>(bytes).expect("a transaction");
                }
                let count = transactions.len();
                self.offered.push(format!("{class} {count}"));
            }
            RecordLine::Floor(rate) => {
                self.offered
                    .push(format!("floor {}", rate.to_sat_per_kwu()));
            }
            RecordLine::Reorg { depth, forgotten } => {
                let count = forgotten.len();
                self.offered.push(format!("reorg {} {count}", depth.0));
            }
            RecordLine::Waits(txids) => {
                assert!(txids.is_sorted());
                self.offered.push(format!("waits {}", txids.len()));
            }
            RecordLine::Comment(text) => {
                let text = text.strip_prefix("unjudged ").unwrap_or_default();
                let class = text.split(':').next().unwrap_or_default();
                if !class.is_empty() {
                    self.judged.push(("unjudged".into(), class.to_owned()));
                }
            }
        }
    }

    fn connect(&mut self, bytes: &[u8]) -> BlockHash {
        let block = self.check(bytes);
        let parent = &self.known[&block.header.prev_blockhash];
        let height = parent.height + 1;
        let mut times = parent.times.clone();
        times.insert(0, block.header.time);
        times.truncate(11);
        let hash = block.block_hash();
        self.known.insert(hash, Known { height, times });
        if height > self.tip.1 {
            self.tip = (hash, height);
        }
        hash
    }

    /// All that can be said of a block without its coins.
    fn check(&self, bytes: &[u8]) -> Block {
        let block: Block = deserialize(bytes).expect("a block");
        let header = bytes.get(..80).expect("a header");
        let hash = sha256d::Hash::hash(header).to_byte_array();
        assert_eq!(hash, block.block_hash().to_byte_array());
        assert!(
            hash[31] < 0x80,
            "the target of regtest has its highest bit clear"
        );
        assert_eq!(header[72..76], [0xff, 0xff, 0x7f, 0x20]);
        assert!(block.header.version.to_consensus() >= 4);
        assert!(block.check_merkle_root());
        assert!(block.check_witness_commitment());
        let coinbase = &block.txdata[0];
        assert!(coinbase.is_coinbase());
        let mark = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
        let mut outputs = coinbase.output.iter();
        assert!(outputs.any(|output| output.script_pubkey.as_bytes().starts_with(&mark)));
        let parent = &self.known[&block.header.prev_blockhash];
        let script_sig = coinbase.input[0].script_sig.as_bytes();
        assert!((2..=100).contains(&script_sig.len()));
        assert!(script_sig.starts_with(&pushed_height(parent.height + 1)));
        let mut times = parent.times.clone();
        times.sort_unstable();
        assert!(block.header.time > times[times.len() / 2]);
        assert!(block.weight().to_wu() <= 4_000_000);
        block
    }
}

/// How a script pushes a height below 32,768 (BIP-34).
fn pushed_height(height: u32) -> Vec<u8> {
    let bytes = height.to_le_bytes();
    match height {
        1..=16 => vec![0x50 + bytes[0]],
        17..=127 => vec![1, bytes[0]],
        128..=32_767 => vec![2, bytes[0], bytes[1]],
        _ => panic!("the tests mine fewer blocks"),
    }
}

fn finish(mut chain: EmbeddedChain) -> (Checker, EmbeddedChain) {
    let record = chain.finish_record().expect("it was recorded");
    let checker = Checker::read(&record);
    assert_eq!(checker.tip.0, chain.tip().hash);
    assert_eq!(checker.tip.1, chain.tip().time.height.0);
    (checker, chain)
}

fn judged(checker: &Checker) -> Vec<(&str, &str)> {
    let judged = checker.judged.iter();
    judged.map(|(line, class)| (&**line, &**class)).collect()
}

#[test]
fn an_ordinary_run() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    chain.submit(&pay(3, coin, 9_000)).expect("good");
    chain.mine(20);
    let (checker, chain) = finish(chain);
    assert_eq!(judged(&checker), []);
    assert_eq!(
        chain.tip().time.height,
        BlockHeight(171),
        "nothing had to be added"
    );
    let mut other = super::support::chain();
    assert_eq!(other.finish_record(), None);
}

#[test]
fn consensus_refusals_are_refused_blocks() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    let mut early = pay(3, coin, 9_000);
    early.input[0].sequence = bitcoin::Sequence::from_height(3);
    for _ in 0..2 {
        chain.submit(&early).expect_err("too early");
    }
    chain.mine_one();
    chain.submit(&early).expect_err("too early");
    chain.submit(&pay(2, coin, 10_001)).expect_err("too much");
    let (checker, _) = finish(chain);
    let expected = [
        ("refused", "bad-txns-nonfinal"),
        ("refused", "bad-txns-nonfinal"),
        ("refused", "bad-txns-in-belowout"),
    ];
    assert_eq!(judged(&checker), expected, "once on each tip");
}

#[test]
fn relay_refusals_are_accepted_blocks_that_are_overtaken() {
    let mut chain = EmbeddedChain::recorded(START);
    let coins = [coin(&mut chain, 10_000), coin(&mut chain, 10_000)];
    chain.submit(&pay(2, coins[0], 10_000)).expect_err("no fee");
    // A node that has taken the block above could not judge this one any more: it comes first.
    chain
        .submit(&pay(2, coins[0], 10_001))
        .expect_err("too much");
    chain
        .submit(&pay(4, coins[1], 9_000))
        .expect_err("no such version");
    chain.submit(&pay(2, coins[1], 10_000)).expect_err("no fee");
    let before = chain.tip().time.height;
    let (checker, chain) = finish(chain);
    let expected = [
        ("refused", "bad-txns-in-belowout"),
        ("unjudged", "min-relay-fee-not-met"),
        ("relay", "min-relay-fee-not-met+version"),
    ];
    assert_eq!(judged(&checker), expected);
    assert_eq!(
        chain.tip().time.height - before,
        Blocks(2),
        "the block was overtaken"
    );
}

#[test]
fn a_refusal_on_each_tip() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    for _ in 0..3 {
        chain.submit(&pay(2, coin, 10_000)).expect_err("no fee");
        chain.submit(&pay(2, coin, 10_001)).expect_err("too much");
        chain.mine_one();
    }
    let (checker, _) = finish(chain);
    let pair = [
        ("refused", "bad-txns-in-belowout"),
        ("relay", "min-relay-fee-not-met"),
    ];
    assert_eq!(judged(&checker), pair.repeat(3));
}

#[test]
fn refusals_bring_their_unconfirmed_ancestors() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    let parent = spend(3, &[coin], &[(9_000, open()), (500, ScriptBuf::new_p2a())]);
    let child = pay(2, first(&parent), 8_000);
    chain.submit(&parent).expect("good");
    chain.submit(&child).expect_err("versions differ");
    chain.set_mempool_min(FeeRate::from_sat_per_vb_u32(100));
    let poor = pay(3, first(&parent), 8_500);
    chain.submit(&poor).expect_err("too cheap");
    let (checker, _) = finish(chain);
    let expected = [
        ("unjudged", "mempool-min-fee-not-met"),
        ("relay", "TRUC-violation"),
    ];
    assert_eq!(judged(&checker), expected, "both spend one coin");
}

#[test]
fn packages_are_judged_whole() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    let parent = pay(3, coin, 10_000);
    let child = pay(3, first(&parent), 10_000);
    chain.submit_package(&parent, &child).expect_err("no fee");
    let (checker, _) = finish(chain);
    assert_eq!(judged(&checker), [("relay", "min-relay-fee-not-met")]);
}

/// While a node still follows the old branch it judges nothing on the new one.
#[test]
fn competing_branches() {
    let mut chain = EmbeddedChain::recorded(START);
    let coin = coin(&mut chain, 10_000);
    chain.submit(&pay(2, coin, 9_000)).expect("good");
    chain.mine(3);
    chain.submit(&pay(2, coin, 8_000)).expect_err("spent");
    let rival = pay(2, coin, 10_001);
    chain.reorg(Blocks(3), &[]).expect("deep enough");
    chain.submit(&rival).expect_err("too much");
    chain.mine(4);
    chain.submit(&rival).expect_err("too much, and spent");
    let expected = [
        ("refused", "bad-txns-inputs-missingorspent"),
        ("unjudged", "bad-txns-in-belowout"),
        ("refused", "bad-txns-inputs-missingorspent"),
    ];
    let (checker, chain) = finish(chain);
    assert_eq!(judged(&checker), expected);
    assert_eq!(chain.tip().time.height, BlockHeight(155));
}

/// A reorg that never overtakes is overtaken at the end.
#[test]
fn an_unfinished_reorg() {
    let mut chain = EmbeddedChain::recorded(START);
    chain.mine(5);
    chain.reorg(Blocks(4), &[]).expect("deep enough");
    chain.mine_one();
    let (_, chain) = finish(chain);
    assert_eq!(chain.tip().time.height, BlockHeight(156));
}

/// For a node with a mempool: what was offered, how it was taken, and what waits then.
#[test]
fn the_mempool_is_recorded() {
    let mut chain = EmbeddedChain::recorded(START);
    let funded = coin(&mut chain, 10_000);
    let parent = pay(3, funded, 9_000);
    let child = pay(3, first(&parent), 9_000);
    chain
        .submit_package(&parent, &child)
        .expect_err("no fee for the child");
    chain.submit(&parent).expect_err("it is there already");
    chain.set_mempool_min(FeeRate::from_sat_per_kwu(250));
    chain.mine_one();
    chain
        .reorg(Blocks(1), &[parent.compute_txid()])
        .expect("deep enough");
    chain.test_accept(&parent).expect("asking is not offering");
    chain.submit(&parent).expect("nobody remembers it");
    chain.mine(2);
    let (checker, _) = finish(chain);
    let expected = [
        "accepted 1",
        "waits 1",
        "waits 0",
        "min-relay-fee-not-met 2",
        "waits 1",
        "txn-already-in-mempool 1",
        "floor 250",
        "waits 0",
        "reorg 1 1",
        "accepted 1",
        "waits 1",
        "waits 0",
    ];
    assert_eq!(checker.offered, expected);
}

#[test]
fn lines_that_are_none() {
    for line in [
        "floor x",
        "floor -1",
        "reorg",
        "reorg x",
        "waits 00",
        "reorg 1 00",
    ] {
        assert!(line.parse::<RecordLine>().is_err(), "{line}");
    }
    for (line, begin) in [
        ("offer a", "offer"),
        ("offer a 00 00 00", "offer"),
        ("", ""),
        ("blok 00", "blok"),
        ("block", "block"),
        ("relay a b c", "relay"),
    ] {
        let refused = line.parse::<RecordLine>();
        assert_eq!(refused, Err(RecordLineError::Shape(begin.to_owned())));
    }
    assert!(matches!(
        "block 0g".parse::<RecordLine>(),
        Err(RecordLineError::Bytes(_))
    ));
    assert!(matches!(
        "tip 00".parse::<RecordLine>(),
        Err(RecordLineError::Hash(_))
    ));
}
