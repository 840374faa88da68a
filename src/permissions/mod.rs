//! What each command needs permission for, as roles to apply, and what is missing of it.

pub(crate) mod least;
mod looking;
pub mod missing;
pub mod roles;
