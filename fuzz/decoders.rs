//! Each decoder, fed with any bytes: it may refuse them, and nothing else may happen.
//!
//! Shared by the fuzz targets and by the test that replays the corpus. Formats with checksums would turn
//! nearly every input away at the first one, so an input whose first byte is odd has its checksums put right
//! before it is decoded: the fuzzer then reaches what stands behind them.

#[path = "journal_decoder.rs"]
pub(crate) mod journal;
#[path = "manifest_decoder.rs"]
pub(crate) mod manifest;

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a patch before what it writes: file, position, length.
const PATCH_HEAD_BYTES: usize = 4;

/// Applies `patches` to `files`: which file, where, how many bytes, the bytes. One without bytes cuts the file.
fn patched(files: &mut [(PathBuf, Vec<u8>)], mut patches: &[u8]) {
    while let Some((head, rest)) = patches.split_at_checked(PATCH_HEAD_BYTES) {
        let index = usize::from(head[0]) % files.len();
        let at = usize::from(u16::from_le_bytes([head[1], head[2]]));
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(head[3])));
        let file = &mut files[index].1;
        match file.get_mut(at..at + bytes.len()) {
            Some(place) if !bytes.is_empty() => place.copy_from_slice(bytes),
            Some(_) => file.truncate(at),
            None => {}
        }
        patches = rest;
    }
}

/// Writes `bytes` to a file of a directory of its own and hands its path to `read`.
fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().expect("a directory for the input");
    let path = dir.path().join("input");
    fs::write(&path, bytes).expect("room for the input");
    read(&path);
}

/// The native trace.
pub(crate) mod trace {
    use super::*;
    use millstream::source::trace::native::{ClickRecord, KeyedRecord, Mapped};
    use xxhash_rust::xxh3::xxh3_64;

    /// Fields at the start of the header; zeros up to the checksum follow.
    const FIELDS_BYTES: usize = 112;
    const HEADER_BYTES: usize = 4096;
    /// Fields of the header by position.
    const CHECKSUMS_AT: usize = 56;
    const TEXTS_AT: usize = 80;
    const FILE_BYTES: usize = 104;

    /// Reads a trace in every way there is.
    pub(crate) fn decode(input: &[u8]) {
        let Some((mode, input)) = input.split_first() else {
            return;
        };
        let file = if mode & 1 == 1 {
            sealed(input)
        } else {
            input.to_vec()
        };
        with_file(&file, |path| {
            let Ok(mapped) = Mapped::open(path, mode & 2 == 0) else {
                return;
            };
            let _ = mapped.records::<KeyedRecord>().map(<[KeyedRecord]>::len);
            let _ = mapped.records::<ClickRecord>().map(<[ClickRecord]>::len);
            let _ = mapped.texts();
            let _ = mapped.time_span_ns();
        });
    }

    /// The input as fields of a header and what follows it, with length and checksums put right.
    fn sealed(input: &[u8]) -> Vec<u8> {
        let (fields, body) = input.split_at(input.len().min(FIELDS_BYTES));
        let mut file = fields.to_vec();
        file.resize(HEADER_BYTES, 0);
        file.extend(body);
        let len = file.len();
        file[FILE_BYTES..FILE_BYTES + 8].copy_from_slice(&(len as u64).to_le_bytes());
        let number = |file: &[u8], at: usize| {
            let bytes = file[at..at + 8].try_into().expect("eight bytes");
            usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
        };
        let (checksums_at, texts_at) = (number(&file, CHECKSUMS_AT), number(&file, TEXTS_AT));
        if (HEADER_BYTES..=len.saturating_sub(8)).contains(&checksums_at) {
            let sum = xxh3_64(&file[HEADER_BYTES..checksums_at]);
            file[checksums_at..checksums_at + 8].copy_from_slice(&sum.to_le_bytes());
        }
        if (HEADER_BYTES..=len.saturating_sub(8)).contains(&texts_at) {
            let sum = xxh3_64(&file[texts_at..len - 8]);
            file[len - 8..].copy_from_slice(&sum.to_le_bytes());
        }
        let sum = xxh3_64(&file[..HEADER_BYTES - 8]);
        file[HEADER_BYTES - 8..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        file
    }
}

/// The configuration: a file, then what the command line lays over it.
pub(crate) mod configuration {
    use millstream::cli::config::{Config, Settings};

    /// The text up to a NUL is a file, each text behind one is an override.
    pub(crate) fn decode(input: &[u8]) {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        let mut texts = text.split('\0');
        let mut settings = Settings::default();
        if settings
            .lay_file("input.toml", texts.next().unwrap_or_default())
            .is_err()
        {
            return;
        }
        for text in texts {
            if settings.lay_override(text).is_err() {
                return;
            }
        }
        let Ok(config) = Config::read(settings) else {
            return;
        };
        // What was accepted can be written down, and is accepted again.
        let mut again = Settings::default();
        let laid = again.lay_file("again.toml", &config.to_toml());
        laid.expect("a configuration that was written down is TOML");
        Config::read(again).expect("a configuration that was written down is valid");
    }
}

/// A directory of checkpoints: manifest, headers, indexes, blocks.
pub(crate) mod checkpoint {
    use millstream::checkpoint::{
        Directory, Kind, PartShape, Piece, Settled, Shape, Wanted, Writer, next_run, run_name,
    };
    use millstream::sys::disk::{Disk, DiskFile, Open};
    use millstream::sys::simulated_disk::SimulatedDisk;
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;

    const DIR: &str = "/checkpoints";
    const PAGE_BYTES: usize = 4096;
    const BLOCK_BYTES: usize = 64;

    /// The input's first byte says which checksums are put right; behind it come patches to the files of a
    /// sound directory.
    pub(crate) fn decode(input: &[u8]) {
        let Some((seals, patches)) = input.split_first() else {
            return;
        };
        let mut files = sound().to_vec();
        super::patched(&mut files, patches);
        seal(&mut files, *seals);
        read(&files);
    }

    fn read(files: &[(PathBuf, Vec<u8>)]) {
        let (disk, dir) = (SimulatedDisk::new(0), Path::new(DIR));
        disk.create_dir(dir).expect("a disk without faults");
        for (path, bytes) in files {
            let parent = path.parent().expect("it lies in a directory");
            disk.create_dir(parent).expect("a disk without faults");
            let mut file = disk.open(path, Open::Create).expect("no two have one name");
            file.write_at(bytes, 0).expect("a disk without faults");
        }
        let Ok(directory) = Directory::open(disk.clone(), dir) else {
            return;
        };
        let _ = next_run(&disk, dir);
        for epoch in directory.runs().iter().flat_map(|run| &run.epochs) {
            let _ = directory.verify(epoch);
        }
        let Ok((snapshot, _)) = directory.snapshot(Wanted::Latest) else {
            return;
        };
        for part in 0..snapshot.shape.parts.len() {
            let blocks = snapshot.blocks(part, |_, _| {});
            blocks.expect("every block was verified");
            let extras = snapshot.extras(part).expect("every block was verified");
            assert_eq!(extras.len() as u64, snapshot.extras_bytes(part));
        }
    }

    /// The files of two durable epochs of a small flow.
    fn sound() -> &'static [(PathBuf, Vec<u8>)] {
        static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
        FILES.get_or_init(|| {
            let disk = SimulatedDisk::new(0);
            let dir = Path::new(DIR);
            disk.create_dir(dir).expect("a disk without faults");
            let part = |kind, name: &str, entry_bytes, value_bytes| PartShape {
                kind,
                name: name.into(),
                stage_index: 0,
                partition: 0,
                partitions: 1,
                scheme: "hash".into(),
                entry_bytes,
                value_bytes,
                block_bytes: BLOCK_BYTES as u32,
            };
            let shape = Shape {
                flow: "fuzzed".into(),
                seed: 1,
                parts: vec![
                    part(Kind::Source, "events", 0, 0),
                    part(Kind::Stage, "count", 32, 16),
                ],
            };
            let writer = Writer::new(disk.clone(), dir.join(run_name(1)), shape, 1);
            let mut writer = writer.expect("a disk without faults");
            for (target, epoch) in (1..=2).enumerate() {
                let begin = Piece::Begin {
                    epoch,
                    target: target as u8,
                    since: None,
                };
                writer.take(0, begin);
                writer.take(1, begin);
                writer.take(0, Piece::Extras { bytes: &[9; 20] });
                for index in 0..3 {
                    let bytes = [epoch as u8 + index as u8; BLOCK_BYTES];
                    writer.take(
                        1,
                        Piece::Block {
                            index,
                            bytes: &bytes,
                        },
                    );
                }
                writer.take(0, Piece::End { blocks: 0 });
                writer.take(1, Piece::End { blocks: 3 });
                let settled = writer.settle();
                assert!(matches!(settled, Some(Settled::Durable { .. })));
            }
            let mut files = disk.files();
            for (path, bytes) in &mut files {
                // Room taken ahead means nothing.
                if !is_manifest(path) {
                    bytes.truncate(3 * PAGE_BYTES);
                }
            }
            files
        })
    }

    fn is_manifest(path: &Path) -> bool {
        path.ends_with("manifest")
    }

    /// Puts checksums right, from the inside out: bit 0 those of blocks, 1 that of the index, 2 those of
    /// headers, 3 those of files in the slots, 4 those of slots.
    fn seal(files: &mut [(PathBuf, Vec<u8>)], seals: u8) {
        let has = |bit: u8| seals & 1 << bit != 0;
        let mut headers = Vec::new();
        for (path, file) in files.iter_mut().filter(|(path, _)| !is_manifest(path)) {
            if file.len() < 2 * PAGE_BYTES {
                continue;
            }
            let (pages, places) = file.split_at_mut(2 * PAGE_BYTES);
            let (header, index) = pages.split_at_mut(PAGE_BYTES);
            let places = places.chunks_exact(BLOCK_BYTES);
            for (sum, place) in index.chunks_exact_mut(4).zip(places).filter(|_| has(0)) {
                // Places without meaning have none.
                if sum != [0; 4] {
                    sum.copy_from_slice(&crc32c::crc32c(place).to_le_bytes());
                }
            }
            if has(1) {
                header[52..56].copy_from_slice(&crc32c::crc32c(index).to_le_bytes());
            }
            if has(2) {
                seal_page(header);
            }
            headers.push((path.clone(), header[PAGE_BYTES - 4..].to_vec()));
        }
        let Some((_, manifest)) = files.iter_mut().find(|(path, _)| is_manifest(path)) else {
            return;
        };
        for (number, page) in manifest.chunks_exact_mut(PAGE_BYTES).enumerate() {
            if has(2) && number < 2 {
                seal_page(page);
            }
            if number >= 2 {
                if has(3) {
                    name_headers(page, &headers);
                }
                if has(4) {
                    seal_page(page);
                }
            }
        }
    }

    /// Writes the checksums of the files of a slot's target into the slot.
    fn name_headers(slot: &mut [u8], headers: &[(PathBuf, Vec<u8>)]) {
        let target = format!(".{}", slot[12]);
        let shape_bytes = u32::from_le_bytes([slot[52], slot[53], slot[54], slot[55]]);
        let mut at = 64 + (shape_bytes as usize).next_multiple_of(8);
        for part in ["events-0", "count-0"] {
            let name = format!("{part}{target}");
            let header = headers.iter().find(|(path, _)| path.ends_with(&name));
            if let (Some((_, sum)), Some(place)) = (header, slot.get_mut(at..at + 4)) {
                place.copy_from_slice(sum);
            }
            at = at.saturating_add(16);
        }
    }

    fn seal_page(page: &mut [u8]) {
        let at = page.len() - 4;
        let sum = crc32c::crc32c(&page[..at]);
        page[at..].copy_from_slice(&sum.to_le_bytes());
    }

    #[cfg(test)]
    #[test]
    fn patches_under_right_checksums_get_through() {
        let mut files = sound().to_vec();
        let names: Vec<_> = files
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        assert_eq!(names.len(), 5, "{names:?}");
        // The second block of count-0.1, epoch 2.
        let (_, file) = files
            .iter_mut()
            .find(|(path, _)| path.ends_with("count-0.1"))
            .unwrap();
        file[2 * PAGE_BYTES + BLOCK_BYTES] ^= 1;
        let found = |files: &[(PathBuf, Vec<u8>)]| {
            let disk = SimulatedDisk::new(0);
            for (path, bytes) in files {
                disk.create_dir(Path::new(DIR)).unwrap();
                disk.create_dir(path.parent().unwrap()).unwrap();
                let mut file = disk.open(path, Open::Create).unwrap();
                file.write_at(bytes, 0).unwrap();
            }
            let directory = Directory::open(disk, Path::new(DIR)).unwrap();
            directory.snapshot(Wanted::Latest).unwrap().0.epoch
        };
        assert_eq!(found(&files), 1);
        seal(&mut files, 0b11111);
        assert_eq!(found(&files), 2);
    }
}
