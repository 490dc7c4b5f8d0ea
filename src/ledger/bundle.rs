//! Events as lines of text, for other machines: exports and bundles.
//!
//! The first line is what the ledger is founded on, and every other line the envelope of an event.
//! An export has all events in the order in which they arrived; a bundle may have any of them.
//! Both are taken in the same way, and taking one twice, or two in either order, comes to the same.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use serde::Serialize;
use thiserror::Error;

use super::events::{AT_ONCE, Ledger, LedgerError, Taken};
use super::genesis::{Genesis, GenesisError};
use super::store::{MAX_RECORD, Store};
use crate::governance::{Envelope, EventError, EventId, Refusal, SignedEvent};

/// What became of the events of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Import {
    /// How many were new.
    pub new: u64,
    /// How many were here already.
    pub known: u64,
    /// Lines that are no events of this ledger.
    pub refused: Vec<RefusedLine>,
    /// Events that know of others that are neither here nor in the bundle.
    pub waiting: Vec<WaitingLine>,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedLine {
    /// Which line, the first being 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// An event that has to wait for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingLine {
    /// Which line, the first being 1.
    pub line: u64,
    /// The event.
    pub event: EventId,
    /// What it knows of and is missing.
    pub missing: Vec<EventId>,
}

/// Why a bundle cannot be read or written.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The ledger fails.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It cannot be read or written.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Its first line is something else.
    #[error("the first line is not what a ledger is founded on: {0}")]
    NoGenesis(#[from] GenesisError),
    /// It is of another ledger.
    #[error("it is about policy {found} on {network}, and the ledger about {expected}")]
    OtherLedger {
        /// Its policy.
        found: String,
        /// Its network.
        network: String,
        /// The ledger's policy.
        expected: String,
    },
}

/// Reads what a bundle is founded on, which is its first line.
///
/// # Errors
///
/// If there is none.
pub fn read_genesis(bundle: &mut impl BufRead) -> Result<Genesis, BundleError> {
    let line = next_line(bundle)?.unwrap_or_default();
    Ok(Genesis::from_bytes(&line)?)
}

impl<S: Store> Ledger<S> {
    /// Writes everything from a position on: the whole ledger from 0, or what came after.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read, or the text not be written.
    pub fn export(&self, from: u64, to: &mut impl Write) -> Result<u64, BundleError> {
        to.write_all(self.store().genesis())?;
        to.write_all(b"\n")?;
        let mut count = 0;
        for record in self.store().records(from) {
            to.write_all(&record.map_err(LedgerError::from)?.bytes)?;
            to.write_all(b"\n")?;
            count += 1;
        }
        Ok(count)
    }

    /// Takes the events of a bundle, those it knows of before those that know of them.
    ///
    /// What is wrong with one line is no reason to leave the others.
    ///
    /// # Errors
    ///
    /// If it is of another ledger, cannot be read, or the store fails.
    pub fn import(&mut self, bundle: &mut impl BufRead) -> Result<Import, BundleError> {
        let genesis = read_genesis(bundle)?;
        if genesis != *self.genesis() {
            return Err(BundleError::OtherLedger {
                found: genesis.policy_id.to_string(),
                network: genesis.network.to_string(),
                expected: self.genesis().policy_id.to_string(),
            });
        }
        let mut import = Import::default();
        let mut waiting: Vec<(u64, SignedEvent)> = Vec::new();
        let mut number = 1;
        loop {
            let mut lines = Vec::new();
            while lines.len() < AT_ONCE
                && let Some(line) = next_line(bundle)?
            {
                lines.push(line);
            }
            let is_last = lines.len() < AT_ONCE;
            let texts = lines
                .iter()
                .map(|line| str::from_utf8(line).unwrap_or_default());
            for envelope in Envelope::open_all(texts) {
                number += 1;
                let signed = envelope.map_err(EventError::from);
                match signed.and_then(SignedEvent::of_envelope) {
                    Ok(signed) => waiting.push((number, signed)),
                    Err(error) => import.refuse(number, &error),
                }
            }
            waiting = self.take(causal(waiting), &mut import)?;
            if is_last {
                break;
            }
        }
        for (line, signed) in waiting {
            let parents = signed.event().parents();
            let missing = parents.map(|parent| Ok((parent, self.store().find(&parent.0.0)?)));
            let missing: Result<Vec<_>, LedgerError> = missing.collect();
            let missing = missing?.into_iter().filter(|(_, found)| found.is_none());
            import.waiting.push(WaitingLine {
                line,
                event: signed.id(),
                missing: missing.map(|(id, _)| id).collect(),
            });
        }
        Ok(import)
    }

    /// Appends what can be taken, and gives back what has to wait.
    fn take(
        &mut self,
        events: Vec<(u64, SignedEvent)>,
        import: &mut Import,
    ) -> Result<Vec<(u64, SignedEvent)>, LedgerError> {
        let (numbers, events): (Vec<u64>, Vec<SignedEvent>) = events.into_iter().unzip();
        let taken = self.append(&events)?;
        let mut waiting = Vec::new();
        for ((number, signed), taken) in numbers.into_iter().zip(events).zip(taken) {
            match taken {
                Taken::New(_) => import.new += 1,
                Taken::Known(_) => import.known += 1,
                Taken::Refused(Refusal::Missing { .. }) => waiting.push((number, signed)),
                Taken::Refused(refusal) => import.refuse(number, &refusal),
            }
        }
        Ok(waiting)
    }
}

impl Import {
    fn refuse(&mut self, line: u64, why: &impl ToString) {
        self.refused.push(RefusedLine {
            line,
            why: why.to_string(),
        });
    }
}

/// The events in an order in which each comes after those of them that it knows of.
fn causal(events: Vec<(u64, SignedEvent)>) -> Vec<(u64, SignedEvent)> {
    let at: HashMap<EventId, usize> = events
        .iter()
        .enumerate()
        .map(|(at, (_, signed))| (signed.id(), at))
        .collect();
    let mut events: Vec<Option<(u64, SignedEvent)>> = events.into_iter().map(Some).collect();
    let mut order = Vec::with_capacity(events.len());
    let mut open: Vec<usize> = Vec::new();
    for first in 0..events.len() {
        open.push(first);
        while let Some(&next) = open.last() {
            let event = events.get(next).and_then(Option::as_ref);
            let before = event.and_then(|(_, signed)| {
                let mut parents = signed.event().parents();
                parents.find_map(|parent| {
                    let at = *at.get(&parent)?;
                    events.get(at)?.is_some().then_some(at)
                })
            });
            match before {
                Some(before) => open.push(before),
                None => {
                    open.pop();
                    order.extend(events.get_mut(next).and_then(Option::take));
                }
            }
        }
    }
    order
}

/// The next line without its end, none where the text ends.  A line that is longer than any event
/// is cut, and is none then.
fn next_line(bundle: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let chunk = bundle.fill_buf()?;
        if chunk.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        let room = MAX_RECORD.saturating_sub(line.len());
        line.extend(chunk.iter().take(end.unwrap_or(used)).take(room));
        bundle.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}
