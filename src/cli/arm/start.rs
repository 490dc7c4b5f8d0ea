//! `longstop arm start`.

use std::path::PathBuf;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{OutPoint, Transaction};
use clap::Args;

use super::{RoundStanding, show, text};
use crate::ceremony::{Round, Taken};
use crate::cli::psbt::{ReaderArgs, refuse_taken};
use crate::cli::render::Screen;
use crate::cli::{Exit, Failure, input, output};

/// Begin a round: plan every coin on every path
///
/// Each coin has to be buried, six blocks deep, and its transaction is given whole: nothing else
/// proves what the coin is worth. A coin is armed once; to arm it anew, refresh it first.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, policy_id, network, state, armings [coin, sats, path, state, signed, unsigned,\nacknowledged, silent], taken and written."
)]
pub(in crate::cli) struct Start {
    #[command(flatten)]
    reader: ReaderArgs,
    /// A coin to arm
    #[arg(long, value_name = "TXID:VOUT", required = true)]
    coin: Vec<OutPoint>,
    /// The transaction of a coin, in hexadecimal
    #[arg(long, value_name = "FILE", required = true)]
    tx: Vec<PathBuf>,
    /// A staged path
    #[arg(long, value_name = "NAME", required = true)]
    path: Vec<String>,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Start {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        refuse_taken(&self.output)?;
        let policy = self.reader.compiled(screen)?;
        let secp = Secp256k1::new();
        let mut sources = Vec::new();
        for path in &self.tx {
            sources.push(source(path)?);
        }
        let failed = |source| Failure::Round {
            file: input::file_name(&self.output),
            source,
        };
        let mut reader = self.reader.reader(&policy.compiled, &secp);
        let mut coins = Vec::new();
        for coin in &self.coin {
            let mut found = sources.iter();
            let source = found.find(|source| source.compute_txid() == coin.txid);
            let source = source.ok_or(Failure::NoSource { coin: *coin })?;
            coins.push(reader.vault_coin(*coin, source).map_err(failed)?);
        }
        let round = Round::start(&policy.compiled, &secp, &coins, &self.path).map_err(failed)?;
        let text = text(&round).map_err(failed)?;
        output::create(&self.output, &text)
            .map_err(|source| output::failure(&self.output, source))?;
        let taken = Taken::default();
        let standing = RoundStanding::of(&round, &policy.compiled, &self.output, taken);
        show(screen, &standing)?;
        Ok(Exit::Ok)
    }
}

/// A transaction in a file.
fn source(path: &std::path::Path) -> Result<Transaction, Failure> {
    let text = input::foreign_file(path)?;
    bitcoin::consensus::encode::deserialize_hex(text.text.trim())
        .map_err(|_| Failure::NotATransaction { file: text.file })
}
