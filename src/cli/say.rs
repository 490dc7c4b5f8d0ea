//! Signing an event, keeping it, and handing it on: what all commands have in common that do so.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::failure::LedgerFailure;
use super::identity::IdentityArgs;
use super::render::Screen;
use super::replica::{LedgerArgs, Replica};
use super::when::WhenArgs;
use super::{Failure, input};
use crate::governance::{Body, Cases, EventId, SignedEvent, Word, replay};
use crate::identity::Identity;
use crate::ledger::{Directory, Ledger, LedgerError, MAX_RECORD, Store, Taken};
use crate::units::ChainTime;

/// Who says something, when, where it is kept and how it is handed on.
#[derive(Clone, Debug, Args)]
pub(super) struct SayArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    when: WhenArgs,
    /// Append the event to this bundle for others to import; it is made if it is not there
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A ledger that is open for somebody to say something, and when that is.
pub(super) struct Speaking {
    pub replica: Replica<Directory>,
    pub at: ChainTime,
}

/// An event that was signed and is on the device.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub ledger: String,
    pub event: EventId,
    pub author: String,
    pub kind: &'static str,
    pub position: u64,
    #[serde(flatten)]
    pub at: ChainTime,
    pub envelope: String,
    /// The bundle it was handed on in.
    pub file: Option<String>,
}

impl SayArgs {
    /// As a command with arguments of its own has them.
    pub(super) const fn of(
        ledger: LedgerArgs,
        identity: IdentityArgs,
        when: WhenArgs,
        out: Option<PathBuf>,
    ) -> Self {
        Self {
            ledger,
            identity,
            when,
            out,
        }
    }

    /// Opens the ledger, and says what of it lies ahead of the chain.
    pub(super) fn open(&self, screen: &Screen) -> Result<Speaking, Failure> {
        let replica = self.ledger.write(screen)?;
        let network = replica.ledger.charter().policy().network();
        let at = self.when.chain_time(screen, &self.ledger, network)?;
        let ahead = replica.ledger.heads_after(at);
        if ahead.map_err(|error| replica.failed(error))? > 0 {
            screen.note(
                "the ledger has events that are dated after this height or median time; what is said now is not said with knowledge of them",
            );
        }
        Ok(Speaking { replica, at })
    }

    /// Signs and keeps what the holder of the identity says, knowing all there is in the ledger by
    /// then.
    pub(super) fn say(
        &self,
        speaking: &mut Speaking,
        body: impl FnOnce(&str) -> Result<Body, Failure>,
    ) -> Result<Said, Failure> {
        self.check_out(&speaking.replica)?;
        let identity = self.identity.open()?;
        self.say_as(&identity, speaking, body)
    }

    /// Refuses a bundle of another ledger, before anybody types a passphrase.
    fn check_out(&self, replica: &Replica<Directory>) -> Result<(), Failure> {
        match &self.out {
            Some(path) => check_bundle(path, replica.ledger.store().genesis()),
            None => Ok(()),
        }
    }

    /// The same with an identity that is open.
    pub(super) fn say_as(
        &self,
        identity: &Identity,
        speaking: &mut Speaking,
        body: impl FnOnce(&str) -> Result<Body, Failure>,
    ) -> Result<Said, Failure> {
        let Speaking { replica, at } = speaking;
        self.check_out(replica)?;
        let genesis = replica.ledger.store().genesis().to_vec();
        let author = identity.name();
        let event = replica.ledger.draft(author, *at, body(author)?);
        let event = event.map_err(|error| replica.failed(error))?;
        let kind = event.body.kind().name();
        let signed = event.sign(identity.key()).map_err(LedgerFailure::from)?;
        let position = append(replica, &signed)?;
        let envelope = signed.envelope().to_line();
        if let Some(path) = &self.out {
            hand_on(path, &genesis, &envelope).map_err(|source| Failure::Write {
                file: input::file_name(path),
                source,
            })?;
        }
        Ok(Said {
            ledger: replica.directory.clone(),
            event: signed.id(),
            author: author.to_owned(),
            kind,
            position,
            at: *at,
            envelope,
            file: self.out.as_deref().map(input::file_name),
        })
    }
}

/// All cases as they stand when the chain is there.
pub(super) fn cases<S: Store>(ledger: &Ledger<S>, now: ChainTime) -> Result<Cases, LedgerError> {
    let memory = ledger.in_memory()?;
    let words = memory.told().into_iter().map(Word::from);
    Ok(replay(words, now, ledger.charter().policy()))
}

fn append(replica: &mut Replica<Directory>, signed: &SignedEvent) -> Result<u64, Failure> {
    let taken = replica.ledger.append(std::slice::from_ref(signed));
    let taken = taken.map_err(|error| replica.failed(error))?;
    match taken.into_iter().next() {
        Some(Taken::Refused(refusal)) => Err(LedgerFailure::from(refusal).into()),
        Some(Taken::New(position) | Taken::Known(position)) => Ok(position),
        None => Ok(replica.ledger.store().size()),
    }
}

/// Refuses a bundle of another ledger, before anything is signed.
fn check_bundle(path: &Path, genesis: &[u8]) -> Result<(), Failure> {
    let file = || input::file_name(path);
    let bundle = match File::open(path) {
        Ok(bundle) => bundle,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(Failure::Read {
                file: file(),
                source,
            });
        }
    };
    let mut first = Vec::new();
    let mut reader = io::Read::take(BufReader::new(bundle), MAX_RECORD as u64);
    let read = reader.read_until(b'\n', &mut first);
    read.map_err(|source| Failure::Read {
        file: file(),
        source,
    })?;
    let is_empty = first.is_empty();
    if is_empty || first.strip_suffix(b"\n") == Some(genesis) {
        return Ok(());
    }
    Err(LedgerFailure::OtherBundle { file: file() }.into())
}

/// Appends a line to a bundle, which begins with what the ledger is founded on.
fn hand_on(path: &Path, genesis: &[u8], line: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)?;
    let mut text = Vec::new();
    if file.metadata()?.len() == 0 {
        text.extend_from_slice(genesis);
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()
}
