//! Bytes as choices that make a policy, which is sound more often than any text would be.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| longstop_fuzz::run("plan", bytes));
