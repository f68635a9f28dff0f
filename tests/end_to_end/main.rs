//! The command as people run it, on the shipped sample and on small files: what goes in comes out, is counted,
//! and is the same whatever the format, the cores or the partitions. One file a claim.

mod bad_input;
mod bad_records;
mod bench;
mod bounded_checkpoints;
mod bounded_state;
mod checkpoint_words;
mod checkpoints;
mod ctl;
mod disorder;
mod failures;
mod first_run;
mod interrupt;
mod journal;
mod kill_points;
mod letters;
mod oracle;
mod pace;
mod reports;
mod same_digest;
mod scratch;
mod verify;
