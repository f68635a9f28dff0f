//! Which format a trace has: by its extension and by its first bytes, refused where both leave more than one reading.
use std::path::Path;

use super::compression::{Compression, Content};
use super::error::{ErrorKind, TraceError};
use super::fixed::looks_like_oracle_general;
use super::native;
use super::options::Format;

/// How many lines are looked at.
const LINES: usize = 50;

/// The format, if `auto` was asked for.
pub(super) fn format(path: &Path, content: &Content) -> Result<Format, TraceError> {
    let head = content.head.as_slice();
    if head.starts_with(&native::MAGIC) {
        return Ok(Format::Native);
    }
    let extensions = extensions(path);
    let last = extensions.last().map_or("", String::as_str);
    if extensions
        .iter()
        .any(|extension| extension == "oraclegeneral")
    {
        return Ok(Format::OracleGeneral);
    }
    match last {
        "csv" => return Ok(Format::Csv),
        "tsv" | "tab" => return Ok(Format::Tsv),
        "jsonl" | "ndjson" => return Ok(Format::JsonLines),
        "mill" => return Ok(Format::Native),
        "lis" => return Ok(Format::ArcLis),
        "u32le" => return Ok(Format::U32Le),
        "u32be" => return Ok(Format::U32Be),
        "u64le" => return Ok(Format::U64Le),
        "u64be" => return Ok(Format::U64Be),
        _ => {}
    }
    if is_text(head) {
        return text_format(path, head);
    }
    if looks_like_oracle_general(head) {
        return Ok(Format::OracleGeneral);
    }
    Err(
        unclear(path, "binary, and its records could be several things")
            .expected("a native trace, or a format that is declared")
            .remedy(
                "declare format = \"u32le\", \"u32be\", \"u64le\", \"u64be\" or \"oracle-general\"",
            ),
    )
}

fn text_format(path: &Path, head: &[u8]) -> Result<Format, TraceError> {
    let lines: Vec<&[u8]> = lines(head).collect();
    let first = lines.first().copied().unwrap_or_default();
    if first.starts_with(b"{") {
        return Ok(Format::JsonLines);
    }
    if first.starts_with(b"[") {
        return Err(unclear(path, "looks like one JSON array")
            .expected("JSON lines: one object a line")
            .remedy("convert it: jq -c '.[]'"));
    }
    match delimiter(head) {
        Some(b'\t') => return Ok(Format::Tsv),
        Some(_) => return Ok(Format::Csv),
        None => {}
    }
    if lines.iter().all(|line| !line.contains(&b' ')) {
        return Ok(Format::Lines);
    }
    Err(unclear(
        path,
        "text with blanks, which could be one key a line, ARC's four numbers, or columns",
    )
    .expected("a delimiter that is the same in all lines")
    .remedy("declare format = \"lines\" or \"lis\", or delimiter = \" \" with format = \"csv\""))
}

fn unclear(path: &Path, what: &str) -> TraceError {
    TraceError::new(
        ErrorKind::Format,
        path,
        format!("the format is not clear: {what}"),
    )
}

/// The delimiter that cuts most lines into the same number of fields.
pub(super) fn delimiter(head: &[u8]) -> Option<u8> {
    let lines: Vec<&[u8]> = lines(head).collect();
    // The tab first: it hardly ever stands within a field.
    let candidates = [b'\t', b',', b';', b'|'].map(|delimiter| {
        let mut counts: Vec<usize> = lines.iter().map(|line| count(line, delimiter)).collect();
        counts.sort_unstable();
        let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
        let agree = counts.iter().filter(|count| **count == median).count();
        // One line in five may be a bad record.
        if agree * 5 >= counts.len() * 4 {
            (median, delimiter)
        } else {
            (0, delimiter)
        }
    });
    if candidates[0].0 > 0 {
        return Some(b'\t');
    }
    candidates
        .iter()
        .max_by_key(|(count, _)| *count)
        .filter(|(count, _)| *count > 0)
        .map(|(_, delimiter)| *delimiter)
}

/// How often `delimiter` stands in `line` outside quotes.
fn count(line: &[u8], delimiter: u8) -> usize {
    let (mut count, mut quoted) = (0, false);
    for byte in line {
        quoted ^= *byte == b'"';
        count += usize::from(*byte == delimiter && !quoted);
    }
    count
}

/// The first lines that are not blank.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
        .take(LINES)
}

/// Text has no control characters but white space. Texts that are not UTF-8 are text still.
fn is_text(head: &[u8]) -> bool {
    let looked = &head[..head.len().min(64 << 10)];
    looked
        .iter()
        .all(|byte| *byte >= b' ' && *byte != 0x7f || byte.is_ascii_whitespace())
}

/// The extensions from left to right, in lower case, without that of the compression.
fn extensions(path: &Path) -> Vec<String> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let mut extensions: Vec<String> = name.split('.').skip(1).map(str::to_string).collect();
    if extensions
        .last()
        .is_some_and(|last| Compression::of_extension(last).is_some())
    {
        extensions.pop();
    }
    extensions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters() {
        assert_eq!(delimiter(b"a;b;c\n1;2;3\n"), Some(b';'));
        assert_eq!(delimiter(b"a\tb,c\n1\t2,3\n"), Some(b'\t'));
        assert_eq!(delimiter(b"t,v\n2014-04-01 00:00:00,20.0\n"), Some(b','));
        assert_eq!(delimiter(b"a,b\n\"x,y,z\",2\n"), Some(b','));
        assert_eq!(delimiter(b"a\nb\n"), None);
    }

    #[test]
    fn formats_of_text() {
        let of = |text: &str| text_format(Path::new("t"), text.as_bytes());
        assert_eq!(of("{\"a\":1}\n").unwrap(), Format::JsonLines);
        assert_eq!(of("12\n13\n").unwrap(), Format::Lines);
        assert_eq!(of("a\tb\n1\t2\n").unwrap(), Format::Tsv);
        let error = of("1 1 0 0\n2 1 0 0\n").unwrap_err();
        assert!(
            error.is_usage() && error.advice().contains("\"lis\""),
            "{error}"
        );
        assert!(of("[{}]").unwrap_err().advice().contains("jq"));
    }

    #[test]
    fn extensions_without_compression() {
        assert_eq!(
            extensions(Path::new("x/a.oracleGeneral.bin.zst")),
            ["oraclegeneral", "bin"]
        );
        assert_eq!(extensions(Path::new("x.d/plain")), [""; 0]);
    }
}
