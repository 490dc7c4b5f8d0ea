//! Any bytes as an event.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| longstop_fuzz::run("event", bytes));
