//! In what order? A state machine without I/O over a neutral graph of actions.
//!
//! A front-end lowers what a person wrote to a [`Graph`]: [`Action`](rekindle_fingerprint::action::Action)s with
//! the paths that they read and write, and named [`Target`]s. A [`Scheduler`] takes the graph and what is wanted, and
//! from then on is asked two questions, [`Scheduler::next_judge`] and [`Scheduler::next_start`], and told what came of
//! each answer. It hands an action out for judging as soon as all that it depends on is settled, and a stale one for
//! starting in the order of the critical path. Where an action stands is one enum, [`State`], and each of its
//! variants says what holds there.
//!
//! ```
//! use rekindle_fingerprint::action::{Action, ActionKind, Arg};
//! use rekindle_fingerprint::files::Files;
//! use rekindle_fingerprint::roots::Roots;
//! use rekindle_scheduler::{Graph, Limits, Scheduler};
//!
//! let mut files = Files::new(Roots::new("/project", "/project/build"));
//! let mut path = |name: &str| files.path(Roots::WORKSPACE, name);
//! let (here, source, object, program) = (path(""), path("hello.c"), path("hello.o"), path("hello"));
//!
//! let mut compile = Action::new(
//!     ActionKind::Compile,
//!     "hello.c",
//!     vec![Arg::text("/usr/bin/cc"), Arg::text("-c"), Arg::path(source)],
//!     here,
//!     vec![object],
//! );
//! compile.inputs = vec![source];
//! let mut link = Action::new(
//!     ActionKind::Link,
//!     "hello",
//!     vec![Arg::text("/usr/bin/cc"), Arg::path(object), Arg::text("-o"), Arg::path(program)],
//!     here,
//!     vec![program],
//! );
//! link.inputs = vec![object];
//!
//! let mut graph = Graph::new();
//! let link = graph.add(link)?;
//! let compile = graph.add(compile)?;
//! graph.check()?;
//!
//! let wanted = graph.wanted(&[program]);
//! let mut scheduler = Scheduler::new(&graph, &wanted, |_| None, Limits::default());
//! let mut ran = Vec::new();
//! while !scheduler.finished() {
//!     while let Some(id) = scheduler.next_judge() {
//!         scheduler.stale(id); // Nothing was built before.
//!     }
//!     while let Some(id) = scheduler.next_start() {
//!         ran.push(id); // This is where a command would be run.
//!         scheduler.done(id);
//!     }
//! }
//! assert_eq!(ran, [compile, link]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is found out on the way
//!
//! The declared edges are not all there are: a stamp or a compiler's depfile can name a file that another action of
//! the graph makes. Both are told to the scheduler, which adds the edge and sees to the order:
//!
//! - While judging, [`Scheduler::needs_first`]: the action waits for those, and is judged again behind them. Those
//!   that nobody wanted are wanted from now on.
//! - After a run, [`Scheduler::run_again`]: if one of those was not settled when the run started, the run read
//!   something old, and the action runs again behind them. After [`RunAgain::LIMIT`] runs it is given up.
//! - An edge that would close a cycle is not added, and the caller is told which action stands in the way.
//! - [`Scheduler::rejudge`]: something that was settled has to be looked at again, because what it was settled on
//!   has other bytes now.
//!
//! # What it knows nothing of
//!
//! Files, digests, stamps, stores, processes, threads, the clock, the number of jobs, and what a front-end is. It
//! decides whether an action *may* be judged or started, never whether it is fresh. The same graph with the same
//! answers in the same order gives the same order.
//!
//! # What it costs
//!
//! Every edge is followed a small, constant number of times in a build, those found on the way included: when an
//! action is wanted, when it settles, and when something fails. Whether an edge would close a cycle is searched from
//! both ends at once, which costs no more than the smaller end has. A queue costs a logarithm.
//! [`Scheduler::steps`] counts the edges, and tests hold it to a multiple of them on 10,000 units with 50 headers each.
//!
//! # Where it comes from
//!
//! In the terms of A. Mokhov, N. Mitchell, S. Peyton Jones, *Build Systems à la Carte* (ICFP 2018), this is a
//! *restarting* scheduler over a *topological* one: declared edges give the order, an action that turns out to need
//! another while it is judged is put back behind it, and the rebuilder (whether an action may be skipped) is someone
//! else. It is demand-driven, so that nothing is handed out that is not wanted. The order of what may start is
//! critical-path list scheduling (HLFET: Adam, Chandy, Dickson, CACM 1974).

mod edges;
mod priority;
mod queue;
#[cfg(test)]
mod samples;

pub mod cycle;
pub mod graph;
pub mod scheduler;
pub mod state;

pub use cycle::Cycle;
pub use graph::{ActionId, DuplicateOutput, Graph, Target, TargetKind};
pub use scheduler::{Limits, NeedsFirst, RunAgain, Scheduler};
pub use state::{Progress, State};
