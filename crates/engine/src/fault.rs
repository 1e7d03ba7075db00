//! Which argument or variable put an absolute path into what a command wrote, for people.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What most likely put a path into what a command wrote; absolute paths are in it as the command line spells them.
///
/// `variables` are those of the environment, as `NAME=value`. `own_name` tells which file asks for its own name.
pub(crate) fn fault_of(
    args: &[OsString],
    variables: &[OsString],
    carries: &dyn Fn(&OsStr) -> bool,
    own_name: Option<&str>,
) -> Option<OsString> {
    let text = |at: usize| args[at].as_bytes();
    let quoted =
        |text: &OsStr| -> OsString { [OsStr::new("`"), text, OsStr::new("`")].into_iter().collect() };
    // A flag whose value is the next argument is shown with it.
    let shown = |at: usize| match at.checked_sub(1).filter(|flag| takes_next(text(*flag))) {
        Some(flag) => quoted(&[&args[flag], OsStr::new(" "), &args[at]].into_iter().collect::<OsString>()),
        None => quoted(&args[at]),
    };
    let with = |what: &OsStr, by: &OsStr| [what, OsStr::new(", with "), by].into_iter().collect::<OsString>();
    let carriers: Vec<usize> = (0..args.len()).filter(|at| carries(&args[*at])).collect();
    let is_written = |at: &&usize| {
        let flag = at.checked_sub(1).map_or(&b""[..], text);
        is_written(text(**at)) || takes_next(flag) && is_written(flag)
    };
    if let Some(at) = carriers.iter().find(is_written) {
        return Some(shown(*at));
    }
    let records = args.iter().find(|arg| RECORDERS.contains(&arg.as_bytes()));
    if let (Some(records), Some(at)) = (records, carriers.first()) {
        return Some(with(&quoted(records), &shown(*at)));
    }
    let is_map = |at: &&usize| memchr::memmem::find(text(**at), b"-prefix-map=").is_some();
    let by_arg = carriers.iter().find(|at| !is_map(at)).map(|at| shown(*at));
    let by =
        by_arg.or_else(|| variables.iter().find(|variable| carries(variable)).map(|found| quoted(found)));
    match (own_name, by) {
        (Some(own_name), Some(by)) => Some(with(OsStr::new(own_name), &by)),
        (None, Some(by)) => Some(by),
        (own_name, None) => {
            let is_debug = |arg: &&OsString| arg.as_bytes().starts_with(b"-g") && arg.as_bytes() != b"-g0";
            let debug =
                || Some(with(&quoted(args.iter().find(is_debug)?), OsStr::new("the working directory")));
            own_name.map(OsString::from).or_else(debug)
        }
    }
}

/// Flags that write the whole command line into the result.
const RECORDERS: [&[u8]; 4] =
    [b"-frecord-gcc-switches", b"-frecord-command-line", b"-grecord-command-line", b"-grecord-gcc-switches"];

/// Whether the text of an argument, as it stands there, is likely to come out in the result: a macro's value, a run
/// path, a name.
fn is_written(arg: &[u8]) -> bool {
    let linked = [&b"-rpath"[..], b"-soname", b"-dynamic-linker", b"-R"];
    let of_linker = |words: &[u8]| {
        let mut words = words.split(|byte| matches!(byte, b',' | b'='));
        words.any(|word| linked.iter().any(|flag| word == *flag || word.strip_prefix(b"-") == Some(flag)))
    };
    arg.starts_with(b"-D") || arg.strip_prefix(b"-Wl,").is_some_and(of_linker) || of_linker(arg)
}

/// Whether the argument behind a flag is its value.
fn takes_next(flag: &[u8]) -> bool {
    let flags: [&[u8]; 12] = [
        b"-D",
        b"-U",
        b"-I",
        b"-L",
        b"-include",
        b"-imacros",
        b"-isystem",
        b"-iquote",
        b"-idirafter",
        b"-rpath",
        b"-Xlinker",
        b"-T",
    ];
    flags.contains(&flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(args: &[&str], variables: &[&str], own_name: Option<&str>) -> Option<String> {
        let own = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let carries = |text: &OsStr| memchr::memmem::find(text.as_bytes(), b"/w").is_some();
        let fault = fault_of(&own(args), &own(variables), &carries, own_name);
        fault.map(|fault| fault.into_string().unwrap())
    }

    #[test]
    fn the_argument_whose_text_comes_out_is_at_fault_before_those_that_are_only_searched() {
        let fault = |args: &[&str]| fault(args, &[], None).unwrap();
        assert_eq!(fault(&["-I/w/inc", "-DDIR=\"/w\"", "-c"]), "`-DDIR=\"/w\"`");
        assert_eq!(fault(&["-I/w/inc", "-D", "DIR=\"/w\"", "-c"]), "`-D DIR=\"/w\"`");
        assert_eq!(fault(&["/w/a.o", "-Wl,-rpath,/w/lib", "-L/w/lib"]), "`-Wl,-rpath,/w/lib`");
        assert_eq!(fault(&["/w/a.o", "-Wl,--rpath=/w/lib"]), "`-Wl,--rpath=/w/lib`");
        assert_eq!(fault(&["-L/w/lib", "-rpath", "/w/lib"]), "`-rpath /w/lib`");
        assert_eq!(fault(&["-I", "/w/inc", "-g"]), "`-I /w/inc`");
    }

    #[test]
    fn a_map_is_at_fault_only_where_the_command_line_is_recorded() {
        let args = ["-ffile-prefix-map=/w=.", "-g", "-c", "a.c"];
        assert_eq!(fault(&args, &[], None).unwrap(), "`-g`, with the working directory");
        assert_eq!(fault(&args[..1], &[], None), None);
        let recorded = ["-frecord-gcc-switches", args[0], args[1]];
        assert_eq!(
            fault(&recorded, &[], None).unwrap(),
            "`-frecord-gcc-switches`, with `-ffile-prefix-map=/w=.`"
        );
    }

    #[test]
    fn a_file_that_asks_for_its_name_is_at_fault_with_what_gave_it_the_path() {
        let own_name = Some("`__FILE__` in `inc/a.h`");
        let with = |args: &[&str], variables: &[&str]| fault(args, variables, own_name).unwrap();
        assert_eq!(with(&["-I/w/inc"], &[]), "`__FILE__` in `inc/a.h`, with `-I/w/inc`");
        assert_eq!(with(&["-c"], &["CPATH=/w/inc"]), "`__FILE__` in `inc/a.h`, with `CPATH=/w/inc`");
        assert_eq!(with(&["-g"], &[]), "`__FILE__` in `inc/a.h`");
        assert_eq!(fault(&["-c"], &["CPATH=/w/inc"], None).unwrap(), "`CPATH=/w/inc`");
    }
}
