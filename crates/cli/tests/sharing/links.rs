//! Ingredients of links, archives and declared commands.

use crate::row::{Row, row, same};

const LINK: &[&str] = &["link"];
const SOURCE_AND_LINK: &[&str] = &["compile a.c", "link"];

/// A program of one file that calls `x`.
const CALLS_X: &str = "=== a.c\nint x(void);\nint main(void) { return x(); }\n";

/// A program and a library that lies in `lib`.
const WITH_LIB: &str = "[executable.$D]\nsources = ['$D/a.c']\nsystem-libs = ['x']\nlibrary-dirs = ['$D/lib']\nprivate-ldflags = ['-Wl,-z,noexecstack']\n";
/// The same with a directory before it.
const WITH_TWO: &str =
    "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-L$D/first', '-L$D/lib', '-lx']\n";
const PLAIN: &str = "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-z,now']\n";

/// Links and archives.
pub(crate) const LINKS: &[Row] = &[
    row("source of a program", PLAIN, "=== a.c\nint main(void) { return 1; }\n", |p| p.edit("a.c", "1", "2"))
        .runs(SOURCE_AND_LINK),
    row(
        "comment in a source of a program",
        "[executable.$D]\nsources = ['$D/a.c']\ncflags = ['-g0']\n",
        "=== a.c\nint main(void) { return 1; } /* a */\n",
        |p| p.edit("a.c", "* a *", "* b *"),
    )
    .runs(&["compile a.c"])
    .alike(),
    row(
        "order of libraries",
        "[library.$D_x]\nsources = ['$D/x.c']\n[library.$D_y]\nsources = ['$D/y.c']\n\
         [executable.$D]\nsources = ['$D/a.c']\ndeps = ['$D_x', '$D_y']\n",
        "=== a.c\nint x(void);\nint main(void) { return x(); }\n=== x.c\nint x(void) { return 1; }\n\
         === y.c\nint x(void) { return 2; }\n",
        |p| p.toml("'$D_x', '$D_y'", "'$D_y', '$D_x'"),
    )
    .runs(LINK),
    row(
        "order of sources",
        "[executable.$D]\nsources = ['$D/a.c', '$D/b.c', '$D/c.c']\n",
        "=== a.c\nint main(void) { return 1; }\n=== b.c\nint b = 1;\n=== c.c\nint c = 2;\n",
        |p| p.toml("'$D/b.c', '$D/c.c'", "'$D/c.c', '$D/b.c'"),
    )
    .runs(LINK),
    row(
        "names of equal members",
        "[library.$D]\nsources = ['$D/b.c', '$D/c.c']\ncflags = ['-g0']\n",
        "=== b.c\nint b;\n=== c.c\nint c;\n=== d.c\nint c;\n",
        |p| p.toml("$D/c.c", "$D/d.c"),
    )
    .runs(&["compile /c.c", "compile /d.c", "archive"])
    .lacking(),
    row(
        "member of an archive",
        "[library.$D]\nsources = ['$D/b.c', '$D/c.c']\n",
        "=== b.c\nint b;\n=== c.c\nint c = 1;\n",
        |p| p.edit("c.c", "1", "2"),
    )
    .runs(&["compile c.c", "archive"]),
    row(
        "number of members",
        "[library.$D]\nsources = ['$D/b.c', '$D/c.c']\n",
        "=== b.c\nint b;\n=== c.c\nint c = 1;\n",
        |p| p.toml(", '$D/c.c'", ""),
    )
    .runs(&["compile c.c", "archive"])
    .lacking(),
    row("static library of others", WITH_LIB, CALLS_X, |p| p.archive("lib/libx.a", "int x(void) { return 2; }\n"))
        .more(|p| p.archive("lib/libx.a", "int x(void) { return 1; }\n"))
        .runs(LINK),
    row("member of a library of others that nobody asks for", WITH_LIB, CALLS_X, |p| {
        p.object("y.o", "int y(void) { return 2; }\n");
        p.tool(&["ar", "rD", "lib/libx.a", "y.o"]);
        p.remove("y.o");
    })
    .more(|p| p.archive("lib/libx.a", "int x(void) { return 1; }\n"))
    .runs(LINK)
    .alike(),
    row("shared library of others", WITH_LIB, CALLS_X, |p| {
        p.shared("lib/libx.so", "int x(void) { return 2; }\nint y;\n");
    })
    .more(|p| p.shared("lib/libx.so", "int x(void) { return 1; }\n"))
    .runs(LINK)
    .alike(),
    row("shared library beside a static one", WITH_LIB, CALLS_X, |p| {
        p.shared("lib/libx.so", "int x(void) { return 2; }\n");
    })
    .more(|p| p.archive("lib/libx.a", "int x(void) { return 1; }\n"))
    .runs(LINK),
    row("library earlier on the way", WITH_TWO, CALLS_X, |p| {
        p.archive("first/libx.a", "int x(void) { return 2; }\n");
    })
    .more(|p| {
        p.mkdir("first");
        p.archive("lib/libx.a", "int x(void) { return 1; }\n");
    })
    .runs(LINK),
    row("library in a directory that appears", WITH_TWO, CALLS_X, |p| {
        p.archive("first/libx.a", "int x(void) { return 2; }\n");
    })
    .more(|p| p.archive("lib/libx.a", "int x(void) { return 1; }\n"))
    .runs(LINK),
    row("order of library directories", WITH_TWO, CALLS_X, |p| {
        p.toml("'-L$D/first', '-L$D/lib'", "'-L$D/lib', '-L$D/first'");
    })
    .more(|p| {
        p.archive("first/libx.a", "int x(void) { return 1; }\n");
        p.archive("lib/libx.a", "int x(void) { return 2; }\n");
    })
    .runs(LINK),
    row("library that is a script", WITH_LIB, CALLS_X, |p| p.archive("real.a", "int x(void) { return 2; }\n"))
        .more(|p| {
            p.write("lib/libx.so", "INPUT($D/real.a)\n");
            p.archive("real.a", "int x(void) { return 1; }\n");
        })
        .runs(LINK),
    row("library that a script searches", WITH_LIB, CALLS_X, |p| {
        p.archive("lib/liby.a", "int x(void) { return 2; }\n");
    })
    .more(|p| {
        p.write("lib/libx.so", "INPUT(-ly)\n");
        p.archive("lib/liby.a", "int x(void) { return 1; }\n");
    })
    .runs(LINK),
    row("library by its whole name", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-L$D/lib', '-l:x.a']\n", CALLS_X, |p| {
        p.archive("lib/x.a", "int x(void) { return 2; }\n");
    })
    .more(|p| p.archive("lib/x.a", "int x(void) { return 1; }\n"))
    .runs(LINK),
    row("thin archive of others", "[executable.$D]\nsources = ['$D/a.c', '$D/libthin.a']\n", CALLS_X, |p| {
        p.object("m.o", "int x(void) { return 2; }\n");
    })
    .more(|p| {
        p.object("m.o", "int x(void) { return 1; }\n");
        p.tool(&["ar", "rcDT", "libthin.a", "m.o"]);
    })
    .runs(LINK),
    row("object of others", "[executable.$D]\nsources = ['$D/a.c', '$D/x.o']\n", CALLS_X, |p| {
        p.object("x.o", "int x(void) { return 2; }\n");
    })
    .more(|p| p.object("x.o", "int x(void) { return 1; }\n"))
    .runs(LINK),
    row("binary data", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,--format=binary,$D/d.bin,--format=default']\n", "=== a.c\nint main(void) { return 1; }\n=== d.bin\none\n", |p| {
        p.edit("d.bin", "one", "two");
    })
    .runs(LINK),
    row("script of the linker", "[executable.$D]\nsources = ['$D/a.c']\nlinker-script = '$D/x.ld'\n", "=== a.c\nint main(void) { return 1; }\n=== x.ld\nSECTIONS { .mine : { LONG(1) } } INSERT AFTER .data;\n", |p| {
        p.edit("x.ld", "1", "2");
    })
    .runs(LINK),
    row("script in a script of the linker", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-T,$D/x.ld']\n", "=== a.c\nint main(void) { return 1; }\n=== x.ld\nINCLUDE $D/y.ld\n=== y.ld\nSECTIONS { .mine : { LONG(1) } } INSERT AFTER .data;\n", |p| {
        p.edit("y.ld", "1", "2");
    })
    .runs(LINK)
    .gcc(),
    row("script of versions", "[library.$D]\ntype = 'shared'\nsources = ['$D/a.c']\nversion-script = '$D/v.map'\n", "=== a.c\nint x(void) { return 1; }\nint y(void) { return 1; }\n=== v.map\n{ global: x; local: *; };\n", |p| {
        p.edit("v.map", ": x", ": y");
    })
    .runs(LINK),
    row("list of dynamic symbols", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,--dynamic-list=$D/list']\n", "=== a.c\nint x(void) { return 1; }\nint y(void) { return 1; }\nint main(void) { return 1; }\n=== list\n{ x; };\n", |p| {
        p.edit("list", "x", "y");
    })
    .runs(LINK),
    row("map of the link", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-Map=.rekindle/build/${profile}/$D.map']\n", "=== a.c\nint x_one;\nint main(void) { return 1; }\n", |p| {
        p.edit("a.c", "x_one", "x_two");
    })
    .runs(SOURCE_AND_LINK),
    row("printed map of the link", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-M']\n", "=== a.c\nint x_one;\nint main(void) { return 1; }\n", |p| {
        p.edit("a.c", "x_one", "x_two");
    })
    .runs(SOURCE_AND_LINK)
    .never(LINK),
    row("printed names of the linker", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-y,main']\n", "=== a.c\nint main(void) { return 1; }\n", |p| {
        p.edit("a.c", "1", "2");
    })
    .runs(SOURCE_AND_LINK),
    row("run path", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-rpath,/opt/a']\n", "=== a.c\nint main(void) { return 1; }\n", |p| {
        p.toml("/opt/a", "/opt/b");
    })
    .runs(LINK),
    same("library by absolute name", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['$W/$D/libx.a']\n", CALLS_X)
        .more(|p| p.archive("libx.a", "int x(void) { return 1; }\n")),
    row("order of flags of the link", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,--defsym=n=1', '-Wl,--defsym=n=2']\n", "=== a.c\nextern char n;\nchar *m = &n;\nint main(void) { return 1; }\n", |p| {
        p.toml("n=1', '-Wl,--defsym=n=2", "n=2', '-Wl,--defsym=n=1");
    })
    .runs(LINK),
    row("flag of the link", PLAIN, "=== a.c\nint puts(const char *);\nint main(void) { return puts(\"\"); }\n", |p| p.toml("now", "lazy")).runs(LINK),
    row("response file of the link", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['@$D/all.rsp']\n", "=== a.c\nextern char n;\nchar *m = &n;\nint main(void) { return 1; }\n=== all.rsp\n-Wl,--defsym=n=1\n", |p| {
        p.edit("all.rsp", "n=1", "n=2");
    })
    .runs(LINK),
    row("response file of the linker", "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,@$D/all.rsp']\n", "=== a.c\nextern char n;\nchar *m = &n;\nint main(void) { return 1; }\n=== all.rsp\n--defsym=n=1\n", |p| {
        p.edit("all.rsp", "n=1", "n=2");
    })
    .runs(LINK),
    row("library of the project", "[library.$D_x]\ntype = 'shared'\nsources = ['$D/x.c']\n[executable.$D]\nsources = ['$D/a.c']\ndeps = ['$D_x']\n", "=== a.c\nint x(void);\nint main(void) { return x(); }\n=== x.c\nint x(void) { return 1; }\n", |p| {
        p.edit("x.c", "1", "2");
    })
    .runs(&["compile x.c", "link"]),
    row("whole archive", "[library.$D_x]\nsources = ['$D/x.c']\n[executable.$D]\nsources = ['$D/a.c']\ndeps = ['$D_x']\nwhole-archive = ['$D_x']\n", "=== a.c\nint main(void) { return 1; }\n=== x.c\nint x(void) { return 1; }\n", |p| {
        p.toml("whole-archive = ['$D_x']", "");
    })
    .runs(LINK),
    row("link-time optimization of a program", "[executable.$D]\nsources = ['$D/a.c', '$D/x.c']\ncflags = ['-flto']\nprivate-ldflags = ['-flto']\n", "=== a.c\n#include <assert.h>\nint x(void);\nint main(void) { assert(x()); return 1; }\n=== x.c\nint x(void) { return 1; }\n", |p| {
        p.edit("x.c", "1", "2");
    })
    .runs(&["compile x.c", "link"])
    .profile("release"),
    row("payload of bytecode", "[executable.$D]\nsources = ['$D/a.c']\ncflags = ['-flto']\nprivate-ldflags = ['-flto']\n", "=== a.c\n__asm__(\".data\\n.global bin\\nbin: .incbin \\\"$D/d.bin\\\"\\n.text\");\nextern char bin[];\nint main(void) { return bin[0]; }\n=== d.bin\none\n", |p| {
        p.edit("d.bin", "one", "two");
    })
    .runs(SOURCE_AND_LINK)
    .gcc()
    .profile("release"),
    row("coverage of a program", "[executable.$D]\nsources = ['$D/a.c']\ncflags = ['--coverage']\nprivate-ldflags = ['--coverage']\n", "=== a.c\nint main(void) { return 1; }\n", |p| {
        p.edit("a.c", "1", "2");
    })
    .bound(SOURCE_AND_LINK).gcc(),
];

/// What is made by declared commands.
pub(crate) const COMMANDS: &[Row] = &[
    row("input of a command", "[command.$D]\nargv = ['cp', '{in}', '{out}']\ninputs = ['$D/in']\noutputs = ['$D/out']\n", "=== in\none\n", |p| {
        p.edit("in", "one", "two");
    })
    .runs(&["custom"]),
    row("argument of a command", "[command.$D]\nargv = ['sh', '-c', 'echo $1 > $0', '{out}', 'one']\noutputs = ['$D/out']\n", "=== x\n\n", |p| {
        p.toml("'one'", "'two'");
    })
    .runs(&["custom"]),
    row("order of arguments of a command", "[command.$D]\nargv = ['sh', '-c', 'echo $1 $2 > $0', '{out}', 'one', 'two']\noutputs = ['$D/out']\n", "=== x\n\n", |p| {
        p.toml("'one', 'two'", "'two', 'one'");
    })
    .runs(&["custom"]),
    row("order of inputs of a command", "[command.$D]\nargv = ['sh', '-c', 'cat $1 $2 > $0', '{out}', '{in}']\ninputs = ['$D/a', '$D/b']\noutputs = ['$D/out']\n", "=== a\none\n=== b\ntwo\n", |p| {
        p.toml("'$D/a', '$D/b'", "'$D/b', '$D/a'");
    })
    .runs(&["custom"]),
    row("environment of a command", "[command.$D]\nshell = 'echo $TEXT > {out}'\nenv = { TEXT = 'one' }\noutputs = ['$D/out']\n", "=== x\n\n", |p| {
        p.toml("'one'", "'two'");
    })
    .runs(&["custom"]),
    row("script of a command", "[command.$D]\nargv = ['sh', '$D/s.sh', '{out}']\noutputs = ['$D/out']\n", "=== s.sh\necho one > $1\n", |p| {
        p.edit("s.sh", "one", "two");
    })
    .runs(&["custom"]),
    row("file behind an equals sign", "[command.$D]\nargv = ['sh', '-c', 'cat $${1#*=} > $0', '{out}', '--in=$D/in']\noutputs = ['$D/out']\n", "=== in\none\n", |p| {
        p.edit("in", "one", "two");
    })
    .runs(&["custom"]),
    row("working directory of a command", "[command.$D]\nargv = ['sh', '-c', 'basename $PWD > $0', '{out}']\noutputs = ['$D/out']\nworking-directory = '$D/one'\n", "=== one/x\n\n=== two/x\n\n", |p| {
        p.toml("$D/one", "$D/two");
    })
    .runs(&["custom"]),
    row("depfile of a command", "[command.$D]\nargv = ['sh', '-c', 'cat $D/more > $0; echo $0: $D/more > $1', '{out}', '{depfile}']\ndepfile = true\noutputs = ['$D/out']\n", "=== more\none\n", |p| {
        p.edit("more", "one", "two");
    })
    .runs(&["custom"]),
    row("program of the project that is run", "[executable.$D_tool]\nsources = ['$D/tool.c']\n[command.$D]\nargv = ['{target:$D_tool}', '{out}']\noutputs = ['$D/out']\n", "=== tool.c\n#include <stdio.h>\nint main(int c, char **v) { FILE *f = fopen(v[1], \"w\"); fputs(\"one\", f); return fclose(f); }\n", |p| {
        p.edit("tool.c", "\"one\"", "\"two\"");
    })
    .runs(&["compile tool.c", "link", "custom"]),
    row("generated header", "[command.$D_h]\nargv = ['cp', '{in}', '{out}']\ninputs = ['$D/in']\noutputs = ['$D/h.h']\n[library.$D]\ntype = 'object'\nsources = ['$D/a.c']\ndeps = ['$D_h']\n", "=== a.c\n#include \"$D/h.h\"\nint n = N;\n=== in\n#define N 1\n", |p| {
        p.edit("in", "1", "2");
    })
    .runs(&["custom", "compile a.c"]),
    row("generated header that is the same", "[command.$D_h]\nargv = ['sh', '-c', 'head -n 1 $1 > $0', '{out}', '{in}']\ninputs = ['$D/in']\noutputs = ['$D/h.h']\n[library.$D]\ntype = 'object'\nsources = ['$D/a.c']\ndeps = ['$D_h']\n", "=== a.c\n#include \"$D/h.h\"\nint n = N;\n=== in\n#define N 1\none\n", |p| {
        p.edit("in", "one", "two");
    })
    .runs(&["custom"])
    .alike(),
    row("generated header that shadows another", "[command.$D_h]\nargv = ['cp', '{in}', '{out}']\ninputs = ['$D/in']\noutputs = ['$D/h.h']\n[library.$D]\ntype = 'object'\nsources = ['$D/a.c']\ndeps = ['$D_h']\ninclude = ['$D/inc']\n", "=== a.c\n#include <$D/h.h>\nint n = N;\n=== inc/x\n\n=== in\n#define N 1\n", |p| {
        p.write("inc/$D/h.h", "#define N 2\n");
    })
    .runs(&["compile a.c"]),
    row("command that is not shared", "[command.$D]\nargv = ['cp', '{in}', '{out}']\ninputs = ['$D/in']\noutputs = ['$D/out']\nshare = false\n", "=== in\none\n", |p| {
        p.edit("in", "one", "two");
    })
    .never(&["custom"]),
    same("command that writes where it is", "[command.$D]\nargv = ['sh', '-c', 'pwd > $0', '{out}']\noutputs = ['$D/out']\n", "=== x\n\n")
        .bound(&["custom"]),
    same("command that says where it is", "[command.$D]\nargv = ['sh', '-c', 'pwd; echo one > $0', '{out}']\noutputs = ['$D/out']\n", "=== x\n\n"),
    same("command that says where it is behind a letter", "[command.$D]\nargv = ['sh', '-c', 'echo x$PWD; echo one > $0', '{out}']\noutputs = ['$D/out']\n", "=== x\n\n")
        .bound(&["custom"]),
    same("command that says where it is behind an option", "[command.$D]\nargv = ['sh', '-c', 'echo -I$PWD -L$PWD/x; echo one > $0', '{out}']\noutputs = ['$D/out']\n", "=== x\n\n"),
    same("output that may be executed", "[command.$D]\nargv = ['sh', '-c', 'echo one > $0; chmod 755 $0', '{out}']\noutputs = ['$D/out']\n", "=== x\n\n"),
    row("input that may be executed", "[command.$D]\nargv = ['cp', '{in}', '{out}']\ninputs = ['$D/in']\noutputs = ['$D/out']\n", "=== in\none\n", |p| {
        p.tool(&["chmod", "755", "in"]);
    })
    .runs(&["custom"]),
];
