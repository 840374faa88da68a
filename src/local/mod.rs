//! The user's own files on this machine: where they are kept, and how they are read.

pub(crate) mod folders;
pub(crate) mod history;
pub(crate) mod input;
