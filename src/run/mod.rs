//! What the runs of all faults share: the loop that drives a state machine, signals, the time, what went wrong, and debug pods with
//! one task.
//!
//! [`machine`] drives, [`sweep`] looks after what nobody can vouch for, by a [`one_shot_pod`]; [`node_probe`] asks what a node can do.

pub mod machine;
pub mod moment;
pub mod node_probe;
pub mod one_shot_pod;
pub mod signals;
pub mod sweep;
pub mod trouble;
pub mod words;
