//! The state of a small flow, how it changes from barrier to barrier, and the pieces that tell a writer of it.
//!
//! The state is the model that a recovery is held against: plain bytes, no format.

use millstream::checkpoint::{Kind, PartShape, Piece, Shape};
use millstream::sys::random::Random;

/// State of one part at a barrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartState {
    /// Its blocks of entries.
    pub(crate) blocks: Vec<Vec<u8>>,
    /// What else it remembers.
    pub(crate) extras: Vec<u8>,
}

/// State of all parts at a barrier.
pub(crate) type FlowState = Vec<PartState>;

/// A piece with bytes of its own, so that the pieces of several parts can be mixed.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    /// As [`Piece::Block`].
    Block(u64, Vec<u8>),
    /// As [`Piece::Extras`].
    Extras(Vec<u8>),
    /// As [`Piece::End`].
    End(u64),
    /// As [`Piece::Abort`].
    Abort,
}

impl Sent {
    /// As the writer takes it.
    pub(crate) fn piece(&self) -> Piece<'_> {
        match self {
            Sent::Block(index, bytes) => Piece::Block {
                index: *index,
                bytes,
            },
            Sent::Extras(bytes) => Piece::Extras { bytes },
            Sent::End(blocks) => Piece::End { blocks: *blocks },
            Sent::Abort => Piece::Abort,
        }
    }
}

/// The parts of a flow, drawn: a source, one or two partitions of a stage with entries, at times a results file.
pub(crate) fn shape(random: &mut Random) -> Shape {
    let part = |kind, name: &str, partition, partitions, entry_bytes, block_bytes| PartShape {
        kind,
        name: name.into(),
        stage_index: u32::from(kind != Kind::Source),
        partition,
        partitions,
        scheme: "hash".into(),
        entry_bytes,
        value_bytes: if entry_bytes == 0 {
            0
        } else {
            entry_bytes - 16
        },
        block_bytes,
    };
    let mut parts = vec![part(Kind::Source, "events", 0, 1, 0, 64)];
    let partitions = 1 + random.below(2) as u32;
    let seed = random.next_u64();
    let entries_per_block = match random.below(4) as usize {
        _ if is_large(seed) => 4,
        size => [4, 8, 16, 64][size],
    };
    let entry_bytes = 24;
    for partition in 0..partitions {
        let block_bytes = entry_bytes * entries_per_block;
        let stage = part(
            Kind::Stage,
            "count",
            partition,
            partitions,
            entry_bytes,
            block_bytes,
        );
        parts.push(stage);
    }
    if random.below(3) == 0 {
        parts.push(part(Kind::Results, "answers", 0, 1, 0, 64));
    }
    Shape {
        flow: "explored".into(),
        seed,
        parts,
    }
}

/// The state of a flow that has seen nothing.
pub(crate) fn empty(shape: &Shape) -> FlowState {
    vec![PartState::default(); shape.parts.len()]
}

/// Blocks whose checksums share a page of the index.
const GROUP_BLOCKS: u64 = 1024;

/// One flow of 64 has parts whose index takes a second page.
fn is_large(seed: u64) -> bool {
    seed.is_multiple_of(64)
}

/// What happens to the state between two barriers.
pub(crate) fn change(state: &mut FlowState, flow: &Shape, random: &mut Random) {
    let is_large = is_large(flow.seed);
    let most_blocks = if is_large { GROUP_BLOCKS + 8 } else { 8 };
    // A few blocks of an epoch, however many there are.
    let stillness = if is_large { 1_000 } else { 6 };
    for (part, shape) in state.iter_mut().zip(&flow.parts) {
        if shape.kind == Kind::Stage {
            let blocks = part.blocks.len() as u64;
            let grown = match random.below(16) {
                0..=3 if blocks == 0 && is_large => GROUP_BLOCKS - 4,
                0..=3 => (blocks + 1 + random.below(3)).min(most_blocks),
                4..=7 if blocks == 0 => 1,
                8 => random.below(blocks + 1),
                _ => blocks,
            };
            let new = || vec![0; shape.block_bytes as usize];
            part.blocks.resize_with(grown as usize, new);
            for block in &mut part.blocks {
                match random.below(stillness) {
                    0 => block.fill_with(|| random.next_u64() as u8),
                    1 => {
                        let entry = random.below(u64::from(shape.block_bytes / shape.entry_bytes));
                        let at = (entry as usize) * shape.entry_bytes as usize;
                        let bytes = &mut block[at..at + shape.entry_bytes as usize];
                        bytes.fill_with(|| random.next_u64() as u8);
                    }
                    2 if random.below(8) == 0 => block.fill(0),
                    _ => {}
                }
            }
        }
        match random.below(8) {
            0 => part.extras.clear(),
            1 => {
                let len = random.below(5 * u64::from(shape.block_bytes).min(300));
                part.extras.resize(len as usize, 7);
            }
            // A position: what nearly every epoch changes.
            _ => {
                part.extras.resize(part.extras.len().max(16), 0);
                part.extras[..16].fill_with(|| random.next_u64() as u8);
            }
        }
    }
}

/// What one part sends for an epoch whose file holds the state `since`, if any. Blocks that were all zero in
/// every state of the run (`ever` says which were not) need not be sent.
pub(crate) fn pieces(
    part: &PartState,
    since: Option<&PartState>,
    ever: &[bool],
    block_bytes: u32,
    random: &mut Random,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (index, block) in part.blocks.iter().enumerate() {
        let needed = match since.map(|since| since.blocks.get(index)) {
            // Whole, and as it was.
            Some(Some(old)) => old != block,
            Some(None) | None => ever.get(index).copied().unwrap_or(true),
        };
        // Some are sent without need: the engine sends what may have changed.
        let unneeded = random.below(8 + part.blocks.len() as u64 / 2) == 0;
        if needed || unneeded {
            sent.push(Sent::Block(index as u64, block.clone()));
        }
    }
    // Blocks are captured in the order in which they are touched.
    for at in (1..sent.len()).rev() {
        sent.swap(at, random.below(at as u64 + 1) as usize);
    }
    let mut extras = part.extras.as_slice();
    let mut place = 0;
    while !extras.is_empty() {
        let most = extras.len().min(block_bytes as usize) as u64;
        let (chunk, rest) = extras.split_at(1 + random.below(most) as usize);
        place += random.below((sent.len() - place) as u64 + 1) as usize;
        sent.insert(place, Sent::Extras(chunk.to_vec()));
        place += 1;
        extras = rest;
    }
    sent.push(Sent::End(part.blocks.len() as u64));
    sent
}
