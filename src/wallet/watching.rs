//! What a watcher asks of a vault.

use std::sync::Arc;

use bitcoin::{OutPoint, Transaction, Txid};

use super::{Vault, VaultError};
use crate::ledger::{Store, StoreError};

impl<S: Store> Vault<S> {
    /// The coins that are armed, each with its path, gone ones among them.
    pub fn armed_on(&self) -> impl Iterator<Item = (&str, OutPoint)> + '_ {
        let armed = self.journal.kept().armed.iter();
        armed.flat_map(|((path, _), arming)| {
            let coins = arming.coins.iter();
            coins.map(move |coin| (path.as_str(), *coin))
        })
    }

    /// A transaction that makes or spends an output of the vault, as it was when the chain was last
    /// read.
    #[must_use]
    pub fn transaction(&self, txid: Txid) -> Option<Arc<Transaction>> {
        self.stages.iter().find_map(|stage| stage.transaction(txid))
    }

    /// Why the last reading of the chain could not be written down for whoever reads beside this
    /// process, if it could not: he is told an older one.
    #[must_use]
    pub const fn unwritten(&self) -> Option<&VaultError> {
        self.unwritten.as_ref()
    }

    /// What somebody has kept here under a name, if it is still there.
    ///
    /// # Errors
    ///
    /// If the place where it is kept cannot be used at all.
    pub fn working_state(&self, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.store().state(&kept_as(name))?)
    }

    /// Keeps something under a name, without any promise to keep it.
    ///
    /// # Errors
    ///
    /// If the place where it is kept cannot be used at all.
    pub fn keep_working_state(&mut self, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let store = self.journal.store_mut();
        match store.set_state(&kept_as(name), bytes) {
            Err(StoreError::ReadOnly) => Ok(()),
            other => Ok(other?),
        }
    }
}

/// A name of its own, beside what the vault itself keeps.
fn kept_as(name: &str) -> String {
    format!("beside/{name}")
}
