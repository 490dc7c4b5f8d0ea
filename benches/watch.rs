//! Watching 100,000 blocks: what memory the watcher takes at the 10,000th and at the last, and how
//! long a look takes.
//!
//! `cargo bench --bench watch`; with a number after `--`, so many blocks.  The chain is made before
//! anything is measured, and the watcher looks at every block of it: what is measured is the
//! watcher with its vault, and not the chain.  Linux alone says how much memory is resident.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own chain is wrong"
)]

#[path = "../tests/common/by_hand.rs"]
mod by_hand;
#[path = "../tests/common/draft.rs"]
mod draft;
#[path = "../tests/common/upto.rs"]
mod upto;
#[path = "../tests/common/vault.rs"]
mod vault;

use std::time::Instant;

use longstop::arming::ArmingFile;
use longstop::compile::Stage;
use longstop::ledger::Memory as Store;
use longstop::units::BlockHeight;
use longstop::wallet::{Document, Entry, Vault};
use longstop::watch::{Facts, Memory, chain_facts, step};

use self::upto::UpTo;
use self::vault::{Armed, Draft, TREASURY};

/// How many blocks there are between two deposits.
const DEPOSITS: u32 = 500;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let blocks = arguments.find_map(|word| word.parse().ok());
    let blocks: u32 = blocks.unwrap_or(100_000);
    let started = Instant::now();
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let first = armed.world.chain.tip().time.height.0;
    let mut tips = vec![armed.world.chain.tip()];
    let mut index = 1;
    let trigger = armed.trigger(0, &["gina", "hal"]);
    let cancel = armed.cancel(0, &["alice"]);
    for block in 1..=blocks {
        match block {
            100 => armed.world.submit(&trigger),
            110 => armed.world.submit(&cancel),
            _ if block % DEPOSITS == 0 && index < 15 => {
                armed.world.pay_to(&Stage::Vault, index, 1_000_000);
                index += 1;
            }
            _ => {}
        }
        armed.world.chain.mine_one();
        tips.push(armed.world.chain.tip());
    }
    println!(
        "{blocks} blocks were made in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let document = Document::new(&armed.world.compiled, BlockHeight(0));
    let mut vault = Vault::over(Store::new(document.to_bytes())).expect("a vault");
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let file = Box::new(file);
    vault.remember(Entry::Armed { file }).expect("it is kept");
    let mut memory = Memory::new();
    let mut told = 0;
    let mut at_tenth = None;
    let started = Instant::now();
    for (number, tip) in tips.iter().enumerate() {
        let chain = UpTo {
            chain: &armed.world.chain,
            tip: *tip,
        };
        vault.sync(&chain).expect("it syncs");
        let facts = Facts {
            chain: Some(chain_facts(&vault, &chain).expect("it was synced")),
            ..Facts::default()
        };
        let (next, notices) = step(memory, &facts);
        memory = next;
        told += notices.len();
        let tenth = tips.len() / 10;
        if number == tenth {
            at_tenth = resident();
        }
        if number > 0 && number % tenth.max(1) == 0 {
            println!(
                "block {:>7}: {:>7} KiB resident, {told:>4} notices told, {:>4} remembered, {:.2} ms a look",
                tip.time.height.0 - first,
                resident().map_or_else(|| "?".to_owned(), |kib| kib.to_string()),
                memory.len(),
                started.elapsed().as_secs_f64() * 1e3 / number as f64,
            );
        }
    }
    if let (Some(then), Some(now)) = (at_tenth, resident()) {
        let grown = now.saturating_sub(then);
        println!("grown by {grown} KiB from the first tenth to the end; goal: at most 2048 KiB");
        assert!(grown <= 2_048, "memory does not stay flat");
    }
}

/// How much memory is resident, in KiB.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
