//! What looking for a toolchain works with: the files of the build, the memory, and the way to ask programs.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rekindle_fingerprint::consult;
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_fingerprint::files::{Files, PathId, Prior, Seen};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::{FileTime, Signature};

use crate::elf::{self, Binary};
use crate::environment::{self, Class, Environment};
use crate::error::ToolchainError;
use crate::loader::{Library, Loader};
use crate::probe::{Answer, Around, Looked, Memo, Places, Prober, Remembered, Told};

/// A question to a program.
pub(crate) struct Question<'q> {
    /// The program.
    pub(crate) program: &'q Path,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// The content of everything that answers: the program, what it runs and loads.
    pub(crate) answered_by: Vec<Digest>,
    /// Whether a failure is an answer too.
    pub(crate) may_fail: bool,
}

type Known = BTreeMap<(String, PathBuf), (Signature, Blob)>;

/// See the module's documentation.
pub(crate) struct Desk<'d> {
    pub(crate) toolchain: &'d str,
    pub(crate) files: &'d mut Files,
    pub(crate) memo: &'d mut dyn Memo,
    pub(crate) prober: &'d mut dyn Prober,
    pub(crate) environment: &'d Environment,
    pub(crate) places: Places,
    loader: Rc<Loader>,
    closures: HashMap<PathBuf, Rc<Vec<Library>>>,
    looked: Looked,
    programs: RefCell<HashMap<PathBuf, bool>>,
    regular: RefCell<HashMap<PathBuf, bool>>,
    known: Known,
    grown: bool,
}

/// Variables that name header directories are kept from programs that are asked for the default ones; those that
/// they name are put in by us, in their place between `-I` and the default ones.
const WITHHELD: [&str; 3] = ["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH"];

impl<'d> Desk<'d> {
    pub(crate) fn new(
        toolchain: &'d str,
        environment: &'d Environment,
        files: &'d mut Files,
        memo: &'d mut dyn Memo,
        prober: &'d mut dyn Prober,
    ) -> Self {
        let known = memo
            .get_here(&known_key(toolchain))
            .and_then(|bytes| decode_known(&bytes).ok())
            .unwrap_or_default();
        let places = Places::default();
        let workspace = &files.roots().get(Roots::WORKSPACE).path;
        let loader = Rc::new(Loader::new(environment, workspace));
        Self {
            toolchain,
            files,
            memo,
            prober,
            environment,
            places,
            loader,
            closures: HashMap::new(),
            looked: HashMap::new(),
            programs: RefCell::default(),
            regular: RefCell::default(),
            known,
            grown: false,
        }
    }

    /// Keeps the signatures of the files that were digested, so that the next build need not read them.
    pub(crate) fn finish(self) {
        if self.grown {
            self.memo.put_here(known_key(self.toolchain), encode_known(&self.known));
        }
    }

    /// The directory of the project, in which questions are asked and relative paths are meant.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.files.roots().get(Roots::WORKSPACE).path.clone()
    }

    /// Whether a regular file that we may execute lies at `path`; looked at once.
    pub(crate) fn is_program(&self, path: &Path) -> bool {
        once(&self.programs, path, consult::is_runnable)
    }

    /// Whether a file lies at `path`; looked at once.
    pub(crate) fn is_file(&self, path: &Path) -> bool {
        once(&self.regular, path, consult::is_file)
    }

    /// The content of a file of the toolchain.
    pub(crate) fn digest(&mut self, path: &Path) -> Result<(PathId, Digest), ToolchainError> {
        let id = self.files.path_abs(path);
        let key =
            (self.files.roots().get(self.files.root(id)).name.clone(), self.files.rel(id).to_path_buf());
        if *self.files.seen(id) == Seen::Unknown {
            if self.files.prior(id).is_none()
                && let Some(&(signature, blob)) = self.known.get(&key)
            {
                let content = self.files.content_id(blob);
                self.files.set_prior(id, Prior { signature, content, racy: false });
            }
            self.files.observe(&[id]);
        }
        match *self.files.seen(id) {
            Seen::File { signature, content, racy } => {
                let blob = self.files.blob(content);
                if !racy && self.known.get(&key) != Some(&(signature, blob)) {
                    self.known.insert(key, (signature, blob));
                    self.grown = true;
                }
                Ok((id, blob.digest))
            }
            Seen::Unreadable(kind) => Err(self.unreadable(path, kind.into())),
            _ => Err(self.unreadable(path, io::ErrorKind::NotFound.into())),
        }
    }

    /// What a file of the toolchain is and loads.
    pub(crate) fn binary(&mut self, path: &Path) -> Result<Binary, ToolchainError> {
        let (_, digest) = self.digest(path)?;
        let key = Encoder::for_digest("rekindle elf 1").digest(&digest).finish();
        if let Some(known) = self.memo.get(&key).and_then(|bytes| Binary::decode(&bytes).ok()) {
            return Ok(known);
        }
        let binary = elf::read(path).map_err(|source| self.unreadable(path, source))?;
        self.memo.put(key, binary.encode());
        Ok(binary)
    }

    /// The libraries that a program loads.
    pub(crate) fn closure(&mut self, program: &Path) -> Result<Rc<Vec<Library>>, ToolchainError> {
        if let Some(known) = self.closures.get(program) {
            return Ok(known.clone());
        }
        let loader = self.loader.clone();
        let closure = Rc::new(loader.closure(program, self)?);
        self.closures.insert(program.to_path_buf(), closure.clone());
        Ok(closure)
    }

    /// The answer to a question: from memory while that holds, else asked. `read` takes from the answer what is to
    /// be kept, or says what is missing; `around` tells on which places it depends.
    pub(crate) fn ask(
        &mut self,
        question: &Question<'_>,
        read: impl FnOnce(&Answer) -> Result<Told, &'static str>,
        around: impl FnOnce(&Told) -> Vec<Around>,
    ) -> Result<Told, ToolchainError> {
        let key = self.key(question);
        let known = self.memo.get(&key).and_then(|bytes| Remembered::decode(&bytes, &self.places).ok());
        if let Some(known) = known.filter(|known| known.holds(&mut self.looked)) {
            return Ok(known.told);
        }
        let (env, cwd) = (self.child_environment(), self.workspace());
        let answer = self.prober.run(question.program, &question.args, &env, &cwd).map_err(|source| {
            ToolchainError::Run { toolchain: self.toolchain.into(), program: question.program.into(), source }
        })?;
        if answer.status != Some(0) && !question.may_fail {
            return Err(ToolchainError::Failed {
                toolchain: self.toolchain.into(),
                program: question.program.into(),
                args: question.args.clone(),
                status: answer.status.map_or("killed by a signal".into(), |code| format!("exit code {code}")),
                said: said(&answer),
            });
        }
        let told = read(&answer).map_err(|missing| ToolchainError::Answer {
            toolchain: self.toolchain.into(),
            program: question.program.into(),
            args: question.args.clone(),
            missing,
            said: said(&answer),
        })?;
        let around = around(&told);
        let remembered = Remembered { told, around };
        let bytes = remembered.encode(&self.places);
        // Of two names of one directory, that they are so can be checked elsewhere, unless it is hidden how.
        let checked = remembered.around.iter().filter(|around| matches!(around, Around::Same(..))).count();
        match remembered.told.all("twin").len() == checked {
            true => self.memo.put(key, bytes),
            false => self.memo.put_here(key, bytes),
        }
        Ok(remembered.told)
    }

    fn key(&self, question: &Question<'_>) -> Digest {
        let mut encoder = Encoder::for_digest("rekindle probe 2");
        encoder.bytes(&self.places.hide(question.program.as_os_str()));
        encoder.list(&question.answered_by, |e, digest| {
            e.digest(digest);
        });
        encoder.list(&question.args, |e, arg| {
            e.bytes(&self.places.hide(arg));
        });
        let keyed: Vec<_> = self.child_environment().into_iter().filter(|(name, _)| is_keyed(name)).collect();
        encoder.list(&keyed, |e, (name, value)| {
            e.bytes(name.as_encoded_bytes());
            let parts: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b':').collect();
            e.list(&parts, |e, part| {
                e.bytes(&self.places.hide(OsStr::from_bytes(part)));
            });
        });
        encoder.finish()
    }

    fn child_environment(&self) -> Environment {
        let mut environment: Environment = self
            .environment
            .iter()
            .filter(|(name, _)| environment::variable(name).is_some())
            .filter(|(name, _)| WITHHELD.iter().all(|withheld| name.as_os_str() != *withheld))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        environment.insert("LC_ALL".into(), "C".into());
        environment.insert("PWD".into(), self.workspace().into());
        environment
    }

    pub(crate) fn unreadable(&self, path: &Path, source: io::Error) -> ToolchainError {
        ToolchainError::Read { toolchain: self.toolchain.into(), path: path.into(), source }
    }
}

fn once(known: &RefCell<HashMap<PathBuf, bool>>, path: &Path, look: fn(&Path) -> bool) -> bool {
    if let Some(known) = known.borrow().get(path) {
        return *known;
    }
    let is = look(path);
    known.borrow_mut().insert(path.to_path_buf(), is);
    is
}

/// Whether a variable is in the key of an answer. What picks libraries is not: their content is.
fn is_keyed(name: &OsStr) -> bool {
    environment::variable(name).is_some_and(|row| matches!(row.class, Class::Keyed(_)) && !row.handed_on)
}

/// The line with the error that a program told of, or the first one that it said, for people.
pub(crate) fn said(answer: &Answer) -> String {
    let text = if answer.stderr.is_empty() { &answer.stdout } else { &answer.stderr };
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.contains("error:"));
    error.or_else(|| lines.next()).unwrap_or("nothing").to_string()
}

fn known_key(toolchain: &str) -> Digest {
    Encoder::for_digest("rekindle toolchain files 1").bytes(toolchain.as_bytes()).finish()
}

fn encode_known(known: &Known) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let known: Vec<_> = known.iter().collect();
    encoder.list(&known, |e, ((root, rel), (signature, blob))| {
        e.bytes(root.as_bytes()).bytes(rel.as_os_str().as_bytes());
        e.u64(signature.size).u64(signature.mtime.0.cast_unsigned()).u64(signature.ctime.0.cast_unsigned());
        e.u64(signature.inode).u32(signature.mode);
        e.digest(&blob.digest).u64(blob.size);
    });
    encoder.into_bytes()
}

fn decode_known(bytes: &[u8]) -> Result<Known, Malformed> {
    use std::os::unix::ffi::OsStringExt;
    let time = |d: &mut Decoder<'_>| d.u64().map(|time| FileTime(time.cast_signed()));
    let list = Decoder::new(bytes).list(|d| {
        let root = d.text()?.to_string();
        let rel = PathBuf::from(OsString::from_vec(d.bytes()?.to_vec()));
        let signature =
            Signature { size: d.u64()?, mtime: time(d)?, ctime: time(d)?, inode: d.u64()?, mode: d.u32()? };
        Ok(((root, rel), (signature, Blob { digest: d.digest()?, size: d.u64()? })))
    })?;
    Ok(list.into_iter().collect())
}
