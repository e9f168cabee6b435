#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| blueox_fuzz::original_header(bytes));
