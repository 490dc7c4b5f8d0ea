//! Any text as template and keys of a wallet policy (BIP-388).

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| longstop_fuzz::run("wallet_policy", bytes));
