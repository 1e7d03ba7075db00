//! Judge, restore or run, record: the build loop, and the build directory that remembers.
//!
//! **What it does.** Given a neutral [`rekindle_scheduler::Graph`] of actions and a table of
//! [`rekindle_fingerprint::files::Files`], [`build::build`] brings the wanted files up to date: each action is judged by
//! the one door to freshness, put back from what its build directory kept or from the store, or run; what ran is checked
//! and recorded.
//! [`build_dir::BuildDir`] is the only thing that it writes to, besides what the commands themselves write.
//!
//! **What it does not know.** Manifests, compilers' flags, terminals, the environment, the clock. A command line is
//! data to it; what the command read comes from its depfiles.
//!
//! **Limits.** One build at a time in a build directory. Results are shared with other build directories through a store
//! that the caller hands in ([`build_dir::BuildDir::share`]); without one they are not.
//!
//! ```
//! use rekindle_engine::{build::build, build_dir::BuildDir, request::Request};
//! use rekindle_fingerprint::action::{Action, ActionKind, Arg};
//! use rekindle_fingerprint::{files::Files, roots::Roots};
//! use rekindle_scheduler::Graph;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let project = tempfile::tempdir()?;
//! let workspace = project.path().canonicalize()?;
//! let out = workspace.join("out");
//! let live = rekindle_exec::Live::new()?;
//! for round in 0..2 {
//!     let mut files = Files::new(Roots::new(&workspace, &out));
//!     let mut dir = BuildDir::open(&out, &mut files, "the example", |_| {})?;
//!     let (cwd, made) = (files.path(Roots::WORKSPACE, ""), files.path(Roots::BUILD, "greeting"));
//!     let argv = vec!["/bin/sh".into(), "-c".into(), "echo hello > \"$1\"".into(), "sh".into(), Arg::path(made)];
//!     let mut graph = Graph::new();
//!     graph.add(Action::new(ActionKind::Custom, "greeting", argv, cwd, vec![made]))?;
//!     let request = Request { outputs: vec![made], ..Request::default() };
//!     let summary = build(&mut dir, &graph, &mut files, &request, &live, &mut |_event| {})?;
//!     assert_eq!((summary.actions.ran, summary.actions.fresh), if round == 0 { (1, 0) } else { (0, 1) });
//! }
//! assert_eq!(std::fs::read_to_string(out.join("greeting"))?, "hello\n");
//! # Ok(())
//! # }
//! ```

pub mod build;
pub mod build_dir;
pub mod compare;
pub mod error;
pub mod event;
pub mod history;
pub mod journal;
pub mod lock;
pub mod marker;
pub mod origin;
pub mod request;
pub mod snapshot;
pub mod spelled;
pub mod used;

mod auto;
mod bound;
mod fault;
mod finish;
mod hands;
mod kept;
mod left;
mod outputs;
mod record;
mod recorded;
mod restore;
mod scans;
mod scripts;
mod session;
mod settle;
mod shared;
mod start;
mod stepped;
