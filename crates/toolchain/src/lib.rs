//! Which compiler is this, and how does it speak?
//!
//! [`resolve`] finds the compiler that a [`request::Spec`] asks for and learns what it is made of: one
//! [`Identity`](rekindle_fingerprint::action::Identity) for each kind of command and language, by content, the same
//! for a copy at another place. A [`Toolchain`] turns requests ([`request::Compile`], [`request::Archive`],
//! [`request::Link`]) into [`Action`](rekindle_fingerprint::action::Action)s: the command line, the keyed environment,
//! what it reads, what it writes, where it searches, and how it tells what else it read.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::ffi::OsString;
//! use std::{io, path::Path};
//!
//! use rekindle_exec::{Command, Exit, Live, run};
//! use rekindle_fingerprint::{files::Files, roots::Roots};
//! use rekindle_toolchain::request::{Compile, Language, Mode, Spec, Warnings};
//! use rekindle_toolchain::{Answer, Environment, Prober, resolve};
//!
//! /// Asks compilers about themselves.
//! struct Asker(Live);
//!
//! impl Prober for Asker {
//!     fn run(&mut self, program: &Path, args: &[OsString], env: &Environment, cwd: &Path) -> io::Result<Answer> {
//!         let mut command = Command::new(program, cwd).args(args);
//!         command.env = env.clone().into_iter().collect();
//!         let ended = run(&command, &self.0).map_err(io::Error::other)?;
//!         let status = if let Exit::Code(code) = ended.status { Some(code) } else { None };
//!         Ok(Answer { status, stdout: ended.output, stderr: ended.errors })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let project = tempfile::tempdir()?;
//! # let workspace = project.path().canonicalize()?;
//! let mut files = Files::new(Roots::new(&workspace, workspace.join("build")));
//! let environment = Environment::from([("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]);
//! let mut memory = BTreeMap::new();
//! let mut asker = Asker(Live::new()?);
//! let spec = Spec { name: "host".into(), cc: Some("gcc".into()), ..Spec::default() };
//! let toolchain = resolve(&spec, &environment, &mut files, &mut memory, &mut asker)?;
//! assert!(asker.0.spawned() > 0);
//!
//! let request = Compile {
//!     source: files.path(Roots::WORKSPACE, "main.c"),
//!     language: Language::C,
//!     object: files.path(Roots::BUILD, "main.o"),
//!     temporary: files.path(Roots::BUILD, "tmp"),
//!     mode: Mode { debug: true, ..Mode::default() },
//!     warnings: Warnings::All,
//!     flags: vec!["-fno-such-flag".into()],
//! #   standard: None, pic: None, defines: vec![], includes: vec![], forced: vec![], precompiled: None,
//! #   order_only: vec![], makes_precompiled: false,
//!     // ...
//! };
//! let cwd = files.path(Roots::WORKSPACE, "");
//! let action = toolchain.compile(&mut files, &request, cwd)?;
//! assert!(action.argv.contains(&"-Wall".into()));
//! assert_eq!(action.local.as_deref(), Some("flag `-fno-such-flag` is not in the table of gcc"));
//!
//! // With the memory of the first time, a second time asks nobody.
//! let mut asker = Asker(Live::new()?);
//! resolve(&spec, &environment, &mut files, &mut memory, &mut asker)?;
//! assert_eq!(asker.0.spawned(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # How it is laid out
//! `find` looks for compilers, `places` names their directories, `learn` asks them (through `desk` and `probe`, which
//! remember), `identity`, `loader` and `elf` say what they are made of. `dialect` holds the tables of flags, `flags`
//! reads a person's flags by them, and `compile`, `archive`, `link` write command lines. [`environment`] is the one
//! table of environment variables. [`tools`] takes other build tools apart, with `rustup` for those of Rust.
//!
//! # Limits
//! - It starts no process: a [`Prober`] does. It reads programs and directories, and never writes. What it asks of the
//!   disk goes through [`consult`](rekindle_fingerprint::consult) or the table of files, so that a record of it can be
//!   kept; but for [`processor`].
//! - Linux; gcc since 5 and clang since 7. A compiler behind a script or a wrapper works, and its actions are local.
//! - Flags that change where a compiler searches have to be learned first: see [`Toolchain::learning`].
//! - What the C library ships (`libc.so.6` and its kin) is in no identity: every program of the machine runs on it.
//! - With link-time optimization, assembler's text in a C source is assembled at the link, and a file that it takes in
//!   by `.incbin` is an input of the compile alone.

mod answers;
mod archive;
mod command;
mod compile;
mod desk;
mod dialect;
mod elf;
pub mod environment;
mod error;
mod exposed;
mod find;
mod flags;
mod identity;
mod learn;
mod link;
mod loader;
mod maps;
mod on_path;
mod places;
mod probe;
mod profiles;
pub mod request;
mod resolve;
mod response_file;
mod rustup;
mod sides;
mod toolchain;
pub mod tools;
mod variant;

pub use command::without_depfiles;
pub use environment::Environment;
pub use error::{BuildError, FlagError, ToolchainError};
pub use identity::{PROCESSOR, processor};
pub use probe::{Answer, Memo, Prober};
pub use resolve::resolve;
pub use toolchain::{Description, Family, Toolchain, Version};
pub use variant::{Need, Variant};
