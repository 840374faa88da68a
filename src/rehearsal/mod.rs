//! rehearsal
pub mod host;
#[cfg(target_os = "linux")]
pub mod script_agent;
#[cfg(target_os = "linux")]
pub mod script_node;
