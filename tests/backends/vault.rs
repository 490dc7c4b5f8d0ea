//! A vault over each backend.

use std::sync::Arc;

use bitcoin::{OutPoint, ScriptBuf};
use longstop::chain::Chain;
use longstop::compile::{Compiled, compile};
use longstop::ledger::Memory;
use longstop::policy::check;
use longstop::units::{BlockHeight, Blocks};
use longstop::wallet::{Document, Synced, Vault};

use super::coins::{coin_of, open, spend};
use super::rig::Rig;

/// One vault reads the backend and another one the leader: whichever branch wins, they know the same
/// coins of the same ages, whose paths open on the same days.
struct Pair {
    theirs: Vault<Memory>,
    ours: Vault<Memory>,
}

impl Pair {
    fn new(compiled: &Compiled) -> Self {
        let vault = || {
            let document = Document::new(compiled, BlockHeight(0));
            Vault::over(Memory::new(document.to_bytes())).expect("a vault")
        };
        Self {
            theirs: vault(),
            ours: vault(),
        }
    }

    fn next_script(&mut self) -> ScriptBuf {
        let theirs = self.theirs.next_address().expect("an address").derived;
        let ours = self.ours.next_address().expect("an address").derived;
        assert_eq!(theirs.script_pubkey(), ours.script_pubkey());
        theirs.script_pubkey().clone()
    }

    #[track_caller]
    fn sync(&mut self, rig: &mut Rig, script: &ScriptBuf) -> Synced {
        // So long the server may take to see what its node sees.
        rig.outputs(std::slice::from_ref(script));
        let leader: &dyn Chain = &rig.leader.fork();
        let ours = self.ours.sync(leader).expect("it syncs");
        let theirs = self.theirs.sync(rig.chain()).expect("it syncs");
        assert_eq!(theirs, ours);
        let known = |vault: &Vault<Memory>| {
            let coins = vault.coins().expect("it was synced");
            let coins = serde_json::to_value(coins).expect("JSON");
            (vault.outputs().expect("it was synced"), coins)
        };
        assert_eq!(known(&self.theirs), known(&self.ours));
        theirs
    }

    fn has(&self, outpoint: OutPoint) -> bool {
        let coins = self.theirs.coins().expect("it was synced");
        coins.iter().any(|coin| coin.output.outpoint == outpoint)
    }
}

pub fn it_follows_reorgs(mut rig: Rig) {
    let policy = check(include_str!("../../policies/guild/policy.toml")).policy;
    let compiled = compile(Arc::new(policy.expect("it is sound"))).expect("it compiles");
    let mut vaults = Pair::new(&compiled);
    for (number, depth) in (1i64..).zip([1, 6, 50]) {
        let script = vaults.next_script();
        let coin = rig.fund(number, 100_000);
        rig.mine(1);
        let deposit = spend(2, &[coin], &[(99_000, script.clone())]);
        assert_eq!(rig.submit(&deposit).0, Ok(()));
        rig.mine(depth);
        let paid = OutPoint::new(deposit.compute_txid(), 0);
        assert_eq!(vaults.sync(&mut rig, &script).found, [paid]);
        assert!(vaults.has(paid));

        // The blocks are gone, and the deposit waits again.
        rig.disconnect(depth);
        let synced = vaults.sync(&mut rig, &script);
        assert!(synced.rolled_back.is_some());
        assert!(vaults.has(paid), "it waits");

        // It is confirmed again, at another pace, and is younger than it was.
        rig.leader.set_block_spacing(1_234);
        rig.mine(depth + 1);
        vaults.sync(&mut rig, &script);
        assert!(vaults.has(paid));

        // On a third branch the money has gone elsewhere.
        let elsewhere = spend(2, &[coin], &[(98_000, open(9))]);
        let reorg = rig.leader.reorg(Blocks(depth + 1), &[]);
        reorg.expect("so many were mined");
        let mined = rig.leader.mine_with(std::slice::from_ref(&elsewhere));
        mined.expect("it is valid");
        rig.leader.set_block_spacing(600);
        rig.leader.mine(depth + 2);
        rig.settle();
        let synced = vaults.sync(&mut rig, &script);
        assert_eq!(synced.lost, [paid]);
        assert!(!vaults.has(paid));
        assert!(!vaults.has(coin_of(&elsewhere, 0, 9).outpoint));
    }
}
