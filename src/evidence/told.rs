//! The ledger of an evidence: its lines as they are, and the events that they are.

use super::Files;
use crate::governance::{Digest, Envelope, EventError, SignedEvent};
use crate::ledger::{Genesis, Head, Ledger, Memory, Record, Store, StoreError, Taken};

/// How many lines are verified at a time.
const AT_ONCE: usize = 4_096;

/// How many bad lines are named; one mostly brings others with it.
const NAMED: usize = 20;

/// The lines of a ledger.
pub(super) struct Told {
    /// The lines after the first, whatever they hold: what the tree is over.
    lines: Memory,
    /// The events, of which there are all if there are no problems.
    pub ledger: Ledger<Memory>,
    /// Lines that are no events of this ledger.
    pub problems: Vec<String>,
}

impl Told {
    /// Reads an export, of a ledger that is founded on this.
    pub(super) fn read(genesis: &Genesis, export: &[u8]) -> Result<Self, String> {
        let founded = genesis.to_bytes();
        let mut problems = Vec::new();
        let mut lines = export.split(|byte| *byte == b'\n');
        if lines.next() != Some(founded.as_slice()) {
            problems.push("line 1 is another one than what the ledger is founded on".to_owned());
        }
        let mut lines: Vec<&[u8]> = lines.collect();
        // What stands behind the last end of a line.
        if lines.pop().is_none_or(|rest| !rest.is_empty()) {
            problems.push("its last line does not end".to_owned());
        }
        let words = |error: StoreError| error.to_string();
        let mut raw = Memory::new(founded.clone());
        let mut ledger = Ledger::open(Memory::new(founded)).map_err(|error| error.to_string())?;
        let mut number = 1;
        for some in lines.chunks(AT_ONCE) {
            let records = some.iter().map(|line| Record {
                id: Digest::sha256(line).0,
                bytes: line.to_vec(),
            });
            raw.append(&records.collect::<Vec<_>>()).map_err(words)?;
            let texts = some
                .iter()
                .map(|line| str::from_utf8(line).unwrap_or_default());
            let opened: Vec<_> = Envelope::open_all(texts)
                .into_iter()
                .map(|envelope| SignedEvent::of_envelope(envelope.map_err(EventError::from)?))
                .collect();
            for (line, signed) in some.iter().zip(&opened) {
                number += 1;
                match signed {
                    Err(error) => problems.push(format!("line {number}: {error}")),
                    Ok(signed) if signed.envelope().to_line().as_bytes() != *line => problems.push(
                        format!("line {number} is not in the form in which events are written"),
                    ),
                    Ok(_) => {}
                }
            }
            let first = number - some.len() as u64;
            let events: Vec<(u64, SignedEvent)> = (first + 1..)
                .zip(opened)
                .filter_map(|(number, signed)| Some((number, signed.ok()?)))
                .collect();
            let (numbers, events): (Vec<u64>, Vec<SignedEvent>) = events.into_iter().unzip();
            let taken = ledger.append(&events).map_err(|error| error.to_string())?;
            for (number, taken) in numbers.into_iter().zip(taken) {
                match taken {
                    Taken::New(_) => {}
                    Taken::Known(_) => {
                        problems.push(format!("line {number} stands in it twice"));
                    }
                    Taken::Refused(refusal) => problems.push(format!("line {number}: {refusal}")),
                }
            }
        }
        let more = problems.len().saturating_sub(NAMED);
        problems.truncate(NAMED);
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        Ok(Self {
            lines: raw,
            ledger,
            problems,
        })
    }

    /// Reads the export among some files.
    pub(super) fn of(files: &Files, genesis: &Genesis) -> Result<Self, String> {
        Self::read(genesis, files.get(super::LEDGER).unwrap_or_default())
    }

    /// How many lines there are after the first, and the hash of the tree over them.
    pub(super) fn head(&self) -> Result<Head, String> {
        self.lines.head().map_err(|error| error.to_string())
    }

    /// The lines as a store.
    pub(super) const fn lines(&self) -> &Memory {
        &self.lines
    }
}
