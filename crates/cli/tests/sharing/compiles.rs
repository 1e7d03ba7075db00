//! Ingredients of a compile.

use crate::row::{Row, row, same};

const A: &[&str] = &["compile a.c"];
const ASM: &[&str] = &["compile a.S"];
const PLAIN_ASM: &[&str] = &["compile a.s"];
const CXX: &[&str] = &["compile a.cc"];

/// A file that includes `h.h`, which lies in `two`.
const IN_TWO: &str = "=== a.c\n#include \"h.h\"\nint n = N;\n=== two/h.h\n#define N 1\n=== one/other.h\n\n";
const ONE_AND_TWO: &str = "private-include = ['$D/one', '$D/two']";

/// Flags, defines and their order.
pub(crate) const FLAGS: &[Row] = &[
    row("define", "private-defines = ['N=1']", "int n = N;\n", |p| p.toml("N=1", "N=2")).runs(A).avr(),
    row("define of blanks", "private-defines = ['N=\"a b\"']", "const char n[] = N;\n", |p| {
        p.toml("a b", "a  b");
    })
    .runs(A),
    row("flag", "cflags = ['-O1']", "int f(int n) { int m = n * 3; return m + n; }\n", |p| {
        p.toml("O1", "O0")
    })
    .runs(A)
    .avr(),
    row(
        "order of optimizations",
        "cflags = ['-O0', '-O2']",
        "int f(int n) { int m = n * 3; return m + n; }\n",
        |p| p.toml("'-O0', '-O2'", "'-O2', '-O0'"),
    )
    .runs(A)
    .avr(),
    row("order of defines", "cflags = ['-DN=1', '-DN=2']", "int n = N;\n", |p| {
        p.toml("'-DN=1', '-DN=2'", "'-DN=2', '-DN=1'");
    })
    .runs(A)
    .avr(),
    row(
        "order of define and undefine",
        "cflags = ['-DN', '-UN']",
        "#ifdef N\nint n = 1;\n#else\nint n = 2;\n#endif\n",
        |p| p.toml("'-DN', '-UN'", "'-UN', '-DN'"),
    )
    .runs(A)
    .avr(),
    row("define in two words", "cflags = ['-DN=1']", "int n = N;\n", |p| p.toml("'-DN=1'", "'-D', 'N=1'"))
        .runs(A)
        .alike(),
    row("c standard", "c-std = 'c99'", "long n = __STDC_VERSION__;\n", |p| p.toml("c99", "c11")).runs(A),
    row("target by flag", "cflags = ['-m64']", "int n = sizeof(long);\n", |p| p.toml("-m64", "-m32")).runs(A),
    row(
        "processor by flag",
        "cflags = ['-march=nehalem']",
        "int f(int n) { return __builtin_popcount(n); }\n",
        |p| {
            p.toml("nehalem", "x86-64");
        },
    )
    .runs(A),
    same("processor of this machine", "cflags = ['-march=native']", "int f(int n) { return n * 3; }\n"),
    row("debug information by flag", "cflags = ['-g0']", "int n;\n", |p| p.toml("-g0", "-g3")).runs(A),
    row("warning switched off", "warnings = 'all'", "static int unused(void) { return 1; }\n", |p| {
        p.toml("'all'", "'none'");
    })
    .runs(A),
    row("words for the preprocessor", "cflags = ['-Wp,-DN=1']", "int n = N;\n", |p| p.toml("N=1", "N=2"))
        .runs(A),
    row("word for the preprocessor", "cflags = ['-Xpreprocessor', '-DN=1']", "int n = N;\n", |p| {
        p.toml("N=1", "N=2");
    })
    .runs(A),
    row(
        "words for the assembler",
        "cflags = ['-Wa,--defsym,n_=1']",
        "__asm__(\".data\\n.long n_\\n\");\n",
        |p| {
            p.toml("n_=1", "n_=2");
        },
    )
    .runs(A)
    .gcc(),
    row("listing of the assembler", "cflags = ['-g0', '-Wa,-al']", "int n = 1;\n", |p| {
        p.edit("a.c", "1", "2")
    })
    .never(A)
    .gcc(),
    row("map of macros", "cflags = ['-fmacro-prefix-map=$D=one']", "const char *n = __FILE__;\n", |p| {
        p.toml("=one", "=two")
    })
    .runs(A),
    row("map of files", "cflags = ['-ffile-prefix-map=$D=one']", "const char *n = __FILE__;\n", |p| {
        p.toml("=one", "=two");
    })
    .runs(A),
    row("map of debug information", "cflags = ['-g', '-fdebug-prefix-map=$D=one']", "int n;\n", |p| {
        p.toml("=one", "=two");
    })
    .runs(A)
    .avr(),
    row(
        "seed",
        "sources = ['$D/a.cc']\ncxxflags = ['-frandom-seed=1']",
        "=== a.cc\nnamespace { int n; }\nint *f() { return &n; }\n",
        |p| p.toml("seed=1", "seed=2"),
    )
    .runs(CXX)
    .gcc()
    .profile("debug"),
    row("system directory", "private-include = ['$D/one']\nwarnings = 'all'", IN_ONE_WARNS, |p| {
        p.toml("private-include", "system-include");
    })
    .runs(A),
    row("kind of include directory", "cflags = ['-I$D/one', '-idirafter', '$D/two']", IN_ONE_AND_TWO, |p| {
        p.toml("'-I$D/one', '-idirafter', '$D/two'", "'-idirafter', '$D/one', '-I$D/two'");
    })
    .runs(A),
    row("quoted directory", "cflags = ['-iquote', '$D/one', '-I$D/two']", IN_ONE_AND_TWO, |p| {
        p.toml("'-iquote', '$D/one', '-I$D/two'", "'-I$D/two', '-I$D/one'");
    })
    .runs(A),
    row("order of include directories", ONE_AND_TWO, IN_ONE_AND_TWO, |p| {
        p.toml("'$D/one', '$D/two'", "'$D/two', '$D/one'")
    })
    .runs(A)
    .avr(),
    row("include directory by another way", "private-include = ['$D/one']", IN_ONE_AND_TWO, |p| {
        p.toml("$D/one", "$D/two/../one");
    }),
    row("response file", "cflags = ['@$D/all.rsp']", "=== a.c\nint n = N;\n=== all.rsp\n-DN=1\n", |p| {
        p.edit("all.rsp", "1", "2");
    })
    .runs(A)
    .avr(),
    row(
        "response file in a response file",
        "cflags = ['@$D/all.rsp']",
        "=== a.c\nint n = N;\n=== all.rsp\n@$D/more.rsp\n=== more.rsp\n-DN=1\n",
        |p| p.edit("more.rsp", "1", "2"),
    )
    .runs(A),
    row(
        "specs",
        "cflags = ['-specs=$D/my.specs']",
        "=== a.c\nint n = N;\n=== my.specs\n%rename cc1_options old\n*cc1_options:\n-DN=1 %(old)\n",
        |p| p.edit("my.specs", "N=1", "N=2"),
    )
    .runs(A)
    .gcc(),
    row("forced header", "cflags = ['-include', '$D/h.h']", FORCED, |p| p.edit("h.h", "1", "2"))
        .runs(A)
        .avr(),
    row("forced macros", "cflags = ['-imacros', '$D/h.h']", FORCED, |p| p.edit("h.h", "1", "2")).runs(A),
    row("header forced past the driver", "cflags = ['-Wp,-include,$D/h.h']", FORCED, |p| {
        p.edit("h.h", "1", "2")
    })
    .runs(A),
    row(
        "order of forced headers",
        "cflags = ['-include', '$D/h.h', '-include', '$D/i.h']",
        "=== a.c\nint n = N;\n=== h.h\n#undef N\n#define N 1\n=== i.h\n#undef N\n#define N 2\n",
        |p| p.toml("'$D/h.h', '-include', '$D/i.h'", "'$D/i.h', '-include', '$D/h.h'"),
    )
    .runs(A),
    row("instrument for profiles", "cflags = ['-g0']", "int f(void) { return 1; }\n", |p| {
        p.toml("'-g0'", "'-g0', '-finstrument-functions'");
    })
    .runs(A),
    row("flag that nobody knows", "cflags = ['-remap', '-DN=1']", "int n = N;\n", |p| p.toml("N=1", "N=2"))
        .never(A)
        .gcc(),
    row(
        "flag that clang alone knows",
        "cflags = ['-Xclang', '-funroll-loops', '-DN=1']",
        "int n = N;\n",
        |p| {
            p.toml("N=1", "N=2");
        },
    )
    .never(A)
    .clang(),
    row(
        "system root",
        "cflags = ['-isysroot', '$D/root']",
        "=== a.c\n#include <h.h>\nint n = N;\n=== root/usr/include/h.h\n#define N 1\n",
        |p| {
            p.edit("root/usr/include/h.h", "1", "2");
        },
    )
    .runs(A)
    .gcc(),
    row(
        "system root of everything",
        "cflags = ['--sysroot=$D/root']",
        "=== a.c\n#include <h.h>\nint n = N;\n=== root/usr/include/h.h\n#define N 1\n",
        |p| {
            p.edit("root/usr/include/h.h", "1", "2");
        },
    )
    .runs(A),
];

const FORCED: &str = "=== a.c\nint n = N;\n=== h.h\n#define N 1\n";
const IN_ONE_WARNS: &str =
    "=== a.c\n#include \"h.h\"\nint n;\n=== one/h.h\nstatic int unused(void) { return 1; }\n";
const IN_ONE_AND_TWO: &str =
    "=== a.c\n#include \"h.h\"\nint n = N;\n=== one/h.h\n#define N 1\n=== two/h.h\n#define N 2\n";

/// Headers: what is in them, and which of them is found.
pub(crate) const HEADERS: &[Row] = &[
    row("source", "", "int n = 1;\n", |p| p.edit("a.c", "1", "2")).runs(A).avr(),
    row("comment in a source", "cflags = ['-g0']", "int n = 1; /* a */\n", |p| p.edit("a.c", "* a *", "* b *")).runs(A).alike(),
    row("header", "", "=== a.c\n#include \"h.h\"\nint n = N;\n=== h.h\n#define N 1\n", |p| p.edit("h.h", "1", "2"))
        .runs(A)
        .avr(),
    row("header in a header", ONE_AND_TWO, "=== a.c\n#include <h.h>\nint n = N;\n=== one/h.h\n#include <i.h>\n=== two/i.h\n#define N 1\n", |p| {
        p.edit("two/i.h", "1", "2");
    })
    .runs(A)
    .avr(),
    row("header that is not read", ONE_AND_TWO, IN_TWO, |p| p.edit("one/other.h", "\n", "#define N 3\n")),
    row("header that is no more", "", "=== a.c\n#if __has_include(\"h.h\")\n#include \"h.h\"\n#else\n#define N 2\n#endif\nint n = N;\n=== h.h\n#define N 1\n", |p| {
        p.remove("h.h");
    })
    .runs(A),
    row("header earlier on the way", ONE_AND_TWO, IN_TWO, |p| p.write("one/h.h", "#define N 2\n")).runs(A).avr(),
    row("equal header earlier on the way", "private-include = ['$D/one', '$D/two']\ncflags = ['-g0']", IN_TWO, |p| {
        p.write("one/h.h", "#define N 1\n");
    })
    .runs(A)
    .alike(),
    row("header beside the source", ONE_AND_TWO, IN_TWO, |p| p.write("h.h", "#define N 2\n")).runs(A).avr(),
    row("header beside the source that brackets pass over", ONE_AND_TWO, "=== a.c\n#include <h.h>\nint n = N;\n=== two/h.h\n#define N 1\n=== one/other.h\n\n", |p| {
        p.write("h.h", "#define N 2\n");
    })
    // One run too many: the compiler does not look there.
    .runs(A)
    .alike(),
    row("directory called as the header", ONE_AND_TWO, IN_TWO, |p| p.mkdir("one/h.h")),
    row("link to nowhere called as the header", ONE_AND_TWO, IN_TWO, |p| p.link("nowhere", "one/h.h")),
    row("next header", "private-include = ['$D/one', '$D/two', '$D/three']", "=== a.c\n#include <h.h>\nint n = N;\n=== one/h.h\n#include_next <h.h>\n=== two/x\n\n=== three/h.h\n#define N 1\n", |p| {
        p.write("two/h.h", "#define N 2\n");
    })
    .runs(A)
    .avr(),
    row("asked for and not there", ONE_AND_TWO, "=== a.c\n#if __has_include(<h.h>)\nint n = 1;\n#else\nint n = 2;\n#endif\n=== one/x\n\n=== two/x\n\n", |p| {
        p.write("one/h.h", "\n");
    })
    .runs(A)
    .avr(),
    row("asked for and next not there", ONE_AND_TWO, "=== a.c\n#include <h.h>\n=== one/h.h\n#if __has_include_next(<h.h>)\nint n = 1;\n#else\nint n = 2;\n#endif\n=== two/x\n\n", |p| {
        p.write("two/h.h", "\n");
    })
    .runs(A),
    row("asked for by a macro", "", "#define ASKED \"h.h\"\n#if __has_include(ASKED)\nint n = 1;\n#else\nint n = 2;\n#endif\n", |p| {
        p.write("h.h", "\n");
    })
    .never(A),
    row("included by a macro", "private-defines = ['H=\"one.h\"']", "=== a.c\n#include H\nint n = N;\n=== one.h\n#define N 1\n=== two.h\n#define N 2\n", |p| {
        p.toml("one.h", "two.h");
    })
    .runs(A),
    row("included by a macro of a header", "", "=== a.c\n#include \"which.h\"\n#include H\nint n = N;\n=== which.h\n#define H \"one.h\"\n=== one.h\n#define N 1\n=== two.h\n#define N 2\n", |p| {
        p.edit("which.h", "one.h", "two.h");
    })
    .runs(A),
    row("directory that appears", "cflags = ['-I$D/none', '-I$D/two']", IN_TWO, |p| {
        p.write("none/h.h", "#define N 2\n");
    })
    .runs(A)
    .avr(),
    row("empty directory that appears", "cflags = ['-I$D/none', '-I$D/two']", IN_TWO, |p| p.mkdir("none")),
    row("directory that is a link", "private-include = ['$D/inc']", "=== a.c\n#include \"h.h\"\nint n = N;\n=== one/h.h\n#define N 1\n=== two/h.h\n#define N 2\n", |p| {
        p.link("two", "inc");
    })
    .more(|p| p.link("one", "inc"))
    .runs(A)
    .avr(),
    row("header that is a link", "", "=== a.c\n#include \"h.h\"\nint n = N;\n=== one.h\n#define N 1\n=== two.h\n#define N 2\n", |p| {
        p.link("two.h", "h.h");
    })
    .more(|p| p.link("one.h", "h.h"))
    .runs(A),
    row("step up behind a link", "private-include = ['$D/inc']", "=== a.c\n#include \"../h.h\"\nint n = N;\n=== one/in/x.h\n\n=== one/h.h\n#define N 1\n=== two/in/x.h\n\n=== two/h.h\n#define N 2\n", |p| {
        p.link("two/in", "inc");
    })
    .more(|p| p.link("one/in", "inc"))
    .runs(A),
    row("step up that another directory answers", ONE_AND_TWO, "=== a.c\n#include <../sub/h.h>\nint n = N;\n=== one/x.h\n\n=== two/x.h\n\n=== sub/h.h\n#define N 1\n", |p| {
        p.edit("sub/h.h", "1", "2");
    })
    .runs(A),
    row("name of the source", "sources = ['$D/a.c']", "const char *n = __FILE__;\n", |p| {
        p.toml("a.c", "b.c");
        p.write("b.c", "const char *n = __FILE__;\n");
        p.remove("a.c");
    })
    .runs(&["compile a.c", "compile b.c"])
    .lacking(),
    row("precompiled header", "pch = '$D/h.h'\nsources = ['$D/*.c']", "=== a.c\nint n = N;\n=== h.h\n#define N 1\n", |p| {
        p.edit("h.h", "1", "2");
    })
    .runs(&["compile a.c", "compile h.h"])
    .but("gch")
    .gcc(),
    row("precompiled header", "pch = '$D/h.h'\nsources = ['$D/*.c']", "=== a.c\nint n = N;\n=== h.h\n#define N 1\n", |p| {
        p.edit("h.h", "1", "2");
    })
    .bound(&["compile a.c", "compile h.h"])
    .clang(),
    row("header in a precompiled header", "pch = '$D/h.h'\nsources = ['$D/*.c']", "=== a.c\nint n = N;\n=== h.h\n#include \"i.h\"\n=== i.h\n#define N 1\n", |p| {
        p.edit("i.h", "1", "2");
    })
    .runs(&["compile a.c", "compile h.h"])
    .but("gch")
    .gcc(),
    row("header in a precompiled header", "pch = '$D/h.h'\nsources = ['$D/*.c']", "=== a.c\nint n = N;\n=== h.h\n#include \"i.h\"\n=== i.h\n#define N 1\n", |p| {
        p.edit("i.h", "1", "2");
    })
    .bound(&["compile a.c", "compile h.h"])
    .clang(),
    row("precompiled header beside a header", "", "=== a.c\n#include \"h.h\"\nint n = N;\n=== h.h\n#define N 1\n", |p| {
        p.write("h.h.gch", "junk\n");
    })
    .runs(A)
    .alike(),
];

/// What else gets into an object.
pub(crate) const CONTENTS: &[Row] = &[
    row(
        "payload",
        "",
        "=== a.c\n__asm__(\".data\\n.incbin \\\"$D/d.bin\\\"\\n.text\");\n=== d.bin\none\n",
        |p| p.edit("d.bin", "one", "two"),
    )
    .runs(A)
    .avr(),
    row(
        "part of a payload",
        "",
        "=== a.c\n__asm__(\".data\\n.incbin \\\"$D/d.bin\\\",1,2\\n.text\");\n=== d.bin\none two\n",
        |p| p.edit("d.bin", "one", "own"),
    )
    .runs(A),
    row(
        "payload by a macro",
        "",
        "=== a.c\n#define BIN(file) __asm__(\".data\\n.incbin \\\"\" file \"\\\"\\n.text\")\nBIN(\"$D/d.bin\");\n\
         === d.bin\none\n",
        |p| p.edit("d.bin", "one", "two"),
    )
    .runs(A)
    .gcc(),
    row(
        "payload by a macro that nobody follows",
        "",
        "=== a.c\n#define BIN(file) __asm__(\".data\\n.incbin \\\"\" file \"\\\"\\n.text\")\nBIN(\"$D/d.bin\");\n\
         === d.bin\none\n",
        |p| p.edit("d.bin", "one", "two"),
    )
    .never(A)
    .clang(),
    row(
        "payload that is searched",
        "cflags = ['-Wa,-I$D/one,-I$D/two']",
        "=== a.c\n__asm__(\".data\\n.incbin \\\"d.bin\\\"\\n.text\");\n=== two/d.bin\none\n=== one/x\n\n",
        |p| p.write("one/d.bin", "two\n"),
    )
    .runs(A)
    .gcc(),
    row(
        "payload of the assembler",
        "sources = ['$D/a.S']",
        "=== a.S\n.data\n.incbin \"$D/d.bin\"\n=== d.bin\none\n",
        |p| p.edit("d.bin", "one", "two"),
    )
    .runs(ASM)
    .avr(),
    row(
        "include of the assembler",
        "sources = ['$D/a.S']",
        "=== a.S\n.data\n.include \"$D/i.inc\"\n=== i.inc\n.byte 1\n",
        |p| p.edit("i.inc", "1", "2"),
    )
    .runs(ASM)
    .avr(),
    row(
        "include in an include of the assembler",
        "sources = ['$D/a.s']",
        "=== a.s\n.data\n.include \"$D/i.inc\"\n=== i.inc\n.include \"$D/j.inc\"\n=== j.inc\n.byte 1\n",
        |p| p.edit("j.inc", "1", "2"),
    )
    .runs(PLAIN_ASM)
    .avr(),
    row(
        "include of the preprocessor in assembler",
        "sources = ['$D/a.S']",
        "=== a.S\n#include \"h.h\"\n.data\n.byte N\n=== h.h\n#define N 1\n",
        |p| p.edit("h.h", "1", "2"),
    )
    .runs(ASM)
    .avr(),
    row(
        "include that the assembler searches",
        "sources = ['$D/a.s']\nasflags = ['-Wa,-I$D/one', '-Wa,-I$D/two']",
        "=== a.s\n.data\n.include \"i.inc\"\n=== one/x\n\n=== two/i.inc\n.byte 1\n",
        |p| p.write("one/i.inc", ".byte 2\n"),
    )
    .runs(PLAIN_ASM),
    same("plain assembler", "sources = ['$D/a.s']", "=== a.s\n.data\n.byte 1\n").avr(),
    same("assembler with a preprocessor", "sources = ['$D/a.S']", "=== a.S\n.data\n.ascii __FILE__\n").avr(),
    same("own name", "", "const char *n = __FILE__;\n").avr(),
    same(
        "own name in a header",
        "private-include = ['$D/one']",
        "=== a.c\n#include <h.h>\n=== one/h.h\nconst char *n = __FILE__;\n",
    )
    .avr(),
    same(
        "own name of a header beside its includer",
        "",
        "=== a.c\n#include \"one/h.h\"\n=== one/h.h\n#include \"../i.h\"\n=== i.h\nconst char *n = __FILE__;\n",
    )
    .avr(),
    same("own name in another one's header", "", "=== a.c\n#include \"h.h\"\n=== h.h\nconst char *n = __BASE_FILE__;\n"),
    same("assertion", "", "#include <assert.h>\nvoid f(int n) { assert(n); }\n").avr(),
    same(
        "place of the source",
        "sources = ['$D/a.cc']\ncxx-std = 'c++20'",
        "=== a.cc\n#include <source_location>\nconst char *n = std::source_location::current().file_name();\n",
    )
    .gcc(),
    same("place of the source by a builtin", "", "const char *n = __builtin_FILE();\n"),
    same("own name by absolute name", "cflags = ['-include', '$W/$D/h.h']", "=== a.c\nint n;\n=== h.h\nconst char *f = __FILE__;\n"),
    same("header by absolute name", "cflags = ['-include', '$W/$D/h.h']", "=== a.c\nint n;\n=== h.h\n#define N 1\n"),
    same("directory by absolute name", "cflags = ['-I$W/$D/one']", "=== a.c\n#include \"h.h\"\nint n = N;\n=== one/h.h\n#define N 1\nstatic const char *f = __FILE__;\n"),
    same("absolute name in a source", "", "=== a.c\n#include \"$W/$D/h.h\"\n=== h.h\nconst char *f = __FILE__;\n").bound(A),
    same("place in a define", "private-defines = ['N=\"$W\"']", "const char *n = N;\n").bound(A),
    same("place in a define that is not used", "private-defines = ['N=\"$W\"']", "int n;\n").bound(A).gcc(),
    same("current date", "", "const char *n = __DATE__;\n").never(A).avr(),
    same("date in a header", "", "=== a.c\n#include \"h.h\"\n=== h.h\nconst char *n = __DATE__;\n").never(A),
    same("date in a comment", "", "int n; /* __DATE__ */\n"),
    same("time of the source", "", "const char *n = __TIMESTAMP__;\n").never(A),
    same("time of now", "", "const char *n = __TIME__;\n").never(A).but("o"),
    row(
        "header edited beside one with a date",
        "",
        "=== a.c\n#include \"h.h\"\n#include \"i.h\"\nint n = N;\n=== h.h\nstatic const char *d = __DATE__;\n\
         === i.h\n#define N 1\n",
        |p| p.edit("i.h", "1", "2"),
    )
    .never(A),
    same("what a compiler says", "warnings = 'all'", "static int unused(void) { int n; return n; }\n").avr(),
    same(
        "what a compiler says of a header",
        "warnings = 'all'",
        "=== a.c\n#include \"one/h.h\"\nint m;\n=== one/h.h\nstatic int unused(void) { int n; return n; }\n",
    ),
    same(
        "what a compiler says of a header by absolute name",
        "warnings = 'all'\ncflags = ['-I$W/$D/one']",
        "=== a.c\n#include \"h.h\"\nint m;\n=== one/h.h\nstatic int unused(void) { int n; return n; }\n",
    ),
    row("line of what a compiler says", "warnings = 'all'", "static int unused(void) { return 1; }\n", |p| {
        p.edit("a.c", "static", "\nstatic");
    })
    .runs(A),
    same("list of headers", "cflags = ['-H']", "=== a.c\n#include \"h.h\"\n=== h.h\nint n;\n"),
    row(
        "plugin",
        "cflags = ['-fplugin=$D/plugin.so']",
        "int n;\n",
        |p| {
            p.shared("plugin.so", "int plugin_is_GPL_compatible;\nint dprintf(int, const char *, ...);\nint plugin_init(void *a, void *b) { dprintf(2, \"two\"); return 0; }\n");
        },
    )
    .more(|p| p.shared("plugin.so", "int plugin_is_GPL_compatible;\nint dprintf(int, const char *, ...);\nint plugin_init(void *a, void *b) { dprintf(2, \"one\"); return 0; }\n"))
    .runs(A)
    .gcc(),
    row(
        "directory in which profiles are searched",
        "cflags = ['-fprofile-use=$D', '-Wno-missing-profile']",
        "=== a.c\nint n;\n=== x.gcda\none\n",
        |p| p.edit("x.gcda", "one", "two"),
    )
    .never(A)
    .alike()
    .gcc(),
    row("link-time optimization", "cflags = ['-flto', '-O2']", "#include <assert.h>\nint f(int n) { assert(n); return 1; }\n", |p| {
        p.edit("a.c", "return 1", "return 2");
    })
    .runs(A),
    same("assertion in bytecode", "cflags = ['-flto', '-O2']", "#include <assert.h>\nint f(int n) { assert(n); return 1; }\n"),
    same("name by absolute name in bytecode", "cflags = ['-flto', '-O2', '-include', '$W/$D/h.h']", "=== a.c\nint n;\n=== h.h\nconst char *f = __FILE__;\n"),
    same("compressed debug information", "cflags = ['-g', '-gz']", "int n;\n"),
    same("debug information of version 4", "cflags = ['-gdwarf-4', '-g3']", "#define N 1\nint n = N;\n"),
    same("recorded switches", "cflags = ['-g', '-grecord-gcc-switches']", "int n;\n").gcc(),
    same("recorded switches", "cflags = ['-g', '-grecord-gcc-switches']", "int n;\n").bound(A).clang(),
];

/// What is written beside an object.
pub(crate) const SIDES: &[Row] = &[
    row("split debug information", "cflags = ['-g', '-gsplit-dwarf']", "int n = 1;\n", |p| {
        p.edit("a.c", "n =", "m =")
    })
    .runs(A),
    same(
        "debug information beside",
        "cflags = ['-g', '-gsplit-dwarf']",
        "int f(int n) { int m = n; return m; }\n",
    ),
    row("coverage", "cflags = ['--coverage']", "int f(void) { return 1; }\n", |p| p.edit("a.c", "f(", "g("))
        .bound(A),
    row("notes of coverage", "cflags = ['-ftest-coverage']", "int f(void) { return 1; }\n", |p| {
        p.edit("a.c", "f(", "g(");
    })
    .bound(A)
    .gcc(),
    row("notes of coverage", "cflags = ['-ftest-coverage']", "int f(void) { return 1; }\n", |p| {
        p.edit("a.c", "f(", "g(");
    })
    .runs(A)
    .clang(),
    row(
        "directory of profiles",
        "cflags = ['--coverage', '-fprofile-dir=/var/profiles']",
        "int f(void) { return 1; }\n",
        |p| {
            p.edit("a.c", "f(", "g(");
        },
    )
    .bound(A),
    row("use of the stack", "cflags = ['-fstack-usage']", "int f(void) { return 1; }\n", |p| {
        p.edit("a.c", "f(", "g(")
    })
    .runs(A)
    .avr(),
    row("graph of calls", "cflags = ['-fcallgraph-info']", "int f(void) { return 1; }\n", |p| {
        p.edit("a.c", "f(", "g(");
    })
    .runs(A)
    .gcc(),
    row("steps between", "cflags = ['-save-temps']", "int f(void) { return 1; }\n", |p| {
        p.edit("a.c", "f(", "g(")
    })
    .runs(A),
    row(
        "record of optimizations",
        "cflags = ['-fsave-optimization-record', '-O2']",
        "int f(void) { return 1; }\n",
        |p| {
            p.edit("a.c", "f(", "g(");
        },
    )
    .runs(A)
    .clang(),
    row("side file that appears", "cflags = ['-g0']", "int f(void) { return 1; }\n", |p| {
        p.toml("'-g0'", "'-g0', '-fstack-usage'");
    })
    .runs(A),
];
