//! Whether a build has anything to do at all, by the snapshot that an earlier one has left, and what is left for the
//! next one. What the whole way of a build would find out anew is taken from the snapshot only while all that it
//! depends on is the same; see `rekindle_engine::snapshot`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_engine::build_dir::Locked;
use rekindle_engine::event::{Event, StoreUse, Summary};
use rekindle_engine::snapshot::{self, Caller, Held, Part, Proof};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_frontend::load::Wanted;
use rekindle_frontend::sharing::Sharing;
use rekindle_toolchain::environment::{Class, variable};

use crate::app::App;
use crate::failure::Failure;
use crate::place::Place;
use crate::session;
use crate::store::{self, Shared};

/// How a build begins.
pub(crate) enum Start {
    /// Nothing is to be done.
    Done(Box<Summary>),
    /// Only a part of the project has to be looked at.
    Part(Box<Part>, Locked),
    /// The whole way; the build directory may be locked already.
    Whole(Option<Locked>),
}

/// Looks at the snapshot for what is `wanted`, if there is one.
///
/// # Errors
/// The build directory cannot be used.
pub(crate) fn look(app: &mut App, place: &Place, wanted: &Wanted) -> Result<Start, Failure> {
    let path = place.builds.join(&app.settings.profile);
    // Who wants to be told of each fresh action takes the whole way.
    if app.plans || app.settings.verbose || app.settings.timings.is_some() {
        return Ok(Start::Whole(None));
    }
    let request = request(app, wanted);
    let Some(build) = path.canonicalize().ok().filter(|build| snapshot::place(build, &request).exists())
    else {
        return Ok(Start::Whole(None));
    };
    let (locked, _) = session::lock(app, place)?;
    let roots = place.known_roots(&app.settings.profile, &build, app.environment.get("HOME"))?;
    let variables = &app.environment.variables;
    let caller = Caller {
        request,
        roots: &roots,
        variable: &|name| rekindle_frontend::lower::family(variables, name),
        processor: &rekindle_toolchain::processor,
    };
    match snapshot::prove(&build, &|| locked.now(), &caller)? {
        Proof::Holds(held) => {
            let sharing = sharing(&held.note, place);
            let store = session::open_store(app, place, &sharing);
            if !store.as_ref().is_none_or(|store| is_recorded(store, held.build)) {
                return Ok(Start::Whole(Some(locked)));
            }
            Ok(Start::Done(Box::new(told(app, place, *held, store))))
        }
        // A journal that is only ever resumed in part is never rewritten.
        Proof::Part(part) if length(&locked.journal()) > 2 * part.whole_journal() + LITTLE => {
            Ok(Start::Whole(Some(locked)))
        }
        Proof::Part(part) => Ok(Start::Part(part, locked)),
        Proof::Fails => {
            snapshot::remove(&build, &request);
            Ok(Start::Whole(Some(locked)))
        }
    }
}

/// How much a journal may grow, in bytes, however short it is.
const LITTLE: u64 = 4 << 20;

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// What the manifest says about the store.
fn sharing(note: &[u8], place: &Place) -> Sharing {
    Note::decode(note, &place.workspace).map(|note| note.sharing).unwrap_or_default()
}

/// Whether the build is recorded in the store, where it is the last one then. If not, the whole way records it.
fn is_recorded(store: &Shared, build: Option<Digest>) -> bool {
    // What goes wrong with the store is no reason to look at everything.
    store.is_read_only() || build.is_some_and(|build| store.store().use_build(&build).unwrap_or(true))
}

/// Tells of a build in which nothing is to be done, and gives its account.
fn told(app: &mut App, place: &Place, held: Held, store: Option<Shared>) -> Summary {
    let Held { mut summary, reports, .. } = held;
    summary.store = store.map(|store| {
        let place = Some(store::shown(store.path(), &place.spelled));
        StoreUse { place, ..StoreUse::default() }
    });
    let total = usize::try_from(summary.total).unwrap_or(usize::MAX);
    app.reporter.event(&Event::Started { total }, app.clock.elapsed());
    for report in reports {
        app.reporter.event(&Event::ActionFinished(Box::new(report)), app.clock.elapsed());
    }
    summary
}

/// The digest of all that the command line and the environment say, as far as a build depends on it: domain `rekindle
/// request 1`; version and program; profile, options, what is wanted; the machine; each variable that is in keys or picks
/// programs, with its value.
pub(crate) fn request(app: &App, wanted: &Wanted) -> Digest {
    let mut e = Encoder::for_digest("rekindle request 1");
    e.bytes(env!("CARGO_PKG_VERSION").as_bytes());
    let (size, changed) = app.environment.program;
    e.u64(size).u64(changed.cast_unsigned());
    e.bytes(app.settings.profile.as_bytes());
    e.list(&app.settings.define, |e, option| {
        e.bytes(option.words.as_bytes());
    });
    match wanted {
        Wanted::Default => e.u8(0),
        Wanted::Tests => e.u8(1),
        Wanted::Everything => e.u8(2),
        Wanted::Names(names) => e.u8(3).list(names, |e, name| {
            e.bytes(name.as_bytes());
        }),
    };
    e.bytes(&app.environment.machine).u8(app.settings.materialize as u8);
    let counts = |name: &OsStr| {
        let keyed = |row: &rekindle_toolchain::environment::Variable| matches!(row.class, Class::Keyed(_));
        PICKS.iter().any(|one| name == *one) || variable(name).is_some_and(keyed)
    };
    let variables = app.environment.variables.iter().filter(|(name, _)| counts(name));
    let variables: Vec<(&OsString, &OsString)> = variables.collect();
    e.list(&variables, |e, (name, value)| {
        e.bytes(name.as_bytes()).bytes(value.as_bytes());
    });
    e.finish()
}

/// Variables that pick programs, or places that are sought in results.
const PICKS: [&str; 5] = ["PATH", "HOME", "CC", "CXX", "AR"];

/// What is kept with a snapshot for the next build to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// What the manifest says about the store.
    pub(crate) sharing: Sharing,
}

impl Note {
    /// As bytes. A directory in the workspace is written relative to that.
    pub(crate) fn encode(&self, workspace: &Path) -> Vec<u8> {
        let Sharing { enabled, directory, max_size } = &self.sharing;
        let mut e = Encoder::new();
        e.option(*enabled, |e, enabled| {
            e.u8(u8::from(enabled));
        });
        e.option(directory.as_ref(), |e, directory| {
            let shown = directory.strip_prefix(workspace).unwrap_or(directory);
            e.bytes(shown.as_os_str().as_bytes());
        });
        e.option(*max_size, |e, size| {
            e.u64(size);
        });
        e.into_bytes()
    }

    fn decode(bytes: &[u8], workspace: &Path) -> Result<Self, Malformed> {
        let mut d = Decoder::new(bytes);
        let enabled = d.option(|d| Ok(d.u8()? != 0))?;
        let directory = d.option(|d| {
            let shown = PathBuf::from(OsString::from_vec(d.bytes()?.to_vec()));
            Ok(workspace.join(shown))
        })?;
        let max_size = d.option(Decoder::u64)?;
        d.end()?;
        Ok(Self { sharing: Sharing { enabled, directory, max_size } })
    }
}

#[cfg(test)]
mod tests {
    use rekindle_toolchain::environment::TABLE;

    use super::*;

    #[test]
    fn a_note_reads_back_where_the_workspace_lies_now() {
        let directory = |path: &str| Some(PathBuf::from(path));
        let note =
            |directory| Note { sharing: Sharing { enabled: Some(true), directory, max_size: Some(7) } };
        let moved = |path: &str| {
            Note::decode(&note(directory(path)).encode(Path::new("/w")), Path::new("/elsewhere")).unwrap()
        };
        assert_eq!(moved("/w/store"), note(directory("/elsewhere/store")));
        assert_eq!(moved("/srv/store"), note(directory("/srv/store")));
        assert_eq!(
            Note::decode(&Note::default().encode(Path::new("/w")), Path::new("/w")),
            Ok(Note::default())
        );
        assert!(Note::decode(&[9], Path::new("/w")).is_err());
    }

    #[test]
    fn every_keyed_variable_is_in_the_table_that_the_request_is_made_from() {
        let keyed = TABLE.iter().filter(|row| matches!(row.class, Class::Keyed(_)));
        assert!(keyed.clone().count() > 10);
        assert!(keyed.clone().all(|row| variable(OsStr::new(row.name)).is_some()));
    }
}
