//! `longstop ledger prove`: that an event is in a ledger, and that a ledger only grew.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::checkpoint;
use crate::cli::failure::LedgerFailure;
use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, Replica};
use crate::cli::{Exit, Failure, input};
use crate::governance::EventId;
use crate::ledger::{
    Checkpoint, ConsistencyProof, InclusionProof, ProofFile, Reader, Store, TreeHash,
};

/// Prove that an event is in a ledger, or that the ledger only grew
///
/// The proof is of the tree of RFC 6962: it leads from the event to the root hash that a checkpoint
/// signs. With --checkpoint it is a file as C2SP specifies it (tlog-proof), with which other
/// programs verify all of it.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: of an event: event, record (its envelope), position, size, root, hashes and file (with\n--checkpoint); of growth: old, old_root, new, new_root and hashes."
)]
pub(super) struct Prove {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The event, by the beginning of its id
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    event: Option<String>,
    /// Prove that the first so many events are still the first
    #[arg(long, value_name = "SIZE")]
    from: Option<u64>,
    /// Prove it for the tree over the first so many events, instead of all
    #[arg(long, value_name = "N", conflicts_with = "checkpoint")]
    size: Option<u64>,
    /// Prove it for the tree that this checkpoint signs
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    checkpoint: Option<PathBuf>,
}

/// A proof.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::cli) enum Proof {
    /// Of an event.
    Inclusion {
        event: EventId,
        record: String,
        position: u64,
        size: u64,
        root: TreeHash,
        hashes: Vec<TreeHash>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// Of growth.
    Consistency {
        old: u64,
        old_root: TreeHash,
        new: u64,
        new_root: TreeHash,
        hashes: Vec<TreeHash>,
    },
}

impl Prove {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let proof = match (&self.event, self.from) {
            (Some(event), _) => self.inclusion(&replica, event)?,
            (None, from) => self.consistency(&replica, from.unwrap_or_default())?,
        };
        screen.show(&proof, |width| render::proof(&proof, width))?;
        Ok(Exit::Ok)
    }

    fn inclusion(&self, replica: &Replica<Reader>, event: &str) -> Result<Proof, Failure> {
        let event = replica.event_named(event)?;
        let store = replica.ledger.store();
        let failed = |error| replica.failed(error);
        let note = self
            .checkpoint
            .as_deref()
            .map(checkpoint::read)
            .transpose()?;
        let (size, note) = match (note, &self.checkpoint) {
            (Some(note), Some(path)) => {
                let head = Checkpoint::parse(note.text());
                let head = head.map(|checkpoint| checkpoint.head());
                let head = head.map_err(|source| LedgerFailure::Checkpoint {
                    file: input::file_name(path),
                    source,
                })?;
                let compared = checkpoint::compare_head(store, head).map_err(failed)?;
                compared.map_err(|difference| LedgerFailure::OtherCheckpoint {
                    file: input::file_name(path),
                    difference,
                })?;
                (head.size, Some(note))
            }
            _ => (self.size.unwrap_or_else(|| store.size()), None),
        };
        let position = store.find(&event.0.0).map_err(failed)?.unwrap_or_default();
        let proof: InclusionProof = store.prove_inclusion(position, size).map_err(failed)?;
        let record = store.read(position).map_err(failed)?;
        Ok(Proof::Inclusion {
            event,
            record: String::from_utf8_lossy(&record.bytes).into_owned(),
            position,
            size,
            root: store.root_of(size).map_err(failed)?,
            file: note.map(|note| ProofFile::new(&proof, note).to_string()),
            hashes: proof.hashes,
        })
    }

    fn consistency(&self, replica: &Replica<Reader>, old: u64) -> Result<Proof, Failure> {
        let store = replica.ledger.store();
        let failed = |error| replica.failed(error);
        let new = self.size.unwrap_or_else(|| store.size());
        let proof: ConsistencyProof = store.prove_consistency(old, new).map_err(failed)?;
        Ok(Proof::Consistency {
            old,
            old_root: store.root_of(old).map_err(failed)?,
            new,
            new_root: store.root_of(new).map_err(failed)?,
            hashes: proof.hashes,
        })
    }
}
