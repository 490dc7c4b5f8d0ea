//! `longstop arm start`.

use std::path::PathBuf;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{OutPoint, Transaction};
use clap::Args;

use super::keep::KeepArgs;
use super::pick::{Picked, pick};
use super::{RoundStanding, show, text};
use crate::ceremony::{Round, Taken};
use crate::cli::backend::BackendArgs;
use crate::cli::psbt::{ReaderArgs, refuse_taken};
use crate::cli::render::Screen;
use crate::cli::{Exit, Failure, input, output};
use crate::transaction::VaultCoin;

/// Begin a round: plan every coin on every path
///
/// With --vault the coins are those of a vault that are buried, six blocks deep, and not armed on a
/// path yet, or those of them that are named; the vault has their transactions. Without it each coin
/// is named and its transaction given whole: nothing else proves what the coin is worth, and that it
/// is buried only whoever asks a chain knows. A coin is armed once; to arm it anew, refresh it first.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, policy_id, network, state, armings [coin, sats, path, state, signed, unsigned,\nacknowledged, silent], taken and written."
)]
pub(in crate::cli) struct Start {
    #[command(flatten)]
    reader: ReaderArgs,
    /// A coin to arm; without one, all coins of the vault that can be
    #[arg(long, value_name = "TXID:VOUT", required_unless_present = "vault")]
    coin: Vec<OutPoint>,
    /// The transaction of a coin, in hexadecimal
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "vault",
        conflicts_with = "vault"
    )]
    tx: Vec<PathBuf>,
    /// A staged path
    #[arg(long, value_name = "NAME", required = true)]
    path: Vec<String>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    backend: BackendArgs,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Start {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        refuse_taken(&self.output)?;
        let policy = self.reader.compiled(screen)?;
        let secp = Secp256k1::new();
        let failed = |source| Failure::Round {
            file: input::file_name(&self.output),
            source,
        };
        let mut reader = self.reader.reader(&policy.compiled, &secp);
        let mut pairs: Vec<(VaultCoin, &str)> = Vec::new();
        if let Some(args) = self.keep.vault() {
            let mut held = args.open(screen)?;
            let picked = args
                .same_policy(&held, &policy.compiled)
                .and_then(|()| held.sync_if_named(screen, &args, &self.backend))
                .and_then(|_| pick(&held, &self.coin, &self.path));
            let next = held.vault.next();
            held.close()?;
            let Picked { coins, passed_over } = picked?;
            for remark in passed_over {
                screen.note(&remark);
            }
            reader = reader.with_revealed(next);
            for (coin, source, path) in coins {
                let coin = reader.vault_coin(coin, &source).map_err(failed)?;
                pairs.push((coin, path));
            }
        } else {
            let sources = self.tx.iter().map(|path| source(path));
            let sources = sources.collect::<Result<Vec<_>, _>>()?;
            for coin in &self.coin {
                let mut found = sources.iter();
                let source = found.find(|source| source.compute_txid() == coin.txid);
                let source = source.ok_or(Failure::NoSource { coin: *coin })?;
                let coin = reader.vault_coin(*coin, source).map_err(failed)?;
                pairs.extend(self.path.iter().map(|path| (coin.clone(), &**path)));
            }
        }
        let planned = pairs.iter().map(|(coin, path)| (coin, *path));
        let round = Round::begin(&policy.compiled, &secp, planned).map_err(failed)?;
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
