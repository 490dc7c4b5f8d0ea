//! A second opinion on Longstop's embedded chain, by Bitcoin Core's own full validation.
//!
//! `longstop simulate INCIDENT --blocks FILE` writes every block of an incident, every transaction
//! its chain refused, in blocks of their own, and the tips it reached.  [`judge`] replays such a
//! file on a regtest node that lives in this process and demands the same verdicts.  It shares no
//! code with Longstop: whatever the two agree on, they found out separately.
//!
//! ```text
//! block HEX            a block the chain produced, in order of production, losing branches included
//! tip HASH             after the lines so far this block is the tip
//! refused CLASS HEX    a block that would be the tip, but every full node refuses it for CLASS
//! relay CLASS HEX      a block that becomes a full node's tip: only relay policy said no, for CLASS
//! # …                  a comment
//! ```
//!
//! `refused` and `relay` lines are probes.  They leave no trace: the line after one sees the same
//! tip as the line before it.  CLASS is one word ([`class::Class`]).
//!
//! On regtest Core by default checks its whole block index after every block, so the time grows with
//! the square of the chain's length: half a second for 2,000 blocks, a minute and a half for 20,000.
//! The script that runs all checks, `.ci/run`, builds Core without this check of itself, and then
//! 20,000 blocks take about a second.  The verdicts are the same.

pub mod class;
pub mod error;
pub mod file;
mod node;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::class::Class;
use crate::error::{Disagreement, JudgeError, Problem};
use crate::file::{Entry, Lines};
use crate::node::{Node, Reasons, Verdict};

/// What one file held, all of it confirmed by Core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blocks the chain produced and Core accepted, losing branches included.
    pub accepted: usize,
    /// Probes Core refused for the reason the file gives.
    pub refused: usize,
    /// Probes Core accepted, so that nothing but relay policy stood against them.
    pub relay_only: usize,
}

/// Core has one log for the whole process and its lines do not all name a block, so only one file
/// is judged at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Replays the file at `path` on a fresh regtest node.
///
/// # Errors
///
/// [`JudgeError`] names the first line on which Core disagrees, or that cannot be read; a file
/// without a block is an error too.
pub fn judge(path: &Path) -> Result<Tally, JudgeError> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let file = File::open(path).map_err(JudgeError::Open)?;
    let mut bench = Bench::new()?;
    let mut line = 0;
    for entry in Lines::new(BufReader::new(file)) {
        let (number, entry) = entry?;
        line = number;
        bench
            .hear(entry)
            .map_err(|problem| JudgeError::Line { line, problem })?;
    }
    bench
        .close()
        .map_err(|problem| JudgeError::Line { line, problem })
}

/// The node that follows the file, and the further nodes its relay probes need.
struct Bench {
    node: Node,
    /// A relay probe is a valid block, so it would stay the tip and the chain's next block would
    /// only compete with it.  It therefore goes to a node of its own.  That node serves again once
    /// the chain has outgrown the probe.
    seconds: Vec<Second>,
    produced: Vec<Vec<u8>>,
    /// The last `block` line's hash, until a `tip` line confirms where it led.
    unconfirmed: Option<String>,
    tally: Tally,
    reasons: Reasons,
}

/// A node for relay probes, and how many of the produced blocks it has seen.
struct Second {
    node: Node,
    fed: usize,
}

impl Bench {
    fn new() -> Result<Self, JudgeError> {
        let reasons = Reasons::listen()?;
        Ok(Self {
            node: Node::new(&reasons)?,
            seconds: Vec::new(),
            produced: Vec::new(),
            unconfirmed: None,
            tally: Tally::default(),
            reasons,
        })
    }

    fn hear(&mut self, entry: Entry) -> Result<(), Problem> {
        match entry {
            Entry::Block(bytes) => self.block(bytes),
            Entry::Tip(hash) => self.tip(&hash),
            Entry::Refused(class, bytes) => self.refused(&class, &bytes),
            Entry::Relay(class, bytes) => self.relay(&class, &bytes),
        }
    }

    fn block(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        let verdict = self.node.submit(&bytes)?;
        if let Some(reason) = verdict.refusal {
            return Err(Disagreement::Refused { reason }.into());
        }
        if !verdict.new {
            return Err(Disagreement::Repeated { hash: verdict.hash }.into());
        }
        self.unconfirmed = Some(verdict.hash);
        self.produced.push(bytes);
        self.tally.accepted += 1;
        Ok(())
    }

    fn tip(&mut self, hash: &str) -> Result<(), Problem> {
        let actual = self.node.tip();
        if actual != hash {
            let claimed = hash.to_owned();
            return Err(Disagreement::Tip { claimed, actual }.into());
        }
        self.unconfirmed = None;
        Ok(())
    }

    fn refused(&mut self, class: &Class, bytes: &[u8]) -> Result<(), Problem> {
        let wanted = class.in_block()?;
        let tip = self.tip_below(bytes)?;
        let Verdict {
            refusal, active, ..
        } = self.node.submit(bytes)?;
        if active || self.node.tip() != tip {
            return Err(Disagreement::Accepted {
                class: class.clone(),
            }
            .into());
        }
        let reason = refusal.ok_or_else(|| Disagreement::Silent {
            class: class.clone(),
        })?;
        if !wanted.fit(&reason) {
            let class = class.clone();
            return Err(Disagreement::Reason { class, reason }.into());
        }
        self.tally.refused += 1;
        Ok(())
    }

    fn relay(&mut self, class: &Class, bytes: &[u8]) -> Result<(), Problem> {
        class.may_be_relay_only()?;
        let tip = self.tip_below(bytes)?;
        let second = self.second_at(&tip)?;
        let verdict = second.submit(bytes)?;
        if let Some(reason) = verdict.refusal {
            return Err(Disagreement::Refused { reason }.into());
        }
        if !verdict.active || second.tip() != verdict.hash {
            return Err(Disagreement::NotTip { hash: verdict.hash }.into());
        }
        self.tally.relay_only += 1;
        Ok(())
    }

    /// The tip, if a block would outgrow it.
    ///
    /// Core does not look into a block that would not; it would be left out of the chain whatever
    /// it holds, and the verdict on it would mean nothing.
    fn tip_below(&self, bytes: &[u8]) -> Result<String, Problem> {
        let tip = self.node.tip();
        if self.node.would_connect(bytes)? {
            Ok(tip)
        } else {
            Err(Disagreement::TooShort { tip }.into())
        }
    }

    /// A further node that has seen what the first has seen and whose tip is `tip`.
    fn second_at(&mut self, tip: &str) -> Result<&Node, Problem> {
        for second in &mut self.seconds {
            second.catch_up(&self.produced)?;
        }
        let ready = self.seconds.iter().position(|s| s.node.tip() == tip);
        let index = match ready {
            Some(index) => index,
            None => {
                let node = Node::new(&self.reasons)?;
                let mut second = Second { node, fed: 0 };
                second.catch_up(&self.produced)?;
                self.seconds.push(second);
                self.seconds.len() - 1
            }
        };
        let second = self.seconds.get(index).map(|second| &second.node);
        second.ok_or(Problem::Node("no second node".to_owned()))
    }

    /// Without a `tip` line behind the last block, that block itself has to be the tip.
    fn close(mut self) -> Result<Tally, Problem> {
        if self.produced.is_empty() {
            return Err(Disagreement::Empty.into());
        }
        if let Some(last) = self.unconfirmed.take() {
            self.tip(&last)?;
        }
        Ok(self.tally)
    }
}

impl Second {
    fn catch_up(&mut self, produced: &[Vec<u8>]) -> Result<(), Problem> {
        for bytes in produced.iter().skip(self.fed) {
            self.node.submit(bytes)?;
            self.fed += 1;
        }
        Ok(())
    }
}
