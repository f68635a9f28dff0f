//! Live input: a pipe, a terminal or a device, whose bytes come when they come.
//!
//! ```text
//!   file ─► buffer ── one line, or what there is, a read ──► parser
//!             └── how many records can be had without waiting? ──► Trace: else it hands on those it has
//! ```
//!
//! A parser is given one line at a time, so that between two records it holds nothing back and what it has made
//! can be handed on while the next line is waited for. A quoted field that spans lines is waited for to its end.
//!
//! Owned by the thread that reads the trace: the parser has one handle, the trace the other.
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::compression::HEAD_BYTES;

/// Bytes asked for at a time: what a pipe holds.
const READ_BYTES: usize = 64 << 10;
/// Longest that a line is waited for to end before the parser is shown what there is of it.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Once there is enough to look at, what follows without such a pause is looked at too …
const PAUSE: Duration = Duration::from_millis(20);
/// … for so long at the most.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of content that is not text, which are enough to look at: two records of the longest format.
const BINARY_BYTES: usize = 64;

/// A handle of live input.
#[derive(Clone)]
pub(super) struct Live(Arc<Mutex<Input>>);

struct Input {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were handed out.
    start: usize,
    ended: bool,
    /// Bytes of a record, where all have as many; else records are lines.
    record_bytes: Option<usize>,
    read_bytes: Arc<AtomicU64>,
}

impl Live {
    pub(super) fn new(file: File, read_bytes: Arc<AtomicU64>) -> Self {
        Live(Arc::new(Mutex::new(Input {
            file,
            buffer: Vec::new(),
            start: 0,
            ended: false,
            record_bytes: None,
            read_bytes,
        })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Input) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the content can be told; gives a copy of what has come, and whether that is all.
    pub(super) fn head(&self) -> io::Result<(Vec<u8>, bool)> {
        self.with(|input| {
            while !input.ended && !input.can_be_told() {
                input.read_more()?;
            }
            let looked = Instant::now();
            while !input.ended
                && input.buffer.len() < HEAD_BYTES
                && looked.elapsed() < LOOK
                && input.has_more(PAUSE)?
            {
                input.read_more()?;
            }
            Ok((input.buffer.clone(), input.ended))
        })
    }

    /// Records are of so many bytes each.
    pub(super) fn set_record_bytes(&self, bytes: usize) {
        self.with(|input| input.record_bytes = Some(bytes));
    }

    /// Records that can be read without waiting, at least; the end counts as one.
    pub(super) fn ready(&self) -> io::Result<usize> {
        self.with(|input| {
            loop {
                let ready = input.ready();
                if ready > 0 || !input.has_more(Duration::ZERO)? {
                    return Ok(ready);
                }
                input.read_more()?;
            }
        })
    }
}

impl Input {
    fn left(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Two lines that are not blank, a header and a record; or bytes that no text has; or as much as is looked at.
    fn can_be_told(&self) -> bool {
        let bytes = self.left();
        let is_text = |byte: &u8| *byte >= b' ' && *byte != 0x7f || byte.is_ascii_whitespace();
        let whole = bytes.split_inclusive(|byte| *byte == b'\n');
        let lines = whole.filter(|line| line.ends_with(b"\n") && !line.trim_ascii().is_empty());
        bytes.len() >= HEAD_BYTES
            || bytes.len() >= BINARY_BYTES && !bytes.iter().all(is_text)
            || lines.take(2).count() == 2
    }

    fn ready(&self) -> usize {
        if self.ended {
            return 1;
        }
        if let Some(bytes) = self.record_bytes {
            return self.left().len() / bytes;
        }
        let mut blank = true;
        let end = self.left().iter().position(|byte| {
            blank &= byte.is_ascii_whitespace();
            *byte == b'\n' && !blank
        });
        usize::from(end.is_some() || self.left().len() >= LINE_BYTES_MAX)
    }

    /// Whether a read would not wait, or no longer after `patience`.
    fn has_more(&self, patience: Duration) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let patience = Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let mut asked = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut asked, Some(&patience)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads once, waiting if it must.
    fn read_more(&mut self) -> io::Result<()> {
        self.buffer.drain(..std::mem::take(&mut self.start));
        let len = self.buffer.len();
        self.buffer.resize(len + READ_BYTES, 0);
        let read = loop {
            match self.file.read(&mut self.buffer[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer
            .truncate(len + read.as_ref().map_or(0, |read| *read));
        let read = read?;
        self.ended |= read == 0;
        // Relaxed: a progress bar may be behind, and nothing else hangs on it.
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Bytes that the next read hands out, if it need not wait: up to the end of a line.
    fn next_bytes(&self) -> Option<usize> {
        let left = self.left();
        if self.record_bytes.is_some() {
            return (self.ended || !left.is_empty()).then_some(left.len());
        }
        let line = left.iter().position(|byte| *byte == b'\n');
        let rest = (self.ended || left.len() >= LINE_BYTES_MAX).then_some(left.len());
        line.map(|end| end + 1).or(rest)
    }
}

impl Read for Live {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.with(|input| {
            let next = loop {
                match input.next_bytes() {
                    Some(next) => break next.min(bytes.len()),
                    None => input.read_more()?,
                }
            };
            bytes[..next].copy_from_slice(&input.left()[..next]);
            input.start += next;
            Ok(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Record, TraceOptions, open};
    use std::io::Write;
    use std::sync::mpsc;

    /// Gives each piece to a pipe once the records of the one before have come out; what came each time.
    fn keys_of(pieces: &'static [(&'static str, usize)]) -> Vec<u64> {
        let (reading, mut writing) = std::io::pipe().expect("a pipe");
        let path = format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&reading)
        );
        let (told, came) = mpsc::channel();
        let feeder = std::thread::spawn(move || {
            for (piece, records) in pieces {
                writing.write_all(piece.as_bytes()).expect("written");
                for _ in 0..*records {
                    came.recv().expect("the records come before more is given");
                }
            }
        });
        let mut trace = open(path, &TraceOptions::default()).expect("a trace");
        let (mut block, mut keys) = (Vec::<Record>::new(), Vec::new());
        while trace.next_block(&mut block).expect("read") {
            for record in &block {
                keys.push(record.key);
                // After the last piece nobody waits.
                let _ = told.send(());
            }
        }
        feeder.join().expect("fed");
        keys
    }

    #[test]
    fn records_come_out_before_the_next_are_given() {
        let csv = [
            ("user,item,ts\n1,10,1700000000\n", 1),
            ("2,10,1700000001\n3,", 1),
            ("10,1700000002\n\n", 1),
        ];
        assert_eq!(keys_of(Vec::leak(csv.to_vec())), [1, 2, 3]);
        let lines = [("7\n8\n", 2), ("9\n", 1), ("10", 0)];
        assert_eq!(keys_of(Vec::leak(lines.to_vec())), [7, 8, 9, 10]);
        let json = [
            ("{\"user\":1,\"item\":2}\n{\"user\":3,\"item\":2}\n", 2),
            ("{\"user\":4,\"item\":2}\n", 1),
        ];
        assert_eq!(keys_of(Vec::leak(json.to_vec())), [1, 3, 4]);
    }
}
