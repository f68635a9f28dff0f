//! What can go wrong while a profile is made, and what to do about it.

use std::path::PathBuf;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A program that this one calls is not there.
    #[error(
        "`{program}` is not installed; it comes with the package {package} (Debian, Ubuntu: apt-get install {package})"
    )]
    Missing {
        /// Its name.
        program: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// Figures of this build would say nothing.
    #[error("{0}")]
    Build(String),
    /// A program failed.
    #[error("`{program}` failed: {problem}")]
    Failed {
        /// Its name.
        program: String,
        /// What it said.
        problem: String,
    },
    /// What a program wrote is not what it is known to write.
    #[error("{from}, line {line}: `{text}`; expected {expected}")]
    Format {
        /// Which program's.
        from: &'static str,
        /// 1-based; 0: the whole.
        line: usize,
        /// What was there.
        text: String,
        /// What should have been.
        expected: &'static str,
    },
    /// The flow answered wrongly.
    #[error("W1 answered wrongly: {0}; no figure of this run counts")]
    Wrong(String),
    /// A file could not be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl ProfileError {
    /// Exit code of the command: 2 where nothing could be measured here, 1 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            ProfileError::Missing { .. } | ProfileError::Build(_) => 2,
            _ => 1,
        }
    }
}
