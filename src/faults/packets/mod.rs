//! Faults on a VM's packets: netem and filter.

mod agent_events;
pub mod closing_lines;
pub mod driver;
mod end_now;
pub mod engine;
mod fault;
pub mod follow;
mod launchers;
pub mod permissions;
pub mod plan;
pub mod plan_text;
pub mod pods;
pub mod reach;
pub mod report;
pub mod screen;
mod verdict;
pub mod vm;
mod vmi_changes;
pub mod words;

pub use fault::PacketFault;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vmi_changes_tests;
