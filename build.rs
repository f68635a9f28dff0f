//! Tells the program the commit it was built from, where there is one to tell.

use std::process::Command;

fn main() {
    // HEAD itself does not change when its branch moves; the log of its moves does.
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    println!("cargo:rerun-if-changed=build.rs");
    let head = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    let commit = head
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    println!("cargo:rustc-env=MILLSTREAM_COMMIT={}", commit.trim());
}
