//! Reading a chain with 10,000 coins into a vault, against the wallet library alone: the same
//! coins, asked of the same chain and handed to the same wallets, and kept.
//!
//! `cargo bench --bench wallet`; `LONGSTOP_COINS` has it take another number of coins.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own conditions are wrong"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bdk_wallet::chain::{BlockId, CheckPoint, ConfirmationBlockTime};
use bdk_wallet::{ChangeSet, CreateParams, KeychainKind, Update, Wallet};
use bitcoin::{Amount, ScriptBuf};
use longstop::chain::EmbeddedChain;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::ledger::{Memory, Store};
use longstop::policy::check;
use longstop::units::{BlockHeight, UnixTime};
use longstop::wallet::{Document, Entry, GAP, Vault};

/// How many times as long as the library alone it may take.
const GOAL: f64 = 1.5;

/// How often each is measured; the quickest counts.
const RUNS: usize = 3;

fn main() {
    let coins: u32 = std::env::var("LONGSTOP_COINS").map_or(10_000, |text| {
        text.parse().expect("LONGSTOP_COINS is a number")
    });
    let text = include_str!("../policies/dao-treasury/policy.toml");
    let policy = check(text).policy.expect("it is sound");
    let compiled = Arc::new(compile(Arc::new(policy)).expect("it compiles"));
    println!("{coins} coins, each at an address of its own, of policies/dao-treasury");
    // All scripts are derived once for each side, and loaded from there on.
    let kept = wallets(&compiled, coins);
    let chain = chain(&load(&kept)[0], coins);
    let store = vault(&compiled, coins);

    let mut best = [Duration::MAX; 3];
    for _ in 0..RUNS {
        let mut wallets = load(&kept);
        let mut own = Memory::new(Vec::new());
        let start = Instant::now();
        let found = library(&mut wallets, &chain, &mut own);
        best[0] = best[0].min(start.elapsed());
        assert_eq!(found, coins as usize);

        let mut again = Vault::over(store.clone()).expect("a vault");
        let start = Instant::now();
        let synced = again.sync(&chain).expect("it syncs");
        best[1] = best[1].min(start.elapsed());
        assert_eq!(synced.found.len(), coins as usize);

        let start = Instant::now();
        again.sync(&chain).expect("it syncs");
        best[2] = best[2].min(start.elapsed());
    }
    let ratio = best[1].as_secs_f64() / best[0].as_secs_f64();
    println!("the wallet library alone      {:9.1} ms", millis(best[0]));
    println!(
        "a vault, first reading        {:9.1} ms   {ratio:.2} x, goal {GOAL:.2} x",
        millis(best[1])
    );
    println!("a vault, nothing new          {:9.1} ms", millis(best[2]));
    if ratio > GOAL {
        println!("a goal is not met");
        std::process::exit(1);
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What one wallet of the library keeps for each stage, with as many addresses revealed as the
/// vault has.
fn wallets(compiled: &Compiled, coins: u32) -> Vec<ChangeSet> {
    let stages = compiled.stages().map(|stage| {
        let halves = stage.descriptor().clone().into_single_descriptors();
        let mut halves = halves.expect("two halves").into_iter();
        let (receive, change) = (halves.next(), halves.next());
        let params = CreateParams::new(receive.expect("one"), change.expect("another"))
            .network(compiled.policy().network().to_bitcoin())
            .lookahead(GAP)
            .use_spk_cache(true);
        let mut wallet = params.create_wallet_no_persist().expect("a wallet");
        for kind in [KeychainKind::External, KeychainKind::Internal] {
            drop(wallet.reveal_addresses_to(kind, coins - 1));
        }
        wallet.take_staged().expect("it has revealed something")
    });
    stages.collect()
}

/// The wallets as they are when a program has opened them.
fn load(kept: &[ChangeSet]) -> Vec<Wallet> {
    let wallets = kept.iter().map(|kept| {
        let params = Wallet::load().lookahead(GAP).use_spk_cache(true);
        let wallet = params.load_wallet_no_persist(kept.clone());
        wallet.expect("it fits").expect("it is there")
    });
    wallets.collect()
}

/// A chain on which each of these addresses was paid once, twenty to a block.
fn chain(vault: &Wallet, coins: u32) -> EmbeddedChain {
    let mut chain = EmbeddedChain::new(UnixTime(1_767_225_600));
    for index in 0..coins {
        let script = vault
            .spk_index()
            .spk_at_index(KeychainKind::External, index);
        let script = script.expect("it is revealed");
        let amount = Amount::from_sat(100_000 + u64::from(index));
        chain.fund(script, amount).expect("the faucet pays");
        if index % 20 == 19 {
            chain.mine_one();
        }
    }
    chain.mine(6);
    chain
}

/// The store of a vault that has given out all these addresses.
fn vault(compiled: &Compiled, coins: u32) -> Memory {
    let document = Document::new(compiled, BlockHeight(0));
    let mut vault = Vault::over(Memory::new(document.to_bytes())).expect("a vault");
    let entry = Entry::Revealed {
        keychain: Keychain::Receive,
        index: coins - 1,
    };
    vault.remember(entry).expect("it holds");
    vault.store().clone()
}

/// What a program does that has nothing but the library: asks the chain, updates the wallets,
/// lists what is there, and keeps what changed.
fn library(wallets: &mut [Wallet], chain: &EmbeddedChain, store: &mut Memory) -> usize {
    let tip = chain.tip();
    let mut found = 0;
    for (number, wallet) in wallets.iter_mut().enumerate() {
        let scripts = wallet.spk_index().inner().all_spks().values();
        let scripts: Vec<ScriptBuf> = scripts.cloned().collect();
        let mut update = Update::default();
        let mut blocks = BTreeMap::new();
        let mut known = BTreeSet::new();
        for output in chain.outputs(&scripts) {
            let txid = output.outpoint.txid;
            if !known.insert(txid) {
                continue;
            }
            let transaction = chain.transaction(txid).expect("it is there").clone();
            update.tx_update.txs.push(Arc::new(transaction));
            let birth = output.birth.expect("it is confirmed");
            let hash = chain.block_hash(birth.height).expect("it is there");
            blocks.insert(birth.height.0, hash);
            let anchor = ConfirmationBlockTime {
                block_id: BlockId {
                    height: birth.height.0,
                    hash,
                },
                confirmation_time: u64::from(birth.median_time_past_before.0),
            };
            update.tx_update.anchors.insert((anchor, txid));
        }
        blocks.insert(tip.time.height.0, tip.hash);
        let genesis = chain.block_hash(BlockHeight::GENESIS);
        blocks.insert(0, genesis.expect("it is there"));
        let blocks = blocks
            .into_iter()
            .map(|(height, hash)| BlockId { height, hash });
        update.chain = Some(CheckPoint::from_block_ids(blocks).expect("in their order"));
        wallet.apply_update(update).expect("it connects");
        found += wallet.list_output().count();
        if let Some(changes) = wallet.take_staged() {
            let bytes = serde_json::to_vec(&changes).expect("JSON");
            let name = format!("wallet/{number}");
            store.set_state(&name, &bytes).expect("in memory");
        }
    }
    found
}
