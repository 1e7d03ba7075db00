//! The flow of a build, from a place to a result: load the manifest, open the build directory, resolve toolchains,
//! lower to a graph, pick what is wanted, build, and tell.

use std::iter::repeat;
use std::sync::Arc;

use rekindle_engine::build::build;
use rekindle_engine::build_dir::{BuildDir, Locked};
use rekindle_engine::error::Error;
use rekindle_engine::event::{BuildOutcome, Event, Summary};
use rekindle_engine::history::History;
use rekindle_engine::request::{Materialize, Mode, Request};
use rekindle_engine::snapshot::portable::{SeenThere, Way};
use rekindle_engine::snapshot::{self, Adopted, Built, Claims, Looked, Part};
use rekindle_engine::used;
use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::consult::{self, Record};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId, Seen};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Instant;
use rekindle_frontend::load::{self, Wanted, load};
use rekindle_frontend::lower::Lowered;
use rekindle_frontend::project::Project;
use rekindle_frontend::sharing::Sharing;
use rekindle_scheduler::graph::Target;
use rekindle_store::{Build, Store};
use rekindle_toolchain::environment::passed_on;

use crate::app::App;
use crate::args;
use crate::carried::{Asked, Trial, Tried};
use crate::environment::Environment;
use crate::failure::{Failure, without_numbers};
use crate::place::Place;
use crate::proof::{self, Note, Start};
use crate::settings::Settings;
use crate::store::{self, Shared};
use crate::toolchains;

/// A project that is ready to be built.
pub(crate) struct Session {
    /// Where it lies.
    pub(crate) place: Place,
    /// What the manifest says.
    pub(crate) project: Project,
    /// Every file that is spoken of.
    pub(crate) files: Files,
    /// The build directory, locked.
    pub(crate) dir: BuildDir,
    /// The graph, and what is wanted of it.
    pub(crate) lowered: Lowered,
    /// Where results are shared.
    store: Option<Shared>,
    /// What the next build is left to prove from; none if nothing is.
    proof: Option<Left>,
    /// What was read before there was a graph.
    seen: Option<(Vec<SeenThere>, Instant)>,
}

/// What is left for the next build to prove from.
enum Left {
    /// A snapshot of everything.
    Whole(Box<Whole>),
    /// The snapshot of before, with what was built.
    Part(Box<Part>, Box<Adopted>),
}

/// What is known of a build that goes the whole way.
struct Whole {
    /// See [`proof::request`].
    request: Digest,
    /// What loading and lowering looked at.
    looked: Looked,
    /// What finding the toolchains looked at.
    tools: Looked,
    /// What it is asked for, wherever it is.
    asked: Option<Asked>,
    /// What the toolchains are, and whether lowering asked more of them.
    toolchains: (Digest, bool),
}

/// A build that has begun.
pub(crate) enum Begun {
    /// There was nothing to do.
    Done(Box<Summary>),
    /// There may be.
    Session(Box<Session>),
}

/// The toolchains of a project, without what they would build.
pub(crate) struct Survey {
    /// Every file that is spoken of.
    pub(crate) files: Files,
    /// What was found, and what was not.
    pub(crate) toolchains: toolchains::Found,
}

impl Survey {
    /// Reads the project and looks for every toolchain that it uses.
    ///
    /// # Errors
    /// There is no project, the manifest is wrong, the build directory cannot be used.
    pub(crate) fn new(app: &mut App) -> Result<Self, Failure> {
        let place = Place::find(&app.settings, app.given.as_deref())?;
        let Opened { project, mut files, mut dir, .. } =
            Opened::new(app, place, Wanted::Everything, None, Locked::remember)?;
        let toolchains = toolchains::surveyed(app, &project, &mut files, &mut dir)?;
        Ok(Self { files, toolchains })
    }
}

/// What a build used of a store.
#[derive(Default)]
struct Used {
    /// The name of its record there.
    name: Option<Digest>,
    /// The record.
    build: Option<Build>,
}

/// A project that was read, and its build directory, locked.
struct Opened {
    place: Place,
    project: Project,
    files: Files,
    dir: BuildDir,
    store: Option<Shared>,
}

impl Opened {
    /// Reads the manifest and, unless it is `locked` already, locks the build directory. What that remembers is read by
    /// `remember`.
    fn new(
        app: &mut App,
        place: Place,
        wanted: Wanted,
        locked: Option<Locked>,
        remember: impl FnOnce(Locked, &mut Files) -> Result<BuildDir, Error>,
    ) -> Result<Self, Failure> {
        let asked = load_request(&app.settings, &app.environment, wanted);
        consult::begin();
        let mut project = load(&place.shown, &asked)?;
        let home = app.environment.get("HOME");
        let mut files = Files::new(place.roots(&app.settings.profile, &project, home)?);
        let (locked, waited) = match locked {
            Some(locked) => (locked, false),
            None => lock(app, &place)?,
        };
        if waited {
            // The person may have gone on editing.
            consult::begin();
            project = load(&place.shown, &asked)?;
        }
        let mut dir = remember(locked, &mut files)?;
        // Before toolchains are asked: their answers are shared, too.
        let store = open_store(app, &place, project.sharing());
        if let Some(store) = &store {
            dir.share(store.store());
        }
        Ok(Self { place, project, files, dir, store })
    }
}

impl Session {
    /// Reads the project and makes everything ready.
    ///
    /// # Errors
    /// There is no project, the manifest is wrong, the build directory cannot be used, a compiler is missing.
    pub(crate) fn open(app: &mut App, wanted: Wanted) -> Result<Self, Failure> {
        let place = Place::find(&app.settings, app.given.as_deref())?;
        Self::whole(app, place, wanted, None)
    }

    /// The same for a build of what is `wanted`, which may turn out to have nothing to do, or little.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) fn begin(app: &mut App, wanted: Wanted) -> Result<Begun, Failure> {
        let place = Place::find(&app.settings, app.given.as_deref())?;
        let request = proof::request(app, &wanted);
        let mut tries = true;
        let locked = match proof::look(app, &place, &wanted)? {
            Start::Done(summary) => return Ok(Begun::Done(summary)),
            Start::Part(part, locked) => {
                let build = locked.path().to_path_buf();
                match Self::part(app, place.clone(), wanted.clone(), part, locked)? {
                    Some(session) => return Ok(Begun::Session(Box::new(session))),
                    // It contradicts itself: somebody else wrote it.
                    None => snapshot::remove(&build, &request),
                }
                None
            }
            Start::Whole(locked) => locked,
            Start::WholeHere(locked) => {
                tries = false;
                Some(locked)
            }
        };
        Self::carried(app, place, wanted, locked, request, tries)
    }

    fn whole(app: &mut App, place: Place, wanted: Wanted, locked: Option<Locked>) -> Result<Self, Failure> {
        let Opened { place, project, mut files, mut dir, store } =
            Opened::new(app, place, wanted, locked, Locked::remember)?;
        let mut found = toolchains::found(app, &project, &mut files, &mut dir)?;
        let lowered = toolchains::lowered(app, &project, &mut files, &mut dir, &mut found, None)?;
        for notice in &lowered.notices {
            app.reporter.notice(notice);
        }
        Ok(Self { place, project, files, dir, lowered, store, proof: None, seen: None })
    }

    /// The whole way, unless a proof was carried here that holds. Nothing is tried if none can.
    fn carried(
        app: &mut App,
        place: Place,
        wanted: Wanted,
        locked: Option<Locked>,
        request: Digest,
        tries: bool,
    ) -> Result<Begun, Failure> {
        let asked = Asked::new(app, &wanted);
        let mut way = None;
        let remember = |locked: Locked, files: &mut Files| {
            way = asked.filter(|_| tries).and_then(|asked| asked.way(&locked));
            if way == Some(Way::Full) { locked.remember_answers(files) } else { locked.remember(files) }
        };
        let Opened { place, project, mut files, mut dir, store } =
            Opened::new(app, place, wanted.clone(), locked, remember)?;
        let loaded = consult::end().unwrap_or_default();
        consult::begin();
        let mut found = toolchains::found(app, &project, &mut files, &mut dir)?;
        let standing = found.standing(&mut files);
        let tools = Looked::since(&files, None).unwrap_or_default();
        let mut seen = None;
        if let (Some(asked), Some(way)) = (asked, way) {
            let (place, project, store) = (&place, &project, store.as_ref());
            let (toolchains, loaded, tools) = (standing, &loaded, &tools);
            let trial = Trial { asked, way, place, project, store, toolchains, loaded, tools };
            match trial.run(app, &wanted, &mut files, &mut dir)? {
                Tried::Done(summary) => return Ok(Begun::Done(summary)),
                Tried::Vain(files, instant) => seen = Some((files, instant)),
            }
            if way == Way::Full {
                dir.remember_all(&mut files)?;
            }
        }
        // What was true of another state is worth nothing once this one is built, or fails to be.
        if let Some(asked) = asked {
            asked.forget(dir.path());
        }
        consult::begin();
        let lowered = toolchains::lowered(app, &project, &mut files, &mut dir, &mut found, None)?;
        for notice in &lowered.notices {
            app.reporter.notice(notice);
        }
        // What has to be told in every build is told by the whole way alone.
        let tells =
            !lowered.notices.is_empty() || lowered.graph.actions().any(|(_, action)| lacks_tool(action));
        let looked = Looked::since(&files, Some(&tools)).filter(|_| !tells);
        let learned = found.standing(&mut files) != standing;
        let proof = looked.map(|looked| {
            let (looked, toolchains) = (looked.and(loaded), (standing, learned));
            Left::Whole(Box::new(Whole { request, looked, tools, asked, toolchains }))
        });
        Ok(Begun::Session(Box::new(Self { place, project, files, dir, lowered, store, proof, seen })))
    }

    /// Makes only that part ready of which a snapshot does not prove that it is fresh; none if the snapshot speaks of
    /// something that the project has not got.
    fn part(
        app: &mut App,
        place: Place,
        wanted: Wanted,
        part: Box<Part>,
        locked: Locked,
    ) -> Result<Option<Self>, Failure> {
        let mut adopted = None;
        let remember = |locked: Locked, files: &mut Files| {
            let known = part.adopt(files).ok();
            let (keys, saved) =
                known.as_ref().map(|known| (known.keys.clone(), known.saved.clone())).unwrap_or_default();
            adopted = known;
            let history = History::open_part(&locked.journal(), files, &keys, saved)?;
            files.set_instant(locked.now()?);
            locked.resume(history)
        };
        let Opened { place, project, mut files, mut dir, store } =
            Opened::new(app, place, wanted, Some(locked), remember)?;
        let Some(adopted) = adopted else { return Ok(None) };
        let mut found = toolchains::found(app, &project, &mut files, &mut dir)?;
        let only = Some(&adopted.keys);
        let lowered = toolchains::lowered(app, &project, &mut files, &mut dir, &mut found, only)?;
        if adopted.keys.iter().any(|key| lowered.graph.producer(*key).is_none()) {
            return Ok(None);
        }
        files.spent(adopted.cost);
        let proof = Some(Left::Part(part, Box::new(adopted)));
        Ok(Some(Self { place, project, files, dir, lowered, store, proof, seen: None }))
    }

    /// The targets that are wanted, in the order in which they were asked for.
    pub(crate) fn wanted(&self) -> Vec<&Target> {
        self.lowered.wanted.iter().filter_map(|name| self.lowered.graph.target(name)).collect()
    }

    /// What has to be there when the wanted targets are built.
    pub(crate) fn wanted_outputs(&self) -> Vec<PathId> {
        self.wanted().iter().flat_map(|target| target.outputs.iter().copied()).collect()
    }

    /// Builds `outputs`, or says what that would take. `told` picks the events that are told.
    ///
    /// # Errors
    /// The build as a whole cannot be done; failed actions are in the summary.
    pub(crate) fn build(
        &mut self,
        app: &mut App,
        mode: Mode,
        outputs: Vec<PathId>,
        told: impl Fn(&Event) -> bool,
    ) -> Result<Summary, Failure> {
        let mut request = request(app, mode, outputs);
        request.whole = self.lowered.left_out.is_empty();
        let mut replaced = Vec::new();
        if let Some(Left::Part(_, adopted)) = &self.proof {
            // In a directory where something was left in the store, every build goes the whole way.
            request.materialize = Materialize::All;
            replaced = used::results(&self.dir.history, adopted.stale.iter().copied());
            request.whole = false;
            request.outputs.clone_from(&adopted.stale);
            request.proved = adopted.proved.clone();
        }
        consult::begin_at(self.dir.now()?);
        let (reporter, clock) = (&mut app.reporter, app.clock);
        reporter.graph(&self.lowered.graph);
        let mut tell = |event: Event| {
            if told(&event) {
                reporter.event(&plainly(event), clock.elapsed());
            }
        };
        let Self { dir, files, lowered, seen, .. } = self;
        for (seen, instant) in seen.take().into_iter().flat_map(|(seen, at)| seen.into_iter().zip(repeat(at)))
        {
            let path = files.path(seen.root, &seen.rel);
            if *files.seen(path) == Seen::Unknown {
                files.record(path, seen.signature, seen.device, seen.blob, instant);
            }
        }
        let mut summary = build(dir, &lowered.graph, files, &request, &app.live, &mut tell)?;
        let judged = consult::end().unwrap_or_default();
        if mode == Mode::Build {
            // One that failed has not used all that the next one will: the one before it stays the last.
            let failed = summary.store.as_ref().is_some_and(|used| used.failed);
            let ended_well = summary.outcome == BuildOutcome::Ok && !failed;
            let record = match ended_well {
                true => self.record(app, &request.outputs, replaced),
                false => Used::default(),
            };
            match self.leave(app, &request.outputs, &summary, judged, record) {
                Ok(false) => {}
                Ok(true) => app.reporter.note(
                    "files that had been looked at were changed while the rest was built: build again, or what was built may not fit together",
                ),
                Err(error) => {
                    let error = without_numbers(&error.to_string());
                    app.reporter.note(&format!("the next build will have to look at everything: {error}"));
                }
            }
        }
        if let Some(used) = &mut summary.store {
            used.place = used.place.take().map(|path| store::shown(&path, &self.place.spelled));
            match &self.store {
                Some(store) if store.is_read_only() => used.stored = 0,
                Some(store) if used.stored > 0 => {
                    if let Err(trouble) = store.make_room() {
                        app.reporter.note(&trouble);
                    }
                }
                _ => {}
            }
        }
        Ok(summary)
    }

    /// Records in the store what this build used of it. Of a build of a part, the results called `replaced` gave way to
    /// others.
    fn record(&mut self, app: &mut App, outputs: &[PathId], replaced: Vec<Digest>) -> Used {
        let store = self.store.as_ref().filter(|store| !store.is_read_only()).map(Shared::store);
        let build = match &self.proof {
            Some(Left::Part(part, _)) => {
                let before = |store: &Arc<dyn Store>| store.build(&part.build()?).ok().flatten();
                let Some(before) = store.as_ref().and_then(before) else { return Used::default() };
                let new = used::results(&self.dir.history, outputs.iter().copied());
                used::follow(before, replaced, new)
            }
            Some(Left::Whole(whole)) => {
                let mut notes = self.dir.notes();
                notes.extend(whole.asked.and_then(|asked| asked.name(&self.place)));
                used::record(&self.lowered.graph, outputs, &self.dir.history, notes)
            }
            None => {
                let notes = self.dir.notes();
                used::record(&self.lowered.graph, outputs, &self.dir.history, notes)
            }
        };
        let put = store.map(|store| store.put_build(&build)).transpose().inspect_err(|error| {
            let error = store::told(error);
            app.reporter.note(&format!("what this build used is not recorded in the store: {error}"));
        });
        Used { name: put.ok().flatten(), build: Some(build) }
    }

    /// Leaves what the next build can prove from that it has nothing to do. Tells whether something was changed meanwhile
    /// that was looked at before.
    fn leave(
        &mut self,
        app: &App,
        outputs: &[PathId],
        summary: &Summary,
        judged: Record,
        used: Used,
    ) -> Result<bool, Error> {
        let Self { place, project, files, dir, lowered, proof, .. } = self;
        let Some(left) = proof.take() else { return Ok(false) };
        let build = files.roots().get(Roots::BUILD).path.clone();
        let clock = dir.now()?;
        let built = Built { graph: &lowered.graph, outputs, files, history: &dir.history, summary };
        match left {
            Left::Whole(whole) => {
                let Whole { request, looked, tools, asked, toolchains } = *whole;
                let note = Note { sharing: project.sharing().clone() }.encode(&place.workspace);
                let known_roots = vec!["home".into(), "home.real".into()];
                let variables = lowered.variables.clone();
                let travel = asked.zip(used.build).filter(|_| lowered.left_out.is_empty());
                let travel = travel.map(|(asked, build)| {
                    let values = variables.values().flatten().cloned();
                    asked.travel(app, toolchains, values, build)
                });
                let (name, build_name) = (asked.and_then(|asked| asked.name(place)), used.name);
                let claims = Claims {
                    request,
                    known_roots,
                    variables,
                    build: build_name,
                    note,
                    looked,
                    tools,
                    judged,
                };
                let kept = snapshot::keep(&build, built, claims, travel.as_ref(), clock)?;
                if let (Some(proof), Some(name), Some(_), Some(store)) = (kept, name, build_name, &self.store)
                    && let Some(bytes) = proof.for_store()
                {
                    // What goes wrong with the store was told when the build was recorded.
                    let _ = store.store().put_note(&name, &bytes);
                }
            }
            Left::Part(part, adopted) => {
                return snapshot::renew(&build, &part, &adopted, built, &judged, used.name, clock);
            }
        }
        Ok(false)
    }

    /// Builds what is wanted.
    ///
    /// # Errors
    /// As [`Session::build`].
    pub(crate) fn build_wanted(&mut self, app: &mut App) -> Result<Summary, Failure> {
        let outputs = self.wanted_outputs();
        self.build_outputs(app, outputs)
    }

    /// Builds these files; with `--dry-run`, says what that would take.
    ///
    /// # Errors
    /// As [`Session::build`].
    pub(crate) fn build_outputs(&mut self, app: &mut App, outputs: Vec<PathId>) -> Result<Summary, Failure> {
        let mode = if app.settings.dry_run { Mode::Plan } else { Mode::Build };
        self.build(app, mode, outputs, |_| true)
    }
}

/// Whether the tool of an archive is not on this machine.
fn lacks_tool(action: &Action) -> bool {
    action.auto.as_ref().is_some_and(|auto| auto.absent.is_some())
}

/// What the frontend is asked for.
pub(crate) fn load_request(settings: &Settings, environment: &Environment, wanted: Wanted) -> load::Request {
    load::Request {
        profile: settings.profile.clone(),
        options: settings.define.clone(),
        wanted,
        environment: environment.variables.clone(),
        ..load::Request::default()
    }
}

/// Locks the build directory, and tells whether that had to wait for others.
pub(crate) fn lock(app: &mut App, place: &Place) -> Result<(Locked, bool), Failure> {
    let path = place.builds.join(&app.settings.profile);
    let holder = format!("process {}", app.environment.process);
    let mut waited = false;
    let locked = app.waiting(|app| {
        let (reporter, clock) = (&mut app.reporter, app.clock);
        Locked::take(&path, &holder, |waiting| {
            waited = true;
            reporter.event(&Event::Waiting(waiting), clock.elapsed());
        })
    })?;
    Ok((locked, waited))
}

/// Opens the store, and tells why there is none if somebody should know.
pub(crate) fn open_store(app: &mut App, place: &Place, sharing: &Sharing) -> Option<Shared> {
    let at = store::Place::find(&app.settings, &app.environment, sharing).apart_from(&place.builds);
    match store::Opened::new(at, sharing.max_size.unwrap_or(store::LIMIT), app.plans) {
        store::Opened::Store(store) => {
            if store.is_read_only() && !app.plans {
                let path = store.path().display();
                app.reporter
                    .note(&format!("the store {path} cannot be written: results are only read from it"));
            }
            Some(store)
        }
        store::Opened::Without => None,
        store::Opened::Failed(why) => {
            app.reporter.note(&why);
            None
        }
    }
}

/// What the system says has a number behind it that helps nobody.
fn plainly(event: Event) -> Event {
    match event {
        Event::Notice(text) => Event::Notice(without_numbers(&text)),
        other => other,
    }
}

/// What the engine is asked for.
fn request(app: &App, mode: Mode, outputs: Vec<PathId>) -> Request {
    let variables = &app.environment.variables;
    Request {
        outputs,
        jobs: app.settings.jobs,
        failures: app.settings.failures,
        mode,
        forbid_spawn: app.settings.forbid_spawn,
        require_tools: app.settings.require_tools,
        materialize: match app.settings.materialize {
            args::Materialize::Auto => Materialize::Auto,
            args::Materialize::Outputs => Materialize::Outputs,
            args::Materialize::All => Materialize::All,
        },
        report_fresh: app.settings.verbose || mode == Mode::Plan,
        passed: passed_on(variables).map(|(name, value)| (name.clone(), value.clone())).collect(),
        makeflags: app.environment.get("MAKEFLAGS").map(Into::into),
        machine: app.environment.machine.clone(),
        ..Request::default()
    }
}
