//! What the journal of a vault keeps of a round.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bitcoin::OutPoint;
use clap::Args;

use crate::arming::ArmingFile;
use crate::ceremony::Round;
use crate::cli::Failure;
use crate::cli::known::StateArgs;
use crate::cli::render::Screen;
use crate::cli::vault::VaultArgs;
use crate::compile::Compiled;
use crate::wallet::Entry;

/// The vault that a round belongs to.
#[derive(Clone, Debug, Args)]
pub(super) struct KeepArgs {
    /// The directory of the vault of these coins
    #[arg(long, value_name = "DIR")]
    vault: Option<PathBuf>,
    #[command(flatten)]
    pub state: StateArgs,
}

impl KeepArgs {
    /// The vault, if one is named.
    pub(super) fn vault(&self) -> Option<VaultArgs> {
        let directory = self.vault.clone()?;
        Some(VaultArgs::of(directory, &self.state))
    }

    /// Writes into the journal of the vault, if one is named, what of the round is not there yet: who
    /// holds the cancels and settles, and what is armed.  How many entries these are.
    pub(super) fn keep(
        &self,
        screen: &Screen,
        round: &Round<'_>,
        compiled: &Compiled,
    ) -> Result<Option<u64>, Failure> {
        let Some(args) = self.vault() else {
            return Ok(None);
        };
        let mut held = args.open(screen)?;
        let kept = args.same_policy(&held, compiled).and_then(|()| {
            let failed = |error| held.failed(error);
            let known = held.vault.entries().collect::<Result<Vec<_>, _>>();
            let entries = entries(round, compiled, &known.map_err(failed)?)?;
            let count = entries.len() as u64;
            let kept = held.vault.remember_all(entries);
            kept.map_err(|error| held.failed(error)).map(|()| count)
        });
        held.close()?;
        kept.map(Some)
    }
}

/// What a round says that a journal does not have yet.
fn entries(round: &Round<'_>, compiled: &Compiled, known: &[Entry]) -> Result<Vec<Entry>, Failure> {
    let armed: BTreeSet<(OutPoint, &str)> = known
        .iter()
        .filter_map(|entry| match entry {
            Entry::Armed { file } => Some((file.coin.outpoint, &*file.path)),
            _ => None,
        })
        .collect();
    let mut entries = Vec::new();
    for arming in round.armings() {
        let (coin, path) = (arming.coin().outpoint(), arming.path().name());
        for party in arming.acknowledged() {
            let entry = Entry::Acknowledged {
                coin,
                path: path.to_owned(),
                party: party.clone(),
            };
            if !known.contains(&entry) {
                entries.push(entry);
            }
        }
        let Ok(complete) = arming.clone().into_armed() else {
            continue;
        };
        if !armed.contains(&(coin, path)) {
            let file = ArmingFile::new(&complete, compiled).map_err(Failure::Challenge)?;
            let file = Box::new(file);
            entries.push(Entry::Armed { file });
        }
    }
    Ok(entries)
}
