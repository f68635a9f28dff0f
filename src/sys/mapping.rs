//! Mapped files: the one place that maps.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapMut, MmapOptions};

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

/// Maps `len` bytes of a file from `offset` on for reading; `offset` is a multiple of the page size.
///
/// # Errors
/// Those of `mmap(2)`.
pub fn map_range_readonly(file: &File, offset: u64, len: usize) -> io::Result<Mmap> {
    // SAFETY: the caller is the storage of a cold tier (`state/cold/file.rs`), which this process alone holds a lock
    // on. It writes to the file itself, but through `&mut self`, while every slice of the mapping borrows `&self`: no
    // reference sees a byte change. Room for the whole range is taken from the disk before it is mapped, and the
    // length of the file is looked at before each batch of reads. As with `map_readonly` there remains another
    // program: one that writes changes plain bytes, which checksums tell; one that cuts the file just between the
    // look and the read ends the process by SIGBUS and reads no foreign memory.
    unsafe { MmapOptions::new().offset(offset).len(len).map(file) }
}

/// Maps the first `len` bytes of a file, for writing.
///
/// # Errors
/// Those of `mmap(2)`; an empty file cannot be mapped.
pub fn map_shared(file: &File, len: usize) -> io::Result<MmapMut> {
    // SAFETY: the caller is `sys::real_disk`, in the one process that writes the file: a lock on its directory keeps
    // other writers out. It takes room for all `len` bytes from the disk before it asks for the mapping, only ever
    // copies into it (`&mut self`) and reads through the file, so that no reference is held while bytes change under
    // it. Readers of other processes read plain bytes, for which every pattern is valid, and check them. Another
    // program that cuts the file just between the look at its length and the copy ends the process by SIGBUS and
    // harms no foreign memory.
    unsafe { MmapOptions::new().len(len).map_mut(file) }
}
