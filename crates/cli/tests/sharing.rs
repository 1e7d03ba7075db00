//! What workspaces share, and above all what they must not share. Each row of the tables is one ingredient in which
//! two workspaces at different places differ while they share a store: what depends on it must run, everything else
//! must be restored, and everything must equal a build from nothing, without a store, in the same place: outputs,
//! side files and what was printed, byte for byte. A third workspace differs in nothing but its place, and shows that
//! the row does not hold only because nothing is ever shared.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

#[path = "sharing/compiles.rs"]
mod compiles;
#[path = "sharing/links.rs"]
mod links;
#[path = "sharing/matrix.rs"]
mod matrix;
#[path = "sharing/moments.rs"]
mod moments;
#[path = "sharing/outside.rs"]
mod outside;
#[path = "sharing/parts.rs"]
mod parts;
#[path = "sharing/place.rs"]
mod place;
#[path = "sharing/row.rs"]
mod row;
#[path = "sharing/scenes.rs"]
mod scenes;
#[path = "sharing/variables.rs"]
mod variables;

use matrix::{Findings, Matrix, Named, World};
use rekindle_testkit::{Space, require};
use row::{Row, Tools};

const HEAD: &str = "[project]\nname = 'p'\n[roots]\ndeclared = '../declared'\n[toolchain.avr]\ncc = 'avr-gcc'\nflags = ['-mmcu=atmega328p']\n";

impl Tools {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Gcc => &["gcc", "g++"],
            Self::Clang => &["clang", "clang++", "llvm-ar", "g++"],
            Self::Avr => &["avr-gcc"],
        }
    }

    fn cc(self) -> &'static str {
        if self == Self::Clang { "clang" } else { "gcc" }
    }
}

/// A workspace of all rows.
fn world(tools: Tools, profile: &str, rows: &[Named], at: &str, differing: bool) -> World {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.move_project(at);
    space.set_env("CC", tools.cc());
    space.mkdir("../declared");
    let parts = rows.iter().map(|(row, _)| row.write(&space, tools, differing));
    let manifest = HEAD.to_string() + &parts.collect::<Vec<_>>().join("\n");
    space.write("rekindle.toml", manifest);
    place::forget_times(&space);
    let mut world = World::new(space);
    world.args = vec!["--profile".into(), profile.into(), "--keep-going".into()];
    world
}

/// Plays all rows of `tables` that are for these tools and this profile, in the same three workspaces.
#[track_caller]
fn play(tools: Tools, profile: &str, tables: &[&[Row]]) {
    if !tools.programs().iter().all(|program| require(program)) {
        return;
    }
    let only = std::env::var("REKINDLE_TEST_ROW").ok();
    let rows: Vec<Named> = tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|row| row.is_for(tools, profile) && only.as_ref().is_none_or(|only| row.name.contains(only)))
        .map(|row| (*row, row.slug()))
        .collect();
    let places = ["one", "longer/way/to/the-other", "x/twin"];
    let [mut one, mut other, mut twin] =
        [0, 1, 2].map(|at| world(tools, profile, &rows, places[at], at == 1));
    let mut matrix = Matrix { rows, findings: Findings::new(format!("{tools:?} {profile}")) };
    matrix.play(&mut one, &mut other, &mut twin);
    matrix.findings.none();
}

macro_rules! plays {
    ($($name:ident: $tools:expr, $profile:expr, $tables:expr;)*) => {
        $(
            #[test]
            fn $name() {
                play($tools, $profile, $tables);
            }
        )*
    };
}

/// Every table.
const ALL: &[&[Row]] = &[
    compiles::FLAGS,
    compiles::HEADERS,
    compiles::CONTENTS,
    compiles::SIDES,
    links::LINKS,
    links::COMMANDS,
    outside::OUTSIDE,
    outside::DECLARED,
];

plays! {
    ingredients_with_gcc_and_debug_information: Tools::Gcc, "debug", ALL;
    ingredients_with_gcc: Tools::Gcc, "release", ALL;
    ingredients_with_clang_and_debug_information: Tools::Clang, "debug", ALL;
    ingredients_with_clang: Tools::Clang, "release", ALL;
    ingredients_with_avr_gcc_and_debug_information: Tools::Avr, "debug", ALL;
    ingredients_with_avr_gcc: Tools::Avr, "release", ALL;
}
