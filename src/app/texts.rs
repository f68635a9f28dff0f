//! The texts of a trace, as a file of results asks for them. Here because sources and sinks know nothing of
//! each other.

use crate::sink::KeyTexts;
use crate::source::trace::Texts;

impl KeyTexts for Texts {
    fn append(&self, key: u64, into: &mut Vec<u8>) -> bool {
        let text = self.get(key);
        if let Some(text) = &text {
            into.extend_from_slice(text.bytes());
        }
        text.is_some()
    }

    fn each(&self, show: &mut dyn FnMut(u64, &[u8])) {
        for (key, text) in self.sorted() {
            show(key, text.bytes());
        }
    }
}
