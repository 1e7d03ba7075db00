//! The engine through its public face, with commands of the shell instead of compilers.

mod auto;
mod builds;
mod left;
mod left_torture;
mod shared;
mod shared_at_once;
mod shared_torture;
mod space;
mod torture;
