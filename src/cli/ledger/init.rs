//! `longstop ledger init`: a new ledger about a policy.

use std::fs;

use clap::Args;
use serde::Serialize;

use crate::cli::failure::LedgerFailure;
use crate::cli::input::PolicyArgs;
use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, holder};
use crate::cli::{Exit, Failure, input};
use crate::evidence::genesis_of;
use crate::ledger::{Directory, Genesis};

/// Begin a ledger about a policy
///
/// It is founded on the policy in its canonical form, its id, the descriptors of all stages and the
/// first address of the vault. The ledgers of all parties begin with the very same bytes.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, policy, policy_id, network, genesis (SHA-256 of what it is founded on),\ndescriptors and first_address."
)]
pub(super) struct Init {
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Begin anew where a ledger is known to have been
    #[arg(long)]
    forget: bool,
}

/// A ledger that was begun.
#[derive(Serialize)]
pub(in crate::cli) struct Begun<'a> {
    pub ledger: String,
    pub policy: &'a str,
    #[serde(flatten)]
    pub founded: Founded<'a>,
}

/// What a ledger is founded on.
#[derive(Serialize)]
pub(in crate::cli) struct Founded<'a> {
    pub policy_id: String,
    pub network: crate::policy::Network,
    pub genesis: String,
    pub descriptors: &'a [String],
    pub first_address: &'a str,
}

impl<'a> Founded<'a> {
    fn of(genesis: &'a Genesis) -> Self {
        Self {
            policy_id: genesis.policy_id.to_string(),
            network: genesis.network,
            genesis: crate::governance::Digest::sha256(&genesis.to_bytes()).to_string(),
            descriptors: &genesis.descriptors,
            first_address: &genesis.first_address,
        }
    }
}

impl Init {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let policy = file.compiled.policy();
        for party in policy.parties() {
            if party.identity().is_none() {
                let name = party.name();
                screen.note(&format!(
                    "party `{name}` has no identity in the policy, and so can sign nothing"
                ));
            }
        }
        let genesis = genesis_of(&file.compiled);
        create(&self.ledger, &genesis, self.forget)?;
        let begun = Begun {
            ledger: self.ledger.name(),
            policy: policy.name(),
            founded: Founded::of(&genesis),
        };
        screen.show(&begun, |width| render::begun_ledger(&begun, width))?;
        Ok(Exit::Ok)
    }
}

/// Makes the directory of a ledger, and remembers it.
pub(in crate::cli) fn create(
    args: &LedgerArgs,
    genesis: &Genesis,
    forget: bool,
) -> Result<(), Failure> {
    let mut known = args.known()?;
    let inside = fs::read_dir(args.path()).ok();
    let is_gone = inside.is_none_or(|mut entries| entries.next().is_none());
    if known.pin().is_some() && is_gone && !forget {
        return Err(LedgerFailure::WasThere {
            directory: args.name(),
            known: known.in_words(),
        }
        .into());
    }
    let store = Directory::init(args.path(), &genesis.to_bytes(), &holder());
    let store = store.map_err(|source| LedgerFailure::Store {
        directory: args.name(),
        source,
    })?;
    known.remember(store.pin())?;
    store.close().map_err(|source| {
        Failure::from(LedgerFailure::Store {
            directory: args.name(),
            source,
        })
    })?;
    Ok(())
}
