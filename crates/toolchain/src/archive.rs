//! The command line of an archive.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Action, ActionKind, Arg, Spelling};
use rekindle_fingerprint::files::{Files, PathId};

use crate::error::FlagError;
use crate::maps::Maps;
use crate::request::Archive;
use crate::toolchain::Toolchain;

impl Toolchain {
    /// The command that puts objects into a new static archive, run in `cwd`. The archive holds no dates, owners or
    /// modes (`D`). An archive that is there has to be deleted before.
    ///
    /// # Errors
    /// The toolchain has no archiver.
    pub fn archive(&self, files: &mut Files, request: &Archive, cwd: PathId) -> Result<Action, FlagError> {
        let ar = self.ar.as_ref().ok_or_else(|| FlagError::NoProgram {
            toolchain: self.name.clone(),
            role: "archiver",
            hint: "install binutils, or name one as `ar` of the toolchain or in AR",
        })?;
        let mut argv = vec![Arg::path(ar.path)];
        argv.extend(ar.words.iter().cloned());
        argv.push("rcsD".into());
        // Older ones take it behind the operation only.
        if let Some(plugin) = ar.plugin.filter(|_| request.lto) {
            argv.extend(["--plugin".into(), Arg::path(plugin)]);
        }
        argv.push(Arg::path(request.archive));
        argv.extend(request.objects.iter().map(|object| Arg::path(*object)));
        let name = files.show(request.archive);
        let mut action = Action::new(ActionKind::Archive, name, argv, cwd, vec![request.archive]);
        action.env = self.env(ActionKind::Archive, &Maps::default(), files);
        action.identity = Some(if request.lto { ar.lto_identity.clone() } else { ar.identity.clone() });
        action.inputs = request.objects.clone();
        action.local = ar.local.clone();
        for word in &ar.words {
            let word = word.spell(files, &Spelling::new(files, cwd));
            if let Some(path) = word.as_bytes().strip_prefix(b"@") {
                let directory = files.abs(cwd);
                action.inputs.push(files.path_from(&directory, Path::new(OsStr::from_bytes(path))));
                let shown = word.to_string_lossy();
                action.local.get_or_insert_with(|| format!("the archiver reads its words from `{shown}`"));
            }
        }
        action.response_file = true;
        Ok(action)
    }
}
