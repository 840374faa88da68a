//! node
pub mod script;
