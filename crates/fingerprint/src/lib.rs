//! May this action be skipped?
pub mod digest;
pub mod disk;
pub mod encode;
pub mod files;
pub mod roots;
pub mod signature;
