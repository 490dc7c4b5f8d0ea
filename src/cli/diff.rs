//! `longstop diff`: what does a change of a policy let whom do, and what has to be done?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bitcoin::FeeRate;
use bitcoin::secp256k1::Secp256k1;
use clap::Args;
use serde::Serialize;

use super::compile::{feerate, sat_per_vb};
use super::input::{CompiledFile, Settings, setting};
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::analysis::{Action, Difference, compare};
use crate::compile::StagedDescriptors;
use crate::transaction::Builder;

/// Say what a changed policy lets whom do, and what has to be done
///
/// The policies are compared by what they mean: their terms, who gains and who loses which power,
/// and the coins that must move or be armed anew. Each gain and loss names a smallest coalition of
/// whom it is true. The exit code is 6 if something has to be done.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: old and new [policy, id], same_id, same_descriptors, same_powers, changes, gains, losses,\nwaits, work [action, stages, moving, arming, leavers], feerate_sat_per_vb and smallest_armable_sats."
)]
pub(super) struct Diff {
    /// The policy before: TOML, or a script that ends in `.rhai`; - for the standard input
    old: PathBuf,
    /// The policy now; - for the standard input
    new: PathBuf,
    /// Give a parameter of the old policy script another value than its default
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set_old: Vec<(String, String)>,
    /// Give a parameter of the new policy script another value than its default
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set_new: Vec<(String, String)>,
    /// Feerate at which coins are moved, the base fee of the new policy if left out
    #[arg(long, value_name = "RATE", value_parser = feerate)]
    feerate: Option<FeeRate>,
}

/// The result as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    pub difference: &'a Difference,
    pub feerate_sat_per_vb: f64,
    /// By staged path of the new policy, at its base fee.
    pub smallest_armable_sats: BTreeMap<&'a str, u64>,
}

impl Diff {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let old = read(&self.old, &self.set_old)?;
        let new = read(&self.new, &self.set_new)?;
        screen.warnings(&new.checked);
        let feerate = self.feerate.unwrap_or(new.compiled.policy().base_fee());
        let difference =
            compare(&old.compiled, &new.compiled, feerate).map_err(|source| Failure::Analysis {
                file: input::file_name(&self.new),
                source,
            })?;
        let secp = Secp256k1::new();
        let builder = Builder::new(&new.compiled, &secp);
        let paths = new.compiled.staged().iter().map(StagedDescriptors::path);
        let smallest = paths.filter_map(|path| {
            let smallest = builder.smallest_armable(path).ok()?;
            Some((path, smallest.to_sat()))
        });
        let shown = Shown {
            difference: &difference,
            feerate_sat_per_vb: sat_per_vb(feerate),
            smallest_armable_sats: smallest.collect(),
        };
        screen.show(&shown, |width| render::difference(&shown, width))?;
        Ok(match difference.work.action {
            Action::Nothing => Exit::Ok,
            Action::Ratify | Action::Rearm | Action::Move | Action::Apart => Exit::Pending,
        })
    }
}

fn read(path: &Path, set: &[(String, String)]) -> Result<CompiledFile, Failure> {
    input::compiled(&input::policy_file(path, &Settings::of(set))?)
}
