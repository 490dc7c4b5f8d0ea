//! `longstop psbt merge`.

use std::path::{Path, PathBuf};

use bitcoin::secp256k1::Secp256k1;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{ReaderArgs, recognise, refuse_taken};
use crate::ceremony::{Merged, Seat, StrippedFrom, What};
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure, input, output};
use crate::compile::Role;

/// Put the signatures of returned files into our own
///
/// Our own file is the base. From the others signatures are taken and nothing else: only those that
/// it asks for, and only after each is verified. Where root signs in advance, no other role is taken
/// before root has signed.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, what, txid, accepted [file, parties], stripped [file, input, party, leaf, reason],\nseats [role, party, signed] and met (the roles whose quorum has signed)."
)]
pub(in crate::cli) struct Merge {
    #[command(flatten)]
    reader: ReaderArgs,
    /// Our own file; - for the standard input
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// The files that came back; - for the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Take signatures in this role only
    #[arg(long, value_enum)]
    role: Option<RoleWord>,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum RoleWord {
    /// As root, live
    Root,
    /// As root, in advance
    Arming,
    /// As the quorum of the path
    Path,
    /// As the veto quorum
    Veto,
    /// As the quorum of the lock-up
    Lockup,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Root => Self::Root,
            RoleWord::Arming => Self::Arming,
            RoleWord::Path => Self::Path,
            RoleWord::Veto => Self::Veto,
            RoleWord::Lockup => Self::Lockup,
        }
    }
}

/// Files that were put together.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct MergedFile {
    pub file: String,
    pub what: Option<What>,
    pub txid: bitcoin::Txid,
    pub accepted: Vec<Accepted>,
    pub stripped: Vec<StrippedFrom>,
    pub seats: Vec<Seat>,
    pub met: Vec<Role>,
}

/// Whose signatures came in.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Accepted {
    pub file: String,
    pub parties: Vec<String>,
}

impl MergedFile {
    /// What is shown of a file that was written.
    pub(super) fn of(file: &Path, what: Option<What>, txid: bitcoin::Txid, merged: Merged) -> Self {
        let (seats, met) = (merged.seats(), merged.met());
        let accepted = merged.accepted.into_iter();
        Self {
            file: input::file_name(file),
            what,
            txid,
            accepted: accepted
                .map(|(file, parties)| Accepted { file, parties })
                .collect(),
            stripped: merged.stripped,
            seats,
            met,
        }
    }
}

impl Merge {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        refuse_taken(&self.output)?;
        let policy = self.reader.compiled(screen)?;
        let secp = Secp256k1::new();
        let mut reader = self.reader.reader(&policy.compiled, &secp);
        let base = recognise(&mut reader, &self.base)?;
        let name = input::file_name(&self.base);
        let failed = |file: &str| {
            let file = file.to_owned();
            move |source| Failure::Merge { file, source }
        };
        let mut merged = Merged::new(&base).map_err(failed(&name))?;
        if let Some(role) = self.role {
            merged = merged.only(role.into());
        }
        for path in &self.files {
            let file = input::file_name(path);
            let returned = input::psbt(path)?;
            merged
                .take(&file, &returned, &secp)
                .map_err(failed(&file))?;
        }
        let psbt = merged.to_psbt(&policy.compiled).map_err(failed(&name))?;
        output::create_bytes(&self.output, &psbt.serialize())
            .map_err(|source| output::failure(&self.output, source))?;
        let result = MergedFile::of(&self.output, base.what, base.txid, merged);
        screen.show(&result, |width| render::psbt_merged(&result, width))?;
        Ok(Exit::Ok)
    }
}
