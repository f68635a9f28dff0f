//! Every kind of field in every format, to the byte; and a native file of which any byte is wrong.

use millstream::sink::{
    Column, Digestible, FileFormat, FileSink, FileWriter, KeyTexts, Kind, Row, Sink, SinkError,
    read_native,
};
use std::path::Path;
use std::sync::Arc;

/// A field of each kind.
#[derive(Clone, Copy, Debug)]
struct All {
    key: u64,
    item: u64,
    count: u64,
    change: i64,
    weight: f32,
    at_ns: u64,
    next: (u64, [u64; 3]),
}

impl Digestible for All {
    fn digest(&self) -> u64 {
        self.key
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

impl Row for All {
    const COLUMNS: &'static [Column] = &[
        column("key", Kind::Key),
        column("item", Kind::Item),
        column("count", Kind::U64),
        column("change", Kind::I64),
        column("weight", Kind::F32),
        column("at_ns", Kind::TimeNs),
        column("next", Kind::Items(3)),
    ];

    fn words(&self, words: &mut [u64]) {
        let (change, weight) = (self.change as u64, u64::from(self.weight.to_bits()));
        let (count, [a, b, c]) = self.next;
        let all = [
            self.key, self.item, self.count, change, weight, self.at_ns, count, a, b, c,
        ];
        words.copy_from_slice(&all);
    }
}

/// Two texts, one of which is not UTF-8.
struct TwoTexts;

const TEXTS: [(u64, &[u8]); 2] = [(7, b"a \"b\", c"), (8, b"x\xff")];

impl KeyTexts for TwoTexts {
    fn append(&self, key: u64, into: &mut Vec<u8>) -> bool {
        let text = TEXTS.iter().find(|(known, _)| *known == key);
        into.extend(text.iter().flat_map(|(_, text)| *text));
        text.is_some()
    }

    fn each(&self, show: &mut dyn FnMut(u64, &[u8])) {
        TEXTS.iter().for_each(|(key, text)| show(*key, text));
    }
}

const ROWS: [All; 2] = [
    All {
        key: 7,
        item: 8,
        count: u64::MAX,
        change: i64::MIN,
        weight: 0.1,
        at_ns: 1,
        next: (2, [9, 7, 0]),
    },
    All {
        key: 4103, // The place of 7 in the writer's cache of texts.
        item: 0,
        count: 0,
        change: 0,
        weight: f32::NAN,
        at_ns: u64::MAX,
        next: (0, [0; 3]),
    },
];

/// Writes `ROWS` by hand, as a task would.
fn write(path: &Path, format: FileFormat) {
    let (writer, mut sinks) = FileWriter::create(path, format, 1, Arc::new(TwoTexts)).unwrap();
    let sink: &mut FileSink<All> = &mut sinks[0];
    ROWS.iter().for_each(|row| sink.take(row));
    sink.end();
    assert_eq!(Sink::digest(sink), Some(7 + 4103));
    assert_eq!(writer.finish().unwrap(), 2);
}

fn bytes(format: FileFormat) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results");
    write(&path, format);
    std::fs::read(path).unwrap()
}

#[test]
fn csv_to_the_byte() {
    let expected = b"key,item,count,change,weight,at_ns,next_1,next_2,next_3\n\
        \"a \"\"b\"\", c\",x\xff,18446744073709551615,-9223372036854775808,0.1,1,9,\"a \"\"b\"\", c\",\n\
        4103,0,0,0,NaN,18446744073709551615,,,\n";
    let found = bytes(FileFormat::Csv);
    assert_eq!(
        found.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn json_lines_to_the_byte() {
    let expected = concat!(
        r#"{"key":"a \"b\", c","item":"x�","count":18446744073709551615,"#,
        r#""change":-9223372036854775808,"weight":0.1,"at_ns":1,"next":[9,"a \"b\", c"]}"#,
        "\n",
        r#"{"key":4103,"item":0,"count":0,"change":0,"weight":null,"#,
        r#""at_ns":18446744073709551615,"next":[]}"#,
        "\n",
    );
    assert_eq!(
        String::from_utf8(bytes(FileFormat::Jsonl)).unwrap(),
        expected
    );
}

/// The drawing in `native.rs`, followed with nothing but offsets.
#[test]
fn native_to_the_byte() {
    let bytes = bytes(FileFormat::Native);
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let xxh3 = xxhash_rust::xxh3::xxh3_64;
    let (rows_at, texts_at) = (64 + 32 * 7, 64 + 32 * 7 + 2 * 80);
    let end = texts_at + (12 + 8) + (12 + 2) + 8;
    assert_eq!(&bytes[..8], b"MILLRES\0");
    assert_eq!([8, 12, 16, 20].map(u32_at), [1, 7, 80, 0]);
    assert_eq!(
        [24, 32, 40, 48].map(u64_at),
        [2, 2, texts_at as u64, end as u64]
    );
    assert_eq!(bytes.len(), end);
    let mut start = bytes[..rows_at].to_vec();
    start[56..64].fill(0);
    assert_eq!(u64_at(56), xxh3(&start));
    for (place, column) in All::COLUMNS.iter().enumerate() {
        let at = 64 + 32 * place;
        let mut name = column.name.as_bytes().to_vec();
        name.resize(24, 0);
        assert_eq!(&bytes[at..at + 24], name);
        let words = if place == 6 { 4 } else { 1 };
        assert_eq!(
            [u32_at(at + 24), u32_at(at + 28)],
            [place as u32 + 1, words]
        );
    }
    let first: Vec<u64> = (0..10).map(|word| u64_at(rows_at + 8 * word)).collect();
    let weight = u64::from(0.1f32.to_bits());
    assert_eq!(first, [7, 8, u64::MAX, 1 << 63, weight, 1, 2, 9, 7, 0]);
    let mut texts = Vec::new();
    for (key, text) in TEXTS {
        texts.extend(key.to_le_bytes());
        texts.extend((text.len() as u32).to_le_bytes());
        texts.extend(text);
    }
    assert_eq!(&bytes[texts_at..end - 8], texts);
    assert_eq!(u64_at(end - 8), xxh3(&bytes[rows_at..end - 8]));
}

#[test]
fn native_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results");
    write(&path, FileFormat::Native);
    let results = read_native(&path).unwrap();
    let columns: Vec<Column> = All::COLUMNS.to_vec();
    assert_eq!(results.columns.len(), columns.len());
    for ((name, kind), column) in results.columns.iter().zip(columns) {
        assert_eq!((name.as_str(), *kind), (column.name, column.kind));
    }
    for (found, row) in results.rows().zip(ROWS) {
        let mut words = [0; 10];
        row.words(&mut words);
        assert_eq!(found, words);
    }
    assert_eq!((results.rows().len(), results.texts.len()), (2, 2));
    assert_eq!(results.texts[&8], b"x\xff");
}

#[test]
fn any_wrong_byte_and_any_missing_end_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results");
    let whole = bytes(FileFormat::Native);
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        let damaged = read_native(&path);
        assert!(
            matches!(damaged, Err(SinkError::Damaged { .. })),
            "byte {place}"
        );
        std::fs::write(&path, &whole[..place]).unwrap();
        let cut = read_native(&path);
        assert!(
            matches!(cut, Err(SinkError::Damaged { .. })),
            "length {place}"
        );
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(read_native(&path).is_err());
}
