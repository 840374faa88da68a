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
pub(crate) mod driver;
pub(crate) mod eligibility;
pub(crate) mod engine;
pub(crate) mod explain;
mod fault;
mod feed;
pub(crate) mod find;
pub(crate) mod flight;
pub(crate) mod mark;
mod messages;
mod observe;
#[cfg(test)]
mod observe_tests;
pub(crate) mod permissions;
pub(crate) mod plan;
pub(crate) mod plan_text;
mod pool;
pub(crate) mod report;
pub(crate) mod requests;
pub(crate) mod schedule;
pub(crate) mod screen;
pub(crate) mod spec;

pub(crate) use fault::MigrateFault;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// The fault's command, and its word in labels and documents.
pub(crate) const COMMAND: &str = "migrate";
