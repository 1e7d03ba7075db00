//! May this action be skipped?
pub mod action;
pub mod depfile;
pub mod digest;
pub mod disk;
pub mod encode;
pub mod files;
pub mod judge;
pub mod lookup;
pub mod printed;
pub mod reason;
pub mod roots;
pub mod scan;
pub mod signature;
pub mod stamp;
