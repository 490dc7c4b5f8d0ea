//! Any text as the frames of QR codes.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| longstop_fuzz::run("frames", bytes));
