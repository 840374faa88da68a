//! Probes that go the same way as the fault: failing them makes KubeVirt act, which is not the fault that was asked for.

use super::netem::added;
use crate::fault::{Directions, Netem, Percent, Probe, ProbeKind, Target, Time};

/// How sure it is that a probe fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fails {
    Surely,
    Perhaps,
}

/// What will happen to the probes of a VM, without its name.
pub(super) fn warnings(netem: &Netem, directions: Directions, hold: Time, target: &Target) -> Vec<String> {
    let told = |probe: &Probe| warning(netem, directions, hold, probe);
    target.probes.iter().filter_map(told).collect()
}

fn warning(netem: &Netem, directions: Directions, hold: Time, probe: &Probe) -> Option<String> {
    let fails = fails(netem, directions, probe)?;
    let until = u64::from(probe.failure_threshold.max(1)) * u64::from(probe.period_seconds.max(1));
    // Too short to fail often enough in a row.
    if hold < Time::from_millis(until.saturating_sub(u64::from(probe.period_seconds)) * 1_000) {
        return None;
    }
    let (certainty, will) = match fails {
        Fails::Surely => ("fails", "KubeVirt"),
        Fails::Perhaps => ("may fail", "if it does, KubeVirt"),
    };
    let consequence = match probe.kind {
        ProbeKind::Liveness => format!(
            "{will} restarts the VM after {} failures, some {until}s",
            probe.failure_threshold
        ),
        ProbeKind::Readiness => format!("{will} takes the VM out of its Services after some {until}s"),
    };
    Some(format!(
        "the {} probe ({}, timeout {}s) goes the same way and {certainty}: {consequence}",
        probe.kind,
        probe.action.escape_debug(),
        probe.timeout_seconds
    ))
}

fn fails(netem: &Netem, directions: Directions, probe: &Probe) -> Option<Fails> {
    // HTTP opens a connection first; a TCP probe is content with that.
    let round_trips = if probe.action.starts_with("http") { 2 } else { 1 };
    let timeout = Time::from_millis(u64::from(probe.timeout_seconds.max(1)) * 1_000);
    let ways = if directions.both() { 2 } else { 1 };
    let spread = netem.jitter.unwrap_or_default().times(ways);
    if added(netem, directions).times(round_trips) >= timeout && netem.jitter.is_none()
        || netem.loss == Some(Percent::FULL)
    {
        Some(Fails::Surely)
    } else if added(netem, directions).plus(spread).times(round_trips) >= timeout
        || netem.loss.is_some()
        || netem.corrupt.is_some()
        || netem.bandwidth.is_some()
    {
        Some(Fails::Perhaps)
    } else {
        None
    }
}
