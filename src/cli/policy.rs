//! `longstop policy`: whether the parties stand by a policy.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::render::{self, Screen};
use super::replica::LedgerArgs;
use super::say::{Said, SayArgs};
use super::{Exit, Failure, founding};
use crate::governance::{Body, Ratification};
use crate::ledger::{Genesis, Ratified};

/// Ratify a policy, and see who has
#[derive(Debug, Args)]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ratify(Ratify),
    Ratified(RatifiedBy),
}

/// Sign the policy of a ledger, its descriptors and the first address of its vault
///
/// The policy is compiled afresh, and nothing is signed unless it comes to the very descriptors and
/// the address that the ledger is founded on. Compare these with what the other parties see, by
/// another way than the one by which the ledger came.
///
/// Exit code 6: somebody has not ratified yet.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, policy_id, descriptors, first_address, complete, ratified [by, otherwise,\nmissing, without_identity, forked] and said [event, author, kind, position, height,\nmedian_time_past, envelope, file]."
)]
struct Ratify {
    #[command(flatten)]
    say: SayArgs,
}

/// Show who has ratified the policy of a ledger, and who is missing
///
/// Nobody should pay to the vault before all have: whoever has not looked may have been given other
/// descriptors.
///
/// Exit code 6: somebody has not ratified yet.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, policy_id, descriptors, first_address, complete and ratified [by, otherwise,\nmissing, without_identity, forked]."
)]
struct RatifiedBy {
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Who stands by a policy.
#[derive(Serialize)]
pub(super) struct Standing {
    pub ledger: String,
    pub policy_id: String,
    pub descriptors: Vec<String>,
    pub first_address: String,
    pub complete: bool,
    pub ratified: Ratified,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

impl Standing {
    fn new(ledger: String, genesis: &Genesis, ratified: Ratified, said: Option<Said>) -> Self {
        Self {
            ledger,
            policy_id: genesis.policy_id.to_string(),
            descriptors: genesis.descriptors.clone(),
            first_address: genesis.first_address.clone(),
            complete: ratified.is_complete(),
            ratified,
            said,
        }
    }

    const fn exit(&self) -> Exit {
        match self.complete {
            true => Exit::Ok,
            false => Exit::Pending,
        }
    }
}

impl PolicyCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Ratify(ratify) => ratify.run(screen),
            Command::Ratified(ratified) => ratified.run(screen),
        }
    }
}

impl Ratify {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut speaking = self.say.open(screen)?;
        let replica = &speaking.replica;
        let genesis = replica.ledger.genesis().clone();
        founding::compiled(&replica.directory, &genesis)?;
        screen.note(&format!(
            "the policy compiles afresh to what the ledger is founded on: policy id {}, {}, first address {}",
            genesis.policy_id,
            render::counted(genesis.descriptors.len() as u64, "descriptor"),
            genesis.first_address
        ));
        let body = Body::Ratification(Ratification {
            descriptors: genesis.descriptors.clone(),
            first_address: genesis.first_address.clone(),
        });
        let said = self.say.say(&mut speaking, |_| Ok(body))?;
        let replica = speaking.replica;
        let ratified = replica.ledger.ratified();
        let ratified = ratified.map_err(|error| replica.failed(error))?;
        let standing = Standing::new(replica.directory.clone(), &genesis, ratified, Some(said));
        replica.close()?;
        screen.show(&standing, |width| render::standing(&standing, width))?;
        Ok(standing.exit())
    }
}

impl RatifiedBy {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let replica = self.ledger.read(screen)?;
        let ratified = replica.ledger.ratified();
        let ratified = ratified.map_err(|error| replica.failed(error))?;
        let genesis = replica.ledger.genesis();
        let standing = Standing::new(replica.directory.clone(), genesis, ratified, None);
        screen.show(&standing, |width| render::standing(&standing, width))?;
        Ok(standing.exit())
    }
}
