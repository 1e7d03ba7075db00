//! Manifests that are written for directories, each of which must load and lower.

use super::*;
use crate::tests::space::Space;

fn written(files: &[(&str, &str)]) -> String {
    let space = Space::raw("");
    std::fs::remove_file(space.base.join("rekindle.toml")).unwrap();
    let project = space.base.join("my tool");
    for (name, text) in files {
        space.write(&format!("my tool/{name}"), text);
    }
    let text = manifest_for(&project).unwrap_or_else(|errors| panic!("{errors}"));
    let mut inner = Space::raw(&text);
    for (name, text) in files {
        inner.write(name, text);
    }
    inner.request.wanted = crate::load::Wanted::Everything;
    let made = inner.lower().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let compiled =
        made.lowered.graph.actions().filter(|(_, action)| action.name.ends_with(['c', 'p', 'S'])).count();
    let sources =
        files.iter().filter(|(name, _)| matches!(kind_of(Path::new(name)), FileKind::Source(_))).count();
    assert_eq!(compiled, sources, "every source is compiled once\n{text}");
    text
}

#[test]
fn one_program_is_everything() {
    insta::assert_snapshot!(written(&[
        ("src/main.c", "#include \"util.h\"\n#include <x/api.h>\nint main(void) {\n}"),
        ("src/util.c", "/* int main() { */ char *s = \"main() {\";"),
        ("src/util.h", ""),
        ("include/x/api.h", ""),
        ("src/low.S", ""),
        ("README.md", ""),
        ("src/view.m", ""),
    ]), @r#"
    [project]
    name = "my-tool"
    # Left out: src/view.m (Objective-C is not supported)

    [executable.my-tool]
    sources = ["src/*.S", "src/*.c"]
    include = ["include"]
    "#);
}

#[test]
fn several_programs_share_a_library() {
    insta::assert_snapshot!(written(&[
        ("server.cpp", "#include \"lib/core.hpp\"\nauto main() -> int {}"),
        ("gen.c", "int\nmain(int argc, char *argv[])\n{"),
        ("lib/core.cpp", "#include \"core.hpp\"\nvoid domain() {}\nint x = a.main(1);"),
        ("lib/core.hpp", ""),
        ("lib/more.cpp", "#include <deep/er.h>\nint main(int);"),
        ("lib/inner/deep/er.h", ""),
        ("tests/core_test.cpp", "#include \"lib/core.hpp\"\nint main() { return 0; }"),
        ("tests/b/core_test.cpp", "int main() { return 0; }"),
        (".git/x.c", "int main() {}"),
        ("build/y.c", "int main() {}"),
    ].into_iter().filter(|(name, _)| !name.starts_with(".git") && !name.starts_with("build")).collect::<Vec<_>>()), @r#"
    [project]
    name = "my-tool"

    [library.my-tool]
    sources = ["lib/*.cpp"]
    include = [".", "lib/inner"]

    [executable.gen-program]
    sources = ["gen.c"]
    deps = ["my-tool"]

    [executable.server]
    sources = ["server.cpp"]
    deps = ["my-tool"]

    [test.core_test]
    sources = ["tests/b/core_test.cpp"]
    deps = ["my-tool"]

    [test.core_test-2]
    sources = ["tests/core_test.cpp"]
    deps = ["my-tool"]
    "#);
}

#[test]
fn a_library_alone_and_programs_alone() {
    insta::assert_snapshot!(written(&[("a.c", ""), ("b.c", ""), ("c.cc", "")]), @r#"
    [project]
    name = "my-tool"

    [library.my-tool]
    sources = ["*.c", "*.cc"]
    "#);
    insta::assert_snapshot!(written(&[("a.c", "int main(){}"), ("b.c", "int main(){}"), ("odd [1].c", "int main(){}")]), @r#"
    [project]
    name = "my-tool"

    [executable.a]
    sources = ["a.c"]

    [executable.b]
    sources = ["b.c"]

    [executable.odd--1]
    sources = ["odd \\[1].c"]
    "#);
}

#[test]
fn nothing_to_build_is_said() {
    let space = Space::raw("");
    space.write("x.txt", "");
    let error = manifest_for(&space.base).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&space.base.display().to_string(), "/P"), @"
    /P: there are no C, C++ or assembler sources here
         = hint: write a `rekindle.toml` by hand; docs/manifest.md explains it
    ");
}
