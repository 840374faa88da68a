//! The run: state machine, hold, signals, rollback, following a migration.
//!
//! [`driver`] does what [`engine`] decides; [`vm`] is what is known of each VM. [`follow`] watches pods and VMIs and
//! finds launchers that moved, [`sweep`] looks after what nobody can vouch for.

pub mod driver;
pub mod engine;
pub mod follow;
mod heard;
mod moves;
pub mod report;
pub mod signals;
pub mod sweep;
pub mod vm;
mod words;

#[cfg(test)]
mod tests;
