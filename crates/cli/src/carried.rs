//! Proofs that were carried here with a build directory or a store, and those that are left for a build elsewhere; see
//! `rekindle_engine::snapshot::portable`.

use std::ffi::OsString;
use std::path::Path;

use rekindle_engine::build_dir::{BuildDir, Locked};
use rekindle_engine::event::{BuildOutcome, Summary};
use rekindle_engine::snapshot::portable::{self, Checked, Found, Here, Portable, SeenThere, Travel, Way};
use rekindle_engine::snapshot::{self, Built, Claims, Held, Looked};
use rekindle_fingerprint::consult::Record;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Instant;
use rekindle_frontend::load::Wanted;
use rekindle_frontend::project::Project;
use rekindle_scheduler::Graph;
use rekindle_store::Build;

use crate::app::App;
use crate::args::Materialize;
use crate::environment::program_digest;
use crate::failure::{Failure, without_numbers};
use crate::place::{MANIFEST, Place};
use crate::proof::{self, Note};
use crate::store::{self, Shared};

/// What a build is asked for, wherever it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The digest of that: domain `rekindle portable request 1`; the program's own digest; profile, options, what is
    /// wanted; each variable that is in keys, with its value. Programs and places are compared as they are found.
    request: Digest,
    /// Whether an empty build directory gets every file.
    writes_all: bool,
}

impl Asked {
    /// What is asked for now; none if nothing can be proved of it, or who asks wants to be told of each action.
    pub(crate) fn new(app: &App, wanted: &Wanted) -> Option<Self> {
        let settings = &app.settings;
        if app.plans || settings.verbose || settings.explain || settings.timings.is_some() {
            return None;
        }
        let mut e = Encoder::for_digest("rekindle portable request 1");
        e.digest(&program_digest()?);
        proof::what_is_asked(&mut e, app, wanted);
        proof::variables(&mut e, app, proof::is_keyed);
        Some(Self { request: e.finish(), writes_all: settings.materialize == Materialize::All })
    }

    /// What a proof would have to say of a build directory; none if there is nothing to prove from.
    pub(crate) fn way(&self, locked: &Locked) -> Option<Way> {
        if portable::is_there(locked.path(), &self.request) {
            return Some(Way::Full);
        }
        (!self.writes_all && locked.is_empty()).then_some(Way::Empty)
    }

    /// Removes the proof that lies in a build directory.
    pub(crate) fn forget(&self, build: &Path) {
        portable::remove(build, &self.request);
    }

    /// Under which name a proof is in a store: domain `rekindle portable note 1`, the request, what the manifest holds.
    pub(crate) fn name(&self, place: &Place) -> Option<Digest> {
        let manifest = disk::hash(&place.workspace.join(MANIFEST)).ok()?;
        let mut e = Encoder::for_digest("rekindle portable note 1");
        Some(e.digest(&self.request).digest(&manifest.digest).finish())
    }

    /// What a build says of itself that may be proved elsewhere. `learned` says whether lowering asked more of the
    /// toolchains than finding them did: it may have looked on `PATH` then.
    pub(crate) fn travel(
        &self,
        app: &App,
        (toolchains, learned): (Digest, bool),
        variables: impl Iterator<Item = OsString>,
        build: Build,
    ) -> Travel {
        let path = app.environment.get("PATH").map(Into::into);
        let options = app.settings.define.iter().map(|option| OsString::from(option.words.as_str()));
        Travel {
            request: self.request,
            toolchains,
            words: options.chain(variables).collect(),
            variables: if learned { vec![("PATH".into(), path)] } else { Vec::new() },
            build,
        }
    }
}

/// What a proof is tried with.
pub(crate) struct Trial<'a> {
    pub(crate) asked: Asked,
    pub(crate) way: Way,
    pub(crate) place: &'a Place,
    pub(crate) project: &'a Project,
    pub(crate) store: Option<&'a Shared>,
    /// The digest of what the toolchains are.
    pub(crate) toolchains: Digest,
    /// What loading and finding the toolchains looked at.
    pub(crate) loaded: &'a Record,
    pub(crate) tools: &'a Looked,
}

/// What came of it.
pub(crate) enum Tried {
    /// Nothing is to be done any more.
    Done(Box<Summary>),
    /// What was read in vain, and when.
    Vain(Vec<SeenThere>, Instant),
}

impl Trial<'_> {
    /// Looks for a proof, and does what it says is to be done.
    ///
    /// # Errors
    /// The build directory cannot be used.
    pub(crate) fn run(
        self,
        app: &mut App,
        wanted: &Wanted,
        files: &mut Files,
        dir: &mut BuildDir,
    ) -> Result<Tried, Failure> {
        let instant = dir.now()?;
        let vain = |seen| Ok(Tried::Vain(seen, instant));
        let Some(proof) = self.proof(app, dir) else { return vain(Vec::new()) };
        let variables = &app.environment.variables;
        let here = Here {
            request: self.asked.request,
            toolchains: self.toolchains,
            roots: files.roots(),
            variable: &|name| variables.get(name).cloned(),
            processor: &rekindle_toolchain::processor,
            instant,
            way: self.way,
        };
        let mut checked = match proof.check(&here) {
            Found::Holds(checked) => checked,
            Found::Fails(seen) => return vain(seen),
        };
        let Some(record) = self.recorded(dir, &checked) else { return vain(checked.seen()) };
        if let Some(store) = self.store
            && !checked.place(dir, files, &*store.store())?.unwrap_or_else(|error| {
                app.reporter.note(&store::told(&error));
                false
            })
        {
            return vain(checked.seen());
        }
        let summary = Summary { outcome: BuildOutcome::Ok, ..checked.summary() };
        let claims = self.claims(app, wanted, &checked, record);
        let (graph, build) = (Graph::new(), files.roots().get(Roots::BUILD).path.clone());
        let reports = checked.reports(files.roots());
        let history = &dir.history;
        let built = Built { graph: &graph, outputs: &[], files, history, summary: &summary };
        if let Err(error) = snapshot::settle(&build, &checked, built, &claims, instant) {
            let error = without_numbers(&error.to_string());
            app.reporter.note(&format!("the next build will have to look at everything: {error}"));
        }
        let held = Held { summary, reports, build: record, note: Vec::new() };
        let mut summary = proof::told(app, self.place, held, self.store.cloned());
        if let Some(used) = summary.store.as_mut().filter(|_| self.way == Way::Empty) {
            used.hits = summary.total;
            used.bytes_read = checked.bytes_placed();
        }
        Ok(Tried::Done(Box::new(summary)))
    }

    /// The proof, from the build directory, or, for an empty one, from the store.
    fn proof(&self, app: &mut App, dir: &BuildDir) -> Option<Portable> {
        if self.way == Way::Full {
            return portable::read(dir.path(), &self.asked.request);
        }
        let name = self.asked.name(self.place)?;
        match self.store?.store().note(&name) {
            Ok(note) => Portable::decode(&note?).ok(),
            Err(error) => {
                app.reporter.note(&store::told(&error));
                None
            }
        }
    }

    /// Notes in the store that the build was done again, and gives the name of its record; nothing if it cannot be noted.
    fn recorded(&self, dir: &mut BuildDir, checked: &Checked) -> Option<Option<Digest>> {
        let Some(shared) = self.store else { return (self.way == Way::Full).then_some(None) };
        let name = checked.record();
        let store = shared.store();
        if shared.is_read_only() || store.use_build(&name).unwrap_or(true) {
            return Some(Some(name));
        }
        let build = checked.build().filter(|build| build.name() == name)?;
        drop(dir.notes());
        store.put_build(build).ok().map(Some)
    }

    /// What the next snapshot is made of.
    fn claims(&self, app: &App, wanted: &Wanted, checked: &Checked, build: Option<Digest>) -> Claims {
        let note = Note { sharing: self.project.sharing().clone() }.encode(&self.place.workspace);
        let variables = &app.environment.variables;
        let variables = checked.variables().map(|name| {
            let value = variables.get(&name).cloned();
            (name, value)
        });
        Claims {
            request: proof::request(app, wanted),
            known_roots: vec!["home".into(), "home.real".into()],
            variables: variables.collect(),
            build,
            note,
            looked: Looked::only(self.loaded.clone()),
            tools: self.tools.clone(),
            judged: Record::default(),
        }
    }
}
