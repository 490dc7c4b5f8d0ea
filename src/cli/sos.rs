//! `longstop sos`: the staged path of a vault, from the trigger to the release.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, OutPoint, Txid};
use clap::{Args, Subcommand};

use super::recovery::{self, DryRun, FileArgs, RunArgs, StepArgs};
use super::render::Screen;
use super::{Exit, Failure};
use crate::engine::{Action, Payment};

/// Run a recovery: trigger, veto, cancel, settle, release, and go on after anything
///
/// Every step is in the journal of the vault before it has any effect, so whoever was cut short goes
/// on with `longstop sos resume`. Signatures come by PSBT files: --psbt-out writes what is to be
/// signed, and --psbt takes what came back.
#[derive(Debug, Args)]
pub(super) struct SosCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Trigger(Trigger),
    Status(Status),
    Veto(Veto),
    Cancel(Cancel),
    Settle(Settle),
    Release(Release),
    Resume(Resume),
}

impl SosCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Trigger(trigger) => trigger.run(screen),
            Command::Status(status) => recovery::status(screen, &status.run),
            Command::Veto(veto) => veto.run(screen),
            Command::Cancel(cancel) => cancel.run(screen),
            Command::Settle(settle) => settle.run(screen),
            Command::Release(release) => release.run(screen),
            Command::Resume(resume) => resume.run(screen),
        }
    }
}

/// What `--json` gives where a step is shown.
const STEP: &str = "With --json: vault, height and operations [txid, what, phase, coins, approved, waits_for [class,\nmessage], wanted [role, signed, missing], fee_child_wanted_from, feerate [sat_per_vb, from, target,\nerror, told, rung, text], would, files]. With --dry-run: vault, what, txid, fee_sats, feerate, pays\n[to, sats, stage, path] (no stage where it leaves the policy), coins, case, joins, problems [class, message], warnings, restarts and\nconfirmation. Exit code 6 says that signatures are missing or something else is waited for.";

/// What `--json` gives where everything goes on.
const RESUME: &str = "With --json, with and without --dry-run: vault, height and operations, as `longstop sos trigger`.\nExit code 6 says that signatures are missing or something else is waited for.";

/// Move a coin to the escrow of a path, and show which dates that restarts
#[derive(Debug, Args)]
#[command(after_help = STEP)]
struct Trigger {
    /// The coin
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    /// The staged path
    #[arg(long)]
    path: String,
    #[command(flatten)]
    step: StepArgs,
}

/// Show everything that is or was under way, and how far it has come
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, height and operations [txid, what, phase, coins, approved]."
)]
struct Status {
    #[command(flatten)]
    run: RunArgs,
}

/// Collect the signatures of veto holders on the cancel of a coin, and send nothing
#[derive(Debug, Args)]
#[command(after_help = STEP)]
struct Veto {
    /// The coin in the escrow
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    files: FileArgs,
}

/// Send a coin from the escrow back to the vault, with the signatures of veto holders
#[derive(Debug, Args)]
#[command(after_help = STEP)]
struct Cancel {
    /// The coin in the escrow
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    /// By root alone, without any file
    #[arg(long = "override")]
    by_root: bool,
    #[command(flatten)]
    step: StepArgs,
}

/// Move a coin on after the veto window: to the lock-up, or to payees on a spend path
#[derive(Debug, Args)]
#[command(after_help = STEP)]
struct Settle {
    /// The coin in the escrow
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    /// Pay somebody, on a path without a lock-up
    #[arg(long, value_name = "ADDRESS=SATS", value_parser = paid)]
    pay: Vec<Paid>,
    #[command(flatten)]
    step: StepArgs,
}

/// Pay a coin out of the lock-up, after its period
#[derive(Debug, Args)]
#[command(after_help = STEP)]
struct Release {
    /// The coin in the lock-up
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    /// Where to
    #[arg(long, value_name = "ADDRESS")]
    to: Address<NetworkUnchecked>,
    #[command(flatten)]
    step: StepArgs,
}

/// Go on with everything that is under way: ask, send again, raise fees, take it as it is
///
/// What waits for a block at too low a fee is raised, to what is named or to what the chain
/// estimates: with version 3 by a dearer fee child, and with version 2 by the transaction at the
/// rung that pays it, which is approved as the one at the lower rung was. Nothing goes back down.
#[derive(Debug, Args)]
#[command(after_help = RESUME)]
struct Resume {
    /// Give this one up: it is not sent any more, and its fee coins are free
    #[arg(long, value_name = "TXID")]
    give_up: Option<Txid>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    files: FileArgs,
    /// Show what would be done, and neither sign nor write nor send anything
    #[arg(long, conflicts_with = "give_up")]
    dry_run: bool,
}

/// Somebody who is paid.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    address: Address<NetworkUnchecked>,
    amount: Amount,
}

impl Paid {
    pub(super) fn payment(&self, run: &RunArgs, screen: &Screen) -> Result<Payment, Failure> {
        Ok(Payment {
            script_pubkey: run.script(screen, &self.address)?,
            amount: self.amount,
        })
    }
}

/// Reads `ADDRESS=SATS`.
pub(super) fn paid(text: &str) -> Result<Paid, String> {
    let form = "write an address and an amount in satoshi, such as bcrt1q...=250000";
    let (address, sats) = text.split_once('=').ok_or(form)?;
    let address = address
        .parse()
        .map_err(|error| format!("no address: {error}"))?;
    let sats: u64 = sats.parse().map_err(|_| form)?;
    Ok(Paid {
        address,
        amount: Amount::from_sat(sats),
    })
}

impl Trigger {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let action = Action::Trigger {
            coin: self.coin,
            path: self.path.clone(),
        };
        self.step.act(screen, &action)
    }
}

impl Veto {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let action = Action::Cancel { coin: self.coin };
        recovery::sign_only(screen, &self.run, &self.files, &action)
    }
}

impl Cancel {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let coin = self.coin;
        let action = match self.by_root {
            true => Action::Override { coin },
            false => Action::Cancel { coin },
        };
        self.step.act(screen, &action)
    }
}

impl Settle {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let coin = self.coin;
        let payees = self.pay.iter();
        let payees = payees.map(|paid| paid.payment(self.step.run(), screen));
        let payees = payees.collect::<Result<Vec<_>, _>>()?;
        let action = match payees.is_empty() {
            true => Action::Settle { coin },
            false => Action::SettleTo { coin, payees },
        };
        self.step.act(screen, &action)
    }
}

impl Release {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let action = Action::Release {
            coin: self.coin,
            to: self.step.run().script(screen, &self.to)?,
        };
        self.step.act(screen, &action)
    }
}

impl Resume {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match self.give_up {
            Some(txid) => recovery::give_up(screen, &self.run, txid),
            None => {
                let dry_run = match self.dry_run {
                    true => DryRun::Yes,
                    false => DryRun::No,
                };
                recovery::resume(screen, &self.run, &self.files, dry_run)
            }
        }
    }
}
