//! Run this command line: processes, pipes, process groups, signals, and GNU make's jobserver.
//!
//! ```
//! use rekindle_exec::{Command, Exit, Live, run};
//!
//! let live = Live::new()?;
//! let hello = Command::new("/bin/sh", "/").args(["-c", "echo $WHO; exit 3"]).env("WHO", "world");
//! let finished = run(&hello, &live)?;
//! assert_eq!(finished.status, Exit::Code(3));
//! assert_eq!(finished.output, b"world\n");
//! assert_eq!(live.spawned(), 1);
//! # Ok::<(), rekindle_exec::Error>(())
//! ```
//!
//! - [`run`] starts a [`Command`] and waits on the calling thread; run several on several threads.
//! - [`Live`] knows the children that run, counts those that ever ran, and ends them all; [`Interrupts`] does so on
//!   Ctrl-C.
//! - [`Jobs`] says how many may run at once, together with other programs that speak make's protocol.
//! - [`which`] and [`searched`] find a program, [`split`] tells whether a command string needs a shell, [`fits`] and
//!   [`response_file`] see to command lines that are too long, [`inherit`] passes a file on to children.
//!
//! # Limits
//! - The crate knows nothing of compilers, of graphs, or of files that are up to date. It reads no environment
//!   variable: the child's environment is given in full, and `MAKEFLAGS` and `PATH` are arguments.
//! - A process that leaves its group (`setsid`) is not ended with it, and is not waited for.
//! - Of each pipe at most [`OUTPUT_LIMIT`] bytes are kept.
//! - What a child left running goes on when the child ends by itself; its group is ended only when the child is.
//! - Linux is what it is made and tested for.

mod command;
mod error;
mod fds;
mod group;
mod interrupt;
mod jobs;
mod limits;
mod live;
mod makeflags;
mod response;
mod spawn;
mod watch;
mod which;
mod words;

pub use command::{Command, Exit, Finished, Output, Stdin};
pub use error::Error;
pub use fds::inherit;
pub use interrupt::Interrupts;
pub use jobs::{Jobs, MOST_JOBS, Token};
pub use limits::{LONGEST_ARGUMENT, fits};
pub use live::Live;
pub use makeflags::Fallback;
pub use response::response_file;
pub use watch::{OUTPUT_LIMIT, run};
pub use which::{Search, searched, which};
pub use words::{needs_shell, split};
