//! The rules of the source tree, held by reading it: who may import whom, where `unsafe` may stand, how
//! long a file may grow, and what has no business in a repository.
//!
//! ```text
//!   8  main  lib                               the roots
//!   7  cli                                     speaks to people
//!   6  app  prelude  laboratory                ready-made flows; what flows of one's own need; caches compared
//!   5  flow                                    graph → tasks and rings
//!   4  runtime  schedule                       cores; which task on which
//!   3  exchange  source  operator  sink        the kinds of task, and what joins them
//!   2  ring  state  cache  failure             how events cross cores, where state lives, what makes room; failed events
//!   1  checkpoint  journal  latency            what survives; the report
//!      partition  task                         who owns a key; what is stepped
//!   0  event  sys                              the event; the machine
//! ```
//!
//! A file imports from a lower layer or from its own module; two modules of one layer know nothing of each
//! other.

use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module and its layer.
const LAYERS: [(&str, u8); 24] = [
    ("event", 0),
    ("sys", 0),
    ("checkpoint", 1),
    ("journal", 1),
    ("latency", 1),
    ("partition", 1),
    ("task", 1),
    ("ring", 2),
    ("state", 2),
    ("cache", 2),
    ("failure", 2),
    ("exchange", 3),
    ("source", 3),
    ("operator", 3),
    ("sink", 3),
    ("runtime", 4),
    ("schedule", 4),
    ("flow", 5),
    ("app", 6),
    ("prelude", 6),
    ("laboratory", 6),
    ("cli", 7),
    ("main", 8),
    ("lib", 8),
];

/// Where `unsafe` may stand, and what for.
const UNSAFE: [(&str, &str); 11] = [
    ("src/checkpoint/port.rs", "sends entries with their padding"),
    (
        "src/checkpoint/region.rs",
        "memory shared with the process that writes checkpoints",
    ),
    (
        "src/ring/outlet.rs",
        "writes into slots that the ring has granted",
    ),
    (
        "src/state/hot/lanes.rs",
        "compares a set in one instruction",
    ),
    (
        "src/state/hot/table.rs",
        "lines and entries in reserved memory; prefetch",
    ),
    (
        "src/state/table/capture.rs",
        "tags and blocks of the slots in reserved memory",
    ),
    (
        "src/state/table/controls.rs",
        "bytes in reserved memory; compares sixteen in one instruction",
    ),
    (
        "src/state/table/mod.rs",
        "slots in reserved memory; prefetch",
    ),
    ("src/sys/clock.rs", "reads the time-stamp counter"),
    ("src/sys/mapping.rs", "maps files, to read or as words"),
    ("src/sys/memory.rs", "reserves addresses; prefetch"),
];

/// Lines of a file at the most.
const LINES_MAX: usize = 400;

/// Files that are longer, how long they may be, and why they are not two.
const LONGER: [(&str, usize, &str); 0] = [];

/// Beginnings of paths that only one machine has. Written in halves so that this file does not find itself.
const MACHINE_PATHS: [(&str, &str); 4] = [
    ("/ho", "me/"),
    ("/ro", "ot/"),
    ("/wo", "rk/"),
    ("/Us", "ers/"),
];

/// A file of the repository: its path from the root, its text, and its text with comments and the insides
/// of literals blanked out, line for line and byte for byte.
struct File {
    path: String,
    text: String,
    code: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        File {
            path: path.into(),
            code: code_of(text),
            text: text.into(),
        }
    }

    /// `src/ring/outlet.rs` → `ring`.
    fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let end = below.find(['/', '.']).unwrap_or(below.len());
        &below[..end]
    }

    /// Depth of its module below the crate: `src/task.rs` and `src/ring/mod.rs` 1, `src/ring/outlet.rs` 2.
    fn depth(&self) -> usize {
        // `hash_tests.rs` is the module `tests` of `hash.rs`.
        self.path.matches('/').count() + usize::from(self.path.ends_with("_tests.rs"))
            - usize::from(self.path.ends_with("/mod.rs"))
    }

    fn layer(&self) -> Option<u8> {
        layer_of(self.module())
    }
}

fn layer_of(module: &str) -> Option<u8> {
    let found = LAYERS.iter().find(|(name, _)| *name == module);
    found.map(|(_, layer)| *layer)
}

/// Blanks comments and the insides of string and character literals; newlines stay where they are.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at);
        if let Some(end) = end {
            for byte in &mut code[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end.unwrap_or(at + 1);
    }
    String::from_utf8(code).expect("only whole literals and comments were blanked")
}

/// Where the comment or literal that starts at `at` ends, if one does.
fn skip(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let find = |from: usize, what: &[u8]| {
        let found = bytes[from..]
            .windows(what.len())
            .position(|part| part == what);
        found.map_or(bytes.len(), |offset| from + offset + what.len())
    };
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(find(at, b"\n") - 1).map(|end| end.max(at + 2)),
        [b'/', b'*', ..] => {
            let (mut depth, mut next) = (1, at + 2);
            while depth > 0 && next < bytes.len() {
                (depth, next) = match &bytes[next..] {
                    [b'/', b'*', ..] => (depth + 1, next + 2),
                    [b'*', b'/', ..] => (depth - 1, next + 2),
                    _ => (depth, next + 1),
                };
            }
            Some(next)
        }
        [b'r', b'"' | b'#', ..] | [b'b', b'r', b'"' | b'#', ..] if !in_word || rest[0] == b'b' => {
            let hashes_from = at + rest.iter().position(|byte| *byte == b'r')? + 1;
            let hashes = bytes[hashes_from..]
                .iter()
                .take_while(|byte| **byte == b'#')
                .count();
            if bytes.get(hashes_from + hashes) != Some(&b'"') {
                return None; // a raw identifier
            }
            let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            Some(find(hashes_from + hashes + 1, &close))
        }
        [b'"', ..] => {
            let mut next = at + 1;
            while next < bytes.len() && bytes[next] != b'"' {
                next += if bytes[next] == b'\\' { 2 } else { 1 };
            }
            Some((next + 1).min(bytes.len()))
        }
        [b'\'', b'\\', ..] => Some(find(at + 3, b"'")),
        [b'\'', inside @ ..] => {
            // One character and a quote; anything else is a lifetime.
            let text = std::str::from_utf8(&inside[..inside.len().min(8)]);
            let width = match text {
                Ok(text) => text.chars().next()?.len_utf8(),
                Err(error) => std::str::from_utf8(&inside[..error.valid_up_to()])
                    .ok()?
                    .chars()
                    .next()?
                    .len_utf8(),
            };
            (inside.get(width) == Some(&b'\'')).then_some(at + width + 2)
        }
        _ => None,
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` whose name ends in one of `endings`, in order of path.
fn files_below(dir: &str, endings: &[&str]) -> Vec<File> {
    fn collect(dir: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, endings, found);
            } else if endings
                .iter()
                .any(|ending| path.to_string_lossy().ends_with(ending))
            {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    collect(&root().join(dir), endings, &mut paths);
    paths.sort();
    let file = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a source file is UTF-8");
        let path = path.strip_prefix(root()).expect("found below the root");
        File::new(&path.to_string_lossy(), &text)
    };
    paths.iter().map(file).collect()
}

fn sources() -> Vec<File> {
    let files = files_below("src", &[".rs"]);
    assert!(files.len() > 50, "src was not found: {} files", files.len());
    files
}

/// 1-based line of the byte at `at`.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Byte offsets at which `word` stands as a word of its own.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = at
                .checked_sub(1)
                .and_then(|before| code.as_bytes().get(before));
            !is_part(before) && !is_part(code.as_bytes().get(at + word.len()))
        })
}

/// The top-level modules named behind a `crate::` or `millstream::` that ends at `at`: one, or those of a group.
fn imported(code: &str, at: usize) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = code[at..].trim_start().strip_prefix('{') else {
        return vec![name(&code[at..])];
    };
    let (mut depth, mut from, mut names) = (0, 0, Vec::new());
    for (offset, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b',' | b'}' if depth == 0 => {
                names.push(name(&group[from..offset]));
                from = offset + 1;
                if byte == b'}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What in `file` breaks the rule of layers, one line of text each.
fn broken_layers(file: &File) -> Vec<String> {
    let Some(layer) = file.layer() else {
        return vec![format!(
            "{}: module `{}` has no layer; give it one in LAYERS (tests/layers.rs) and in ARCHITECTURE.md",
            file.path,
            file.module()
        )];
    };
    let mut broken = Vec::new();
    for root in ["crate", "millstream"] {
        for at in words(&file.code, root) {
            let behind = at + root.len();
            if !file.code[behind..].starts_with("::") {
                continue;
            }
            for module in imported(&file.code, behind + 2) {
                let allowed = match layer_of(&module) {
                    Some(other) => other < layer || module == file.module(),
                    // A macro or constant of the root itself.
                    None => layer == 8,
                };
                if !allowed {
                    broken.push(format!(
                        "{}:{}: `{root}::{module}` from layer {layer} (`{}`): only lower layers and its own \
                         module may be imported. Move what is needed down to where both may see it, or hand \
                         it in from above",
                        file.path,
                        line_of(&file.code, at),
                        file.module()
                    ));
                }
            }
        }
    }
    broken.extend(roundabout(file));
    broken
}

/// Chains of `super::` that leave the file's own module by way of the root.
fn roundabout(file: &File) -> Vec<String> {
    let lines = file.code.lines().enumerate();
    let broken = lines.filter_map(|(index, line)| {
        let chain = "super::";
        let at = line.find(chain)?;
        let ups = line[at..].match_indices(chain).take_while({
            let mut next = 0;
            move |(offset, _)| std::mem::replace(&mut next, offset + chain.len()) == *offset
        });
        // Within an inline module, which is indented, the first step only leaves that.
        let inline = usize::from(line.starts_with(' '));
        (ups.count() >= file.depth() + inline && file.module() != "lib").then(|| {
            format!(
                "{}:{}: `super` up to the root: write `crate::`",
                file.path,
                index + 1
            )
        })
    });
    broken.collect()
}

/// What in `file` breaks the rules of `unsafe`.
fn broken_unsafe(file: &File) -> Vec<String> {
    let listed = UNSAFE.iter().any(|(path, _)| *path == file.path);
    let lines: Vec<&str> = file.text.lines().collect();
    let found: Vec<usize> = words(&file.code, "unsafe")
        .map(|at| line_of(&file.code, at))
        .collect();
    if !listed {
        let broken = found.iter().map(|line| {
            format!(
                "{}:{line}: `unsafe` outside the files listed in UNSAFE (tests/layers.rs): use one of the safe \
                 wrappers in src/sys, src/ring, src/state",
                file.path
            )
        });
        return broken.collect();
    }
    if found.is_empty() {
        return vec![format!(
            "{}: no `unsafe` left: take it off UNSAFE (tests/layers.rs)",
            file.path
        )];
    }
    let explained = |line: usize| {
        let above = lines[..line - 1].iter().rev().map(|line| line.trim_start());
        let mut comment = above.take_while(|line| line.starts_with("//") || line.starts_with("#["));
        comment.any(|line| line.starts_with("// SAFETY:"))
    };
    let bare = found.iter().filter(|line| !explained(**line));
    bare.map(|line| {
        format!(
            "{}:{line}: put `// SAFETY:` and the invariant of the module header that makes it sound right above",
            file.path
        )
    })
    .collect()
}

/// What in `file` breaks the rules of length and header.
fn broken_shape(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let longer = LONGER.iter().find(|(path, ..)| *path == file.path);
    let most = longer.map_or(LINES_MAX, |(_, most, _)| *most);
    let mut broken = Vec::new();
    if lines > most {
        broken.push(format!(
            "{}: {lines} lines, {most} at the most: one noun a file, give the second one its own",
            file.path
        ));
    }
    if longer.is_some() && lines <= LINES_MAX {
        broken.push(format!(
            "{}: {lines} lines: take it off LONGER (tests/layers.rs)",
            file.path
        ));
    }
    if !file.text.starts_with("//!") {
        broken.push(format!(
            "{}:1: begin with `//!`: what it is, who owns its data, its invariant",
            file.path
        ));
    }
    broken
}

/// Paths in `file` that only one machine has.
fn machine_paths(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let broken = lines.filter_map(|(index, line)| {
        let found = MACHINE_PATHS.iter().find(|(a, b)| line.contains(&[*a, *b].concat()))?;
        Some(format!(
            "{}:{}: `{}{}` is a path of one machine: make it relative, or take it from the environment",
            file.path,
            index + 1,
            found.0,
            found.1
        ))
    });
    broken.collect()
}

fn hold(files: &[File], rule: fn(&File) -> Vec<String>) {
    let broken: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn imports_point_down() {
    hold(&sources(), broken_layers);
}

#[test]
fn unsafe_stands_in_few_files_and_says_why() {
    hold(&sources(), broken_unsafe);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    hold(&sources(), broken_shape);
}

#[test]
fn nothing_names_a_path_of_one_machine() {
    let endings = [".rs", ".md", ".toml", ".sh", ".csv", ".json"];
    let mut files = Vec::new();
    for dir in ["src", "tests", "examples", "benches", "tools", "docs"] {
        files.extend(files_below(dir, &endings));
    }
    for name in ["README.md", "ARCHITECTURE.md", "Cargo.toml", ".ci/run"] {
        let text = fs::read_to_string(root().join(name));
        files.extend(text.map(|text| File::new(name, &text)));
    }
    hold(&files, machine_paths);
}

#[test]
fn every_layer_names_a_module_and_every_exception_a_file() {
    let modules: Vec<String> = sources()
        .iter()
        .map(|file| file.module().to_owned())
        .collect();
    for (name, _) in LAYERS {
        assert!(
            modules.iter().any(|module| module == name),
            "no module `{name}`"
        );
    }
    for path in UNSAFE
        .iter()
        .map(|(path, _)| path)
        .chain(LONGER.iter().map(|(path, ..)| path))
    {
        assert!(root().join(path).is_file(), "no file {path}");
    }
}

/// The rules themselves, on sources that break them.
mod rules {
    use super::*;

    #[test]
    fn an_import_from_above_or_beside_is_found() {
        let broken = |path, text| broken_layers(&File::new(path, text)).len();
        assert_eq!(
            broken(
                "src/ring/inlet.rs",
                "use crate::event::Event;\nuse crate::ring::Outlet;"
            ),
            0
        );
        assert_eq!(
            broken(
                "src/ring/inlet.rs",
                "use crate::task::Task;\nuse crate::flow::Flow;"
            ),
            1
        );
        assert_eq!(
            broken(
                "src/ring/inlet.rs",
                "use crate::{event::{A, B}, state::Table, sink::End};"
            ),
            2
        );
        assert_eq!(
            broken(
                "src/runtime/run.rs",
                "fn f() { crate::schedule::allocate(&[], 1); }"
            ),
            1
        );
        assert_eq!(broken("src/task.rs", "use super::event::Event;"), 1);
        assert_eq!(
            broken(
                "src/ring/inlet.rs",
                "mod tests {\n    use super::super::ring;\n}"
            ),
            0
        );
        assert_eq!(
            broken("src/ring/inlet.rs", "use super::super::flow::Flow;"),
            1
        );
        assert_eq!(broken("src/mystery/mod.rs", ""), 1);
        assert_eq!(
            broken(
                "src/event.rs",
                "//! Not crate::flow::Flow.\nconst A: &str = \"crate::flow\";"
            ),
            0
        );
    }

    #[test]
    fn unsafe_without_a_reason_or_a_place_is_found() {
        let broken = |path, text| broken_unsafe(&File::new(path, text)).len();
        let said = "// SAFETY: it is.\n#[inline]\nunsafe impl Send for A {}";
        assert_eq!(broken("src/sys/clock.rs", said), 0);
        assert_eq!(broken("src/sys/rate.rs", said), 1);
        assert_eq!(
            broken(
                "src/sys/clock.rs",
                "// SAFETY: no.\n\nlet a = unsafe { b() };"
            ),
            1
        );
        assert_eq!(broken("src/sys/clock.rs", "//! no more"), 1);
        assert_eq!(
            broken(
                "src/sys/rate.rs",
                "// unsafe\nlet a = \"unsafe\"; let unsafe_code = 1;"
            ),
            0
        );
    }

    #[test]
    fn length_header_and_machine_paths_are_found() {
        let long = "//! Long.\n".repeat(LINES_MAX + 1);
        assert_eq!(broken_shape(&File::new("src/a.rs", &long)).len(), 1);
        assert_eq!(
            broken_shape(&File::new("src/a.rs", "use std::fmt;")).len(),
            1
        );
        let [(a, b), ..] = MACHINE_PATHS;
        assert_eq!(
            machine_paths(&File::new("docs/a.md", &format!("see {a}{b}me"))).len(),
            1
        );
    }

    #[test]
    fn only_code_is_left_of_a_source() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* /* */ b */ c", "a               c"),
            (r#"f("a\"b", 'x', '\'')"#, r#"f(      ,    ,     )"#),
            ("r#\"a\"b\"# c", "         c"),
            ("fn f<'a>(x: &'a u8)", "fn f<'a>(x: &'a u8)"),
            ("r#type + br\"x\"", "r#type +      "),
            ("'é' 'b", "     'b"),
        ];
        for (text, code) in cases {
            assert_eq!(code_of(text), code, "of {text}");
        }
    }
}
