//! Command strings that need no shell.
//!
//! The grammar is that of POSIX, "Shell Command Language": what a shell would only cut into words is cut here, and
//! whatever else it might do (variables, patterns, redirections, several commands, its built-in commands) is left to
//! it. In doubt the answer is "a shell".

/// What a shell does itself when a command begins with it: reserved words and built-in commands, of which some also
/// exist as programs that behave a little differently.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "[", "alias", "bg", "break", "case", "cd", "chdir", "command", "continue", "coproc",
    "declare", "do", "done", "echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fc",
    "fg", "fi", "for", "function", "getopts", "hash", "if", "in", "jobs", "kill", "let", "local", "printf",
    "pwd", "read", "readonly", "return", "select", "set", "shift", "source", "test", "then", "time", "times",
    "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
];

/// Whether the text has to be run by `/bin/sh -c`.
pub fn needs_shell(text: &str) -> bool {
    split(text).is_none()
}

/// The words of a command without shell syntax, quotes and backslashes taken away; `None` if it needs a shell.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' => words.extend(word.take()),
            '#' | '~' if word.is_none() => return None,
            '\'' => in_single_quotes(&mut chars, word.get_or_insert_default())?,
            '"' => in_double_quotes(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().filter(|&next| next != '\n')?),
            _ if means_something(char) => return None,
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    let first = words.first()?;
    let own = first.is_empty() || first.contains('=') || SHELL_WORDS.contains(&first.as_str());
    (!own).then_some(words)
}

/// Characters that end a word or begin something other than a word wherever they stand unquoted. Braces and `^` do so
/// in some shells only; `~` also counts after `=` and `:`, so it does everywhere.
fn means_something(char: char) -> bool {
    matches!(
        char,
        '|' | '&'
            | ';'
            | '<'
            | '>'
            | '('
            | ')'
            | '$'
            | '`'
            | '*'
            | '?'
            | '['
            | '{'
            | '}'
            | '^'
            | '~'
            | '\n'
            | '\0'
    )
}

fn in_single_quotes(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '\'' => return Some(()),
            char => word.push(char),
        }
    }
}

fn in_double_quotes(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '$' | '`' => return None,
            '\\' => match chars.next()? {
                '\n' => return None,
                special @ ('$' | '`' | '"' | '\\') => word.push(special),
                other => word.extend(['\\', other]),
            },
            char => word.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_split_as_the_shell_splits_them() {
        let commands = [
            "gcc -c a.c -o a.o",
            "  tool\t-D'A B'  \"c d\"e f\\ g  ",
            r#"tool "a\"b\\c\d" 'x\y' \'z "" ''"#,
            "tool a#b 100% -O2 --x=y,z:w @file ./a+b",
            "./echo x",
            "tool é ü",
        ];
        for command in commands {
            let words = split(command).unwrap();
            // A function of the command's name shows what a real shell makes of the rest.
            let script = command
                .trim_start()
                .replacen("gcc", "show", 1)
                .replacen("tool", "show", 1)
                .replacen("./echo", "show", 1);
            let script = format!("show() {{ printf '%s\\n' \"$@\"; }}; {script}");
            let shell = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
            let ours: String = words[1..].iter().map(|word| format!("{word}\n")).collect();
            assert_eq!(ours, String::from_utf8(shell.stdout).unwrap(), "{command}");
        }
    }

    #[test]
    fn whatever_a_shell_would_act_upon_is_left_to_it() {
        let commands = [
            "",
            "   ",
            "a | b",
            "a && b",
            "a; b",
            "a > f",
            "a < f",
            "(a)",
            "a $B",
            "a \"$B\"",
            "a `b`",
            "a \"`b`\"",
            "a *.c",
            "a b?",
            "a [x]",
            "# a",
            "a #b",
            "~/a",
            "a ~",
            "a --x=~/y",
            "A=1 b",
            "cd x",
            "echo a",
            "'echo' a",
            "if x",
            "! a",
            "a 'b",
            "a \"b",
            "a \\",
            "a \\\nb",
            "a\nb",
            "a {b,c}",
            "a ^b",
            "'' a",
            "a \"\\\n\"",
        ];
        for command in commands {
            assert!(needs_shell(command), "{command:?}");
        }
    }
}
