//! A temporary project to build, and what it takes to check it. For tests only: everything here panics with a
//! readable message when the world is not as the test says.
//!
//! ```no_run
//! use rekindle_testkit::Space;
//!
//! let space = Space::new("target/debug/rekindle");
//! space.write("rekindle.toml", "[project]\nname = 'p'\n[executable.app]\nsources = ['main.c']\n");
//! space.write("main.c", "int main(void) { return 0; }\n");
//! space.build(&[]).ok().assert_ran(&["compile main.c", "link app"]);
//! space.build(&[]).ok().assert_work("-");
//! space.assert_like_clean(&[]);
//! ```
//!
//! - [`Space`] is the project: files are written, touched, swapped; the binary runs in it with a clean environment.
//! - [`Built`] is what came out: exit code, summary, events, both streams.
//! - [`Tree`] is what lies in a directory, and a readable difference of two of them.
//! - [`require`] is how a test asks for a tool that not every machine has, [`require_path`] for an input.
//! - [`helper`] compiles small C programs that stand in for compilers and tools that misbehave.
//! - [`Tmpfs`] and [`Overlay`] are small disks and files replaced in place, for this process tree only.

mod built;
mod disk;
mod files;
mod helper;
mod require;
mod running;
mod space;
mod tree;

pub use built::{Action, Built, Kinds, StoreUse, Summary};
pub use disk::{Overlay, Tmpfs};
pub use files::{copy_program, copy_tree, set_mtime, settle};
pub use helper::helper;
pub use require::{found, is_root, require, require_path, require_root};
pub use running::Running;
pub use space::{Run, Space};
pub use tree::Tree;
