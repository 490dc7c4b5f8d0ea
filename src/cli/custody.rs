//! Where things are kept: the policy's word, and what its parties attest.

use std::path::PathBuf;
use std::time::SystemTime;

use bitcoin::secp256k1::Secp256k1;
use clap::Args;
use serde::Serialize;

use super::{Failure, export, input};
use crate::compile::Compiled;
use crate::governance::Attestations;
use crate::keys::Judge;
use crate::units::UnixTime;

/// What is attested of a policy's custody, and when that is asked.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct CustodyArgs {
    /// A file of attestations, one envelope to a line
    #[arg(long, value_name = "FILE")]
    attestations: Option<PathBuf>,
    /// The day or moment for which attestations have to hold; now if left out
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    on: Option<UnixTime>,
}

/// Something wrong in a file of attestations.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShownProblem {
    /// The name of the file, ready to be shown.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// Whether the line counts for nothing because of it.
    pub is_refused: bool,
    pub message: String,
}

impl ShownProblem {
    /// What it means for the line.
    pub(super) const fn consequence(&self) -> &'static str {
        if self.is_refused {
            " (which counts for nothing)"
        } else {
            ""
        }
    }
}

impl CustodyArgs {
    /// Whether anything is attested.
    pub(super) const fn are_given(&self) -> bool {
        self.attestations.is_some()
    }

    /// The moment for which it is asked.
    pub(super) fn moment(&self) -> UnixTime {
        self.on.unwrap_or_else(now)
    }

    /// What is attested, and what is wrong with the file that says so.
    pub(super) fn attestations(
        &self,
        compiled: &Compiled,
    ) -> Result<(Attestations, Vec<ShownProblem>), Failure> {
        let Some(path) = &self.attestations else {
            return Ok((Attestations::default(), Vec::new()));
        };
        let text = input::attestations(path)?;
        let id = compiled.id().to_bytes();
        let now = self.moment();
        let secp = Secp256k1::new();
        let judge = Judge::new(compiled, &secp);
        let policy = compiled.policy();
        let (attestations, problems) = Attestations::read(&text.text, policy, id, now, &judge);
        let shown = problems.iter().map(|problem| ShownProblem {
            file: text.file.clone(),
            line: problem.line,
            is_refused: problem.is_refusal(),
            message: problem.remark.to_string(),
        });
        Ok((attestations, shown.collect()))
    }
}

/// The wall clock.
fn now() -> UnixTime {
    unix_time(SystemTime::now())
}

/// A time of the wall clock; before 1970 it is wrong, and after 2106 nothing here counts any
/// further.
pub(super) fn unix_time(time: SystemTime) -> UnixTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    UnixTime(u32::try_from(seconds).unwrap_or(u32::MAX))
}
