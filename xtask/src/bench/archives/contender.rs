//! Who builds: how each is called, where, what it prints, and what it has to run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::project::{Form, Project, State};
use super::recipe::{self, CARGO, MAKE_OUT, REKINDLE_OUT};
use super::steps::Step;
use crate::bench::engines::{Count, Engine, Family, Said};
use crate::bench::machine::{self, Tool};
use crate::bench::measure::{self, Line, Run};
use crate::bench::recipes::{ninja_file, ninja_out};
use crate::bench::session::Session;
use crate::bench::steps;

/// Somebody who builds a tree of its own: the other tools build in the tree.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// In tables and charts.
    pub(crate) name: String,
    /// Where its tree lies.
    pub(crate) place: PathBuf,
    kind: Kind,
    /// `PATH`, if it is not the one of this process.
    path: Option<OsString>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// With the other tools in every build, or without them at all.
    Ninja { program: PathBuf, engine: String, external: bool },
    /// With the other tools in every build; so many commands at once.
    Make { jobs: usize },
    /// Of a twin.
    Cargo { program: PathBuf, form: Form },
    /// With a store beside its tree.
    Rekindle { program: PathBuf },
}

/// cargo, as it lies in its toolchain.
pub(crate) struct Cargo {
    /// The program, and not a proxy for it.
    pub(crate) program: PathBuf,
    /// `PATH` with the toolchain in front.
    path: OsString,
}

impl Cargo {
    /// Asks rustc where the toolchain lies: a proxy of rustup's would cost whoever starts it a process more.
    pub(crate) fn find() -> Result<Cargo, String> {
        let output = measure::command("rustc").args(["--print", "sysroot"]).output();
        let output = output.map_err(|error| format!("start rustc: {error}"))?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("bin");
        let there = Some(folder.join("cargo")).filter(|path| path.is_file());
        let program = there.or_else(|| machine::on_path("cargo")).ok_or("there is no cargo")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(folder).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(all).map_err(|error| format!("PATH: {error}"))?;
        Ok(Cargo { program, path })
    }
}

/// Everybody: ninja without the other tools first, which is what the others are compared with.
pub(crate) fn all(session: &Session, cargo: &Cargo, folder: &Path) -> Result<Vec<Contender>, String> {
    let mut all = Vec::new();
    let mut add = |name: String, kind: Kind| {
        let place = folder.join(format!("tree-{}", all.len()));
        // rekindle finds cargo as a person has it, and what a proxy stands for.
        let path = (!matches!(kind, Kind::Rekindle { .. })).then(|| cargo.path.clone());
        all.push(Contender { name, place, kind, path });
    };
    for tool in &session.ninjas {
        let ninja =
            |external| Kind::Ninja { program: tool.path.clone(), engine: tool.name.clone(), external };
        add(format!("{}, archives never built", tool.name), ninja(false));
        add(format!("{}, other tools always run", tool.name), ninja(true));
    }
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    if machine::on_path("make").is_none() {
        return Err("there is no make: `cargo xtask peers` installs it".to_owned());
    }
    add(format!("make -j{jobs}"), Kind::Make { jobs });
    for (name, form) in [("cargo, one crate", Form::Crate), ("cargo, workspace", Form::Workspace)] {
        add(name.to_owned(), Kind::Cargo { program: cargo.program.clone(), form });
    }
    if let Some(Tool { path, .. }) = &session.rekindle {
        add("rekindle".to_owned(), Kind::Rekindle { program: path.clone() });
    }
    Ok(all)
}

impl Contender {
    /// The same one in another tree.
    pub(crate) fn at(&self, place: PathBuf) -> Contender {
        Contender { place, ..self.clone() }
    }

    /// In what its tree is written.
    pub(crate) fn form(&self) -> Form {
        match self.kind {
            Kind::Cargo { form, .. } => form,
            _ => Form::C,
        }
    }

    /// Whether this is the tool that goes by content.
    pub(crate) fn is_rekindle(&self) -> bool {
        matches!(self.kind, Kind::Rekindle { .. })
    }

    /// Writes its tree, over one that is there or not.
    pub(crate) fn write(&self, project: Project, state: &State, ninjas: &[String]) -> Result<(), String> {
        project.write(&self.place, self.form(), state)?;
        recipe::write(&self.place, project, self.form(), ninjas)
    }

    /// What somebody has done before its first build: who never builds the archives finds them there.
    pub(crate) fn before(&self) -> Vec<Line> {
        match self.kind {
            Kind::Ninja { external: false, .. } => {
                let cargo = CARGO.split(' ').map(OsString::from).collect();
                let make = ["make", "-s", "-C", "vendor", "libvendor.a"].map(OsString::from).to_vec();
                vec![self.line_of(cargo), self.line_of(make)]
            }
            _ => Vec::new(),
        }
    }

    fn line_of(&self, words: Vec<OsString>) -> Line {
        let environment = self.path.iter().map(|path| ("PATH".to_owned(), path.clone())).collect();
        Line { words, directory: self.place.clone(), environment }
    }

    /// Where rekindle's store lies.
    pub(crate) fn store(&self) -> PathBuf {
        self.place.with_extension("store")
    }

    /// The build.
    pub(crate) fn line(&self) -> Line {
        let words: Vec<OsString> = match &self.kind {
            Kind::Ninja { program, engine, external } => {
                vec![program.into(), "-f".into(), ninja_file(&recipe::variant(engine, *external)).into()]
            }
            Kind::Make { jobs } => vec!["make".into(), format!("-j{jobs}").into()],
            Kind::Cargo { program, .. } => vec![program.into(), "build".into(), "--offline".into()],
            Kind::Rekindle { program } => {
                return Engine::rekindle(&self.name, program, &self.place, Some(&self.store())).line;
            }
        };
        self.line_of(words)
    }

    /// The program that it builds.
    pub(crate) fn program(&self) -> PathBuf {
        let out = match &self.kind {
            Kind::Ninja { engine, external, .. } => ninja_out(&recipe::variant(engine, *external)),
            Kind::Make { .. } => MAKE_OUT.to_owned(),
            Kind::Cargo { .. } => "target/debug".to_owned(),
            Kind::Rekindle { .. } => REKINDLE_OUT.to_owned(),
        };
        self.place.join(out).join("app")
    }

    /// What it did, from what it printed.
    pub(crate) fn said(&self, run: &Run) -> Result<Said, String> {
        let family = match self.kind {
            Kind::Ninja { .. } | Kind::Make { .. } => Family::Ninja,
            Kind::Cargo { .. } => Family::Cargo,
            Kind::Rekindle { .. } => Family::Rekindle,
        };
        let engine = Engine { name: self.name.clone(), line: self.line(), family, leaves: Vec::new() };
        engine.said(run)
    }

    /// Whether it can do what the step asks for: who never builds the archives gets a wrong program.
    pub(crate) fn takes_part(&self, step: Step) -> bool {
        !step.is_of_runtime() || !matches!(self.kind, Kind::Ninja { external: false, .. })
    }

    /// What it has to run after the step, and nothing else.
    pub(crate) fn expected(&self, step: Step, project: Project) -> Count {
        let edit = step.edit();
        let modules = edit.map_or(0, |edit| edit.modules(project).len());
        let changed = Count::new(modules, 0, usize::from(edit.is_some()));
        match &self.kind {
            Kind::Rekindle { .. } => match step {
                Step::NoOp | Step::UndoOne | Step::UndoRuntime | Step::Elsewhere => Count::default(),
                Step::EditRuntime => changed.and_external(1),
                Step::EditOne | Step::EditMany => changed,
            },
            Kind::Cargo { form, .. } => {
                let parts = |inside: usize| if *form == Form::Workspace { inside } else { 0 };
                let crates = match (step, edit) {
                    (Step::Elsewhere, _) => 3 + parts(project.parts()),
                    (_, None) => 0,
                    // The edited crate and the program that is made of it.
                    (_, Some(_)) if step.is_of_runtime() => 2,
                    (_, Some(edit)) => 1 + parts(project.parts_of(edit)),
                };
                Count::new(crates, 0, 0)
            }
            Kind::Ninja { .. } | Kind::Make { .. } => {
                let runs_others = !matches!(self.kind, Kind::Ninja { external: false, .. });
                let all = Count::new(project.modules + 1, 0, 1);
                let count = if step == Step::Elsewhere { all } else { changed };
                count.and_external(if runs_others { 2 } else { 0 })
            }
        }
    }

    /// Makes of `place` what another machine has before its first build: the sources, written anew, and what was carried
    /// there. For rekindle that is the store, without what belongs to one machine; for all others everything they have
    /// made, with its times.
    pub(crate) fn carry(
        &self,
        place: PathBuf,
        project: Project,
        state: &State,
        ninjas: &[String],
    ) -> Result<Contender, String> {
        let there = self.at(place);
        steps::remove(&there.place)?;
        steps::remove(&there.store())?;
        if self.is_rekindle() {
            copy(&self.store(), &there.store())?;
            forget_the_machine(&there.store())?;
        } else {
            copy(&self.place, &there.place)?;
        }
        steps::pause();
        there.write(project, state, ninjas)?;
        Ok(there)
    }

    /// Deletes its tree and its store.
    pub(crate) fn remove(&self) -> Result<(), String> {
        steps::remove(&self.place)?;
        steps::remove(&self.store())
    }
}

/// In each version's directory of a store, what belongs to one machine.
const MACHINES: [&str; 4] = ["tmp", "damaged", "usage", "lock"];

fn forget_the_machine(store: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("read {}: {error}", store.display());
    for version in std::fs::read_dir(store).map_err(failed)? {
        let version = version.map_err(failed)?.path();
        for path in MACHINES.iter().map(|name| version.join(name)).filter(|path| path.exists()) {
            if path.is_dir() {
                steps::remove(&path)?;
            } else {
                std::fs::remove_file(&path).map_err(|error| format!("remove {}: {error}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Copies a folder with all times.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let parent = to.parent().unwrap_or(to);
    std::fs::create_dir_all(parent).map_err(|error| format!("create {}: {error}", parent.display()))?;
    let status = measure::command("cp").arg("-a").arg("--").arg(from).arg(to).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cp -a {} {}: {status}", from.display(), to.display())),
        Err(error) => Err(format!("start cp: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(kind: Kind) -> Contender {
        Contender { name: "x".to_owned(), place: PathBuf::from("/p/tree"), kind, path: None }
    }

    fn counts(kind: Kind) -> Vec<String> {
        let project = Project { modules: 1000 };
        let contender = contender(kind);
        let steps = super::super::steps::ALL.into_iter().filter(|step| contender.takes_part(*step));
        let text = |count: Count| format!("{}/{}/{}", count.compiles, count.links, count.external);
        steps.map(|step| text(contender.expected(step, project))).collect()
    }

    #[test]
    fn what_has_to_run_is_what_content_needs_or_what_times_need() {
        let program = || PathBuf::from("/bin/x");
        assert_eq!(
            counts(Kind::Rekindle { program: program() }),
            ["0/0/0", "1/1/0", "50/1/0", "0/1/1", "0/0/0", "0/0/0", "0/0/0"]
        );
        let ninja = |external| Kind::Ninja { program: program(), engine: "ninja".to_owned(), external };
        assert_eq!(counts(ninja(false)), ["0/0/0", "1/1/0", "50/1/0", "1/1/0", "1001/1/0"]);
        let with = ["0/0/2", "1/1/2", "50/1/2", "0/1/2", "1/1/2", "0/1/2", "1001/1/2"];
        assert_eq!(counts(ninja(true)), with);
        assert_eq!(counts(Kind::Make { jobs: 2 }), with);
        let cargo = |form| {
            counts(Kind::Cargo { program: program(), form })
                .iter()
                .map(|count| count.trim_end_matches("/0/0").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(cargo(Form::Crate), ["0", "1", "1", "2", "1", "2", "3"]);
        assert_eq!(cargo(Form::Workspace), ["0", "2", "21", "2", "2", "2", "23"]);
    }

    #[test]
    fn what_belongs_to_one_machine_stays_behind_and_the_rest_of_a_store_is_carried() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["CACHEDIR.TAG", "v2/lock", "v2/tmp/half", "v2/blobs/00/whole"] {
            crate::bench::project::put(folder.path(), path, "x").unwrap();
        }
        forget_the_machine(folder.path()).unwrap();
        let is_there = |path: &str| folder.path().join(path).exists();
        assert!(is_there("CACHEDIR.TAG") && is_there("v2/blobs/00/whole"));
        assert!(!is_there("v2/lock") && !is_there("v2/tmp"));
    }

    #[test]
    fn the_store_is_beside_the_tree_and_goes_with_it() {
        let there =
            contender(Kind::Rekindle { program: PathBuf::from("/bin/rekindle") }).at("/q/other".into());
        assert_eq!(there.store(), Path::new("/q/other.store"));
        assert!(there.line().words.iter().any(|word| word == "/q/other.store"));
        assert_eq!(there.program(), Path::new("/q/other/.rekindle/build/release/app"));
    }
}
