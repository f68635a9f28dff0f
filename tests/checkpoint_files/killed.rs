//! A writer killed at every named point, at several visits: what is found is always a whole epoch.

use crate::faults::Faulty;
use crate::support::{Model, assert_holds, latest, shape};
use millstream::checkpoint::{Settled, Writer, next_run};
use millstream::sys::kill_point::{NAMES, VARIABLE};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the child writes.
const DIR: &str = "MILLSTREAM_TEST_DIR";
/// SIGKILL.
const KILLED: i32 = 9;

/// A run of its own in `dir`, with five epochs, the third of which fails; returns what each durable one holds.
fn write_run(dir: &Path) -> BTreeMap<u64, Model> {
    let disk = Faulty::default();
    let next = next_run(&disk, dir).expect("a directory");
    let run_dir = dir.join(format!("run-{:06}", next.run));
    let mut writer = Writer::new(disk.clone(), run_dir, shape(), next.first_epoch).expect("made");
    let mut model = Model::new(shape(), next.first_epoch);
    let mut states = BTreeMap::new();
    for fill in 1..=6 {
        model.change(1, usize::from(fill), fill);
        model.change(2, 3, fill);
        model.set_extras(1, 100 * usize::from(fill), fill);
        if fill == 3 {
            disk.fail("sync", "aggregate-0.2", 0);
        }
        let state = model.clone();
        if let Settled::Durable { epoch, .. } = model.capture(&mut writer, None) {
            states.insert(epoch, state);
        }
    }
    states
}

#[test]
#[ignore = "run by the test below, in a process that is to die"]
fn a_run_is_written() {
    if let Some(dir) = std::env::var_os(DIR) {
        write_run(Path::new(&dir));
    }
}

#[test]
fn a_writer_killed_at_any_point_leaves_a_whole_epoch() {
    let whole = tempfile::tempdir().expect("a directory");
    let mut states = write_run(whole.path());
    states.append(&mut write_run(whole.path()));
    let mut killed = 0;
    for name in NAMES {
        for visit in [1, 2, 3, 5] {
            let dir = tempfile::tempdir().expect("a directory");
            write_run(dir.path());
            let status = Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", "killed::a_run_is_written", "--ignored"])
                .env(DIR, dir.path())
                .env(VARIABLE, format!("{name}:{visit}"))
                .stdout(Stdio::null())
                .status()
                .expect("it ran");
            let died = status.signal() == Some(KILLED);
            assert!(died || status.success(), "{name}:{visit}: {status}");
            assert!(died || visit > 1, "{name} is never reached");
            killed += u32::from(died);
            let (snapshot, _) = latest(dir.path());
            let state = states.get(&snapshot.epoch).expect("a durable epoch");
            assert_holds(&snapshot, state);
            // A run that follows finds its way as well, and clears up.
            write_run(dir.path());
            assert_eq!(
                std::fs::read_dir(dir.path()).expect("there").count(),
                1,
                "{name}:{visit}"
            );
        }
    }
    assert!(
        killed >= NAMES.len() as u32 * 2,
        "{killed} processes were killed"
    );
}
