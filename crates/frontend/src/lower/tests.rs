//! What the actions of a lowered project are: their command lines, as a toolchain that only writes down what it was
//! asked for shows them.

use crate::testing::Space;

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
