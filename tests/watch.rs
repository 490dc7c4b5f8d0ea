//! Watching: what is told, when, and what is told only once.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/node.rs"]
mod node;
#[path = "common/said.rs"]
mod said;
#[path = "common/vault.rs"]
mod vault;

mod watch {
    mod chain;
    mod outage;
    mod people;
    mod program;
    mod towers;
}

/// What several of these tests do.
mod kit {
    use bitcoin::OutPoint;
    use longstop::arming::ArmingFile;
    use longstop::chain::{Chain, EmbeddedChain};
    use longstop::ledger::Memory as Store;
    use longstop::units::BlockHeight;
    use longstop::wallet::{Document, Entry, Vault};
    use longstop::watch::{Facts, Kind, Memory, Notice, Severity, chain_facts, step};

    use crate::vault::{Armed, World};

    /// A watcher of a vault in memory.
    pub struct Watcher {
        pub vault: Vault<Store>,
        pub memory: Memory,
    }

    impl Watcher {
        pub fn new(world: &World) -> Self {
            let document = Document::new(&world.compiled, BlockHeight(0));
            let vault = Vault::over(Store::new(document.to_bytes())).expect("a vault");
            Self {
                vault,
                memory: Memory::new(),
            }
        }

        /// One that has looked at the chain, and has the files of its coin.
        pub fn of(armed: &Armed) -> Self {
            let mut watcher = Self::new(&armed.world);
            let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
            let file = Box::new(file);
            watcher
                .vault
                .remember(Entry::Armed { file })
                .expect("it holds");
            watcher.look(&armed.world.chain);
            watcher
        }

        pub fn facts(&mut self, chain: &dyn Chain) -> Facts {
            self.vault.sync(chain).expect("it syncs");
            let facts = chain_facts(&self.vault, chain).expect("it was synced");
            Facts {
                chain: Some(facts),
                ..Facts::default()
            }
        }

        /// Looks at the chain, and says what is new.
        pub fn look(&mut self, chain: &EmbeddedChain) -> Vec<Notice> {
            let facts = self.facts(chain);
            self.take(&facts)
        }

        pub fn take(&mut self, facts: &Facts) -> Vec<Notice> {
            // What is kept is what is remembered.
            let memory = Memory::from_bytes(&self.memory.to_bytes());
            assert_eq!(memory, self.memory);
            let (memory, notices) = step(memory, facts);
            self.memory = memory;
            let again = step(self.memory.clone(), facts).1;
            assert!(again.is_empty(), "told twice: {again:?}");
            notices
        }
    }

    pub fn kinds(notices: &[Notice]) -> Vec<Kind> {
        notices.iter().map(|notice| notice.kind).collect()
    }

    /// A notice without what depends on when it is told.
    pub type Lasting = (Kind, Severity, String, Option<OutPoint>, String, String);

    pub fn lasting(notice: &Notice) -> Lasting {
        let due = notice.due.map(|due| due.at);
        (
            notice.kind,
            notice.severity,
            notice.key.clone(),
            notice.coin,
            format!("{:?} {due:?} {:?}", notice.at, notice.path),
            notice.text.clone(),
        )
    }
}
