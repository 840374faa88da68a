//! Faults on a VM's packets, netem and filter: a debug pod on each node, and the agent in it, put them in and take them out.
//!
//! ```text
//! sessions, watches, signals ──> Input ──> engine ──> Action ──> driver ──> words to the agents, debug pods, Events
//! ```
//! [`engine`] decides and is pure, on what is known of each VM ([`vm`]); its rules stand with what they are about: `agent_events`,
//! `verdict`, `vmi_changes`, `early_end`, [`probes`]. [`driver`] does what it decides, with [`pods`] for the sessions; `feed` watches
//! debug pods, VMIs and launchers, `relocate` finds launchers that moved.
//!
//! ```text
//!                    ┌── compile ──> NodeVm { lines ──> the agent;  expected <── verify ── the kernel's answer }
//! Order + Target ────┤
//!                    └── words ──> sentences
//! ```
//! [`netem`] and [`filter`] hold what differs: their values, and a file for each of these three.

mod agent_events;
pub(crate) mod closing_lines;
pub mod compile;
pub(crate) mod driver;
mod early_end;
pub(crate) mod engine;
mod fault;
mod feed;
pub mod filter;
pub mod netem;
pub mod permissions;
pub(crate) mod plan;
pub(crate) mod plan_text;
pub(crate) mod pods;
pub mod probe;
pub(crate) mod probes;
mod relocate;
pub(crate) mod report;
pub(crate) mod screen;
pub(crate) mod spec;
mod verdict;
pub(crate) mod vm;
mod vmi_changes;
pub(crate) mod words;

pub use fault::PacketFault;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vmi_changes_tests;
