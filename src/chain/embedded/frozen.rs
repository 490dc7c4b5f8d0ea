//! An embedded chain as a text, from which it goes on as if it had never stopped.
//!
//! One line is one fact; the last is the SHA-256 of all before it, so that no part of a damaged
//! file is taken for a chain.
//!
//! | Line | Meaning |
//! |---|---|
//! | `longstop-chain-1` | The format. |
//! | `clock NOW SPACING SKEW` | The virtual clock, the seconds between blocks, and by how many seconds the timestamps of miners run ahead. |
//! | `reorgs N` | Reorgs so far. |
//! | `rates FLOOR GOING` | The minimum feerate of the mempool and the one that is mined, in satoshi per 1,000 weight units. |
//! | `block HEX` | A block of the active branch, from height 1 on. |
//! | `waits HEX` | A transaction in the mempool, parents before children. |
//! | `sha256 HEX` | The digest of the lines before, with their line ends. |

use std::fmt::Write as _;

use bitcoin::consensus::encode::{deserialize, serialize_hex};
use bitcoin::constants::genesis_block;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{Block, FeeRate, Network, Transaction};
use thiserror::Error;

use super::EmbeddedChain;
use super::accept::Arrival;
use super::branch::Branch;
use super::candidate::RelayPolicy;
use super::clock::Clock;
use super::mempool::Mempool;
use super::script::ScriptJudge;
use crate::units::{BlockHeight, UnixTime};

const FORMAT: &str = "longstop-chain-1";

/// Why a text is no embedded chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrozenError {
    /// Another format, or a newer one.
    #[error("it does not begin with `{FORMAT}`, so it is no embedded chain of this version")]
    Format,
    /// The digest does not fit.
    #[error("its last line is not the digest of the others: it was changed or cut off")]
    Digest,
    /// A line that makes no sense, counted from 1.
    #[error("line {0} makes no sense where it stands")]
    Line(usize),
}

impl EmbeddedChain {
    /// Writes the chain down, without what it recorded.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Clock { now, spacing, skew } = self.clock;
        let mut text = format!("{FORMAT}\nclock {} {spacing} {skew}\n", now.0);
        let floor = self.policy.mempool_min.to_sat_per_kwu();
        let going = self.going_rate.to_sat_per_kwu();
        let _ = writeln!(text, "reorgs {}\nrates {floor} {going}", self.reorgs);
        for height in 1..=self.tip().time.height.0 {
            if let Some(block) = self.block(BlockHeight(height)) {
                let _ = writeln!(text, "block {}", block.as_hex());
            }
        }
        for (transaction, _) in self.mempool() {
            let _ = writeln!(text, "waits {}", serialize_hex(transaction));
        }
        let digest = sha256::Hash::hash(text.as_bytes());
        let _ = writeln!(text, "sha256 {digest}");
        text
    }

    /// Reads a chain that was written down.
    ///
    /// Blocks are not judged again: the digest says that they are those that were.
    ///
    /// # Errors
    ///
    /// If the text is none, or was changed.
    pub fn from_text(text: &str) -> Result<Self, FrozenError> {
        if text.lines().next() != Some(FORMAT) {
            return Err(FrozenError::Format);
        }
        let at = text.rfind("sha256 ").ok_or(FrozenError::Digest)?;
        let (facts, last) = text.split_at_checked(at).ok_or(FrozenError::Digest)?;
        if last != format!("sha256 {}\n", sha256::Hash::hash(facts.as_bytes())) {
            return Err(FrozenError::Digest);
        }
        let mut chain = Self {
            branch: Branch::new(&genesis_block(Network::Regtest)).into(),
            pool: Mempool::default(),
            policy: RelayPolicy::default(),
            going_rate: FeeRate::ZERO,
            clock: Clock::new(UnixTime(0)),
            reorgs: 0,
            scripts: ScriptJudge::default(),
            recorder: None,
        };
        for (index, line) in facts.lines().enumerate().skip(1) {
            let understood = chain.take_line(line);
            understood.ok_or(FrozenError::Line(index + 1))?;
        }
        Ok(chain)
    }

    fn take_line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "clock" => {
                let mut numbers = rest.split(' ');
                self.clock = Clock {
                    now: UnixTime(numbers.next()?.parse().ok()?),
                    spacing: numbers.next()?.parse().ok()?,
                    skew: numbers.next()?.parse().ok()?,
                };
            }
            "reorgs" => self.reorgs = rest.parse().ok()?,
            "rates" => {
                let (floor, going) = rest.split_once(' ')?;
                self.policy.mempool_min = FeeRate::from_sat_per_kwu(floor.parse().ok()?);
                self.going_rate = FeeRate::from_sat_per_kwu(going.parse().ok()?);
            }
            "block" => {
                let block: Block = deserialize(&Vec::from_hex(rest).ok()?).ok()?;
                if block.header.prev_blockhash != self.tip().hash {
                    return None;
                }
                std::sync::Arc::make_mut(&mut self.branch).connect(&block);
            }
            "waits" => {
                let waiting: Transaction = deserialize(&Vec::from_hex(rest).ok()?).ok()?;
                let judged = self.gate().judge(&self.pool, &waiting, Arrival::FromBlock);
                judged.ok()?.apply(&mut self.pool);
            }
            _ => return None,
        }
        Some(())
    }
}
