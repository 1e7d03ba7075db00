//! What came out of a run: exit code, both streams, and the events of `--format json`.

use std::fmt;
use std::process::Output;

use serde_json::Value;

/// The names of the kinds of actions, with the letter that stands for each in [`Built::assert_work`].
const KINDS: [(&str, char); 5] =
    [("compile", 'c'), ("archive", 'a'), ("link", 'l'), ("custom", 'x'), ("auto_archive", 'b')];

/// How many actions of each kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds([u64; 5]);

impl Kinds {
    /// Reads `2c 1a 1l` (two compiles, an archive, a link; `x` is a custom command), or `-` for none.
    ///
    /// # Panics
    /// It is not of that form.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut counts = [0; 5];
        for word in text.split_whitespace().filter(|word| *word != "-") {
            let (number, letter) = word.split_at(word.len() - 1);
            let kind = KINDS.iter().position(|(_, known)| letter.starts_with(*known));
            let (Some(kind), Ok(number)) = (kind, number.parse()) else { panic!("`{word}` in `{text}`") };
            counts[kind] = number;
        }
        Self(counts)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = KINDS.iter().zip(self.0).filter(|(_, count)| *count > 0);
        let words: Vec<String> = some.map(|((_, letter), count)| format!("{count}{letter}")).collect();
        f.write_str(&if words.is_empty() { "-".to_string() } else { words.join(" ") })
    }
}

/// One `action` event.
#[derive(Clone, Debug)]
pub struct Action {
    /// `compile`, `archive`, `link`, `custom`.
    pub kind: String,
    /// `fresh`, `restored`, `ran`, `failed`.
    pub outcome: String,
    /// Root-relative paths.
    pub outputs: Vec<String>,
    /// The whole event.
    pub event: Value,
}

impl Action {
    /// Whether `text` is `KIND PART`, and PART is in its name or in one of its outputs.
    pub fn is(&self, text: &str) -> bool {
        let (kind, part) = text.split_once(' ').unwrap_or((text, ""));
        let name = self.event["name"].as_str().unwrap_or_default();
        self.kind == kind && (name.contains(part) || self.outputs.iter().any(|path| path.contains(part)))
    }
}

/// The `store` object of a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreUse {
    /// Actions whose results came from it.
    pub hits: u64,
    /// Actions whose results were not in it.
    pub misses: u64,
    /// Actions whose results were put into it.
    pub stored: u64,
    /// Bytes of outputs that came from it.
    pub bytes_read: u64,
    /// Bytes of outputs that were put into it.
    pub bytes_written: u64,
    /// Where it is.
    pub path: Option<String>,
}

/// The `summary` event.
#[derive(Clone, Debug)]
pub struct Summary {
    /// `ok`, `failed`, `interrupted`.
    pub outcome: String,
    /// How many actions of each kind ran.
    pub ran: Kinds,
    /// How many were put back without a command.
    pub restored: Kinds,
    /// How many held.
    pub fresh: Kinds,
    /// The whole event.
    pub event: Value,
}

impl Summary {
    fn of(event: &Value) -> Self {
        let kinds = |outcome: &str| Kinds(KINDS.map(|(kind, _)| number(event, &["kinds", kind, outcome])));
        Self {
            outcome: event["outcome"].as_str().unwrap_or_default().to_string(),
            ran: kinds("ran"),
            restored: kinds("restored"),
            fresh: kinds("fresh"),
            event: event.clone(),
        }
    }

    /// A number in the summary: `number(&["files", "hashed"])`.
    pub fn number(&self, keys: &[&str]) -> u64 {
        number(&self.event, keys)
    }

    /// What the store was used for; none if there was none.
    pub fn store(&self) -> Option<StoreUse> {
        let store = &self.event["store"];
        let path = store["path"].as_str().map(str::to_string);
        let count = |key: &str| number(store, &[key]);
        store.is_object().then(|| StoreUse {
            hits: count("hits"),
            misses: count("misses"),
            stored: count("stored"),
            bytes_read: count("bytes_read"),
            bytes_written: count("bytes_written"),
            path,
        })
    }

    /// Every child process that the run started.
    pub fn processes(&self) -> u64 {
        self.number(&["processes_spawned"])
    }
}

fn number(event: &Value, keys: &[&str]) -> u64 {
    keys.iter().fold(event, |value, key| &value[*key]).as_u64().unwrap_or(0)
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Built {
    /// The arguments, for messages.
    pub args: Vec<String>,
    /// The exit code; 128 + n for signal n.
    pub code: i32,
    /// Standard output, as it is.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// The objects of standard output, if it is JSON lines.
    pub events: Vec<Value>,
}

impl Built {
    pub(crate) fn of(args: Vec<String>, output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().or_else(|| Some(128 + output.status.signal()?)).unwrap_or(-1);
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events: Option<Vec<Value>> = lines.map(|line| serde_json::from_slice(line).ok()).collect();
        Self {
            args,
            code,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events: events.unwrap_or_default(),
            stdout: output.stdout,
        }
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Everything about the run, for a message.
    pub fn story(&self) -> String {
        format!(
            "rekindle {} gave {}\n--- standard output ---\n{}--- standard error ---\n{}---",
            self.args.join(" "),
            self.code,
            self.text(),
            self.stderr
        )
    }

    /// The summary.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn summary(&self) -> Summary {
        match self.events.last() {
            Some(last) if last["event"] == "summary" => Summary::of(last),
            _ => panic!("no summary\n{}", self.story()),
        }
    }

    /// The actions of which there are events.
    pub fn actions(&self) -> Vec<Action> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let actions = self.events.iter().filter(|event| event["event"] == "action");
        actions
            .map(|event| Action {
                kind: text(&event["kind"]),
                outcome: text(&event["outcome"]),
                outputs: event["outputs"].as_array().into_iter().flatten().map(text).collect(),
                event: event.clone(),
            })
            .collect()
    }

    /// It succeeded.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.exits(0)
    }

    /// It ended with this code.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert!(self.code == code, "expected exit code {code}\n{}", self.story());
        assert!(!self.stderr.contains("panicked at"), "it panicked\n{}", self.story());
        self
    }

    /// Exactly this many actions of each kind ran and none was restored: `2c 1a 1l`, or `-`, and no more processes
    /// than that.
    ///
    /// # Panics
    /// Something else was done.
    #[track_caller]
    pub fn assert_work(&self, ran: &str) -> &Self {
        self.assert_work_and_restored(ran, "-")
    }

    /// Exactly this many actions of each kind ran, and this many were put back; every process that was started
    /// belongs to one that ran.
    ///
    /// # Panics
    /// Something else was done.
    #[track_caller]
    pub fn assert_work_and_restored(&self, ran: &str, restored: &str) -> &Self {
        self.assert_kinds(ran, restored);
        let (summary, most) = (self.summary(), Kinds::parse(ran).total());
        assert!(
            summary.processes() <= most,
            "{} processes for {most} actions\n{}",
            summary.processes(),
            self.story()
        );
        self
    }

    /// Exactly this many actions of each kind ran, and this many were put back, with as many processes as it takes.
    ///
    /// # Panics
    /// Something else was done.
    #[track_caller]
    pub fn assert_kinds(&self, ran: &str, restored: &str) -> &Self {
        let summary = self.summary();
        let (found, expected) =
            ((summary.ran, summary.restored), (Kinds::parse(ran), Kinds::parse(restored)));
        assert!(
            found == expected,
            "expected to run {:?} and to put back {:?}, found {:?} and {:?}\n{}",
            expected.0,
            expected.1,
            found.0,
            found.1,
            self.story()
        );
        self
    }

    /// Everything was put back or held: nothing ran, no process was started, and this many of each kind were put back.
    ///
    /// # Panics
    /// Something else was done.
    #[track_caller]
    pub fn assert_restored(&self, restored: &str) -> &Self {
        self.ok().assert_work_and_restored("-", restored)
    }

    /// What the store was used for.
    ///
    /// # Panics
    /// There was none.
    #[track_caller]
    pub fn store(&self) -> StoreUse {
        let Some(used) = self.summary().store() else { panic!("there was no store\n{}", self.story()) };
        used
    }

    /// Exactly these actions ran: `compile a.c` is one of that kind with `a.c` in its name or outputs.
    ///
    /// # Panics
    /// Others ran, or one of them did not.
    #[track_caller]
    pub fn assert_ran(&self, expected: &[&str]) -> &Self {
        let mut ran = self.actions();
        ran.retain(|action| action.outcome == "ran");
        for text in expected {
            let Some(at) = ran.iter().position(|action| action.is(text)) else {
                panic!("`{text}` did not run\n{}", self.story());
            };
            ran.remove(at);
        }
        let rest: Vec<&Value> = ran.iter().map(|action| &action.event).collect();
        assert!(rest.is_empty(), "these ran too: {rest:#?}\n{}", self.story());
        self
    }

    /// Standard error has this text in it.
    ///
    /// # Panics
    /// It has not.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "expected `{text}` on standard error\n{}", self.story());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_are_written() {
        assert_eq!(format!("{:?}", Kinds::parse("2c 1a 10l")), "2c 1a 10l");
        assert_eq!(format!("{:?}", Kinds::parse("-")), "-");
        assert_eq!(Kinds::parse("2c 1x").total(), 3);
    }

    #[test]
    fn an_action_is_known_by_kind_and_part_of_its_outputs() {
        let event = serde_json::json!({"name": "compile src/a.c"});
        let action = Action {
            kind: "compile".into(),
            outcome: "ran".into(),
            outputs: vec!["build:obj/x.o".into()],
            event,
        };
        assert!(action.is("compile a.c") && action.is("compile x.o") && action.is("compile"));
        assert!(!action.is("link a.c") && !action.is("compile b.c"));
    }
}
