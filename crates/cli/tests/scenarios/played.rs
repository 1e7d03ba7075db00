//! The scenarios that take more than a line.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::time::{Duration, SystemTime};

use rekindle_testkit::{copy_program, helper, require_root};

use crate::project::{Case, Held, Variant};
use crate::settle_row;

pub(crate) const FLAGS: &str = "cflags = [\"-O1\"]\ndebug = ";
pub(crate) const MORE_FLAGS: &str = "[profile.debug]\ncflags = [\"-O1\"]\n";

pub(crate) fn add_flags(case: &mut Case) {
    case.space.edit("rekindle.toml", "debug = ", FLAGS);
    case.space.edit("rekindle.toml", "[library", &format!("{MORE_FLAGS}[library"));
}

pub(crate) fn new_content_with_an_older_mtime(case: &mut Case) {
    case.space.edit("src/main.c", "return 0", "return 1");
    case.space.age("src/main.c", -86_400);
}

pub(crate) fn new_content_with_the_same_mtime_and_size(case: &mut Case) {
    let before = case.space.mtime("src/main.c");
    case.space.edit("src/main.c", "return 0", "return 1");
    case.space.set_mtime("src/main.c", before);
}

/// Where the output of an action lies, by the events of a build that does nothing.
#[track_caller]
pub(crate) fn output(case: &Case, action: &str) -> std::path::PathBuf {
    case.space.output_of(&case.build_well(), action)
}

pub(crate) fn overwrite(case: &mut Case, action: &str, content: &[u8]) {
    case.space.write(output(case, action), content);
}

pub(crate) fn replace(case: &mut Case, action: &str, by: &str) {
    let content = case.space.read(output(case, by));
    overwrite(case, action, &content);
}

pub(crate) fn truncate(case: &mut Case, action: &str) {
    let content = case.space.read(output(case, action));
    overwrite(case, action, &content[..content.len() / 2]);
}

pub(crate) fn delete(case: &mut Case, action: &str) {
    // Another output may be gone already, and a build would bring it back.
    let path = case.space.output(match action {
        "archive util" => "libutil.a",
        "link app" => "app",
        compile => return delete_object(case, compile.trim_start_matches("compile ")),
    });
    case.space.remove(path);
}

pub(crate) fn delete_object(case: &mut Case, source: &str) {
    let outputs = case.space.outputs();
    let is_object = |path: &&std::path::Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".o") && name.starts_with(source.trim_end_matches(".c"))
    };
    let objects: Vec<_> = outputs.paths().filter(is_object).collect();
    assert_eq!(objects.len(), 1, "{objects:?}");
    case.space.remove(case.space.build_dir().join(objects[0]));
}

pub(crate) fn branch_switched_and_back(case: &mut Case) {
    let contents: Vec<_> =
        case.space.files().into_iter().map(|file| (case.space.read(&file), file)).collect();
    case.space.edit("src/main.c", "return 0", "return 1");
    case.space.edit("include/util.h", "10", "11");
    case.space.edit("rekindle.toml", "scenes", "branch");
    case.space.remove("util/two.c");
    case.space.write("util/three.c", "int three(void) { return 3; }\n");
    case.space.remove("util/three.c");
    for (content, file) in contents {
        case.space.remove_if_there(&file);
        case.space.write(file, content);
    }
}

/// Every time in the tree, build directory included, loses its fraction, as in some archives and file systems.
pub(crate) fn whole_second_mtimes(case: &mut Case) {
    let tree = rekindle_testkit::Tree::of(&case.space.root());
    for path in tree.paths().filter(|path| !case.space.path(path).is_symlink()) {
        let since = case.space.mtime(path).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        case.space.set_mtime(path, SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()));
    }
}

/// A case with a source in it whose compile can be held, built.
pub(crate) fn held_case(variant: Variant) -> Option<Case> {
    let mut case = Case::new(variant)?;
    case.hold_compiler();
    write_held(&case, 40);
    case.build_well().assert_kinds("5c 1a 1l", "-");
    Some(case)
}

fn write_held(case: &Case, answer: u32) {
    case.space.write("src/held.c", format!("int held(void) {{ return {answer}; }}\n"));
}

pub(crate) fn source_edited_while_its_compile_runs(variant: Variant) {
    let Some(case) = held_case(variant) else { return };
    write_held(&case, 41);
    let built = case.build_and_meanwhile(Held::WhenItHasWritten, |case| write_held(case, 42));
    built.ok().assert_work("1c 1l");
    settle_row(&case, ("1c 1l", "-"));
}

/// What the compiler read is not what was looked at before it was started.
pub(crate) fn source_edited_before_its_compile_reads_it(variant: Variant) {
    let Some(case) = held_case(variant) else { return };
    write_held(&case, 41);
    let built = case.build_and_meanwhile(Held::BeforeItReads, |case| write_held(case, 42));
    built.ok().assert_work("1c 1l");
    // It is right by luck, and nobody knows.
    settle_row(&case, ("1c", "-"));
}

pub(crate) fn source_edited_and_put_back(variant: Variant) {
    for when in [Held::BeforeItReads, Held::WhenItHasWritten] {
        let Some(case) = held_case(variant) else { return };
        write_held(&case, 41);
        let before = case.space.mtime("src/held.c");
        let built = case.build_and_meanwhile(when, |case| {
            write_held(case, 42);
            write_held(case, 41);
            case.space.set_mtime("src/held.c", before);
        });
        built.ok().assert_work("1c 1l");
        settle_row(&case, ("1c", "-"));
    }
}

pub(crate) fn header_edited_while_its_compile_runs(variant: Variant) {
    let Some(case) = held_case(variant) else { return };
    case.space.write("src/held.c", "#include \"extra.h\"\nint held(void) { return EXTRA; }\n");
    let edit = |case: &Case| case.space.edit("src/extra.h", "20", "21");
    case.build_and_meanwhile(Held::WhenItHasWritten, edit).ok().assert_work("1c 1l");
    settle_row(&case, ("3c 1l", "-"));
}

pub(crate) fn compile_killed_with_a_partial_object(variant: Variant) {
    let Some(case) = held_case(variant) else { return };
    let object = output(&case, "compile held.c");
    let whole = case.space.read(&object);
    write_held(&case, 41);
    let mut running = case.start_held(Held::WhenItHasWritten);
    let compiler = running.until_runs(&["held.c"]);
    running.kill();
    case.let_go();
    let orphan = std::path::PathBuf::from(format!("/proc/{compiler}"));
    while orphan.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    case.space.write(&object, &whole[..whole.len() / 2]);
    settle_row(&case, ("1c 1l", "-"));
}

/// The driver gets another byte at its end, at the same place.
pub(crate) fn compiler_replaced_in_place(variant: Variant) {
    if !require_root() {
        return;
    }
    let Some(mut case) = Case::new(variant) else { return };
    case.build_well();
    let driver = std::path::Path::new("/usr/bin").join(variant.cc).canonicalize().unwrap();
    let mut content = std::fs::read(&driver).unwrap();
    content.push(0);
    case.space.overlay(&driver, &content);
    // The compiler compiles and links; what archives is another program.
    case.build_well().assert_kinds("4c 1l", "-");
    case.is_like_clean();
    assert_eq!(case.build_well().assert_work("-").summary().processes(), 0);
}

pub(crate) fn header_deleted_with_its_include(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.write("include/gone.h", "/* Nothing is in it. */\n");
    case.space.edit("src/main.c", "#include \"level.h\"", "#include \"level.h\"\n#include \"gone.h\"");
    case.build_well();
    case.space.edit("src/main.c", "#include \"gone.h\"", "");
    case.space.remove("include/gone.h");
    settle_row(&case, if variant.sees_comments() { ("1c 1l", "-") } else { ("1c", "-") });
}

/// A compiler that takes its depfile away again, as long as no file `honest` lies beside it.
pub(crate) const NO_DEPFILE: &str = r#"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words) {
  char honest[PATH_MAX + 8] = {0};
  readlink("/proc/self/exe", honest, PATH_MAX);
  const char *name = strrchr(honest, '/') + 1;
  char real[64];
  snprintf(real, sizeof real, "/usr/bin/%s", name);
  strcpy(strrchr(honest, '/') + 1, "honest");
  int status = 0;
  words[0] = real;
  if (fork() == 0) return execv(real, words), 127;
  wait(&status);
  for (int i = 1; i < count && access(honest, F_OK); i++) {
    if (!strcmp(words[i], "-MF") && i + 1 < count) unlink(words[i + 1]);
    else if (!strncmp(words[i], "-MF", 3)) unlink(words[i] + 3);
    else if (!strncmp(words[i], "-Wp,-MD,", 8)) unlink(words[i] + 8);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
"#;

pub(crate) fn compiler_wrote_no_depfile(variant: Variant) {
    let Some(mut case) = Case::new(variant) else { return };
    let compiler = case.space.base().join("tools").join(variant.cc);
    copy_program(&helper("no-depfile", NO_DEPFILE), &compiler);
    case.space.set_env("CC", &compiler);
    let failed = case.build();
    failed.exits(1);
    let all = failed.actions();
    let told =
        all.iter().find(|action| action.outcome == "failed").unwrap_or_else(|| panic!("{}", failed.story()));
    let (target, source) = match told.event["name"].as_str().unwrap_or_default() {
        source if source.starts_with("util/") => ("util", source),
        source => ("app", source),
    };
    // Its name has ten digits of a digest of the command in it, so that commands do not share one.
    let words = format!("it succeeded but did not write its depfile `build:tmp/{target}/{source}.o-");
    let text = told.event["failure"].as_str().unwrap_or_default();
    let rest = text.strip_prefix(&words).and_then(|rest| rest.strip_suffix(".d`"));
    let is_digest = |rest: &str| rest.len() == 10 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(rest.is_some_and(is_digest), "{text}");
    failed.says(text);
    case.space.write(compiler.with_file_name("honest"), "");
    case.build_well();
    case.space.edit("src/extra.h", "20", "21");
    let second = case.build_well();
    second.assert_work("2c 1l");
    case.is_like_clean();
}

pub(crate) fn declared_depfile_not_written(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    let manifest = String::from_utf8(case.space.read("rekindle.toml")).unwrap();
    let command = "[command.gen]\nargv = [\"sh\", \"-c\", \"echo 1 > $0\", \"{out}\"]\noutputs = [\"gen.h\"]\n\
                   depfile = \"gen.h.d\"\n";
    case.space.write("rekindle.toml", format!("{manifest}{command}"));
    let failed = case.build();
    failed.exits(1).says("gen.h.d");
    let failed = case.build();
    failed.exits(1).says("gen.h.d");
}

pub(crate) fn symlink_to_a_source_retargeted(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.write("choices/a.c", "int chosen(void) { return 1; }\n");
    case.space.write("choices/b.c", "int chosen(void) { return 2; }\n");
    case.space.symlink("../choices/a.c", "src/chosen.c");
    case.build_well().assert_kinds("5c 1a 1l", "-");
    case.space.symlink("../choices/b.c", "src/chosen.c");
    settle_row(&case, ("1c 1l", "-"));
}

pub(crate) fn symlink_to_a_header_retargeted(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.write("choices/a.h", "#define LEVEL 1\n");
    case.space.write("choices/b.h", "#define LEVEL 2\n");
    case.space.symlink("../choices/a.h", "include/level.h");
    case.build_well();
    case.space.symlink("../choices/b.h", "include/level.h");
    settle_row(&case, ("1c 1l", "-"));
}

pub(crate) fn include_directory_retargeted(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.write("one/level.h", "#define LEVEL 1\n");
    case.space.write("two/level.h", "#define LEVEL 2\n");
    case.space.remove("first");
    case.space.symlink("one", "first");
    case.build_well();
    case.space.symlink("two", "first");
    settle_row(&case, ("1c 1l", "-"));
}

pub(crate) fn include_directory_appears(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.edit("rekindle.toml", "include = [\"first\",", "cflags = [\"-Ilate\"]\ninclude = [\"first\",");
    case.space.edit("rekindle.toml", "deps = ", "cflags = [\"-Ilate\"]\ndeps = ");
    // `-I` of a person's own flags comes after `include`: what is only found there appears first in it.
    case.space.edit(
        "src/main.c",
        "#include \"level.h\"",
        "#include \"level.h\"\n#if __has_include(\"late.h\")\n#include \"late.h\"\n#endif",
    );
    case.build_well();
    case.space.write("late/late.h", "int late = 1;\n");
    settle_row(&case, ("1c 1l", "-"));
}

pub(crate) fn has_include_answers_otherwise(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.edit("src/extra.c", "EXTRA;", "EXTRA + HAVE;");
    case.space.edit(
        "src/extra.h",
        "#define EXTRA 20",
        "#if __has_include(\"config.h\")\n#define HAVE 1\n#else\n#define HAVE 0\n#endif\n#define EXTRA 20",
    );
    case.build_well();
    case.space.write("src/config.h", "");
    // main.c has the same answer in it, but nothing that comes of it.
    settle_row(&case, ("2c 1l", "-"));
}

pub(crate) fn generated_header_changed(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    let manifest = String::from_utf8(case.space.read("rekindle.toml")).unwrap();
    let command = "[command.number]\nargv = [\"sh\", \"gen.sh\", \"{in}\", \"{out}\"]\n\
                   inputs = [\"number.txt\"]\noutputs = [\"number.h\"]\n";
    case.space.write("rekindle.toml", format!("{manifest}{command}"));
    case.space.edit("rekindle.toml", "deps = [\"util\"]", "deps = [\"util\", \"number\"]");
    case.space.write("gen.sh", "echo \"#define NUMBER $(grep -v '#' \"$1\")\" > \"$2\"\n");
    case.space.write("number.txt", "7\n");
    case.space.write(
        "src/extra.c",
        "#include \"extra.h\"\n#include \"number.h\"\nint extra(void) { return NUMBER; }\n",
    );
    case.build_well().assert_kinds("4c 1a 1l 1x", "-");
    // What the generator makes of it is the same: nothing else runs.
    case.space.write("number.txt", "# A comment\n7\n");
    settle_row(&case, ("1x", "-"));
    case.space.write("number.txt", "8\n");
    settle_row(&case, ("1x 1c 1l", "-"));
    // The script is an argument that names a file.
    case.space.edit("gen.sh", "NUMBER $", "NUMBER 1 + $");
    settle_row(&case, ("1x 1c 1l", "-"));
}

/// Makes `vendor/libsys.a` with a function that gives `value`, beside the project.
pub(crate) fn system_library(case: &Case, value: u32) {
    let source = format!("int sys(void) {{ return {value}; }}\n");
    case.space.write("vendor/sys.c", source);
    let run = |program: &str, args: &[&str]| {
        let status =
            std::process::Command::new(program).args(args).current_dir(case.space.path("vendor")).status();
        assert!(status.unwrap().success());
    };
    run("gcc", &["-c", "sys.c"]);
    run("ar", &["rcsD", "libsys.a", "sys.o"]);
}

pub(crate) fn linked_system_library_replaced(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    system_library(&case, 1);
    let deps = "deps = [\"util\"]\nlibrary-dirs = [\"vendor\"]\nsystem-libs = [\"sys\"]";
    case.space.edit("rekindle.toml", "deps = [\"util\"]", deps);
    case.space.write("src/extra.c", "int sys(void);\nint extra(void) { return sys(); }\n");
    case.build_well();
    assert_eq!(case.space.prints("app"), "11 1 30");
    system_library(&case, 2);
    settle_row(&case, ("1l", "-"));
    assert_eq!(case.space.prints("app"), "11 2 30");
}

/// Makes `DIR/libsys.so` with a function that gives `value`.
fn shared_library(case: &Case, dir: &str, value: u32) {
    case.space.write(format!("{dir}/sys.c"), format!("int sys(void) {{ return {value}; }}\n"));
    let mut gcc = std::process::Command::new("gcc");
    let status =
        gcc.args(["-shared", "-fPIC", "sys.c", "-o", "libsys.so"]).current_dir(case.space.path(dir)).status();
    assert!(status.unwrap().success());
}

pub(crate) fn linked_shared_library_replaced_shadowed_and_gone(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    shared_library(&case, "vendor", 1);
    case.space.mkdir("early");
    let deps = "deps = [\"util\"]\nlibrary-dirs = [\"early\", \"vendor\"]\nsystem-libs = [\"sys\"]";
    case.space.edit("rekindle.toml", "deps = [\"util\"]", deps);
    case.space.write("src/extra.c", "int sys(void);\nint extra(void) { return sys(); }\n");
    case.build_well();
    let prints = |dir: &str| {
        let mut app = std::process::Command::new(case.space.output("app"));
        let output = app.env("LD_LIBRARY_PATH", case.space.path(dir)).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(prints("vendor"), "11 1 30\n");
    shared_library(&case, "vendor", 2);
    settle_row(&case, ("1l", "-"));
    assert_eq!(prints("vendor"), "11 2 30\n");
    shared_library(&case, "early", 3);
    settle_row(&case, ("1l", "-"));
    assert_eq!(prints("early"), "11 3 30\n");
    // Without it, all is as it was.
    case.space.remove("early/libsys.so");
    settle_row(&case, ("-", "1l"));
    let program = case.space.read(case.space.output("app"));
    case.space.remove("vendor/libsys.so");
    case.build().exits(1).says("-lsys");
    assert!(case.space.read(case.space.output("app")) == program, "what was there before is there again");
    shared_library(&case, "vendor", 2);
    settle_row(&case, ("-", "-"));
    assert_eq!(prints("vendor"), "11 2 30\n");
}

pub(crate) fn linker_script_changed(variant: Variant) {
    let Some(case) = Case::new(variant) else { return };
    case.space.write("app.ld", "SECTIONS { landmark = 41; } INSERT AFTER .data;\n");
    case.space.edit("rekindle.toml", "deps = ", "linker-script = \"app.ld\"\ndeps = ");
    case.build_well();
    case.space.edit("app.ld", "41", "42");
    settle_row(&case, ("1l", "-"));
}
