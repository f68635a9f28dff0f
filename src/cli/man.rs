//! `man`: the manual pages, made from the same definitions as the help.

use super::args::{Cli, ManArgs};
use super::error::{CliError, Exit, print};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

pub(super) fn man(args: &ManArgs) -> Result<Exit, CliError> {
    let mut root = Cli::command();
    let Some(dir) = &args.dir else {
        // Once built, subcommands know the global options and their full names.
        root.build();
        let mut pages = Vec::new();
        append_pages(&root, &mut pages);
        print(&String::from_utf8_lossy(&pages))?;
        return Ok(Exit::Ok);
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(root, dir))
        .map_err(|error| {
            CliError::failed(format!("the manual pages cannot be written: {error}"))
                .at(dir.display().to_string())
                .help("give a directory that can be written to with --dir")
        })?;
    Ok(Exit::Ok)
}

/// One page after the other, the parents first.
fn append_pages(command: &Command, pages: &mut Vec<u8>) {
    let man = Man::new(command.clone());
    man.render(pages)
        .expect("a vector takes whatever is written to it");
    command
        .get_subcommands()
        .for_each(|sub| append_pages(sub, pages));
}
