//! `longstop arm verify`, `arm acknowledge` and `arm status`: those who hold the files.

use std::path::PathBuf;

use bitcoin::secp256k1::Secp256k1;
use clap::Args;

use super::{RoundArgs, RoundStanding, show};
use crate::arming::ArmingState;
use crate::cli::identity::IdentityArgs;
use crate::cli::render::Screen;
use crate::cli::say::SayArgs;
use crate::cli::when::WhenArgs;
use crate::cli::{Exit, Failure};
use crate::governance::Body;

/// What these commands print with --json.
const FIELDS: &str = "With --json: what `arm start` prints.";

/// Verify that every cancel and settle is complete
///
/// Whoever will need them does this himself, before he acknowledges: every transaction is made
/// again from the policy and the coin, and every signature verified against it. Exit code 1 says that
/// something is missing.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    round: RoundArgs,
}

/// Say that a party holds complete and verified copies of the cancels and settles
///
/// A party with an identity signs an event for each coin and path, which is kept in its ledger and in
/// the round; one without is named with --party. With --vault the journal of the vault remembers it.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(in crate::cli) struct Acknowledge {
    #[command(flatten)]
    round: RoundArgs,
    /// The party, where it has no identity
    #[arg(long, value_name = "NAME", required_unless_present = "identity", conflicts_with_all = ["height", "median_time"])]
    party: Option<String>,
    /// Sign with the identity in this file
    #[arg(long, value_name = "FILE", conflicts_with = "party")]
    identity: Option<PathBuf>,
    /// Read the passphrase from the only line of this file instead of asking for it
    #[arg(long, value_name = "FILE", requires = "identity")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    when: WhenArgs,
    /// Append the events to this bundle for others to import; it is made if it is not there
    #[arg(long, value_name = "FILE", requires = "identity")]
    out: Option<PathBuf>,
}

/// Say how far every coin has come, and who is missing
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(in crate::cli) struct StatusOf {
    #[command(flatten)]
    round: RoundArgs,
}

impl Verify {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let secp = Secp256k1::new();
        let (round, taken) = self.round.read(screen, &policy.compiled, &secp)?;
        let complete = round.state() >= ArmingState::Protected;
        let standing = RoundStanding::of(&round, &policy.compiled, &self.round.round, taken);
        show(screen, &standing)?;
        Ok(if complete { Exit::Ok } else { Exit::Unmet })
    }
}

impl Acknowledge {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let secp = Secp256k1::new();
        let (mut round, mut taken) = self.round.read(screen, &policy.compiled, &secp)?;
        let failed = self.round.failed();
        if let Some(identity) = &self.identity {
            let ledger = self.round.ledger()?.ok_or(Failure::NoLedger)?;
            let identity = IdentityArgs::of(identity, self.passphrase_file.as_deref());
            let say = SayArgs::of(
                ledger,
                identity.clone(),
                self.when.clone(),
                self.out.clone(),
            );
            let mut speaking = say.open(screen)?;
            let identity = identity.open()?;
            let party = identity.name().to_owned();
            for body in round.acknowledgements(&party).map_err(&failed)? {
                let said = say.say_as(&identity, &mut speaking, |_| {
                    Ok(Body::Acknowledgement(body))
                })?;
                let party = round.acknowledge_signed(&said.envelope).map_err(&failed)?;
                *taken.acknowledged.entry(party).or_default() += 1;
            }
            speaking.replica.close()?;
        } else if let Some(party) = &self.party {
            let count = round.acknowledge(party).map_err(&failed)?;
            taken.acknowledged.insert(party.clone(), count);
        }
        self.round.write(&round)?;
        let remembered = self.round.keep.keep(screen, &round, &policy.compiled)?;
        let mut standing = RoundStanding::of(&round, &policy.compiled, &self.round.round, taken);
        standing.remembered = remembered;
        show(screen, &standing)?;
        Ok(Exit::Ok)
    }
}

impl StatusOf {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let secp = Secp256k1::new();
        let (round, taken) = self.round.read(screen, &policy.compiled, &secp)?;
        let standing = RoundStanding::of(&round, &policy.compiled, &self.round.round, taken);
        show(screen, &standing)?;
        Ok(Exit::Ok)
    }
}
