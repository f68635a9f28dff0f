//! The texts of keys as the writer looks them up: through a small cache, so that a run of rows with the same
//! keys does not take the lock that the source needs to add a text.
//!
//! Owned by the writer thread. A text never changes once it is known, so nothing here goes stale.

use crate::sink::rows::KeyTexts;
use std::sync::Arc;

/// Keys remembered, at one place each (direct-mapped); a power of two. Bounds the memory, not the texts.
const PLACES: usize = 4096;

/// Looks up texts.
pub(super) struct Lexicon {
    texts: Arc<dyn KeyTexts>,
    places: Vec<Option<(u64, Vec<u8>)>>,
}

impl Lexicon {
    pub(super) fn new(texts: Arc<dyn KeyTexts>) -> Self {
        let places = vec![None; PLACES];
        Lexicon { texts, places }
    }

    /// The bytes of `key`'s text; `None` for a key that is a number.
    pub(super) fn get(&mut self, key: u64) -> Option<&[u8]> {
        let place = &mut self.places[key as usize % PLACES];
        if !matches!(place, Some((held, _)) if *held == key) {
            let mut bytes = Vec::new();
            if !self.texts.append(key, &mut bytes) {
                return None;
            }
            *place = Some((key, bytes));
        }
        place.as_ref().map(|(_, bytes)| &bytes[..])
    }

    pub(super) fn texts(&self) -> &dyn KeyTexts {
        &*self.texts
    }
}
