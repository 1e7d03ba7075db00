//! Toolchains tried with real compilers: gcc, clang, and an old gcc for another machine.

mod alike;
mod commands;
mod common;
mod exposed;
mod flags;
mod identity;
mod moved;
mod products;
mod resolve;
mod sides;
mod twice;
