//! What to run and what came of it, as plain data.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command line with everything that the child will see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program's file. A relative path is taken from `cwd`; `PATH` is never searched (see [`crate::which`]).
    /// The child gets this spelling as its `argv[0]`.
    pub program: PathBuf,
    /// The arguments after the program's name.
    pub args: Vec<OsString>,
    /// The whole environment: nothing of ours is passed on. Of two values for one name the later one counts.
    pub env: Vec<(OsString, OsString)>,
    /// The directory that the child starts in.
    pub cwd: PathBuf,
    /// How long the child may run before its group is ended; `None` for ever.
    pub timeout: Option<Duration>,
    /// What the child reads.
    pub stdin: Stdin,
    /// Where the child's output goes.
    pub output: Output,
}

impl Command {
    /// `program` in `cwd` without arguments or environment, with nothing to read, its output kept apart.
    pub fn new(program: impl Into<PathBuf>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: cwd.into(),
            timeout: None,
            stdin: Stdin::Null,
            output: Output::Apart,
        }
    }

    /// The same command with these arguments after those that it has.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same command with one more variable in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }
}

/// What a child reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    Null,
    /// What we would read. Such a child stays in our process group, for a terminal stops the groups that read it
    /// from the background: Ctrl-C reaches it directly, and ending it ends the child alone, not its descendants.
    Inherit,
}

/// Where a child's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Standard output and standard error into one buffer each.
    Apart,
    /// Both through one pipe into one buffer, in the order of writing.
    Together,
    /// To where ours goes.
    Inherit,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It exited with this code; 0 is success.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Its time was up, and its group was ended.
    TimedOut,
}

impl Exit {
    /// Whether the child exited with code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// As it is said of a command: `exited with code 1`, `was killed by signal 11 (SIGSEGV)`, `ran out of time`.
impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_hook::low_level::signal_name(*signal) {
                Some(name) => write!(f, "was killed by signal {signal} ({name})"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::TimedOut => write!(f, "ran out of time"),
        }
    }
}

/// A child that has ended, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: Exit,
    /// Standard output, with [`Output::Apart`].
    pub output: Vec<u8>,
    /// Standard error, with [`Output::Apart`].
    pub errors: Vec<u8>,
    /// Both in the order of writing, with [`Output::Together`].
    pub text: Vec<u8>,
    /// Bytes that were read and thrown away because a buffer had reached [`crate::OUTPUT_LIMIT`].
    pub dropped: u64,
    /// Another process still held a pipe when the child had long exited; what it writes later is not here.
    pub held: bool,
    /// How long the child ran, from before its start until its end was noticed.
    pub wall: Duration,
}
