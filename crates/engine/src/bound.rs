//! What binds a result to where it was made: an absolute path of a root that is in it, or may be.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rekindle_fingerprint::action::{Action, Spelling};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::{Root, RootId, Roots, normalize};
use rekindle_fingerprint::stamp::Bound;

use crate::fault::fault_of;
use crate::finish::Success;
use crate::scans::Mentioned;
use crate::session::Session;

impl Session<'_> {
    /// To which roots the result of a command is bound, and what does that; none if it is the same everywhere.
    pub(crate) fn bound(&self, action: &Action, success: &Success, mentioned: &Mentioned) -> Option<Bound> {
        let roots = self.files.roots();
        let mut names: Vec<Box<str>> = Vec::new();
        let mut why = None;
        if let Some((path, between)) = &success.steps_out {
            // Which file that is depends on where these roots lie to each other.
            names.extend(between.iter().cloned());
            why = Some(format!("`{path}`, which lies in another root than the way to it"));
        }
        for exposure in &action.exposed {
            let own_name = mentioned.own_name.as_ref();
            let shows = if exposure.always { Some(None) } else { own_name.map(Some) };
            let Some(own_name) = shows else { continue };
            names.push(roots.get(exposure.root).name.as_str().into());
            why.get_or_insert_with(|| match own_name {
                Some(own_name) => format!("{own_name}, with `{}`", exposure.by),
                None => format!("`{}`", exposure.by),
            });
        }
        for (path, made) in action.outputs.iter().zip(&success.made) {
            for name in &made.holds {
                names.push(name.as_ref().into());
                why.get_or_insert_with(|| match made.opaque {
                    Some(opaque) => format!("`{}`: {opaque}", self.files.show(*path)),
                    None => self.fault(action, name, mentioned),
                });
            }
        }
        // What it printed is told elsewhere with names in the place of paths; a path that none of them stands for would
        // be told as it is here.
        let (told, _) = self.needles.find(&self.named(&success.printed));
        for name in told {
            why.get_or_insert_with(|| format!("what it printed holds the path of `{name}`"));
            names.push(name.as_ref().into());
        }
        why.map(|why| Bound::here(names, why, roots))
    }

    /// What may have put the path of the root called `name` into a result: an argument or a variable that carries it, a
    /// file that asks for its own name, or else the program.
    fn fault(&self, action: &Action, name: &str, mentioned: &Mentioned) -> String {
        let roots = self.files.roots();
        let spelling = Spelling::new(self.files, action.cwd);
        let places = roots.by_name(name).map_or_else(Vec::new, |id| all_spellings(roots.get(id)));
        let carries = |text: &OsStr| {
            let holds = |place: &&[u8]| memchr::memmem::find(text.as_bytes(), place).is_some();
            places.iter().any(holds)
        };
        let args: Vec<OsString> =
            action.argv.iter().skip(1).map(|arg| arg.spell(self.files, &spelling)).collect();
        let variables = action.env.iter().map(|(key, value)| (key, value.spell(self.files, &spelling)));
        let variables = variables.map(|(key, value)| [key, OsStr::new("="), &value].into_iter().collect());
        let variables: Vec<OsString> = variables.collect();
        match fault_of(&args, &variables, &carries, mentioned.own_name.as_deref()) {
            Some(fault) => self.shown_by_names(fault.as_bytes()),
            None => format!("what it wrote holds the path of `{name}`"),
        }
    }

    /// A text with the roots' paths by their names, for people.
    fn shown_by_names(&self, text: &[u8]) -> String {
        let named = self.named(text);
        let shown: Vec<String> = named
            .split(|byte| *byte == 0x1f)
            .enumerate()
            .map(|(at, part)| {
                let part = String::from_utf8_lossy(part);
                if at % 2 == 1 { format!("<{part}>") } else { part.into_owned() }
            })
            .collect();
        shown.concat()
    }
}

fn all_spellings(root: &Root) -> Vec<&[u8]> {
    std::iter::once(&root.path).chain(&root.spellings).map(|path| path.as_os_str().as_bytes()).collect()
}

/// The roots in which the part of the name `name` before its first `..` lies, and the file that it means in the
/// directory `cwd`, if they are two: then it is another file where these lie otherwise, under the same command.
pub(crate) fn steps_out(files: &Files, cwd: &Path, name: &Path) -> Option<[RootId; 2]> {
    if !name.components().any(|component| component == Component::ParentDir) {
        return None;
    }
    let before: std::path::PathBuf =
        name.components().take_while(|component| *component != Component::ParentDir).collect();
    let roots: &Roots = files.roots();
    let root_of = |path: &Path| {
        let normal = normalize(cwd, path, |_| false);
        roots.locate(&normal).0
    };
    let (start, end) = (root_of(&before), root_of(name));
    // The build directory has its place in the workspace, or the command says where it is.
    let start = if start == Roots::BUILD && build_is_within(roots) { Roots::WORKSPACE } else { start };
    let stays = |root: RootId| root == start || (root == Roots::BUILD && start == Roots::WORKSPACE);
    // A way that leaves a root and comes back goes through the root's own name, which is another one elsewhere.
    let mut way = std::path::PathBuf::new();
    let leaves = name.components().any(|component| {
        way.push(component);
        component == Component::ParentDir && !stays(root_of(&way))
    });
    // Where system roots lie is in the key.
    let are_fixed = [start, end].iter().all(|root| roots.get(*root).is_system() && *root != Roots::OUTSIDE);
    (leaves || !stays(end)).then_some([start, end]).filter(|_| !are_fixed)
}

/// Whether the build directory lies in the workspace, so that commands name it relatively and its place there is in
/// every key.
fn build_is_within(roots: &Roots) -> bool {
    roots.get(Roots::BUILD).path.starts_with(&roots.get(Roots::WORKSPACE).path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_leads_from_one_root_into_another_steps_out() {
        let mut roots = Roots::new("/home/a/ws", "/home/a/ws/out");
        roots.add(Root::new("sdk", "/sdk")).unwrap();
        roots.add(Root { within: vec!["usr".into()], ..Root::new("sys.host", "/") }).unwrap();
        roots.add(Root { within: vec!["lib/gcc".into()], ..Root::new("tc.host", "/usr") }).unwrap();
        let files = Files::new(roots);
        let between = |name: &str| steps_out(&files, Path::new("/home/a/ws"), Path::new(name));
        let out = |name: &str| between(name).is_some();
        assert!(!out("src/a.h") && !out("src/../a.h") && !out("/sdk/inc/../b.h") && !out("/usr/lib/../x.h"));
        assert!(!out("out/../a.h"), "the build directory has its place in the workspace");
        assert!(out("../shared/a.h") && out("src/../../x.h") && out("/sdk/../other/x.h"));
        assert!(out("../../../usr/include/x.h") && out("/sdk/../usr/include/x.h"));
        assert!(!out("/usr/lib/gcc/12/../../../etc/x.o"), "both lie where every machine has them");
        assert!(out("../ws/a.h") && out("src/../../ws/a.h") && out("/sdk/../sdk/a.h"), "the root's own name");
        let names = between("/sdk/../usr/include/x.h").map(|two| two.map(|root| roots_of(&files, root)));
        assert_eq!(names, Some(["sdk".to_string(), "sys.host".to_string()]), "the workspace plays no part");
    }

    fn roots_of(files: &Files, root: RootId) -> String {
        files.roots().get(root).name.clone()
    }
}
