//! An action's command as it is run here: paths spelled out, environment complete, long lines in a response file.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_exec as exec;
use rekindle_fingerprint::action::{Action, Spelling};
use rekindle_fingerprint::files::Files;
use rekindle_toolchain::environment::reaches;

use crate::error::{At, Error};
use crate::request::Request;

/// The program and its arguments.
pub(crate) fn argv(action: &Action, files: &Files) -> Vec<OsString> {
    let spelling = Spelling::new(files, action.cwd);
    action.argv.iter().map(|arg| arg.spell(files, &spelling)).collect()
}

/// A command line as a person would type it into a shell.
pub fn shell_line(argv: &[OsString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}

fn shell_word(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./=+,:@%^".contains(byte);
    let text = String::from_utf8_lossy(word.as_bytes());
    if !word.is_empty() && word.as_bytes().iter().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What [`command`] needs to know besides the action.
pub(crate) struct Surroundings<'a> {
    pub(crate) request: &'a Request,
    /// `MAKEFLAGS` of our jobserver.
    pub(crate) makeflags: Option<&'a OsStr>,
    /// Where response files go; also the command's `TMPDIR`.
    pub(crate) temporary: PathBuf,
}

/// The command of `action`, ready to run. A command line that the system would refuse goes into a response file
/// called `name` if the program understands one.
///
/// # Errors
/// The response file cannot be written.
pub(crate) fn command(
    action: &Action,
    files: &Files,
    around: &Surroundings<'_>,
    name: &str,
) -> Result<exec::Command, Error> {
    let cwd = files.abs(action.cwd);
    let mut argv = argv(action, files).into_iter();
    let mut command = exec::Command::new(argv.next().unwrap_or_default(), &cwd);
    command.args = argv.collect();
    command.env = environment(action, files, &cwd, around);
    command.output = exec::Output::Together;
    if action.response_file && !exec::fits(&command.program, &command.args, &command.env) {
        let path = around.temporary.join(format!("{name}.rsp"));
        fs::write(&path, exec::response_file(&command.args)).at("write", &path)?;
        let mut arg = OsString::from("@");
        arg.push(&path);
        command.args = vec![arg];
    }
    Ok(command)
}

/// The commands that run before that of `action`, which is `last`: in its directory and its environment.
pub(crate) fn before(action: &Action, files: &Files, last: &exec::Command) -> Vec<exec::Command> {
    let spelling = Spelling::new(files, action.cwd);
    let commands = action.auto.iter().flat_map(|auto| &auto.before);
    commands
        .map(|argv| {
            let mut argv = argv.iter().map(|arg| arg.spell(files, &spelling));
            exec::Command {
                program: argv.next().unwrap_or_default().into(),
                args: argv.collect(),
                ..last.clone()
            }
        })
        .collect()
}

/// The variables that reach another build tool although no key holds them; its front-end may key more.
const FOR_TOOLS: [&str; 5] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "LD_PRELOAD"];

fn environment(
    action: &Action,
    files: &Files,
    cwd: &Path,
    around: &Surroundings<'_>,
) -> Vec<(OsString, OsString)> {
    let own = ["TMPDIR", "PWD", "MAKEFLAGS"];
    let keyed = |name: &OsString| action.env.iter().any(|(key, _)| key == name);
    let passed = around.request.passed.iter().filter(|(name, _)| {
        let for_it = action.auto.is_none() || FOR_TOOLS.iter().any(|tool| name == tool);
        for_it && !keyed(name) && !own.iter().any(|own| name == own) && reaches(name, action.kind)
    });
    let mut env: Vec<(OsString, OsString)> = passed.cloned().collect();
    let spelling = Spelling::new(files, action.cwd);
    env.extend(action.env.iter().map(|(name, value)| (name.clone(), value.spell(files, &spelling))));
    let mut add = |name: &str, value: &OsStr| {
        if !keyed(&OsString::from(name)) {
            env.push((name.into(), value.to_os_string()));
        }
    };
    add("TMPDIR", around.temporary.as_os_str());
    add("PWD", cwd.as_os_str());
    if let Some(makeflags) = around.makeflags {
        add("MAKEFLAGS", makeflags);
    }
    env.sort();
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let argv = ["/usr/bin/cc", "-DA=\"x y\"", "it's", "", "src/a.c"].map(OsString::from);
        assert_eq!(shell_line(&argv), r#"/usr/bin/cc '-DA="x y"' 'it'\''s' '' src/a.c"#);
    }
}
