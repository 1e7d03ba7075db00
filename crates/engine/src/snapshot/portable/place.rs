//! Taking what was asked for out of a store into an empty build directory, and the snapshot of what was proved.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::consult::{Answer, Names, Question};
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::sweep::Read;
use rekindle_store::{Error as StoreError, Store};
use rustc_hash::FxHashSet;

use super::super::terms::{Asked, Kept, Place};
use super::super::{Keeper, prove};
use super::check::absolute;
use super::{Checked, Paths, Said, Way};
use crate::build_dir::{BuildDir, OWN};
use crate::error::Error;

impl Checked {
    /// How many bytes the outputs have that are taken out of a store.
    pub fn bytes_placed(&self) -> u64 {
        if self.way == Way::Full { 0 } else { self.proof.placed.iter().map(|placed| placed.blob.size).sum() }
    }

    /// Takes what was asked for out of `store`; `false` if some of it is not there. Then nothing of it lies in the build
    /// directory.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn place(
        &mut self,
        dir: &mut BuildDir,
        files: &mut Files,
        store: &dyn Store,
    ) -> Result<Result<bool, StoreError>, Error> {
        if self.way == Way::Full {
            return Ok(Ok(true));
        }
        let paths: Vec<PathId> =
            self.proof.placed.iter().map(|placed| self.path(placed.output, files)).collect();
        // They get no stamps. A build that follows has to know of them: it deletes those that nobody makes any more.
        for path in &paths {
            dir.history.start(*path, &[*path], files)?;
        }
        let mut seen = Vec::with_capacity(paths.len());
        for (at, (placed, path)) in self.proof.placed.iter().zip(&paths).enumerate() {
            let (output, draft) = (files.abs(*path), dir.temporary().join(format!("{at}.proved")));
            let wrote = put(store, placed, &draft, &output);
            match wrote {
                Ok(Some(read)) => seen.push((placed.output, read)),
                other => {
                    for path in &paths {
                        let _ = fs::remove_file(files.abs(*path));
                    }
                    let _ = fs::remove_file(draft);
                    return Ok(other.map(|_| false));
                }
            }
        }
        self.outputs = seen;
        Ok(Ok(true))
    }

    /// Whether nothing lies in a directory of the build directory but outputs that were placed, or is ours.
    fn is_of_ours(&self, dir: &Path, place: &Path) -> bool {
        let outputs = self.proof.placed.iter().filter_map(|placed| {
            let paths = &self.proof.outputs;
            let rel = paths.rel(paths.list.get(placed.output as usize)?);
            Path::new(OsStr::from_bytes(rel)).strip_prefix(dir).ok()?.iter().next()
        });
        let placed: FxHashSet<&OsStr> = outputs.collect();
        let is_top = dir.as_os_str().is_empty();
        let own = |name: &OsStr| is_top && name.to_str().is_some_and(|name| OWN.contains(&name));
        let names = disk::names(place).unwrap_or_default();
        names.iter().all(|name| placed.contains(name.name.as_os_str()) || own(&name.name))
    }

    fn path(&self, output: u32, files: &mut Files) -> PathId {
        let paths = &self.proof.outputs;
        let rel = paths.list.get(output as usize).map_or(&[][..], |path| paths.rel(path));
        files.path(Roots::BUILD, Path::new(OsStr::from_bytes(rel)))
    }
}

/// Writes an output, and tells what lies there then; nothing if the store does not have it.
fn put(
    store: &dyn Store,
    placed: &super::Placed,
    draft: &Path,
    output: &Path,
) -> Result<Option<Read>, StoreError> {
    let trouble = |source| StoreError::Place { verb: "write", path: output.to_path_buf(), source };
    output.parent().map_or(Ok(()), fs::create_dir_all).map_err(trouble)?;
    if !store.write_draft(&placed.blob, draft, placed.executable)? {
        return Ok(None);
    }
    fs::rename(draft, output).map_err(trouble)?;
    Ok(match disk::stat(output) {
        Ok(Entry::File(signature, device)) => Some(Read::File(signature, device, placed.blob)),
        _ => None,
    })
}

impl Keeper<'_> {
    /// Takes in everything that a portable proof found here. All of it decides whether anything is to be done at all:
    /// which action reads what is not known.
    /// `false` if something lies in a build directory that was empty and is not of our making.
    pub(in super::super) fn proved(&mut self, checked: &Checked) -> bool {
        let proof = &checked.proof;
        self.draft.terms.keys = proof.terms.keys;
        self.draft.terms.processor = proof.terms.processor;
        self.draft.terms.left = checked.left();
        self.draft.terms.bound.clone_from(&proof.terms.bound);
        for (count, said) in self.draft.terms.kinds.iter_mut().zip(&proof.terms.kinds) {
            *count = *said;
        }
        self.draft.set_replays(&proof.replays);
        for (path, read) in proof.inputs.list.iter().zip(&checked.inputs) {
            self.found(checked, &proof.inputs, path, Some(read));
        }
        let mut made = checked.outputs.iter().peekable();
        for (number, path) in (0_u32..).zip(&proof.outputs.list) {
            let read = made.next_if(|(output, _)| *output == number).map(|(_, read)| read);
            self.found(checked, &proof.outputs, path, read);
        }
        for (asked, answer) in proof.asked.iter().zip(&checked.answers) {
            if checked.way == Way::Full || !asked.carried {
                self.said(checked, asked, answer);
                continue;
            }
            // What lies there by now is to lie there in the next build.
            let place = self.build.join(&asked.rel);
            let now = Question::ALL.get(usize::from(asked.question));
            let Some(now) = now.map(|question| prove::ask(&place, *question, self.build)) else {
                return false;
            };
            if !checked.is_of_ours(&asked.rel, &place) {
                return false;
            }
            self.said(checked, asked, &now);
        }
        true
    }

    fn found(&mut self, checked: &Checked, paths: &Paths, path: &super::Path, read: Option<&Read>) {
        let Some(id) = checked.ids.get(usize::from(path.root)) else { return };
        let file = match read {
            Some(Read::File(signature, device, blob)) => {
                Some((*signature, *blob, self.clock.makes_racy(*device, signature)))
            }
            _ => None,
        };
        self.draft.found(*id, paths.rel(path), file, self.built.files.roots());
    }

    fn said(&mut self, checked: &Checked, asked: &super::Asked, answer: &Answer) {
        let (Some(id), Some(question)) =
            (checked.ids.get(usize::from(asked.root)), Question::ALL.get(usize::from(asked.question)))
        else {
            return;
        };
        let roots = self.built.files.roots();
        let place = absolute(roots, *id, &asked.rel);
        let answer = match (&asked.answer, answer) {
            (Said::Path(..), Answer::Path(path)) => Kept::Path(Place::of(path, roots)),
            (_, Answer::Identity(device, inode)) => Kept::Identity(self.identity(*device, *inode)),
            (_, Answer::Names(names)) => {
                let signature = prove::believed(&place, names.signature, self.clock);
                Kept::Plain(Answer::Names(Names { signature, ..names.clone() }))
            }
            (_, answer) => Kept::Plain(answer.clone()),
        };
        let roots = self.built.files.roots();
        let path = self.draft.number_of(*id, asked.rel.as_os_str().as_bytes(), roots);
        self.draft.ask(Asked { path, question: *question, answer });
    }
}
