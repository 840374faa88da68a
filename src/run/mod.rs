//! The run: state machine, hold, signals, rollback, following a migration.
//!
//! [`driver`] does what [`engine`] decides; [`vm`] is what is known of each VM. [`follow`] watches pods and VMIs and
//! finds launchers that moved, [`launchers`] watches for their end, [`sweep`] looks after what nobody can vouch for, by an [`errand`]: a debug pod with one task. [`live`] are everybody's runs as their
//! pods show them, [`lookout`] finds those, and [`in_place`] is what their Events add. [`migrate`] is the run whose steps are migrations, [`outage`] the one
//! whose steps end guests and bring them back: state machines of their own.

pub mod driver;
pub mod engine;
mod enough;
pub mod errand;
pub mod follow;
pub mod halt;
mod heard;
pub mod in_place;
mod launchers;
mod leaving;
pub mod live;
pub mod live_report;
pub mod lookout;
pub mod migrate;
mod moves;
pub mod node_probe;
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
mod words;

#[cfg(test)]
mod moves_tests;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
