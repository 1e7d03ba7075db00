//! Declared commands.
//!
//! The program, every word that names a file, the declared inputs and the products of `deps` are inputs by content.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Piece, Spelling};
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;

use super::paths::{GENERATED, is_inside};
use super::{Lowering, dedup};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Scalar, Text};
use crate::placeholder::{self, Part};
use crate::project::{Generator, Kind, Node};
use crate::reader::Found;

fn is_here(component: &Component<'_>) -> bool {
    *component == Component::CurDir
}

/// What the placeholders of a command stand for.
struct Scene {
    inputs: Vec<PathId>,
    outputs: Vec<PathId>,
    depfile: Option<PathId>,
    directory: PathId,
    /// Whether this build needs it.
    runs: bool,
}

impl<'a> Lowering<'a> {
    /// Lowers a command. Its outputs are known even if something is wrong with it, so that others can be lowered.
    pub(super) fn command(&mut self, at: usize) {
        let project = self.project;
        let generator = &project.generators[at];
        let runs = self.runs.contains(&Node::Command(at));
        let outputs = self.outputs(generator);
        self.generated[at].clone_from(&outputs);
        self.unmade[at] = self.missing_below(generator);
        if outputs.is_empty() || self.unmade[at].is_some() {
            return;
        }
        if !self.wants_any(outputs.iter().copied()) {
            self.variables_of(generator);
            return;
        }
        let scene = Scene {
            inputs: self.inputs(generator),
            outputs,
            depfile: self.depfile(generator),
            directory: self.directory(generator.command.working_directory.as_ref()),
            runs,
        };
        let mut inputs = Vec::new();
        let mut argv = Vec::new();
        if let Some(shell) = &generator.command.shell {
            argv.push(self.program("/bin/sh", &mut inputs));
            argv.push("-c".into());
            argv.push(self.shell_line(generator, shell, &scene));
            self.named_files(shell.get_ref(), &scene, &mut inputs);
            self.named_programs(shell.get_ref(), &mut inputs);
        }
        for (number, word) in generator.command.argv.iter().flat_map(toml::Spanned::get_ref).enumerate() {
            argv.extend(self.word(generator, word, number == 0, &scene, &mut inputs));
        }
        let env = self.environment(generator, &scene, &mut inputs);
        inputs.extend(&scene.inputs);
        inputs.extend(self.products(generator));
        inputs.retain(|input| !scene.outputs.contains(input));
        dedup(&mut inputs);
        let name = generator.name.get_ref().clone();
        let mut action = Action::new(ActionKind::Custom, name, argv, scene.directory, scene.outputs.clone());
        action.inputs = inputs;
        action.env = env;
        action.pool = generator.command.pool.as_ref().map(|pool| pool.get_ref().clone());
        action.discovery.depfiles = scene.depfile.into_iter().map(DepfileFormat::Make).collect();
        action.share = generator.command.share != Some(false);
        self.add(&generator.name, action);
    }

    fn outputs(&mut self, generator: &Generator) -> Vec<PathId> {
        let mut outputs: Vec<PathId> = Vec::new();
        for text in &generator.command.outputs {
            if text.get_ref().ends_with('/') {
                let found = self.report.on(text, format!("`{text}` is a directory, and should be a file"));
                self.report.push(found.hint("name every file that the command writes"));
                continue;
            }
            if !is_inside(text.get_ref()) {
                let found =
                    self.report.on(text, format!("`{text}` is outside the directory of generated files"));
                let found =
                    found.why("commands write below `gen` in the build directory, never among the sources");
                self.report.push(found.hint("write a relative name without `..`"));
                continue;
            }
            let build = self.files.roots().get(Roots::BUILD).path.clone();
            let output = self.files.path_from(&build, &Path::new(GENERATED).join(text.get_ref()));
            if outputs.contains(&output) {
                self.report.push(self.report.on(text, format!("`{text}` is named twice in `outputs`")));
            }
            outputs.push(output);
        }
        outputs
    }

    /// Says which outputs lie below another one: that cannot be a file and a directory.
    pub(super) fn nested_outputs(&mut self) {
        let project = self.project;
        let plain = |text: &Text| Path::new(text.get_ref()).components().skip_while(is_here).collect();
        let mut all: HashMap<PathBuf, (&Text, &Text)> = HashMap::new();
        for generator in &project.generators {
            for text in &generator.command.outputs {
                all.entry(plain(text)).or_insert((text, &generator.name));
            }
        }
        for (path, (text, _)) in &all {
            let above = path.ancestors().skip(1).find_map(|above| all.get(above));
            if let Some((file, writer)) = above {
                let (line, column) = self.report.source.position(file.span().start);
                let message = format!("`{text}` cannot be written: `{file}` is a file");
                let found = self.report.on(text, message);
                self.report.push(found.why(format!("`{writer}` writes it, on line {line}, column {column}")));
            }
        }
    }

    fn inputs(&mut self, generator: &Generator) -> Vec<PathId> {
        let mut inputs = Vec::new();
        for text in &generator.command.inputs {
            if let Some(generated) = self.generated_by(text) {
                inputs.extend(generated);
                continue;
            }
            for path in self.files_of(text, "file") {
                inputs.push(self.files.path_abs(&path));
            }
        }
        dedup(&mut inputs);
        inputs
    }

    fn depfile(&mut self, generator: &Generator) -> Option<PathId> {
        let depfile = generator.command.depfile.as_ref()?;
        let path = match depfile.get_ref() {
            Scalar::Bool(true) => Path::new("tmp").join(generator.name.get_ref()).join("command.d"),
            Scalar::Text(name) if is_inside(name) => Path::new(GENERATED).join(name),
            Scalar::Text(name) => {
                let found =
                    self.report.on(depfile, format!("`{name}` is outside the directory of generated files"));
                self.report.push(found.hint("write a relative name without `..`, or `depfile = true`"));
                return None;
            }
            _ => return None,
        };
        Some(self.files.path(Roots::BUILD, path))
    }

    /// The products of `deps`, with the shared libraries that a program among them loads.
    fn products(&self, generator: &Generator) -> Vec<PathId> {
        let mut products = Vec::new();
        for need in &generator.needs {
            match need.node {
                Node::Command(at) => products.extend(&self.generated[at]),
                Node::Archive(at) => products.extend(&self.brought[at].outputs),
                Node::Target(at) => {
                    let built = &self.built[at];
                    products.extend(built.product);
                    products.extend(&built.runtime);
                    if self.project.instances[at].kind == Kind::Object {
                        products.extend(&built.objects);
                    }
                }
            }
        }
        products
    }

    /// The arguments that a word of `argv` makes. A word that is only `{in}` or `{out}` makes one for each file.
    fn word(
        &mut self,
        generator: &Generator,
        word: &Text,
        is_program: bool,
        scene: &Scene,
        inputs: &mut Vec<PathId>,
    ) -> Vec<Arg> {
        let parts = placeholder::parse(word.get_ref());
        match parts.as_slice() {
            [Part::In(None)] => return scene.inputs.iter().copied().map(Arg::path).collect(),
            [Part::Out(None)] => return scene.outputs.iter().copied().map(Arg::path).collect(),
            [Part::Text(text)] if is_program => return vec![self.named_program(word, text, scene, inputs)],
            [Part::Text(text)] => {
                self.named_files(text, scene, inputs);
                return vec![self.flag(text)];
            }
            _ => {}
        }
        let mut arg = Arg::default();
        for part in parts {
            match part {
                Part::Text(text) => arg.0.extend(self.flag(&text).0),
                other => arg.0.extend(self.path_part(generator, word, &other, scene).map(Piece::Path)),
            }
        }
        vec![arg]
    }

    /// The path that a placeholder stands for, in the middle of a word.
    fn path_part(
        &mut self,
        generator: &Generator,
        word: &Text,
        part: &Part,
        scene: &Scene,
    ) -> Option<PathId> {
        let (list, what, number) = match part {
            Part::In(number) => (&scene.inputs, "in", *number),
            Part::Out(number) => (&scene.outputs, "out", *number),
            Part::OutDir => return Some(self.files.path(Roots::BUILD, GENERATED)),
            Part::Depfile => {
                if scene.depfile.is_none() {
                    let message = format!("[command.{}] has no depfile", generator.name);
                    self.report.push(self.report.on(word, message).hint("add `depfile = true`"));
                }
                return scene.depfile;
            }
            Part::Target(name) => return self.product_named(generator, word, name),
            Part::Text(_) => return None,
        };
        let count = list.len();
        if let (None, [only]) = (number, list.as_slice()) {
            return Some(*only);
        }
        if let Some(path) = number.and_then(|number| list.get(number)) {
            return Some(*path);
        }
        let key = if what == "in" { "inputs" } else { "outputs" };
        let found = match number {
            Some(number) => self
                .report
                .on(
                    word,
                    format!(
                        "there is no `{{{what}:{number}}}`: [command.{}] has {count} in `{key}`",
                        generator.name
                    ),
                )
                .hint("they are counted from 0"),
            None => self
                .report
                .on(
                    word,
                    format!(
                        "`{{{what}}}` in a word needs one file, and [command.{}] has {count}",
                        generator.name
                    ),
                )
                .hint(format!("make it a word of its own, or choose one: `{{{what}:0}}`")),
        };
        self.report.push(found);
        None
    }

    fn product_named(&mut self, generator: &Generator, word: &Text, name: &str) -> Option<PathId> {
        let node =
            generator.needs.iter().map(|need| need.node).find(|node| self.project.name_of(*node) == name)?;
        let product = match node {
            Node::Target(at) => self.built[at].product,
            Node::Command(at) => self.generated[at].first().copied(),
            Node::Archive(at) => self.brought[at].outputs.first().copied(),
        };
        if product.is_none() {
            self.report.push(self.report.on(word, format!("`{name}` has no product of its own")));
        }
        product
    }

    fn named_program(&mut self, word: &Text, text: &str, scene: &Scene, inputs: &mut Vec<PathId>) -> Arg {
        let known = inputs.len();
        let program = self.program(text, inputs);
        let wrong = match inputs.get(known) {
            // What lies in the build directory may be made before it is run.
            Some(path) if self.files.root(*path) == Roots::BUILD => None,
            Some(path) => {
                let path = self.files.abs(*path);
                match self.reader.probe(&path) {
                    Ok(Found::File) if self.reader.is_program(&path) => None,
                    Ok(Found::File) => Some((format!("`{text}` is not executable"), None)),
                    Ok(Found::Directory) => Some((format!("`{text}` is a directory, and no program"), None)),
                    _ if text.starts_with('/') => Some((format!("there is no program `{text}`"), None)),
                    _ => {
                        let why = "a program with a slash in its name lies in the project; one without is searched on PATH";
                        Some((format!("there is no program `{text}`"), Some(why.to_string())))
                    }
                }
            }
            None => Some((format!("program `{text}` was not found on PATH"), None)),
        };
        // A program that this build does not need is not missed.
        if let Some((message, why)) =
            wrong.filter(|_| scene.runs || text.contains('/') && !text.starts_with('/'))
        {
            let found = self.report.on(word, message);
            let found = why.into_iter().fold(found, Diagnostic::why);
            let hint = self.program_hint(text);
            self.report.push(hint.into_iter().fold(found, Diagnostic::hint));
        }
        program
    }

    /// What a person may have meant by a program that cannot be run.
    fn program_hint(&mut self, text: &str) -> Option<String> {
        let here = self.project.dir.join(text);
        if text.contains('/') {
            return matches!(self.reader.probe(&here), Ok(Found::File))
                .then(|| format!("make it so by `chmod +x {text}`, or name what interprets it first"));
        }
        let writer = self.project.writer_of(text).map(|at| &self.project.generators[at]);
        let first = |generator: &&Generator| {
            generator.command.outputs.first().is_some_and(|output| output.get_ref() == text)
        };
        let made = writer.filter(first).map(|generator| generator.name.get_ref().as_str());
        if let Some(name) = self.project.names().get(text).copied().or(made) {
            return Some(format!("write `{{target:{name}}}` for what this project makes"));
        }
        Some(match self.reader.probe(&here) {
            Ok(Found::File) => format!("write `./{text}` for the one in the project"),
            _ => "install it, or name it by a path".to_string(),
        })
    }

    /// The program, found as a shell would find it. One that is not there is left as text.
    fn program(&mut self, text: &str, inputs: &mut Vec<PathId>) -> Arg {
        let found = if text.contains('/') {
            Some(self.project.dir.join(text))
        } else {
            let path = self.variable("PATH");
            self.search(text, &path.unwrap_or_default())
        };
        let Some(path) = found else { return Arg::text(text) };
        let path = self.files.path_abs(&path);
        inputs.push(path);
        Arg::path(path)
    }

    fn search(&mut self, program: &str, path: &OsStr) -> Option<PathBuf> {
        std::env::split_paths(path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(program))
            .find(|candidate| self.reader.is_program(candidate))
    }

    /// Files that a word names, whole or behind `=`, `,` or a blank, are inputs.
    fn named_files(&mut self, word: &str, scene: &Scene, inputs: &mut Vec<PathId>) {
        let here = self.files.abs(scene.directory);
        let ends = |c: char| c.is_whitespace() || "=,;'\"<>|&()`".contains(c);
        for part in std::iter::once(word).chain(word.split(ends)) {
            if part.is_empty() || part.len() > 1024 || part.contains(['\0', '\n', '{', '}']) {
                continue;
            }
            let path = here.join(part);
            if matches!(self.reader.probe(&path), Ok(Found::File)) {
                inputs.push(self.files.path_from(&here, Path::new(part)));
            }
        }
    }

    /// Every word of a shell line that a shell would find on `PATH` is an input, whatever it does there.
    fn named_programs(&mut self, line: &str, inputs: &mut Vec<PathId>) {
        let path = self.variable("PATH");
        let path = path.unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || "_-.+[".contains(c);
        let mut known = HashSet::new();
        for word in line.split(|c: char| !is_part(c)).filter(|word| !word.is_empty() && word.len() < 256) {
            if known.insert(word)
                && let Some(program) = self.search(word, &path)
            {
                inputs.push(self.files.path_abs(&program));
            }
        }
    }

    /// The line of `shell`, with paths quoted where they need it.
    fn shell_line(&mut self, generator: &Generator, shell: &Text, scene: &Scene) -> Arg {
        let mut arg = Arg::default();
        for part in placeholder::parse(shell.get_ref()) {
            let paths = match &part {
                Part::Text(text) => {
                    arg.0.push(Piece::Text(text.clone().into_bytes()));
                    continue;
                }
                Part::In(None) => scene.inputs.clone(),
                Part::Out(None) => scene.outputs.clone(),
                other => self.path_part(generator, shell, other, scene).into_iter().collect(),
            };
            for (number, path) in paths.into_iter().enumerate() {
                if number > 0 {
                    arg = arg.then_text(" ");
                }
                arg = self.quoted(arg, shell, scene, path);
            }
        }
        arg
    }

    fn quoted(&mut self, arg: Arg, shell: &Text, scene: &Scene, path: PathId) -> Arg {
        let spelling = Spelling::new(self.files, scene.directory);
        let spelled = Arg::path(path).spell(self.files, &spelling);
        let bytes = spelled.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./+,:@%=".contains(byte);
        if bytes.iter().all(plain) {
            return arg.then(Piece::Path(path));
        }
        if bytes.contains(&b'\'') {
            let message = format!("`{}` cannot be quoted in a shell line", self.files.show(path));
            self.report.push(self.report.on(shell, message).hint("use `argv` instead of `shell`"));
        }
        arg.then_text("'").then(Piece::Path(path)).then_text("'")
    }

    /// The keyed environment: `env`, then what `env-from` takes from the caller; sorted by name.
    /// What it names are inputs.
    fn environment(
        &mut self,
        generator: &Generator,
        scene: &Scene,
        inputs: &mut Vec<PathId>,
    ) -> Vec<(OsString, Arg)> {
        let mut env: Vec<(OsString, Arg)> = Vec::new();
        for (name, value) in &generator.command.env {
            if name.get_ref().is_empty() || name.get_ref().contains(['=', '\0']) {
                self.report.push(self.report.on(name, format!("`{name}` cannot be the name of a variable")));
                continue;
            }
            let mut arg = Arg::default();
            for (number, word) in self.word(generator, value, false, scene, inputs).into_iter().enumerate() {
                if number > 0 {
                    arg = arg.then_text(" ");
                }
                arg.0.extend(word.0);
            }
            env.push((name.get_ref().into(), arg));
        }
        for name in &generator.command.env_from {
            if let Some(value) = self.variable(name.get_ref()) {
                env.push((name.get_ref().into(), Arg::text(value)));
            }
        }
        env.sort_by(|a, b| a.0.cmp(&b.0));
        env.dedup_by(|later, first| later.0 == first.0);
        env
    }
}
