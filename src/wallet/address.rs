//! Addresses for deposits, each given out once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Vault;
use super::entry::Entry;
use super::error::VaultError;
use super::journal::at;
use crate::compile::{Derived, Keychain, Stage};
use crate::ledger::Store;
use crate::transaction::Builder;

/// An address that is given out for a deposit.
#[derive(Clone, Debug)]
pub struct NextAddress {
    /// Its keychain and index, and the keys behind it.
    pub derived: Arc<Derived>,
    /// The address.
    pub address: bitcoin::Address,
    /// Whether it counts as used up now, or was only looked at.
    pub is_revealed: bool,
    /// The parties that have seen it on a device of their own.
    pub confirmed_by: BTreeSet<String>,
}

impl<S: Store> Vault<S> {
    /// Looks at the next unused address of the vault, without using it up.
    ///
    /// # Errors
    ///
    /// If all indexes are used up.
    pub fn peek_address(&self) -> Result<NextAddress, VaultError> {
        let index = at(self.next(), Keychain::Receive);
        self.address_at(index, false)
    }

    /// Gives out the next unused address of the vault.  The escrows and lock-ups at its index, and
    /// the change address beside it, are watched from now on.
    ///
    /// It is used up before this returns, whatever happens then: nobody is given it again.
    ///
    /// # Errors
    ///
    /// If all indexes are used up, or it cannot be kept.
    pub fn next_address(&mut self) -> Result<NextAddress, VaultError> {
        let index = at(self.next(), Keychain::Receive);
        let next = self.address_at(index, true)?;
        self.remember(Entry::Revealed {
            keychain: Keychain::Receive,
            index,
        })?;
        Ok(next)
    }

    /// The address that was given out last, or the first one if none was.
    ///
    /// # Errors
    ///
    /// If all indexes are used up.
    pub fn last_address(&self) -> Result<NextAddress, VaultError> {
        let next = at(self.next(), Keychain::Receive);
        self.address_at(next.saturating_sub(1), next > 0)
    }

    fn address_at(&self, index: u32, is_revealed: bool) -> Result<NextAddress, VaultError> {
        let derived = self.derive(&Stage::Vault, Keychain::Receive, index)?;
        let confirmed = &self.journal.kept().confirmed;
        let confirmed = confirmed.get(&(Keychain::Receive, index));
        Ok(NextAddress {
            address: derived.address(self.compiled.policy().network()),
            derived,
            is_revealed,
            confirmed_by: confirmed.cloned().unwrap_or_default(),
        })
    }

    /// A stage at a place.
    ///
    /// # Errors
    ///
    /// If the index is beyond what addresses are derived for.
    pub fn derive(
        &self,
        stage: &Stage,
        keychain: Keychain,
        index: u32,
    ) -> Result<Arc<Derived>, VaultError> {
        let builder = Builder::new(&self.compiled, &self.secp);
        let derived = builder.derive(stage, keychain, index);
        derived.map_err(|_| VaultError::Index { index })
    }
}
