//! The texts of a trace: what each hashed key or item reads as.
//!
//! `Texts` is shared: the reader thread adds, anyone looks up, under a lock that the reader takes only for a
//! text it has never seen. Beside it the reader owns an `Interner`, where the known ones are found without lock
//! or allocation.
//!
//! Invariant: one key stands for one text. A second text with the same hash is an error, never merged.
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use xxhash_rust::xxh3::xxh3_64;

/// Keys are hashes already, so the table uses them as they are.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed here")
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

type ByKey = HashMap<u64, Text, BuildHasherDefault<AsIs>>;

/// One interned text. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    text: Arc<str>,
    /// The bytes, where they are not UTF-8 and `text` is their lossy reading.
    raw: Option<Arc<[u8]>>,
}

impl Text {
    fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text {
                text: text.into(),
                raw: None,
            },
            Err(_) => Text {
                text: String::from_utf8_lossy(bytes).into(),
                raw: Some(bytes.into()),
            },
        }
    }

    /// For people.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As in the file.
    pub fn bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }
}

/// Two different texts with one hash.
#[derive(Debug)]
pub(super) struct Collision {
    pub(super) key: u64,
    pub(super) first: String,
    pub(super) second: String,
}

/// All texts met so far, by key. Shared between the reader and whoever prints.
#[derive(Debug, Default)]
pub struct Texts {
    by_key: RwLock<ByKey>,
}

impl Texts {
    /// The key of a text: XXH3-64, seed 0, of its bytes.
    pub fn key_of(text: &str) -> u64 {
        xxh3_64(text.as_bytes())
    }

    /// The text of `key`, if it came from one.
    pub fn get(&self, key: u64) -> Option<Text> {
        self.by_key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned()
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.by_key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there is none, as in a trace of numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in the order of their keys.
    pub fn sorted(&self) -> Vec<(u64, Text)> {
        let by_key = self.by_key.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_key
            .iter()
            .map(|(key, text)| (*key, text.clone()))
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Takes up a text of an earlier run; whether it is the one text of its key.
    pub(in crate::source) fn restore(&self, key: u64, bytes: &[u8]) -> bool {
        self.add(key, bytes).is_ok()
    }

    /// The text of `key`, and whether it is new.
    fn add(&self, key: u64, bytes: &[u8]) -> Result<(Text, bool), Collision> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        let text = by_key.entry(key).or_insert_with(|| {
            is_new = true;
            Text::new(bytes)
        });
        if text.bytes() == bytes {
            Ok((text.clone(), is_new))
        } else {
            Err(collision(key, text, bytes))
        }
    }
}

#[cold]
fn collision(key: u64, first: &Text, second: &[u8]) -> Collision {
    Collision {
        key,
        first: first.as_str().to_string(),
        second: String::from_utf8_lossy(second).into_owned(),
    }
}

/// The reader's own side of `Texts`.
pub(super) struct Interner {
    known: ByKey,
    shared: Arc<Texts>,
    /// Texts that nobody had met before, where somebody asks for them.
    new: Option<Vec<(u64, Vec<u8>)>>,
}

impl Interner {
    pub(super) fn new(shared: Arc<Texts>) -> Self {
        Interner {
            known: ByKey::default(),
            shared,
            new: None,
        }
    }

    pub(super) fn keep_new(&mut self) {
        self.new.get_or_insert_default();
    }

    pub(super) fn take_new(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.new.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn texts(&self) -> &Arc<Texts> {
        &self.shared
    }

    /// The key of a text, which is remembered.
    #[inline]
    pub(super) fn key_of(&mut self, bytes: &[u8]) -> Result<u64, Collision> {
        let key = xxh3_64(bytes);
        self.insert(key, bytes)?;
        Ok(key)
    }

    /// Remembers that `key` reads as `bytes`.
    #[inline]
    pub(super) fn insert(&mut self, key: u64, bytes: &[u8]) -> Result<(), Collision> {
        match self.known.get(&key) {
            Some(text) if text.bytes() == bytes => Ok(()),
            Some(text) => Err(collision(key, text, bytes)),
            None => {
                let (text, is_new) = self.shared.add(key, bytes)?;
                if let Some(new) = self.new.as_mut().filter(|_| is_new) {
                    new.push((key, bytes.to_vec()));
                }
                self.known.insert(key, text);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_for_one_text() {
        let texts = Arc::new(Texts::default());
        let mut interner = Interner::new(texts.clone());
        let key = interner.key_of(b"alpha").unwrap();
        assert_eq!(key, Texts::key_of("alpha"));
        assert_eq!(interner.key_of(b"alpha").unwrap(), key);
        assert_eq!(texts.get(key).unwrap().as_str(), "alpha");
        assert_eq!((texts.len(), texts.get(key ^ 1)), (1, None));
    }

    #[test]
    fn two_texts_with_one_hash_are_an_error() {
        let texts = Arc::new(Texts::default());
        let (mut one, mut other) = (Interner::new(texts.clone()), Interner::new(texts.clone()));
        one.insert(7, b"a").unwrap();
        assert_eq!(one.insert(7, b"b").unwrap_err().first, "a");
        assert_eq!(other.insert(7, b"b").unwrap_err().second, "b");
        assert_eq!(texts.get(7).unwrap().as_str(), "a");
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_what_they_are() {
        let mut interner = Interner::new(Arc::default());
        let (a, b) = (
            interner.key_of(b"x\xff").unwrap(),
            interner.key_of(b"x\xfe").unwrap(),
        );
        assert_ne!(a, b);
        let text = interner.texts().get(a).unwrap();
        assert_eq!((text.as_str(), text.bytes()), ("x\u{fffd}", &b"x\xff"[..]));
    }
}
