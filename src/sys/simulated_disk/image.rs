//! The bytes of a simulated file, in pages that copies share until one of them is written to.
//!
//! Owned by the file of which they are the safe or the seen bytes. Invariant: every byte at or behind `len`
//! is zero, so that lengthening shows zeros; only [`Image::put`] breaks it, until [`Image::set_len`].
use std::sync::Arc;

/// Bytes of a page: what the page cache writes back as one.
pub(super) const PAGE_BYTES: usize = 4096;

type Page = [u8; PAGE_BYTES];

/// Bytes by position; a page never written to is `None` and reads as zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pages: Vec<Option<Arc<Page>>>,
    len: u64,
}

impl Image {
    /// Bytes up to the end of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `bytes` from `offset` on; false where the file ends before.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> bool {
        let end = offset.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        for (index, inside, range) in pieces(offset, bytes.len()) {
            let part = &mut bytes[range];
            match self.pages.get(index) {
                Some(Some(page)) => part.copy_from_slice(&page[inside..inside + part.len()]),
                _ => part.fill(0),
            }
        }
        true
    }

    /// Writes `bytes` at `offset` and lengthens the file to hold them.
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        self.put(bytes, offset);
        self.len = self.len.max(offset + bytes.len() as u64);
    }

    /// Writes `bytes` at `offset` without lengthening the file: the caller settles its length afterwards.
    pub(super) fn put(&mut self, bytes: &[u8], offset: u64) {
        for (index, inside, range) in pieces(offset, bytes.len()) {
            if self.pages.len() <= index {
                self.pages.resize(index + 1, None);
            }
            let part = &bytes[range];
            let page = self.pages[index].get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[inside..inside + part.len()].copy_from_slice(part);
        }
    }

    /// Cuts the file, or lengthens it with zeros.
    pub(super) fn set_len(&mut self, len: u64) {
        self.cut(len);
        self.len = len;
    }

    /// Forgets what stands at or behind `len`; a file that ends before stays as it is.
    pub(super) fn cut(&mut self, len: u64) {
        let whole = (len / PAGE_BYTES as u64) as usize;
        let inside = (len % PAGE_BYTES as u64) as usize;
        self.pages.truncate(whole + usize::from(inside > 0));
        if let Some(Some(page)) = self.pages.get_mut(whole)
            && page[inside..].iter().any(|byte| *byte != 0)
        {
            Arc::make_mut(page)[inside..].fill(0);
        }
        self.len = self.len.min(len);
    }
}

/// The pages that `bytes` bytes at `offset` fall on: page, position inside it, range of the bytes.
fn pieces(
    offset: u64,
    bytes: usize,
) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == bytes {
            return None;
        }
        let place = offset + at as u64;
        let inside = (place % PAGE_BYTES as u64) as usize;
        let end = bytes.min(at + PAGE_BYTES - inside);
        let range = at..end;
        at = end;
        Some(((place / PAGE_BYTES as u64) as usize, inside, range))
    })
}
