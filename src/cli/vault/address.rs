//! `longstop vault address`: where to pay a deposit to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::VaultArgs;
use crate::cli::failure::VaultFailure;
use crate::cli::render::{self, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::{Exit, Failure};
use crate::compile::{Compiled, Keychain, Role};
use crate::ledger::Ratified;
use crate::policy::{Party, steps};
use crate::wallet::{Entry, NextAddress, Vault, VaultError};

/// Give out the next address for a deposit
///
/// It is refused before every party has ratified the policy in the ledger. The address is used up
/// before it is shown. Escrow and lock-up addresses are never given out: nobody may pay there.
///
/// Nobody should pay before a quorum of root has compared the address with what devices of its own
/// show; --confirmed-by remembers who has, and --show tells how far that has come.
///
/// Exit code 6: somebody has not ratified yet, and no address is shown; or the address is shown, and
/// no quorum of root has confirmed it yet. --force makes it 0.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault, address, keychain, index, revealed, keys [party, fingerprint, path],\nconfirmations_wanted, confirmed_by, confirmations_missing, is_confirmed and ratified [by, otherwise, missing, without_identity, forked]."
)]
pub(super) struct Address {
    #[command(flatten)]
    vault: VaultArgs,
    /// Look at the next address without using it up
    #[arg(long)]
    peek: bool,
    /// Show the address that was given out last again, and who has confirmed it
    #[arg(long, conflicts_with = "peek")]
    show: bool,
    /// Remember that a party has seen the address that was given out last on a device of its own
    #[arg(long, value_name = "PARTY", conflicts_with_all = ["peek", "show"])]
    confirmed_by: Vec<String>,
    /// Show the address although not everybody has ratified, and be content without confirmations
    #[arg(long)]
    force: bool,
    /// Go by this ledger instead of the one in the directory
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

/// An address that was given out.
#[derive(Serialize)]
pub(in crate::cli) struct Given {
    pub vault: String,
    pub address: String,
    pub keychain: Keychain,
    pub index: u32,
    /// Whether it counts as used up.
    pub revealed: bool,
    /// The keys with which root spends from it.
    pub keys: Vec<KeyAt>,
    /// How many parties should have seen it on a device of theirs.
    pub confirmations_wanted: usize,
    pub confirmed_by: BTreeSet<String>,
    /// How many more of root make a quorum.
    pub confirmations_missing: usize,
    /// Whether a quorum of root has.
    pub is_confirmed: bool,
    /// None where it was not asked.
    pub ratified: Option<Ratified>,
}

/// A key of an address.
#[derive(Serialize)]
pub(in crate::cli) struct KeyAt {
    pub party: String,
    pub fingerprint: String,
    pub path: String,
}

impl Address {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        if self.peek || self.show {
            let held = self.vault.look(screen)?;
            let ratified = self.ratified(screen, held.vault.compiled())?;
            let vault = &held.vault;
            let next = match self.peek {
                true => vault.peek_address(),
                false => vault.last_address(),
            };
            let next = next.map_err(|error| self.vault.failed(error))?;
            let given = self.given(vault.compiled(), next, ratified);
            held.close()?;
            return self.tell(screen, &given);
        }
        let mut held = self.vault.open(screen)?;
        let ratified = self.ratified(screen, held.vault.compiled())?;
        let vault = &mut held.vault;
        let next = match self.confirmed_by.is_empty() {
            true => vault.next_address(),
            false => self.confirm(vault),
        };
        let next = next.map_err(|error| self.vault.failed(error))?;
        let given = self.given(vault.compiled(), next, ratified);
        held.close()?;
        self.tell(screen, &given)
    }

    /// Remembers who has seen the address that was given out last.
    fn confirm(&self, vault: &mut Vault) -> Result<NextAddress, VaultError> {
        let last = vault.last_address()?;
        let entries = self.confirmed_by.iter().map(|party| Entry::Confirmed {
            keychain: Keychain::Receive,
            index: last.derived.index(),
            party: party.clone(),
        });
        vault.remember_all(entries.collect())?;
        vault.last_address()
    }

    fn given(&self, compiled: &Compiled, given: NextAddress, ratified: Option<Ratified>) -> Given {
        let root = compiled.policy().root().quorum();
        let keys = given.derived.leaves().iter().flat_map(|leaf| &leaf.keys);
        let keys = keys.filter(|key| key.role == Role::Root).map(|key| KeyAt {
            party: key.party.clone(),
            fingerprint: key.fingerprint.to_string(),
            path: steps(&key.path),
        });
        let has_seen = |party: &Party| given.confirmed_by.contains(party.name());
        Given {
            vault: self.vault.name(),
            address: given.address.to_string(),
            keychain: given.derived.keychain(),
            index: given.derived.index(),
            revealed: given.is_revealed,
            keys: keys.collect(),
            confirmations_wanted: root.fewest_seats(),
            confirmations_missing: root.fewest_more(&has_seen),
            is_confirmed: root.is_met_by(&has_seen),
            confirmed_by: given.confirmed_by,
            ratified,
        }
    }

    /// Shows it, after a word to whoever might pay too early.
    fn tell(&self, screen: &Screen, given: &Given) -> Result<Exit, Failure> {
        if !given.is_confirmed {
            screen.note(render::CONFIRM_FIRST);
        }
        screen.show(given, |width| render::given_address(given, width))?;
        Ok(match given.is_confirmed || self.force {
            true => Exit::Ok,
            false => Exit::Pending,
        })
    }

    /// Who has ratified, if everybody has; with `--force` whoever has.
    fn ratified(&self, screen: &Screen, compiled: &Compiled) -> Result<Option<Ratified>, Failure> {
        let args = self.vault.ledger(self.ledger.as_ref())?;
        let ratified = match same_policy(&args, screen, compiled) {
            Ok(ratified) => ratified,
            Err(failure) if self.force => {
                screen.note(&format!(
                    "who has ratified was not asked, since --force was given: {failure}"
                ));
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        if ratified.is_complete() {
            return Ok(Some(ratified));
        }
        let missing = render::missing_ratifications(&ratified);
        if !self.force {
            return Err(VaultFailure::NotRatified { missing }.into());
        }
        screen.note(&format!(
            "an address is shown although not everybody has ratified, since --force was given: {missing}"
        ));
        Ok(Some(ratified))
    }
}

/// Who has ratified in a ledger, which must be about the policy of the vault.
pub(in crate::cli) fn same_policy(
    args: &LedgerArgs,
    screen: &Screen,
    compiled: &Compiled,
) -> Result<Ratified, Failure> {
    let replica = args.read(screen)?;
    let found = replica.ledger.genesis().policy_id.to_string();
    let expected = compiled.id().to_string();
    if found != expected {
        return Err(VaultFailure::OtherLedger {
            ledger: args.name(),
            found,
            expected,
        }
        .into());
    }
    let ratified = replica.ledger.ratified();
    ratified.map_err(|error| replica.failed(error))
}
