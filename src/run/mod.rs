//! The run: state machine, hold, signals, rollback, following a migration.
//!
//! [`driver`] does what [`engine`] decides; [`vm`] is what is known of each VM. [`follow`] watches pods and VMIs and finds
//! launchers that moved, [`launchers`] watches for their end, [`sweep`] looks after what nobody can vouch for, by a
//! [`one_shot_pod`]: a debug pod with one task. [`traces`] is what runs leave on the cluster. [`migrate`] is the run whose steps
//! are migrations, [`outage`] the one whose steps end guests and bring them back: state machines of their own.

mod agent_events;
mod delete_pods;
pub mod driver;
mod end_now;
pub mod engine;
pub mod follow;
pub mod halt;
mod launchers;
pub mod migrate;
pub mod node_probe;
pub mod one_shot_pod;
pub mod outage;
pub mod pods;
pub mod prove;
pub mod reach;
pub mod report;
pub mod signals;
pub mod sweep;
mod timer;
pub mod traces;
mod verdict;
pub mod vm;
mod vmi_changes;
mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vmi_changes_tests;
