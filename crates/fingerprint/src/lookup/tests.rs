//! Searches for headers, tried with gcc and against a pure model.
#![expect(clippy::disallowed_methods, reason = "tests make their own files and run a real compiler")]

mod known;

use super::*;
use crate::consult::{self, Question};
use crate::depfile;
use crate::roots::Roots;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A graph that produces nothing.
struct Nothing;

impl World for Nothing {
    fn outputs_in(&self, _: PathId) -> &[Box<[u8]>] {
        &[]
    }

    fn writes(&self, _: PathId, _: &[u8]) -> bool {
        false
    }
}

struct Space {
    dir: tempfile::TempDir,
    files: Files,
}

impl Space {
    fn new(tree: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let space = Self { files: Files::new(Roots::new(&base, base.join("out"))), dir };
        for file in tree {
            space.write(file, "");
        }
        space
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn id(&mut self, name: &str) -> PathId {
        let base = self.dir.path().canonicalize().unwrap();
        self.files.path_from(&base, Path::new(name))
    }

    fn ids(&mut self, names: &[&str]) -> Vec<PathId> {
        names.iter().map(|name| self.id(name)).collect()
    }

    fn search(&mut self, dirs: &[&str]) -> Search {
        Search { dirs: self.ids(dirs), near: true }
    }

    /// What a unit in `src` that read `read` recorded, with fresh listings.
    fn record(&mut self, dirs: &[&str], read: &[&str], probes: &[Probe]) -> Lookups {
        let search = self.search(dirs);
        let (from, read) = (self.ids(&["src"]), self.ids(read));
        record(
            &mut self.files,
            &Nothing,
            Asked { search: &search, from: &from, read: &read, probes },
            &mut Listings::default(),
        )
    }

    fn check_in(&mut self, world: &dyn World, lookups: &Lookups) -> Vec<String> {
        let changes = check(&mut self.files, world, lookups, &mut Listings::default());
        changes.iter().map(|change| self.show(change)).collect()
    }

    fn check(&mut self, lookups: &Lookups) -> Vec<String> {
        self.check_in(&Nothing, lookups)
    }

    fn show(&self, change: &LookupChange) -> String {
        let name = String::from_utf8_lossy(&change.name);
        let dir = self.files.rel(change.dir).display();
        format!("{}{dir}: {name}", if change.appeared { '+' } else { '-' })
    }

    fn is_outdated(&mut self, lookups: &Lookups) -> bool {
        is_outdated(&mut self.files, &Nothing, lookups, &mut Listings::default())
    }

    /// Compiles `src/a.c` with gcc; what its depfile names below the space, sources left out.
    fn gcc(&self, dirs: &[&str]) -> Vec<String> {
        let mut run = Command::new("gcc");
        run.args(["-M", "src/a.c"]).args(dirs.iter().map(|dir| format!("-I{dir}")));
        let done = run.current_dir(self.dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let names = depfile::parse(&done.stdout).unwrap();
        let names = names.prerequisites().into_iter().map(|n| String::from_utf8(n.to_vec()).unwrap());
        names.filter(|name| name != "src/a.c" && !name.starts_with('/')).collect()
    }

    /// Compiles, records, changes something, and shows both what gcc reads then and what the check says.
    fn scenario(
        &mut self,
        dirs: &[&str],
        probes: &[Probe],
        change: impl FnOnce(&Self),
    ) -> (Vec<String>, Vec<String>) {
        let read = self.gcc(dirs);
        let read: Vec<&str> = read.iter().map(String::as_str).collect();
        let lookups = self.record(dirs, &read, probes);
        assert_eq!(self.check(&lookups), [""; 0], "before the change");
        change(self);
        (self.gcc(dirs), self.check(&lookups))
    }
}

fn probe(name: &str, angled: bool) -> Probe {
    Probe { name: name.as_bytes().into(), angled, next: false }
}

#[test]
fn a_header_that_appears_earlier_on_the_search_path_is_noticed() {
    let mut space = Space::new(&["i1/other.h", "i2/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i1/x.h", ""));
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);
}

#[test]
fn a_header_that_appears_later_on_the_search_path_is_not() {
    let mut space = Space::new(&["i1/x.h", "i2/other.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i2/x.h", ""));
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, [""; 0]);
}

#[test]
fn a_header_that_appears_beside_the_source_is_noticed() {
    let mut space = Space::new(&["i1/x.h"]);
    space.write("src/a.c", "#include \"x.h\"\n");
    let (read, changes) = space.scenario(&["i1"], &[], |space| space.write("src/x.h", ""));
    assert_eq!(read, ["src/x.h"]);
    assert_eq!(changes, ["+src: x.h"]);
}

#[test]
fn a_header_that_appears_beside_another_header_is_noticed() {
    let mut space = Space::new(&["i2/x.h"]);
    space.write("src/a.c", "#include <lib/y.h>\n");
    space.write("i1/lib/y.h", "#include \"x.h\"\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i1/lib/x.h", ""));
    assert_eq!(read, ["i1/lib/y.h", "i1/lib/x.h"]);
    assert_eq!(changes, ["+i1/lib: x.h"]);
}

#[test]
fn a_header_that_appears_in_an_include_next_chain_is_noticed() {
    let mut space = Space::new(&["i2/other.h", "i3/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    space.write("i1/x.h", "#include_next <x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2", "i3"], &[], |space| space.write("i2/x.h", ""));
    assert_eq!(read, ["i1/x.h", "i2/x.h"]);
    assert_eq!(changes, ["+i2: x.h"]);
}

#[test]
fn a_directory_that_was_another_one_under_a_second_name_and_is_not_any_more_is_noticed() {
    let mut space = Space::new(&["i1/other.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    space.write("i1/x.h", "#if __has_include_next(<x.h>)\n#include_next <x.h>\n#endif\n");
    let link = space.dir.path().join("i2");
    std::os::unix::fs::symlink("i1", &link).unwrap();
    let (read, changes) = space.scenario(&["i1", "i2"], &[probe("x.h", true)], |space| {
        std::fs::remove_file(&link).unwrap();
        space.write("i2/x.h", "");
    });
    assert_eq!(read, ["i1/x.h", "i2/x.h"]);
    assert_eq!(changes, ["+i2: "]);
}

#[test]
fn a_header_that_appears_behind_a_probe_is_noticed_and_one_that_goes_too() {
    let mut space = Space::new(&["i1/other.h"]);
    space.write("src/a.c", "#if __has_include(<x.h>)\n#include <x.h>\n#endif\n");
    let probes = [probe("x.h", true)];
    let (read, changes) = space.scenario(&["i1"], &probes, |space| space.write("i1/x.h", ""));
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);

    space.write("src/a.c", "#if __has_include(<x.h>)\nint x;\n#endif\n");
    let gone = |space: &Space| fs::remove_file(space.at("i1/x.h")).unwrap();
    let (_, changes) = space.scenario(&["i1"], &probes, gone);
    assert_eq!(changes, ["-i1: x.h"]);
}

#[test]
fn a_quoted_probe_asks_beside_the_source_and_an_angled_one_does_not() {
    for (angled, expected) in [(false, vec!["+src: x.h"]), (true, vec![])] {
        let mut space = Space::new(&["src/a.c", "i1/y.h"]);
        let lookups = space.record(&["i1"], &["i1/y.h"], &[probe("x.h", angled)]);
        space.write("src/x.h", "");
        assert_eq!(space.check(&lookups), expected);
    }
}

#[test]
fn an_include_directory_that_was_missing_and_appears_is_noticed() {
    let mut space = Space::new(&["i2/sys/x.h"]);
    space.write("src/a.c", "#include <sys/x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i1/sys/x.h", ""));
    assert_eq!(read, ["i1/sys/x.h"]);
    assert_eq!(changes, ["+i1: sys/x.h"]);
}

#[test]
fn a_missing_directory_that_appears_empty_changes_nothing() {
    let mut space = Space::new(&["i2/x.h"]);
    let lookups = space.record(&["i1", "i2"], &["i2/x.h"], &[]);
    fs::create_dir(space.at("i1")).unwrap();
    assert!(!space.is_outdated(&lookups));
}

#[test]
fn a_nested_name_is_noticed_though_the_first_directory_is_as_it_was() {
    let mut space = Space::new(&["i1/sys/y.h", "i2/sys/x.h"]);
    space.write("src/a.c", "#include <sys/x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i1/sys/x.h", ""));
    assert_eq!(read, ["i1/sys/x.h"]);
    assert_eq!(changes, ["+i1: sys/x.h"]);
}

#[test]
fn a_directory_of_the_headers_name_provides_nothing_until_it_is_a_file() {
    let mut space = Space::new(&["i1/x.h/README", "i2/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| {
        fs::remove_dir_all(space.at("i1/x.h")).unwrap();
        space.write("i1/x.h", "");
    });
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);
}

#[test]
fn a_link_that_led_nowhere_is_noticed_when_it_leads_to_a_file() {
    let mut space = Space::new(&["i1/other.h", "i2/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    symlink("../elsewhere.h", space.at("i1/x.h")).unwrap();
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("elsewhere.h", ""));
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);
}

#[test]
fn an_include_directory_that_is_a_link_and_is_retargeted_is_noticed() {
    let mut space = Space::new(&["one/other.h", "two/x.h", "i2/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    symlink("one", space.at("i1")).unwrap();
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| {
        fs::remove_file(space.at("i1")).unwrap();
        symlink("two", space.at("i1")).unwrap();
    });
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);
}

#[test]
fn an_include_directory_that_is_swapped_by_a_rename_is_noticed() {
    let mut space = Space::new(&["i1/other.h", "new/x.h", "i2/x.h"]);
    space.write("src/a.c", "#include <x.h>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| {
        fs::rename(space.at("i1"), space.at("old")).unwrap();
        fs::rename(space.at("new"), space.at("i1")).unwrap();
    });
    assert_eq!(read, ["i1/x.h"]);
    assert_eq!(changes, ["+i1: x.h"]);
}

#[test]
fn a_name_with_a_parent_step_is_noticed_when_it_is_a_probe() {
    let mut space = Space::new(&["i1/sub/other.h", "src/deep/other.h"]);
    space.write("i1/x.h", "");
    space.write("src/a.c", "#include \"../x.h\"\n");
    let dirs = ["i1/sub"];
    let (read, changes) = space.scenario(&dirs, &[probe("../x.h", false)], |space| space.write("x.h", ""));
    assert_eq!(read, ["src/../x.h"]);
    assert_eq!(
        changes,
        ["+src: ../x.h", "+i1: ../x.h"],
        "i1 is the directory of a header, so it is asked too"
    );
}

#[test]
fn a_name_with_a_parent_step_that_lies_beside_its_includer_needs_no_probe() {
    let mut space = Space::new(&["src/deep/a.h", "src/x.h"]);
    let includer = space.id("src/deep/a.h");
    let mut beside =
        |probe: Probe| is_beside(&mut space.files, &Nothing, includer, &probe, &mut Listings::default());
    assert!(beside(probe("../x.h", false)));
    assert!(!beside(probe("../y.h", false)));
    assert!(!beside(probe("../x.h", true)));
}

#[test]
fn a_header_with_the_ending_of_a_source_is_noticed_though_listings_leave_it_out() {
    let mut space = Space::new(&["i1/other.h", "i2/x.c"]);
    space.write("src/a.c", "#include <x.c>\n");
    let (read, changes) = space.scenario(&["i1", "i2"], &[], |space| space.write("i1/x.c", ""));
    assert_eq!(read, ["i1/x.c"]);
    assert_eq!(changes, ["+i1: x.c"]);
}

#[test]
fn names_that_are_no_text_are_searched_too() {
    let mut space = Space::new(&["i1/other.h"]);
    let name = OsStr::from_bytes(b"\xff.h");
    fs::create_dir_all(space.at("i2")).unwrap();
    fs::write(space.at("i2").join(name), "").unwrap();
    let base = space.dir.path().canonicalize().unwrap();
    let read = space.files.path_abs(&base.join("i2").join(name));
    let search = space.search(&["i1", "i2"]);
    let lookups = record(
        &mut space.files,
        &Nothing,
        Asked { search: &search, from: &[], read: &[read], probes: &[] },
        &mut Listings::default(),
    );
    fs::write(space.at("i1").join(name), "").unwrap();
    assert_eq!(space.check(&lookups), ["+i1: \u{fffd}.h"]);
}

#[test]
fn a_new_source_an_object_or_an_editors_file_disturbs_no_listing() {
    let mut space = Space::new(&["src/a.c", "src/x.h"]);
    let lookups = space.record(&["src"], &["src/x.h"], &[]);
    for file in ["src/b.c", "src/b.cpp", "src/.x.h.swp", "src/x.h~", "src/b.o", "src/b.d"] {
        space.write(file, "");
    }
    assert!(!space.is_outdated(&lookups));
}

#[test]
fn an_unrelated_header_costs_one_evaluation_until_the_lookups_are_refreshed() {
    let mut space = Space::new(&["src/a.c", "src/x.h"]);
    let lookups = space.record(&["i1"], &["src/x.h"], &[]);
    space.write("src/y.h", "");
    assert!(space.is_outdated(&lookups));
    assert_eq!(space.check(&lookups), [""; 0]);
    let lookups = refresh(&mut space.files, &Nothing, &lookups, &mut Listings::default());
    assert!(!space.is_outdated(&lookups));
}

#[test]
fn each_directory_is_listed_once_however_many_units_search_it() {
    let mut space = Space::new(&["src/x.h", "i1/y.h"]);
    let (search, from) = (space.search(&["i1", "i2"]), space.ids(&["src"]));
    let read = space.ids(&["src/x.h", "i1/y.h"]);
    let mut listings = Listings::default();
    for _ in 0..10 {
        let lookups = record(
            &mut space.files,
            &Nothing,
            Asked { search: &search, from: &from, read: &read, probes: &[] },
            &mut listings,
        );
        assert_eq!(check(&mut space.files, &Nothing, &lookups, &mut listings), []);
    }
    assert_eq!(listings.len(), 2, "src and i1; nothing was read from i2 or behind it");
}

#[test]
fn what_an_action_writes_is_there_before_and_after_it_is_written() {
    let mut space = Space::new(&["i2/gen/x.h", "i1/other.h"]);
    let outputs = space.ids(&["i1/gen/x.h", "i1/gen/y.h"]);
    let world = Outputs::of(&mut space.files, outputs);
    let search = space.search(&["i1", "i2"]);
    let read = space.ids(&["i1/gen/x.h"]);
    let probes = [probe("gen/y.h", true)];
    let before = record(
        &mut space.files,
        &world,
        Asked { search: &search, from: &[], read: &read, probes: &probes },
        &mut Listings::default(),
    );
    assert!(before.hits.iter().any(|hit| &*hit.name == b"gen/y.h" && hit.file), "{:?}", before.hits);
    space.write("i1/gen/x.h", "");
    space.write("i1/gen/y.h", "");
    assert!(!is_outdated(&mut space.files, &world, &before, &mut Listings::default()));
    assert_eq!(space.check_in(&world, &before), [""; 0]);
    space.write("i1/more.h", "");
    assert_eq!(space.check_in(&world, &before), [""; 0], "a full evaluation agrees");
}

#[test]
fn an_action_that_comes_to_write_a_header_earlier_on_the_path_is_noticed() {
    let mut space = Space::new(&["i1/other.h", "i2/x.h"]);
    let lookups = space.record(&["i1", "i2"], &["i2/x.h"], &[]);
    let output = space.ids(&["i1/x.h"]);
    let world = Outputs::of(&mut space.files, output);
    assert_eq!(space.check_in(&world, &lookups), ["+i1: x.h"]);
}

#[test]
fn a_library_that_appears_earlier_is_noticed_by_its_name_and_by_one_that_was_tried() {
    let mut space = Space::new(&["l1/other.so", "l2/libx.a"]);
    let search = Search { near: false, ..space.search(&["l1", "l2"]) };
    let read = space.ids(&["l2/libx.a"]);
    let probes = [probe("libx.so", true)];
    let lookups = record(
        &mut space.files,
        &Nothing,
        Asked { search: &search, from: &[], read: &read, probes: &probes },
        &mut Listings::default(),
    );
    space.write("l1/libx.a", "");
    assert_eq!(space.check(&lookups), ["+l1: libx.a"]);
    space.write("l2/libx.so", "");
    assert_eq!(space.check(&lookups), ["+l1: libx.a", "+l2: libx.so"]);
}

#[test]
fn a_directory_that_cannot_be_listed_is_asked_name_by_name() {
    let mut space = Space::new(&["i1/other.h", "i2/x.h"]);
    let closed = space.at("i1");
    let mode =
        |bits| fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(bits)).unwrap();
    mode(0o311);
    let lookups = space.record(&["i1", "i2"], &["i2/x.h"], &[]);
    space.write("i1/x.h", "");
    let changes = space.check(&lookups);
    mode(0o755);
    assert_eq!(changes, ["+i1: x.h"]);
}

/// The time of a file that is touched now, after a pause that any file system's clock can see.
fn marker(space: &Space) -> FileTime {
    std::thread::sleep(std::time::Duration::from_millis(20));
    space.write("marker", "");
    let meta = fs::metadata(space.at("marker")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    FileTime(meta.mtime() * 1_000_000_000 + meta.mtime_nsec())
}

#[test]
fn answers_that_change_while_the_command_runs_are_unsettled() {
    let probes = [probe("p.h", true), probe("sys/p.h", true)];
    // What appears during the run; what is unsettled if the directories were listed before it, and if not.
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("", &[], &[]),
        ("i1/x.h", &["+i1: x.h"], &["+i1: x.h", "-i1: p.h", "-i1: sys/p.h"]),
        ("i1/unrelated.h", &[], &["-i1: p.h", "-i1: sys/p.h"]),
        ("i1/sys/z.h", &["+i1: sys/z.h"], &["+i1: sys/z.h", "-i1: sys/p.h"]),
        ("i2/p.h", &["+i2: p.h"], &["+i2: p.h", "-i2: sys/p.h"]),
        ("i3/x.h", &[], &[]),
    ];
    for (appears, listed_before, listed_after) in cases {
        for (before, expected) in [(true, listed_before), (false, listed_after)] {
            let mut space = Space::new(&["i1/sys/o.h", "i2/x.h", "i2/sys/z.h", "i3/y.h"]);
            let mut listings = Listings::default();
            let search = space.search(&["i1", "i2"]);
            if before {
                let dirs = space.ids(&["i1", "i2", "i1/sys", "i2/sys"]);
                listings.look(&space.files, &Nothing, &dirs);
            }
            let marker = marker(&space);
            if !appears.is_empty() {
                space.write(appears, "");
            }
            let read = space.ids(&["i2/x.h", "i2/sys/z.h"]);
            let lookups = record(
                &mut space.files,
                &Nothing,
                Asked { search: &search, from: &[], read: &read, probes: &probes },
                &mut listings,
            );
            let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
            let changes: Vec<String> = changes.iter().map(|change| space.show(change)).collect();
            assert_eq!(changes, expected, "{appears}, listed before: {before}");
        }
    }
}

#[test]
fn what_is_asked_first_is_written_down_and_what_is_asked_again_after_a_command_is_not() {
    let mut space = Space::new(&["i1/p.h", "i1/sys/o.h", "i2/x.h"]);
    let mut listings = Listings::default();
    let (search, read) = (space.search(&["i1", "i2"]), space.ids(&["i2/x.h"]));
    let probes = [probe("p.h", true), probe("sys/../p.h", true)];
    consult::begin();
    let lookups = record(
        &mut space.files,
        &Nothing,
        Asked { search: &search, from: &[], read: &read, probes: &probes },
        &mut listings,
    );
    let marker = marker(&space);
    fs::remove_file(space.at("i1/p.h")).unwrap();
    space.write("i1/sys/new.h", "");
    let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
    assert!(changes.len() >= 2, "{changes:?}");
    let record = consult::end().unwrap();
    assert!(!record.is_torn());
    let base = space.dir.path().canonicalize().unwrap();
    let shown = |path: &Path| path.strip_prefix(&base).ok().map(|path| path.display().to_string());
    let mut asked: Vec<(Question, String)> = Vec::new();
    let mut changed = Vec::new();
    for (path, question, answer) in record.iter().filter(|(_, question, _)| *question != Question::Target) {
        let Some(shown) = shown(path) else { continue };
        if !consult::ask(path, question).agrees(answer) {
            changed.push((question, shown.clone()));
        }
        asked.push((question, shown));
    }
    asked.sort();
    changed.sort();
    let expected = [
        (Question::What, "i1/p.h"),
        (Question::What, "i1/sys/../p.h"),
        (Question::What, "i2/sys/../p.h"),
        (Question::Names, "i1"),
        (Question::Names, "i2"),
        (Question::Identity, "i1"),
        (Question::Identity, "i2"),
    ];
    assert_eq!(asked, expected.map(|(question, path)| (question, path.to_string())));
    let gone = [(Question::What, "i1/p.h"), (Question::What, "i1/sys/../p.h"), (Question::Names, "i1")];
    assert_eq!(changed, gone.map(|(question, path)| (question, path.to_string())));
}

#[test]
fn an_answer_that_goes_away_while_the_command_runs_is_unsettled() {
    let mut space = Space::new(&["i1/p.h", "i2/x.h"]);
    let mut listings = Listings::default();
    let (search, read) = (space.search(&["i1", "i2"]), space.ids(&["i2/x.h"]));
    let probes = [probe("p.h", true)];
    let before = record(
        &mut space.files,
        &Nothing,
        Asked { search: &search, from: &[], read: &read, probes: &probes },
        &mut listings,
    );
    let marker = marker(&space);
    fs::remove_file(space.at("i1/p.h")).unwrap();
    let changes = unsettled(&mut space.files, &Nothing, &before, &mut listings, marker);
    assert_eq!(changes.iter().map(|change| space.show(change)).collect::<Vec<_>>(), ["-i1: p.h"]);
}

#[test]
fn lookups_read_back_as_they_were_written() {
    let mut space = Space::new(&["src/a.c", "src/x.h", "i1/x.h", "i1/sys/y.h"]);
    let lookups =
        space.record(&["i1", "i2"], &["src/x.h", "i1/sys/y.h"], &[probe("x.h", false), probe("q.h", true)]);
    assert!(!lookups.hits.is_empty() && !lookups.listings.is_empty());
    let mut numbers: Vec<PathId> = Vec::new();
    let mut encoder = Encoder::new();
    lookups.encode(&mut encoder, |id| {
        numbers.push(id);
        u32::try_from(numbers.len() - 1).unwrap()
    });
    let bytes = encoder.into_bytes();
    let path = |number: u32| numbers.get(number as usize).copied();
    let mut decoder = Decoder::new(&bytes);
    assert_eq!(Lookups::decode(&mut decoder, path), Ok(lookups));
    decoder.end().unwrap();
    for length in 0..bytes.len() {
        assert!(Lookups::decode(&mut Decoder::new(&bytes[..length]), path).is_err(), "cut at {length}");
    }
    assert_eq!(Lookups::decode(&mut Decoder::new(&bytes), |_| None), Err(Malformed));
}

/// A pure model of the compiler's search: reads `src/m.c`, then what it includes, and lists what it opened.
struct Model<'a> {
    space: &'a Space,
    dirs: &'a [&'a str],
    opened: Vec<String>,
    probes: Vec<Probe>,
    answers: Vec<bool>,
    failed: bool,
}

impl Model<'_> {
    fn find(&self, name: &str, near: Option<&str>, after: usize) -> Option<(String, usize)> {
        let near = near.map(|dir| (format!("{dir}/{name}"), 0));
        let rest =
            self.dirs.iter().enumerate().skip(after).map(|(at, dir)| (format!("{dir}/{name}"), at + 1));
        near.into_iter().chain(rest).find(|(path, _)| self.space.at(path).is_file())
    }

    fn read(&mut self, path: &str, after: usize, depth: usize) {
        let text = fs::read_to_string(self.space.at(path)).unwrap();
        let dir = path.rsplit_once('/').unwrap().0;
        for line in text.lines() {
            let (kind, name) = line.split_once(' ').unwrap();
            let found = match kind {
                "quote" => self.find(name, Some(dir), 0),
                "next" => self.find(name, None, after),
                _ => self.find(name, None, 0),
            };
            if kind == "probe" {
                self.probes.push(probe(name, true));
                self.answers.push(found.is_some());
            } else if found.is_none() {
                self.failed = true;
            } else if let Some((path, after)) = found.filter(|_| depth < 4) {
                self.opened.push(path.clone());
                self.read(&path, after, depth + 1);
            }
        }
    }
}

#[test]
fn no_random_change_of_a_random_tree_goes_unnoticed() {
    let dirs = ["d0", "d1", "d2", "d1/s"];
    let names = ["a.h", "b.h", "s/a.h", "s/b.h", "c.c"];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let (mut noticed, mut silent) = (0, 0);
    for round in 0..2000 {
        let mut space = Space::new(&[]);
        let text = |random: &mut dyn FnMut(usize) -> usize| -> String {
            let kinds = ["quote", "angle", "next", "probe"];
            (0..random(3)).map(|_| format!("{} {}\n", kinds[random(4)], names[random(names.len())])).collect()
        };
        space.write("src/m.c", &format!("quote {}\n{}", names[random(5)], text(&mut random)));
        for _ in 0..4 + random(8) {
            let path = format!("{}/{}", ["d0", "d1", "d2", "src"][random(4)], names[random(names.len())]);
            space.write(&path, &text(&mut random));
        }
        let model = |space: &Space| {
            let mut model =
                Model { space, dirs: &dirs, opened: vec![], probes: vec![], answers: vec![], failed: false };
            model.read("src/m.c", 0, 0);
            (model.opened, model.probes, model.answers, model.failed)
        };
        let (opened, probes, answers, failed) = model(&space);
        if failed {
            continue;
        }
        let read: Vec<&str> = opened.iter().map(String::as_str).collect();
        let lookups = space.record(&dirs, &read, &probes);
        assert_eq!(space.check(&lookups), [""; 0], "round {round}");
        let victim =
            space.at(&format!("{}/{}", ["d0", "d1", "d2", "src"][random(4)], names[random(names.len())]));
        if victim.is_file() {
            fs::remove_file(&victim).unwrap();
            if random(2) == 0 {
                fs::create_dir(&victim).unwrap();
            }
        } else {
            fs::create_dir_all(victim.parent().unwrap()).unwrap();
            fs::write(&victim, text(&mut random)).unwrap();
        }
        let changes = space.check(&lookups);
        let gone = read.iter().any(|path| !space.at(path).is_file());
        let (now, _, answers_now, _) = if gone { Default::default() } else { model(&space) };
        if gone || now != opened || answers_now != answers {
            assert!(gone || !changes.is_empty(), "round {round}: {opened:?} became {now:?}");
            noticed += 1;
        } else {
            silent += usize::from(changes.is_empty());
        }
    }
    assert!(noticed > 150 && silent > 300, "{noticed} noticed, {silent} silent");
}

#[test]
fn a_graph_writes_its_outputs_and_nothing_else() {
    let mut space = Space::new(&[]);
    let (output, other) = (space.id("gen/sub/x.h"), space.id("gen/y.h"));
    let world = Outputs::of(&mut space.files, [output, other, output]);
    let names = |space: &mut Space, dir: &str| {
        let dir = space.id(dir);
        let mut names: Vec<_> = world.outputs_in(dir).iter().map(|name| name.to_vec()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&mut space, "gen/sub"), [b"x.h"]);
    assert_eq!(names(&mut space, "gen"), [&b"sub"[..], b"y.h"], "directories above outputs are listed too");
    let mut writes = |dir: &str, name: &str| world.writes(space.id(dir), name.as_bytes());
    assert!(writes("gen/sub", "x.h") && writes("gen", "y.h"));
    assert!(
        !writes("gen", "x.h") && !writes("gen", "sub") && !writes("gen/sub", "y.h") && !writes("", "gen")
    );
}

#[test]
fn lookups_that_are_refreshed_say_the_same_and_are_up_to_date() {
    let mut space = Space::new(&["src/a.c", "inc1/other.h", "inc2/h.h"]);
    let lookups = space.record(&["inc1", "inc2"], &["inc2/h.h"], &[]);
    space.write("inc1/new.h", "");
    assert!(space.is_outdated(&lookups) && space.check(&lookups).is_empty());
    let again = refresh(&mut space.files, &Nothing, &lookups, &mut Listings::default());
    assert!(!space.is_outdated(&again));
    assert_eq!(Lookups { listings: lookups.listings.clone(), ..again.clone() }, lookups);
    space.write("inc1/h.h", "");
    assert_eq!(space.check(&again), ["+inc1: h.h"]);
}

#[test]
fn what_changed_at_the_marker_or_within_a_truncated_second_before_it_is_not_before_it() {
    let before = |time: i64, marker: i64| super::is_before(FileTime(time), FileTime(marker));
    let second = 1_000_000_000;
    assert!(before(5 * second + 1, 5 * second + 2));
    assert!(!before(5 * second + 2, 5 * second + 2));
    assert!(!before(5 * second, 5 * second + 2), "it may have been changed at any time of that second");
    assert!(!before(5 * second, 5 * second + COARSE) && before(5 * second, 5 * second + COARSE + 1));
}

#[test]
fn what_one_unit_has_asked_changes_nothing_for_the_next() {
    let names = ["a.h", "b.h", "s/a.h", "s/b.h", "s/t/a.h", "t/b.h", "c.c"];
    let dirs = ["i0", "i1", "i2", "i0/s", "i1/s/t", "missing", "src"];
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let all: Vec<String> =
        dirs[..3].iter().flat_map(|dir| names.iter().map(move |name| format!("{dir}/{name}"))).collect();
    let there: Vec<&str> = all.iter().filter(|_| below(3) > 0).map(String::as_str).collect();
    let mut space = Space::new(&there);
    let mut shared = Listings::default();
    for unit in 0..300 {
        let searched: Vec<&str> = (0..below(6)).map(|_| dirs[below(dirs.len())]).collect();
        let read: Vec<&str> = (0..below(5)).map(|_| there[below(there.len())]).collect();
        let probes: Vec<Probe> = (0..below(3))
            .map(|_| Probe {
                name: [names[below(names.len())], "../i1/a.h", "s/none.h"][below(3)].as_bytes().into(),
                angled: below(2) == 0,
                next: below(4) == 0,
            })
            .collect();
        let search = space.search(&searched);
        let (from, read) = (space.ids(&["src"]), space.ids(&read));
        let mut with = |listings: &mut Listings| {
            record(
                &mut space.files,
                &Nothing,
                Asked { search: &search, from: &from, read: &read, probes: &probes },
                listings,
            )
        };
        assert_eq!(with(&mut shared), with(&mut Listings::default()), "unit {unit}: {searched:?} {probes:?}");
    }
}
