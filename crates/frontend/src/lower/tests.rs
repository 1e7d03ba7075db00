//! What the actions of a lowered project are: their command lines, as a toolchain that only writes down what it was
//! asked for shows them.

use rekindle_fingerprint::action::Spelling;
use rekindle_fingerprint::consult::{self, Answer};

use crate::load::Wanted;
use crate::tests::space::Space;

#[test]
fn an_executable_with_a_library_and_a_generated_source() {
    let space = Space::new(
        r#"
        [library.util]
        sources = ["src/util/*.c"]
        include = ["include"]
        defines = ["UTIL=1"]
        private-defines = ["INNER"]
        private-include = ["src"]

        [command.version]
        argv = ["sh", "gen.sh", "{in}", "{out}"]
        inputs = ["VERSION"]
        outputs = ["version.c", "version.h"]

        [executable.app]
        sources = ["src/main.cpp", "command:version"]
        deps = ["util"]
        cxx-std = "c++17"
        warnings = "extra"

        [test.unit]
        sources = ["t/unit.c"]
        deps = ["util"]
        "#,
        &["src/util/b.c", "src/util/a.c", "include/util.h", "src/main.cpp", "VERSION", "gen.sh", "t/unit.c"],
    );
    insta::assert_snapshot!(space.commands(), @"
    host-cc -g -DUTIL=1 -DINNER -Isrc -Iinclude -c src/util/a.c -o B/obj/util/src/util/a.c.o
    host-cc -g -DUTIL=1 -DINNER -Isrc -Iinclude -c src/util/b.c -o B/obj/util/src/util/b.c.o
    host-ar B/libutil.a B/obj/util/src/util/a.c.o B/obj/util/src/util/b.c.o
    /usr/bin/sh gen.sh VERSION B/gen/version.c B/gen/version.h  | in /usr/bin/sh gen.sh VERSION | out build:gen/version.c build:gen/version.h
    host-cxx -g -std=c++17 -W:Extra -DUTIL=1 -Iinclude -IB/gen -c src/main.cpp -o B/obj/app/src/main.cpp.o  | after build:gen/version.c build:gen/version.h
    host-cc -g -W:Extra -DUTIL=1 -Iinclude -IB/gen -c B/gen/version.c -o B/obj/app/@build/gen/version.c.o  | after build:gen/version.c build:gen/version.h
    host-cxx -g -o B/app B/obj/app/src/main.cpp.o B/obj/app/@build/gen/version.c.o B/libutil.a
    host-cc -g -DUTIL=1 -Iinclude -c t/unit.c -o B/obj/unit/t/unit.c.o
    host-cc -g -o B/unit B/obj/unit/t/unit.c.o B/libutil.a
    ");
}

#[test]
fn libraries_stand_behind_what_uses_them_and_each_once() {
    let space = Space::new(
        r#"
        [executable.app]
        sources = ["main.c"]
        deps = ["a", "b"]
        system-libs = ["m"]
        [library.a]
        sources = ["a.c"]
        deps = ["base"]
        system-libs = ["pthread", "m"]
        ldflags = ["-Wl,-z,now"]
        private-ldflags = ["-never"]
        [library.b]
        sources = ["b.cc"]
        private-deps = ["base"]
        [library.base]
        sources = ["base.c"]
        defines = ["BASE"]
        system-libs = ["m"]
        library-dirs = ["vendor"]
        "#,
        &["main.c", "a.c", "b.cc", "base.c", "vendor/libx.a"],
    );
    insta::assert_snapshot!(space.commands(), @"
    host-cc -g -DBASE -c base.c -o B/obj/base/base.c.o
    host-ar B/libbase.a B/obj/base/base.c.o
    host-cc -g -DBASE -c a.c -o B/obj/a/a.c.o
    host-ar B/liba.a B/obj/a/a.c.o
    host-cxx -g -DBASE -c b.cc -o B/obj/b/b.cc.o
    host-ar B/libb.a B/obj/b/b.cc.o
    host-cc -g -DBASE -c main.c -o B/obj/app/main.c.o
    host-cxx -g -o B/app B/obj/app/main.c.o B/liba.a B/libb.a B/libbase.a -lpthread -lm -Lvendor -Wl,-z,now
    ");
}

#[test]
fn a_shared_library_holds_its_static_ones_and_is_found_when_a_program_runs() {
    let space = Space::new(
        r#"
        [library.core]
        sources = ["core.c"]
        [library.x]
        type = "shared"
        version = "1.2.0"
        sources = ["x.c"]
        deps = ["core", "y"]
        whole-archive = ["core"]
        version-script = "x.map"
        install = true
        include = ["include"]
        install-headers = ["include/**/*.h"]
        [library.y]
        type = "shared"
        sources = ["y.c"]
        [executable.app]
        sources = ["main.c"]
        deps = ["x"]
        linker-script = "app.ld"
        install = "libexec"
        "#,
        &["core.c", "x.c", "y.c", "main.c", "x.map", "app.ld", "include/x/x.h"],
    );
    insta::assert_snapshot!(space.commands(), @"
    host-cc -g -fPIC -c core.c -o B/obj/core/core.c.o
    host-ar B/libcore.a B/obj/core/core.c.o
    host-cc -g -fPIC -c y.c -o B/obj/y/y.c.o
    host-cc -g -shared -soname=liby.so -o B/liby.so B/obj/y/y.c.o
    host-cc -g -fPIC -Iinclude -c x.c -o B/obj/x/x.c.o
    host-cc -g -shared -soname=libx.so.1 -o B/libx.so.1.2.0 B/obj/x/x.c.o whole:B/libcore.a B/liby.so -rpath:.rekindle/build/debug -Wl,--version-script=x.map  | build:libx.so.1 -> libx.so.1.2.0  | build:libx.so -> libx.so.1
    host-cc -g -Iinclude -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/libx.so.1.2.0 -rpath:.rekindle/build/debug -T app.ld
    ");
    let made = space.lower().unwrap();
    let installed = made.lowered.graph.targets().iter().flat_map(|target| &target.install);
    let installed: Vec<String> =
        installed.map(|(file, place)| format!("{} to {}", made.files.show(*file), place.display())).collect();
    insta::assert_snapshot!(installed.join("\n"), @"
    include/x/x.h to include/x/x.h
    build:libx.so.1.2.0 to lib/libx.so.1.2.0
    build:libx.so.1 to lib/libx.so.1
    build:libx.so to lib/libx.so
    build:app to libexec/app
    ");
    let app = made.lowered.graph.target("app").unwrap();
    let outputs: Vec<String> = app.outputs.iter().map(|path| made.files.show(*path)).collect();
    assert_eq!(outputs, ["build:app", "build:libx.so.1.2.0", "build:liby.so"]);
}

#[test]
fn objects_of_an_object_library_are_linked_one_by_one() {
    let space = Space::new(
        r#"
        [library.startup]
        type = "object"
        sources = ["start.S", "low.s", "vendor/crt.o"]
        asflags = ["-Wa,--warn"]
        deps = ["below"]
        [library.below]
        sources = ["below.c"]
        [library.all]
        sources = ["all.c"]
        deps = ["startup"]
        [executable.app]
        sources = ["main.c"]
        deps = ["startup"]
        [executable.other]
        sources = ["main.c"]
        deps = ["all"]
        "#,
        &["start.S", "low.s", "vendor/crt.o", "below.c", "all.c", "main.c"],
    );
    insta::assert_snapshot!(space.commands(), @"
    host-cc -g -c below.c -o B/obj/below/below.c.o
    host-ar B/libbelow.a B/obj/below/below.c.o
    host-cc -g -Wa,--warn -c start.S -o B/obj/startup/start.S.o
    host-cc -g -Wa,--warn -c low.s -o B/obj/startup/low.s.o
    host-cc -g -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/obj/startup/start.S.o B/obj/startup/low.s.o vendor/crt.o B/libbelow.a
    host-cc -g -c all.c -o B/obj/all/all.c.o
    host-ar B/liball.a B/obj/all/all.c.o B/obj/startup/start.S.o B/obj/startup/low.s.o vendor/crt.o
    host-cc -g -c main.c -o B/obj/other/main.c.o
    host-cc -g -o B/other B/obj/other/main.c.o B/liball.a B/libbelow.a
    ");
}

#[test]
fn a_host_tool_generates_a_source_for_cross_compiled_firmware() {
    let mut space = Space::new(
        r#"
        [toolchain.avr]
        cc = "avr-gcc"
        flags = ["-mmcu=atmega328p"]
        cflags = ["-Os"]
        ldflags = ["-Wl,--gc-sections"]

        [executable.mktable]
        sources = ["tools/mktable.c"]
        deps = ["shared"]

        [command.table]
        argv = ["{target:mktable}", "--count", "${option.count}", "--out={out:0}", "{outdir}/table.h", "{depfile}"]
        outputs = ["table.c", "table.h"]
        depfile = true
        env = { LIMIT = "${option.count}", PLACE = "{outdir}" }
        env-from = ["SOURCE_DATE_EPOCH"]

        [option.count]
        type = "int"
        default = 8

        [library.shared]
        sources = ["shared.c"]
        [[library.shared.also]]
        when = { arch = "avr", os = "none" }
        sources = ["avr.S"]

        [executable.firmware]
        toolchain = "avr"
        sources = ["fw/main.c", "table.c"]
        deps = ["shared"]

        [command.hex]
        argv = ["avr-objcopy-none-such", "-Oihex", "{target:firmware}", "{out}"]
        outputs = ["firmware.hex"]
        share = false
        pool = "one"
        [pool]
        one = 1
        "#,
        &["tools/mktable.c", "shared.c", "avr.S", "fw/main.c"],
    );
    // Who wants to know of everything is not kept from it by a program that is not there.
    space.request.wanted = Wanted::Everything;
    insta::assert_snapshot!(space.with(&["count=9"]).commands(), @"
    host-cc -g -c shared.c -o B/obj/shared/shared.c.o
    host-ar B/libshared.a B/obj/shared/shared.c.o
    host-cc -g -c tools/mktable.c -o B/obj/mktable/tools/mktable.c.o
    host-cc -g -o B/mktable B/obj/mktable/tools/mktable.c.o B/libshared.a
    avr-cc -g -Os -c shared.c -o B/obj/shared@avr/shared.c.o
    avr-cc -g -c avr.S -o B/obj/shared@avr/avr.S.o
    avr-ar B/toolchains/avr/libshared.a B/obj/shared@avr/shared.c.o B/obj/shared@avr/avr.S.o
    B/mktable --count 9 --out=B/gen/table.c B/gen/table.h B/tmp/table/command.d  | in build:mktable | out build:gen/table.c build:gen/table.h
    avr-cc -g -IB/gen -Os -c fw/main.c -o B/obj/firmware/fw/main.c.o  | after build:gen/table.c build:gen/table.h
    avr-cc -g -IB/gen -Os -c B/gen/table.c -o B/obj/firmware/@build/gen/table.c.o  | after build:gen/table.c build:gen/table.h
    avr-cc -g -o B/firmware B/obj/firmware/fw/main.c.o B/obj/firmware/@build/gen/table.c.o B/toolchains/avr/libshared.a -Wl,--gc-sections
    avr-objcopy-none-such -Oihex B/firmware B/gen/firmware.hex  | in build:firmware | out build:gen/firmware.hex
    ");
}

#[test]
fn a_target_whose_toolchain_is_missing_is_left_out_unless_it_is_named() {
    let manifest = r#"
        [toolchain.riscv]
        target = "riscv64-unknown-elf"
        [executable.tool]
        sources = ["a.c"]
        deps = ["both"]
        [library.both]
        sources = ["a.c"]
        [executable.fw]
        toolchain = "riscv"
        sources = ["a.c"]
        deps = ["both"]
        [command.hex]
        argv = ["sh", "{target:fw}", "{out}"]
        outputs = ["fw.hex"]
        "#;
    let mut space = Space::new(manifest, &["a.c"]);
    let made = space.lower().unwrap();
    assert_eq!(made.lowered.left_out, ["fw", "both"]);
    assert_eq!(made.lowered.graph.len(), 4);
    insta::assert_snapshot!(made.lowered.notices[0].to_string().replace(&space.base.display().to_string(), ""), @"
    /rekindle.toml:4:20: `fw`, `hex` are left out: the toolchain `riscv` is missing
       4 |         [toolchain.riscv]
         |                    ^^^^^
         = why: no C compiler was found: searched for `x-gcc` on PATH
         = hint: install it
    ");
    assert_eq!(made.lowered.notices.len(), 1);
    let needed = space.load().unwrap().toolchains().unwrap();
    let needed: Vec<_> = needed.iter().map(|needed| (needed.spec.name.as_str(), needed.wanted)).collect();
    assert_eq!(needed, [("host", true), ("riscv", true)]);
    // What nobody asked for is worth no word, and what is there for one toolchain is there.
    space = space.wanting(&["tool", "both"]);
    assert_eq!(space.lower().unwrap().lowered.notices, []);
    space = space.wanting(&["hex", "tool"]);
    insta::assert_snapshot!(space.errors(), @"
    rekindle.toml:4:20: `hex` cannot be built: the toolchain `riscv` is missing
       4 |         [toolchain.riscv]
         |                    ^^^^^
         = why: no C compiler was found: searched for `x-gcc` on PATH
         = hint: install it
    ");
    // Nor is it success if nothing at all can be built.
    space = Space::new(&manifest.replace("[executable.tool]", "[test.tool]"), &["a.c"]);
    space.request.wanted = Wanted::Default;
    space.toolchains = vec!["avr"];
    insta::assert_snapshot!(space.errors(), @"
    rekindle.toml:4:20: `both`, `fw`, `hex` cannot be built: the toolchain `riscv` is missing
       4 |         [toolchain.riscv]
         |                    ^^^^^
         = why: no C compiler was found: searched for `x-gcc` on PATH
         = hint: install it

    rekindle.toml:9:18: `both` cannot be built: the toolchain `host` is missing
       9 |         [library.both]
         |                  ^^^^
         = why: no C compiler was found: searched for `x-gcc` on PATH
         = hint: install it
    ");
}

#[test]
fn the_hosts_toolchain_is_never_left_out() {
    let mut space = Space::new(
        r#"
        [toolchain.avr]
        cc = "avr-gcc"
        [executable.tool]
        sources = ["a.c"]
        [executable.fw]
        toolchain = "avr"
        sources = ["a.c"]
        "#,
        &["a.c"],
    );
    space.toolchains = vec!["avr"];
    insta::assert_snapshot!(space.errors(), @"
    rekindle.toml:6:21: `tool` cannot be built: the toolchain `host` is missing
       6 |         [executable.tool]
         |                     ^^^^
         = why: no C compiler was found: searched for `x-gcc` on PATH
         = hint: install it
    ");
    assert_eq!(space.wanting(&["fw"]).lower().unwrap().lowered.graph.len(), 2);
}

#[test]
fn profiles_set_flags_in_order_and_inherit() {
    let mut space = Space::new(
        r#"
        [profile.debug]
        sanitize = ["address"]
        [profile.small]
        inherits = "release"
        optimize = "s"
        lto = true
        debug = true
        defines = ["SMALL"]
        cflags = ["-fsmall"]
        ldflags = ["-Wl,-s"]
        [executable.app]
        sources = ["main.c"]
        cflags = ["-fapp"]
        ldflags = ["-Wl,-app"]
        overrides = [{ files = ["m*.c"], cflags = ["-fmain"], defines = ["MAIN=${profile}"], warnings = "none" }]
        "#,
        &["main.c"],
    );
    let mut all = String::new();
    for profile in ["debug", "release", "small"] {
        space.request.profile = profile.into();
        all += &space.commands().replace(&format!(".rekindle/build/{profile}/"), "B/");
    }
    insta::assert_snapshot!(all, @"
    host-cc -g -fsanitize=address -W:None -DMAIN=debug -fapp -fmain -c main.c -o B/obj/app/main.c.o
    host-cc -g -fsanitize=address -o B/app B/obj/app/main.c.o -Wl,-app
    host-cc -O:Two -W:None -DNDEBUG -DMAIN=release -fapp -fmain -c main.c -o B/obj/app/main.c.o
    host-cc -O:Two -o B/app B/obj/app/main.c.o -Wl,-app
    host-cc -O:Size -g -flto:Full -W:None -DNDEBUG -DSMALL -DMAIN=small -fsmall -fapp -fmain -c main.c -o B/obj/app/main.c.o
    host-cc -O:Size -g -flto:Full -o B/app B/obj/app/main.c.o -Wl,-s -Wl,-app
    ");
}

#[test]
fn conditions_decide_on_targets_additions_and_overrides() {
    let manifest = r#"
        [option.tls]
        type = "choice"
        choices = ["none", "openssl"]
        default = "none"
        [option.log]
        type = "bool"
        default = false

        [library.net]
        sources = ["net.c"]
        defines = ["LOG=${option.log}", "DOLLAR=$${x}"]
        overrides = [{ files = ["net.c"], cflags = ["-floud"], when = { option.log = true } }]
        [[library.net.also]]
        when = { option.tls = ["openssl", "none"], not = { option.tls = "none" } }
        sources = ["tls.c"]
        system-libs = ["ssl"]
        [executable.app]
        sources = ["main.c"]
        deps = ["net"]
        [executable.winapp]
        when = { os = "windows" }
        sources = ["nowhere.c"]
        "#;
    let files = ["net.c", "tls.c", "main.c"];
    insta::assert_snapshot!(Space::new(manifest, &files).commands(), @"
    host-cc -g -DLOG=0 -DDOLLAR=${x} -c net.c -o B/obj/net/net.c.o
    host-ar B/libnet.a B/obj/net/net.c.o
    host-cc -g -DLOG=0 -DDOLLAR=${x} -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/libnet.a
    ");
    insta::assert_snapshot!(Space::new(manifest, &files).with(&["tls=openssl", "log"]).commands(), @"
    host-cc -g -DLOG=1 -DDOLLAR=${x} -floud -c net.c -o B/obj/net/net.c.o
    host-cc -g -DLOG=1 -DDOLLAR=${x} -c tls.c -o B/obj/net/tls.c.o
    host-ar B/libnet.a B/obj/net/net.c.o B/obj/net/tls.c.o
    host-cc -g -DLOG=1 -DDOLLAR=${x} -c main.c -o B/obj/app/main.c.o
    host-cc -g -o B/app B/obj/app/main.c.o B/libnet.a -lssl
    ");
}

#[test]
fn a_precompiled_header_is_made_for_each_language_and_not_used_with_other_flags() {
    let space = Space::new(
        r#"
        [executable.app]
        sources = ["*.c", "*.cpp"]
        include = ["."]
        pch = "all.h"
        overrides = [{ files = ["odd.c"], cflags = ["-fodd"] }]
        "#,
        &["a.c", "odd.c", "b.cpp", "all.h"],
    );
    insta::assert_snapshot!(space.commands(), @"
    host-cc -g -I. -x-header all.h -o B/obj/app/@pch/c/all.h.gch
    host-cxx -g -I. -x-header all.h -o B/obj/app/@pch/c++/all.h.gch
    host-cc -g -I. -pch:B/obj/app/@pch/c/all.h.gch -c a.c -o B/obj/app/a.c.o
    host-cc -g -I. -include:all.h -fodd -c odd.c -o B/obj/app/odd.c.o
    host-cxx -g -I. -pch:B/obj/app/@pch/c++/all.h.gch -c b.cpp -o B/obj/app/b.cpp.o
    host-cxx -g -o B/app B/obj/app/a.c.o B/obj/app/odd.c.o B/obj/app/b.cpp.o
    ");
}

#[test]
fn a_header_that_a_command_makes_reaches_everything_that_depends_on_it() {
    let space = Space::new(
        r#"
        [command.config]
        shell = "sed s/@V@/1/ {in} > {out}"
        inputs = ["config h.in"]
        outputs = ["conf/config.h"]
        [command.copy]
        argv = ["cp", "{in}", "{out}"]
        inputs = ["conf/config.h"]
        outputs = ["copy.h"]
        [library.a]
        sources = ["a.c"]
        deps = ["config"]
        include = ["{outdir}/conf"]
        [executable.app]
        sources = ["main.c"]
        deps = ["a"]
        [library.headers]
        include = ["include"]
        deps = ["copy"]
        [test.t]
        sources = ["t.c"]
        deps = ["headers"]
        args = ["--fast"]
        env = { LANG = "C" }
        timeout = 5
        working-directory = "include"
        [test.again]
        program = "app"
        "#,
        &["config h.in", "a.c", "main.c", "include/h.h", "t.c"],
    );
    insta::assert_snapshot!(space.commands(), @"
    /bin/sh -c sed s/@V@/1/ 'config h.in' > B/gen/conf/config.h  | in /bin/sh /usr/bin/sed config h.in | out build:gen/conf/config.h
    host-cc -g -IB/gen/conf -IB/gen -c a.c -o B/obj/a/a.c.o  | after build:gen/conf/config.h
    host-ar B/liba.a B/obj/a/a.c.o
    host-cc -g -IB/gen/conf -IB/gen -c main.c -o B/obj/app/main.c.o  | after build:gen/conf/config.h
    host-cc -g -o B/app B/obj/app/main.c.o B/liba.a
    /usr/bin/cp B/gen/conf/config.h B/gen/copy.h  | in /usr/bin/cp build:gen/conf/config.h | out build:gen/copy.h
    host-cc -g -Iinclude -IB/gen -c t.c -o B/obj/t/t.c.o  | after build:gen/copy.h
    host-cc -g -o B/t B/obj/t/t.c.o
    ");
    let made = space.lower().unwrap();
    let [t, again] = made.lowered.tests.as_slice() else { panic!("two tests: {:?}", made.lowered.tests) };
    assert_eq!(
        (t.target.as_str(), t.timeout, t.directory.clone()),
        ("t", Some(5), space.base.join("include"))
    );
    assert_eq!(
        (again.target.as_str(), again.timeout, again.directory.clone()),
        ("again", None, space.base.clone())
    );
    let program = made.lowered.graph.target("app").unwrap().outputs[0];
    assert_eq!(made.lowered.graph.target("again").unwrap().outputs, [program]);
}

#[test]
fn the_programs_and_files_that_a_command_names_are_inputs_and_who_shares_nothing_says_so() {
    let space = Space::new(
        r#"
        [store]
        directory = "../store"
        max-size = "2 GiB"
        enabled = false
        [command.quiet]
        argv = ["cat", "--from=a.txt"]
        env = { EXTRA = "b.txt" }
        outputs = ["quiet.txt"]
        share = false
        [command.loud]
        shell = "if true; then cat a.txt | sed s/a/b/ > {out}; fi"
        outputs = ["loud.txt"]
        "#,
        &["a.txt", "b.txt"],
    );
    let made = space.lower().unwrap();
    let actions: Vec<_> = made.lowered.graph.actions().map(|(_, action)| action).collect();
    let mut shown: Vec<String> = Vec::new();
    for action in actions {
        let names = action.inputs.iter().filter_map(|input| made.files.rel(*input).file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        shown.push(format!(
            "{}: {}, shared: {}, {:?}",
            action.name,
            names.join(" "),
            action.share,
            action.local
        ));
    }
    insta::assert_snapshot!(shown.join("\n"), @"
    quiet: cat a.txt b.txt, shared: false, None
    loud: sh a.txt true cat sed, shared: true, None
    ");
    let expected = crate::sharing::Sharing {
        enabled: Some(false),
        directory: Some(space.base.join("../store")),
        max_size: Some(2 << 30),
    };
    assert_eq!(space.load().unwrap().sharing(), &expected);
}

#[test]
fn declared_roots_name_paths_and_flags() {
    let sdk = tempfile::tempdir().unwrap();
    let place = sdk.path().canonicalize().unwrap();
    std::fs::create_dir_all(place.join("include")).unwrap();
    std::fs::write(place.join("sdk.c"), "").unwrap();
    let manifest = format!(
        r#"
        [roots]
        sdk = "{}"
        [executable.app]
        sources = ["${{root.sdk}}/*.c"]
        include = ["${{root.sdk}}/include"]
        cflags = ["-specs=${{root.sdk}}/x.specs"]
        "#,
        place.display()
    );
    let made = Space::new(&manifest, &[]).lower().unwrap();
    let (_, compile) = made.lowered.graph.actions().next().unwrap();
    let spelling = Spelling::new(&made.files, compile.cwd);
    let names = compile.argv.iter().map(|arg| String::from_utf8(arg.name(&made.files, &spelling)).unwrap());
    insta::assert_snapshot!(names.collect::<Vec<_>>().join(" "), @"host-cc -g -I<sdk>/include -specs=<sdk>/x.specs -c <sdk>/sdk.c -o .rekindle/build/debug/obj/app/@sdk/sdk.c.o");
}

#[test]
fn what_was_looked_at_is_written_down() {
    let mut space = Space::new(
        r#"
        [executable.app]
        sources = ["src/**/*.c"]
        include = ["include"]
        [command.x]
        argv = ["no-such-program", "{out}"]
        outputs = ["x"]
        env-from = ["WHO"]
        "#,
        &["src/a/a.c", "src/b/b.c", "include/h.h"],
    );
    space.request.wanted = Wanted::Everything;
    consult::begin();
    let variables = space.lower().unwrap().lowered.variables;
    let record = consult::end().unwrap();
    let mut lines: Vec<String> = record
        .iter()
        .map(|(path, question, answer)| {
            let path = path.display().to_string().replace(&space.base.display().to_string(), "/P");
            let answer = match answer {
                Answer::Names(..) => "names".to_string(),
                Answer::Content(_) => "content".to_string(),
                Answer::Path(path) if *path == space.base => "/P".to_string(),
                other => format!("{other:?}"),
            };
            format!("{question:?} {path}: {answer}\n")
        })
        .collect();
    lines.sort();
    let mut text = lines.concat();
    for (name, value) in &variables {
        text += &format!("{name:?} {value:?}\n");
    }
    insta::assert_snapshot!(text, @r#"
    Content /P/rekindle.toml: content
    Names /P/src/a: names
    Names /P/src/b: names
    Names /P/src: names
    What /P/include: Directory
    What /bin/no-such-program: Nothing
    What /usr/bin/no-such-program: Nothing
    "CC" None
    "PATH" Some("/usr/bin:/bin")
    "WHO" None
    "#);
}

#[test]
fn the_default_is_everything_but_tests_unless_the_project_says_otherwise() {
    let manifest = r#"
        [executable.a]
        sources = ["a.c"]
        [executable.b]
        sources = ["a.c"]
        default = false
        [test.t]
        sources = ["a.c"]
        "#;
    let wanted = |space: Space| space.lower().unwrap().lowered.wanted;
    assert_eq!(wanted(Space::new(manifest, &["a.c"])), ["a"]);
    let chosen = format!("[project]\nname = \"p\"\ndefault = [\"b\", \"t\"]\n{manifest}");
    let space = Space::raw(&chosen);
    space.write("a.c", "");
    assert_eq!(wanted(space), ["b", "t"]);
}

#[test]
fn commands_make_scripts_archives_and_what_tests_read() {
    let space = Space::new(
        r#"
        [executable.app]
        sources = ["main.c", "command:vendor"]
        linker-script = "app.ld"
        [command.vendor]
        argv = ["sh", "-C", "vendor", "OUT={out:0}"]
        outputs = ["libvendor.a", "vendor.h"]
        [command.layout]
        argv = ["./layout.sh", "{out}"]
        outputs = ["app.ld"]
        working-directory = "vendor"
        [test.replay]
        program = "app"
        deps = ["data"]
        [command.data]
        argv = ["cp", "{in}", "{out}"]
        inputs = ["command:vendor", "vendor.h", "a.txt"]
        outputs = ["data"]
        "#,
        &["main.c", "vendor/x", "layout.sh", "a.txt"],
    );
    insta::assert_snapshot!(space.commands(), @"
    /usr/bin/sh -C vendor OUT=B/gen/libvendor.a  | in /usr/bin/sh | out build:gen/libvendor.a build:gen/vendor.h
    /P/layout.sh /P/B/gen/app.ld  | in layout.sh | out build:gen/app.ld
    host-cc -g -IB/gen -c main.c -o B/obj/app/main.c.o  | after build:gen/libvendor.a build:gen/vendor.h
    host-cc -g -o B/app B/obj/app/main.c.o B/gen/libvendor.a -T B/gen/app.ld
    /usr/bin/cp B/gen/libvendor.a B/gen/vendor.h a.txt B/gen/data  | in /usr/bin/cp build:gen/libvendor.a build:gen/vendor.h a.txt | out build:gen/data
    ");
    let made = space.lower().unwrap();
    let replay = made.lowered.graph.target("replay").unwrap();
    let outputs: Vec<String> = replay.outputs.iter().map(|path| made.files.show(*path)).collect();
    assert_eq!(outputs, ["build:app", "build:gen/data"]);
}

#[test]
fn ten_thousand_sources_and_a_thousand_commands_are_lowered_in_time() {
    let mut manifest = String::new();
    for library in 0..100 {
        let next = if library == 99 { String::new() } else { format!("\"l{}\"", library + 1) };
        manifest += &format!(
            "[library.l{library}]\nsources = [\"l{library}/*.c\"]\ninclude = [\"l{library}\"]\ndeps = [{next}]\n"
        );
    }
    for command in 0..1000 {
        let before = command.max(2);
        manifest += &format!(
            "[command.c{command}]\nargv = [\"cp\", \"{{in}}\", \"{{out}}\"]\noutputs = [\"c{command}\"]\n\
             inputs = [\"a.txt\"{}]\n",
            if command > 1 {
                format!(", \"c{}\", \"command:c{}\"", before - 1, before - 2)
            } else {
                String::new()
            }
        );
    }
    let space = Space::new(&manifest, &["a.txt"]);
    for library in 0..100 {
        for source in 0..100 {
            space.write(&format!("l{library}/s{source}.c"), "");
        }
    }
    let made = space.lower().unwrap();
    assert_eq!(made.lowered.graph.len(), 10_000 + 100 + 1_000);
}
