//! A run while it lasts: the vault, the chain, the words in the ledger, and what is paid.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, ScriptBuf};
use clap::Args;

use crate::chain::Chain;
use crate::cli::backend::BackendArgs;
use crate::cli::failure::VaultFailure;
use crate::cli::fees::FeeArgs;
use crate::cli::render::Screen;
use crate::cli::vault::{Held, VaultArgs};
use crate::cli::{Failure, vault};
use crate::compile::Compiled;
use crate::engine::Replica;
use crate::ledger::Directory;
use crate::policy::{Network, Policy};
use crate::recovery::points::{CutShort, Hook, Point};
use crate::recovery::{Fees, Recovery, RecoveryError, Terms};

/// The variable that names a point at which the program ends at once.
const FAILPOINT: &str = "LONGSTOP_FAILPOINT";

/// A run of a recovery: which vault, which chain, and how it is signed.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// Go by the words in this ledger, and not by those in the directory of the vault
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Pay fee children from the fee wallet of this party
    #[arg(long, value_name = "PARTY")]
    broadcaster: Option<String>,
    #[command(flatten)]
    fees: FeeArgs,
    /// Take what was signed in advance at this rung of the policy, counted from 1, the lowest
    #[arg(long, value_name = "N", conflicts_with = "feerate")]
    rung: Option<usize>,
    /// Send what root signed in advance although nobody stands by to raise its fee
    #[arg(long)]
    base_fee_is_enough: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Ends the program at the point that the environment names, without any clearing up.
#[derive(Default)]
struct Failpoint {
    at: Option<(Point, usize)>,
    times: RefCell<BTreeMap<Point, usize>>,
}

impl Failpoint {
    fn from_environment() -> Result<Self, Failure> {
        let Ok(text) = std::env::var(FAILPOINT) else {
            return Ok(Self::default());
        };
        let (name, time) = text.split_once(':').unwrap_or((&text, "1"));
        match (Point::named(name), time.parse()) {
            (Some(point), Ok(time)) => Ok(Self {
                at: Some((point, time)),
                times: RefCell::default(),
            }),
            _ => Err(VaultFailure::Failpoint { typed: text }.into()),
        }
    }
}

impl Hook for Failpoint {
    fn at(&self, point: Point) -> Result<(), CutShort> {
        let mut times = self.times.borrow_mut();
        let time = times.entry(point).or_default();
        *time += 1;
        if self.at == Some((point, *time)) {
            std::process::abort();
        }
        Ok(())
    }
}

/// What stands around a run while it lasts.
struct Opened {
    held: Held,
    /// The address of the chain, under which the vault keeps what it remembers.
    at: String,
    chain: Box<dyn Chain + Send>,
    words: Option<Replica>,
    hook: Failpoint,
}

pub(super) type Run<'a> = Recovery<'a, Directory, Box<dyn Chain + Send>>;

impl RunArgs {
    fn open(&self, screen: &Screen) -> Result<Opened, Failure> {
        let hook = Failpoint::from_environment()?;
        let held = self.vault.open(screen)?;
        let at = self.vault.address(&self.backend)?;
        let at = at.ok_or(Failure::NoBackend)?;
        let reached = held.reach(&self.backend, &at)?;
        let (freshness, verdict) = reached.freshness()?;
        verdict.map_err(|source| VaultFailure::Stale {
            address: reached.address.clone(),
            source,
        })?;
        if let Some(party) = &self.broadcaster
            && held.vault.compiled().policy().party(party).is_none()
        {
            let error = crate::wallet::VaultError::NoParty(party.clone());
            return Err(held.failed(error));
        }
        let words = self.words(screen, held.vault.compiled(), freshness.tip.time)?;
        Ok(Opened {
            held,
            at: at.to_string(),
            chain: reached.chain,
            words,
            hook,
        })
    }

    /// What is said in the ledger, as it counts when the chain is there.
    fn words(
        &self,
        screen: &Screen,
        compiled: &Compiled,
        now: crate::units::ChainTime,
    ) -> Result<Option<Replica>, Failure> {
        let Some(args) = self.vault.ledger_if_any(self.ledger.as_ref())? else {
            screen.note("no ledger is named: no path with terms of activation is triggered");
            return Ok(None);
        };
        vault::same_policy(&args, screen, compiled)?;
        let replica = args.read(screen)?;
        let mut words = Replica::new(replica.ledger.charter().clone());
        words.observe(now);
        for event in replica.ledger.events() {
            let event = event.map_err(|error| replica.failed(error))?;
            let id = event.id();
            if let Err(refusal) = words.take(event) {
                screen.note(&format!("event {id} does not count: {refusal}"));
            }
        }
        Ok(Some(words))
    }

    fn terms<'a>(
        &'a self,
        fees: Fees,
        words: Option<&'a Replica>,
        hook: &'a Failpoint,
    ) -> Terms<'a> {
        Terms {
            words,
            broadcaster: self.broadcaster.as_deref(),
            fees,
            base_fee_is_enough: self.base_fee_is_enough,
            hook,
        }
    }

    /// The feerate of the rung that was named, or else what was said about fees.
    fn fees(&self, policy: &Policy) -> Result<Fees, Failure> {
        let Some(rung) = self.rung else {
            return Ok(self.fees.fees());
        };
        let rungs = policy.rungs();
        let chosen = rung.checked_sub(1).and_then(|rung| rungs.get(rung));
        match chosen.filter(|_| !policy.version().has_anchor()) {
            Some(feerate) => Ok(Fees::Named(*feerate)),
            None => Err(VaultFailure::NoRung {
                rung,
                rungs: match policy.version().has_anchor() {
                    true => 0,
                    false => rungs.len(),
                },
            }
            .into()),
        }
    }

    /// Runs something on the vault, and closes it whatever comes of it.
    pub(super) fn with<T>(
        &self,
        screen: &Screen,
        act: impl FnOnce(&mut Run<'_>, &str) -> Result<T, RunFailure>,
    ) -> Result<T, Failure> {
        let Opened {
            mut held,
            at,
            chain,
            words,
            hook,
        } = self.open(screen)?;
        let directory = held.directory.clone();
        let fees = match self.fees(held.vault.compiled().policy()) {
            Ok(fees) => fees,
            Err(failure) => {
                held.close()?;
                return Err(failure);
            }
        };
        let terms = self.terms(fees, words.as_ref(), &hook);
        let mut memory = None;
        let outcome = match Recovery::open(&mut held.vault, chain, terms) {
            Ok(mut run) => {
                let outcome = act(&mut run, &directory);
                memory = run.engine().chain().memory();
                outcome
            }
            Err(error) => Err(error.into()),
        };
        // A node that was asked about fee wallets need not read its blocks again for them.
        if let Some(memory) = memory {
            let kept = held.vault.keep_backend_memory(&at, &memory);
            kept.map_err(|error| held.failed(error))?;
        }
        let failed = |failure| match failure {
            RunFailure::Recovery(source) => VaultFailure::Recovery {
                directory: directory.clone(),
                source,
            }
            .into(),
            RunFailure::Other(failure) => *failure,
        };
        let outcome = outcome.map_err(failed);
        held.close()?;
        outcome
    }

    /// The network of the vault, for addresses on the command line.
    fn network(&self, screen: &Screen) -> Result<Network, Failure> {
        let held = self.vault.open(screen)?;
        let network = held.vault.document().network;
        held.close()?;
        Ok(network)
    }

    /// The script of an address, which must be of the network of the vault.
    pub(in crate::cli) fn script(
        &self,
        screen: &Screen,
        address: &Address<NetworkUnchecked>,
    ) -> Result<ScriptBuf, Failure> {
        let network = self.network(screen)?;
        let checked = address.clone().require_network(network.to_bitcoin());
        let checked = checked.map_err(|_| VaultFailure::OtherNetworkAddress {
            address: address.clone().assume_checked().to_string(),
            network,
        })?;
        Ok(checked.script_pubkey())
    }
}

/// Why a run ended.
pub(super) enum RunFailure {
    Recovery(RecoveryError),
    Other(Box<Failure>),
}

impl<E: Into<RecoveryError>> From<E> for RunFailure {
    fn from(error: E) -> Self {
        Self::Recovery(error.into())
    }
}

/// A failure that is none of the run itself.
pub(super) fn other(failure: impl Into<Failure>) -> RunFailure {
    RunFailure::Other(Box::new(failure.into()))
}
