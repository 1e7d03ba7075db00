//! Portable proofs: a build directory or a store that was carried to another place, with other times and another home,
//! proves there that nothing is to be done; and where it does not, what is done is what is done without a proof.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Space, copy_tree};

/// Two static libraries, a program of both, a directory that comes first on the include path, a unit that warns.
const PROJECT: &str = "\
=== rekindle.toml
[project]
name = \"p\"
default = [\"app\"]

[library.low]
sources = [\"low/*.c\"]
include = [\"first\", \"include\"]

[library.mid]
sources = [\"mid/*.c\"]
deps = [\"low\"]
warnings = \"all\"

[executable.app]
sources = [\"src/*.c\"]
deps = [\"mid\"]

[executable.other]
sources = [\"other.c\"]
deps = [\"low\"]
=== first/readme.txt
Headers here come first.
=== include/base.h
#include \"deep.h\"
int low(void);
=== include/deep.h
#define DEEP 3
=== low/low.c
#include \"base.h\"
int low(void) { return DEEP; }
=== mid/mid.c
#include \"base.h\"
int mid(void) { return low() + 1; }
=== mid/warns.c
int warns(void) { int unused = 4; return 5; }
=== src/main.c
#include <stdio.h>
#include \"base.h\"
int mid(void);
int main(void) { printf(\"%d\\n\", mid()); return 0; }
=== other.c
#include \"base.h\"
int main(void) { return low(); }
";

/// What the program needs.
const ALL: &str = "4c 2a 1l";

/// Added to the manifest: a header that a command makes, in which a variable of the person is.
const COMMAND: &str = "
[command.words]
argv = [\"sh\", \"-c\", \"sed \\\"s/^/#define WORD $TASTE + /\\\" $0 > $1\", \"{in}\", \"{out}\"]
inputs = [\"words.txt\"]
outputs = [\"words.h\"]
env-from = [\"TASTE\"]
";

/// What is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// A build directory with all files, and no store.
    Directory,
    /// A store, and no build directory.
    Store,
}

/// A project that was built, and what a second runner gets of it.
struct First {
    space: Space,
    store: PathBuf,
    load: Load,
}

impl First {
    fn new(load: Load, change: impl FnOnce(&mut Space), args: &[&str]) -> Self {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(PROJECT);
        change(&mut space);
        let store = space.base().join("store");
        if load == Load::Store {
            space.use_store(&store);
            space.leave_bytes();
        }
        plain(&space, args).ok();
        Self { space, store, load }
    }

    /// Another place with all of it: other times, another home, no snapshots.
    fn second(&self) -> Space {
        let mut other = self.space.copy_to_another_place();
        match self.load {
            Load::Directory => {
                for name in ["snapshots", "lock", "running", "marker", "tmp"] {
                    let _ = fs::remove_dir_all(other.build_dir().join("debug").join(name));
                    let _ = fs::remove_file(other.build_dir().join("debug").join(name));
                }
            }
            Load::Store => {
                other.remove(".rekindle");
                let store = other.base().join("store");
                copy_tree(&self.store, &store);
                other.use_store(&store);
            }
        }
        other.copy_without_times();
        other
    }

    /// The same, where nothing but a proof can say that nothing is to be done: what stamps or results say is gone.
    fn by_proof_alone(&self) -> Space {
        let other = self.second();
        match self.load {
            Load::Directory => fs::write(other.build_dir().join("debug/journal"), "junk").unwrap(),
            Load::Store => {
                for kind in ["results", "sets"] {
                    fs::remove_dir_all(other.base().join("store/v2").join(kind)).unwrap();
                }
            }
        }
        other
    }

    /// What a build counts that finds everything as it was.
    #[track_caller]
    fn all_is_there(&self, built: &Built, all: &str) {
        match self.load {
            Load::Directory => built.ok().assert_kinds("", ""),
            Load::Store => built.ok().assert_kinds("", all),
        };
    }
}

/// A build that may go by a proof.
#[track_caller]
fn plain(space: &Space, args: &[&str]) -> Built {
    space.run(&["build", "--format", "json", "-j1"]).args(args).done()
}

/// Both loads.
const LOADS: [Load; 2] = [Load::Directory, Load::Store];

/// What a summary counts.
fn counts(built: &Built) -> String {
    let summary = built.summary();
    let numbers = ["left", "skipped", "failed"].map(|name| summary.number(&["actions", name]));
    let marks = ["bound", "volatile", "local"].map(|name| summary.number(&[name]));
    format!("{:?} {:?} {:?} {numbers:?} {marks:?}", summary.ran, summary.restored, summary.fresh)
}

/// After `change`, a second runner with a proof does what one without does, and makes the same.
#[track_caller]
fn twins(first: &First, what: &str, args: &[&str], change: impl Fn(&mut Space)) {
    let [mut proved, mut whole] = [first.second(), first.second()];
    change(&mut proved);
    change(&mut whole);
    // Who asks for every action goes the whole way.
    let (one, other) = (plain(&proved, args), whole.build(&[&["-j1"], args].concat()));
    let tale = format!("{:?}, {what}\nwith a proof: {}\nwhole: {}", first.load, one.story(), other.story());
    assert_eq!(one.code, other.code, "{tale}");
    assert!(!one.stderr.contains("panicked"), "{tale}");
    if one.code != 0 {
        return;
    }
    assert_eq!(counts(&one), counts(&other), "{tale}");
    let difference = proved.outputs().difference(&whole.outputs());
    assert!(difference.is_empty(), "{difference}\n{tale}");
    // And then there is nothing to do, by snapshot and the whole way.
    plain(&proved, args).ok().assert_work("-");
    let again = proved.build(args);
    assert!(again.ok().summary().ran.total() == 0, "{tale}\n{}", again.story());
    if args.contains(&"--materialize=all") {
        return;
    }
    proved.build(&[&["--materialize=all"], args].concat()).ok();
    whole.build(&[&["--materialize=all"], args].concat()).ok();
    let difference = proved.outputs().difference(&whole.outputs());
    assert!(difference.is_empty(), "with all files: {difference}\n{tale}");
}

#[test]
fn what_was_carried_is_proved_without_stamps_or_results_and_nothing_is_started() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        let there = first.by_proof_alone();
        // The journal is where a build directory has the answers of compilers.
        let args: &[&str] = if load == Load::Store { &["--forbid-spawn"] } else { &[] };
        let built = plain(&there, args);
        first.all_is_there(&built, ALL);
        assert!(built.text().contains("unused"), "a warning is told again: {}", built.story());
        assert_eq!(there.prints("app"), "4");
        assert_eq!(there.read(there.output("app")), first.space.read(first.space.output("app")));
        let again = plain(&there, &["--forbid-spawn"]);
        again.ok().assert_work("-");
        let left = |built: &Built| built.summary().number(&["actions", "left"]);
        assert_eq!(left(&again), left(&built));
    }
}

#[test]
fn what_is_counted_is_what_the_whole_way_counts() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        twins(&first, "nothing", &[], |_| {});
        let (proved, whole) = (plain(&first.second(), &[]), first.second().build(&[]));
        let store = |built: &Built| {
            let used = built.summary().store()?;
            Some((used.hits, used.misses, used.stored, used.bytes_read, used.bytes_written))
        };
        assert_eq!(store(&proved), store(&whole));
    }
}

/// Something that happens to a project between two runners.
type Change = (&'static str, fn(&mut Space));

const CHANGES: [Change; 14] = [
    ("a source", |space| space.edit("low/low.c", "DEEP", "DEEP + 1")),
    ("a header", |space| space.edit("include/deep.h", "3", "4")),
    ("a comment", |space| space.edit("include/deep.h", "3", "3 /* three */")),
    ("a header that is found first", |space| space.write("first/deep.h", "#define DEEP 7\n")),
    ("a header beside the source", |space| space.write("low/base.h", "#define DEEP 8\nint low(void);\n")),
    ("a header that is gone", |space| space.remove("include/deep.h")),
    ("a source more", |space| space.write("low/more.c", "int more;\n")),
    ("a source less", |space| space.remove("mid/warns.c")),
    ("a flag", |space| {
        space.edit(
            "rekindle.toml",
            "deps = [\"low\"]\nwarnings",
            "defines = [\"X=1\"]\ndeps = [\"low\"]\nwarnings",
        )
    }),
    ("a comment in the manifest", |space| space.edit("rekindle.toml", "[project]", "# new\n[project]")),
    ("a keyed variable", |space| space.set_env("CPATH", "/usr/include/nowhere")),
    ("another compiler", |space| {
        space.write_program("tools/gcc", "#!/bin/sh\nexec /usr/bin/gcc \"$@\"\n");
        let tools = space.path("tools");
        space.put_on_path(&tools);
    }),
    ("a product in the way", |space| space.write(".rekindle/build/debug/app", "tampered with")),
    ("an unknown file", |space| space.write(".rekindle/build/debug/obj/unknown", "unknown")),
];

#[test]
fn a_change_between_two_runners_does_what_it_does_without_a_proof() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        for (what, change) in CHANGES {
            twins(&first, what, &[], change);
        }
    }
}

#[test]
fn outputs_that_are_not_what_was_made_are_put_right() {
    let first = First::new(Load::Directory, |_| {}, &[]);
    let app = |space: &Space| space.build_dir().join("debug/app");
    let archive = |space: &Space| space.build_dir().join("debug/liblow.a");
    twins(&first, "one byte more", &[], |space| {
        fs::OpenOptions::new().append(true).open(app(space)).unwrap().write_all(b"x").unwrap();
    });
    twins(&first, "not executable", &[], |space| {
        fs::set_permissions(app(space), fs::Permissions::from_mode(0o644)).unwrap();
    });
    twins(&first, "an archive is gone", &[], |space| fs::remove_file(archive(space)).unwrap());
    twins(&first, "a directory in its place", &[], |space| {
        fs::remove_file(archive(space)).unwrap();
        fs::create_dir(archive(space)).unwrap();
    });
}

#[test]
fn other_requests_are_not_answered_by_the_proof_of_one() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        for args in [&["other"][..], &["app", "other"], &["--profile", "release"], &["--materialize=all"]] {
            twins(&first, &args.concat(), args, |_| {});
        }
    }
}

#[test]
fn a_command_and_its_variable_are_proved_and_another_value_is_not() {
    let with_command = |space: &mut Space| {
        let manifest = String::from_utf8(space.read("rekindle.toml")).unwrap();
        space.write(
            "rekindle.toml",
            manifest.replace("deps = [\"mid\"]", "deps = [\"mid\", \"words\"]") + COMMAND,
        );
        space.write("words.txt", "7\n");
        space.edit("src/main.c", "mid()", "mid() + WORD");
        space.edit("src/main.c", "#include \"base.h\"", "#include \"base.h\"\n#include \"words.h\"");
        space.set_env("TASTE", "1");
    };
    for load in LOADS {
        let first = First::new(load, with_command, &[]);
        twins(&first, "nothing", &[], |_| {});
        twins(&first, "the variable", &[], |space| space.set_env("TASTE", "2"));
        twins(&first, "what the command reads", &[], |space| space.write("words.txt", "8\n"));
        // A shell that is found first: what it is counts.
        twins(&first, "another shell", &[], |space| {
            space.write_program("tools/sh", "#!/bin/sh\n# another\nexec /bin/sh \"$@\"\n");
            let tools = space.path("tools");
            space.put_on_path(&tools);
        });
    }
}

#[test]
fn what_a_result_is_bound_to_lies_elsewhere() {
    let bound =
        |space: &mut Space| space.edit("low/low.c", "return", "const char *f = __FILE__; (void)f; return");
    let debug = |space: &mut Space| {
        let manifest = String::from_utf8(space.read("rekindle.toml")).unwrap();
        space.write(
            "rekindle.toml",
            manifest + "\n[profile.debug]\ndebug = true\ncflags = [\"-DWS=\\\"{workspace}\\\"\"]\n",
        );
    };
    for load in LOADS {
        twins(&First::new(load, bound, &[]), "its own name", &[], |_| {});
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(PROJECT);
        debug(&mut space);
        if plain(&space, &[]).code == 0 {
            twins(&First::new(load, debug, &[]), "the workspace in a flag", &[], |_| {});
        }
    }
}

#[test]
fn a_path_out_of_the_workspace_is_looked_for_where_it_leads_now() {
    let beside = |space: &Space| space.root().parent().unwrap().join("beside");
    let out = |space: &mut Space| {
        fs::create_dir_all(beside(space)).unwrap();
        space.edit("rekindle.toml", "\"first\", \"include\"", "\"../beside\", \"first\", \"include\"");
    };
    for load in LOADS {
        let first = First::new(load, out, &[]);
        twins(&first, "a header beside the workspace", &[], |space| {
            fs::create_dir_all(beside(space)).unwrap();
            fs::write(beside(space).join("deep.h"), "#define DEEP 9\n").unwrap();
        });
    }
}

#[test]
fn a_blob_that_is_gone_or_damaged_is_made_anew() {
    let first = First::new(Load::Store, |_| {}, &[]);
    let app = first.space.read(first.space.output("app"));
    let blob = |space: &Space| {
        let digest = rekindle_fingerprint::digest::Digest::of(&app).hex();
        space.base().join("store/v2/blobs").join(&digest[..2]).join(&digest)
    };
    let gone = first.second();
    fs::remove_file(blob(&gone)).unwrap();
    plain(&gone, &[]).ok().assert_kinds("1l", "4c 2a");
    assert_eq!(gone.read(gone.output("app")), app);
    let damaged = first.second();
    fs::set_permissions(blob(&damaged), fs::Permissions::from_mode(0o644)).unwrap();
    let mut other = app.clone();
    other[100] ^= 1;
    fs::write(blob(&damaged), other).unwrap();
    plain(&damaged, &[]).ok().assert_kinds("1l", "4c 2a");
    assert_eq!(damaged.read(damaged.output("app")), app);
    plain(&damaged, &[]).ok().assert_work("-");
}

/// The proofs that were carried: files in the build directory, or notes of the store.
fn proofs(space: &Space, load: Load) -> Vec<PathBuf> {
    let dir = match load {
        Load::Directory => space.build_dir().join("debug/proofs"),
        Load::Store => space.base().join("store/v2/notes"),
    };
    let mut found = Vec::new();
    collect(&dir, &mut found);
    found.retain(|path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(16).any(|window| window == b"rekindleportable")
    });
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_proof_that_is_damaged_or_of_another_rekindle_is_worth_nothing() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        for at in [0, 17, 40, 60, 200, 900, usize::MAX] {
            let space = first.second();
            let all = proofs(&space, load);
            assert_eq!(all.len(), 1, "{all:?}");
            let mut bytes = fs::read(&all[0]).unwrap();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0x20;
            fs::set_permissions(&all[0], fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&all[0], bytes).unwrap();
            first.all_is_there(&plain(&space, &[]), ALL);
            assert_eq!(space.prints("app"), "4");
        }
        // The same version, and another program.
        let carried = first.by_proof_alone();
        let program = carried.base().join("rekindle");
        fs::copy(env!("CARGO_BIN_EXE_rekindle"), &program).unwrap();
        fs::OpenOptions::new().append(true).open(&program).unwrap().write_all(b"x").unwrap();
        let mut space = Space::new(&program);
        fs::remove_dir(space.root()).unwrap();
        copy_tree(&carried.root(), &space.root());
        if load == Load::Store {
            space.use_store(&carried.base().join("store"));
            space.leave_bytes();
        }
        let built = plain(&space, &[]);
        assert!(built.ok().summary().ran.total() > 0, "{}", built.story());
    }
}

#[test]
fn an_edit_after_a_proof_runs_what_it_needs_and_a_product_that_nobody_makes_any_more_goes() {
    for load in LOADS {
        let first = First::new(load, |_| {}, &[]);
        let there = first.second();
        first.all_is_there(&plain(&there, &[]), ALL);
        there.edit("mid/mid.c", "+ 1", "+ 2");
        let restored = if load == Load::Store { "3c 1a" } else { "" };
        plain(&there, &[]).ok().assert_kinds("1c 1a 1l", restored);
        assert_eq!(there.prints("app"), "5");
        let there = first.second();
        first.all_is_there(&plain(&there, &[]), ALL);
        there.edit("rekindle.toml", "executable.app]", "executable.prog]");
        there.edit("rekindle.toml", "default = [\"app\"]", "default = [\"prog\"]");
        plain(&there, &[]).ok();
        assert!(!there.build_dir().join("debug/app").exists(), "{load:?}");
    }
}

#[test]
fn a_directory_that_proves_itself_is_recorded_in_a_store_that_did_not_know_the_build() {
    let first = First::new(Load::Directory, |_| {}, &[]);
    let mut there = first.by_proof_alone();
    let store = there.base().join("store");
    there.use_store(&store);
    first.all_is_there(&plain(&there, &[]), ALL);
    let mut records = Vec::new();
    collect(&store.join("v2/builds"), &mut records);
    assert_eq!(records.len(), 1);
    plain(&there, &[]).ok().assert_work("-");
}

#[test]
fn a_pack_and_a_trim_carry_the_proof() {
    let first = First::new(Load::Store, |_| {}, &[]);
    let pack = first.space.base().join("pack");
    first.space.run(&["cache", "trim", "--used-since", "last-build"]).done().ok();
    first.space.run(&["cache", "export"]).arg(&pack).done().ok();
    let there = first.second();
    fs::remove_dir_all(there.base().join("store")).unwrap();
    there.run(&["cache", "import"]).arg(&pack).done().ok();
    for kind in ["results", "sets"] {
        fs::remove_dir_all(there.base().join("store/v2").join(kind)).unwrap();
    }
    first.all_is_there(&plain(&there, &["--forbid-spawn"]), ALL);
}

#[test]
fn what_appears_in_a_directory_that_a_proof_has_filled_is_noticed() {
    let generated = |space: &mut Space| {
        let include = "private-include = [\"{outdir}/gen\", \"first\"]\nsources = [\"src/*.c\"]";
        space.edit("rekindle.toml", "sources = [\"src/*.c\"]", include);
    };
    for load in LOADS {
        let first = First::new(load, generated, &[]);
        twins(&first, "nothing", &[], |_| {});
        let there = first.second();
        first.all_is_there(&plain(&there, &[]), ALL);
        there.write(".rekindle/build/debug/gen/base.h", "int low(void);\nint shadow;\n");
        let whole = there.copy_to_another_place();
        let (one, other) = (plain(&there, &[]), whole.build(&[]));
        assert_eq!(
            (one.code, one.summary().ran),
            (other.code, other.summary().ran),
            "{load:?} {}",
            one.story()
        );
    }
}
