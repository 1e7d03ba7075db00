//! The manifest as it is written: serde types with the place of every value, and nothing of what it means.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A string, and where it stands.
pub type Text = Spanned<String>;

/// Things with names, and where the names stand.
pub type Named<V> = BTreeMap<Text, V>;

/// `rekindle.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `[project]`
    pub project: Project,
    /// `[library.NAME]`
    #[serde(default)]
    pub library: Named<Target>,
    /// `[executable.NAME]`
    #[serde(default)]
    pub executable: Named<Target>,
    /// `[test.NAME]`
    #[serde(default)]
    pub test: Named<Target>,
    /// `[command.NAME]`
    #[serde(default)]
    pub command: Named<Command>,
    /// `[archive.NAME]`
    #[serde(default)]
    pub archive: Named<Archive>,
    /// `[profile.NAME]`
    #[serde(default)]
    pub profile: Named<Profile>,
    /// `[toolchain.NAME]`
    #[serde(default)]
    pub toolchain: Named<Toolchain>,
    /// `[option.NAME]`
    #[serde(default)]
    pub option: Named<Choice>,
    /// `[roots]`
    #[serde(default)]
    pub roots: Named<Text>,
    /// `[pool]`
    #[serde(default)]
    pub pool: Named<Spanned<u32>>,
    /// `[store]`
    pub store: Option<Store>,
}

/// `[project]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Project {
    /// Its name.
    pub name: Text,
    /// Its version.
    pub version: Option<Text>,
    /// What is built by default.
    pub default: Option<Vec<Text>>,
}

/// A value of one of the simple kinds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Integer(i64),
    /// A string.
    Text(String),
}

impl Scalar {
    /// How `${...}` in a string, and `-D`, write it.
    pub fn show(&self) -> String {
        match self {
            Self::Bool(value) => u8::from(*value).to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Several<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T> Several<T> {
    /// All of them.
    pub fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// `when = { ... }`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// Operating systems.
    pub os: Option<Spanned<Several<String>>>,
    /// Processors.
    pub arch: Option<Spanned<Several<String>>>,
    /// Names of toolchains.
    pub toolchain: Option<Spanned<Several<String>>>,
    /// Names of profiles.
    pub profile: Option<Spanned<Several<String>>>,
    /// Options and their values.
    #[serde(default)]
    pub option: Named<Spanned<Several<Scalar>>>,
    /// What must not hold.
    pub not: Option<Box<Self>>,
}

/// `[library.NAME]`, `[executable.NAME]`, `[test.NAME]`, and the additions below `also`. Which of the keys each of
/// them has, the key table says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Target {
    pub r#type: Option<Text>,
    pub version: Option<Text>,
    pub soname: Option<Text>,
    pub sources: Vec<Text>,
    pub exclude: Vec<Text>,
    pub include: Vec<Text>,
    pub private_include: Vec<Text>,
    pub system_include: Vec<Text>,
    pub defines: Vec<Text>,
    pub private_defines: Vec<Text>,
    pub deps: Vec<Text>,
    pub private_deps: Vec<Text>,
    pub whole_archive: Vec<Text>,
    pub c_std: Option<Text>,
    pub cxx_std: Option<Text>,
    pub warnings: Option<Text>,
    pub cflags: Vec<Text>,
    pub cxxflags: Vec<Text>,
    pub asflags: Vec<Text>,
    pub ldflags: Vec<Text>,
    pub private_ldflags: Vec<Text>,
    pub overrides: Vec<Override>,
    pub pch: Option<Text>,
    pub pic: Option<bool>,
    pub system_libs: Vec<Text>,
    pub library_dirs: Vec<Text>,
    pub pkg_config: Vec<Text>,
    pub linker_script: Option<Text>,
    pub version_script: Option<Text>,
    pub toolchain: Option<Text>,
    pub output: Option<Text>,
    pub pool: Option<Text>,
    pub default: Option<bool>,
    pub install: Option<Spanned<Scalar>>,
    pub install_headers: Vec<Text>,
    pub program: Option<Text>,
    pub args: Vec<Text>,
    pub env: Named<Text>,
    pub timeout: Option<u64>,
    pub working_directory: Option<Text>,
    pub when: Option<When>,
    pub also: Vec<Self>,
}

/// An entry of `overrides`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Override {
    pub files: Vec<Text>,
    pub defines: Vec<Text>,
    pub cflags: Vec<Text>,
    pub cxxflags: Vec<Text>,
    pub asflags: Vec<Text>,
    pub warnings: Option<Text>,
    pub when: Option<When>,
}

/// `[command.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Command {
    pub argv: Option<Spanned<Vec<Text>>>,
    pub shell: Option<Text>,
    pub inputs: Vec<Text>,
    pub outputs: Vec<Text>,
    pub depfile: Option<Spanned<Scalar>>,
    pub deps: Vec<Text>,
    pub env: Named<Text>,
    pub env_from: Vec<Text>,
    pub working_directory: Option<Text>,
    pub pool: Option<Text>,
    pub share: Option<bool>,
    pub default: Option<bool>,
    pub when: Option<When>,
}

/// `[archive.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Archive {
    pub cargo: Option<Text>,
    pub make: Option<Text>,
    pub cmake: Option<Text>,
    pub command: Option<Spanned<Vec<Text>>>,
    pub working_directory: Option<Text>,
    pub tools: Vec<Text>,
    pub env: Named<Text>,
    pub env_from: Vec<Text>,
    pub profile: Named<Scalar>,
    pub inputs: Vec<Text>,
    pub exclude: Vec<Text>,
    pub depfiles: Vec<Text>,
    pub outputs: Vec<Text>,
    pub include: Vec<Text>,
    pub defines: Vec<Text>,
    pub system_libs: Option<Vec<Text>>,
    pub ldflags: Vec<Text>,
    pub package: Option<Text>,
    pub features: Option<Spanned<Vec<Text>>>,
    pub default_features: Option<Spanned<bool>>,
    pub cargo_profile: Option<Text>,
    pub target: Option<Text>,
    pub args: Vec<Text>,
    pub targets: Option<Spanned<Vec<Text>>>,
    pub definitions: Option<Spanned<BTreeMap<String, Scalar>>>,
    pub configuration: Option<Text>,
    pub generator: Option<Text>,
    pub pool: Option<Text>,
    pub share: Option<bool>,
    pub default: Option<bool>,
    pub when: Option<When>,
}

/// `[profile.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Profile {
    pub inherits: Option<Text>,
    pub optimize: Option<Scalar>,
    pub debug: Option<bool>,
    pub lto: Option<Scalar>,
    pub sanitize: Vec<Text>,
    pub defines: Vec<Text>,
    pub cflags: Vec<Text>,
    pub cxxflags: Vec<Text>,
    pub asflags: Vec<Text>,
    pub ldflags: Vec<Text>,
}

/// `[toolchain.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Toolchain {
    pub cc: Option<Text>,
    pub cxx: Option<Text>,
    pub ar: Option<Text>,
    pub target: Option<Text>,
    pub sysroot: Option<Text>,
    pub flags: Vec<Text>,
    pub cflags: Vec<Text>,
    pub cxxflags: Vec<Text>,
    pub asflags: Vec<Text>,
    pub ldflags: Vec<Text>,
}

/// `[store]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "each is explained in the key table")]
pub struct Store {
    pub enabled: Option<bool>,
    pub directory: Option<Text>,
    pub max_size: Option<Text>,
}

/// `[option.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// What its value is.
    pub r#type: Text,
    /// Its value if nobody sets one.
    pub default: Spanned<Scalar>,
    /// The values of a `choice`.
    #[serde(default)]
    pub choices: Vec<Text>,
    /// What it is for.
    pub description: Option<String>,
}
