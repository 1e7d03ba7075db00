//! May this action be skipped?
//!
//! [`judge::judge`] answers for every kind of action, from an [`action::Action`] as it is now, the [`stamp::Stamp`] of
//! when it last succeeded, and what a [`files::Files`] table sees on disk. Nothing else in rekindle decides freshness.
//!
//! # What a result depends on
//!
//! | ingredient | where it is | how it enters | what changes it |
//! |---|---|---|---|
//! | kind | [`action::Action::kind`] | command digest | never, for one output |
//! | arguments, in order | `argv` | command digest, root paths by name | any flag, define, name, or order |
//! | keyed environment | `env` | command digest | a variable set, unset or changed |
//! | working directory | `cwd` | command digest | another directory |
//! | outputs and links | `outputs`, `links` | command digest | another name, or one more or less |
//! | toolchain identity | `identity` | digest of its parts | a byte of the compiler, its programs or their libraries |
//! | declared inputs, in order | `inputs` | path and content | content; an input added, removed, moved |
//! | which of them may be executed | `inputs` of custom commands | a bit | `chmod` |
//! | discovered inputs | depfiles, traces | path and content, or absence | content; gone; there after all |
//! | answers of searches | [`lookup::Lookups`] | names asked, who has them | a header or library that shadows another |
//! | literal `__has_include` probes | [`scan`] | as searches | the probed header appears or goes |
//! | outputs on disk | [`stamp::Output`] | content and executable bit | edited, truncated, deleted, replaced |
//! | where the roots lie | [`stamp::Holds`] | only if the result holds their absolute paths | the project is moved |
//! | this machine | [`stamp::Holds`] | only if a flag is not known | another machine |
//! | what cannot be known | `unprovable` | never fresh | an include whose name a macro computes |
//!
//! What does *not* count: modification times, inode numbers, absolute paths, the order of a directory, whatever the
//! environment holds besides the keyed variables. Times and inodes are in [`signature::Signature`]s, which save reading
//! a file again and are compared for equality alone.
//!
//! # Limits
//! This crate stats, reads and lists (in [`disk`] alone); it never writes, spawns or asks the clock. It knows no
//! compiler and no manifest. Paths are bytes; a path need not be UTF-8.
//!
//! ```
//! use rekindle_fingerprint::{digest::Digest, files::Files, roots::Roots};
//!
//! # fn main() -> std::io::Result<()> {
//! # let project = tempfile::tempdir()?;
//! # let workspace = project.path().canonicalize()?;
//! std::fs::write(workspace.join("main.c"), "int main(void) { return 0; }\n")?;
//! let mut files = Files::new(Roots::new(&workspace, workspace.join("build")));
//! let source = files.path(Roots::WORKSPACE, "main.c");
//! files.observe(&[source]);
//! assert_eq!(files.digest(source), Some(Digest::of(b"int main(void) { return 0; }\n")));
//! assert_eq!(files.show(source), "main.c");
//! # Ok(())
//! # }
//! ```

pub mod action;
pub mod ar;
pub mod archive_stamp;
pub mod auto;
pub mod consult;
pub mod depfile;
pub mod digest;
pub mod disk;
pub mod encode;
pub mod files;
pub mod ingredients;
pub mod judge;
pub mod key;
pub mod lookup;
pub mod printed;
pub mod reason;
pub mod roots;
pub mod scan;
pub mod signature;
pub mod stamp;
pub mod sweep;
pub mod watch;
