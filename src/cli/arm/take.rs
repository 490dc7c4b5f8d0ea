//! `longstop arm sign` and `longstop arm add`: signatures that come in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::Secp256k1;
use clap::Args;

use super::{RoundArgs, RoundStanding, show};
use crate::ceremony::{PsbtFile, Round, RoundError, RoundFile, Taken};
use crate::cli::frames::{Caption, CodeArgs};
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
/// are written for any signer, and come back with `arm add`; with --qr each has a page of QR codes
/// beside it.
#[derive(Debug, Args)]
#[command(after_help = FIELDS, mut_arg("qr", |arg| arg.requires("write")))]
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
    #[command(flatten)]
    codes: CodeArgs,
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
        let (mut round, mut taken) = self.round.read(screen, compiled, &secp)?;
        let mut written = Vec::new();
        let mut remembered = None;
        if let (Some(party), Some(folder)) = (&self.party, &self.write) {
            written = self.write_requests(&round, party, folder)?;
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
            remembered = self.round.keep.keep(screen, &round, compiled)?;
            taken = signed;
        }
        let mut standing = RoundStanding::of(&round, compiled, &self.round.round, taken);
        standing.written = written;
        standing.remembered = remembered;
        show(screen, &standing)?;
        Ok(Exit::Ok)
    }

    /// Writes what a party is to sign, a file for each transaction.
    fn write_requests(
        &self,
        round: &Round<'_>,
        party: &str,
        folder: &Path,
    ) -> Result<Vec<String>, Failure> {
        let requests = round.requests_for(|used| used.party == party);
        let requests = requests.map_err(self.round.failed())?;
        if requests.is_empty() {
            return Err(Failure::NothingAsked {
                party: party.to_owned(),
                file: input::file_name(&self.round.round),
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
            let bytes = psbt.serialize();
            output::create_bytes(&path, &bytes).map_err(|source| unwritable(&path, source))?;
            written.push(input::file_name(&path));
            let caption = Caption {
                what: format!("{} of {} for {party}", number + 1, requests.len()),
                txid: psbt.unsigned_tx.compute_txid().to_string(),
            };
            let page = path.with_extension("html");
            written.extend(self.codes.page(&bytes, &caption, &page)?);
        }
        Ok(written)
    }
}

/// The fingerprints of everybody in root.
fn root(compiled: &Compiled) -> Vec<Fingerprint> {
    let policy = compiled.policy();
    let root = policy.root().quorum().party_names();
    let parties = policy.parties().filter(|party| root.contains(party.name()));
    parties.map(|party| party.key().fingerprint()).collect()
}

impl Add {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.round.compiled(screen)?;
        let secp = Secp256k1::new();
        let (mut round, _) = self.round.read(screen, &policy.compiled, &secp)?;
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
        let remembered = self.round.keep.keep(screen, &round, &policy.compiled)?;
        let refused = failed.iter();
        all.refused
            .extend(refused.map(|(file, error)| format!("{file}: {error}")));
        let mut standing = RoundStanding::of(&round, &policy.compiled, &self.round.round, all);
        standing.remembered = remembered;
        show(screen, &standing)?;
        Ok(if failed.is_empty() {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}
