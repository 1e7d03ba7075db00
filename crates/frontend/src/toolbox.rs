//! What lowering asks of toolchains: the command for each thing that is made.

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::files::Files;
use rekindle_toolchain::request::{Archive, Compile, Link};

/// The toolchains of a build, by the names that the manifest gives them.
pub trait Toolbox {
    /// Whether the toolchain is there.
    fn knows(&self, toolchain: &str) -> bool;

    /// The action that makes an object, or a precompiled header, of a source.
    ///
    /// # Errors
    /// The toolchain cannot do that. The text says why, on its first line, and what to do on the others.
    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String>;

    /// The action that makes an archive of objects.
    ///
    /// # Errors
    /// As [`Toolbox::compile`].
    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String>;

    /// The action that makes a program or a shared library.
    ///
    /// # Errors
    /// As [`Toolbox::compile`].
    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String>;
}
