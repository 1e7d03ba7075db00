//! A `build.ninja` that runs the same commands, for who wants to compare or has to leave. The syntax is that of
//! ninja's manual, "Ninja file reference".
//!
//! What ninja cannot express is left out: a second depfile of one command, header searches, and freshness by content.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_engine::spelled::shell_line;
use rekindle_fingerprint::action::{Action, DepfileFormat, Spelling};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_scheduler::graph::{ActionId, Graph};

use super::argv;
use crate::reporter::title;

/// The actions `wanted` (by number) and the targets that they make. Run it in the project's directory.
pub(crate) fn ninja(graph: &Graph, wanted: &[ActionId], files: &Files) -> Vec<u8> {
    let mut text = b"# Written by `rekindle graph --as ninja`.\nninja_required_version = 1.5\n".to_vec();
    for (name, depth) in graph.pools() {
        text.extend(format!("\npool {name}\n  depth = {depth}\n").into_bytes());
    }
    for id in wanted {
        text.extend(rule(*id, graph.action(*id), files));
    }
    let mut defaults = Vec::new();
    for target in graph.targets() {
        let made =
            |path: &&PathId| graph.producer(**path).is_some_and(|id| wanted.binary_search(&id).is_ok());
        let outputs: Vec<PathId> = target.outputs.iter().filter(made).copied().collect();
        if outputs.is_empty() {
            continue;
        }
        text.extend_from_slice(b"\nbuild ");
        text.extend(path_word(OsStr::new(&target.name)));
        text.extend_from_slice(b": phony");
        paths(&mut text, "", &outputs, files);
        text.push(b'\n');
        if target.default {
            defaults.push(b' ');
            defaults.extend(path_word(OsStr::new(&target.name)));
        }
    }
    if !defaults.is_empty() {
        text.extend_from_slice(b"\ndefault");
        text.extend(defaults);
        text.push(b'\n');
    }
    text
}

fn rule(id: ActionId, action: &Action, files: &Files) -> Vec<u8> {
    let mut text = format!("\nrule a{}\n  command = ", id.0).into_bytes();
    text.extend(value(&command(action, files)));
    text.extend_from_slice(b"\n  description = ");
    text.extend(value(title(action.kind, &action.name).as_bytes()));
    let depfile = action.discovery.depfiles.iter().find_map(DepfileFormat::path);
    if let Some(depfile) = depfile {
        text.extend_from_slice(b"\n  deps = gcc\n  depfile = ");
        text.extend(value(files.abs(depfile).as_os_str().as_bytes()));
    }
    if let Some(pool) = &action.pool {
        text.extend(format!("\n  pool = {pool}").into_bytes());
    }
    text.extend_from_slice(b"\nbuild");
    paths(&mut text, "", &action.outputs, files);
    let links: Vec<PathId> = action.links.iter().map(|(link, _)| *link).collect();
    paths(&mut text, " |", &links, files);
    text.extend(format!(": a{}", id.0).into_bytes());
    paths(&mut text, "", &action.inputs, files);
    paths(&mut text, " ||", &action.order_only, files);
    text.push(b'\n');
    text
}

/// The command as a line for the shell: directory, depfiles' directories, environment, command, links.
fn command(action: &Action, files: &Files) -> Vec<u8> {
    let mut line = Vec::new();
    let mut word = |words: Vec<OsString>| line.extend_from_slice(&joined(&words));
    word(vec!["cd".into(), files.abs(action.cwd).into()]);
    for depfile in &action.discovery.depfiles {
        if let Some(path) = depfile.path()
            && let Some(folder) = files.abs(path).parent()
        {
            line.extend_from_slice(b" && ");
            line.extend_from_slice(&joined(&["mkdir".into(), "-p".into(), folder.into()]));
        }
    }
    line.extend_from_slice(b" && ");
    if !action.env.is_empty() {
        let spelling = Spelling::new(files, action.cwd);
        let mut words = vec![OsString::from("env")];
        words.extend(action.env.iter().map(|(name, value)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value.spell(files, &spelling));
            pair
        }));
        line.extend_from_slice(&joined(&words));
        line.push(b' ');
    }
    line.extend_from_slice(&joined(&argv(action, files)));
    for (link, target) in &action.links {
        line.extend_from_slice(b" && ");
        line.extend_from_slice(&joined(&[
            "ln".into(),
            "-sfn".into(),
            target.into(),
            files.abs(*link).into(),
        ]));
    }
    line
}

/// Words for the shell. Where a word is no UTF-8 the engine's line would replace bytes, so such a word is quoted here.
fn joined(words: &[OsString]) -> Vec<u8> {
    let mut line = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(b' ');
        }
        if word.to_str().is_some() {
            line.extend_from_slice(shell_line(std::slice::from_ref(word)).as_bytes());
            continue;
        }
        line.push(b'\'');
        for byte in word.as_bytes() {
            if *byte == b'\'' {
                line.extend_from_slice(br"'\''");
            } else {
                line.push(*byte);
            }
        }
        line.push(b'\'');
    }
    line
}

fn paths(text: &mut Vec<u8>, before: &str, paths: &[PathId], files: &Files) {
    if paths.is_empty() {
        return;
    }
    text.extend_from_slice(before.as_bytes());
    for path in paths {
        text.push(b' ');
        let absolute = files.abs(*path);
        text.extend(path_word(absolute.as_os_str()));
    }
}

/// A path among paths: `$`, space and colon are escaped. Ninja has no way to write a line break in a path.
fn path_word(path: impl AsRef<Path>) -> Vec<u8> {
    let mut word = Vec::new();
    for byte in path.as_ref().as_os_str().as_bytes() {
        if matches!(byte, b'$' | b' ' | b':') {
            word.push(b'$');
        }
        word.push(*byte);
    }
    word
}

/// The value of a variable: `$` is escaped, and a line break becomes a space.
fn value(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'$' => value.extend_from_slice(b"$$"),
            b'\n' => value.push(b' '),
            byte => value.push(*byte),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::sample;

    #[test]
    fn the_same_commands_as_a_ninja_file() {
        let (graph, files) = sample::graph();
        let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
        insta::assert_snapshot!(String::from_utf8(ninja(&graph, &all, &files)).unwrap(), @"
        # Written by `rekindle graph --as ninja`.
        ninja_required_version = 1.5

        pool slow
          depth = 1

        rule a0
          command = cd '/home/me/my app' && /usr/bin/awk '{ print $$1 }' table.txt
          description = run table
          pool = slow
        build /home/me/my$ app/.rekindle/build/debug/gen/table.h: a0 /home/me/my$ app/table.txt

        rule a1
          command = cd '/home/me/my app' && mkdir -p '/home/me/my app/.rekindle/build/debug/tmp' && env LC_ALL=C.UTF-8 /usr/bin/cc -MD -MF .rekindle/build/debug/tmp/a.d -c src/a.c -o .rekindle/build/debug/obj/a.o
          description = compile src/a.c
          deps = gcc
          depfile = /home/me/my app/.rekindle/build/debug/tmp/a.d
        build /home/me/my$ app/.rekindle/build/debug/obj/a.o: a1 /home/me/my$ app/src/a.c || /home/me/my$ app/.rekindle/build/debug/gen/table.h

        rule a2
          command = cd '/home/me/my app' && /usr/bin/cc -shared .rekindle/build/debug/obj/a.o -o .rekindle/build/debug/liba.so.1 && ln -sfn liba.so.1 '/home/me/my app/.rekindle/build/debug/liba.so'
          description = link liba.so.1
        build /home/me/my$ app/.rekindle/build/debug/liba.so.1 | /home/me/my$ app/.rekindle/build/debug/liba.so: a2 /home/me/my$ app/.rekindle/build/debug/obj/a.o

        build a: phony /home/me/my$ app/.rekindle/build/debug/liba.so.1

        default a
        ");
    }

    #[test]
    fn what_means_something_to_ninja_or_to_the_shell_is_escaped() {
        assert_eq!(path_word(OsStr::new("a b:$c")), b"a$ b$:$$c");
        assert_eq!(value(b"echo $x"), b"echo $$x");
        assert_eq!(joined(&[OsStr::from_bytes(b"\xff'").into(), "a b".into()]), b"'\xff'\\''' 'a b'");
    }
}
