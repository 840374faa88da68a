//! The run: state machine, hold, signals, rollback, following a migration.
pub mod engine;
mod heard;
mod moves;
pub mod vm;
mod words;

#[cfg(test)]
mod tests;
