//! The bytes of a trace, decompressed on the way, with its first ones in hand for looking at.
//!
//! What a file is compressed with is read from its magic bytes; its extension only has to agree.
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::error::{ErrorKind, Place, TraceError};
use super::live::Live;

/// How much decompressed content is read ahead for looking at: thousands of rows of text, and no more than a
/// reader's own buffer.
pub(super) const HEAD_BYTES: usize = 256 << 10;

/// What a file is compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Nothing.
    None,
    /// Zstandard (`.zst`), any number of frames.
    Zstd,
    /// gzip (`.gz`), any number of members.
    Gzip,
    /// bzip2 (`.bz2`), any number of streams.
    Bzip2,
    /// xz (`.xz`), any number of streams.
    Xz,
}

impl Compression {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Zstd => "zstd",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
        }
    }

    /// By magic bytes; long ones where the format has them, so that bare keys are not taken for compressed ones.
    fn of_content(head: &[u8]) -> Self {
        match *head {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
            [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x31,
                0x41,
                0x59,
                0x26,
                0x53,
                0x59,
                ..,
            ]
            | [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x17,
                0x72,
                0x45,
                0x38,
                0x50,
                0x90,
                ..,
            ] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Compression::Xz,
            _ => Compression::None,
        }
    }

    /// By extension, in lower case.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "zst" | "zstd" => Some(Compression::Zstd),
            "gz" => Some(Compression::Gzip),
            "bz2" => Some(Compression::Bzip2),
            "xz" => Some(Compression::Xz),
            _ => None,
        }
    }
}

/// The decompressed bytes of a trace.
pub(super) struct Content {
    /// All of them, from the first.
    pub(super) bytes: Box<dyn Read + Send>,
    /// A copy of the first `HEAD_BYTES`, or of all there are.
    pub(super) head: Vec<u8>,
    /// Whether `head` is all there is.
    pub(super) head_is_all: bool,
    pub(super) compression: Compression,
    /// The length of the file on disk; 0 for a pipe.
    pub(super) file_bytes: u64,
    /// How many of them have been read so far.
    pub(super) read_bytes: Arc<AtomicU64>,
    /// The same bytes, where they come as they come and are not compressed.
    pub(super) live: Option<Live>,
}

/// Opens a file, a pipe or a device; refuses directories and emptiness.
pub(super) fn open(path: &Path) -> Result<Content, TraceError> {
    let file = File::open(path).map_err(|error| TraceError::io(path, "read", error))?;
    let metadata = file
        .metadata()
        .map_err(|error| TraceError::io(path, "read", error))?;
    if metadata.is_dir() {
        return Err(TraceError::io(
            path,
            "read",
            io::ErrorKind::IsADirectory.into(),
        ));
    }
    let file_bytes = if metadata.is_file() {
        metadata.len()
    } else {
        0
    };
    let read_bytes = Arc::new(AtomicU64::new(0));
    let failed = |error| TraceError::io(path, "read", error);
    if !metadata.is_file() {
        let live = Live::new(file, read_bytes.clone());
        let (head, is_all) = live.head().map_err(failed)?;
        let magic = head[..head.len().min(16)].to_vec();
        if Compression::of_content(&magic) == Compression::None && !head.is_empty() {
            refuse_name(path, &magic)?;
            return Ok(Content {
                bytes: Box::new(live.clone()),
                head,
                head_is_all: is_all,
                compression: Compression::None,
                file_bytes,
                read_bytes,
                live: Some(live),
            });
        }
        return decompressed(path, magic.len(), live, file_bytes, read_bytes);
    }
    let counted = Counted {
        file,
        read_bytes: read_bytes.clone(),
    };
    decompressed(path, 16, counted, file_bytes, read_bytes)
}

fn decompressed(
    path: &Path,
    magic_bytes: usize,
    mut counted: impl Read + Send + 'static,
    file_bytes: u64,
    read_bytes: Arc<AtomicU64>,
) -> Result<Content, TraceError> {
    let magic = read_up_to(&mut counted, magic_bytes)
        .map_err(|error| TraceError::io(path, "read", error))?;
    if magic.is_empty() {
        return Err(empty(path, "the file is empty"));
    }
    let compression = Compression::of_content(&magic);
    refuse_name(path, &magic)?;
    let mut bytes = decompress(compression, Cursor::new(magic).chain(counted))
        .map_err(|error| stream_error(path, compression, 0, error))?;
    let head = read_up_to(&mut bytes, HEAD_BYTES)
        .map_err(|error| stream_error(path, compression, 0, error))?;
    if head.is_empty() {
        return Err(empty(path, "nothing is left once it is decompressed"));
    }
    let head_is_all = head.len() < HEAD_BYTES;
    let bytes = Box::new(Cursor::new(head.clone()).chain(bytes));
    Ok(Content {
        bytes,
        head,
        head_is_all,
        compression,
        file_bytes,
        read_bytes,
        live: None,
    })
}

/// Refuses a name that says compressed where `magic`, the first bytes, are not.
fn refuse_name(path: &Path, magic: &[u8]) -> Result<(), TraceError> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("")
        .to_ascii_lowercase();
    if let (Compression::None, Some(named)) = (
        Compression::of_content(magic),
        Compression::of_extension(&extension),
    ) {
        return Err(TraceError::new(
            ErrorKind::Corrupt,
            path,
            format!("named .{extension} but not {} data", named.name()),
        )
        .at(Place::Offset(0))
        .value(format!("{:02x?}", &magic[..magic.len().min(6)]))
        .expected(format!("the magic bytes of {}", named.name()))
        .remedy("fetch the file again, or take the extension off if it is not compressed"));
    }
    Ok(())
}

fn empty(path: &Path, what: &str) -> TraceError {
    TraceError::new(ErrorKind::Empty, path, what)
        .expected("at least one record")
        .remedy("check how it was made")
}

fn decompress(
    compression: Compression,
    raw: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    // All four go on after the end of a frame, member or stream.
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(raw)),
        Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(raw)),
        Compression::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(raw)),
    })
}

/// What an error in the middle of the stream means; `offset` is how far it got, in decompressed bytes.
pub(super) fn stream_error(
    path: &Path,
    compression: Compression,
    offset: u64,
    error: io::Error,
) -> TraceError {
    if compression == Compression::None || error.raw_os_error().is_some() {
        return TraceError::io(path, "read", error).at(Place::Offset(offset));
    }
    let name = compression.name();
    // bzip2 says it in words.
    let ends_early =
        error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("EOF");
    let (kind, what) = if ends_early {
        (
            ErrorKind::Truncated,
            format!("the {name} stream ends too early"),
        )
    } else {
        (
            ErrorKind::Corrupt,
            format!("the {name} stream is corrupt ({error})"),
        )
    };
    TraceError::new(kind, path, what)
        .at(Place::Offset(offset))
        .expected(format!("a whole {name} stream"))
        .remedy(format!(
            "fetch the file again; `{} --test` checks it",
            if name == "gzip" { "gzip" } else { name }
        ))
        .caused_by(error)
}

/// Reads until `limit` bytes or the end.
fn read_up_to(reader: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(limit);
    reader.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Counts what leaves the file, for the progress bar.
struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        // Relaxed: a progress bar may be behind, and nothing else hangs on it.
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
