//! The run: state machine, hold, signals, rollback, following a migration.
//!
//! [`driver`] does what [`engine`] decides; [`vm`] is what is known of each VM. [`follow`] watches pods and VMIs and
//! finds launchers that moved, [`launchers`] watches for their end, [`sweep`] looks after what nobody can vouch for, by a [`one_shot_pod`]: a debug pod with one task. [`live`] are everybody's runs as their
//! pods show them, [`lookout`] finds those, and [`in_place`] is what their Events add. [`migrate`] is the run whose steps are migrations, [`outage`] the one
//! whose steps end guests and bring them back: state machines of their own.

mod agent_events;
mod delete_pods;
pub mod driver;
mod end_now;
pub mod engine;
pub mod follow;
pub mod halt;
pub mod in_place;
mod launchers;
pub mod live;
pub mod live_report;
pub mod lookout;
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
pub mod uncounted;
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
