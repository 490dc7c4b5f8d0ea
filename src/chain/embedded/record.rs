//! A record of a run that any full node can judge again.
//!
//! One line is one event, in the order in which a node must be told:
//!
//! | Line | Meaning |
//! |---|---|
//! | `block HEX` | A block that the chain mined, the blocks of abandoned branches included. |
//! | `tip HASH` | After the lines so far this block is the tip of a full node. |
//! | `refused CLASS HEX` | A block on that tip which a full node must refuse.  It holds a refused transaction and its unconfirmed ancestors; CLASS is what a block is refused for. |
//! | `relay CLASS HEX` | A block on that tip which a full node must accept as its new tip, though relay policy refused a transaction in it for CLASS.  The chain overtakes it later. |
//! | `offer CLASS HEX [HEX]` | A transaction that was offered to the mempool, or a parent and its child; CLASS is what it was refused for, or `accepted`. |
//! | `floor RATE` | The minimum feerate of the mempool from here on, in satoshi per 1,000 weight units. |
//! | `reorg DEPTH [TXID…]` | So many blocks were disconnected, and the network forgot these transactions. |
//! | `waits [TXID…]` | What the mempool holds now, sorted; where no line says so, as before. |
//! | `# TEXT` | A comment. |
//!
//! The last four before comments are for a node with a mempool.  Whoever judges blocks alone leaves
//! them out.
//!
//! In CLASS every space is a `-`.  If relay policy refused several transactions on one tip, one
//! block holds as many of them as agree, and CLASS joins their classes with `+`.  A reader that
//! leaves `relay` blocks out, or judges them on a node of its own, finds the same tips.
//!
//! A node compares timestamps with its own clock: set it to the end of the run.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::str::FromStr;

use bitcoin::consensus::encode::serialize;
use bitcoin::hex::{DisplayHex, FromHex, HexToBytesError};
use bitcoin::{BlockHash, FeeRate, Transaction, Txid, Wtxid};
use thiserror::Error;

use crate::chain::{ChainTip, Verdict};
use crate::units::{BlockHeight, Blocks};

/// A line of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordLine {
    /// The chain mined this block.
    Block(Box<[u8]>),
    /// A full node has this tip now.
    Tip(BlockHash),
    /// A full node must refuse this block.
    Refused {
        /// What for, without spaces.
        class: String,
        /// The bytes of the block.
        block: Box<[u8]>,
    },
    /// A full node must accept this block and make it its tip.
    Relay {
        /// What relay policy refused transactions in it for, without spaces.
        class: String,
        /// The bytes of the block.
        block: Box<[u8]>,
    },
    /// Something was offered to the mempool.
    Offer {
        /// What it was refused for, without spaces; nothing if it was taken.
        refused: Option<String>,
        /// The transaction, or the parent and its child, in consensus bytes.
        transactions: Vec<Box<[u8]>>,
    },
    /// The minimum feerate of the mempool from here on.
    Floor(FeeRate),
    /// Blocks were disconnected.
    Reorg {
        /// How many.
        depth: Blocks,
        /// The transactions that nobody remembers.
        forgotten: Vec<Txid>,
    },
    /// What the mempool holds now.
    Waits(Vec<Txid>),
    /// Words for a human reader.
    Comment(String),
}

/// Stands for the class of what was taken.
const ACCEPTED: &str = "accepted";

impl fmt::Display for RecordLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => write!(f, "block {}", block.as_hex()),
            Self::Tip(hash) => write!(f, "tip {hash}"),
            Self::Refused { class, block } => write!(f, "refused {class} {}", block.as_hex()),
            Self::Relay { class, block } => write!(f, "relay {class} {}", block.as_hex()),
            Self::Offer {
                refused,
                transactions,
            } => {
                let class = refused.as_deref().unwrap_or(ACCEPTED);
                write!(f, "offer {class}")?;
                let mut transactions = transactions.iter();
                transactions.try_for_each(|bytes| write!(f, " {}", bytes.as_hex()))
            }
            Self::Floor(rate) => write!(f, "floor {}", rate.to_sat_per_kwu()),
            Self::Reorg { depth, forgotten } => {
                write!(f, "reorg {}", depth.0)?;
                forgotten.iter().try_for_each(|txid| write!(f, " {txid}"))
            }
            Self::Waits(txids) => {
                f.write_str("waits")?;
                txids.iter().try_for_each(|txid| write!(f, " {txid}"))
            }
            Self::Comment(text) => write!(f, "# {text}"),
        }
    }
}

/// Why a text is no line of a record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordLineError {
    /// Not a word that a line begins with, or too few or many words after it.
    #[error(
        "a line is `block HEX`, `tip HASH`, `refused CLASS HEX`, `relay CLASS HEX`, `offer CLASS HEX [HEX]`, `floor RATE`, `reorg DEPTH [TXID…]`, `waits [TXID…]` or `# TEXT`, but this one begins with `{0}`"
    )]
    Shape(String),
    /// Not the bytes of a block or transaction.
    #[error("the bytes are not in hex")]
    Bytes(#[from] HexToBytesError),
    /// Not the hash of a block, nor of a transaction.
    #[error("a hash is none: it has 64 digits")]
    Hash(#[from] bitcoin::hex::HexToArrayError),
    /// Not a number.
    #[error("a number is none")]
    Number(#[from] std::num::ParseIntError),
}

impl FromStr for RecordLine {
    type Err = RecordLineError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        if let Some(text) = line.strip_prefix("# ") {
            return Ok(Self::Comment(text.to_owned()));
        }
        let bytes = |hex: &str| Vec::from_hex(hex).map(Vec::into_boxed_slice);
        let words: Vec<_> = line.split(' ').collect();
        match *words.as_slice() {
            ["block", hex] => Ok(Self::Block(bytes(hex)?)),
            ["tip", hash] => Ok(Self::Tip(hash.parse()?)),
            ["refused", class, hex] => Ok(Self::Refused {
                class: class.to_owned(),
                block: bytes(hex)?,
            }),
            ["relay", class, hex] => Ok(Self::Relay {
                class: class.to_owned(),
                block: bytes(hex)?,
            }),
            ["offer", class, one] => offer(class, &[one]),
            ["offer", class, parent, child] => offer(class, &[parent, child]),
            ["floor", rate] => Ok(Self::Floor(FeeRate::from_sat_per_kwu(rate.parse()?))),
            ["reorg", depth, ref forgotten @ ..] => Ok(Self::Reorg {
                depth: Blocks(depth.parse()?),
                forgotten: txids(forgotten)?,
            }),
            ["waits", ref waiting @ ..] => Ok(Self::Waits(txids(waiting)?)),
            _ => {
                let first = words.first().copied().unwrap_or_default();
                Err(RecordLineError::Shape(first.to_owned()))
            }
        }
    }
}

fn offer(class: &str, hex: &[&str]) -> Result<RecordLine, RecordLineError> {
    let transactions = hex
        .iter()
        .map(|hex| Vec::from_hex(hex).map(Vec::into_boxed_slice));
    Ok(RecordLine::Offer {
        refused: (class != ACCEPTED).then(|| class.to_owned()),
        transactions: transactions.collect::<Result<_, _>>()?,
    })
}

fn txids(words: &[&str]) -> Result<Vec<Txid>, RecordLineError> {
    let txids = words.iter().map(|word| word.parse());
    Ok(txids.collect::<Result<_, _>>()?)
}

/// A run from the first block to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    lines: Vec<RecordLine>,
}

impl Record {
    /// The lines in their order.
    #[must_use]
    pub fn lines(&self) -> &[RecordLine] {
        &self.lines
    }

    /// Writes the record as text.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn write_to(&self, writer: &mut dyn io::Write) -> io::Result<()> {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(writer, "{line}"))
    }
}

/// Why a refusal cannot be judged while a reorg has not overtaken the old branch.
pub const FOLLOWS_ANOTHER_BRANCH: &str = "a node still follows another branch";

/// A transaction that relay policy alone refused, with the unconfirmed ones that it needs.
#[derive(Debug)]
pub struct RelayCase {
    pub class: String,
    pub transactions: Vec<Transaction>,
}

/// Writes the record, and knows what a full node that reads it has as its tip.
///
/// A node connects a block, and so judges it, only if the branch of the block is longer than its
/// own; and a line says that its block stands on the tip.  What would not be judged there is
/// recorded as a comment.
#[derive(Debug)]
pub struct Recorder {
    lines: Vec<RecordLine>,
    /// The tip of a node that takes `relay` blocks for blocks like any other.
    node_tip: (BlockHash, BlockHeight),
    /// The tip of a node that is not shown `relay` blocks.
    mined_tip: (BlockHash, BlockHeight),
    /// Waits until the tip changes, because a node that has accepted such a block can judge no
    /// other on the same tip.
    waiting: Vec<RelayCase>,
    /// The transactions that were judged on this tip.
    judged: BTreeSet<Wtxid>,
    /// What the mempool held when it was last written down.
    waits: Vec<Txid>,
}

impl Recorder {
    /// A record of a chain that has only this genesis block.
    pub fn new(genesis: BlockHash) -> Self {
        let about = "Regtest blocks from height 1; the genesis block is the usual one.";
        Self {
            lines: vec![RecordLine::Comment(about.to_owned())],
            node_tip: (genesis, BlockHeight::GENESIS),
            mined_tip: (genesis, BlockHeight::GENESIS),
            waiting: Vec::new(),
            judged: BTreeSet::new(),
            waits: Vec::new(),
        }
    }

    /// Something was offered to the mempool.
    pub fn offered(&mut self, transactions: &[&Transaction], verdict: &Verdict) {
        // Without inputs a transaction has no encoding that a node could read.
        if transactions.iter().all(|offered| !offered.input.is_empty()) {
            let bytes = transactions.iter().map(|offered| serialize(*offered));
            self.lines.push(RecordLine::Offer {
                refused: verdict.as_ref().err().map(|why| one_word(&why.class)),
                transactions: bytes.map(Vec::into_boxed_slice).collect(),
            });
        }
    }

    pub fn floor(&mut self, rate: FeeRate) {
        self.lines.push(RecordLine::Floor(rate));
    }

    pub fn reorg(&mut self, depth: Blocks, forgotten: &[Txid]) {
        let forgotten = forgotten.to_vec();
        self.lines.push(RecordLine::Reorg { depth, forgotten });
    }

    /// What the mempool holds now.
    pub fn waits(&mut self, mut txids: Vec<Txid>) {
        txids.sort_unstable();
        if txids != self.waits {
            self.lines.push(RecordLine::Waits(txids.clone()));
            self.waits = txids;
        }
    }

    pub const fn node_tip(&self) -> BlockHash {
        self.node_tip.0
    }

    pub fn into_record(self) -> Record {
        Record { lines: self.lines }
    }

    /// Whether a node would judge a block on this tip.
    pub fn would_judge(&self, tip: ChainTip) -> bool {
        tip.hash == self.mined_tip.0 && tip.time.height.next() > self.node_tip.1
    }

    pub fn mined(&mut self, bytes: Box<[u8]>, tip: ChainTip) {
        let tip = (tip.hash, tip.time.height);
        self.lines.push(RecordLine::Block(bytes));
        if tip.1 > self.mined_tip.1 {
            self.mined_tip = tip;
        }
        if tip.1 > self.node_tip.1 {
            self.node_tip = tip;
            self.lines.push(RecordLine::Tip(tip.0));
        }
        self.judged.clear();
    }

    /// Whether this transaction is new on this tip.
    pub fn is_new(&mut self, wtxid: Wtxid) -> bool {
        self.judged.insert(wtxid)
    }

    pub fn refused(&mut self, class: &str, block: Box<[u8]>, on: ChainTip) {
        let class = one_word(class);
        if self.would_judge(on) {
            self.lines.push(RecordLine::Refused { class, block });
        } else {
            self.unjudged(&class, FOLLOWS_ANOTHER_BRANCH);
        }
    }

    /// Relay policy refused a transaction, which a block may hold.
    pub fn wait(&mut self, class: &str, transactions: Vec<Transaction>) {
        let class = one_word(class);
        self.waiting.push(RelayCase {
            class,
            transactions,
        });
    }

    pub fn take_waiting(&mut self) -> Vec<RelayCase> {
        std::mem::take(&mut self.waiting)
    }

    pub fn relay(&mut self, class: String, block: Box<[u8]>, tip: (BlockHash, BlockHeight)) {
        // No tip line: a reader may judge such a block on a node of its own.
        self.lines.push(RecordLine::Relay { class, block });
        self.node_tip = tip;
    }

    pub fn unjudged(&mut self, class: &str, reason: &str) {
        let text = format!("unjudged {class}: {reason}");
        self.lines.push(RecordLine::Comment(text));
    }
}

fn one_word(class: &str) -> String {
    class.replace(' ', "-")
}
