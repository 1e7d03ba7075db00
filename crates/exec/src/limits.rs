//! How long a command line may be.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// Longest single argument or variable that Linux takes, in bytes with its closing NUL: 32 pages of 4 KiB
/// (`MAX_ARG_STRLEN` in `include/uapi/linux/binfmts.h`).
pub const LONGEST_ARGUMENT: usize = 128 << 10;

/// Most that Linux takes of arguments and environment together, whatever the stack's limit: three quarters of
/// 8 MiB (`bprm_stack_limits` in `fs/exec.c`).
const MOST: u64 = 6 << 20;

/// What Linux takes of them at least (`ARG_MAX`).
const LEAST: u64 = 128 << 10;

/// Kept free for what the kernel adds: the program's path once more, and a script's interpreter with its argument.
const RESERVE: usize = 8 << 10;

/// Whether the system takes this command line: each string, and all of them together.
///
/// Linux allows a quarter of the stack's limit (at least 128 KiB, at most 6 MiB) for the strings and one pointer for
/// each of them (execve(2)). A program with the answer "no" may still run through a [`crate::response_file`].
pub fn fits(program: &Path, args: &[OsString], env: &[(OsString, OsString)]) -> bool {
    fits_in(most_bytes(getrlimit(Resource::Stack).current), program, args, env)
}

fn most_bytes(stack: Option<u64>) -> usize {
    let most = stack.map_or(MOST, |stack| (stack / 4).clamp(LEAST, MOST));
    usize::try_from(most).unwrap_or(usize::MAX)
}

fn fits_in(most: usize, program: &Path, args: &[OsString], env: &[(OsString, OsString)]) -> bool {
    let argument_fits = |arg: &OsString| arg.len() < LONGEST_ARGUMENT;
    let variable_fits =
        |(name, value): &(OsString, OsString)| name.len() + value.len() + 1 < LONGEST_ARGUMENT;
    let pointers = (1 + args.len() + env.len()) * size_of::<usize>();
    args.iter().all(argument_fits)
        && env.iter().all(variable_fits)
        && bytes(program, args, env) + pointers + RESERVE <= most
}

/// Bytes of all strings, each with its closing NUL.
pub(crate) fn bytes(program: &Path, args: &[OsString], env: &[(OsString, OsString)]) -> usize {
    let string = |text: &OsStr| text.len() + 1;
    string(program.as_os_str())
        + args.iter().map(|arg| string(arg)).sum::<usize>()
        + env.iter().map(|(name, value)| name.len() + 1 + string(value)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(length: usize) -> Vec<OsString> {
        vec!["x".repeat(length).into()]
    }

    #[test]
    fn an_argument_of_32_pages_is_too_long_and_one_byte_less_is_not() {
        let program = Path::new("/bin/true");
        assert!(fits_in(1 << 20, program, &one(LONGEST_ARGUMENT - 1), &[]));
        assert!(!fits_in(1 << 20, program, &one(LONGEST_ARGUMENT), &[]));
        let variable = |length| [("A".into(), "x".repeat(length).into())];
        assert!(fits_in(1 << 20, program, &[], &variable(LONGEST_ARGUMENT - 3)));
        assert!(!fits_in(1 << 20, program, &[], &variable(LONGEST_ARGUMENT - 2)));
    }

    #[test]
    fn many_short_arguments_count_with_their_pointers() {
        let many = |count| vec![OsString::from("a"); count];
        assert!(fits_in(1 << 20, Path::new("/bin/true"), &many(100_000), &[]));
        assert!(!fits_in(1 << 20, Path::new("/bin/true"), &many(104_858), &[]));
    }

    #[test]
    fn the_stack_s_limit_is_bounded_at_both_ends() {
        assert_eq!(most_bytes(None), 6 << 20);
        assert_eq!(most_bytes(Some(8 << 20)), 2 << 20);
        assert_eq!(most_bytes(Some(1 << 10)), 128 << 10);
        assert_eq!(most_bytes(Some(1 << 40)), 6 << 20);
    }
}
