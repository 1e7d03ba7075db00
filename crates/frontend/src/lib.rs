//! What did the user mean? `rekindle.toml`, lowered to the scheduler's neutral graph.
//!
//! [`load::load`] reads a manifest and gives a typed [`project::Project`]: conditions decided, options put in, names
//! turned into references. Whoever calls resolves the toolchains that it names. [`lower::lower`] then finds the
//! sources and makes a [`rekindle_scheduler::graph::Graph`] of actions, asking a [`toolbox::Toolbox`] how each thing is made.
//! Everything that is wrong comes back as [`diagnostic::Diagnostics`], with file, line and column; all of it is the
//! person's to mend.
//!
//! The keys of the manifest stand in one table ([`keys::SECTIONS`]) that checks it, and from which the manual's lists
//! and the [JSON schema](schema::schema) are made. [`init::manifest_for`] writes a first manifest.
//!
//! The crate reads project files and lists directories, all through [`rekindle_fingerprint::consult`], which writes down
//! what the disk said; what environment variables were is in [`lower::Lowered::variables`]. It starts no process, writes nothing, prints nothing, and knows neither environment nor
//! clock: what counts of them is in the [`load::Request`].
//!
//! ```
//! use rekindle_fingerprint::action::{Action, ActionKind, Arg};
//! use rekindle_fingerprint::{files::Files, roots::Roots};
//! use rekindle_frontend::{load, lower, toolbox::Toolbox};
//! use rekindle_toolchain::request::{Archive, Compile, Link, LinkInput};
//!
//! /// A toolchain that has only heard of `cc`. (`toolbox::Toolchains` asks real ones.)
//! struct Plain;
//!
//! # impl Plain {
//! #     fn action(files: &mut Files, kind: ActionKind, words: Vec<Arg>, output: rekindle_fingerprint::files::PathId) -> Action {
//! #         let workspace = files.path(Roots::WORKSPACE, "");
//! #         Action::new(kind, files.show(output), words, workspace, vec![output])
//! #     }
//! # }
//! impl Toolbox for Plain {
//!     fn knows(&self, toolchain: &str) -> bool {
//!         toolchain == "host"
//!     }
//!     fn compile(&mut self, _: &str, files: &mut Files, what: &Compile) -> Result<Action, String> {
//!         let words = vec!["cc".into(), "-c".into(), Arg::path(what.source), "-o".into(), Arg::path(what.object)];
//!         Ok(Self::action(files, ActionKind::Compile, words, what.object))
//!     }
//! #   fn archive(&mut self, _: &str, _: &mut Files, _: &Archive) -> Result<Action, String> {
//! #       Err("there is no archiver".into())
//! #   }
//!     // ... and so on for `archive` and `link`.
//! #   fn link(&mut self, _: &str, files: &mut Files, what: &Link) -> Result<Action, String> {
//! #       let mut words = vec!["cc".into(), "-o".into(), Arg::path(what.output)];
//! #       words.extend(what.inputs.iter().filter_map(|input| match input {
//! #           LinkInput::File(path) => Some(Arg::path(*path)),
//! #           _ => None,
//! #       }));
//! #       Ok(Self::action(files, ActionKind::Link, words, what.output))
//! #   }
//! }
//!
//! let directory = tempfile::tempdir()?;
//! let workspace = directory.path().canonicalize()?;
//! std::fs::write(workspace.join("main.c"), "int main(void) { return 0; }")?;
//! let manifest = "[project]\nname = \"app\"\n[executable.app]\nsources = [\"*.c\"]\n";
//! std::fs::write(workspace.join("rekindle.toml"), manifest)?;
//!
//! let project = load::load(&workspace, &load::Request::default())?;
//! assert_eq!(project.toolchains()?[0].spec.name, "host");
//!
//! let mut roots = Roots::new(&workspace, workspace.join(".rekindle/build/debug"));
//! for root in project.roots() {
//!     roots.add(root)?;
//! }
//! let mut files = Files::new(roots);
//! let lowered = lower::lower(&project, &mut Plain, &mut files)?;
//! let names: Vec<&str> = lowered.graph.actions().map(|(_, action)| action.name.as_str()).collect();
//! assert_eq!(names, ["main.c", "app"]);
//!
//! // What is wrong says where, and what was meant.
//! std::fs::write(workspace.join("rekindle.toml"), manifest.replace("sources", "sorces"))?;
//! let wrong = load::load(&workspace, &load::Request::default()).unwrap_err();
//! assert!(wrong.to_string().contains("rekindle.toml:4:1: [executable.app] has no key `sorces`"));
//! assert!(wrong.to_string().contains("did you mean `sources`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod diagnostic;
pub mod init;
pub mod keys;
pub mod load;
pub mod lower;
pub mod manifest;
pub mod platform;
pub mod project;
mod reader;
mod roots;
pub mod schema;
pub mod sharing;
pub mod size;
pub mod toolbox;

mod check;
mod cycle;
mod evaluate;
mod expand;
mod glob;
mod names;
mod options;
mod pkgconfig;
mod placeholder;
mod profile;
mod when;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests;
