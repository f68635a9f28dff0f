#![no_main]
#[path = "../decoders.rs"]
#[allow(dead_code)]
mod decoders;

libfuzzer_sys::fuzz_target!(|input: &[u8]| decoders::journal::decode(input));
