//! A lowering in part gives what the whole one gives, for every output alone and for many sets of them.

use std::path::PathBuf;

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::Environment;
use rekindle_toolchain::request::{Archive, Compile, Link};
use rekindle_toolchain::tools::{Found, Tools};

use super::*;
use crate::load::Wanted;
use crate::lower::lower;
use crate::tests::space::{Space, Written};
use crate::toolbox::Missing;

/// A toolchain whose actions hold all of what it was asked for, and that counts.
struct Counting {
    inner: Written,
    asked: usize,
}

impl Counting {
    fn new(space: &Space) -> Self {
        Self { inner: Written::new(space.toolchains.clone()), asked: 0 }
    }
}

impl Toolbox for Counting {
    fn knows(&self, toolchain: &str) -> bool {
        self.inner.knows(toolchain)
    }

    fn missing(&self, toolchain: &str) -> Option<&Missing> {
        self.inner.missing(toolchain)
    }

    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String> {
        self.asked += 1;
        let mut action = self.inner.compile(toolchain, files, what)?;
        action.local = Some(format!("{what:?}"));
        if what.flags.contains(&"-fstack-usage".into()) {
            let side = files.rel(what.object).with_extension("su");
            action.outputs.push(files.path(Roots::BUILD, side));
        }
        Ok(action)
    }

    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String> {
        self.asked += 1;
        let mut action = self.inner.archive(toolchain, files, what)?;
        action.local = Some(format!("{what:?}"));
        Ok(action)
    }

    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String> {
        self.asked += 1;
        let mut action = self.inner.link(toolchain, files, what)?;
        action.local = Some(format!("{what:?}"));
        action.links.clone_from(&what.links);
        Ok(action)
    }

    fn build_tools(
        &mut self,
        files: &mut Files,
        what: &Tools,
        environment: &Environment,
    ) -> Result<Found, String> {
        self.asked += 1;
        self.inner.build_tools(files, what, environment)
    }
}

fn files(space: &Space, project: &Project) -> Files {
    Files::new(Roots::new(&space.base, space.base.join(".rekindle/build").join(project.profile())))
}

/// A value as text, with paths by name instead of by number.
fn shown(value: &impl std::fmt::Debug, files: &Files) -> String {
    let text = format!("{value:?}");
    let mut parts = text.split("PathId(");
    let mut shown = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (number, rest) = part.split_once(')').unwrap();
        shown += &format!("<{}>{rest}", files.show(PathId(number.parse().unwrap())));
    }
    shown
}

fn actions(lowered: &Lowered, files: &Files) -> Vec<String> {
    lowered.graph.actions().map(|(_, action)| shown(action, files)).collect()
}

/// Everything but the actions.
fn frame(lowered: &Lowered, files: &Files) -> String {
    let Lowered { graph, wanted, tests, notices, left_out, variables } = lowered;
    let pools: Vec<_> = graph.pools().collect();
    let targets = shown(&graph.targets(), files);
    format!("{targets}\n{pools:?}\n{wanted:?}\n{tests:?}\n{notices:?}\n{left_out:?}\n{variables:?}")
}

/// A whole lowering to hold parts of it against.
struct Whole<'a> {
    space: &'a Space,
    project: Project,
    files: Files,
    actions: Vec<(Vec<PathBuf>, String)>,
    frame: String,
}

impl<'a> Whole<'a> {
    fn new(space: &'a Space) -> Self {
        let project = space.load().unwrap_or_else(|errors| panic!("{errors}"));
        let mut files = files(space, &project);
        let lowered = lower(&project, &mut Counting::new(space), &mut files);
        let lowered = lowered.unwrap_or_else(|errors| panic!("{errors}"));
        let made = lowered.graph.actions().map(|(_, action)| {
            let links = action.links.iter().map(|(link, _)| link);
            action.outputs.iter().chain(links).map(|path| files.rel(*path).to_path_buf()).collect()
        });
        let actions = made.zip(actions(&lowered, &files)).collect();
        let frame = frame(&lowered, &files);
        Self { space, project, files, actions, frame }
    }

    /// Compares with what lowering gives of what makes `wanted`, below the build directory; in the table of the whole
    /// lowering, or in one of its own. Gives how often a toolchain was asked.
    fn compare(&mut self, wanted: &[PathBuf], anew: bool) -> usize {
        let mut own = files(self.space, &self.project);
        let files = if anew { &mut own } else { &mut self.files };
        let ids: FxHashSet<PathId> = wanted.iter().map(|path| files.path(Roots::BUILD, path)).collect();
        let mut tools = Counting::new(self.space);
        let part = lower_only(&self.project, &mut tools, files, &|path| ids.contains(&path)).unwrap();
        let expected: Vec<&String> = self
            .actions
            .iter()
            .filter(|(made, _)| made.iter().any(|path| wanted.contains(path)))
            .map(|(_, action)| action)
            .collect();
        assert_eq!(actions(&part, files).iter().collect::<Vec<_>>(), expected, "{wanted:?}");
        assert_eq!(frame(&part, files), self.frame, "{wanted:?}");
        tools.asked
    }
}

/// Checks that a project can be lowered in parts: for every path that is made, alone, and for sets of them.
pub(crate) fn check_parts(space: &Space) {
    let mut whole = Whole::new(space);
    let all: Vec<PathBuf> = whole.actions.iter().flat_map(|(made, _)| made.clone()).collect();
    whole.compare(&[], true);
    whole.compare(&all, true);
    for path in &all {
        whole.compare(std::slice::from_ref(path), false);
        whole.compare(std::slice::from_ref(path), true);
    }
    let mut state = 1_u64;
    for round in 0..24 {
        let mut chosen = Vec::new();
        for path in &all {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (state >> 33).is_multiple_of([2, 4, 9][round % 3]) {
                chosen.push(path.clone());
            }
        }
        // The order in which paths get their numbers is nobody's business.
        chosen.reverse();
        whole.compare(&chosen, round % 2 == 0);
    }
}

/// A project with everything that a manifest can have a target made of.
fn everything() -> Space {
    let manifest = r#"
        [project]
        name = "all"
        version = "1.2.3"
        [roots]
        vendor = "vendor"
        [pool]
        heavy = 2
        [toolchain.avr]
        cc = "avr-gcc"
        cflags = ["-mmcu=atmega328p"]
        [toolchain.none]
        cc = "none-gcc"
        [profile.debug]
        defines = ["PROFILE"]

        [command.version]
        argv = ["sh", "gen.sh", "{in}", "{out:0}"]
        inputs = ["VERSION"]
        outputs = ["version.c", "version.h"]
        env-from = ["WHO"]
        env = { DATA = "data.txt" }
        [command.table]
        argv = ["./gen.sh", "{target:tool}", "{out}"]
        outputs = ["sub/table.cpp"]
        depfile = true
        pool = "heavy"
        [command.pack]
        shell = "sh gen.sh {in} > {out}"
        inputs = ["command:version", "data.txt"]
        deps = ["plugin", "objects"]
        outputs = ["pack.bin"]
        [command.script]
        argv = ["tr", "a", "b"]
        outputs = ["app.ld"]

        [archive.crate]
        cargo = "crates/Cargo.toml"
        package = "inner"
        include = ["crates/include"]
        outputs = ["crates/include/inner.h"]
        [archive.made]
        make = "made"
        outputs = ["made/libmade.a", "made/made.h"]
        include = ["made", "{outdir}"]
        defines = ["MADE"]
        ldflags = ["-Wl,-z,now"]
        system-libs = ["m"]
        env-from = ["WHO"]
        [archive.tree]
        cmake = "tree"
        outputs = ["libtree.a"]
        pool = "heavy"
        [archive.any]
        command = ["./gen.sh", "x"]
        inputs = ["low", "app/**/*.c", "command:version", "data.txt"]
        outputs = ["any/libany.a", "any/any.h"]
        [command.uses]
        argv = ["sh", "gen.sh", "{target:made}", "{out}"]
        deps = ["any"]
        outputs = ["uses.bin"]

        [executable.tool]
        sources = ["tool/*.c"]
        deps = ["any"]
        [library.objects]
        type = "object"
        sources = ["objects/*.c", "objects/*.S"]
        include = ["objects"]
        [library.low]
        sources = ["low/*.c", "low/extra.cpp", "vendor/v.c"]
        exclude = ["low/out.c"]
        include = ["include"]
        deps = ["crate"]
        defines = ["LOW"]
        private-defines = ["INNER"]
        system-libs = ["m"]
        install = true
        install-headers = ["include/*.h"]
        [library.bare]
        include = ["include"]
        [library.headers]
        sources = ["include/*.h"]
        deps = ["low"]
        [library.both]
        sources = ["both/b.c"]
        include = ["both"]
        [library.plugin]
        type = "shared"
        sources = ["plugin/*.cc", "command:version"]
        deps = ["low", "objects"]
        version = "2.1.0"
        install = "lib/plugins"
        [library.second]
        type = "shared"
        sources = ["second/s.[c]"]
        deps = ["plugin"]
        [library.wrap]
        type = "shared"
        deps = ["objects"]

        [executable.app]
        sources = ["app/**", "command:version", "sub/table.cpp"]
        deps = ["second", "both", "bare", "headers", "tree", "made"]
        private-deps = ["objects"]
        whole-archive = ["both"]
        pch = "app/pre.h"
        linker-script = "app.ld"
        install = true
        pool = "heavy"
        cflags = ["-fstack-usage"]
        overrides = [
          { files = ["app/hot*.c"], cflags = ["-O3"], defines = ["HOT"] },
          { files = ["app/*.cpp"], warnings = "all" },
        ]
        [executable.firmware]
        toolchain = "avr"
        sources = ["fw/*.c"]
        deps = ["both"]
        [executable.nowhere]
        toolchain = "none"
        sources = ["fw/*.c"]
        [test.unit]
        sources = ["test/*.c"]
        deps = ["plugin", "low"]
        args = ["-v"]
        timeout = 5
        [test.run]
        program = "app"
        deps = ["pack"]
        "#;
    let mut space = Space::raw(manifest);
    for name in [
        "VERSION",
        "data.txt",
        "gen.sh",
        "tool/main.c",
        "tool/more.c",
        "objects/one.c",
        "objects/two.S",
        "low/a.c",
        "low/b.c",
        "low/out.c",
        "low/extra.cpp",
        "vendor/v.c",
        "include/low.h",
        "both/b.c",
        "plugin/p.cc",
        "second/s.c",
        "app/main.c",
        "app/hot1.c",
        "app/deep/x.cpp",
        "app/y.cpp",
        "app/pre.h",
        "fw/main.c",
        "test/unit.c",
        "made/Makefile",
        "tree/CMakeLists.txt",
        "crates/include/keep",
    ] {
        space.write(name, "");
    }
    space.write("crates/Cargo.toml", "[workspace]\nmembers = [\"in*\"]\n");
    space.write(
        "crates/inner/Cargo.toml",
        "[package]\nname = \"inner\"\n[lib]\ncrate-type = [\"staticlib\"]\n",
    );
    space.toolchains = vec!["host", "avr"];
    space.request.environment.insert("WHO".into(), "me".into());
    space
}

#[test]
fn every_part_of_a_project_with_everything_in_it_is_what_it_is_in_the_whole() {
    let mut space = everything();
    check_parts(&space);
    space.request.wanted = Wanted::Everything;
    check_parts(&space);
}

#[test]
fn the_example_can_be_lowered_in_parts() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello");
    let mut space = everything();
    space.base = example.canonicalize().unwrap();
    check_parts(&space);
}

#[test]
fn no_toolchain_is_asked_for_what_is_not_wanted() {
    let space = everything();
    let mut whole = Whole::new(&space);
    let mut asked = |wanted: &[&str]| {
        let wanted: Vec<PathBuf> = wanted.iter().map(PathBuf::from).collect();
        whole.compare(&wanted, true)
    };
    assert_eq!(asked(&[]), 0);
    assert_eq!(asked(&["gen/version.c"]), 0);
    assert_eq!(asked(&["obj/low/low/a.c.o"]), 1);
    assert_eq!(asked(&["liblow.a", "app", "obj/app/app/main.c.o"]), 3);
    assert_eq!(asked(&["libplugin.so"]), 1);
    // Only a whole lowering knows what makes this one.
    assert!(asked(&["obj/app/app/main.c.su"]) > 10);
}

#[test]
fn no_directory_is_listed_for_what_is_not_wanted() {
    use rekindle_fingerprint::consult::{self, Question};
    let space = Space::new(
        "[library.one]\nsources = [\"one/*.c\"]\n[library.two]\nsources = [\"two/*.c\"]\n",
        &["one/a.c", "two/b.c"],
    );
    let mut whole = Whole::new(&space);
    consult::begin();
    whole.compare(&[PathBuf::from("obj/one/one/a.c.o")], true);
    let record = consult::end().unwrap();
    let listed: Vec<_> = record
        .iter()
        .filter(|(_, question, _)| *question == Question::Names)
        .map(|(path, ..)| path)
        .collect();
    assert_eq!(listed, [space.base.join("one")]);
}
