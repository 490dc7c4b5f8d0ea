//! `longstop arm sign` and `longstop arm add`: signatures that come in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::Secp256k1;
use clap::Args;

use super::{RoundArgs, RoundStanding, show};
use crate::ceremony::{PsbtFile, Round, RoundError, RoundFile, Taken};
use crate::cli::render::Screen;
use crate::cli::signing::SigningArgs;
use crate::cli::{Exit, Failure, input, output};
use crate::compile::Compiled;

/// What these commands print with --json.
const FIELDS: &str =
    "With --json: what `arm start` prints; taken has accepted, acknowledged, stripped and refused.";

/// Sign all that is asked of a party now, in one go
///
/// With a seed or a program everything is signed and goes into the round; with --write the PSBT files
/// are written for any signer, and come back with `arm add`.
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(in crate::cli) struct Sign {
    #[command(flatten)]
    round: RoundArgs,
    #[command(flatten)]
    signing: SigningArgs,
    /// Write what this party is to sign, and sign nothing
    #[arg(long, value_name = "NAME", requires = "write", conflicts_with_all = ["key", "signer"])]
    party: Option<String>,
    /// The folder for that, which must not be there yet
    #[arg(long, value_name = "FOLDER", requires = "party")]
    write: Option<PathBuf>,
}

/// Take signatures out of returned files and other copies of the round
#[derive(Debug, Args)]
#[command(after_help = FIELDS)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    round: RoundArgs,
    /// PSBT files, and copies of the round
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Sign {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let compiled = &policy.compiled;
        let secp = Secp256k1::new();
        let (mut round, mut taken) = self.round.read(compiled, &secp)?;
        let mut written = Vec::new();
        if let (Some(party), Some(folder)) = (&self.party, &self.write) {
            written = write_requests(&round, party, folder, &self.round)?;
        } else {
            let network = compiled.policy().network();
            let hand = self.signing.open(network, &root(compiled), &secp)?;
            let fingerprint = hand.fingerprint();
            let requests = round.requests_for(|used| used.fingerprint == fingerprint);
            let requests = requests.map_err(self.round.failed())?;
            if requests.is_empty() {
                let file = input::file_name(&self.round.round);
                return Err(Failure::NoSeat { fingerprint, file });
            }
            let mut signed = Taken::default();
            for request in requests {
                let returned = hand.sign(request, &secp)?;
                let more = round.take(&fingerprint.to_string(), &returned);
                signed.add(more.map_err(self.round.failed())?);
            }
            if signed.accepted.is_empty() {
                return Err(Failure::NothingSigned { fingerprint });
            }
            self.round.write(&round)?;
            taken = signed;
        }
        let mut standing = RoundStanding::of(&round, compiled, &self.round.round, taken);
        standing.written = written;
        show(screen, &standing)?;
        Ok(Exit::Ok)
    }
}

/// The fingerprints of everybody in root.
fn root(compiled: &Compiled) -> Vec<Fingerprint> {
    let policy = compiled.policy();
    let root = policy.root().quorum().party_names();
    let parties = policy.parties().filter(|party| root.contains(party.name()));
    parties.map(|party| party.key().fingerprint()).collect()
}

/// Writes what a party is to sign, a file for each transaction.
fn write_requests(
    round: &Round<'_>,
    party: &str,
    folder: &Path,
    args: &RoundArgs,
) -> Result<Vec<String>, Failure> {
    let requests = round.requests_for(|used| used.party == party);
    let requests = requests.map_err(args.failed())?;
    if requests.is_empty() {
        return Err(Failure::NothingAsked {
            party: party.to_owned(),
            file: input::file_name(&args.round),
        });
    }
    let unwritable = |path: &Path, source| Failure::Write {
        file: input::file_name(path),
        source,
    };
    fs::create_dir(folder).map_err(|source| unwritable(folder, source))?;
    let mut written = Vec::new();
    for (number, psbt) in requests.iter().enumerate() {
        let path = folder.join(format!("{party}-{:04}.psbt", number + 1));
        output::create_bytes(&path, &psbt.serialize())
            .map_err(|source| unwritable(&path, source))?;
        written.push(input::file_name(&path));
    }
    Ok(written)
}

impl Add {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let secp = Secp256k1::new();
        let (mut round, _) = self.round.read(&policy.compiled, &secp)?;
        let mut all = Taken::default();
        let mut failed = BTreeMap::new();
        for path in &self.files {
            let name = input::file_name(path);
            let bytes = input::round_bytes(path)?;
            let taken = if RoundFile::is_one(&bytes) {
                round.take_round(&name, &bytes)
            } else {
                PsbtFile::read(&bytes)
                    .map_err(RoundError::from)
                    .and_then(|file| round.take(&name, &file.psbt))
            };
            match taken {
                Ok(taken) => all.add(taken),
                Err(source) => {
                    failed.insert(name, source);
                }
            }
        }
        self.round.write(&round)?;
        let refused = failed.iter();
        all.refused
            .extend(refused.map(|(file, error)| format!("{file}: {error}")));
        let standing = RoundStanding::of(&round, &policy.compiled, &self.round.round, all);
        show(screen, &standing)?;
        Ok(if failed.is_empty() {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}
