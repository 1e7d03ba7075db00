//! Ingredients that whole workspaces differ in, and the first of them: where they lie.

use std::path::{Path, PathBuf};

use rekindle_testkit::{Space, require, require_root};

use crate::Tools;
use crate::matrix::{Findings, Matrix, World};
use crate::place::forget_times;
use crate::row::{Row, row, same};

/// Which of the three workspaces is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    One,
    Other,
    Twin,
}

/// A row that is about whole workspaces.
pub(crate) struct Scene {
    pub(crate) row: Row,
    /// Where the workspaces lie below their bases.
    pub(crate) at: [&'static str; 3],
    pub(crate) prepare: fn(&mut World, Which),
}

impl Scene {
    pub(crate) const fn runs(self, runs: &'static [&'static str]) -> Self {
        Self { row: self.row.runs(runs), ..self }
    }

    pub(crate) const fn never(self, never: &'static [&'static str]) -> Self {
        Self { row: self.row.never(never), ..self }
    }

    pub(crate) const fn alike(self) -> Self {
        Self { row: self.row.alike(), ..self }
    }

    pub(crate) const fn gcc(self) -> Self {
        Self { row: self.row.gcc(), ..self }
    }

    pub(crate) const fn clang(self) -> Self {
        Self { row: self.row.clang(), ..self }
    }
}

pub(crate) const PLACES: [&str; 3] = ["one", "the-other", "a twin"];

fn nothing(_: &mut World, _: Which) {}

/// All that a place could get into.
const PROJECT: &str = "\
=== rekindle.toml
[project]
name = 'p'
[library.l]
sources = ['l.c']
include = ['inc']
[library.s]
type = 'shared'
sources = ['s.c']
[executable.app]
sources = ['main.c', 'a.S']
deps = ['l', 's', 'c']
warnings = 'all'
[command.c]
argv = ['sh', 'gen/c.sh', '{in}', '{out}']
inputs = ['gen/in']
outputs = ['c.h']
=== gen/c.sh
echo \"#define C \\\"$1 $(cat $1)\\\"\" > $2
=== gen/in
in
=== inc/l.h
const char *l(int);
static inline const char *here(void) { return __FILE__; }
=== l.c
#include <assert.h>
#include <l.h>
const char *l(int n) { assert(n); return here(); }
=== s.c
const char *s(void) { return __FILE__; }
=== a.S
.globl a_
a_:
  ret
.section .note.GNU-stack,\"\",%progbits
=== main.c
#include <stdio.h>
#include \"inc/l.h\"
#include \"c.h\"
const char *s(void);
static int unused(void) { return 1; }
int main(void) { return printf(\"%s %s %s %s\\n\", l(1), s(), C, __FILE__) < 0; }
";

/// A scene in which the other workspace lies at another kind of place.
const fn at(name: &'static str, other: &'static str) -> Scene {
    Scene { row: same(name, "", PROJECT), at: ["one", other, "a twin"], prepare: nothing }
}

const PLACED: &[Scene] = &[
    at("blanks and more in the path", "sp ace/gr\u{fc}n\u{df}/co:lon/per%cent/dol$lar/ha#sh/semi;colon/am&p"),
    at(
        "quotes and brackets in the path",
        "quo'te/dou\"ble/back\\slash/a(b)/[x]*?/{y}/~z/-d/@at/co,mma/ti`ck/e!x",
    ),
    // No map of paths can name it, so that it is told in the command.
    Scene {
        row: row("equals sign in the path", "", PROJECT, |_| {}).runs(&["compile"]).alike(),
        at: ["one", "eq=uals", "a twin"],
        prepare: nothing,
    },
    at("deep", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"),
    at("in the home", "home/project"),
    Scene {
        row: same("by way of a link", "", PROJECT),
        at: PLACES,
        prepare: |world, which| {
            if which != Which::One {
                let link = world.space.base().join("li nk");
                world.space.symlink(world.space.root(), &link);
                world.args = vec!["-C".into(), link.to_str().unwrap().into()];
            }
        },
    },
    Scene {
        row: same("build directory outside", "", PROJECT),
        at: PLACES,
        prepare: |world, _| {
            world.build = world.space.base().join("out");
            world.args = vec!["--build-dir".into(), world.build.to_str().unwrap().into()];
        },
    },
    Scene {
        row: row("build directory of another name", "", PROJECT, |_| {}).runs(&[""]).alike(),
        at: PLACES,
        prepare: |world, which| {
            if which == Which::Other {
                world.build = world.space.path("out");
                world.args = vec!["--build-dir".into(), "out".into()];
            }
        },
    },
];

#[track_caller]
pub(crate) fn play(tools: Tools, profile: &str, scenes: &[Scene], names: &[&str]) {
    if !tools.programs().iter().all(|program| require(program)) {
        return;
    }
    let only = std::env::var("REKINDLE_TEST_ROW").ok();
    let mut all = Vec::new();
    let played = |scene: &&Scene| names.is_empty() || names.contains(&scene.row.name);
    for scene in scenes.iter().filter(played) {
        if !scene.row.is_for(tools, profile)
            || only.as_ref().is_some_and(|only| !scene.row.name.contains(only))
        {
            continue;
        }
        let spaces = [0, 1, 2].map(|_| Space::new(env!("CARGO_BIN_EXE_rekindle")));
        all.extend(one(scene, tools, profile, spaces));
    }
    let mut findings = Findings::new("");
    findings.list = all;
    findings.none();
}

fn one(scene: &Scene, tools: Tools, profile: &str, spaces: [Space; 3]) -> Vec<String> {
    let mut which = [Which::One, Which::Other, Which::Twin].into_iter();
    let mut at = scene.at.iter();
    let [mut one, mut other, mut twin] = spaces.map(|mut space| {
        space.move_project(at.next().unwrap());
        space.set_env("CC", tools.cc());
        space.write_all(&scene.row.files.replace("$W", &space.root().to_string_lossy()));
        let mut world = World::new(space);
        (scene.prepare)(&mut world, which.next().unwrap());
        world.args.extend(["--profile".into(), profile.into(), "--keep-going".into()]);
        forget_times(&world.space);
        world
    });
    let findings = Findings::new(format!("{tools:?} {profile}, {}", scene.row.name));
    let mut matrix = Matrix { rows: vec![(scene.row, String::new())], findings };
    matrix.play(&mut one, &mut other, &mut twin);
    matrix.findings.list
}

#[test]
fn places_with_gcc() {
    play(Tools::Gcc, "debug", PLACED, &[]);
}

#[test]
fn places_with_clang() {
    play(Tools::Clang, "debug", PLACED, &["blanks and more in the path", "by way of a link"]);
}

#[test]
fn below_a_root_of_the_system() {
    if !require_root() || !Path::new("/usr/src").is_dir() {
        return;
    }
    let spaces = [0, 1, 2].map(|at| {
        let place = if at == 1 { PathBuf::from("/usr/src") } else { std::env::temp_dir() };
        Space::new_in(env!("CARGO_BIN_EXE_rekindle"), &place)
    });
    let scene = at("below a root of the system", "other");
    let mut findings = Findings::new("");
    findings.list = one(&scene, Tools::Gcc, "debug", spaces);
    findings.none();
}
