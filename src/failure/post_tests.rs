//! Letters on their way to a file: all of them arrive, and what hinders them is told.

use super::*;
use crate::failure::{Mail, Site, read_letters};

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
        let mark = thread.secure();
        while !thread.is_secure(mark) {
            std::thread::yield_now();
        }
        assert_eq!((mark, thread.finish().expect("written")), (1_000, 1_000));
        if run == 0 {
            let mut torn = OpenOptions::new()
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
