//! Builds the stand-in compiler (`xtask/standin/standin.c`) with the machine's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The stand-in's places.
pub(crate) struct Standin {
    /// Called as a compiler and linker.
    pub(crate) cc: PathBuf,
    /// The same program, called as an archiver.
    pub(crate) ar: PathBuf,
}

/// Builds it into `folder/bin`.
pub(crate) fn build(root: &Path, folder: &Path) -> Result<Standin, String> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).map_err(|error| format!("create {}: {error}", bin.display()))?;
    let standin = Standin { cc: bin.join("gcc"), ar: bin.join("ar") };
    let source = root.join("xtask/standin/standin.c");
    // Static where the machine can: it starts in half the time, and ten thousand starts are what a cold build is.
    if !compile(&source, &standin.cc, &["-static"])? && !compile(&source, &standin.cc, &[])? {
        return Err(format!("cc does not compile {}", source.display()));
    }
    fs::copy(&standin.cc, &standin.ar)
        .map_err(|error| format!("copy to {}: {error}", standin.ar.display()))?;
    // The programs that a gcc runs: they are looked for, and their bytes are part of what the compiler is.
    for name in ["cc1", "cc1plus", "as", "ld", "collect2", "lto1", "lto-wrapper"] {
        let place = bin.join(name);
        fs::copy(&standin.cc, &place).map_err(|error| format!("copy to {}: {error}", place.display()))?;
    }
    Ok(standin)
}

/// Whether it could be compiled; what cc said goes to standard error if it was asked for nothing special.
fn compile(source: &Path, program: &Path, flags: &[&str]) -> Result<bool, String> {
    let mut command = Command::new("cc");
    command.arg("-O2").args(flags).arg("-o").arg(program).arg(source);
    if !flags.is_empty() {
        command.stderr(Stdio::null());
    }
    let status = command.status().map_err(|error| format!("start cc: {error}"))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &Path, folder: &Path, words: &[&str]) -> String {
        let output = Command::new(program).args(words).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A stand-in and a project of one unit, one header.
    fn setup() -> (tempfile::TempDir, Standin) {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let standin = build(root, folder.path()).unwrap();
        fs::create_dir(folder.path().join("inc")).unwrap();
        fs::write(folder.path().join("inc/a.h"), "int a;\n").unwrap();
        fs::write(folder.path().join("a.c"), "#include \"a.h\"\nint b;\n").unwrap();
        (folder, standin)
    }

    const COMPILE: [&str; 9] = ["-O2", "-Iinc", "-MD", "-MF", "a.d", "-c", "a.c", "-o", "a.o"];

    #[test]
    fn a_compile_writes_what_it_read_and_its_object_is_a_function_of_that() {
        let (folder, standin) = setup();
        let object = || {
            run(&standin.cc, folder.path(), &COMPILE);
            fs::read(folder.path().join("a.o")).unwrap()
        };
        let first = object();
        assert_eq!(fs::read_to_string(folder.path().join("a.d")).unwrap(), "a.o: \\\n a.c \\\n inc/a.h\n");
        fs::write(folder.path().join("inc/a.h"), "// comment\nint a;\n").unwrap();
        assert_eq!(object(), first, "a comment changes no object");
        fs::write(folder.path().join("inc/a.h"), "int c;\n").unwrap();
        assert_ne!(object(), first);
    }

    #[test]
    fn its_archive_is_one_that_ar_reads() {
        let (folder, standin) = setup();
        run(&standin.cc, folder.path(), &COMPILE);
        let (one, other) = ("an_object_with_a_long_name.o", "b.o");
        fs::copy(folder.path().join("a.o"), folder.path().join(one)).unwrap();
        fs::write(folder.path().join(other), "odd").unwrap();
        run(&standin.ar, folder.path(), &["rcsD", "lib.a", one, other]);
        assert_eq!(run(Path::new("ar"), folder.path(), &["t", "lib.a"]), format!("{one}\n{other}\n"));
        assert_eq!(run(Path::new("ar"), folder.path(), &["p", "lib.a", other]), "odd");
    }

    #[test]
    fn it_says_that_it_is_gcc_and_that_every_program_is_itself() {
        let (folder, standin) = setup();
        assert_eq!(run(&standin.cc, folder.path(), &["-dumpfullversion"]), "12.2.0\n");
        let own = fs::canonicalize(&standin.cc).unwrap();
        let named = run(&standin.cc, folder.path(), &["-print-prog-name=cc1"]);
        assert_eq!(Path::new(named.trim_end()), own);
    }

    #[test]
    fn a_link_names_its_inputs_when_asked() {
        let (folder, standin) = setup();
        run(&standin.cc, folder.path(), &COMPILE);
        run(&standin.cc, folder.path(), &["-o", "program", "a.o", "-Wl,--dependency-file=program.d"]);
        assert_eq!(fs::read_to_string(folder.path().join("program.d")).unwrap(), "program: \\\n a.o\n");
    }
}
