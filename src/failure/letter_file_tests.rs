//! Letters taken from a file that others use as well.

use super::*;

fn letter(history: &str, epoch: u64, event: u64) -> String {
    format!("{{\"history\":\"{history}\",\"epoch\":{epoch},\"event\":\"{event}\"}}\n")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn what_is_no_letter_of_the_history_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("letters.jsonl");
    let others = [
        "edited by hand\n",
        "{\"event\":\"old\"}\n",
        "\n",
        &letter("b", 9, 1),
    ]
    .concat();
    let mine = [letter("a", 1, 1), letter("a", 2, 2), letter("a", 3, 3)];
    std::fs::write(
        &path,
        [&mine[0], &others, &mine[1], &mine[2].trim_end().to_owned()]
            .map(String::as_str)
            .concat(),
    )
    .expect("written");
    assert_eq!(
        withdraw(&path, "a", 4).expect("readable"),
        Withdrawn { kept: 3, moved: 0 }
    );
    assert!(!withdrawn_path(&path).exists());
    assert_eq!(
        withdraw(&path, "a", 2).expect("readable"),
        Withdrawn { kept: 1, moved: 2 }
    );
    assert_eq!(
        read(&path),
        [&mine[0], &others].map(String::as_str).concat()
    );
    assert_eq!(read(&withdrawn_path(&path)), mine[1..].concat());
    // Again, as after a crash.
    assert_eq!(
        withdraw(&path, "a", 2).expect("readable"),
        Withdrawn { kept: 1, moved: 0 }
    );
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(withdraw(&path, "a", 0).expect("gone"), Withdrawn::default());
}

#[test]
fn a_run_that_appends_follows_a_file_that_was_replaced_or_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("letters.jsonl");
    let mut other = LetterFile::new(&path);
    other.append(letter("b", 0, 1).as_bytes()).expect("written");
    std::fs::write(&path, read(&path) + &letter("a", 5, 2)).expect("written");
    withdraw(&path, "a", 0).expect("readable");
    other.append(letter("b", 0, 3).as_bytes()).expect("written");
    other.sync().expect("synced");
    assert_eq!(read(&path), letter("b", 0, 1) + &letter("b", 0, 3));
    std::fs::remove_file(&path).expect("removed");
    other.append(letter("b", 0, 4).as_bytes()).expect("written");
    assert_eq!(read(&path), letter("b", 0, 4));
}

#[test]
fn nothing_is_taken_from_what_is_no_file() {
    let mut file = LetterFile::new(Path::new("/dev/null"));
    file.append(b"{}\n").expect("written");
    file.sync().expect("there is nothing to sync");
    let found = withdraw(Path::new("/dev/null"), "a", 0).expect("let alone");
    assert_eq!(found, Withdrawn::default());
}
