//! `longstop evidence create`: a case with all that shows how it came about.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::folder;
use crate::ceremony::{FaultCode, bytes_of};
use crate::cli::case::pick;
use crate::cli::failure::LedgerFailure;
use crate::cli::identity::IdentityArgs;
use crate::cli::ledger::check_identity;
use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::say::cases;
use crate::cli::when::WhenArgs;
use crate::cli::{Exit, Failure, founding, input, output};
use crate::evidence::{Attached, Order, Subject, Verification, create, to_zip, verify};
use crate::governance::{Digest, EventId};
use crate::ledger::Head;
use crate::units::ChainTime;

/// Most bytes of a file that is attached.
const ATTACHED_LIMIT: u64 = 64 << 20;

/// Put together all that shows how a case came about
///
/// The party of the identity signs how much its ledger holds. Everything is verified before it is
/// written, as `longstop evidence verify` does; attached files that are not what they should be
/// are refused. The same ledger, case, time of the chain and files come to the same bytes.
///
/// All of the ledger goes into it, and not the events of the case alone: only so can others see
/// that nothing is left out. Whoever has the evidence can read all of it.
///
/// Exit code 1: it is written, and something that was signed is not as it should be, which is said.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, case, path, height, median_time_past, party, size, root, file, files (how many),\nbytes, sums (SHA-256 of SHA256SUMS) and checked [what, file, passed, says]."
)]
pub(super) struct Create {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The case, by the beginning of its id
    case: String,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    when: WhenArgs,
    /// Write to this file, which must not be there yet; a folder if the name does not end in .zip
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Attach a PSBT: bytes, base64, hexadecimal, or what QR codes say; can be given several times
    #[arg(long = "psbt", value_name = "FILE")]
    psbts: Vec<PathBuf>,
    /// Attach a transaction in hexadecimal; can be given several times
    #[arg(long = "transaction", value_name = "FILE")]
    transactions: Vec<PathBuf>,
    /// Attach the proof that attached transactions are in a block, as a node's gettxoutproof gives
    /// it; can be given several times
    #[arg(long = "block-proof", value_name = "FILE")]
    block_proofs: Vec<PathBuf>,
    /// Attach any other file under its own name; can be given several times
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
}

/// Evidence that was written.
#[derive(Serialize)]
pub(in crate::cli) struct Created {
    pub ledger: String,
    pub case: EventId,
    pub path: String,
    #[serde(flatten)]
    pub now: ChainTime,
    pub party: String,
    #[serde(flatten)]
    pub head: Head,
    pub file: String,
    pub files: u64,
    pub bytes: u64,
    pub sums: Digest,
    #[serde(flatten)]
    pub verification: CheckedAgain,
}

/// What was checked before it was written.
#[derive(Serialize)]
pub(in crate::cli) struct CheckedAgain {
    pub checked: Vec<crate::evidence::Check>,
}

impl Create {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        if self.output.exists() {
            return Err(Failure::There {
                file: input::file_name(&self.output),
            });
        }
        let attached = self.attached()?;
        let replica = self.ledger.read(screen)?;
        let now = self.when.chain_time(
            screen,
            &self.ledger,
            replica.ledger.charter().policy().network(),
        )?;
        let standing = cases(&replica.ledger, now);
        let standing = standing.map_err(|error| replica.failed(error))?;
        let (_, case) = pick(&standing, Some(&self.case))?;
        let compiled = founding::compiled(&replica.directory, replica.ledger.genesis())?;
        let identity = self.identity.open()?;
        check_identity(&replica.ledger, &identity)?;
        let head = replica.head()?;
        let order = Order {
            case: case.id,
            now,
            party: identity.name(),
            key: identity.key(),
            attached,
        };
        let files = create(&replica.ledger, &compiled, &order);
        let files = files.map_err(|source| LedgerFailure::Evidence {
            directory: replica.directory.clone(),
            source,
        })?;
        let verification = verify(&files);
        refuse_attached(&verification)?;
        let sums = files.get("SHA256SUMS").unwrap_or_default();
        let sums = Digest::sha256(sums);
        let written = match is_archive(&self.output) {
            true => output::create_bytes(&self.output, &to_zip(&files)),
            false => folder::write(&self.output, &files),
        };
        written.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Failure::There {
                file: input::file_name(&self.output),
            },
            _ => output::failure(&self.output, error),
        })?;
        let exit = match verification.passed {
            true => Exit::Ok,
            false => Exit::Unmet,
        };
        let created = Created {
            ledger: replica.directory.clone(),
            case: case.id,
            path: case.path.clone(),
            now,
            party: identity.name().to_owned(),
            head,
            file: input::file_name(&self.output),
            files: files.count() as u64,
            bytes: files.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
            sums,
            verification: CheckedAgain {
                checked: verification.checked,
            },
        };
        screen.show(&created, |width| render::evidence_created(&created, width))?;
        Ok(exit)
    }

    fn attached(&self) -> Result<Attached, Failure> {
        Ok(Attached {
            psbts: read_psbts(&self.psbts)?,
            transactions: read_all(&self.transactions, input::file_name)?,
            block_proofs: read_all(&self.block_proofs, input::file_name)?,
            reports: read_all(&self.reports, |path| {
                let name = path.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            })?,
        })
    }
}

/// PSBTs in bytes, whatever form their files have.
fn read_psbts(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let read = paths.iter().map(|path| {
        let file = input::file_name(path);
        let bytes = input::psbt_bytes(path)?;
        match bytes_of(&bytes) {
            Ok(psbt) => Ok((file, psbt)),
            // It is refused with everything else that is not what it should be.
            Err(fault) if fault.code == FaultCode::NotAPsbt => Ok((file, bytes)),
            Err(source) => Err(Failure::Fault { file, source }),
        }
    });
    read.collect()
}

fn read_all(
    paths: &[PathBuf],
    name: impl Fn(&Path) -> String,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let read = paths.iter().map(|path| {
        let bytes = input::some_bytes(path, ATTACHED_LIMIT);
        let bytes = bytes.map_err(|source| Failure::Read {
            file: input::file_name(path),
            source,
        })?;
        Ok((name(path), bytes))
    });
    read.collect()
}

/// Refuses files that were attached and are not what they should be.
fn refuse_attached(verification: &Verification) -> Result<(), Failure> {
    let attached = [Subject::Psbt, Subject::Transaction, Subject::Block];
    let bad = verification.checked.iter();
    let bad = bad.filter(|check| !check.passed && attached.contains(&check.what));
    let problems: Vec<String> = bad
        .map(|check| {
            let file = check.file.as_deref().unwrap_or_default();
            format!("`{file}`: {}", check.says)
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(LedgerFailure::NotEvidence { problems }.into()),
    }
}

/// Whether a name is that of an archive.
fn is_archive(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}
