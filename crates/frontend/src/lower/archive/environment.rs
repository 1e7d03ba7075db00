//! The environment that another build tool gets: an allow-list, in which a variable that is not set counts too.
//!
//! A form names single variables and whole families of them (`CARGO_*`). A family is written down among the variables
//! that lowering asked for under a name that starts with `=`, as no variable's does; its value is all that is set of it,
//! so that one more is noticed as well as one that changed.
//!
//! Not among cargo's: where it works (`CARGO_HOME` is handed on by the engine; `CARGO_TARGET_DIR` and its like are ours to
//! say), what changes nothing (jobs, colours, logs), secrets (a token would be written down; cargo finds them in its own
//! directory), and what cargo sets for the programs that it runs, this one perhaps (`CARGO_PKG_NAME`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use rekindle_fingerprint::action::Arg;
use rekindle_toolchain::Environment;

use super::{Form, Plan};
use crate::lower::Lowering;
use crate::project::Foreign;

/// The name under which a family of variables is written down.
const CARGO: &str = "=cargo";
const MAKE: &str = "=make";
const CMAKE: &str = "=cmake";

/// The variables that programs are found by, and the homes of build tools.
const FINDING: [&str; 5] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// The value of a variable, or of a family of variables: all that is set of it.
pub fn family(environment: &BTreeMap<OsString, OsString>, name: &OsStr) -> Option<OsString> {
    let Some(counts) = members(name) else { return environment.get(name).cloned() };
    let mut all = OsString::new();
    for (name, value) in environment.iter().filter(|(name, _)| counts(name)) {
        all.push(name);
        all.push("=");
        all.push(value);
        all.push("\0");
    }
    (!all.is_empty()).then_some(all)
}

/// What is in a family; none if that is a variable's name.
fn members(name: &OsStr) -> Option<fn(&OsStr) -> bool> {
    match name.to_str()? {
        CARGO => Some(is_cargos),
        MAKE => Some(is_makes),
        CMAKE => Some(is_cmakes),
        _ => None,
    }
}

/// Variables of cargo that do not count, by their whole names or, with a `*`, their starts.
const NOT_CARGOS: [&str; 22] = [
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_JOBS",
    "CARGO_MAKEFLAGS",
    "CARGO_LOG*",
    "CARGO_TERM_*",
    "CARGO_ALIAS_*",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTDOC*",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_*",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "CARGO_RUSTC_CURRENT_DIR",
    "CARGO_CFG_*",
    "CARGO_FEATURE_*",
    "CARGO_LLVM_COV*",
    "CARGO_NEXTEST*",
];

fn is_cargos(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    if name.starts_with("CARGO_") {
        let is_out = NOT_CARGOS.iter().any(|out| match out.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *out,
        });
        return !is_out && !name.contains("TOKEN") && !name.contains("PASSWORD");
    }
    let own = ["RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_BOOTSTRAP"];
    own.contains(&name) || name != "RUSTDOCFLAGS" && is_for_c(name)
}

fn is_makes(name: &OsStr) -> bool {
    name.to_str().is_some_and(is_for_c)
}

fn is_cmakes(name: &OsStr) -> bool {
    let own = |name: &str| name.starts_with("CMAKE_") && !name.contains("PARALLEL") || is_for_c(name);
    name.to_str().is_some_and(own)
}

/// What picks compilers and their flags: `CC`, `CC_x86_64_unknown_linux_gnu`, `TARGET_CFLAGS`, `PKG_CONFIG_PATH`.
fn is_for_c(name: &str) -> bool {
    const BASES: [&str; 9] = ["CC", "CXX", "AR", "AS", "LD", "RANLIB", "NM", "CXXSTDLIB", "CROSS_COMPILE"];
    if ["MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS"].contains(&name) || name.starts_with("CARGO_") {
        return false;
    }
    let plain = name.strip_prefix("TARGET_").or_else(|| name.strip_prefix("HOST_")).unwrap_or(name);
    let is_base =
        |base: &str| plain.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    BASES.iter().any(|base| is_base(base))
        || plain.ends_with("FLAGS")
        || plain.contains("FLAGS_")
        || name.starts_with("PKG_CONFIG")
        || ["SOURCE_DATE_EPOCH", "ZERO_AR_DATE", "CRATE_CC_NO_DEFAULTS"].contains(&name)
}

impl<'a> Lowering<'a> {
    /// Asks for every variable that an archive's result may depend on, so that a change of one is noticed.
    pub(super) fn variables_of_form(&mut self, foreign: &Foreign, form: &Form) {
        for name in FINDING {
            self.variable(name);
        }
        for name in ["CC", "CXX", "AR"] {
            self.variable(name);
        }
        for name in &foreign.archive.env_from {
            self.variable(name.get_ref());
        }
        if let Some(name) = family_of(form) {
            let value = family(&self.project.request.environment, OsStr::new(name));
            self.reader.variables.insert(name.into(), value);
        }
    }

    /// The variables of a form's family that are set.
    pub(super) fn family_set(&self, form: &Form) -> Vec<(OsString, OsString)> {
        let Some(counts) = family_of(form).and_then(|name| members(OsStr::new(name))) else {
            return Vec::new();
        };
        let environment = self.project.request.environment.iter();
        environment
            .filter(|(name, _)| counts(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The keyed environment: what the allow-list takes from the caller, what the form sets, what `env` says.
    pub(super) fn environment_of(
        &mut self,
        foreign: &'a Foreign,
        form: &Form,
        plan: &Plan,
    ) -> BTreeMap<OsString, Arg> {
        let mut env = BTreeMap::new();
        for (name, value) in self.family_set(form) {
            let value = self.value(&value);
            env.insert(name, value);
        }
        for name in &foreign.archive.env_from {
            if let Some(value) = self.variable(name.get_ref()) {
                let value = self.value(&value);
                env.insert(name.get_ref().into(), value);
            }
        }
        let is_rust = |tool: &OsString| tool.as_bytes() == b"cargo" || tool.as_bytes() == b"rustc";
        if plan.tools.needed.iter().any(is_rust)
            && let Some(value) = self.variable("RUSTUP_TOOLCHAIN")
        {
            env.insert("RUSTUP_TOOLCHAIN".into(), Arg::text(value));
        }
        env.extend(plan.env.iter().map(|(name, value)| (name.clone(), value.clone())));
        for (name, value) in &foreign.archive.env {
            let value = self.value(OsStr::new(value.get_ref()));
            env.insert(name.get_ref().into(), value);
        }
        env
    }

    /// The environment by which the tools are found: what they will run in.
    pub(super) fn seen_by_tools(&self, env: &BTreeMap<OsString, Arg>) -> Environment {
        let given = &self.project.request.environment;
        let mut seen: Environment = FINDING
            .iter()
            .filter_map(|name| Some((OsString::from(name), given.get(OsStr::new(name))?.clone())))
            .collect();
        let spelling = rekindle_fingerprint::action::Spelling::new(self.files, self.workspace);
        for (name, value) in env {
            seen.insert(name.clone(), value.spell(self.files, &spelling));
        }
        seen
    }
}

fn family_of(form: &Form) -> Option<&'static str> {
    match form {
        Form::Command => None,
        Form::Cargo(_) => Some(CARGO),
        Form::Make(_) => Some(MAKE),
        Form::Cmake(_) => Some(CMAKE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_a_result_of_cargo_is_in_its_family_and_what_does_not_is_out() {
        let is = |name: &str| is_cargos(OsStr::new(name));
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_INCREMENTAL",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CC",
            "CC_x86_64-unknown-linux-gnu",
            "HOST_CC",
            "TARGET_CFLAGS",
            "CFLAGS_aarch64_unknown_linux_gnu",
            "ARFLAGS",
            "PKG_CONFIG_SYSROOT_DIR",
            "SOURCE_DATE_EPOCH",
        ] {
            assert!(is(name), "{name}");
        }
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_MAKEFLAGS",
            "CARGO_TERM_COLOR",
            "CARGO_REGISTRY_TOKEN",
            "RUSTDOCFLAGS",
            "MAKEFLAGS",
            "CCACHE_DIR",
            "ARCH",
            "PATH",
            "RUST_BACKTRACE",
        ] {
            assert!(!is(name), "{name}");
        }
    }

    #[test]
    fn a_family_changes_with_each_of_its_variables_and_is_none_without_any() {
        let with = |pairs: &[(&str, &str)]| {
            let environment = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
            family(&environment, OsStr::new(CMAKE))
        };
        assert_eq!(with(&[("PATH", "/bin"), ("CARGO_X", "1")]), None);
        let one = with(&[("CMAKE_PREFIX_PATH", "/x")]);
        assert!(one.is_some());
        assert_ne!(one, with(&[("CMAKE_PREFIX_PATH", "/y")]));
        assert_ne!(one, with(&[("CMAKE_PREFIX_PATH", "/x"), ("CC", "")]));
        let environment = BTreeMap::from([("CC".into(), "gcc".into())]);
        assert_eq!(family(&environment, OsStr::new("CC")), Some("gcc".into()));
    }
}
