//! What the runs of all faults share: the loop that drives a state machine, signals, the time, what went wrong, and debug pods with
//! one task.
//!
//! [`machine`] drives, [`sweep`] looks after what nobody can vouch for, by a [`one_shot_pod`]; [`node_check`] asks what a node can do.

pub(crate) mod machine;
pub(crate) mod moment;
pub(crate) mod node_check;
pub(crate) mod one_shot_pod;
pub mod signals;
pub(crate) mod sweep;
pub(crate) mod words;
