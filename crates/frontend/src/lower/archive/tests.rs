//! What the actions of archives are, as their forms and the manifest make them.

use std::fs;

use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;

use crate::lower::lower;
use crate::tests::space::{Space, Written};

/// A package with a static library.
const CRATE: &str = "[package]\nname = \"rt-lib\"\n[lib]\ncrate-type = [\"staticlib\"]\n[workspace]\n";

/// A project with an archive and a program that uses it, on a machine where cargo's own directory is elsewhere.
fn with(manifest: &str, files: &[&str]) -> Space {
    let program = "[executable.app]\nsources = [\"main.c\"]\ndeps = [\"a\"]\n";
    let mut space = Space::new(&format!("{manifest}\n{program}"), files);
    space.write("main.c", "");
    space.request.environment.insert("CARGO_HOME".into(), "/nowhere/cargo".into());
    space
}

/// The lines of `commands` that are of the archive, or start with one of these words.
fn about(space: &Space, words: &[&str]) -> String {
    let commands = space.commands();
    let lines = commands.lines().filter(|line| {
        words
            .iter()
            .any(|word| line.trim_start().strip_prefix(word).is_some_and(|rest| rest.starts_with(": ")))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn any_command_with_what_it_reads_and_makes() {
    let mut space = with(
        "[archive.a]\ncommand = [\"sh\", \"build.sh\", \"--out\"]\nworking-directory = \"v\"\ntools = [\"cc\"]\n\
         env = { MODE = \"x\" }\nenv-from = [\"SET\", \"UNSET\"]\nprofile = { fast = true, level = 2, name = \"n\" }\n\
         inputs = [\"v\", \"data/*.bin\", \"v/keep.o\"]\nexclude = [\"*.o\"]\ndepfiles = [\"v/a.d\"]\n\
         outputs = [\"v/out/liba.a\", \"v/out/a.h\", \"./v/gen.c\"]\ninclude = [\"v/out\", \"v/inc\", \"{outdir}\"]\n\
         defines = [\"A=1\"]\nsystem-libs = [\"m\"]\nldflags = [\"-Wl,-z,now\"]\npool = \"p\"\nshare = false\n[pool]\np = 1\n",
        &["v/build.sh", "data/x.bin", "v/inc/b.h", "v/keep.o"],
    );
    space.request.environment.insert("SET".into(), "1".into());
    insta::assert_snapshot!(space.commands(), @r#"
    sh build.sh --out
        as: sh build.sh --out
        in: v
        env: MODE=x SET=1
        tools: sh cc ()
        trees: v [] data ["*.bin"]
        files: v/keep.o
        exclude: *.o
        outside: build: .rekindle/build v/a.d v/out/liba.a v/out/a.h v/gen.c
        inputs: data/x.bin v/build.sh v/inc/b.h v/keep.o
        depfiles: v/a.d
        made: v/out/liba.a v/out/a.h v/gen.c
        outputs: build:archive/a/v/out/liba.a v/out/a.h v/gen.c
        remove: v/out/liba.a v/out/a.h v/gen.c
        locks: v v/out
        facts: =profile fast=1 =profile level=2 =profile name=n
    host-cc -g -DA=1 -Iv/out -Iv/inc -IB/archive/a -c main.c -o B/obj/app/main.c.o  | after v/out/a.h v/gen.c
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/v/out/liba.a -lm -Wl,-z,now
    "#);
    let made = space.lower().unwrap();
    let (_, action) = made.lowered.graph.actions().find(|(_, action)| action.auto.is_some()).unwrap();
    assert_eq!((action.pool.as_deref(), action.share), (Some("p"), false));
    assert_eq!(made.lowered.variables.get(std::ffi::OsStr::new("UNSET")), Some(&None));
}

#[test]
fn a_package_of_rust() {
    let space = with(
        "[archive.a]\ncargo = \"rt/Cargo.toml\"\n",
        &["rt/src/lib.rs", "rt/Cargo.lock", "rt/tests/t.rs"],
    );
    space.write("rt/Cargo.toml", CRATE);
    insta::assert_snapshot!(space.commands(), @"
    cargo build --quiet --color never --manifest-path Cargo.toml --release --target-dir /P/.rekindle/build/.archives/a/HEX --lib -p rt-lib --config build.rustflags=['--remap-path-prefix=/P=/rekindle/ws','--remap-path-prefix=/nowhere/cargo=/rekindle/cargo','--remap-path-prefix=/P/.rekindle/build/.archives/a/HEX=/rekindle/work']
        as: cargo build --quiet --color never --manifest-path Cargo.toml --release --target-dir <work.a!> --lib -p rt-lib --config build.rustflags=['--remap-path-prefix=<ws!>=/rekindle/ws','--remap-path-prefix=<home.cargo!>=/rekindle/cargo','--remap-path-prefix=<work.a!>=/rekindle/work']
        in: rt
        tools: cargo ()
        trees: rt []
        files: rt/Cargo.toml
        outside: rt/Cargo.lock build: .rekindle/build work.a:release/librt_lib.a
        inputs: rt/Cargo.toml rt/src/lib.rs rt/tests/t.rs
        depfiles: work.a:release/librt_lib.d
        made: work.a:release/librt_lib.a
        outputs: build:archive/a/librt_lib.a
        work: work.a:
        forget: work.a:release/.fingerprint/rt-lib-* work.a:release/build/rt-lib-*
        locks: rt work.a:
        facts: =profile cargo-profile=release =profile package=rt-lib =profile target=x86_64-unknown-linux-gnu
    host-cc -g -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/librt_lib.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
    ");
}

#[test]
fn a_package_that_takes_others_from_a_registry_needs_a_lock_which_counts() {
    let space = with("[archive.a]\ncargo = \"rt/Cargo.toml\"\n", &["rt/src/lib.rs"]);
    space.write("rt/Cargo.toml", &format!("{CRATE}[dependencies]\nlibc = \"0.2\"\n"));
    insta::assert_snapshot!(space.errors(), @"
    rekindle.toml:3:10: `rt-lib` depends on packages of a registry, and there is no `rt/Cargo.lock`
       3 | [archive.a]
         |          ^
         = why: which versions are taken would depend on the day, and on what the machine has downloaded
         = hint: run `cargo generate-lockfile`, and keep the file with the sources
    ");
    space.write("rt/Cargo.lock", "");
    let told = about(&space, &["as", "files", "inputs"]);
    assert!(told.contains(" --locked ") && told.contains("files: rt/Cargo.toml rt/Cargo.lock"), "{told}");
    assert!(told.contains("inputs: rt/Cargo.lock rt/Cargo.toml"), "{told}");
}

#[test]
fn a_package_of_a_workspace_with_everything_said_of_it() {
    let space = with(
        "[archive.a]\ncargo = \"rt/Cargo.toml\"\npackage = \"main\"\nfeatures = [\"x\", \"y\"]\ndefault-features = false\n\
         cargo-profile = \"dev\"\ntarget = \"thumbv7em-none-eabi\"\nargs = [\"--offline\"]\n",
        &[
            "rt/main/build.rs",
            "rt/main/src/lib.rs",
            "rt/dep/src/lib.rs",
            "rt/rust-toolchain.toml",
            ".cargo/config.toml",
        ],
    );
    space.write("rt/Cargo.toml", "[workspace]\nmembers = [\"m*\"]\n");
    let main = "[package]\nname = \"main\"\n[lib]\nname = \"core\"\ncrate-type = [\"lib\", \"staticlib\"]\n[dependencies]\ndep = { path = \"../dep\" }\n";
    space.write("rt/main/Cargo.toml", main);
    space.write("rt/dep/Cargo.toml", "[package]\nname = \"dep\"\n");
    insta::assert_snapshot!(space.commands(), @"
    cargo build --quiet --color never --manifest-path Cargo.toml --profile dev --target-dir /P/.rekindle/build/.archives/a/HEX --lib -p main --features x,y --no-default-features --target thumbv7em-none-eabi --offline --config build.rustflags=['--remap-path-prefix=/P=/rekindle/ws','--remap-path-prefix=/nowhere/cargo=/rekindle/cargo','--remap-path-prefix=/P/.rekindle/build/.archives/a/HEX=/rekindle/work']
        as: cargo build --quiet --color never --manifest-path Cargo.toml --profile dev --target-dir <work.a!> --lib -p main --features x,y --no-default-features --target thumbv7em-none-eabi --offline --config build.rustflags=['--remap-path-prefix=<ws!>=/rekindle/ws','--remap-path-prefix=<home.cargo!>=/rekindle/cargo','--remap-path-prefix=<work.a!>=/rekindle/work']
        in: rt
        env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work
        tools: cargo cc (ar c++)
        trees: rt/dep [] rt/main []
        files: rt/Cargo.toml rt/rust-toolchain.toml .cargo/config.toml
        outside: rt/Cargo.lock build: .rekindle/build work.a:thumbv7em-none-eabi/debug/libcore.a
        inputs: .cargo/config.toml rt/Cargo.toml rt/dep/Cargo.toml rt/dep/src/lib.rs rt/main/Cargo.toml rt/main/build.rs rt/main/src/lib.rs rt/rust-toolchain.toml
        depfiles: work.a:thumbv7em-none-eabi/debug/libcore.d
        made: work.a:thumbv7em-none-eabi/debug/libcore.a
        outputs: build:archive/a/libcore.a
        work: work.a:
        forget: work.a:thumbv7em-none-eabi/debug/.fingerprint/dep-* work.a:thumbv7em-none-eabi/debug/build/dep-* work.a:debug/.fingerprint/dep-* work.a:debug/build/dep-* work.a:thumbv7em-none-eabi/debug/.fingerprint/main-* work.a:thumbv7em-none-eabi/debug/build/main-* work.a:debug/.fingerprint/main-* work.a:debug/build/main-*
        locks: rt work.a:
        facts: =profile cargo-profile=dev =profile default-features=false =profile features=x y =profile package=main =profile target=thumbv7em-none-eabi
    host-cc -g -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/libcore.a
    ");
}

#[test]
fn flags_of_the_project_stay_where_they_are_and_maps_come_behind() {
    let mut space = with("[archive.a]\ncargo = \"rt/Cargo.toml\"\n", &["rt/build.rs", "rt/Cargo.lock"]);
    space.write("rt/Cargo.toml", CRATE);
    let mut told = |variables: &[(&str, &str)], config: &str| {
        for (name, value) in variables {
            space.request.environment.insert(name.into(), value.into());
        }
        fs::create_dir_all(space.base.join(".cargo")).unwrap();
        space.write(".cargo/config.toml", config);
        let made = about(&space, &["as", "env"]);
        for (name, _) in variables {
            space.request.environment.remove(std::ffi::OsStr::new(name));
        }
        let at = made.find("--config").or_else(|| made.find("env:")).unwrap_or(0);
        made[at..].to_string()
    };
    let target = format!("[target.{}-unknown-linux-gnu]\nrustflags = [\"-Cx\"]\n", std::env::consts::ARCH);
    let all = [
        told(&[("CFLAGS", "-O3"), ("CFLAGS_arm", "-Os")], ""),
        told(&[], "[build]\nrustflags = \"-C x\"\n"),
        told(&[], &target),
        told(&[("RUSTFLAGS", "-C y")], &target),
        told(&[("RUSTFLAGS", "")], &target),
        told(&[("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}z")], ""),
    ];
    insta::assert_snapshot!(all.join("\n").replace('\u{1f}', "|"), @"
    --config build.rustflags=['--remap-path-prefix=<ws!>=/rekindle/ws','--remap-path-prefix=<home.cargo!>=/rekindle/cargo','--remap-path-prefix=<work.a!>=/rekindle/work']
        env: CFLAGS=-O3 -ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CFLAGS_arm=-Os -ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work
    --config build.rustflags='-C x --remap-path-prefix=<ws!>=/rekindle/ws --remap-path-prefix=<home.cargo!>=/rekindle/cargo --remap-path-prefix=<work.a!>=/rekindle/work'
        env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work
    --config target.'cfg(all())'.rustflags=['--remap-path-prefix=<ws!>=/rekindle/ws','--remap-path-prefix=<home.cargo!>=/rekindle/cargo','--remap-path-prefix=<work.a!>=/rekindle/work']
        env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work
    env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work RUSTFLAGS=-C y --remap-path-prefix=<ws!>=/rekindle/ws --remap-path-prefix=<home.cargo!>=/rekindle/cargo --remap-path-prefix=<work.a!>=/rekindle/work
    env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work RUSTFLAGS=--remap-path-prefix=<ws!>=/rekindle/ws --remap-path-prefix=<home.cargo!>=/rekindle/cargo --remap-path-prefix=<work.a!>=/rekindle/work
    env: CARGO_ENCODED_RUSTFLAGS=-C|z|--remap-path-prefix=<ws!>=/rekindle/ws|--remap-path-prefix=<home.cargo!>=/rekindle/cargo|--remap-path-prefix=<work.a!>=/rekindle/work CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<home.cargo!>=cargo -ffile-prefix-map=<work.a!>=work
    ");
}

#[test]
fn a_directory_with_a_makefile() {
    let mut space = with(
        "[archive.a]\nmake = \"z\"\ntargets = [\"libz.a\"]\nargs = [\"V=1\"]\noutputs = [\"z/libz.a\", \"z/zconf.h\"]\ninclude = [\"z\"]\ninputs = [\"z/blob.o\"]\n",
        &["z/Makefile", "z/z.c", "z/blob.o", "z/z.o"],
    );
    space.request.environment.insert("CC".into(), "ccache gcc -m32".into());
    insta::assert_snapshot!(space.commands(), @"
    make --always-make --silent V=1 libz.a
        as: make --always-make --silent V=1 libz.a
        in: z
        env: CC=ccache gcc -m32 -ffile-prefix-map=<ws!>=. CXX=c++ -ffile-prefix-map=<ws!>=.
        tools: make ccache gcc ar (c++)
        trees: z []
        files: z/blob.o
        exclude: *.o *.lo *.d .libs
        outside: build: .rekindle/build z/libz.a z/zconf.h
        inputs: z/Makefile z/blob.o z/z.c
        made: z/libz.a z/zconf.h
        outputs: build:archive/a/z/libz.a z/zconf.h
        remove: z/libz.a z/zconf.h
        locks: z
        facts: =profile targets=libz.a
    host-cc -g -Iz -c main.c -o B/obj/app/main.c.o  | after z/zconf.h
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/z/libz.a
    ");
}

#[test]
fn a_project_of_cmake() {
    let space = with(
        "[archive.a]\ncmake = \"png\"\ngenerator = \"Ninja\"\nconfiguration = \"MinSizeRel\"\ntargets = [\"png\", \"more\"]\n\
         outputs = [\"lib/libpng.a\", \"gen/p.h\"]\ninclude = [\"png\", \"{outdir}/gen\"]\n\
         definitions = { PNG_SHARED = false, PNG_STATIC = true, LEVEL = 3, WHERE = \"x y\" }\n",
        &["png/CMakeLists.txt", "png/png.c"],
    );
    insta::assert_snapshot!(space.commands(), @"
    cmake --build /P/.rekindle/build/.archives/a/HEX --config MinSizeRel --target png more
        as: cmake --build <work.a!> --config MinSizeRel --target png more
        before: cmake -S <ws!>/png -B <work.a!> -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DLEVEL=3 -DPNG_SHARED=OFF -DPNG_STATIC=ON -DWHERE=x y
        in: png
        env: CFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<work.a!>=work CXXFLAGS=-ffile-prefix-map=<ws!>=. -ffile-prefix-map=<work.a!>=work
        tools: cmake ninja cc ar (c++)
        trees: png []
        outside: build: .rekindle/build work.a:lib/libpng.a work.a:gen/p.h
        inputs: png/CMakeLists.txt png/png.c
        made: work.a:lib/libpng.a work.a:gen/p.h
        outputs: build:archive/a/lib/libpng.a build:archive/a/gen/p.h
        work: work.a:
        remove: work.a:
        locks: png work.a:
        facts: =profile configuration=MinSizeRel =profile generator=Ninja =profile targets=png more
    host-cc -g -Ipng -IB/archive/a/gen -c main.c -o B/obj/app/main.c.o  | after build:archive/a/gen/p.h
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/lib/libpng.a
    ");
}

#[test]
fn others_link_all_members_or_those_they_need_behind_what_uses_them() {
    let space = with(
        "[archive.a]\nmake = \"z\"\noutputs = [\"z/liba.a\"]\nsystem-libs = [\"m\"]\n[library.mid]\nsources = [\"mid.c\"]\ndeps = [\"a\", \"low\"]\n\
         [library.low]\nsources = [\"low.c\"]\ndeps = [\"a\"]\n[library.dyn]\ntype = \"shared\"\nsources = [\"dyn.c\"]\ndeps = [\"a\"]\nwhole-archive = [\"a\"]\n\
         [executable.other]\nsources = [\"main.c\"]\ndeps = [\"mid\", \"dyn\"]\n",
        &["z/makefile", "mid.c", "low.c", "dyn.c"],
    );
    let commands = space.commands();
    let links: Vec<&str> =
        commands.lines().filter(|line| line.contains(" -o B/") && !line.contains(" -c ")).collect();
    insta::assert_snapshot!(links.join("\n"), @"
    host-cc -g -shared -soname=libdyn.so -o B/libdyn.so B/obj/dyn/dyn.c.o whole:B/archive/a/z/liba.a -lm
    host-cc -g -o B/other B/obj/other/main.c.o B/libmid.a B/liblow.a B/archive/a/z/liba.a B/libdyn.so -lm -rpath:.rekindle/build/debug
    host-cc -g -o B/app B/obj/app/main.c.o B/archive/a/z/liba.a -lm
    ");
}

#[test]
fn each_thing_that_keys_a_result_gives_it_another_place_to_work_and_inputs_do_not() {
    let space = with(
        "[archive.a]\ncommand = [\"sh\", \"x\"]\ninputs = [\"v\"]\noutputs = [\"liba.a\"]\nenv-from = [\"E\"]\nprofile = { p = 1 }\n",
        &["v/x"],
    );
    let place = |space: &Space| {
        let made = space.lower().unwrap();
        made.files.roots().by_name("work.a").map(|root| made.files.roots().get(root).path.clone()).unwrap()
    };
    let first = place(&space);
    assert!(first.starts_with(space.base.join(".rekindle/build/.archives/a")), "{}", first.display());
    space.write("v/y", "more");
    assert_eq!(place(&space), first);
    let manifest = fs::read_to_string(space.base.join("rekindle.toml")).unwrap();
    for (old, new) in [
        ("p = 1", "p = 2"),
        ("\"x\"]", "\"y\"]"),
        ("[\"liba.a\"]", "[\"libb.a\"]"),
        ("command", "tools = [\"cc\"]\ncommand"),
    ] {
        space.write("rekindle.toml", &manifest.replacen(old, new, 1));
        assert_ne!(place(&space), first, "{new}");
    }
    space.write("rekindle.toml", &manifest);
    let mut space = space;
    space.request.environment.insert("E".into(), "".into());
    assert_ne!(place(&space), first);
}

#[test]
fn a_tool_that_is_absent_is_named_and_leaves_the_command_as_it_is() {
    /// A machine without build tools.
    struct Bare(Written);
    impl crate::toolbox::Toolbox for Bare {
        fn knows(&self, _: &str) -> bool {
            true
        }
        fn compile(
            &mut self,
            toolchain: &str,
            files: &mut Files,
            what: &rekindle_toolchain::request::Compile,
        ) -> Result<rekindle_fingerprint::action::Action, String> {
            self.0.compile(toolchain, files, what)
        }
        fn archive(
            &mut self,
            toolchain: &str,
            files: &mut Files,
            what: &rekindle_toolchain::request::Archive,
        ) -> Result<rekindle_fingerprint::action::Action, String> {
            self.0.archive(toolchain, files, what)
        }
        fn link(
            &mut self,
            toolchain: &str,
            files: &mut Files,
            what: &rekindle_toolchain::request::Link,
        ) -> Result<rekindle_fingerprint::action::Action, String> {
            self.0.link(toolchain, files, what)
        }
    }
    let space = with("[archive.a]\ncmake = \"c\"\noutputs = [\"liba.a\"]\n", &["c/CMakeLists.txt"]);
    let project = space.load().unwrap();
    let build = space.base.join(".rekindle/build/debug");
    let named = |tools: &mut dyn crate::toolbox::Toolbox| {
        let mut files = Files::new(Roots::new(&space.base, &build));
        let lowered = lower(&project, tools, &mut files).unwrap();
        let (_, action) = lowered.graph.actions().find(|(_, action)| action.auto.is_some()).unwrap();
        let spelling = rekindle_fingerprint::action::Spelling::new(&files, action.cwd);
        let auto = action.auto.as_ref().unwrap();
        let commands = auto.before.iter().chain([&action.argv]).flatten();
        let words: Vec<Vec<u8>> = commands.map(|word| word.name(&files, &spelling)).collect();
        (words, action.identity.is_some(), auto.absent.clone())
    };
    let there = named(&mut Written::new(vec!["host"]));
    let absent = named(&mut Bare(Written::new(vec!["host"])));
    assert_eq!(there.0, absent.0);
    assert_eq!((there.1, there.2), (true, None));
    assert_eq!((absent.1, absent.2.as_deref()), (false, Some("cmake")));
}
