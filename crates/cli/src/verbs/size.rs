//! `rekindle size`: how large the sections of programs are.

use std::path::Path;

use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::{Object, ObjectSection, SectionFlags};
use rekindle_fingerprint::files::PathId;
use rekindle_scheduler::graph::{Target, TargetKind};
use serde_json::json;

use crate::app::{App, Ended};
use crate::args::Format;
use crate::failure::Failure;
use crate::session::Session;

/// What a program takes, in bytes, counted as `size` of the GNU binutils does in its Berkeley form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sizes {
    /// Code and constants.
    text: u64,
    /// Variables with a first value.
    data: u64,
    /// Variables that begin as zero; they take no room in the file.
    bss: u64,
}

/// Builds the programs (and shared libraries) and tells their sizes.
pub(super) fn size(app: &mut App, targets: &[String]) -> Result<Ended, Failure> {
    let mut session = Session::open(app, super::build::wanted(targets))?;
    let named = |target: &&&Target| matches!(target.kind, TargetKind::Program | TargetKind::Test);
    let chosen: Vec<Target> = match targets {
        [] => session.wanted().iter().filter(named).map(|target| (*target).clone()).collect(),
        _ => session.wanted().into_iter().cloned().collect(),
    };
    let outputs: Vec<PathId> = chosen.iter().flat_map(|target| target.outputs.clone()).collect();
    let ended = Ended::built(session.build_outputs(app, outputs)?);
    if !ended.is_ok() || app.settings.dry_run {
        return Ok(ended);
    }
    let mut text = format!("{:>10} {:>10} {:>10} {:>10}  program\n", "text", "data", "bss", "total");
    for target in &chosen {
        let Some(path) = target.outputs.first() else { continue };
        let sizes = measured(&session.files.abs(*path))?;
        if app.format == Format::Json {
            let shown = session.files.show(*path);
            let Sizes { text, data, bss } = sizes;
            let event = "size";
            let line = json!({ "event": event, "target": target.name, "file": shown, "text": text, "data": data, "bss": bss });
            app.answer(format!("{line}\n"))?;
        } else {
            text.push_str(&row(&target.name, sizes));
        }
    }
    if app.format != Format::Json {
        app.answer(text)?;
    }
    let quiet = ended.summary.actions.ran + ended.summary.actions.restored == 0;
    Ok(Ended { quiet, ..ended })
}

fn row(name: &str, Sizes { text, data, bss }: Sizes) -> String {
    format!("{text:>10} {data:>10} {bss:>10} {:>10}  {name}\n", text + data + bss)
}

fn measured(path: &Path) -> Result<Sizes, Failure> {
    let shown = path.display();
    let bytes =
        std::fs::read(path).map_err(|error| Failure::io("read", format_args!("`{shown}`"), &error))?;
    sizes(&bytes).map_err(|error| {
        Failure::input(format!("`{shown}` has no sections: {error}"))
            .hint("name programs or shared libraries")
    })
}

fn sizes(bytes: &[u8]) -> Result<Sizes, object::Error> {
    let file = object::File::parse(bytes)?;
    let mut sizes = Sizes::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else { continue };
        if !sh_flags.contains(SHF_ALLOC) {
            continue;
        }
        let sum = match (sh_type == SHT_NOBITS, sh_flags.contains(SHF_WRITE)) {
            (true, _) => &mut sizes.bss,
            (false, true) => &mut sizes.data,
            (false, false) => &mut sizes.text,
        };
        *sum += section.size();
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_counted_as_gnu_size_counts_them() {
        let own = std::env::current_exe().unwrap();
        let ours = sizes(&std::fs::read(&own).unwrap()).unwrap();
        if !rekindle_testkit::require("size") {
            return;
        }
        let command = rekindle_exec::Command::new("/usr/bin/size", "/").args([&own]);
        let said = rekindle_exec::run(&command, &rekindle_exec::Live::new().unwrap()).unwrap();
        let said = String::from_utf8(said.output).unwrap();
        let line: Vec<u64> = said
            .lines()
            .nth(1)
            .unwrap()
            .split_whitespace()
            .take(3)
            .map(|word| word.parse().unwrap())
            .collect();
        assert_eq!([ours.text, ours.data, ours.bss].as_slice(), line);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(sizes(b"#!/bin/sh\n").is_err());
        assert!(sizes(b"").is_err());
    }

    #[test]
    fn a_row_is_aligned_and_has_a_total() {
        insta::assert_snapshot!(row("app", Sizes { text: 12_345, data: 600, bss: 8 }), @"     12345        600          8      12953  app");
    }
}
