//! Dependency files in make syntax, and the list of files that a linker prints: what a command says it read.
//!
//! The grammar is what gcc, clang, GNU `as` (`--MD`) and lld (`--dependency-file`) write, which is also how GNU make
//! reads it (`libcpp/mkdeps.cc` and make's manual, "Rule Syntax", say why):
//!
//! * A blank (space or tab) after 2n+1 backslashes belongs to the name, after n of them; after 2n backslashes it ends
//!   a name that ends in n. A line end counts as a blank, so 2n+1 backslashes before it continue the line.
//! * `$$` is `$`, and a `$` alone is itself. `\#` is `#`, whatever backslashes stand before; a `#` alone is itself
//!   (`as` writes it so), but one that starts a line outside a rule makes that line a comment.
//! * A backslash before anything else is itself, as in `C:\x`. But `\:` inside a name is `:`, as some generators write.
//! * A `:` ends the targets if a blank or the line's end follows; if none does, the first that is no drive letter's.
//!
//! Some names no tool can write so that they read back. We read such a name as another name, and as nothing lies there,
//! the caller must treat *a prerequisite that is not there after the command* as not found out:
//!
//! | tool | ambiguous names |
//! |---|---|
//! | gcc 12, avr-gcc | ends in a backslash; has a backslash before `:`; has a line end |
//! | clang 14, lld | has a backslash (written as `/`), a tab or a line end |
//! | GNU `as` | has a backslash before `#` or `:`; has a line end |
//! | GNU ld, gold | none but a line end, and ` \` at the end of a name, if read by [`parse_linker`] |

use std::ops::Range;

use rustc_hash::FxHashSet;

/// What a dependency file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depfile {
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// One rule: the targets depend on the prerequisites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The names before the colon; at least one.
    pub targets: Vec<Vec<u8>>,
    /// The names after the colon; none in the rules that `-MP` adds.
    pub prerequisites: Vec<Vec<u8>>,
}

impl Depfile {
    /// Every prerequisite of every rule once, in the order of first mention.
    pub fn prerequisites(&self) -> Vec<&[u8]> {
        let mut known = FxHashSet::default();
        let all = self.rules.iter().flat_map(|rule| &rule.prerequisites).map(Vec::as_slice);
        all.filter(|name| known.insert(*name)).collect()
    }
}

/// A dependency file could not be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct DepfileError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong there.
    pub why: DepfileFault,
}

/// What can be wrong in a dependency file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepfileFault {
    /// Names, and no colon after them.
    #[error("no `:` after these names")]
    NoColon,
    /// A colon, and no name before it.
    #[error("no target before `:`")]
    NoTarget,
    /// A byte that no name holds: the file was cut off or damaged.
    #[error("a zero byte")]
    Zero,
}

/// Reads a dependency file in make syntax.
///
/// # Errors
/// It holds something else than rules and comments.
pub fn parse(bytes: &[u8]) -> Result<Depfile, DepfileError> {
    let mut parser = Parser::new(bytes);
    let mut rules = Vec::new();
    while let Some((rule, _)) = parser.rule()? {
        rules.push(rule);
    }
    Ok(Depfile { rules })
}

/// Reads a dependency file that a linker wrote: lld writes make syntax, but GNU ld and gold write one *unescaped* name
/// a line, after two spaces.
///
/// # Errors
/// As [`parse`].
pub fn parse_linker(bytes: &[u8]) -> Result<Depfile, DepfileError> {
    parse_unescaped(bytes).map_or_else(|| parse(bytes), Ok)
}

/// `TARGET: \` and a line `  NAME \` for each name, the last without its backslash; then `NAME:` for each.
fn parse_unescaped(bytes: &[u8]) -> Option<Depfile> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let target = lines.next()?.strip_suffix(b": \\")?;
    let mut rule = Rule { targets: vec![target.to_vec()], prerequisites: Vec::new() };
    loop {
        let line = lines.next()?.strip_prefix(b"  ")?;
        let name = line.strip_suffix(b" \\");
        rule.prerequisites.push(name.unwrap_or(line).to_vec());
        if name.is_none() {
            break;
        }
    }
    let mut rules = vec![rule];
    for line in lines.filter(|line| !line.is_empty()) {
        let target = line.strip_suffix(b":")?;
        rules.push(Rule { targets: vec![target.to_vec()], prerequisites: Vec::new() });
    }
    Some(Depfile { rules })
}

/// The same dependency file without the prerequisites that `drop` names, nor the rules that `-MP` added for them.
/// The targets keep the text that they have, since a person may have written it (`-MT '$(OUT)/a.o'`).
///
/// # Errors
/// As [`parse`].
pub fn without(bytes: &[u8], mut drop: impl FnMut(&[u8]) -> bool) -> Result<Vec<u8>, DepfileError> {
    let mut parser = Parser::new(bytes);
    let mut out = Vec::new();
    while let Some((mut rule, targets)) = parser.rule()? {
        let phony = rule.prerequisites.is_empty();
        rule.prerequisites.retain(|name| !drop(name));
        if !phony || !rule.targets.iter().all(|name| drop(name)) {
            write_rule(&mut out, &bytes[targets], &rule.prerequisites);
        }
    }
    Ok(out)
}

/// Writes a dependency file that [`parse`] reads back, but for names that hold a line end. With `phony`, a rule
/// without prerequisites follows for each prerequisite but the first, as gcc's `-MP` does. Targets of which one that
/// is not the last ends in a colon get a rule each.
pub fn format(targets: &[impl AsRef<[u8]>], prerequisites: &[impl AsRef<[u8]>], phony: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let ambiguous = targets.iter().rev().skip(1).any(|target| target.as_ref().ends_with(b":"));
    for group in targets.chunks(if ambiguous { 1 } else { targets.len().max(1) }) {
        let mut text = Vec::new();
        for (at, target) in group.iter().enumerate() {
            if at > 0 {
                text.push(b' ');
            }
            // A backslash at the end is doubled before a blank, but it is itself before the colon.
            write_name(&mut text, target.as_ref(), at + 1 < group.len());
        }
        write_rule(&mut out, &text, prerequisites);
    }
    for name in prerequisites.iter().skip(1).filter(|_| phony) {
        write_name(&mut out, name.as_ref(), false);
        out.extend_from_slice(b":\n");
    }
    out
}

fn write_rule(out: &mut Vec<u8>, targets: &[u8], prerequisites: &[impl AsRef<[u8]>]) {
    out.extend_from_slice(targets);
    out.push(b':');
    for (at, name) in prerequisites.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" " } else { b" \\\n " });
        write_name(out, name.as_ref(), true);
        if at + 1 == prerequisites.len() && name.as_ref().ends_with(b"\r") {
            out.push(b' ');
        }
    }
    out.push(b'\n');
}

fn write_name(out: &mut Vec<u8>, name: &[u8], before_blank: bool) {
    let mut backslashes = 0;
    for (at, byte) in name.iter().enumerate() {
        match byte {
            b' ' | b'\t' => out.extend(std::iter::repeat_n(b'\\', backslashes + 1)),
            b'#' => out.push(b'\\'),
            b'$' => out.push(b'$'),
            // At the end and before a blank, a colon needs no backslash, and one would not be read as such.
            b':' if backslashes > 0 && (at + 1 < name.len() || !before_blank) => out.push(b'\\'),
            _ => {}
        }
        out.push(*byte);
        backslashes = if *byte == b'\\' { backslashes + 1 } else { 0 };
    }
    if before_blank {
        out.extend(std::iter::repeat_n(b'\\', backslashes));
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The colons of the targets so far that no backslash stands before: which name, where in it, where in the text.
    colons: Vec<(usize, usize, usize)>,
}

impl<'a> Parser<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, colons: Vec::new() }
    }

    /// The next rule, and where the text of its targets lies; `None` at the end.
    fn rule(&mut self) -> Result<Option<(Rule, Range<usize>)>, DepfileError> {
        self.skip_to_rule();
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let start = self.at;
        let mut rule = Rule::default();
        self.colons.clear();
        let colon = loop {
            self.skip_blanks();
            let name = self.name(Some(rule.targets.len()))?;
            let separated = self.is_separator();
            if !name.is_empty() {
                rule.targets.push(name);
            }
            if separated {
                break self.at;
            }
            if self.line_end(self.at).is_some() || self.at == self.bytes.len() {
                return self.without_blank_after_colon(rule, start).map(Some);
            }
        };
        if rule.targets.is_empty() {
            return Err(self.fault(colon, DepfileFault::NoTarget));
        }
        self.at = colon + 1;
        loop {
            self.skip_blanks();
            let name = self.name(None)?;
            if !name.is_empty() {
                rule.prerequisites.push(name);
            }
            if self.line_end(self.at).is_some() || self.at == self.bytes.len() {
                return Ok(Some((rule, start..colon)));
            }
        }
    }

    /// `a.o:a.c b.h`: no blank after the colon, as some hand-made generators write.
    fn without_blank_after_colon(
        &self,
        mut rule: Rule,
        start: usize,
    ) -> Result<(Rule, Range<usize>), DepfileError> {
        let is_drive = |name: &[u8], at: usize| {
            at == 1 && name[0].is_ascii_alphabetic() && matches!(name.get(2), Some(b'/' | b'\\'))
        };
        let split = self.colons.iter().find(|(which, at, _)| !is_drive(&rule.targets[*which], *at));
        let Some(&(which, at, end)) = split else { return Err(self.fault(start, DepfileFault::NoColon)) };
        rule.prerequisites = rule.targets.split_off(which + 1);
        if let Some(joined) = rule.targets.pop() {
            let (target, first) = (&joined[..at], &joined[at + 1..]);
            if !target.is_empty() {
                rule.targets.push(target.to_vec());
            }
            if !first.is_empty() {
                rule.prerequisites.insert(0, first.to_vec());
            }
        }
        if rule.targets.is_empty() {
            return Err(self.fault(start, DepfileFault::NoTarget));
        }
        Ok((rule, start..end))
    }

    /// Skips blanks, empty lines and comments between rules.
    fn skip_to_rule(&mut self) {
        loop {
            self.skip_blanks();
            if let Some(length) = self.line_end(self.at) {
                self.at += length;
            } else if self.bytes.get(self.at) == Some(&b'#') {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    /// Skips to the end of the line; a backslash continues a comment too.
    fn skip_comment(&mut self) {
        while self.at < self.bytes.len() && self.line_end(self.at).is_none() {
            let run = self.backslashes();
            self.at += run.max(1);
            if let (1, Some(length)) = (run % 2, self.line_end(self.at)) {
                self.at += length;
            }
        }
    }

    /// Skips blanks and continued line ends.
    fn skip_blanks(&mut self) {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') => match self.line_end(self.at + 1) {
                    Some(length) => self.at += 1 + length,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// The name that starts here; empty if none does. Stops at the blank, line end or separating colon after it. `target`
    /// is the number of a target.
    fn name(&mut self, target: Option<usize>) -> Result<Vec<u8>, DepfileError> {
        let mut name = Vec::new();
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => {
                    if self.escape(&mut name) {
                        break;
                    }
                    continue;
                }
                b' ' | b'\t' => break,
                b'\r' | b'\n' if self.line_end(self.at).is_some() => break,
                b':' if target.is_some() && self.is_separator() => break,
                b':' => self.colons.extend(target.map(|which| (which, name.len(), self.at))),
                b'$' if self.bytes.get(self.at + 1) == Some(&b'$') => self.at += 1,
                0 => return Err(self.fault(self.at, DepfileFault::Zero)),
                _ => {}
            }
            name.push(byte);
            self.at += 1;
        }
        Ok(name)
    }

    /// Reads a run of backslashes and what it escapes; true if the name ends here.
    fn escape(&mut self, name: &mut Vec<u8>) -> bool {
        let run = self.backslashes();
        let after = self.at + run;
        let mut keep = |count: usize| name.extend(std::iter::repeat_n(b'\\', count));
        let line_end = self.line_end(after);
        match self.bytes.get(after) {
            Some(blank @ (b' ' | b'\t')) => {
                keep(run / 2);
                self.at = after;
                if run.is_multiple_of(2) {
                    return true;
                }
                name.push(*blank);
                self.at += 1;
            }
            None => {
                keep(run / 2);
                self.at = after;
            }
            _ if line_end.is_some() => {
                keep(run / 2);
                // An odd backslash is left for `skip_blanks`, which takes it with the line end.
                self.at = after - run % 2;
                return true;
            }
            Some(b'#') => {
                keep(run - 1);
                name.push(b'#');
                self.at = after + 1;
            }
            Some(b':') if !self.is_blank(after + 1) => {
                keep(run - 1);
                name.push(b':');
                self.at = after + 1;
            }
            Some(_) => {
                keep(run);
                self.at = after;
            }
        }
        false
    }

    /// How many backslashes start here.
    fn backslashes(&self) -> usize {
        self.bytes[self.at..].iter().take_while(|byte| **byte == b'\\').count()
    }

    /// The length of the line end at `at`, if one is there.
    fn line_end(&self, at: usize) -> Option<usize> {
        match self.bytes.get(at..)? {
            [b'\n', ..] => Some(1),
            [b'\r', b'\n', ..] => Some(2),
            _ => None,
        }
    }

    /// Whether a blank, a line end (also a continued one) or the end is at `at`.
    fn is_blank(&self, at: usize) -> bool {
        match self.bytes.get(at) {
            None | Some(b' ' | b'\t') => true,
            Some(b'\\') => self.line_end(at + 1).is_some(),
            Some(_) => self.line_end(at).is_some(),
        }
    }

    fn is_separator(&self) -> bool {
        self.bytes.get(self.at) == Some(&b':') && self.is_blank(self.at + 1)
    }

    fn fault(&self, at: usize, why: DepfileFault) -> DepfileError {
        let before = &self.bytes[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        DepfileError { line, column: at - start + 1, why }
    }
}

/// What a linker printed under `-t` (`--trace`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The files that it read, archives in place of their members, each once, in order.
    pub files: Vec<Vec<u8>>,
    /// Absolute names at which nothing lies any more: temporary objects of link-time optimisation.
    pub gone: Vec<Vec<u8>>,
    /// All other lines, with their line ends: what the person must see.
    pub other: Vec<u8>,
}

/// Sorts the lines of a linker's output under `-t`. GNU ld prints an archive's name or, before 2.35, each member as
/// `(libx.a)member.o`, after a line `ld: mode NAME`; gold and lld print `libx.a(member.o)`. `is_file` says whether a
/// name, relative to the linker's working directory, is that of a file; a line that names none is not taken for one.
pub fn parse_trace(output: &[u8], mut is_file: impl FnMut(&[u8]) -> bool) -> Trace {
    let mut trace = Trace::default();
    let mut known: FxHashSet<Vec<u8>> = FxHashSet::default();
    for whole in output.split_inclusive(|byte| *byte == b'\n') {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let file = (!line.is_empty())
            .then(|| std::iter::once(line).chain(archive_before(line)).chain(archive_in_front(line)))
            .and_then(|mut names| names.find(|name| known.contains(*name) || is_file(name)));
        if let Some(file) = file {
            if known.insert(file.to_vec()) {
                trace.files.push(file.to_vec());
            }
        } else if line.starts_with(b"/") && !line.ends_with(b":") && !line.contains(&b' ') {
            trace.gone.push(line.to_vec());
        } else if !is_mode(line) {
            trace.other.extend_from_slice(whole);
        }
    }
    trace
}

/// `libx.a` of `libx.a(member.o)`, tried for every `(`, since names may hold any.
fn archive_before(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = line.strip_suffix(b")").unwrap_or_default();
    let opens = (1..inner.len()).rev().filter(move |at| inner[*at] == b'(');
    opens.map(move |at| &inner[..at])
}

/// `libx.a` of `(libx.a)member.o`, tried for every `)`.
fn archive_in_front(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = line.strip_prefix(b"(").unwrap_or_default();
    let closes = (1..inner.len()).filter(move |at| inner[*at] == b')');
    closes.map(move |at| &inner[..at])
}

fn is_mode(line: &[u8]) -> bool {
    let mode = b": mode ";
    let name = line.windows(mode.len()).rposition(|window| window == mode).map(|at| &line[at + mode.len()..]);
    name.is_some_and(|name| !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'))
}

#[cfg(test)]
mod tests;
