//! A project as ninja builds it, its compiler wrapped or not.

use std::fmt::Write as _;

use crate::bench::engines::Count;
use crate::bench::recipes;

/// The name of ninja's build file and outputs is made of this.
pub(crate) const ENGINE: &str = "ninja";

/// Libraries and a program that links them.
pub(crate) struct Recipe {
    /// For every compile.
    pub(crate) flags: String,
    /// Each one's name and sources.
    pub(crate) libraries: Vec<(String, Vec<String>)>,
    /// The source of the program.
    pub(crate) main: String,
    /// For the link, behind the archives.
    pub(crate) libs: String,
}

impl Recipe {
    /// What a cold build runs.
    pub(crate) fn all(&self) -> Count {
        let units: usize = self.libraries.iter().map(|(_, sources)| sources.len()).sum();
        Count::new(units + 1, self.libraries.len(), 1)
    }

    /// The build file. Each description begins with the kind of the command, which is how commands are counted.
    pub(crate) fn ninja(&self, launcher: Option<&str>) -> String {
        let out = recipes::ninja_out(ENGINE);
        let launcher = launcher.map(|program| format!("{program} ")).unwrap_or_default();
        let mut text = format!("ninja_required_version = 1.10\nbuilddir = {out}\nflags = {}\n\n", self.flags);
        let compile = format!("{launcher}gcc -O2 $flags -MD -MF $out.d -c $in -o $out");
        let _ = writeln!(text, "rule compile\n  command = {compile}\n  description = compile $out");
        text.push_str("  depfile = $out.d\n  deps = gcc\n");
        text.push_str("rule archive\n  command = ar rcsD $out $in\n  description = archive $out\n");
        let _ = writeln!(
            text,
            "rule link\n  command = gcc -o $out $in {}\n  description = link $out\n",
            self.libs
        );
        let object = |source: &str| format!("{out}/{source}.o");
        let mut archives = String::new();
        for (name, sources) in &self.libraries {
            for source in sources {
                let _ = writeln!(text, "build {}: compile {source}", object(source));
            }
            let objects: Vec<String> = sources.iter().map(|source| object(source)).collect();
            let _ = writeln!(text, "build {out}/lib{name}.a: archive {}", objects.join(" "));
            let _ = write!(archives, " {out}/lib{name}.a");
        }
        let main = object(&self.main);
        let _ =
            writeln!(text, "build {main}: compile {}\nbuild {out}/program: link {main}{archives}", self.main);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compiles_are_wrapped() {
        let recipe = Recipe {
            flags: "-I.".to_owned(),
            libraries: vec![("a".to_owned(), vec!["x.c".to_owned(), "y.c".to_owned()])],
            main: "main.c".to_owned(),
            libs: "-lm".to_owned(),
        };
        assert_eq!(recipe.all(), Count::new(3, 1, 1));
        let text = recipe.ninja(Some("/p/ccache"));
        assert_eq!(text.matches(": compile ").count(), 3);
        assert_eq!(text.matches("/p/ccache").count(), 1);
        assert!(text.contains("command = /p/ccache gcc -O2"), "{text}");
        assert!(recipe.ninja(None).contains("command = gcc -O2"));
    }
}
