//! The node: a short-lived privileged pod, the agent script in it, and the session that drives it.

pub mod attach;
pub mod feed;
pub mod pod;
pub mod pod_state;
pub mod session;
pub mod wire;

/// The script that is the debug pod's only program. Runs under bash, dash and BusyBox's shell.
pub const AGENT: &str = include_str!("agent.sh");
