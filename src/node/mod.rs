//! The node: a short-lived privileged pod, the agent script in it, and the session that drives it.

pub mod attach;
mod create;
pub mod feed;
pub mod pod;
pub mod pod_state;
pub mod script;
pub mod session;
pub mod wire;
