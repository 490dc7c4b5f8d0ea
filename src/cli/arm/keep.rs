//! What the journal of a vault keeps of a round.

use std::path::PathBuf;

use clap::Args;

use crate::ceremony::Round;
use crate::cli::Failure;
use crate::cli::known::StateArgs;
use crate::cli::render::Screen;
use crate::cli::vault::VaultArgs;
use crate::compile::Compiled;

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

    /// Writes into the journal of the vault, if one is named, what of the round is not there yet: what
    /// protects coins, who holds that, and what is armed.  How many entries these are.
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
            let armings = round.armings().iter();
            let kept = armings.map(|arming| held.vault.keep_arming(arming));
            let kept = kept.sum::<Result<u64, _>>();
            kept.map_err(|error| held.failed(error))
        });
        held.close()?;
        kept.map(Some)
    }
}
