//! The node: a short-lived privileged pod, the agent script in it, and the session that drives it.

mod attach;
pub(crate) mod feed;
pub(crate) mod pod;
pub(crate) mod pod_state;
pub mod script;
pub(crate) mod session;
pub mod verdict;
pub mod wire;
