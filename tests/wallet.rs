//! Vaults: what they remember, what they find on a chain, and what they make of it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[expect(dead_code, reason = "vaults use a part of what stores are tested with")]
#[path = "ledger/common.rs"]
mod disk;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/said.rs"]
mod said;
#[path = "common/vault.rs"]
mod vault;

mod wallet {
    mod backup;
    mod coins;
    mod crash;
    mod directory;
    mod golden;
    mod program;
    mod status;
    mod sync;
}

/// What several of these tests do.
mod kit {
    use longstop::engine::KnownCoin;
    use longstop::ledger::{Memory, Store};
    use longstop::units::BlockHeight;
    use longstop::wallet::{Document, Vault};

    use crate::vault::World;

    /// A vault in memory about the policy of a world.
    pub fn in_memory(world: &World) -> Vault<Memory> {
        let document = Document::new(&world.compiled, BlockHeight(0));
        Vault::over(Memory::new(document.to_bytes())).expect("a vault")
    }

    /// The same vault from what its journal holds.
    pub fn reopened(vault: &Vault<Memory>) -> Vault<Memory> {
        let mut store = Memory::new(vault.store().genesis().to_vec());
        let records = vault.store().records(0).collect::<Result<Vec<_>, _>>();
        let records = records.expect("they can be read");
        store.append(&records).expect("in memory");
        Vault::over(store).expect("it holds")
    }

    /// The vault knows of each output just what the chain says now.
    #[track_caller]
    pub fn agrees<S: Store>(vault: &Vault<S>, world: &World) {
        let engine = vault.engine(world.chain.fork()).expect("an engine");
        let mut live: Vec<KnownCoin> = engine.coins().expect("it answers");
        live.sort_by_key(|known| known.coin.outpoint());
        let mut kept = vault.outputs().expect("it was synced");
        kept.sort_by_key(|known| known.outpoint);
        assert_eq!(kept.len(), live.len());
        for (kept, live) in kept.iter().zip(&live) {
            assert_eq!(kept.outpoint, live.coin.outpoint());
            assert_eq!(kept.amount, live.coin.amount());
            assert_eq!(kept.birth, live.birth, "{}", kept.outpoint);
            assert_eq!(kept.standing, live.standing, "{}", kept.outpoint);
            let derived = live.coin.derived();
            assert_eq!(&kept.stage, derived.stage());
            assert_eq!(
                (kept.keychain, kept.index),
                (derived.keychain(), derived.index())
            );
            assert_eq!(&kept.script, derived.script_pubkey());
        }
    }
}
