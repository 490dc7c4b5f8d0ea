//! What a vault remembers: entries that hold, on the device before anything is acknowledged.

use super::Vault;
use super::entry::Entry;
use super::error::VaultError;
use crate::arming::{Arming, ArmingError, ArmingFile, ArmingFileError, ArmingState};
use crate::ledger::Store;

impl<S: Store> Vault<S> {
    /// Remembers something, and returns once it is on the device.
    ///
    /// # Errors
    ///
    /// If it does not hold, or cannot be kept.
    pub fn remember(&mut self, entry: Entry) -> Result<(), VaultError> {
        self.remember_all(vec![entry])
    }

    /// Remembers several things at once: all of them, or none.
    ///
    /// # Errors
    ///
    /// As [`remember`](Self::remember).
    pub fn remember_all(&mut self, entries: Vec<Entry>) -> Result<(), VaultError> {
        for entry in &entries {
            self.holds(entry)?;
        }
        self.journal.append(entries)?;
        self.reveal_wallets();
        self.keep_wallets()
    }

    /// Whether an entry is worth remembering.
    fn holds(&self, entry: &Entry) -> Result<(), VaultError> {
        match entry {
            Entry::Revealed { index, .. } => match index {
                0x8000_0000.. => Err(VaultError::Index { index: *index }),
                _ => Ok(()),
            },
            Entry::Confirmed { party, .. } | Entry::Acknowledged { party, .. } => {
                match self.compiled.policy().party(party) {
                    Some(_) => Ok(()),
                    None => Err(VaultError::NoParty(party.clone())),
                }
            }
            Entry::Protected { file } => {
                let arming = file.read_arming(&self.compiled, &self.secp)?;
                match arming.state() {
                    ArmingState::Unarmed => Err(ArmingFileError::Incomplete.into()),
                    _ => Ok(()),
                }
            }
            Entry::Armed { file } => {
                file.read(&self.compiled, &self.secp)?;
                Ok(())
            }
            Entry::Reserved { coin, parent, .. } => match self.journal.kept().reserved.get(coin) {
                Some((other, _)) if other != parent => Err(VaultError::Reserved {
                    coin: *coin,
                    parent: *other,
                }),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Keeps what an arming has come to, as far as it is new here: the files once every cancel and
    /// every settle is signed, who acknowledges to hold them, and the triggers once they are signed.
    ///
    /// Says how many entries that is.
    ///
    /// # Errors
    ///
    /// If it is for another policy, or cannot be kept.
    pub fn keep_arming(&mut self, arming: &Arming) -> Result<u64, VaultError> {
        let kept = self.journal.kept();
        let coin = arming.coin().outpoint();
        let key = (arming.path().name().to_owned(), coin);
        let is_armed = kept.armed.contains_key(&key);
        let mut entries = Vec::new();
        if arming.state() > ArmingState::Unarmed && !is_armed {
            let file = || {
                let file = ArmingFile::of(arming, &self.compiled);
                let file = file.map_err(|error| ArmingFileError::from(ArmingError::from(error)))?;
                Ok::<_, VaultError>(Box::new(file))
            };
            match arming.state() {
                ArmingState::Armed => entries.push(Entry::Armed { file: file()? }),
                _ if kept.protected.contains_key(&key) => {}
                _ => entries.push(Entry::Protected { file: file()? }),
            }
            let said = kept.acknowledged.get(&key);
            let news = arming.acknowledged().iter();
            let news = news.filter(|party| said.is_none_or(|said| !said.contains(*party)));
            entries.extend(news.map(|party| Entry::Acknowledged {
                coin,
                path: key.0.clone(),
                party: party.clone(),
            }));
        }
        let count = entries.len() as u64;
        self.remember_all(entries)?;
        Ok(count)
    }
}
