//! The chain that a command works on: where it is, and whether it may be believed.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bitcoin::Network;
use clap::Args;

use super::{Failure, input};
use crate::chain::backend::{Address, Login, Options, open};
use crate::chain::{BackendError, Chain, Compared, Freshness, Stale};
use crate::units::{BlockHeight, UnixTime};

/// The variable that names a backend.
const VARIABLE: &str = "LONGSTOP_BACKEND";

/// Most bytes of a file with a login.
const LOGIN_LIMIT: usize = 1 << 10;

/// Where the chain is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Chain")]
pub(super) struct BackendArgs {
    /// The chain: bitcoind://HOST:PORT, bitcoind+cookie:///PATH/.cookie, electrums://HOST:PORT,
    /// esplora+https://HOST/PATH or embedded:FILE; without it, LONGSTOP_BACKEND
    #[arg(long, value_name = "ADDRESS")]
    backend: Option<Address>,
    /// Hold what the backend says against another one
    #[arg(long, value_name = "ADDRESS")]
    also: Vec<Address>,
    /// Read NAME:PASSWORD for a node from this file, which only you can read
    #[arg(long, value_name = "FILE")]
    backend_auth: Option<PathBuf>,
    /// Wait so many seconds for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    backend_timeout: u64,
    /// Act on a newest block that is up to so many minutes old
    #[arg(long, value_name = "MINUTES", default_value_t = Freshness::STALE_AFTER / 60, value_parser = clap::value_parser!(u32).range(1..=5_256_000))]
    tip_age: u32,
}

/// A chain that was reached.
pub(super) struct Reached {
    /// Its address, ready to be shown; with more than one, all of them.
    pub address: String,
    pub chain: Box<dyn Chain + Send>,
    stale_after: u32,
}

impl BackendArgs {
    /// The backend that is named on the command line or in the environment, if one is.
    pub(super) fn address(&self) -> Result<Option<Address>, Failure> {
        if self.backend.is_some() {
            return Ok(self.backend.clone());
        }
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => text.parse().map(Some).map_err(|source| {
                let variable = VARIABLE;
                Failure::Address { variable, source }
            }),
            _ => Ok(None),
        }
    }

    /// Reaches the chain of a network, and makes sure that it is that.
    ///
    /// What scripts were paid is looked for from the block `birth` on.  `memory` is what the chain
    /// remembered when it was last open.
    pub(super) fn open(
        &self,
        network: Network,
        birth: BlockHeight,
        memory: Option<Vec<u8>>,
    ) -> Result<Reached, Failure> {
        let first = self.address()?.ok_or(Failure::NoBackend)?;
        self.open_at(&first, network, birth, memory)
    }

    /// Reaches the chain at this address, with the other arguments as they are given.
    pub(super) fn open_at(
        &self,
        first: &Address,
        network: Network,
        birth: BlockHeight,
        memory: Option<Vec<u8>>,
    ) -> Result<Reached, Failure> {
        let options = Options {
            birth,
            login: self.login()?,
            timeout: Duration::from_secs(self.backend_timeout),
            memory,
            ..Options::new(network)
        };
        let reach = |address: &Address, options: &Options| {
            let chain = open(address, options).map_err(|source| Failure::Backend {
                address: address.to_string(),
                source: Box::new(source),
            })?;
            Ok::<_, Failure>((address.to_string(), chain))
        };
        let first = reach(first, &options)?;
        let options = Options {
            memory: None,
            ..options
        };
        let others = (self.also.iter()).map(|address| reach(address, &options));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let stale_after = self.tip_age.saturating_mul(60);
        if others.is_empty() {
            let (address, chain) = first;
            return Ok(Reached {
                address,
                chain,
                stale_after,
            });
        }
        let names = [&first].into_iter().chain(&others);
        let names: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
        Ok(Reached {
            address: names.join(", "),
            chain: Box::new(Compared::new(first, others)),
            stale_after,
        })
    }

    fn login(&self) -> Result<Option<Login>, Failure> {
        let Some(path) = &self.backend_auth else {
            return Ok(None);
        };
        let bytes = input::private(path, LOGIN_LIMIT)?;
        let file = || input::file_name(path);
        let text = std::str::from_utf8(&bytes).map_err(|error| Failure::NotText {
            file: file(),
            at: error.valid_up_to(),
        })?;
        let login = Login::from_text(text.lines().next().unwrap_or_default());
        login
            .map(Some)
            .ok_or_else(|| Failure::BackendLogin { file: file() })
    }
}

impl Reached {
    /// Why the chain did not give an answer.
    pub(super) fn failed(&self, source: BackendError) -> Failure {
        Failure::Backend {
            address: self.address.clone(),
            source: Box::new(source),
        }
    }

    /// How new the view of the chain is, and why it is not to be acted on, if it is not.
    pub(super) fn freshness(&self) -> Result<(Freshness, Result<(), Stale>), Failure> {
        let freshness = self.chain.freshness();
        let freshness = freshness.map_err(|source| self.failed(source))?;
        Ok((freshness, freshness.judge(now(), self.stale_after)))
    }
}

/// What the clock of this machine shows.
pub(super) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    UnixTime(u32::try_from(seconds).unwrap_or(u32::MAX))
}
