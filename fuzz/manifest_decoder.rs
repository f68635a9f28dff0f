//! A manifest: its header, the copy of it, and slots; whatever it says of files that are not there.

use millstream::checkpoint::{Directory, Wanted, next_run, run_name};
use millstream::sys::disk::{Disk, DiskFile, Open};
use millstream::sys::simulated_disk::SimulatedDisk;
use std::path::Path;

const DIR: &str = "/checkpoints";
const PAGE_BYTES: usize = 4096;
/// Bytes of the input that begin each page; zeros follow, as in most of a real one.
const FIELDS_BYTES: usize = 192;
const PAGES: usize = 6;

/// Bit 0 of the first byte: the rest is the manifest. Else it begins its pages, bit 1: and their magics, versions and
/// sizes are put right where the input leaves room for them. Bit 2: so are checksums.
pub(crate) fn decode(input: &[u8]) {
    let Some((mode, input)) = input.split_first() else {
        return;
    };
    let manifest = match mode & 1 {
        1 => input.to_vec(),
        _ => pages(input, mode & 2 != 0, mode & 4 != 0),
    };
    let (disk, dir) = (SimulatedDisk::new(0), Path::new(DIR));
    let run_dir = dir.join(run_name(1));
    disk.create_dir(dir).expect("a disk without faults");
    disk.create_dir(&run_dir).expect("a disk without faults");
    let file = disk.open(&run_dir.join("manifest"), Open::Create);
    let mut file = file.expect("no two have one name");
    file.write_at(&manifest, 0).expect("a disk without faults");
    let _ = next_run(&disk, dir);
    let Ok(directory) = Directory::open(disk, dir) else {
        return;
    };
    for epoch in directory.runs().iter().flat_map(|run| &run.epochs) {
        let _ = (epoch.bytes(), epoch.written_bytes(), epoch.shape());
        if !epoch.shape().parts.is_empty() {
            let verified = directory.verify(epoch);
            verified.expect_err("its files are not there");
        }
    }
    let _ = directory.snapshot(Wanted::Latest);
}

fn pages(input: &[u8], fields: bool, sums: bool) -> Vec<u8> {
    let mut manifest = vec![0; PAGES * PAGE_BYTES];
    let mut begins = input.chunks(FIELDS_BYTES);
    for (number, page) in manifest.chunks_exact_mut(PAGE_BYTES).enumerate() {
        let begin = begins.next().unwrap_or_default();
        page[..begin.len()].copy_from_slice(begin);
        if fields {
            page[..8].copy_from_slice(if number < 2 {
                b"MILLMAN\0"
            } else {
                b"MILLEPO\0"
            });
            page[8..12].copy_from_slice(&1_u32.to_le_bytes());
            page[16..24].copy_from_slice(&1_u64.to_le_bytes());
            if number < 2 {
                page[12..16].copy_from_slice(&4_u32.to_le_bytes());
                page[24..32].copy_from_slice(&(PAGE_BYTES as u64).to_le_bytes());
            }
        }
        if sums {
            let at = PAGE_BYTES - 4;
            let sum = crc32c::crc32c(&page[..at]);
            page[at..].copy_from_slice(&sum.to_le_bytes());
        }
    }
    manifest
}
