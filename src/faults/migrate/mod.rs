//! A run of live migrations: nothing is injected, nothing is rolled back; what it has in place are migrations in flight.
//!
//! ```text
//! survey (nodes, VMIs) ──> round: create ──> follow each by its UID ──> all over ──> pause ──> survey …
//!                              └── signal, halt, timeout ──> cancel (delete), unless in post-copy ──> wait, tell
//! ```
//! [`engine`] decides and is pure, [`flight`] is what is known of one migration, [`driver`] makes, watches and cancels.
//! `traces::migrations` are everybody's runs as their objects show them, `traces::halt_migrations` ends those.

mod cancel;
#[cfg(test)]
mod cancel_tests;
mod creation;
pub mod driver;
pub mod eligibility;
pub mod engine;
pub mod explain;
mod fault;
mod feed;
pub mod find;
pub mod flight;
pub(crate) mod mark;
mod messages;
mod observe;
#[cfg(test)]
mod observe_tests;
pub mod permissions;
pub mod plan;
pub mod plan_text;
pub mod report;
pub mod requests;
pub mod schedule;
pub mod screen;
pub mod spec;

pub use fault::MigrateFault;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
