//! Events at which the process died: counted from start to start, set aside after three deaths.
//!
//! ```text
//!   DIR/killer-page    what each task is at (page.rs); held by one process at a time
//!   DIR/killers.json   deaths by event: stage, key, fingerprint
//!
//!   death 1   the page knows the key           ─► from now on events of that key are told apart
//!   death 2   the page knows the event as well
//!   death 3   the same event again             ─► from now on it becomes a dead letter, unprocessed
//! ```
//!
//! Where the process is killed from outside, each death is likely at another event; only the same one
//! three times counts.

use super::letter::Site;
use super::page::{At, Found, Page, stage_hash};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// So many deaths at one event, and it is set aside.
pub const DEATHS_MAX: u32 = 3;
/// Suspects remembered; of more, the oldest are forgotten.
const SUSPECTS_MAX: usize = 256;

/// An event, or a key, at which the process has died before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// Hash of the stage's name.
    pub stage: u64,
    /// The key.
    pub key: u64,
    /// Which event of that key, once that is known.
    pub fingerprint: Option<u64>,
    /// How often.
    pub deaths: u32,
}

/// The deaths of the runs in one directory.
#[derive(Debug)]
pub struct Killers {
    list: PathBuf,
    suspects: Vec<Suspect>,
    page: Page,
    /// Holds the directory.
    _file: File,
}

impl Killers {
    /// Takes the page in `dir`, which is made if it is not there, and counts the deaths it tells of.
    ///
    /// # Errors
    /// The files cannot be read or written; another process holds them.
    pub fn open(dir: &Path) -> io::Result<Killers> {
        std::fs::create_dir_all(dir)?;
        let page = dir.join("killer-page");
        let mut open = OpenOptions::new();
        let file = open
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&page)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other(format!(
                "{} is held by another run: give each its own directory",
                page.display()
            )),
            TryLockError::Error(error) => error,
        })?;
        let list = dir.join("killers.json");
        let mut suspects = read(&list)?;
        let (page, found) = Page::open(&file)?;
        for found in &found {
            count(&mut suspects, found);
        }
        let too_many = suspects.len().saturating_sub(SUSPECTS_MAX);
        suspects.drain(..too_many);
        let killers = Killers {
            list,
            suspects,
            page,
            _file: file,
        };
        if !found.is_empty() {
            killers.write()?;
        }
        Ok(killers)
    }

    /// A line on the page for the task of `site`, and the suspects of its stage.
    pub fn task(&mut self, site: &Site) -> (Option<At>, Vec<Suspect>) {
        let stage = stage_hash(&site.stage);
        let of_stage = self
            .suspects
            .iter()
            .filter(|suspect| suspect.stage == stage);
        (self.page.at(site), of_stage.copied().collect())
    }

    /// The stream came to its end: those that did not kill often enough are cleared.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn acquit(&mut self) -> io::Result<()> {
        let before = self.suspects.len();
        self.suspects.retain(|suspect| suspect.deaths >= DEATHS_MAX);
        if self.suspects.len() < before {
            self.write()?;
        }
        Ok(())
    }

    /// Whole or not at all.
    fn write(&self) -> io::Result<()> {
        let dir = self.list.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer_pretty(&mut file, &self.suspects)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.list)?;
        Ok(())
    }
}

impl Drop for Killers {
    fn drop(&mut self) {
        self.page.wipe();
    }
}

fn read(list: &Path) -> io::Result<Vec<Suspect>> {
    match std::fs::read(list) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            io::Error::other(format!(
                "{} is not a list of deaths ({error}): remove it to forget them",
                list.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn count(suspects: &mut Vec<Suspect>, found: &Found) {
    let Found {
        stage,
        key,
        fingerprint,
    } = *found;
    let same = suspects.iter_mut().find(|suspect| {
        let known = suspect.fingerprint.is_none() || suspect.fingerprint == fingerprint;
        suspect.stage == stage && suspect.key == key && known
    });
    match same {
        Some(suspect) => {
            suspect.fingerprint = suspect.fingerprint.or(fingerprint);
            suspect.deaths += 1;
        }
        None => suspects.push(Suspect {
            stage,
            key,
            fingerprint,
            deaths: 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a process would that dies: the page is not wiped.
    fn die(killers: Killers) {
        let page = std::fs::read(killers.list.with_file_name("killer-page")).expect("the page");
        let path = killers.list.with_file_name("killer-page");
        drop(killers);
        std::fs::write(path, page).expect("written");
    }

    fn site() -> Site {
        Site {
            stage: "s".into(),
            stage_index: 1,
            partition: 0,
        }
    }

    #[test]
    fn the_same_event_is_known_after_three_deaths_and_another_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        for death in 1..=3u32 {
            let mut killers = Killers::open(dir.path()).expect("the directory");
            let (at, suspects) = killers.task(&site());
            let at = at.expect("room");
            assert_eq!(
                suspects.first().map_or(0, |suspect| suspect.deaths),
                death - 1
            );
            if suspects.is_empty() {
                at.key(5);
            } else {
                at.event(5, 55);
            }
            die(killers);
        }
        let mut killers = Killers::open(dir.path()).expect("the directory");
        let (at, suspects) = killers.task(&site());
        let known = Suspect {
            stage: stage_hash("s"),
            key: 5,
            fingerprint: Some(55),
            deaths: 3,
        };
        assert_eq!(suspects, [known]);
        // Another event of the key, and one of another key: each begins anew.
        at.expect("room").event(5, 56);
        die(killers);
        let mut killers = Killers::open(dir.path()).expect("the directory");
        assert_eq!(killers.task(&site()).1.len(), 2);
        killers.acquit().expect("written");
        assert_eq!(killers.task(&site()).1, [known]);
        let taken = Killers::open(dir.path()).expect_err("it is held");
        assert!(taken.to_string().contains("another run"), "{taken}");
    }

    #[test]
    fn an_end_in_order_is_no_death() {
        let dir = tempfile::tempdir().expect("a directory");
        for _ in 0..2 {
            let mut killers = Killers::open(dir.path()).expect("the directory");
            let (at, suspects) = killers.task(&site());
            assert_eq!(suspects, []);
            at.expect("room").key(5);
        }
        std::fs::write(dir.path().join("killers.json"), "no list").expect("written");
        let error = Killers::open(dir.path()).expect_err("no list");
        assert!(error.to_string().contains("killers.json"), "{error}");
    }
}
