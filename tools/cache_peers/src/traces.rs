//! Requests: made ones, and those of real traces.

use rand::SeedableRng;
use rand::distr::Distribution;
use std::fs;
use std::io::Read;
use std::path::Path;

/// `requests` ids, zipf(0.99) over `keys`; the ranks are scattered over 64 bits.
pub fn zipf(keys: u64, requests: usize) -> Vec<u64> {
    let mut random = rand::rngs::SmallRng::seed_from_u64(1);
    let ranks = rand_distr::Zipf::new(keys as f64, 0.99).expect("valid parameters");
    (0..requests)
        .map(|_| (ranks.sample(&mut random) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .collect()
}

fn text(path: &Path) -> Option<Vec<u64>> {
    let text = fs::read_to_string(path).ok()?;
    Some(
        text.lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect(),
    )
}

/// Each line "start count ignore seq" stands for start … start + count − 1.
fn arc(path: &Path) -> Option<Vec<u64>> {
    let text = zstd::decode_all(fs::File::open(path).ok()?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    });
    Some(
        lines
            .flat_map(|(start, count)| start..start + count)
            .collect(),
    )
}

/// Big-endian 32-bit keys.
fn cache2k(path: &Path) -> Option<Vec<u64>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    liblzma::read::XzDecoder::new(file)
        .read_to_end(&mut bytes)
        .ok()?;
    let keys = bytes.chunks_exact(4);
    Some(
        keys.map(|key| u64::from(u32::from_be_bytes([key[0], key[1], key[2], key[3]])))
            .collect(),
    )
}

/// A trace by name and its requests.
pub type Trace = (&'static str, Vec<u64>);

/// The real traces found below `data`; says which are missing.
pub fn real(data: &Path) -> impl Iterator<Item = Trace> {
    type Reader = fn(&Path) -> Option<Vec<u64>>;
    let traces: [(&str, &str, Reader); 5] = [
        ("cloudPhysicsIO", "cloudphysics/cloudPhysicsIO.txt", text),
        ("arc_OLTP", "arc-traces/OLTP.lis.zst", arc),
        ("arc_P3", "arc-traces/P3.lis.zst", arc),
        ("c2k_orm-busy", "cache2k/orm-busy.trace.xz", cache2k),
        ("c2k_web07", "cache2k/web07.trace.xz", cache2k),
    ];
    traces.into_iter().filter_map(move |(name, path, reader)| {
        let path = data.join(path);
        let ids = reader(&path);
        if ids.is_none() {
            println!("{name}: skipped, cannot read {}", path.display());
        }
        Some((name, ids?))
    })
}
