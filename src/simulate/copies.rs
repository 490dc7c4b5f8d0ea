//! What is kept beside keys: who still has the files of a coin, what was left with watchtowers, and
//! whose fee wallet is left.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, Psbt};

use super::cast::Cast;
use super::run::Rehearsed;
use super::scenario::Step;
use crate::engine::{Signers, StepError};
use crate::policy::{Item, ItemKind, Policy, SpendingPath};

/// Copies of files that are lost, and cancels that were completed in advance.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Whose copy, of the files for which coin on which path.
    lost: BTreeSet<(String, String, String)>,
    /// For each coin and watchtower, who had signed the cancel that was left there.
    left: BTreeMap<(String, String), Vec<String>>,
}

impl Copies {
    /// Who had signed a cancel that a watchtower has.
    pub(super) fn left_with(&self, coin: &str, tower: &str) -> Option<&[String]> {
        let left = self.left.get(&(coin.to_owned(), tower.to_owned()));
        left.map(Vec::as_slice)
    }

    fn lose(&mut self, coin: &str, party: &str, path: &str) {
        let copy = (coin.to_owned(), party.to_owned(), path.to_owned());
        self.lost.insert(copy);
    }

    fn has_lost(&self, coin: &str, party: &str, path: &str) -> bool {
        let copy = (coin.to_owned(), party.to_owned(), path.to_owned());
        self.lost.contains(&copy)
    }
}

/// Signatures that were given before: it does not matter who has lost his keys since.
pub(super) struct Given<'a>(pub &'a Cast);

impl Signers for Given<'_> {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        self.0.sign_always(party, psbt)
    }
}

impl Rehearsed<'_> {
    /// Everybody concerned has a copy of new files, and watchtowers get the complete cancel.
    pub(super) fn keep_copies(&mut self, coin: &str, path: &str) {
        self.copies
            .lost
            .retain(|(of, _, on)| of != coin || on != path);
        let policy = self.engine.compiled().policy();
        let vetoers = policy.path(path).and_then(SpendingPath::staged);
        let vetoers: Vec<String> = vetoers
            .into_iter()
            .flat_map(|staged| staged.veto().roll())
            .filter(|party| self.cast.can_sign(party))
            .map(str::to_owned)
            .collect();
        for tower in towers(policy).filter(|tower| tower.paths().iter().any(|of| of == path)) {
            let kept = (coin.to_owned(), tower.name().to_owned());
            self.copies.left.insert(kept, vetoers.clone());
        }
    }

    /// The copies that went with what was seized: those whose last copy is there now.
    pub(super) fn lose_copies(&mut self) {
        let policy = self.engine.compiled().policy();
        for party in policy.parties() {
            for path in policy.paths().iter().filter(|path| path.staged().is_some()) {
                let path = path.name();
                let kind = ItemKind::Files;
                if !self.seizures.has_left(kind, party, Some(path), policy) {
                    for coin in self.deposits.keys() {
                        self.copies.lose(coin, party.name(), path);
                    }
                }
            }
        }
    }

    /// Whether somebody of those who act holds what was signed in advance for the coin.
    pub(super) fn has_files(
        &self,
        step: &Step,
        coin: OutPoint,
        by: &[String],
    ) -> Result<(), StepError> {
        let names = || step.coins.iter().map(|name| name.text.as_str());
        if names().any(|name| self.lost_files.contains(name)) {
            return Err(StepError::NotArmed(coin));
        }
        let Some(path) = self.path_of(step) else {
            return Ok(());
        };
        let policy = self.engine.compiled().policy();
        let has = |party: &String| match self.cast.is_compromised(party) {
            // The thief has what he found, and not what the party keeps elsewhere.
            true => self.seizures.has_stolen_files(&path, policy),
            false => !names().any(|coin| self.copies.has_lost(coin, party, &path)),
        };
        match by.is_empty() || by.iter().any(has) {
            true => Ok(()),
            false => Err(StepError::NoFiles(coin)),
        }
    }

    /// The watchtower among those who act, if it still can.
    pub(super) fn watchtower(
        &self,
        by: &[String],
        coin: OutPoint,
    ) -> Result<Option<&Item>, StepError> {
        let policy = self.engine.compiled().policy();
        let tower = towers(policy).find(|tower| by.iter().any(|name| name == tower.name()));
        match tower {
            Some(tower) if self.seizures.is_seized(tower.custody()) => {
                Err(StepError::NoFiles(coin))
            }
            tower => Ok(tower),
        }
    }

    /// The broadcaster, if his fee wallet is left: who has none can broadcast, and pay for nothing.
    pub(super) fn payer<'a>(&self, broadcaster: &'a str) -> &'a str {
        let policy = self.engine.compiled().policy();
        let party = policy.party(broadcaster);
        let is_left = party.is_none_or(|party| {
            self.cast.is_compromised(broadcaster)
                || self.seizures.has_left(ItemKind::Fees, party, None, policy)
        });
        if is_left { broadcaster } else { "" }
    }
}

fn towers(policy: &Policy) -> impl Iterator<Item = &Item> {
    let items = policy.items();
    items.filter(|item| item.kind() == ItemKind::Watchtower)
}
