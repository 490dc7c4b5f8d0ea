//! `longstop ledger checkpoint`: what a ledger holds, signed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::failure::LedgerFailure;
use crate::cli::identity::IdentityArgs;
use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::{Exit, Failure, input, output};
use crate::governance::{Identity, Refusal};
use crate::ledger::{
    Checkpoint, CheckpointError, Head, Ledger, Note, Store, StoreError, origin, verifier_key,
};

/// Sign how much a ledger holds and the root hash of its tree
///
/// The checkpoint is a signed note as C2SP specifies it, for `longstop ledger verify` and for
/// other programs. Whoever keeps it notices if the ledger is ever shortened or rewritten. It is
/// about this ledger: those of other parties hold the same events in another order.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, origin, size, root, party, verifier_key (the key as other programs take it),\nnote (the checkpoint) and file."
)]
pub(super) struct MakeCheckpoint {
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    /// Write the checkpoint to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A checkpoint that was signed.
#[derive(Serialize)]
pub(in crate::cli) struct Signed {
    pub ledger: String,
    pub origin: String,
    #[serde(flatten)]
    pub head: Head,
    pub party: String,
    pub verifier_key: String,
    pub note: String,
    pub file: Option<String>,
}

impl MakeCheckpoint {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let identity = self.identity.open()?;
        check_identity(&replica.ledger, &identity)?;
        let (charter, party) = (replica.ledger.charter(), identity.name());
        let head = replica.head()?;
        let origin = origin(charter.id(), party);
        let failed = |source: CheckpointError| LedgerFailure::Checkpoint {
            file: replica.directory.clone(),
            source,
        };
        let checkpoint = Checkpoint::new(origin.clone(), head).map_err(failed)?;
        let note = checkpoint.sign(party, identity.key());
        let note = note.map_err(|error| failed(error.into()))?.to_string();
        if let Some(path) = &self.output {
            output::create(path, &note).map_err(|error| output::failure(path, error))?;
        }
        let signed = Signed {
            ledger: replica.directory.clone(),
            origin,
            head,
            party: party.to_owned(),
            verifier_key: verifier_key(party, &identity.public()),
            note,
            file: self.output.as_deref().map(input::file_name),
        };
        screen.show(&signed, |_| render::checkpoint(&signed))?;
        Ok(Exit::Ok)
    }
}

/// Refuses an identity that is not the one that its party has by a ledger.
pub(in crate::cli) fn check_identity<S: Store>(
    ledger: &Ledger<S>,
    identity: &crate::identity::Identity,
) -> Result<(), Failure> {
    let author = identity.name().to_owned();
    let signer = Identity::from(identity.public());
    let refusal = match ledger.history().identity(ledger.charter(), &author) {
        Some(expected) if expected == signer => return Ok(()),
        Some(expected) => Refusal::OtherKey {
            author,
            signer: signer.digits(),
            expected: expected.digits(),
        },
        None => Refusal::NoIdentity { author },
    };
    Err(LedgerFailure::Refused(refusal).into())
}

/// Reads the note of a checkpoint.
pub(super) fn read(path: &Path) -> Result<Note, Failure> {
    let text = input::foreign_file(path)?;
    Note::parse(&text.text).map_err(|error| {
        let (file, source) = (text.file, error.into());
        LedgerFailure::Checkpoint { file, source }.into()
    })
}

/// Whether the first events of a store are those that were there when somebody signed how many
/// there were; if not, what is different.
pub(super) fn compare_head<S: Store>(
    store: &S,
    head: Head,
) -> Result<Result<(), String>, StoreError> {
    if head.size > store.size() {
        return Ok(Err(format!(
            "{} were there when it was signed, and {} are here: the end of the ledger is gone",
            head.size,
            store.size()
        )));
    }
    let root = store.root_of(head.size)?;
    if root != head.root {
        return Ok(Err(format!(
            "the first {} events have the root {root} here, and {} in it: it is of another ledger, or this one was rewritten",
            head.size, head.root
        )));
    }
    Ok(Ok(()))
}
