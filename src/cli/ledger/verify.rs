//! `longstop ledger verify`: everything, from the first byte to the last.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::checkpoint;
use crate::cli::known::Known;
use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, holder};
use crate::cli::{Exit, Failure, founding, input};
use crate::governance::{Body, Fork, Identity, Kind, SignedEvent, reexecute};
use crate::ledger::{
    Checkpoint, Directory, Head, Ledger, LedgerError, Note, Pin, Reader, Snapshot, Store,
    StoreError, origin,
};

/// Verify everything in a ledger, and compare it with checkpoints
///
/// Reads every byte: the digests of records and segments; what the ledger is founded on, against
/// what its policy compiles to now; the form, signature and place of each event, and the links
/// between events; the tree, computed anew from the events; the verdicts of rules, by asking the
/// rules again; and each checkpoint, by its signature and against the ledger.
///
/// Exit code 1: something is not as it should be, and is said.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, passed, size, root, checked [what (store, policy, events, rules, checkpoint),\nfile, passed, says] and forks [author, after, children]."
)]
pub(super) struct Verify {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Compare with a checkpoint that a party signed before; can be given several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

/// What was verified, and what was found.
#[derive(Serialize)]
pub(in crate::cli) struct Verification {
    pub ledger: String,
    pub passed: bool,
    #[serde(flatten)]
    pub head: Head,
    pub checked: Vec<Finding>,
    pub forks: Vec<Fork>,
}

/// What was found about one thing.
#[derive(Serialize)]
pub(in crate::cli) struct Finding {
    pub what: Compared,
    /// The file of a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub passed: bool,
    pub says: String,
}

/// What is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Compared {
    Store,
    Policy,
    Events,
    Rules,
    Checkpoint,
}

impl Finding {
    fn new(what: Compared, found: Result<String, String>) -> Self {
        Self {
            what,
            file: None,
            passed: found.is_ok(),
            says: found.unwrap_or_else(|problem| problem),
        }
    }
}

impl Verify {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let itself = Self {
            ledger: self.ledger.itself()?,
            checkpoints: self.checkpoints.clone(),
        };
        itself.compare(screen)
    }

    fn compare(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut known = self.ledger.known()?;
        let path = self.ledger.path();
        // With the ledger to itself it can compare with working state, and needs little memory.
        let (verification, pin) = match Directory::open(path, known.pin(), &holder()) {
            Ok(store) => {
                let (snapshot, pin) = (store.snapshot(), store.pin());
                screen.remarks(&self.ledger.name(), &store.remarks());
                (self.verify(snapshot, store)?, pin)
            }
            Err(StoreError::Locked { holder }) => {
                screen.note(&format!(
                    "verified beside {holder}, which has the ledger: up to what is acknowledged"
                ));
                let store = self.read(&known)?;
                (self.verify(store.snapshot(), store)?, self.pin(&known)?)
            }
            Err(error) => return Err(self.ledger.failed(&known, error)),
        };
        known.remember_more(pin)?;
        screen.show(&verification, |width| {
            render::ledger_verification(&verification, width)
        })?;
        Ok(match verification.passed {
            true => Exit::Ok,
            false => Exit::Unmet,
        })
    }

    fn read(&self, known: &Known) -> Result<Reader, Failure> {
        let store = Reader::open(self.ledger.path(), known.pin());
        store.map_err(|error| self.ledger.failed(known, error))
    }

    fn pin(&self, known: &Known) -> Result<Pin, Failure> {
        self.read(known).map(|store| store.pin())
    }

    fn verify<S: Store>(&self, snapshot: Snapshot, store: S) -> Result<Verification, Failure> {
        let mut checked = Vec::new();
        let mut forks = Vec::new();
        let bytes = snapshot.verify(|_, _| Ok::<(), StoreError>(()));
        let bytes = bytes.map(|verified| {
            format!(
                "{} in {}, {} bytes, as they were written",
                render::counted(verified.head.size, "record"),
                render::counted(verified.segments as u64, "segment"),
                verified.bytes
            )
        });
        checked.push(Finding::new(
            Compared::Store,
            bytes.map_err(|error| error.to_string()),
        ));
        match Ledger::open(store) {
            Err(error) => checked.push(Finding::new(Compared::Events, Err(error.to_string()))),
            Ok(ledger) => {
                let founded = founding::compiled(&self.ledger.name(), ledger.genesis());
                let founded = founded.map(|compiled| {
                    format!(
                        "it compiles to the id, the descriptors and the first address: {}",
                        compiled.id()
                    )
                });
                checked.push(Finding::new(
                    Compared::Policy,
                    founded.map_err(|failure| failure.to_string()),
                ));
                let audit = ledger.verify();
                let events = audit.map(|audit| {
                    forks = audit.forks;
                    format!(
                        "{}, each signed, in its place, and in the tree with the root {}",
                        render::counted(audit.events, "event"),
                        audit.root
                    )
                });
                checked.push(Finding::new(
                    Compared::Events,
                    events.map_err(|error| error.to_string()),
                ));
                let rules = rules(&ledger).map_err(|error| error.to_string());
                checked.push(Finding::new(Compared::Rules, rules));
                for path in &self.checkpoints {
                    let found = compare(&ledger, path)?;
                    checked.push(Finding {
                        file: Some(input::file_name(path)),
                        ..Finding::new(Compared::Checkpoint, found)
                    });
                }
            }
        }
        Ok(Verification {
            ledger: self.ledger.name(),
            passed: checked.iter().all(|finding| finding.passed),
            head: snapshot.head(),
            checked,
            forks,
        })
    }
}

/// Asks all rules again whose verdicts are in activations.
fn rules<S: Store>(ledger: &Ledger<S>) -> Result<String, String> {
    let mut asked: u64 = 0;
    for signed in of_kind(ledger, Kind::Activation) {
        let signed = signed.map_err(|error| error.to_string())?;
        let Body::Activation(activation) = &signed.event().body else {
            continue;
        };
        match reexecute(activation) {
            Ok(again) => asked += u64::from(again.is_some()),
            Err(error) => {
                let author = &signed.event().author;
                return Err(format!(
                    "the activation {} by {author}: {error}",
                    signed.id()
                ));
            }
        }
    }
    Ok(match asked {
        0 => "no activation has the verdict of a rule".to_owned(),
        asked => format!(
            "{} asked again, each saying what was recorded",
            render::counted(asked, "rule")
        ),
    })
}

/// Compares a checkpoint with what is in the ledger.
fn compare<S: Store>(ledger: &Ledger<S>, path: &Path) -> Result<Result<String, String>, Failure> {
    let note = checkpoint::read(path)?;
    Ok(signer(ledger, &note).and_then(|(party, head)| {
        let compared = checkpoint::compare_head(ledger.store(), head);
        compared.map_err(|error| error.to_string())??;
        Ok(format!(
            "signed by {party}: the first {} are those that were there then",
            render::counted(head.size, "event")
        ))
    }))
}

/// Which party signed a checkpoint of this policy, and what it says.
fn signer<S: Store>(ledger: &Ledger<S>, note: &Note) -> Result<(String, Head), String> {
    let charter = ledger.charter();
    for name in note.names() {
        let Some(party) = charter.policy().party(name) else {
            continue;
        };
        let mut keys: Vec<Identity> = party
            .identity()
            .copied()
            .map(Identity::from)
            .into_iter()
            .collect();
        for signed in of_kind(ledger, Kind::Rotation) {
            let signed = signed.map_err(|error| error.to_string())?;
            if let Body::Rotation(rotation) = &signed.event().body
                && rotation.party == name
            {
                keys.extend(rotation.identity);
            }
        }
        for key in keys {
            let Ok(checkpoint) = Checkpoint::verify(note, name, key.key()) else {
                continue;
            };
            let expected = origin(charter.id(), name);
            if checkpoint.origin() != expected {
                return Err(format!(
                    "it is about `{}`, and should be about `{expected}`",
                    render::shown(checkpoint.origin())
                ));
            }
            return Ok((name.to_owned(), checkpoint.head()));
        }
    }
    Err("no party of the policy has signed it with an identity that it has or had".to_owned())
}

/// All events of a kind, each verified.
fn of_kind<S: Store>(
    ledger: &Ledger<S>,
    kind: Kind,
) -> impl Iterator<Item = Result<SignedEvent, LedgerError>> + '_ {
    let records = (0..).zip(ledger.store().records(0));
    records.filter_map(move |(position, record)| {
        let record = match record {
            Ok(record) => record,
            Err(error) => return Some(Err(error.into())),
        };
        // The type of an envelope stands in it as it is, so most need not be opened.
        let line = str::from_utf8(&record.bytes).unwrap_or_default();
        let signed = line
            .contains(kind.payload_type())
            .then(|| SignedEvent::open(line))?;
        Some(signed.map_err(|error| LedgerError::Event { position, error }))
    })
}
