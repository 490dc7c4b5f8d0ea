//! Any text as a BSMS record (BIP-129).

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| longstop_fuzz::run("bsms", bytes));
