//! `rekindle man`: the manual pages, made of the same table as the help texts.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::Failure;
use crate::writers::atomic;

/// Writes `rekindle.1` and a page for each verb into `directory`.
pub(super) fn man(directory: &Path) -> Result<(), Failure> {
    let trouble = |error| Failure::io("create", format_args!("`{}`", directory.display()), &error);
    std::fs::create_dir_all(directory).map_err(trouble)?;
    for (name, page) in pages() {
        atomic::write(&directory.join(format!("{name}.1")), &page)?;
    }
    Ok(())
}

/// Every page with its name.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, "rekindle".to_string(), &mut pages);
    pages
}

fn collect(command: &Command, name: String, pages: &mut Vec<(String, Vec<u8>)>) {
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _written = Man::new(command.clone()).title(&name).render(&mut page);
    for inner in command.get_subcommands() {
        collect(inner, format!("{name}-{}", inner.get_name()), pages);
    }
    pages.push((name, page));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page() {
        let mut names: Vec<String> = pages().into_iter().map(|(name, _)| name).collect();
        names.sort();
        insta::assert_snapshot!(names.join(" "), @"rekindle rekindle-build rekindle-cache rekindle-cache-export rekindle-cache-import rekindle-cache-path rekindle-cache-stats rekindle-cache-trim rekindle-cache-verify rekindle-clean rekindle-compdb rekindle-completions rekindle-explain rekindle-graph rekindle-help rekindle-init rekindle-install rekindle-man rekindle-run rekindle-size rekindle-test rekindle-toolchain rekindle-toolchain-list rekindle-toolchain-show");
    }
}
