//! Where a source stands, as the bytes that a checkpoint keeps of it.
//!
//! ```text
//!   position of a source  =  version (1 byte) │ what it is a position in │ how far
//!                                               names and values           a struct of the source's own
//! ```
//!
//! What it is a position in is everything that decides which events come, in words: a position is refused
//! by a source that would offer others, and the refusal names the first thing that differs. Encoded with
//! `postcard` (its wire format is fixed since version 1.0). Owned by nobody; pure.

use crate::task::TaskError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Of the encoding.
const VERSION: u8 = 1;

/// What a position is a position in: names and values, the kind of source first.
pub(super) type Identity = Vec<(String, String)>;

/// The identity of a source of `kind` with these properties.
pub(super) fn identity<const N: usize>(kind: &str, of: [(&str, String); N]) -> Identity {
    let properties = of.map(|(name, value)| (name.to_owned(), value));
    std::iter::once(("source".to_owned(), kind.to_owned()))
        .chain(properties)
        .collect()
}

/// The position `at` in what `of` says.
pub(super) fn encode<P: Serialize>(of: &[(String, String)], at: &P) -> Option<Vec<u8>> {
    postcard::to_stdvec(&(VERSION, of, at)).ok()
}

/// The position that `bytes` hold, if it is one in what `of` says.
///
/// # Errors
/// Bytes that are no position, or one in something else.
pub(super) fn decode<P: DeserializeOwned>(
    of: &[(String, String)],
    bytes: &[u8],
) -> Result<P, TaskError> {
    let damaged =
        || refusal("the position in the checkpoint cannot be read: restore another epoch");
    let (&version, _) = bytes.split_first().ok_or_else(damaged)?;
    if version != VERSION {
        return Err(refusal(&format!(
            "the position in the checkpoint has version {version}, this program reads {VERSION}: \
             restore with the program that wrote it"
        )));
    }
    // In two steps: what differs decides how far the rest can be read.
    let ((_, was), rest): ((u8, Identity), &[u8]) =
        postcard::take_from_bytes(bytes).map_err(|_| damaged())?;
    let differs = |index: usize| was.get(index) != of.get(index);
    if let Some(index) = (0..was.len().max(of.len())).find(|&index| differs(index)) {
        return Err(mismatch(was.get(index), of.get(index)));
    }
    match postcard::take_from_bytes(rest) {
        Ok((at, [])) => Ok(at),
        _ => Err(damaged()),
    }
}

#[cold]
fn mismatch(was: Option<&(String, String)>, is: Option<&(String, String)>) -> TaskError {
    let words = |property: Option<&(String, String)>| {
        property.map_or_else(
            || "nothing of the kind".to_owned(),
            |(name, value)| format!("{name} = {value}"),
        )
    };
    refusal(&format!(
        "the checkpoint was taken of another source: there {}, here {}; restore with the configuration \
         and the trace of that run, or start afresh without --restore",
        words(was),
        words(is),
    ))
}

/// That a source does not have what lies behind `at`, which is `has` long.
#[cold]
pub(super) fn beyond(at: u64, has: u64) -> TaskError {
    refusal(&format!(
        "the checkpoint stands behind event {at}, and the source ends after {has}; restore with the \
         source of that run, or start afresh without --restore"
    ))
}

/// That the source called `name` cannot go back.
#[cold]
pub(super) fn cannot_rewind(name: &str) -> TaskError {
    refusal(&format!(
        "{name} cannot rewind to where the checkpoint was taken; use a journal (journal.dir), which keeps \
         what was read since, or start afresh without --restore"
    ))
}

pub(super) fn refusal(message: &str) -> TaskError {
    TaskError {
        message: message.to_owned(),
        cause: None,
    }
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
