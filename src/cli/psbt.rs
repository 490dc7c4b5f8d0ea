//! `longstop psbt`: what a PSBT does, whether it should be signed, and whose signatures are in it.

mod look;
mod merge;
mod sign;

use std::path::Path;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate};
use clap::{Args, Subcommand};

use super::input::{CompiledFile, PolicyArgs};
use super::render::Screen;
use super::{Exit, Failure, input};
use crate::ceremony::{Caps, Reader, Recognised};
use crate::compile::Compiled;

pub(super) use self::look::Looked;
pub(super) use self::merge::MergedFile;

/// Say what PSBT files do, judge them, sign them and put their signatures together
///
/// Every step of a ceremony is a PSBT file (BIP-174, BIP-371) that goes out and comes back. Nothing
/// in a file is believed: scripts are derived from the policy, amounts come from whole previous
/// transactions, and a signature counts once it is verified.
#[derive(Debug, Args)]
pub(super) struct PsbtCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(look::Show),
    Check(look::Check),
    Merge(merge::Merge),
    Sign(sign::Sign),
}

/// How files are read.
#[derive(Clone, Debug, Args)]
pub(super) struct ReaderArgs {
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How many addresses have been handed out: scripts are looked for up to 20 indexes beyond
    #[arg(long, value_name = "N", default_value_t = 0)]
    revealed: u32,
    /// The highest fee that is meant, in satoshis
    #[arg(long, value_name = "SATS", default_value_t = Caps::default().fee.to_sat())]
    max_fee: u64,
    /// The highest feerate that is meant, in sat/vB
    #[arg(long, value_name = "RATE", default_value_t = Caps::default().feerate.to_sat_per_vb_floor())]
    max_feerate: u64,
}

impl ReaderArgs {
    /// The policy, compiled.
    pub(super) fn compiled(&self, screen: &Screen) -> Result<CompiledFile, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        Ok(file)
    }

    /// A reader of files for the policy.
    pub(super) fn reader<'a>(
        &self,
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
    ) -> Reader<'a> {
        let caps = Caps {
            fee: Amount::from_sat(self.max_fee),
            feerate: FeeRate::from_sat_per_vb(self.max_feerate).unwrap_or(FeeRate::MAX),
        };
        let next = [self.revealed, self.revealed];
        Reader::new(compiled, secp)
            .with_revealed(next)
            .with_caps(caps)
    }
}

impl PsbtCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Show(show) => show.run(screen),
            Command::Check(check) => check.run(screen),
            Command::Merge(merge) => merge.run(screen),
            Command::Sign(sign) => sign.run(screen),
        }
    }
}

/// What a file does.
pub(super) fn recognise(reader: &mut Reader<'_>, path: &Path) -> Result<Recognised, Failure> {
    let bytes = input::psbt_bytes(path)?;
    reader.read(&bytes).map_err(|source| Failure::Fault {
        file: input::file_name(path),
        source,
    })
}

/// Why a file is not to be signed.
pub(super) fn not_sound(recognised: &Recognised, file: String) -> Failure {
    let faults = recognised.errors().map(ToString::to_string);
    Failure::NotSound {
        file,
        faults: faults.collect(),
    }
}

/// Refuses to write over a file, before anybody signs for nothing.
pub(super) fn refuse_taken(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::There {
            file: input::file_name(path),
        }),
        Err(_) => Ok(()),
    }
}
