//! `rekindle size`: how large the sections of programs and libraries are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::archive::ArchiveFile;
use object::{FileKind, Object, ObjectKind, ObjectSection, SectionFlags};
use rekindle_fingerprint::files::PathId;
use rekindle_scheduler::graph::{Target, TargetKind};
use serde_json::json;

use crate::app::{App, Ended};
use crate::args::Format;
use crate::failure::Failure;
use crate::session::Session;

/// What can be asked for.
const HINT: &str = "name programs, shared or static libraries, or libraries of objects";

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

impl std::ops::AddAssign for Sizes {
    fn add_assign(&mut self, other: Self) {
        self.text += other.text;
        self.data += other.data;
        self.bss += other.bss;
    }
}

/// Builds the targets and tells their sizes.
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
    let mut text = format!("{:>10} {:>10} {:>10} {:>10}  target\n", "text", "data", "bss", "total");
    for target in &chosen {
        let Some(path) = target.outputs.first() else {
            let what = format!("`{}` has no file whose size could be told", target.name);
            return Err(Failure::input(what).hint(HINT));
        };
        let (mut sizes, is_object) = measured(&session.files.abs(*path))?;
        // An object library is all of its objects.
        for other in target.outputs.iter().skip(1).filter(|_| is_object) {
            if let (more, true) = measured(&session.files.abs(*other))? {
                sizes += more;
            }
        }
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

/// The sizes of a file, and whether it is an object that is still to be linked.
fn measured(path: &Path) -> Result<(Sizes, bool), Failure> {
    let bytes = read(path)?;
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::input(format!("cannot tell the size of `{}`: {why}", path.display())).hint(HINT)
    };
    if matches!(FileKind::parse(bytes.as_slice()), Ok(FileKind::Archive)) {
        return Ok((of_archive(path, &bytes, &wrong)?, false));
    }
    sizes(&bytes).map_err(|_| wrong(&"it is no ELF file"))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::io("read", format_args!("`{}`", path.display()), &error))
}

/// The sum over the members of an archive. Those of a thin one are files beside it.
fn of_archive(
    path: &Path,
    bytes: &[u8],
    wrong: &dyn Fn(&dyn std::fmt::Display) -> Failure,
) -> Result<Sizes, Failure> {
    let archive = ArchiveFile::parse(bytes).map_err(|error| wrong(&error))?;
    let mut sum = Sizes::default();
    for member in archive.members() {
        let member = member.map_err(|error| wrong(&error))?;
        let name = OsStr::from_bytes(member.name());
        let found = if member.is_thin() {
            sizes(&read(&path.parent().unwrap_or(Path::new("")).join(name))?)
        } else {
            member.data(bytes).and_then(sizes)
        };
        let (one, _) = found
            .map_err(|_| wrong(&format!("its member `{}` is no ELF file", Path::new(name).display())))?;
        sum += one;
    }
    Ok(sum)
}

fn sizes(bytes: &[u8]) -> Result<(Sizes, bool), object::Error> {
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
    Ok((sizes, file.kind() == ObjectKind::Relocatable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_counted_as_gnu_size_counts_them() {
        let own = std::env::current_exe().unwrap();
        let (ours, _) = sizes(&std::fs::read(&own).unwrap()).unwrap();
        if !rekindle_testkit::require("size") {
            return;
        }
        assert_eq!(ours, told_by_size(&[own.as_os_str()]));
    }

    /// What GNU size says on its last line.
    fn told_by_size(words: &[&OsStr]) -> Sizes {
        let said = run("size", words, Path::new("/"));
        let numbers: Vec<u64> = said
            .lines()
            .last()
            .unwrap()
            .split_whitespace()
            .take(3)
            .map(|word| word.parse().unwrap())
            .collect();
        Sizes { text: numbers[0], data: numbers[1], bss: numbers[2] }
    }

    fn run(program: &str, words: &[&OsStr], directory: &Path) -> String {
        let path = std::ffi::OsString::from("/usr/local/bin:/usr/bin:/bin");
        let found = rekindle_exec::which(OsStr::new(program), &path, directory).unwrap();
        let mut command = rekindle_exec::Command::new(found, directory).args(words);
        command.env = vec![("PATH".into(), path)];
        let said = rekindle_exec::run(&command, &rekindle_exec::Live::new().unwrap()).unwrap();
        String::from_utf8(said.output).unwrap()
    }

    #[test]
    fn an_archive_is_the_sum_of_its_members() {
        if !rekindle_testkit::require("size") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a.c", "int a[9]; int f(void) { return 1; }"), ("b.c", "int b = 2;")] {
            crate::writers::atomic::write(&dir.path().join(name), text.as_bytes()).unwrap();
        }
        let words = |text: &'static str| text.split(' ').map(OsStr::new).collect::<Vec<_>>();
        run("gcc", &words("-c a.c b.c"), dir.path());
        run("ar", &words("rcs full.a a.o b.o"), dir.path());
        run("ar", &words("rcsT thin.a a.o b.o"), dir.path());
        for name in ["full.a", "thin.a"] {
            let archive = dir.path().join(name);
            let expected = told_by_size(&[OsStr::new("-t"), archive.as_os_str()]);
            assert_eq!(measured(&archive).unwrap(), (expected, false), "{name}");
            assert!(expected.text > 0 && expected.data > 0 && expected.bss > 0);
        }
        assert!(measured(&dir.path().join("a.o")).unwrap().1);
        run("ar", &words("rcs text.a a.c"), dir.path());
        let shown = |name: &str| {
            let failure = measured(&dir.path().join(name)).unwrap_err();
            failure.text().replace(&format!("{}/", dir.path().display()), "")
        };
        insta::assert_snapshot!(shown("text.a") + &shown("a.c"), @"
        rekindle: cannot tell the size of `text.a`: its member `a.c` is no ELF file
          hint: name programs, shared or static libraries, or libraries of objects
        rekindle: cannot tell the size of `a.c`: it is no ELF file
          hint: name programs, shared or static libraries, or libraries of objects
        ");
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
