//! The run: state machine, hold, signals, rollback, following a migration.
//!
//! [`driver`] does what [`engine`] decides; [`vm`] is what is known of each VM. [`follow`] watches pods and VMIs and finds
//! launchers that moved, [`launchers`] watches for their end, [`sweep`] looks after what nobody can vouch for, by a
//! [`one_shot_pod`]: a debug pod with one task. [`traces`] is what runs leave on the cluster. [`migrate`] is the run whose steps
//! are migrations, [`outage`] the one whose steps end guests and bring them back: state machines of their own.

mod delete_pods;
pub mod halt;
pub mod machine;
pub mod moment;
pub mod node_probe;
pub mod one_shot_pod;
pub mod prove;
pub mod signals;
pub mod sweep;
pub mod trouble;
pub mod words;
