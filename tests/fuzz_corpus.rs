//! Every input that a fuzzer found a new way through the decoders with, and every one that broke them, again.
//!
//! The inputs lie in `fuzz/corpus/DECODER/`. To look for more: `cargo +nightly fuzz run DECODER`.

#[path = "../fuzz/decoders.rs"]
mod decoders;

use std::fs;
use std::path::Path;

fn replay(name: &str, least: usize, decode: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut count = 0;
    for entry in fs::read_dir(&dir).expect("the corpus is there") {
        let path = entry.expect("a readable directory").path();
        // Printed only if the decoder fails.
        println!("{}", path.display());
        decode(&fs::read(&path).expect("a readable input"));
        count += 1;
    }
    assert!(count >= least, "{count} inputs in {}", dir.display());
}

#[test]
fn traces() {
    replay("trace", 9, decoders::trace::decode);
}

#[test]
fn configurations() {
    replay("configuration", 12, decoders::configuration::decode);
}

#[test]
fn checkpoints() {
    replay("checkpoint", 60, decoders::checkpoint::decode);
}

#[test]
fn journals() {
    replay("journal", 60, decoders::journal::decode);
}

#[test]
fn manifests() {
    replay("manifest", 60, decoders::manifest::decode);
}
