//! `longstop clawback`, `refresh`, `spend` and `recover`: what moves coins beside the staged path.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, OutPoint};
use clap::Args;

use super::recovery::StepArgs;
use super::render::Screen;
use super::sos::{Paid, paid};
use super::{Exit, Failure};
use crate::engine::Action;

/// What `--json` gives.
const STEP: &str = "With --json: as `longstop sos trigger`.";

/// Take a coin out of the lock-up back to the vault, by root
#[derive(Debug, Args)]
#[command(after_help = STEP)]
pub(super) struct Clawback {
    /// The coin in the lock-up
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    #[command(flatten)]
    step: StepArgs,
}

/// Move coins of the vault to a new address of it, by root: a fresh start for every lock
///
/// Once it is buried, everything that was signed in advance for these coins is worth nothing.
#[derive(Debug, Args)]
#[command(after_help = STEP)]
pub(super) struct Refresh {
    /// A coin in the vault
    #[arg(long = "coin", value_name = "TXID:VOUT", required = true)]
    coins: Vec<OutPoint>,
    #[command(flatten)]
    step: StepArgs,
}

/// Pay somebody out of the vault, by root; the rest goes back to it
#[derive(Debug, Args)]
#[command(after_help = STEP)]
pub(super) struct Spend {
    /// A coin in the vault
    #[arg(long = "coin", value_name = "TXID:VOUT", required = true)]
    coins: Vec<OutPoint>,
    /// Who is paid
    #[arg(long, value_name = "ADDRESS=SATS", value_parser = paid, required = true)]
    pay: Vec<Paid>,
    #[command(flatten)]
    step: StepArgs,
}

/// Take a coin by a direct path, after its delay, or by the backstop of an escrow: without any file
#[derive(Debug, Args)]
#[command(after_help = STEP)]
pub(super) struct Recover {
    /// The coin
    #[arg(long, value_name = "TXID:VOUT")]
    coin: OutPoint,
    /// The direct path; without it the coin is in an escrow, and goes by its backstop
    #[arg(long)]
    path: Option<String>,
    /// Where to
    #[arg(long, value_name = "ADDRESS")]
    to: Address<NetworkUnchecked>,
    #[command(flatten)]
    step: StepArgs,
}

impl Clawback {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        self.step.act(screen, &Action::Clawback { coin: self.coin })
    }
}

impl Refresh {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let coins = self.coins.clone();
        self.step.act(screen, &Action::Refresh { coins })
    }
}

impl Spend {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let payees = self.pay.iter();
        let payees = payees.map(|paid| paid.payment(self.step.run(), screen));
        let action = Action::Spend {
            coins: self.coins.clone(),
            payees: payees.collect::<Result<Vec<_>, _>>()?,
        };
        self.step.act(screen, &action)
    }
}

impl Recover {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let to = self.step.run().script(screen, &self.to)?;
        let coin = self.coin;
        let action = match &self.path {
            Some(path) => Action::Recover {
                coin,
                path: path.clone(),
                to,
            },
            None => Action::Backstop { coin, to },
        };
        self.step.act(screen, &action)
    }
}
