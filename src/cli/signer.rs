//! `longstop signer`: seeds from which the keys of a party are derived.

use std::path::{Path, PathBuf};

use bitcoin::NetworkKind;
use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use super::identity::PassphraseArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input, output, signing};
use crate::identity::Work;
use crate::signer::Seed;

/// Make and show seeds, from which the keys of a party are derived
///
/// A seed lies in a file that is encrypted with a passphrase and that only its owner may read. It
/// signs with `longstop psbt sign` and `longstop arm sign`. For more than a small group's money a
/// signing device is the better place for keys: a computer that is broken into gives away the seed
/// when it is next used.
#[derive(Debug, Args)]
pub(super) struct SignerCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Show(Show),
}

/// Make a new seed
///
/// The passphrase is asked for twice, unless a file has it. Keep a copy of the file and of the
/// passphrase, apart: nobody can bring them back, nor the coins.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: name, network, fingerprint, accounts [for, path, key] and file."
)]
struct New {
    /// The party's name, as in the policy
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the keys are for
    #[arg(long, value_enum, default_value_t = Coins::Test)]
    network: Coins,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Show the public keys of a seed, as they stand in a policy
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: name, network, fingerprint, accounts [for, path, key] and file."
)]
struct Show {
    /// The file of the seed
    seed: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// What keys are for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Coins {
    /// The main network
    Main,
    /// Test networks
    Test,
}

/// What may be shown of a seed.
#[derive(Debug, Serialize)]
pub(super) struct ShownSeed {
    pub name: String,
    pub network: &'static str,
    pub fingerprint: String,
    pub accounts: Vec<ShownAccount>,
    pub file: String,
}

/// An account of it.
#[derive(Debug, Serialize)]
pub(super) struct ShownAccount {
    #[serde(rename = "for")]
    pub field: &'static str,
    pub path: String,
    pub key: String,
}

impl ShownSeed {
    fn of(seed: &Seed, path: &Path) -> Self {
        let secp = Secp256k1::new();
        let signer = seed.signer(&secp);
        let (network, coin) = match seed.network() {
            NetworkKind::Main => ("main", 0),
            NetworkKind::Test => ("test", 1),
        };
        // Accounts for scripts (BIP-48, script type 3 as signers use it for taproot) and for a wallet
        // with one key (BIP-84).
        let accounts = [
            ("key", format!("48h/{coin}h/0h/3h")),
            ("veto", format!("48h/{coin}h/2h/3h")),
            ("fees", format!("84h/{coin}h/9h")),
        ];
        let accounts = accounts.into_iter().filter_map(|(field, path)| {
            let steps: DerivationPath = path.parse().ok()?;
            let key = signer.account(&steps, &secp).to_string();
            let key = match field {
                "fees" => format!("wpkh({key}/<0;1>/*)"),
                _ => key,
            };
            Some(ShownAccount { field, path, key })
        });
        Self {
            name: seed.name().to_owned(),
            network,
            fingerprint: signer.fingerprint().to_string(),
            accounts: accounts.collect(),
            file: input::file_name(path),
        }
    }
}

impl SignerCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::New(new) => new.run(screen),
            Command::Show(show) => show.run(screen),
        }
    }
}

impl New {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        // Nobody wants to think of a passphrase for nothing.
        super::psbt::refuse_taken(&self.output)?;
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret)
            .map_err(|error| Failure::NoRandomNumbers(std::io::Error::other(error)))?;
        let network = match self.network {
            Coins::Main => NetworkKind::Main,
            Coins::Test => NetworkKind::Test,
        };
        let seed = Seed::new(&self.name, network, &secret).map_err(Failure::Name)?;
        let passphrase = self.passphrase.choose()?;
        let text = seed
            .encrypt(&passphrase, Work::Usual)
            .map_err(Failure::NoRandomNumbers)?;
        output::create_private(&self.output, &text)
            .map_err(|source| output::failure(&self.output, source))?;
        let shown = ShownSeed::of(&seed, &self.output);
        screen.show(&shown, |_| render::new_seed(&shown))?;
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let seed = signing::seed(&self.seed, &self.passphrase)?;
        let shown = ShownSeed::of(&seed, &self.seed);
        screen.show(&shown, |_| render::seed(&shown))?;
        Ok(Exit::Ok)
    }
}
