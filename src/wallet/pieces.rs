//! The wallet library's own state, kept in pieces as working state of the journal's store.
//!
//! Working state may be lost at any time, in whole or in part.  A head says how many pieces there
//! are and what their digest is; with anything missing or other than it was, there is nothing, and
//! the wallet is made anew from the journal and the chain.

use std::convert::Infallible;

use bdk_wallet::chain::Merge;
use bdk_wallet::{ChangeSet, WalletPersister};
use bitcoin::hashes::{Hash, HashEngine, sha256};
use serde::{Deserialize, Serialize};

use crate::ledger::{Store, StoreError};

/// After so many pieces they are written as one.
const MOST: u32 = 64;

/// What a wallet persists into: what was kept when it was opened, and what is to be kept now.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    name: String,
    loaded: ChangeSet,
    outbox: Vec<ChangeSet>,
    head: Head,
}

/// What there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    generation: u32,
    pieces: u32,
    /// The digest of all pieces, each after the digest of those before it.
    digest: String,
}

impl WalletPersister for Pieces {
    type Error = Infallible;

    fn initialize(persister: &mut Self) -> Result<ChangeSet, Infallible> {
        Ok(persister.loaded.clone())
    }

    fn persist(persister: &mut Self, changeset: &ChangeSet) -> Result<(), Infallible> {
        persister.outbox.push(changeset.clone());
        Ok(())
    }
}

impl Pieces {
    /// Reads what is kept under a name; nothing if any of it is missing or damaged.
    pub(super) fn load(store: &impl Store, name: &str) -> Result<Self, StoreError> {
        let mut pieces = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        let head = store.state(name)?;
        let head = head.and_then(|bytes| serde_json::from_slice::<Head>(&bytes).ok());
        let Some(head) = head else {
            return Ok(pieces);
        };
        if let Some(loaded) = whole(store, name, &head)? {
            pieces.loaded = loaded;
        }
        pieces.head = head;
        Ok(pieces)
    }

    /// As if this had been kept.
    pub(super) fn seeded(loaded: ChangeSet) -> Self {
        Self {
            loaded,
            ..Self::default()
        }
    }

    /// Forgets what was loaded and what waits: what comes next is the beginning.
    pub(super) fn start_over(&mut self, seed: ChangeSet) {
        self.loaded = ChangeSet::default();
        self.outbox = vec![seed];
        self.head = Head {
            generation: self.head.generation.wrapping_add(1),
            pieces: 0,
            digest: String::new(),
        };
    }

    /// Keeps what waits.
    pub(super) fn flush(&mut self, store: &mut impl Store) -> Result<(), StoreError> {
        // What was loaded is with the wallet now.
        self.loaded = ChangeSet::default();
        let waiting = self.outbox.drain(..).reduce(|mut all, changes| {
            all.merge(changes);
            all
        });
        let Some(mut all) = waiting.filter(|all| !all.is_empty()) else {
            return Ok(());
        };
        let old = self.head.clone();
        if self.head.pieces >= MOST
            && let Some(mut before) = whole(store, &self.name, &self.head)?
        {
            before.merge(all);
            all = before;
            self.head = Head {
                generation: old.generation.wrapping_add(1),
                pieces: 0,
                digest: String::new(),
            };
        }
        let bytes = serde_json::to_vec(&all).expect("a change set can always be written as JSON");
        store.set_state(&piece(&self.name, &self.head, self.head.pieces), &bytes)?;
        self.head.digest = chained(&self.head.digest, &bytes);
        self.head.pieces += 1;
        let head = serde_json::to_vec(&self.head).expect("numbers and texts are JSON");
        store.set_state(&self.name, &head)?;
        // Nobody reads them any more, and nothing but room is lost if they stay.  Their names are
        // used again by the generation after the next.
        if self.head.generation != old.generation {
            for number in 0..old.pieces {
                store.set_state(&piece(&self.name, &old, number), &[])?;
            }
        }
        Ok(())
    }
}

/// All pieces together, if they are all there and as they were written.
fn whole(store: &impl Store, name: &str, head: &Head) -> Result<Option<ChangeSet>, StoreError> {
    let mut all = ChangeSet::default();
    let mut digest = String::new();
    for number in 0..head.pieces {
        let Some(bytes) = store.state(&piece(name, head, number))? else {
            return Ok(None);
        };
        let Ok(changes) = serde_json::from_slice::<ChangeSet>(&bytes) else {
            return Ok(None);
        };
        digest = chained(&digest, &bytes);
        all.merge(changes);
    }
    Ok((digest == head.digest).then_some(all))
}

fn piece(name: &str, head: &Head, number: u32) -> String {
    format!("{name}/{}/{number}", head.generation % 2)
}

fn chained(before: &str, bytes: &[u8]) -> String {
    let mut engine = sha256::Hash::engine();
    engine.input(before.as_bytes());
    engine.input(bytes);
    sha256::Hash::from_engine(engine).to_string()
}

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;

    use super::*;
    use crate::ledger::Memory;

    /// One block of a long watch.
    fn block(height: u32) -> ChangeSet {
        let mut changes = ChangeSet::default();
        let hash = BlockHash::from_byte_array([7; 32]);
        changes.local_chain.blocks.insert(height, Some(hash));
        changes
    }

    /// However long it goes on, there are no more names than two generations have, and what is
    /// kept is whole after each.
    #[test]
    fn no_name_is_left_behind() {
        let mut store = Memory::new(Vec::new());
        let mut pieces = Pieces::load(&store, "wallet").expect("it reads");
        for height in 0..10 * MOST {
            Pieces::persist(&mut pieces, &block(height)).expect("it cannot fail");
            pieces.flush(&mut store).expect("it is kept");
            let names = store.state_names().count();
            assert!(names <= 2 * MOST as usize + 1, "{names} names");
            let loaded = Pieces::load(&store, "wallet").expect("it reads").loaded;
            assert_eq!(loaded.local_chain.blocks.len(), height as usize + 1);
        }
    }

    /// A crash before the head is written leaves what was kept before.
    #[test]
    fn a_piece_without_its_head_is_not_there() {
        let mut store = Memory::new(Vec::new());
        let mut pieces = Pieces::load(&store, "wallet").expect("it reads");
        for height in 0..3 * MOST {
            let mut torn = store.clone();
            Pieces::persist(&mut pieces, &block(height)).expect("it cannot fail");
            pieces.flush(&mut store).expect("it is kept");
            let name = piece("wallet", &pieces.head, pieces.head.pieces - 1);
            let written = store.state(&name).expect("it reads").expect("it is there");
            torn.set_state(&name, &written).expect("it is kept");
            let loaded = Pieces::load(&torn, "wallet").expect("it reads").loaded;
            assert_eq!(loaded.local_chain.blocks.len(), height as usize);
        }
    }
}
