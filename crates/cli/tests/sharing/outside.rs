//! What lies beside the workspace: the same words mean other files in another workspace.

use crate::row::{Row, row, same};

const A: &[&str] = &["compile a.c"];
const LINK: &[&str] = &["link"];

/// Files beside the workspace, which no root names.
pub(crate) const OUTSIDE: &[Row] = &[
    row("header beside the workspace", "", "=== a.c\n#include \"../../beside/$D/h.h\"\nint n = N;\n", |p| {
        p.write("../../beside/$D/h.h", "#define N 2\n");
    })
    .more(|p| p.write("../../beside/$D/h.h", "#define N 1\n"))
    .bound(A),
    row(
        "directory beside the workspace",
        "private-include = ['../beside/$D']",
        "=== a.c\n#include \"h.h\"\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| p.write("../../beside/$D/h.h", "#define N 1\n"))
    .bound(A),
    row(
        "directory beside the workspace by flag",
        "cflags = ['-I../beside/$D']",
        "=== a.c\n#include \"h.h\"\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| p.write("../../beside/$D/h.h", "#define N 1\n"))
    .bound(A),
    row(
        "empty directory beside the workspace",
        "cflags = ['-I../beside/$D', '-I$D/inc']",
        "=== a.c\n#include \"h.h\"\nint n = N;\n=== inc/h.h\n#define N 1\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| p.write("../../beside/$D/other.h", "#define N 3\n"))
    .bound(A),
    row(
        "header that is asked for beside the workspace",
        "",
        "=== a.c\n#if __has_include(\"../../beside/$D/h.h\")\nint n = 1;\n#else\nint n = 2;\n#endif\n",
        |p| {
            p.write("../../beside/$D/h.h", "\n");
        },
    )
    .more(|p| p.write("../../beside/$D/other.h", "\n"))
    .runs(A),
    row("source beside the workspace", "sources = ['../beside/$D/a.c']", "=== x\n\n", |p| {
        p.write("../../beside/$D/a.c", "int n = 2;\n");
    })
    .more(|p| p.write("../../beside/$D/a.c", "int n = 1;\n"))
    .bound(A),
    row(
        "payload beside the workspace",
        "",
        "=== a.c\n__asm__(\".data\\n.incbin \\\"../beside/$D/d.bin\\\"\\n.text\");\n",
        |p| {
            p.write("../../beside/$D/d.bin", "two\n");
        },
    )
    .more(|p| p.write("../../beside/$D/d.bin", "one\n"))
    .bound(A),
    row(
        "forced header beside the workspace",
        "cflags = ['-include', '../beside/$D/h.h', '-I$D']",
        "=== a.c\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| p.write("../../beside/$D/h.h", "#define N 1\n"))
    .bound(A),
    row(
        "header behind a link out of the workspace",
        "private-include = ['$D/inc']",
        "=== a.c\n#include \"h.h\"\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| {
        p.write("../../beside/$D/h.h", "#define N 1\n");
        p.link(&p.expand("../../beside/$D"), "inc");
    })
    .runs(A),
    row(
        "header behind an absolute link out of the workspace",
        "private-include = ['$D/inc']",
        "=== a.c\n#include \"h.h\"\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| {
        p.write("../../beside/$D/h.h", "#define N 1\n");
        p.link(&p.expand("$W/../beside/$D"), "inc");
    })
    .runs(A),
    row(
        "step up behind a link out of the workspace",
        "private-include = ['$D/inc']",
        "=== a.c\n#include \"../h.h\"\nint n = N;\n",
        |p| {
            p.write("../../beside/$D/h.h", "#define N 2\n");
        },
    )
    .more(|p| {
        p.write("../../beside/$D/h.h", "#define N 1\n");
        p.write("../../beside/$D/in/x", "\n");
        p.link(&p.expand("../../beside/$D/in"), "inc");
    })
    .runs(A),
    row(
        "library beside the workspace",
        "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-L../beside/$D', '-lx']\n",
        "=== a.c\nint x(void);\nint main(void) { return x(); }\n",
        |p| {
            p.archive("../../beside/libx.a", "int x(void) { return 2; }\n");
        },
    )
    .more(|p| {
        p.toml("../beside/$D", "../beside");
        p.archive("../../beside/libx.a", "int x(void) { return 1; }\n");
    })
    .bound(LINK),
    row(
        "script of the linker beside the workspace",
        "[executable.$D]\nsources = ['$D/a.c']\nprivate-ldflags = ['-Wl,-T,../beside/$D/x.ld']\n",
        "=== a.c\nint main(void) { return 1; }\n",
        |p| {
            p.write("../../beside/$D/x.ld", "SECTIONS { .mine : { LONG(2) } } INSERT AFTER .data;\n");
        },
    )
    .more(|p| p.write("../../beside/$D/x.ld", "SECTIONS { .mine : { LONG(1) } } INSERT AFTER .data;\n"))
    .bound(LINK),
    row(
        "input of a command beside the workspace",
        "[command.$D]\nargv = ['cp', '{in}', '{out}']\ninputs = ['../beside/$D/in']\noutputs = ['$D/out']\n",
        "=== x\n\n",
        |p| {
            p.write("../../beside/$D/in", "two\n");
        },
    )
    .more(|p| p.write("../../beside/$D/in", "one\n"))
    .bound(&["custom"]),
];

/// The same where a root is declared.
pub(crate) const DECLARED: &[Row] = &[
    row("header in a declared root", "private-include = ['${root.declared}/$D']", "=== a.c\n#include \"h.h\"\nint n = N;\n", |p| {
        p.write("../../declared/$D/h.h", "static const char *f = __FILE__;\n#define N 2\n");
    })
    .more(|p| p.write("../../declared/$D/h.h", "static const char *f = __FILE__;\n#define N 1\n"))
    .runs(A),
    row("source in a declared root", "sources = ['${root.declared}/$D/a.c']", "=== x\n\n", |p| {
        p.write("../../declared/$D/a.c", "const char *n = __FILE__;\nint m = 2;\n");
    })
    .more(|p| p.write("../../declared/$D/a.c", "const char *n = __FILE__;\nint m = 1;\n"))
    .runs(A),
    row("header of a declared root by way of the workspace", "", "=== a.c\n#include \"../../declared/$D/h.h\"\nint n = N;\n", |p| {
        p.write("../../declared/$D/h.h", "#define N 2\n");
    })
    .more(|p| p.write("../../declared/$D/h.h", "#define N 1\n"))
    .bound(A),
    row("input of a command in a declared root", "[command.$D]\nargv = ['cp', '{in}', '{out}']\ninputs = ['${root.declared}/$D/in']\noutputs = ['$D/out']\n", "=== x\n\n", |p| {
        p.write("../../declared/$D/in", "two\n");
    })
    .more(|p| p.write("../../declared/$D/in", "one\n"))
    .runs(&["custom"]),
    same("equal header in a declared root", "private-include = ['${root.declared}/$D']", "=== a.c\n#include <h.h>\nint n = N;\n")
        .more(|p| p.write("../../declared/$D/h.h", "#define N 1\n")),
];
