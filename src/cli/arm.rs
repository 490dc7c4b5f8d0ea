//! `longstop arm`: what root signs in advance, coin by coin, by files.

mod hold;
mod keep;
mod pick;
mod start;
mod take;

use std::path::{Path, PathBuf};

use bitcoin::secp256k1::{All, Secp256k1};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::input::{CompiledFile, PolicyArgs};
use super::render::{self, Screen};
use super::replica::LedgerArgs;
use super::{Exit, Failure, input, output};
use crate::arming::ArmingState;
use crate::ceremony::{Round, RoundError, Speakers, Taken};
use crate::compile::Compiled;
use crate::governance::Body;

use self::keep::KeepArgs;

pub(super) use self::pick::NotToArm;

/// Arm coins: what root signs in advance so that a staged path can act without it
///
/// A round is one file for several coins and paths. Root signs every cancel and settle; those who
/// will need them verify and acknowledge their copies; only then does root sign the triggers. No
/// other order is possible. The file goes from hand to hand, or everybody signs a copy and the copies
/// are put together; whoever reads one plans everything in it anew and takes signatures alone.
#[derive(Debug, Args)]
pub(super) struct ArmCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Start),
    Sign(take::Sign),
    Add(take::Add),
    Verify(hold::Verify),
    Acknowledge(hold::Acknowledge),
    Status(hold::StatusOf),
}

/// The round that a command is about.
#[derive(Clone, Debug, Args)]
pub(super) struct RoundArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    /// The file of the round
    #[arg(value_name = "ROUND")]
    round: PathBuf,
    #[command(flatten)]
    keep: KeepArgs,
    /// The directory of the ledger: it knows who speaks with which key [default: that of the vault]
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

impl RoundArgs {
    fn compiled(&self, screen: &Screen) -> Result<CompiledFile, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        Ok(file)
    }

    /// The round, planned anew.
    fn read<'a>(
        &self,
        screen: &Screen,
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
    ) -> Result<(Round<'a>, Taken), Failure> {
        let bytes = input::round_bytes(&self.round)?;
        let speakers = match self.ledger()? {
            Some(ledger) => speakers(&ledger, screen, compiled)?,
            None => Speakers::of_policy(compiled),
        };
        Round::read_hearing(&bytes, compiled, secp, speakers).map_err(self.failed())
    }

    /// The ledger that is named, or that the vault has.
    fn ledger(&self) -> Result<Option<LedgerArgs>, Failure> {
        let named = self.ledger.as_ref();
        match self.keep.vault() {
            Some(vault) => vault.ledger_if_any(named),
            None => Ok(named.map(|named| LedgerArgs::of(named.clone(), &self.keep.state))),
        }
    }

    fn failed(&self) -> impl Fn(RoundError) -> Failure + use<> {
        let file = input::file_name(&self.round);
        move |source| Failure::Round {
            file: file.clone(),
            source,
        }
    }

    /// Writes it over the file, which is there as a whole or as it was.
    fn write(&self, round: &Round<'_>) -> Result<(), Failure> {
        let text = text(round).map_err(self.failed())?;
        output::replace(&self.round, |writer| writer.write_all(text.as_bytes())).map_err(|source| {
            Failure::Write {
                file: input::file_name(&self.round),
                source,
            }
        })
    }
}

/// Who speaks with which key, by what a ledger holds.
pub(super) fn speakers(
    args: &LedgerArgs,
    screen: &Screen,
    compiled: &Compiled,
) -> Result<Speakers, Failure> {
    super::vault::same_policy(args, screen, compiled)?;
    let replica = args.read(screen)?;
    let mut taken = Vec::new();
    for event in replica.ledger.events() {
        let event = event.map_err(|error| replica.failed(error))?;
        if matches!(event.event().body, Body::Acknowledgement(_)) {
            taken.push(event.id());
        }
    }
    let (charter, history) = (replica.ledger.charter(), replica.ledger.history());
    Ok(Speakers::of_history(charter, history, taken))
}

fn text(round: &Round<'_>) -> Result<String, RoundError> {
    let file = round.to_file()?;
    let mut text = serde_json::to_string_pretty(&file)
        .map_err(|error| RoundError::NotARound(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// How a round stands.
#[derive(Debug, Serialize)]
pub(super) struct RoundStanding {
    pub file: String,
    pub policy_id: String,
    pub network: String,
    pub state: ArmingState,
    pub armings: Vec<ArmingLine>,
    /// What came in by this command.
    pub taken: Taken,
    /// Files that were written for somebody to sign.
    pub written: Vec<String>,
    /// How many entries the journal of the vault has more, where a vault is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remembered: Option<u64>,
}

/// How one arming of it stands.
#[derive(Debug, Serialize)]
pub(super) struct ArmingLine {
    pub coin: bitcoin::OutPoint,
    pub sats: u64,
    pub path: String,
    pub state: ArmingState,
    /// Who in root has signed all that is to be signed now, and who has not.
    pub signed: Vec<String>,
    pub unsigned: Vec<String>,
    /// Who has acknowledged to hold the cancels and settles, and who could.
    pub acknowledged: Vec<String>,
    pub silent: Vec<String>,
}

impl RoundStanding {
    fn of(round: &Round<'_>, compiled: &Compiled, file: &Path, taken: Taken) -> Self {
        let armings = round.armings().iter().map(|arming| {
            let seats = arming.seats();
            let names = |signed: bool| {
                let of = seats.iter().filter(|(_, has)| **has == signed);
                of.map(|(name, _)| (*name).to_owned()).collect()
            };
            let acknowledged = arming.acknowledged();
            let holders = arming.holders().into_iter();
            let silent = holders.filter(|party| !acknowledged.contains(*party));
            ArmingLine {
                coin: arming.coin().outpoint(),
                sats: arming.coin().amount().to_sat(),
                path: arming.path().name().to_owned(),
                state: arming.state(),
                signed: names(true),
                unsigned: names(false),
                acknowledged: acknowledged.iter().cloned().collect(),
                silent: silent.map(str::to_owned).collect(),
            }
        });
        Self {
            file: input::file_name(file),
            policy_id: compiled.id().to_string(),
            network: compiled.policy().network().to_string(),
            state: round.state(),
            armings: armings.collect(),
            taken,
            written: Vec::new(),
            remembered: None,
        }
    }
}

impl ArmCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Start(start) => start.run(screen),
            Command::Sign(sign) => sign.run(screen),
            Command::Add(add) => add.run(screen),
            Command::Verify(verify) => verify.run(screen),
            Command::Acknowledge(acknowledge) => acknowledge.run(screen),
            Command::Status(status) => status.run(screen),
        }
    }
}

fn show(screen: &Screen, standing: &RoundStanding) -> Result<(), Failure> {
    screen.show(standing, |width| render::round(standing, width))
}
