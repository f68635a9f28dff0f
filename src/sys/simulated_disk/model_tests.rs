//! The simulated disk beside a plain model of files, with and without crashes.
use super::*;
use crate::sys::disk::DiskFile;
use std::collections::BTreeMap;

/// What a byte may be after a crash: its safe value first, then what was written since.
type Byte = Vec<u8>;

/// A file of the plain model.
#[derive(Clone, Default)]
struct Plain {
    bytes: Vec<u8>,
    may_be: Vec<Byte>,
    /// Shortest and longest it was since the last sync.
    lens: (usize, usize),
}

impl Plain {
    fn resize(&mut self, len: usize) {
        self.may_be.resize(self.may_be.len().max(len), vec![0]);
        for byte in &mut self.may_be[self.bytes.len().min(len)..] {
            byte.push(0);
        }
        self.bytes.resize(len, 0);
        self.lens = (self.lens.0.min(len), self.lens.1.max(len));
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if end > self.bytes.len() {
            self.resize(end);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
        for (may_be, byte) in self.may_be[offset..end].iter_mut().zip(bytes) {
            may_be.push(*byte);
        }
    }

    fn sync(&mut self) {
        self.may_be = self.bytes.iter().map(|byte| vec![*byte]).collect();
        self.lens = (self.bytes.len(), self.bytes.len());
    }
}

const DIR: &str = "/data";

fn path(name: u64) -> PathBuf {
    Path::new(DIR).join(format!("file-{name}"))
}

/// Runs random calls on a disk and on the model, and compares what they say.
fn scenario(seed: u64) -> io::Result<(SimulatedDisk, BTreeMap<PathBuf, Plain>)> {
    let disk = SimulatedDisk::new(seed);
    disk.record();
    let plain = run(&disk, seed)?;
    Ok((disk, plain))
}

fn run(disk: &SimulatedDisk, seed: u64) -> io::Result<BTreeMap<PathBuf, Plain>> {
    let mut random = Random::stream(seed, "scenario");
    disk.create_dir(Path::new(DIR))?;
    disk.sync_dir(Path::new("/"))?;
    let mut plain = BTreeMap::<PathBuf, Plain>::new();
    for _ in 0..30 {
        let path_drawn = path(random.below(3));
        let known = plain.contains_key(&path_drawn);
        let open = disk.open(&path_drawn, if known { Open::Write } else { Open::Create });
        let mut file = open?;
        let model = plain.entry(path_drawn.clone()).or_default();
        match random.below(10) {
            0..=3 => {
                let mut bytes = vec![0; 1 + random.below(6_000) as usize];
                bytes.fill_with(|| random.next_u64() as u8);
                let offset = random.below(9_000);
                file.write_at(&bytes, offset)?;
                model.write(&bytes, offset as usize);
            }
            4 => {
                let len = random.below(12_000);
                file.set_len(len)?;
                model.resize(len as usize);
            }
            5 => {
                let len = random.below(12_000);
                file.allocate(len)?;
                model.resize(model.bytes.len().max(len as usize));
            }
            6..=7 => {
                file.sync()?;
                model.sync();
            }
            8 => {
                let to = path(random.below(3));
                disk.rename(&path_drawn, &to)?;
                let moved = plain.remove(&path_drawn).unwrap_or_default();
                plain.insert(to, moved);
            }
            _ => {
                disk.remove(&path_drawn)?;
                plain.remove(&path_drawn);
            }
        }
        let names: Vec<String> = disk.list(Path::new(DIR))?;
        let expected = plain.keys().filter_map(|path| path.file_name()?.to_str());
        assert_eq!(names, expected.collect::<Vec<_>>(), "seed {seed}");
        let bytes = plain
            .iter()
            .map(|(path, file)| (path.clone(), file.bytes.clone()));
        assert_eq!(disk.files(), bytes.collect::<Vec<_>>(), "seed {seed}");
    }
    Ok(plain)
}

#[test]
fn without_a_crash_it_is_plain_files() {
    for seed in 0..300 {
        let (disk, plain) = scenario(seed).unwrap();
        for (path, model) in plain {
            let file = disk.open(&path, Open::Read).unwrap();
            assert_eq!(file.len().unwrap(), model.bytes.len() as u64);
            if model.bytes.len() > 100 {
                let mut bytes = vec![0; model.bytes.len() - 100];
                file.read_at(&mut bytes, 100).unwrap();
                assert_eq!(bytes, model.bytes[100..]);
            }
            let end = (model.bytes.len() as u64).saturating_sub(1);
            assert!(file.read_at(&mut [0; 2], end).is_err());
        }
    }
}

#[test]
fn after_a_crash_each_byte_is_the_safe_one_or_one_written_since() {
    for seed in 0..300 {
        let (disk, plain) = scenario(seed).unwrap();
        disk.sync_dir(Path::new(DIR)).unwrap();
        for crash in 0..10 {
            let left = disk.crash(crash);
            let files = left.files();
            assert_eq!(files, disk.crash(crash).files(), "a crash does not repeat");
            assert_eq!(files.len(), plain.len(), "a safe name is gone");
            for (path, bytes) in files {
                let model = &plain[&path];
                let place = format!("seed {seed}, crash {crash}, {}", path.display());
                assert!(bytes.len() >= model.lens.0, "{place}: cut");
                assert!(bytes.len() <= model.lens.1, "{place}: too long");
                for (at, (byte, may_be)) in bytes.iter().zip(&model.may_be).enumerate() {
                    assert!(
                        may_be.contains(byte),
                        "{place}: byte {at} is {byte}, not one of {may_be:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_synced_survives_every_crash_and_what_follows() {
    for seed in 0..300 {
        let (disk, plain) = scenario(seed).unwrap();
        for path in plain.keys() {
            disk.open(path, Open::Write).unwrap().sync().unwrap();
        }
        disk.sync_dir(Path::new(DIR)).unwrap();
        assert!(disk.moment().is_safe());
        let next = disk.crash(1);
        assert_eq!(disk.files(), next.files());
        // The next process writes, and loses it, and the one after finds what was safe.
        let mut file = next.open(&path(9), Open::Create).unwrap();
        file.write_at(b"lost", 0).unwrap();
        let all_lost = (0..64).map(|crash| next.crash(crash).files());
        assert!(all_lost.filter(|files| *files == disk.files()).count() > 0);
    }
}

#[test]
fn a_moment_is_the_disk_at_that_call() {
    let (disk, _) = scenario(7).unwrap();
    let moments = disk.recorded();
    for pair in moments.windows(2) {
        assert!(pair[0].operation < pair[1].operation);
    }
    let last = moments.last().unwrap();
    assert_eq!(last.survive(0).files(), disk.files());
    assert_eq!(last.crash(5).files(), disk.crash(5).files());
    // Running again with a crash at that call leaves the same.
    for moment in moments.iter().skip(1) {
        let again = SimulatedDisk::new(7);
        again.crash_after(moment.operation);
        assert!(run(&again, 7).is_err() || moment.operation == last.operation);
        assert_eq!(again.crash(3).files(), moment.crash(3).files());
    }
}
