//! The agent's script, end to end, under every shell it may meet: each way a fault can end, each way it can go wrong.
#![cfg(target_os = "linux")]
// The whole crate is a test; helpers are outside of what clippy recognises as one.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "agent/decoys.rs"]
mod decoys;
#[path = "agent/double.rs"]
mod double;
#[path = "agent/double_filter.rs"]
mod double_filter;
#[path = "agent/double_kill.rs"]
mod double_kill;
#[path = "agent/double_sweep.rs"]
mod double_sweep;
#[path = "agent/endings.rs"]
mod endings;
#[path = "agent/fakes.rs"]
mod fakes;
#[path = "agent/filter_endings.rs"]
mod filter_endings;
#[path = "agent/filter_plans.rs"]
mod filter_plans;
#[path = "agent/filter_refusals.rs"]
mod filter_refusals;
#[path = "agent/filter_rig.rs"]
mod filter_rig;
#[path = "agent/filter_sweep.rs"]
mod filter_sweep;
#[path = "agent/guest_kill.rs"]
mod guest_kill;
#[path = "agent/kill_matrix.rs"]
mod kill_matrix;
#[path = "agent/kills.rs"]
mod kills;
#[path = "agent/launcher.rs"]
mod launcher;
#[path = "agent/nothing_armed.rs"]
mod nothing_armed;
#[path = "agent/probes.rs"]
mod probes;
#[path = "agent/processes.rs"]
mod processes;
#[path = "agent/read_back.rs"]
mod read_back;
#[path = "agent/real.rs"]
mod real;
#[path = "agent/real_filter.rs"]
mod real_filter;
#[path = "agent/real_filter_beside.rs"]
mod real_filter_beside;
#[path = "agent/real_probes.rs"]
mod real_probes;
#[path = "agent/refusals.rs"]
mod refusals;
#[path = "agent/rig.rs"]
mod rig;
#[path = "agent/sweep.rs"]
mod sweep;
#[path = "agent/takeover.rs"]
mod takeover;
#[path = "agent/wire.rs"]
mod wire;

/// Makes each test a test of every shell.
macro_rules! under_every_shell {
    ($($name:ident)*) => {
        mod bash { $(#[tokio::test] async fn $name() { if let Some(shell) = crate::rig::shell("bash") { super::$name(&shell).await; } })* }
        mod dash { $(#[tokio::test] async fn $name() { if let Some(shell) = crate::rig::shell("dash") { super::$name(&shell).await; } })* }
        mod busybox { $(#[tokio::test] async fn $name() { if let Some(shell) = crate::rig::shell("busybox") { super::$name(&shell).await; } })* }
    };
}
pub(crate) use under_every_shell;
