//! How a cold tier is laid out and how much it may have under way.

/// Sizes of one partition's cold tier.
#[derive(Clone, Copy, Debug)]
pub struct ColdOptions {
    /// Bytes written in one go.
    pub frame_bytes: usize,
    /// Bytes that are compacted and reused together: a power of two times `frame_bytes`.
    pub segment_bytes: usize,
    /// Bytes by which the file grows, taken from the disk before anything is written there: a multiple of
    /// `segment_bytes`.
    pub grow_bytes: u64,
    /// Records that may be asked for and not yet had, at the most.
    pub reads_max: usize,
    /// Number of the partition, for the file's header.
    pub partition: u32,
}

impl Default for ColdOptions {
    fn default() -> Self {
        ColdOptions {
            frame_bytes: 64 << 10,
            segment_bytes: 1 << 20,
            grow_bytes: 64 << 20,
            reads_max: 1024,
            partition: 0,
        }
    }
}
