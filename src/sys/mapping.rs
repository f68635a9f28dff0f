//! Read-only mapped files: the one place that maps.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a whole file for reading.
///
/// # Errors
/// Those of `mmap(2)`; an empty file cannot be mapped.
pub fn map_readonly(file: &File) -> io::Result<Mmap> {
    // SAFETY: the slice is sound as long as nobody changes or cuts the file while it is mapped. The files mapped here
    // are written under another name and renamed into place when whole (`whole_file`), so this program never writes
    // to a file under its final name; a new version is a new inode and leaves the mapped one as it is. The mapping is
    // read-only. What remains is another program that writes into the file in place: its bytes are plain integers,
    // for which every pattern is valid, and checksums tell of it; a cut file ends the process by SIGBUS, as for every
    // program that maps, and reads no foreign memory.
    unsafe { Mmap::map(file) }
}
