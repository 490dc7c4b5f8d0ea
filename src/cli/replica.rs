//! Opening ledgers for commands: compared with what is known of them, and with what was found
//! told on the terminal.

use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use clap::Args;

use super::failure::LedgerFailure;
use super::known::{Known, StateArgs};
use super::render::Screen;
use super::vault::VaultArgs;
use super::{Failure, custody, input};
use crate::governance::{Digest, EventId};
use crate::ledger::{Directory, Head, Ledger, LedgerError, Reader, Remark, Store, StoreError};
use crate::units::format_date_time;
use crate::wallet::is_vault;

/// Fewest digits by which an event can be named.
const LEAST_DIGITS: usize = 4;

/// A ledger on the command line.
#[derive(Clone, Debug, Args)]
pub(super) struct LedgerArgs {
    /// The directory of the ledger, or of a vault that goes by one
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The directory of the vault that goes by it, where a vault was named.
    #[arg(skip)]
    vault: Option<PathBuf>,
    #[command(flatten)]
    state: StateArgs,
}

/// A ledger that a command has opened.
pub(super) struct Replica<S> {
    pub ledger: Ledger<S>,
    /// The name of its directory, ready to be shown.
    pub directory: String,
    known: Known,
}

impl LedgerArgs {
    /// A ledger that is not named on the command line itself.
    pub(super) fn of(directory: PathBuf, state: &StateArgs) -> Self {
        Self {
            directory,
            vault: None,
            state: state.clone(),
        }
    }

    /// The ledger that a vault goes by.
    pub(super) fn of_vault(directory: PathBuf, vault: &Path, state: &StateArgs) -> Self {
        Self {
            vault: Some(vault.to_owned()),
            ..Self::of(directory, state)
        }
    }

    /// The vault that goes by it, where a vault was named and not the ledger alone.
    pub(super) fn vault(&self) -> Option<VaultArgs> {
        let named = self.vault.as_ref();
        let named = named.or_else(|| is_vault(&self.directory).then_some(&self.directory));
        named.map(|vault| VaultArgs::of(vault.clone(), &self.state))
    }

    /// The ledger itself: of a vault, the one that it goes by.
    pub(super) fn itself(&self) -> Result<Self, Failure> {
        match (&self.vault, self.vault()) {
            (None, Some(vault)) => vault.ledger(None),
            _ => Ok(self.clone()),
        }
    }

    /// The directory, as it was given.
    pub(super) const fn path(&self) -> &PathBuf {
        &self.directory
    }

    /// The name of the directory, ready to be shown.
    pub(super) fn name(&self) -> String {
        input::file_name(&self.directory)
    }

    /// What is known of it.
    pub(super) fn known(&self) -> Result<Known, Failure> {
        self.state.known(&self.directory)
    }

    /// Opens it for this process alone.
    pub(super) fn write(&self, screen: &Screen) -> Result<Replica<Directory>, Failure> {
        let own = self.itself()?;
        let known = own.known()?;
        let store = Directory::open(&own.directory, known.pin(), &holder());
        let store = store.map_err(|error| own.failed(&known, error))?;
        let replica = own.replica(known, store)?;
        replica.tell(screen, &replica.ledger.store().remarks());
        Ok(replica)
    }

    /// Opens it for reading, beside whoever writes.
    pub(super) fn read(&self, screen: &Screen) -> Result<Replica<Reader>, Failure> {
        let own = self.itself()?;
        let known = own.known()?;
        let store = Reader::open(&own.directory, known.pin());
        let store = store.map_err(|error| own.failed(&known, error))?;
        let remarks = store.remarks().to_vec();
        let pin = store.pin();
        let mut replica = own.replica(known, store)?;
        replica.tell(screen, &remarks);
        replica.known.remember_more(pin)?;
        Ok(replica)
    }

    /// A store that was opened as a ledger.
    pub(super) fn replica<S: Store>(&self, known: Known, store: S) -> Result<Replica<S>, Failure> {
        let ledger = Ledger::open(store).map_err(|source| LedgerFailure::Ledger {
            directory: self.name(),
            source,
        })?;
        Ok(Replica {
            ledger,
            directory: self.name(),
            known,
        })
    }

    /// Why a store cannot be opened, with what is known of it.
    pub(super) fn failed(&self, known: &Known, error: StoreError) -> Failure {
        let directory = self.name();
        let failure = match (known.pin(), &error) {
            (Some(_), StoreError::Missing { .. }) => LedgerFailure::Gone {
                directory,
                known: known.in_words(),
            },
            (
                Some(_),
                StoreError::OtherGenesis { .. }
                | StoreError::Shrunk { .. }
                | StoreError::Rewritten { .. },
            ) => LedgerFailure::Replaced {
                directory,
                source: error,
                known: known.in_words(),
            },
            _ => LedgerFailure::Store {
                directory,
                source: error,
            },
        };
        failure.into()
    }
}

impl<S: Store> Replica<S> {
    /// What somebody should know about how it was found.
    fn tell(&self, screen: &Screen, remarks: &[Remark]) {
        screen.remarks(&self.directory, remarks);
        if self.known.pin().is_none() {
            screen.note(&format!(
                "nothing was known here of the ledger in `{}`; what it holds now is remembered",
                self.directory
            ));
        }
    }

    /// Why the ledger cannot do something.
    pub(super) fn failed(&self, source: impl Into<LedgerError>) -> Failure {
        LedgerFailure::Ledger {
            directory: self.directory.clone(),
            source: source.into(),
        }
        .into()
    }

    /// How many events it has, and the root hash of their tree.
    pub(super) fn head(&self) -> Result<Head, Failure> {
        let head = self.ledger.store().head();
        head.map_err(|error| self.failed(error))
    }

    /// The event whose id begins so.
    pub(super) fn event_named(&self, prefix: &str) -> Result<EventId, Failure> {
        let mut found = Vec::new();
        for record in self.ledger.store().records(0) {
            let id = EventId(Digest(record.map_err(|error| self.failed(error))?.id));
            if id.to_string().starts_with(prefix) {
                found.push(id);
            }
        }
        only(prefix, "event", found)
    }
}

impl Replica<Directory> {
    /// Closes it, and remembers what it holds.
    pub(super) fn close(mut self) -> Result<Head, Failure> {
        let pin = self.ledger.store().pin();
        self.known.remember(pin)?;
        let directory = self.directory;
        let failed = |source| LedgerFailure::Ledger { directory, source };
        let store = self.ledger.close().map_err(failed.clone())?;
        let closed = store.close();
        Ok(closed.map_err(|error| failed(error.into()))?)
    }
}

/// The only one of several whose id begins so.
pub(super) fn only(
    prefix: &str,
    what: &'static str,
    mut found: Vec<EventId>,
) -> Result<EventId, Failure> {
    let typed = prefix.to_owned();
    let failure = match (found.pop(), found.len()) {
        _ if prefix.len() < LEAST_DIGITS => LedgerFailure::ShortId {
            typed,
            least: LEAST_DIGITS,
        },
        (None, _) => LedgerFailure::NoSuchId { what, typed },
        (Some(id), 0) => return Ok(id),
        (Some(_), more) => LedgerFailure::SeveralIds {
            what,
            typed,
            count: more + 1,
        },
    };
    Err(failure.into())
}

/// What this process says of itself to others that want the ledger.
pub(super) fn holder() -> String {
    let now = SystemTime::now();
    format!(
        "process {}, since {} UTC",
        process::id(),
        format_date_time(custody::unix_time(now))
    )
}
