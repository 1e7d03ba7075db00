//! Tests of the crate as a whole, and what tests share.

mod refusals;
pub(crate) mod space;
