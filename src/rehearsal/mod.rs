//! rehearsal
pub mod double;
mod double_agent;
mod double_plan;
mod double_vm;
pub mod host;
mod qdisc;
mod qdisc_options;
#[cfg(target_os = "linux")]
pub mod script_agent;
#[cfg(target_os = "linux")]
pub mod script_node;
mod units;
