//! The node: a short-lived privileged pod, the agent script in it, and the session that drives it.
pub mod wire;
