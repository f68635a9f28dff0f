//! Letters on their way to a file: all of them arrive, and what hinders them is told.

use super::*;
use crate::event::Due;
use crate::failure::{Mail, Site, read_letters};
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};

fn form(partition: usize) -> Form<u64> {
    Form {
        site: Site {
            stage: "s".into(),
            stage_index: 1,
            partition,
        },
        event_time_ns: None,
        raw: None,
    }
}

#[test]
fn every_letter_arrives_also_behind_a_line_that_was_cut_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("not/there/letters.jsonl");
    for run in 0..2u64 {
        let mut post = Post::to_file(&path);
        let mut desks = [post.desk(form(0)), post.desk(form(1))];
        let thread = post.start().expect("a thread");
        for event in 0..1_000u64 {
            let desk = &mut desks[(event % 2) as usize];
            desk.send(Due::new(9), event, run * 1_000 + event, 1, "why".into());
            while !desk.flush() {
                std::thread::yield_now();
            }
        }
        assert_eq!(thread.finish().expect("written"), 1_000);
        if run == 0 {
            let mut torn = std::fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .expect("it is there");
            torn.write_all(b"{\"run_ms\":1,\"sta").expect("written");
        }
    }
    let bag = read_letters(&path).expect("letters");
    assert_eq!(bag.torn_lines, [1_001]);
    let events = bag.letters.iter().map(|mail| match mail {
        Mail::Event(letter) => letter.event.parse::<u64>().expect("a number"),
        Mail::BadRecord(_) => panic!("none was sent"),
    });
    let mut events: Vec<u64> = events.collect();
    events.sort_unstable();
    assert_eq!(events, (0..2_000).collect::<Vec<_>>());
}

#[test]
fn no_letter_no_file_and_no_directory_no_letters() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("letters.jsonl");
    let thread = Post::to_file(&path).start().expect("a thread");
    assert_eq!(thread.finish().expect("nothing to do"), 0);
    assert!(!path.exists());

    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "").expect("written");
    let mut post = Post::to_file(&blocked.join("letters.jsonl"));
    let mut desk = post.desk(form(0));
    desk.send(Due::new(9), 1, 1, 1, "why".into());
    let error = post
        .start()
        .expect("a thread")
        .finish()
        .expect_err("no directory");
    assert!(error.to_string().contains("failure.dead_letter"), "{error}");
    assert!(desk.has_failed());
}

/// Tells what the post says to its part.
struct Told(Sender<(u64, Option<u64>)>);

impl LettersPart for Told {
    fn ready(&mut self, epoch: u64, letters: u64) {
        self.0.send((epoch, Some(letters))).expect("heard");
    }

    fn give_up(&mut self, epoch: u64) {
        self.0.send((epoch, None)).expect("heard");
    }
}

fn told() -> (Box<Told>, Receiver<(u64, Option<u64>)>) {
    let (said, heard) = channel();
    (Box::new(Told(said)), heard)
}

/// Each with the epoch it follows.
fn events(path: &Path) -> Vec<(String, Option<u64>)> {
    let bag = read_letters(path).expect("letters");
    let events = bag.letters.into_iter().map(|mail| match mail {
        Mail::Event(letter) => (letter.event, letter.epoch),
        Mail::BadRecord(_) => panic!("none was sent"),
    });
    let mut events: Vec<_> = events.collect();
    events.sort();
    events
}

#[test]
fn an_epoch_is_ready_once_the_letters_of_all_partitions_are_safe_and_those_behind_it_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("letters.jsonl");
    let history = |epoch| History { id: 7, epoch };
    let send = |desk: &mut Desk<u64>, event| desk.send(Due::new(9), 1, event, 1, "why".into());

    let mut post = Post::to_file(&path);
    let mut desks = [post.desk(form(0)), post.desk(form(1))];
    let (part, heard) = told();
    assert_eq!(
        post.go_on(history(0), part).expect("no file"),
        Withdrawn::default()
    );
    let thread = post.start().expect("a thread");
    send(&mut desks[0], 10);
    desks[0].barrier(4);
    send(&mut desks[0], 20);
    send(&mut desks[1], 11);
    assert!(
        heard.recv_timeout(Duration::from_millis(20)).is_err(),
        "partition 1 is before it"
    );
    send(&mut desks[1], 12);
    desks[1].barrier(4);
    assert_eq!(heard.recv().expect("it is said"), (4, Some(3)));
    desks.iter_mut().for_each(|desk| desk.barrier(5));
    assert_eq!(heard.recv().expect("it is said"), (5, Some(4)));
    send(&mut desks[1], 30);
    drop(desks);
    assert_eq!(thread.finish().expect("written"), 5);

    // Letters of another history stay whatever their epoch is.
    let mut post = Post::to_file(&path);
    let mut desk = post.desk(form(0));
    post.go_on(History { id: 8, epoch: 0 }, told().0)
        .expect("readable");
    send(&mut desk, 99);
    drop(desk);
    post.start().expect("a thread").finish().expect("written");
    let all = [
        ("10", 0),
        ("11", 0),
        ("12", 0),
        ("20", 4),
        ("30", 5),
        ("99", 0),
    ];
    let tagged = |of: &[(&str, u64)]| {
        let tag = |(event, epoch): &(&str, u64)| ((*event).to_owned(), Some(*epoch));
        of.iter().map(tag).collect::<Vec<_>>()
    };
    assert_eq!(events(&path), tagged(&all));

    let mut post = Post::to_file(&path);
    let mut desk = post.desk(form(0));
    let (part, heard) = told();
    let found = post.go_on(history(4), part).expect("readable");
    assert_eq!(found, Withdrawn { kept: 3, moved: 2 });
    send(&mut desk, 20);
    desk.barrier(6);
    let thread = post.start().expect("a thread");
    assert_eq!(
        heard.recv().expect("it is said"),
        (6, Some(4)),
        "those before count"
    );
    drop(desk);
    thread.finish().expect("written");
    assert_eq!(events(&path), tagged(&[&all[..4], &all[5..]].concat()));
    let gone = crate::failure::withdrawn_path(&path);
    assert_eq!(events(&gone), tagged(&all[3..5]));
}

#[test]
fn letters_that_cannot_be_written_make_no_epoch() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut post = Post::to_file(&dir.path().join("not-yet/letters.jsonl"));
    let mut desk = post.desk(form(0));
    let (part, heard) = told();
    post.go_on(History::default(), part).expect("no file");
    std::fs::write(dir.path().join("not-yet"), "").expect("written");
    desk.send(Due::new(9), 1, 1, 1, "why".into());
    desk.barrier(1);
    let thread = post.start().expect("a thread");
    assert_eq!(heard.recv().expect("it is said"), (1, None));
    assert!(desk.has_failed());
    drop(desk);
    thread.finish().expect_err("no directory");
}
