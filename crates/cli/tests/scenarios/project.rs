//! The project of the scenarios: an archive of two units, of which the program uses one, a program of two, and
//! headers that one, two or three units read.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::path::PathBuf;

use rekindle_testkit::{Built, Running, Space, copy_program, helper, require};

/// What the scenarios are run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// `gcc` or `clang`.
    pub(crate) cc: &'static str,
    /// Whether there is debug information.
    pub(crate) debug: bool,
    /// Whether results are shared.
    pub(crate) store: bool,
}

impl Variant {
    /// clang writes a digest of every source and header into debug information, so that no edit goes unseen there.
    pub(crate) fn sees_comments(self) -> bool {
        self.cc == "clang" && self.debug
    }
}

/// A compiler, called `gcc` or `clang`, that stands still in the compile of `held.c`, before or after its work, as long
/// as a file `before` or `after` lies beside it. While it stands, a file `reached` lies there.
const HELD: &str = r#"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static char dir[PATH_MAX];
static const char *beside(const char *name) {
  static char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}
static void hold(const char *name) {
  if (access(beside(name), F_OK)) return;
  close(open(beside("reached"), O_CREAT | O_WRONLY, 0666));
  while (!access(beside(name), F_OK)) usleep(1000);
  unlink(beside("reached"));
}
int main(int count, char **words) {
  readlink("/proc/self/exe", dir, PATH_MAX - 1);
  char real[64];
  snprintf(real, sizeof real, "/usr/bin/%s", strrchr(dir, '/') + 1);
  *strrchr(dir, '/') = 0;
  int held = 0, status = 0;
  for (int i = 1; i < count; i++) held |= strstr(words[i], "held.c") && words[i][0] != '-';
  if (held) hold("before");
  words[0] = real;
  if (fork() == 0) return execv(real, words), 127;
  wait(&status);
  if (held) hold("after");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
"#;

const FILES: &str = "\
=== rekindle.toml
[project]
name = \"scenes\"

[library.util]
sources = [\"util/*.c\"]
include = [\"first\", \"include\"]

[executable.app]
sources = [\"src/*.c\"]
deps = [\"util\"]

[profile.plain]
debug = false
=== src/main.c
#include <stdio.h>
#include \"util.h\"
#include \"extra.h\"
#include \"level.h\"
/* It says hello. */
int main(void) {
  printf(\"%d %d %d\\n\", one(), extra(), LEVEL);
  return 0;
}
=== src/extra.c
#include \"extra.h\"
int extra(void) { return EXTRA; }
=== src/extra.h
/* It is extra. */
#define EXTRA 20
int extra(void);
=== util/one.c
#include \"util.h\"
int one(void) { return BASE + 1; }
=== util/two.c
#include \"util.h\"
int two(void) { return BASE * 2; }
=== include/util.h
/* It is useful. */
#define BASE 10
int one(void);
int two(void);
=== include/level.h
#define LEVEL 30
=== first/readme.txt
Headers in this directory come first.
";

/// A scenario while it is played.
pub(crate) struct Case {
    /// The project.
    pub(crate) space: Space,
    /// With what it is built.
    pub(crate) variant: Variant,
    /// Whether all that is made in it was made elsewhere before.
    known: bool,
}

impl Case {
    /// The project, not built yet; `None` if its compiler is missing.
    pub(crate) fn new(variant: Variant) -> Option<Self> {
        if !require(variant.cc) {
            return None;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(FILES);
        space.set_env("CC", variant.cc);
        for file in space.files() {
            space.age(file, -3600);
        }
        if variant.store {
            let store = space.base().join("store");
            space.use_store(&store);
        }
        Some(Self { space, variant, known: false })
    }

    /// The same files elsewhere, where nothing is built yet, with the same store.
    pub(crate) fn elsewhere(&self) -> Self {
        let mut space = self.space.copy_to_another_place();
        space.remove_if_there(".rekindle");
        space.move_project("another/workspace");
        Self { space, variant: self.variant, known: true }
    }

    /// The project's own files.
    pub(crate) fn files(&self) -> Vec<(PathBuf, File)> {
        let read = |path: PathBuf| {
            let file = match std::fs::read_link(self.space.path(&path)) {
                Ok(target) => File::Link(target),
                Err(_) => File::Text(self.space.read(&path)),
            };
            (path, file)
        };
        self.space.files().into_iter().map(read).collect()
    }

    /// Lets the project have these files and no others.
    pub(crate) fn put_files(&self, files: &[(PathBuf, File)]) {
        for path in self.space.files() {
            self.space.remove(path);
        }
        for (path, file) in files {
            match file {
                File::Text(bytes) => self.space.write(path, bytes),
                File::Link(target) => self.space.symlink(target, path),
            }
        }
    }

    /// The arguments that choose the profile.
    pub(crate) fn profile(&self) -> &'static [&'static str] {
        if self.variant.debug { &["--profile", "debug"] } else { &["--profile", "plain"] }
    }

    /// Builds.
    #[track_caller]
    pub(crate) fn build(&self) -> Built {
        self.space.build(self.profile())
    }

    /// Builds, and that must succeed.
    #[track_caller]
    pub(crate) fn build_well(&self) -> Built {
        let built = self.build();
        built.ok();
        built
    }

    /// Builds, and exactly this runs; where all is known it is put back.
    #[track_caller]
    pub(crate) fn runs(&self, work: &str) {
        let (ran, put_back) = if self.known { ("-", work) } else { (work, "-") };
        self.build_well().assert_work_and_restored(ran, put_back);
    }

    /// Builds without a command.
    #[track_caller]
    pub(crate) fn is_known(&self) {
        let built = self.build_well();
        let summary = built.summary();
        assert_eq!(
            (summary.ran.total(), summary.processes()),
            (0, 0),
            "it was there before\n{}",
            built.story()
        );
    }

    /// What was built equals a clean build's, which shares nothing.
    #[track_caller]
    pub(crate) fn is_like_clean(&self) {
        self.space.assert_like_clean(&[self.profile(), &["--no-store"]].concat());
    }

    /// Lets the compiler be one that can be held.
    pub(crate) fn hold_compiler(&mut self) {
        let compiler = self.tool(self.variant.cc);
        copy_program(&helper("held", HELD), &compiler);
        self.space.set_env("CC", &compiler);
    }

    /// A file beside that compiler.
    fn tool(&self, name: &str) -> PathBuf {
        self.space.base().join("tools").join(name)
    }

    /// Builds, and calls `meanwhile` while the compile of `held.c` runs.
    #[track_caller]
    pub(crate) fn build_and_meanwhile(&self, when: Held, meanwhile: impl FnOnce(&Self)) -> Built {
        let running = self.start_held(when);
        meanwhile(self);
        self.let_go();
        running.wait()
    }

    /// Begins a build, which stands still in the compile of `held.c` when this returns.
    #[track_caller]
    pub(crate) fn start_held(&self, when: Held) -> Running {
        must(std::fs::write(self.tool(when.file()), ""));
        let mut running = self.space.start_build(self.profile());
        running.until_exists(&self.tool("reached"));
        running
    }

    /// Lets the compile go on.
    pub(crate) fn let_go(&self) {
        for when in [Held::BeforeItReads, Held::WhenItHasWritten] {
            let _ = std::fs::remove_file(self.tool(when.file()));
        }
    }
}

/// A file of the project.
pub(crate) enum File {
    Text(Vec<u8>),
    Link(PathBuf),
}

/// Where a compile is held.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held {
    /// Before the compiler has read anything.
    BeforeItReads,
    /// When it has written its object, before its process ends.
    WhenItHasWritten,
}

impl Held {
    /// The file which says so.
    fn file(self) -> &'static str {
        match self {
            Self::BeforeItReads => "before",
            Self::WhenItHasWritten => "after",
        }
    }
}

#[track_caller]
fn must<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
