//! `longstop evidence verify`: everything that can be checked without a node.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::folder;
use crate::cli::failure::LedgerFailure;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure, input};
use crate::evidence::{Check, Files, MAX_BYTES, Subject, Verification, of_zip, verify};
use crate::governance::Digest;

/// Most bytes of an archive: what its files may have, and what stands around them.
const ARCHIVE_LIMIT: u64 = (MAX_BYTES as u64) + (16 << 20);

/// Verify evidence: all of it, as far as it goes without a node
///
/// Checks the sums of all files; that the policy compiles to its id, its descriptors and its first
/// address; the signature, form and place of each event; the tree over them, and who signed its
/// root; the proofs; the verdicts of rules, by asking the rules again; that the case stands as is
/// said, by working it out again; that PSBTs spend coins of the policy; and that transactions are
/// in their blocks. Whether a block is on the best chain, only a node can say.
///
/// Everything in evidence can be made up together, policy and all. Compare the policy id with what
/// the parties say, by another way than the one by which the evidence came, or give it with
/// --policy-id.
///
/// Archives that another program packed are refused; unpack them and verify the folder. Evidence
/// has at most 10000 files and 256 MiB.
///
/// Exit code 1: something is not as it should be, and is said.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: evidence, passed, policy_id, case, now [height, median_time_past], party and checked\n[what (files, readme, policy, events, rules, checkpoint, proofs, case, psbt, transaction, block,\nreport), file, passed, says]."
)]
pub(super) struct Verify {
    /// The folder or the zip archive
    path: PathBuf,
    /// Demand that it is about the policy with this id
    #[arg(long, value_name = "ID", value_parser = policy_id)]
    policy_id: Option<Digest>,
}

/// What was verified.
#[derive(Serialize)]
pub(in crate::cli) struct Verified {
    pub evidence: String,
    #[serde(flatten)]
    pub verification: Verification,
    /// Whether the id of the policy was compared with one that was given.
    #[serde(skip)]
    pub is_compared: bool,
}

impl Verify {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let files = match self.path.is_dir() {
            true => folder::read(&self.path)?,
            false => archive(&self.path)?,
        };
        let mut verification = verify(&files);
        if let Some(expected) = self.policy_id
            && verification.policy_id != Some(expected)
        {
            verification.passed = false;
            verification.checked.push(Check {
                what: Subject::Policy,
                file: None,
                passed: false,
                says: format!("it is about another policy than {expected}"),
            });
            verification.checked.sort_by_key(|check| check.what);
        }
        let verified = Verified {
            evidence: input::file_name(&self.path),
            verification,
            is_compared: self.policy_id.is_some(),
        };
        screen.show(&verified, |width| {
            render::evidence_verified(&verified, width)
        })?;
        Ok(match verified.verification.passed {
            true => Exit::Ok,
            false => Exit::Unmet,
        })
    }
}

fn archive(path: &Path) -> Result<Files, Failure> {
    let file = || input::file_name(path);
    let bytes = input::at_most(path, ARCHIVE_LIMIT + 1);
    let bytes = bytes.map_err(|source| Failure::Read {
        file: file(),
        source,
    })?;
    if bytes.len() as u64 > ARCHIVE_LIMIT {
        let limit = ARCHIVE_LIMIT;
        return Err(Failure::TooLarge {
            file: file(),
            limit,
        });
    }
    of_zip(&bytes).map_err(|source| {
        let file = file();
        LedgerFailure::Archive { file, source }.into()
    })
}

fn policy_id(text: &str) -> Result<Digest, String> {
    Digest::of_text(text).ok_or_else(|| "write it as 64 hexadecimal digits".to_owned())
}
