//! rehearsal
pub mod host;
