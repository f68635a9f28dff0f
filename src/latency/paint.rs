//! ANSI colours: bold for what one came for, dim for headings, yellow for care.

/// ANSI colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    pub(crate) colour: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }
    /// ✓ or ✗.
    pub(super) fn mark(self, good: bool) -> String {
        if good {
            self.wrap("32", "✓")
        } else {
            self.wrap("31", "✗")
        }
    }
}
