//! What the tests with real compilers share: a project, an environment, and a prober that counts.
#![expect(clippy::disallowed_methods, reason = "tests make their own files and run compilers")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_fingerprint::action::{Action, Spelling};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::{FileTime, Instant};
use rekindle_toolchain::request::{Compile, Language, Link, Mode, Spec, Warnings};
use rekindle_toolchain::{Answer, Environment, FlagError, Prober, Toolchain, ToolchainError, resolve};

/// Runs programs for real, and counts them.
#[derive(Default)]
pub(crate) struct Counting(pub(crate) usize);

impl Prober for Counting {
    fn run(
        &mut self,
        program: &Path,
        args: &[OsString],
        env: &Environment,
        cwd: &Path,
    ) -> io::Result<Answer> {
        self.0 += 1;
        let output = Command::new(program).args(args).env_clear().envs(env).current_dir(cwd).output()?;
        Ok(Answer { status: output.status.code(), stdout: output.stdout, stderr: output.stderr })
    }
}

/// A workspace with a build directory in it.
pub(crate) struct Project {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) base: PathBuf,
    pub(crate) files: Files,
    pub(crate) memo: BTreeMap<Digest, Vec<u8>>,
    pub(crate) prober: Counting,
    pub(crate) environment: Environment,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::named("ws")
    }

    /// A project in a directory of this name.
    pub(crate) fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(base.join("out/tmp")).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let environment = Environment::from([("PATH".into(), path)]);
        let mut project =
            Self { dir, files: files(&base), base, memo: BTreeMap::new(), prober: Counting(0), environment };
        project.forget();
        project
    }

    /// Starts anew, as the next build does, with the memory of this one.
    pub(crate) fn forget(&mut self) {
        self.files = files(&self.base);
        self.prober.0 = 0;
    }

    pub(crate) fn resolve(&mut self, spec: &Spec) -> Result<Toolchain, ToolchainError> {
        resolve(spec, &self.environment, &mut self.files, &mut self.memo, &mut self.prober)
    }

    /// The toolchain whose C compiler is `cc`.
    pub(crate) fn toolchain(&mut self, cc: &str) -> Toolchain {
        self.resolve(&spec(cc)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.base.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A path of the workspace or, below `out`, of the build directory.
    pub(crate) fn path(&mut self, name: &str) -> PathId {
        let base = self.base.clone();
        self.files.path_from(&base, Path::new(name))
    }

    pub(crate) fn cwd(&mut self) -> PathId {
        self.files.path(Roots::WORKSPACE, "")
    }

    /// A compile of `source` to `out/SOURCE.o`.
    pub(crate) fn compile(&mut self, source: &str, language: Language) -> Compile {
        Compile {
            source: self.path(source),
            language,
            object: self.path(&format!("out/obj/{source}.o")),
            temporary: self.path("out/tmp"),
            standard: None,
            mode: Mode::default(),
            warnings: Warnings::Default,
            pic: None,
            defines: Vec::new(),
            includes: Vec::new(),
            forced: Vec::new(),
            precompiled: None,
            flags: Vec::new(),
            order_only: Vec::new(),
            makes_precompiled: false,
        }
    }

    /// A link of nothing to `out/bin/NAME`.
    pub(crate) fn link(&mut self, name: &str, language: Language) -> Link {
        Link {
            output: self.path(&format!("out/bin/{name}")),
            shared: false,
            soname: None,
            language,
            temporary: self.path("out/tmp"),
            inputs: Vec::new(),
            directories: Vec::new(),
            run_paths: Vec::new(),
            installed: None,
            mode: Mode::default(),
            scripts: Vec::new(),
            flags: Vec::new(),
            links: Vec::new(),
        }
    }

    /// What `build` makes, with everything learned for it.
    pub(crate) fn action(
        &mut self,
        toolchain: &mut Toolchain,
        build: impl FnMut(&Toolchain, &mut Files) -> Result<Action, FlagError>,
    ) -> Action {
        let built = toolchain.learning(&mut self.files, &mut self.memo, &mut self.prober, build);
        built.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn compiled(&mut self, toolchain: &mut Toolchain, request: &Compile) -> Action {
        let cwd = self.cwd();
        self.action(toolchain, |toolchain, files| toolchain.compile(files, request, cwd))
    }

    pub(crate) fn linked(&mut self, toolchain: &mut Toolchain, request: &Link) -> Action {
        let cwd = self.cwd();
        self.action(toolchain, |toolchain, files| toolchain.link(files, request, cwd))
    }

    /// The command line as it is spelled.
    pub(crate) fn argv(&self, action: &Action) -> Vec<OsString> {
        let spelling = Spelling::new(&self.files, action.cwd);
        action.argv.iter().map(|arg| arg.spell(&self.files, &spelling)).collect()
    }

    /// The command line as keys hold it, without the program.
    pub(crate) fn shown(&self, action: &Action) -> String {
        let spelling = Spelling::new(&self.files, action.cwd);
        let words = action.argv[1..].iter().map(|arg| arg.name(&self.files, &spelling));
        words.map(|word| String::from_utf8_lossy(&word).into_owned()).collect::<Vec<_>>().join("\n")
    }

    /// Runs an action, as the engine does, and gives what it wrote to its error output.
    pub(crate) fn run(&self, action: &Action) -> Result<String, String> {
        for output in &action.outputs {
            std::fs::create_dir_all(self.files.abs(*output).parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(self.files.abs(*output));
        }
        let argv = self.argv(action);
        let spelling = Spelling::new(&self.files, action.cwd);
        let cwd = self.files.abs(action.cwd);
        let env = action.env.iter().map(|(name, value)| (name.clone(), value.spell(&self.files, &spelling)));
        let output = Command::new(cwd.join(&argv[0]))
            .args(&argv[1..])
            .env_clear()
            .env("PATH", &self.environment[&OsString::from("PATH")])
            .env("PWD", &cwd)
            .env("TMPDIR", self.base.join("out/tmp"))
            .envs(env)
            .current_dir(&cwd)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(format!("{argv:?}\n{said}")) }
    }

    /// Runs an action that must succeed in silence, and gives the content of its first output.
    pub(crate) fn made(&self, action: &Action) -> Vec<u8> {
        let said = self.run(action).unwrap_or_else(|said| panic!("{said}"));
        assert_eq!(said, "", "{:?}", self.argv(action));
        std::fs::read(self.files.abs(action.outputs[0])).unwrap()
    }
}

/// A table of files for a project at `base`, in which nothing that is older than now is racy.
fn files(base: &Path) -> Files {
    let mut files = Files::new(Roots::new(base, base.join("out")));
    files.set_instant(Instant { device: 0, time: FileTime(i64::MAX), granularity: 0 });
    files
}

pub(crate) fn spec(cc: &str) -> Spec {
    Spec { name: "host".into(), cc: Some(cc.into()), ..Spec::default() }
}
