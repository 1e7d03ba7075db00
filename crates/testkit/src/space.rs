//! The temporary project: its files, and the binary run in it with a clean, explicit environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::built::Built;
use crate::disk::{self, Overlay};
use crate::files::{copy_program, copy_tree, must, set_mtime, settle};
use crate::require::{PATH, found};
use crate::running::{PATIENCE, Running};
use crate::tree::Tree;

/// Set, no space is removed, and where each lies is printed.
const KEEP: &str = "REKINDLE_TEST_KEEP";
/// Set, results are shared with no other build: each test says whether it wants that.
const NO_STORE: &str = "REKINDLE_NO_STORE";
/// Every file of a restored result is written: tests look at all of them.
const MATERIALIZE: &str = "REKINDLE_MATERIALIZE";
/// The user and group `nobody`.
const NOBODY: u32 = 65534;

/// A temporary directory with a project in it:
///
/// ```text
/// project/   the files of the project; commands run here
/// home/      HOME, and everything that is looked for below it
/// tools/     programs that a test makes
/// aside/     a build directory that makes way for a clean one
/// ```
#[derive(Debug)]
pub struct Space {
    base: PathBuf,
    project: PathBuf,
    binary: PathBuf,
    env: BTreeMap<OsString, OsString>,
    overlays: Vec<Overlay>,
    _dir: Option<tempfile::TempDir>,
}

impl Space {
    /// An empty project, in which `binary` will be run.
    pub fn new(binary: impl AsRef<Path>) -> Self {
        let system = std::env::temp_dir();
        Self::new_in(binary, &system)
    }

    /// The same in a directory below `place`.
    #[expect(clippy::print_stderr, reason = "where a kept space lies is for the person who asked to keep it")]
    pub fn new_in(binary: impl AsRef<Path>, place: &Path) -> Self {
        let mut builder = tempfile::Builder::new();
        let dir = must(builder.prefix("rekindle-test.").tempdir_in(place), "create a directory in", place);
        let base = must(dir.path().canonicalize(), "find", dir.path());
        must(fs::set_permissions(&base, fs::Permissions::from_mode(0o755)), "set the mode of", &base);
        let kept = std::env::var_os(KEEP).is_some().then(|| dir.path().to_path_buf());
        let dir = match kept {
            Some(path) => {
                eprintln!("kept: {}", path.display());
                std::mem::forget(dir);
                None
            }
            None => Some(dir),
        };
        for name in ["project", "home", "tools", "tmp"] {
            let path = base.join(name);
            must(fs::create_dir(&path), "create", &path);
        }
        let mut env = BTreeMap::new();
        env.insert("PATH".into(), PATH.into());
        env.insert("HOME".into(), base.join("home").into());
        env.insert("TMPDIR".into(), base.join("tmp").into());
        env.insert("LC_ALL".into(), "C".into());
        env.extend([(NO_STORE.into(), "true".into()), (MATERIALIZE.into(), "all".into())]);
        let project = base.join("project");
        Self { base, project, binary: binary.as_ref().to_path_buf(), env, overlays: Vec::new(), _dir: dir }
    }

    /// The directory that holds the project, its home and its tools.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The project's directory.
    pub fn root(&self) -> PathBuf {
        self.project.clone()
    }

    /// A path in the project.
    pub fn path(&self, rel: impl AsRef<Path>) -> PathBuf {
        self.root().join(rel)
    }

    /// The build directory, with a folder for each profile.
    pub fn build_dir(&self) -> PathBuf {
        self.path(".rekindle/build")
    }

    /// Writes a file, and the directories above it.
    pub fn write(&self, rel: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(rel);
        if let Some(dir) = path.parent() {
            must(fs::create_dir_all(dir), "create", dir);
        }
        must(fs::write(&path, content), "write", &path);
    }

    /// Writes a program: a script, say.
    pub fn write_program(&self, rel: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let (path, draft) = (self.path(rel), self.base.join("tmp/program"));
        self.write(&draft, content);
        must(fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)), "set the mode of", &draft);
        self.mkdir(path.parent().unwrap_or(&path));
        copy_program(&draft, &path);
    }

    /// Writes several files, each as `=== NAME` on a line and then its content.
    ///
    /// # Panics
    /// Something stands before the first name.
    #[track_caller]
    pub fn write_all(&self, text: &str) {
        let mut parts = text.split("=== ");
        assert_eq!(parts.next().map(str::trim), Some(""), "text before the first name");
        for part in parts {
            let (name, content) = part.split_once('\n').unwrap_or((part, ""));
            self.write(name.trim(), content);
        }
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, rel: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(rel);
        must(fs::read(&path), "read", &path)
    }

    /// Replaces `from`, which stands in the file exactly once, by `to`.
    ///
    /// # Panics
    /// It stands there otherwise.
    #[track_caller]
    pub fn edit(&self, rel: &str, from: &str, to: &str) {
        let text = String::from_utf8_lossy(&self.read(rel)).into_owned();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {rel}");
        self.write(rel, text.replacen(from, to, 1));
    }

    /// When a file was modified.
    pub fn mtime(&self, rel: impl AsRef<Path>) -> SystemTime {
        let path = self.path(rel);
        must(fs::metadata(&path).and_then(|meta| meta.modified()), "look at", &path)
    }

    /// Sets when a file was modified.
    pub fn set_mtime(&self, rel: impl AsRef<Path>, time: SystemTime) {
        set_mtime(&self.path(rel), time);
    }

    /// Sets when a file was modified, in seconds from now.
    pub fn age(&self, rel: impl AsRef<Path>, seconds: i64) {
        let span = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemTime::now();
        self.set_mtime(rel, if seconds < 0 { now - span } else { now + span });
    }

    /// Gives a file the time of now.
    pub fn touch(&self, rel: impl AsRef<Path>) {
        self.age(rel, 0);
    }

    /// The project's own files and links, without the build directory.
    pub fn files(&self) -> Vec<PathBuf> {
        let own = |path: &&Path| !path.starts_with(".rekindle");
        Tree::of(&self.root()).paths().filter(own).map(Path::to_path_buf).collect()
    }

    /// Renames a file.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let (from, to) = (self.path(from), self.path(to));
        must(fs::rename(&from, to), "rename", &from);
    }

    /// Removes a file or a directory with all that is in it.
    pub fn remove(&self, rel: impl AsRef<Path>) {
        let path = self.path(rel);
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        must(if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }, "remove", &path);
    }

    /// The same, if there is one.
    pub fn remove_if_there(&self, rel: impl AsRef<Path>) {
        if fs::symlink_metadata(self.path(&rel)).is_ok() {
            self.remove(rel);
        }
    }

    /// Makes a symbolic link, in the place of one that may be there.
    pub fn symlink(&self, target: impl AsRef<Path>, rel: impl AsRef<Path>) {
        let path = self.path(rel);
        let _ = fs::remove_file(&path);
        must(symlink(target, &path), "link", &path);
    }

    /// Makes a directory.
    pub fn mkdir(&self, rel: impl AsRef<Path>) {
        let path = self.path(rel);
        must(fs::create_dir_all(&path), "create", &path);
    }

    /// Copies the project, build directory included, to the same place without its times: every file is a new one.
    pub fn copy_without_times(&self) {
        let old = self.base.join("old");
        must(fs::rename(self.root(), &old), "rename", &self.root());
        copy_tree(&old, &self.root());
        must(fs::remove_dir_all(&old), "remove", &old);
    }

    /// Moves the project, build directory included, to another place.
    pub fn move_project(&mut self, place: &str) {
        let to = self.base.join(place);
        if let Some(dir) = to.parent() {
            must(fs::create_dir_all(dir), "create", dir);
        }
        must(fs::rename(&self.project, &to), "rename", &self.project);
        self.project = to;
    }

    /// Copies the project, build directory included, to another base; its home and tools are new and empty. What is
    /// said about the store counts there, too.
    pub fn copy_to_another_place(&self) -> Self {
        let system = std::env::temp_dir();
        let mut other = Self::new_in(&self.binary, &system);
        must(fs::remove_dir(other.root()), "remove", &other.root());
        copy_tree(&self.root(), &other.root());
        let own = [OsStr::new("HOME"), OsStr::new("TMPDIR")];
        let env = self.env.iter().filter(|(name, _)| !own.contains(&name.as_os_str()));
        // What is not set here is not set there.
        other.env.retain(|name, _| own.contains(&name.as_os_str()));
        other.env.extend(env.map(|(name, value)| (name.clone(), value.clone())));
        other.overlays.clone_from(&self.overlays);
        other
    }

    /// Sets an environment variable for every run from here on.
    pub fn set_env(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.env.insert(name.into(), value.as_ref().into());
    }

    /// Takes an environment variable away.
    pub fn unset_env(&mut self, name: &str) {
        self.env.remove(OsStr::new(name));
    }

    /// Lets every run from here on share results in the directory `dir`.
    pub fn use_store(&mut self, dir: &Path) {
        self.unset_env(NO_STORE);
        self.set_env("REKINDLE_STORE", dir);
    }

    /// Lets every run from here on share no results, as at the beginning.
    pub fn use_no_store(&mut self) {
        self.unset_env("REKINDLE_STORE");
        self.set_env(NO_STORE, "true");
    }

    /// Lets every run from here on decide by itself which restored files it writes, as it does for a person.
    pub fn leave_bytes(&mut self) {
        self.unset_env(MATERIALIZE);
    }

    /// Puts a directory before the others on `PATH`.
    pub fn put_on_path(&mut self, dir: &Path) {
        let path = self.env.entry("PATH".into()).or_default();
        let mut longer = dir.as_os_str().to_os_string();
        longer.push(":");
        longer.push(&*path);
        *path = longer;
    }

    /// Lets every run from here on see `content` in the place of the file `over`, which is itself left alone.
    /// Needs [`crate::require_root`].
    pub fn overlay(&mut self, over: &Path, content: &[u8]) {
        let over = must(over.canonicalize(), "find", over);
        self.overlays.retain(|overlay| overlay.over != over);
        let with = self.base.join("tools").join(format!("overlay{}", self.overlays.len()));
        must(fs::write(&with, content), "write", &with);
        let mode = must(fs::metadata(&over), "look at", &over).permissions();
        must(fs::set_permissions(&with, mode), "set the mode of", &with);
        self.overlays.push(Overlay { with, over });
    }

    /// Takes all overlays away.
    pub fn remove_overlays(&mut self) {
        self.overlays.clear();
    }

    /// Gives everything here to the user `nobody`, and the binary a place where that user may run it.
    pub fn give_to_nobody(&mut self) {
        let binary = self.base.join("tools/rekindle");
        copy_program(&self.binary, &binary);
        self.binary = binary;
        give(&self.base);
    }

    /// A run of the binary with these arguments.
    pub fn run(&self, args: &[&str]) -> Run<'_> {
        Run {
            space: self,
            args: args.iter().map(Into::into).collect(),
            nobody: false,
            settles: true,
            patience: PATIENCE,
            env: Vec::new(),
        }
    }

    /// `rekindle build --format json` and these arguments, begun when the file system's clock has moved on from the
    /// last edit.
    #[track_caller]
    pub fn build(&self, args: &[&str]) -> Built {
        self.run(&["build", "--format", "json", "-v"]).args(args).done()
    }

    /// The same, at once.
    #[track_caller]
    pub fn build_at_once(&self, args: &[&str]) -> Built {
        self.run(&["build", "--format", "json", "-v"]).args(args).at_once().done()
    }

    /// The same, and lets it run.
    pub fn start_build(&self, args: &[&str]) -> Running {
        self.run(&["build", "--format", "json", "-v"]).args(args).start()
    }

    /// The outputs that lie in the build directory.
    pub fn outputs(&self) -> Tree {
        Tree::of_outputs(&self.build_dir())
    }

    /// Where the only output lies whose path ends with `end`.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    pub fn output(&self, end: &str) -> PathBuf {
        self.build_dir().join(self.outputs().one(end))
    }

    /// The first output of the action that `text` (`compile a.c`) means, by the events of a build.
    ///
    /// # Panics
    /// There is no such action.
    #[track_caller]
    pub fn output_of(&self, built: &Built, text: &str) -> PathBuf {
        let action = built.actions().into_iter().find(|action| action.is(text));
        let Some(output) = action.and_then(|action| action.outputs.first().cloned()) else {
            panic!("no action `{text}`\n{}", built.story())
        };
        let rel = output.rsplit_once(':').map_or(output.as_str(), |(_, rel)| rel);
        let candidates = [self.path(rel), self.path(&output), self.build_dir().join(rel)];
        let below = fs::read_dir(self.build_dir()).into_iter().flatten().flatten();
        let mut all = candidates.into_iter().chain(below.map(|profile| profile.path().join(rel)));
        all.find(|path| path.exists()).unwrap_or_else(|| panic!("`{output}` is nowhere\n{}", built.story()))
    }

    /// What a built program prints.
    ///
    /// # Panics
    /// It cannot be run.
    #[track_caller]
    pub fn execute(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        must(command.args(args).current_dir(self.root()).output(), "run", program)
    }

    /// What a built program prints, as text.
    ///
    /// # Panics
    /// It cannot be run.
    #[track_caller]
    pub fn prints(&self, program: &str) -> String {
        String::from_utf8_lossy(&self.execute(&self.output(program), &[]).stdout).trim().to_string()
    }

    /// The outputs equal, byte for byte, those of a build in an empty build directory at the same place. `args` are
    /// those of the build.
    ///
    /// # Panics
    /// They do not, or the clean build fails.
    #[track_caller]
    pub fn assert_like_clean(&self, args: &[&str]) {
        self.assert_like_clean_but(args, "");
    }

    /// The same without the files of one ending, which no two runs make alike.
    ///
    /// # Panics
    /// The others do not equal, or the clean build fails.
    #[track_caller]
    pub fn assert_like_clean_but(&self, args: &[&str], ending: &str) {
        let mut here = self.outputs();
        let (state, aside) = (self.path(".rekindle"), self.base.join("aside"));
        must(fs::rename(&state, &aside), "rename", &state);
        let clean = self.build(args);
        clean.ok();
        let mut there = self.outputs();
        must(fs::remove_dir_all(&state), "remove", &state);
        must(fs::rename(&aside, &state), "rename", &aside);
        assert!(!there.is_empty(), "the clean build has no outputs\n{}", clean.story());
        // Other profiles were not built anew.
        here.retain(|path| there.has_folder(path) && path.extension() != Some(OsStr::new(ending)));
        there.retain(|path| path.extension() != Some(OsStr::new(ending)));
        let difference = here.difference(&there);
        assert!(difference.is_empty(), "unlike a clean build (the second):\n{difference}");
    }

    /// A text with the places and times of this run taken out, for a snapshot.
    pub fn redact(&self, text: &str) -> String {
        let text = text.replace(&*self.base.to_string_lossy(), "[SPACE]");
        let text = redact_numbers(&text, &["ms", "s"], "[TIME]");
        text.replace(&*self.binary.to_string_lossy(), "[REKINDLE]")
    }
}

/// Replaces every number with one of these units right behind it.
fn redact_numbers(text: &str, units: &[&str], by: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let inside_word =
            rest[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
        out.push_str(&rest[..at]);
        let length = rest[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len() - at);
        let (number, behind) = rest[at..].split_at(length);
        let tail = behind.strip_prefix(' ').unwrap_or(behind);
        let unit = units.iter().find(|unit| {
            tail.strip_prefix(**unit).is_some_and(|next| !next.starts_with(|c: char| c.is_alphanumeric()))
        });
        match unit {
            Some(unit) if !inside_word => {
                out.push_str(by);
                rest = &tail[unit.len()..];
            }
            _ => {
                out.push_str(number);
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

fn give(path: &Path) {
    must(std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)), "give away", path);
    let is_dir = must(fs::symlink_metadata(path), "look at", path).is_dir();
    if is_dir {
        must(chown(path, Some(NOBODY), Some(NOBODY)), "give away", path);
        for entry in must(fs::read_dir(path), "list", path) {
            give(&must(entry, "list", path).path());
        }
    }
}

/// A run of the binary, to be begun.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    space: &'a Space,
    args: Vec<OsString>,
    nobody: bool,
    settles: bool,
    patience: Duration,
    env: Vec<(OsString, OsString)>,
}

impl Run<'_> {
    /// More arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(Into::into));
        self
    }

    /// An argument that may be no text.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    /// An environment variable for this run.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().into()));
        self
    }

    /// As the user `nobody`. See [`Space::give_to_nobody`].
    #[must_use]
    pub fn as_nobody(mut self) -> Self {
        self.nobody = true;
        self
    }

    /// Without waiting for the file system's clock to move on from the last edit.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.settles = false;
        self
    }

    /// With this much time to end, in the place of a minute.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn dress(&self, command: &mut Command) {
        command.env_clear().envs(&self.space.env).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.space.root());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        if self.settles {
            settle(&self.space.base);
        }
    }

    fn command(&self) -> Command {
        let mut command = disk::command(&self.space.binary, &self.space.overlays);
        command.args(&self.args);
        self.dress(&mut command);
        command
    }

    fn shown(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    /// Lets it run.
    ///
    /// # Panics
    /// The binary cannot be started.
    #[track_caller]
    pub fn start(self) -> Running {
        Running::of(self.shown(), must(self.command().spawn(), "start", &self.space.binary), self.patience)
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// The binary cannot be started, or does not end in a minute (or what [`Run::within`] says).
    #[track_caller]
    pub fn done(self) -> Built {
        self.start().wait()
    }

    /// Runs it below another program: `run.below("make", &["-j2"])` has the binary as the variable `REKINDLE`.
    ///
    /// # Panics
    /// The program cannot be started.
    #[track_caller]
    pub fn below(self, program: &str, args: &[&str]) -> Built {
        let mut command = Command::new(program);
        command.args(args);
        self.dress(&mut command);
        command.env("REKINDLE", &self.space.binary);
        let shown = args.iter().map(ToString::to_string).collect();
        Running::of(shown, must(command.spawn(), "start", Path::new(program)), self.patience).wait()
    }

    /// Runs it under `strace`, and counts the programs that were executed (the binary itself is not one of them).
    ///
    /// # Panics
    /// `strace` is missing: ask [`crate::require`] first.
    #[track_caller]
    pub fn counting_programs(self) -> (Built, u64) {
        let log = self.space.base.join("tmp/strace");
        let mut command = Command::new(found("strace").unwrap_or_else(|| "strace".into()));
        command.args(["-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o"]).arg(&log);
        command.arg(&self.space.binary).args(&self.args);
        self.dress(&mut command);
        let built =
            Running::of(self.shown(), must(command.spawn(), "start", Path::new("strace")), self.patience)
                .wait();
        let text = String::from_utf8_lossy(&must(fs::read(&log), "read", &log)).into_owned();
        let executed = text.lines().filter(|line| line.contains("execve(") && line.ends_with("= 0")).count();
        let resumed =
            text.lines().filter(|line| line.contains("execve resumed") && line.ends_with("= 0")).count();
        (built, (executed + resumed) as u64 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_redacted_and_other_numbers_are_not() {
        assert_eq!(
            redact_numbers("done in 0.41 s, 12ms; a-2s.c, 3 jobs", &["ms", "s"], "[T]"),
            "done in [T], [T]; a-2s.c, 3 jobs"
        );
    }

    #[test]
    fn a_run_has_the_environment_of_its_space_and_nothing_else() {
        let mut space = Space::new("/usr/bin/env");
        space.set_env("ONE", "1");
        let built = space.run(&[]).env("TWO", "2").done();
        let text = space.redact(&built.ok().text());
        let names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
        assert_eq!(
            names,
            ["HOME", "LC_ALL", "ONE", "PATH", "REKINDLE_MATERIALIZE", "REKINDLE_NO_STORE", "TMPDIR", "TWO"]
        );
    }

    #[test]
    fn a_store_is_used_when_a_test_says_so_and_a_copy_uses_it_too() {
        let mut space = Space::new("/usr/bin/env");
        space.use_store(Path::new("/shared"));
        for space in [&space, &space.copy_to_another_place()] {
            let text = space.run(&[]).done().text();
            assert!(text.contains("REKINDLE_STORE=/shared\n") && !text.contains(NO_STORE), "{text}");
        }
        space.use_no_store();
        let text = space.run(&[]).done().text();
        assert!(!text.contains("REKINDLE_STORE=") && text.contains("REKINDLE_NO_STORE=true\n"), "{text}");
    }

    #[test]
    fn several_files_are_written_from_one_text() {
        let space = Space::new("/bin/true");
        space.write_all("=== a/b.c\nint b;\n=== c.h\n");
        assert_eq!(space.read("a/b.c"), b"int b;\n");
        assert_eq!(space.files(), [Path::new("a/b.c"), Path::new("c.h")]);
    }
}
