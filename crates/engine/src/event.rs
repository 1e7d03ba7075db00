//! What a build tells while it runs, and at its end. Events are the border to whatever shows them to a person.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::files::Cost;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_scheduler::graph::ActionId;

use crate::lock::Waiting;

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its stamp held; nothing was done.
    Fresh,
    /// Its outputs were put back from what was kept; no command ran.
    Restored,
    /// Its command ran and succeeded.
    Ran,
    /// It failed: the command, or what it has to deliver.
    Failed,
    /// `--dry-run` and `explain`: its command would run.
    WouldRun,
}

impl Outcome {
    /// Its name in JSON events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Restored => "restored",
            Self::Ran => "ran",
            Self::Failed => "failed",
            Self::WouldRun => "would_run",
        }
    }
}

/// Everything about an action that has ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its number in the graph.
    pub id: ActionId,
    /// What it does.
    pub kind: ActionKind,
    /// Its name for people.
    pub name: String,
    /// What it writes, as shown to people.
    pub outputs: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not fresh; empty if it was.
    pub reasons: Vec<StaleReason>,
    /// How long its command ran, in milliseconds; 0 if none did.
    pub ms: u64,
    /// What the command printed, with the colours that it gave it; of a fresh or restored action, what it printed then.
    pub printed: Vec<u8>,
    /// The command line as a shell would take it.
    pub command: String,
    /// For a failed action: what was wrong, in a sentence (`exit code 1`, `it did not write build:a.o`).
    pub failure: Option<String>,
    /// Things about its result that a person should know.
    pub remarks: Remarks,
    /// More about an archive that another build tool makes.
    pub archive: Option<Box<ArchiveReport>>,
}

/// What is told of an archive that another build tool makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// The keys of its profile, and their values.
    pub profile: Vec<(String, String)>,
    /// How many files are watched.
    pub inputs: u64,
    /// How many bytes of them were read in this build.
    pub hashed_bytes: u64,
    /// How long another build had the tool's directories, in milliseconds.
    pub lock_wait_ms: u64,
    /// How many commands were started for it.
    pub commands: u64,
    /// The tool that is not on this machine.
    pub absent: Option<String>,
}

/// What keeps a result from being shared, or from being remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// A root's absolute path is in the result, or may be: the flag or the macro that puts it there.
    pub bound: Option<String>,
    /// Only the paths of toolchains and of their systems are, so that it holds for every project of the machine.
    pub bound_to_tools: bool,
    /// A date or a time is in it: the macro that puts it there, and the file that has it.
    pub volatile: Option<String>,
    /// The flag or wrapper that makes it hold on this machine only.
    pub local: Option<String>,
    /// Why what it reads cannot be known.
    pub unprovable: Option<String>,
    /// Why it was not recorded: an input that moved while the command ran.
    pub unrecorded: Option<String>,
}

/// Something that happens in a build.
#[derive(Clone, Debug)]
pub enum Event {
    /// The build directory is in use.
    Waiting(Waiting),
    /// Another build works where the tool of an archive works.
    ToolIsBusy {
        /// The archive.
        archive: String,
        /// Who works there, as far as the system tells; else empty.
        holder: String,
    },
    /// The work is known.
    Started {
        /// How many actions the targets need.
        total: usize,
    },
    /// A command starts.
    ActionStarted {
        /// Its action.
        id: ActionId,
        /// What it does.
        kind: ActionKind,
        /// Its name for people.
        name: String,
        /// Why it is not fresh.
        reasons: Vec<StaleReason>,
        /// The command line as a shell would take it.
        command: String,
        /// How long it is taken to run, in milliseconds.
        expected_ms: u64,
        /// How long it is taken to last from its start to the end of the build, on any number of cores.
        way_ms: u64,
    },
    /// An action has ended.
    ActionFinished(Box<Report>),
    /// Something a person should know that belongs to no action, or to several; said once a build.
    Notice(String),
    /// How far the build is.
    Progress(Progress),
}

/// How far the build is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Actions that have ended.
    pub done: usize,
    /// Actions that the targets need.
    pub total: usize,
    /// Commands that run now.
    pub running: usize,
    /// What is left by recorded durations; `None` if less than half of the actions has one.
    pub left: Option<Left>,
}

/// What is left of a build by recorded durations, in milliseconds. What running commands have done by now is not taken
/// off: who shows it has the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// All actions that have not ended, one after the other.
    pub work_ms: u64,
    /// The longest way from an action that has not started to the end of the build, on any number of cores.
    pub way_ms: u64,
}

/// How the build as a whole ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildOutcome {
    /// Everything that was asked for is there.
    #[default]
    Ok,
    /// An action failed.
    Failed,
    /// Somebody interrupted it.
    Interrupted,
}

impl BuildOutcome {
    /// Its name in JSON events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How many actions ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Their stamps held.
    pub fresh: u64,
    /// Put back from what was kept.
    pub restored: u64,
    /// Their commands ran and succeeded.
    pub ran: u64,
    /// Failed.
    pub failed: u64,
    /// Not reached because something before them failed.
    pub skipped: u64,
    /// Would run (dry run).
    pub would_run: u64,
}

/// The closing account of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How it ended.
    pub outcome: BuildOutcome,
    /// How many actions the targets need.
    pub total: u64,
    /// How they ended.
    pub actions: Counts,
    /// The same for each kind, in the order of [`ActionKind::ALL`].
    pub kinds: [Counts; 5],
    /// Whether an action failed because of what the person gave: an input that is missing or cannot be read, or
    /// something that lies where an output is to be.
    pub bad_input: bool,
    /// Results that hold a root's absolute path, or may.
    pub bound: u64,
    /// What puts it there, and into how many results; without those that are bound to toolchains alone.
    pub bound_by: BTreeMap<String, u64>,
    /// Results that hold a date, a time or the like.
    pub volatile: u64,
    /// Results that hold on this machine only.
    pub local: u64,
    /// Results that serve this build and are not remembered.
    pub unrecorded: u64,
    /// Outputs that were left in the store, because nobody has needed their bytes.
    pub left: u64,
    /// Every child process that was started, probes included.
    pub processes_spawned: u64,
    /// What looking at files has cost.
    pub files: Cost,
    /// What the store was used for; none if there is none.
    pub store: Option<StoreUse>,
}

/// What the store was used for in a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreUse {
    /// Where it is; none if it lies in no directory.
    pub place: Option<PathBuf>,
    /// Actions whose results came from it.
    pub hits: u64,
    /// Actions whose results were not in it.
    pub misses: u64,
    /// Actions whose results were put into it.
    pub stored: u64,
    /// How many bytes of outputs came from it.
    pub bytes_read: u64,
    /// How many bytes of outputs were put into it and were not there before.
    pub bytes_written: u64,
    /// Whether it could not be read or written, and the build went on without it.
    pub failed: bool,
}
